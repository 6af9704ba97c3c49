from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

import datacheck
from datacheck.config import Config
from datacheck.pipelines.fixing import source_options
from datacheck.sources import open_source
from datacheck.training.determinism import init
from datacheck.training.study import common
from datacheck.training.study.arms import ALL, RAW, design
from datacheck.training.study.lab import ArmSetup, DatasetLab
from datacheck.training.study.repairs import take_apart
from datacheck.training.study.versions import prepare_versions
from datacheck.training.train_config import TrainConfig

CODES = ("MV001", "MV002", "NM001", "SL", "LK001", "LK005", "CB001")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    settings = Config()
    data = open_source("fixtures/clinic", source_options(settings))
    plan = datacheck.audit("fixtures/clinic").plan()
    chosen = design(take_apart(plan.select(CODES).steps))
    folder = tmp_path_factory.mktemp("tables")
    found = prepare_versions(
        data, chosen, plan.steps, settings, folder, evaluation="test", found={"LK001", "LK003"}
    )
    return data, chosen, found


@pytest.fixture(scope="module")
def lab(prepared):
    _, chosen, found = prepared
    arms = {
        a.key: ArmSetup(
            found.data[a.key],
            found.loader[a.key],
            clip=a.control == "clip",
            shuffle=a.control if a.control == "placebo" else "",
        )
        for a in chosen.arms
    }
    config = TrainConfig(steps=60, lr=1e-3, evaluate_every=2, device="cpu")
    return DatasetLab(found.folder, arms, config, 32, 1.0, probe=True)


def table(lab, arm, split):
    return common.load_table(lab.folder, lab.arms[arm].data, split)


def test_all_arms_begin_with_the_same_weights(lab):
    def weights(arm, seed):
        model, _ = lab.model(lab.arms[arm])
        return torch.cat([p.flatten() for p in init(model, seed).parameters()])

    want = weights(RAW, 3)
    for arm in lab.arms:
        assert torch.equal(weights(arm, 3), want), arm
    assert not torch.equal(weights(RAW, 4), want)


def batches(lab, arm, seed):
    loader = lab.loader(lab.arms[arm], seed)
    loader.set_epoch(0)
    return [frozenset(b.rows.tolist()) for b in loader]


def test_a_dropped_row_moves_no_other(lab):
    arm = next(a for a in lab.arms if a.startswith("only") and "LK001" in a)
    gone = set(table(lab, RAW, "train").addresses()) - set(table(lab, arm, "train").addresses())
    assert len(gone) == 10
    assert batches(lab, arm, 1) == [b - gone for b in batches(lab, RAW, 1)]
    assert batches(lab, RAW, 1) != batches(lab, RAW, 2)


def test_a_placebo_has_the_same_rows_in_another_order(lab):
    one, other = batches(lab, ALL, 1), batches(lab, "placebo", 1)
    assert one != other
    assert lab.arms["placebo"].data == lab.arms[ALL].data


def test_steps_by_length_hold_about_as_many_rows(lab):
    for arm in (ALL, "only CB001", "only SL001+SL003+SL004", "only SL001+SL004"):
        if arm not in lab.arms:
            continue
        loader = lab.loader(lab.arms[arm], 0)
        rows = [sum(len(b) for b, _ in step) for step in loader.steps()]
        assert 16 <= np.mean(rows) <= 48, arm


# -- the clean evaluation set -------------------------------------------------------------------


def test_the_clean_rows_are_the_same_for_all_arms(lab):
    want = table(lab, RAW, "clean")
    labels = want.column("__y__")
    for arm in lab.arms:
        mine = table(lab, arm, "clean")
        assert np.array_equal(mine.addresses(), want.addresses()), arm
        assert np.array_equal(mine.column("__y__"), labels)


def test_clean_values_are_right_and_whole(lab):
    at = lab.encoder.numbers.index("glucose")
    x = table(lab, RAW, "clean").column("__x__")
    assert np.isfinite(x).all()
    assert 60 < np.median(x[:, at]) < 160  # mg/dL: train's unit, not that of test
    assert 3 < np.median(table(lab, RAW, "measured").column("__x__")[:, at]) < 10
    assert (x[:, lab.encoder.numbers.index("systolic_bp")] > 0).all()  # no −999


