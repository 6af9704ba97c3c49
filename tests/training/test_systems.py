"""The systems of the presets, as they go wrong and as they are tamed, one change at a time.

Those marked ``study`` take minutes: ``make study``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from datacheck.training import presets
from datacheck.training.ensemble import Together, fit_ensemble
from datacheck.training.loop.conducting import Trained, train
from datacheck.training.loop.evaluating import evaluate
from datacheck.training.metrics import churn, validation_jitter
from datacheck.training.samples import demos
from datacheck.training.tasks import prepare
from datacheck.training.trainer import Trainer


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Demonstrations by name, each written once."""
    written = {}

    def of(name):
        if name not in written:
            written[name] = demos.write(name, tmp_path_factory.mktemp(name) / "data")
        return written[name]

    return of


@pytest.fixture
def run(demo, tmp_path):
    """Train a form of a preset on its demonstration."""

    def go(name, form, *, model=None, seed=0, config=None, **changes) -> Trained:
        base = presets.PRESETS[name].form(form) if isinstance(form, str) else form
        options = dict(base.model) | (model or {})
        made = replace(
            base, model=options, config=replace(base.config, **(config or {})), **changes
        )
        prepared = prepare(demo(name), preset=name, form=made, seed=seed)
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        return train(prepared, replace(made.config, seed=seed), folder)

    return go


def codes(done):
    return {f.rule for f in done.report.findings}


# -- sequences of 1,000 steps ---------------------------------------------------------------------

ECHO = "encoder-decoder"
FEW = {"steps": 3, "evaluate_every": None}


@pytest.mark.parametrize("seed", [0, 1])
def test_a_thousand_steps_explode_and_the_step_is_named(run, seed):
    done = run(ECHO, "pathological", seed=seed)
    assert done.stopped is not None
    assert done.stopped.step == 0
    assert {"ST001", "ST003"} <= codes(done)
    for code in ("ST001", "ST003"):
        assert "step 0" in done.report.of(code)[0].message
    norm = done.run.steps["grad_norm"].to_list()
    assert norm == [np.inf]  # the backward pass overflows,
    assert np.isfinite(done.run.steps["loss"].to_numpy()).all()  # and the forward pass does not
    assert done.run.steps["padded"][0] == 32 * (1000 + 4)


@pytest.mark.parametrize(
    "change",
    [
        {"longest": 50},
        {"model": {"init": "orthogonal", "gain": 1.0}},
        {"model": {"cell": "gru", "init": "orthogonal", "gain": 1.0}},
        {"model": {"cell": "lstm", "init": "orthogonal", "gain": 1.0}},
    ],
    ids=["shorter sequences", "orthogonal weights", "GRU", "LSTM"],
)
def test_each_of_these_alone_keeps_it_finite(run, change):
    done = run(ECHO, "pathological", config=FEW, **change)
    assert done.stopped is None
    assert done.figures["NFR"] == 0
    assert done.run.steps["grad_norm"].max() < 1e6


def test_a_lower_rate_alone_does_not_help_where_the_gradient_itself_overflows(run):
    assert run(ECHO, "pathological", config={**FEW, "lr": 1e-5}).stopped is not None


def test_a_lower_rate_helps_where_the_step_was_too_long(run):
    """ReLU cells and everything else as torch has it: RMSprop's rate decides."""
    model = {"cell": "relu", "init": "uniform"}
    config = {**FEW, "optimizer": "rmsprop"}
    high = run(ECHO, "pathological", model=model, config={**config, "lr": 1e-2})
    low = run(ECHO, "pathological", model=model, config={**config, "lr": 1e-4})
    assert high.stopped is not None
    assert high.stopped.step == 1
    assert "ST001" in codes(high)
    assert low.stopped is None


def test_clipping_keeps_the_step_short_and_the_norm_is_recorded_as_it_was(run):
    model = {"gain": 1.6}
    bare = run(ECHO, "pathological", model=model, config=FEW)
    clipped = run(ECHO, "pathological", model=model, config={**FEW, "clip": "norm", "clip_at": 5.0})
    first = [d.run.steps["grad_norm"][0] for d in (bare, clipped)]
    assert first[0] == first[1] > 1e6
    moved = [d.run.steps["update_ratio"][0] for d in (bare, clipped)]
    assert moved[0] > 1e3
    assert moved[1] < 0.5
    assert clipped.run.steps["clipped"][0]


# -- depth ----------------------------------------------------------------------------------------