def test_clean_rows_are_new_to_train(prepared, lab):
    _, _, found = prepared
    train = Path("fixtures/clinic/train.csv").read_text(encoding="utf-8").splitlines()
    lines = Path("fixtures/clinic/test.csv").read_text(encoding="utf-8").splitlines()
    known = {line.split(",")[1] for line in train[1:]}
    rows = table(lab, RAW, "clean").addresses() & ((1 << 40) - 1)
    patients = {lines[r - 1].split(",")[1] for r in rows.tolist()}
    assert patients
    assert not patients & known
    assert "rows of patient_ids that train knows" in found.said[0]


def test_what_tells_the_label_is_blank_where_a_model_is_asked(lab):
    at = list(lab.encoder.categories).index("discharge_code")
    assert (table(lab, RAW, "clean").column("__categories__")[:, at] == 0).all()
    assert (table(lab, RAW, "measured").column("__categories__")[:, at] > 0).any()


def test_columns_that_an_arm_lacks_are_0(lab):
    at = lab.encoder.numbers.index("urea_creatinine_ratio_missing")
    assert (table(lab, RAW, "train").column("__x__")[:, at] == 0).all()
    assert table(lab, ALL, "train").column("__x__")[:, at].sum() == 1


def test_gaps_that_no_repair_fills_are_told_and_filled(prepared, lab):
    _, _, found = prepared
    at = lab.encoder.numbers.index("temperature_c")
    assert np.isfinite(table(lab, RAW, "train").column("__x__")[:, at]).all()
    assert any("temperature_c" in said for said in found.said)


# -- runs ---------------------------------------------------------------------------------------


def test_a_run_is_the_same_each_time(lab):
    one, again = lab.run(ALL, 0), lab.run(ALL, 0)
    assert json.dumps(one) == json.dumps(again)
    assert lab.run(ALL, 1)["metrics"] != one["metrics"]
    found = one["metrics"]
    assert found["NFR"] == 0
    assert all(math.isfinite(found[k]) for k in ("VLJ", "LV", "LV_probe", "clean_loss", "PW"))
    assert found["honesty_gap"] == pytest.approx(
        found["measured_score"] - found["clean_score"], abs=1e-6
    )
    assert one["seen"]["steps"] == 60
    assert len(one["curves"]["clean"]["steps"]) == 30


def test_a_run_that_is_lost_is_a_result(lab):
    lost = lab.run(RAW, 0)
    first = lost["first"]
    assert lost["metrics"] == {"NFR": (60 - first) / 60}
    assert first < 5


def test_a_trial_is_short_and_says_whether_it_is_lost(lab):
    assert lab.trial(ALL, 3)
    assert not lab.trial(RAW, 3)
    assert lab.config.steps == 60


def test_the_setup_is_told(lab):
    told = lab.describe()
    assert told["model"] == "MLP"
    assert told["parameters"] > 1000
    assert told["score"] == "balanced accuracy"
    assert 0.1 < told["reference_loss"] < 0.4  # nats, of 1 in 20


def test_spikes_lead_to_rows(lab):
    """Of a run with a planted spike: the rows of that step, the worst first."""
    from datacheck.training.run import Run
    from datacheck.training.study.measuring import _spikes

    lines = [json.dumps({"version": 1, "kind": "start"})]
    rng = np.random.default_rng(0)
    for step in range(100):
        high = step == 70
        told = {
            "kind": "step", "step": step, "epoch": 0, "loss": 1.0 + high,
            "grad_norm": (50.0 if high else 1.0) * float(np.exp(rng.normal(0, 0.1))),
            "rows": [step * 10 + i for i in range(4)], "row_loss": [0.1, 0.2, 9.0, 0.3],
        }  # fmt: skip
        lines.append(json.dumps(told))
    (one,) = _spikes(Run.from_lines(lines))
    assert one["step"] == 70
    assert one["rows"] == [702, 703, 701]
    assert one["loss"] == 2.0