DEEP = {"width": 32, "depth": 16, "dropout": 0.0}
FULL = {"steps": 200, "optimizer": "sgd", "lr": 0.05, "weight_decay": 0.0, "warmup": 0,
        "schedule": "constant", "evaluate_every": 200}  # fmt: skip


@pytest.mark.parametrize(
    ("model", "vanishes"),
    [
        ({"activation": "sigmoid", "residual": False}, True),
        ({"activation": "silu", "residual": True}, False),
        pytest.param({"activation": "tanh", "residual": False, "depth": 24}, True,
                     marks=pytest.mark.study),
        pytest.param({"activation": "elu", "residual": True}, False, marks=pytest.mark.study),
    ],
    ids=["sigmoid", "silu and residual", "tanh", "elu and residual"],
)  # fmt: skip
@pytest.mark.parametrize("batch", [32, 400], ids=["small batches", "all rows"])
def test_deep_networks_vanish_unless_there_is_a_way_around(run, model, vanishes, batch):
    """In small batches the last layer's noise hides it in the norm of all gradients."""
    done = run("table", "tamed", model={**DEEP, **model}, config=FULL, batch=batch)
    assert ("ST004" in codes(done)) is vanishes
    level = done.figures["loss"] / done.prepared.reference
    assert level > 0.95 if vanishes else level < 0.5


# -- the presets train ----------------------------------------------------------------------------


@pytest.mark.study
@pytest.mark.parametrize(
    ("name", "level", "score"),
    [
        ("table", 0.25, 0.94),
        ("averaging", 0.25, 0.90),
        ("image-classifier", 0.15, 0.95),
        ("decoder", 0.92, 0.18),
        ("encoder-decoder", 0.75, 0.40),
    ],
)
def test_every_tamed_preset_learns(run, name, level, score):
    done = run(name, "tamed")
    assert done.stopped is None
    assert done.figures["NFR"] == 0
    assert done.figures["loss"] < level * done.prepared.reference
    assert done.figures["score"] > score
    assert not {"ST001", "ST003", "ST004", "ST005"} & codes(done)
    assert not done.prepared.findings


@pytest.mark.study
def test_the_loss_of_a_decoder_is_calmer_without_junk(run):
    """One change, paired by seed: the same batches but for the rows that are junk."""
    short = {"steps": 120, "evaluate_every": 120}
    ratios = []
    for seed in range(3):
        kept, left = (
            run("decoder", "pathological", seed=seed, junk=junk, config=short)
            for junk in (True, False)
        )
        ratios.append(kept.figures["LV"] / left.figures["LV"])
        assert abs(kept.figures["loss"] / left.figures["loss"] - 1) < 0.1
    assert min(ratios) > 1.3, ratios


@pytest.mark.study
def test_one_transform_for_all_splits_repairs_what_the_audit_found(run):
    wrong = run("image-classifier", "pathological")
    right = run("image-classifier", "pathological", prepared=True)  # nothing else changes
    assert {f.rule for f in wrong.prepared.findings} == {"NM004"}
    assert not right.prepared.findings
    assert right.figures["score"] > wrong.figures["score"] + 0.1
    assert right.figures["VLJ"] < wrong.figures["VLJ"] / 2


@pytest.mark.study
def test_averages_are_calmer(demo):
    """Churn from seed to seed: of an ensemble less than of one; jitter: of EMA less than raw."""
    base = presets.AVERAGING.pathological
    config = replace(base.config, steps=200, lr=0.05, ema=0.98)
    prepared = prepare(demo("averaging"), preset="averaging", form=replace(base, batch=16))
    split = prepared.evaluation["test"]
    alone, together = [], []
    for pair in range(2):
        fitted = Trainer(prepared.model(10 * pair), prepared.objective, config).fit(
            prepared.train, prepared.evaluation
        )
        alone.append(evaluate(fitted.model, prepared.objective, split).predicted)
        curves = {
            weights: fitted.evaluations.filter(weights=weights)["loss"].to_numpy()
            for weights in ("model", "ema")
        }
        jitter = {k: validation_jitter(v, prepared.reference) for k, v in curves.items()}
        assert jitter["ema"] < jitter["model"]
        seeds = range(10 * pair, 10 * pair + 5)
        both = fit_ensemble(
            prepared.make, prepared.objective, prepared.train, seeds=seeds, config=config
        )
        judged = evaluate(both.model, Together(prepared.objective), split)
        together.append(judged.predicted)
    assert churn(*together) < 0.8 * churn(*alone)
