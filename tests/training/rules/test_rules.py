"""One battery over the rules of training: silent on healthy runs, and each finds its fault."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter

import numpy as np
import polars as pl
import pytest

from datacheck.checks.codes import TABLE
from datacheck.config import Config
from datacheck.findings import MAX_EXAMPLES, Severity, Status
from datacheck.training.judging import judge
from datacheck.training.rules.base import RunRule
from datacheck.training.run import Run
from tests.checks.test_battery import HEADINGS
from tests.training.rules.planted import KINDS, changed, guilty, healthy, recorded

CODES = {c.code: c for c in TABLE if c.judges == "run"}
SEEDS = 12
every_rule = pytest.mark.parametrize("code", sorted(CODES))


def found(run, code, **more):
    """The one finding of that rule."""
    report = judge(run, **more)
    assert not [o for o in report.outcomes if o.status is Status.FAILED], report.outcomes
    findings = report.of(code)
    assert len(findings) == 1, report
    return findings[0]


def with_evaluations(run, losses, scores=None):
    evaluations = run.evaluations.with_columns(
        pl.Series("loss", losses, dtype=pl.Float64),
        pl.Series("score", scores or [None] * len(losses), dtype=pl.Float64),
    )
    return dataclasses.replace(run, evaluations=evaluations)


def with_dead(run, layer, share):
    dead = run.dead.with_columns(
        pl.when(pl.col("layer") == layer).then(pl.lit(share)).otherwise("share").alias("share")
    )
    return dataclasses.replace(run, dead=dead)


def planted(code, seed):
    """A healthy run, and one fault in it."""
    rng = np.random.default_rng(seed)
    run = healthy(("sgd", "adam", "cosine", "plateau")[seed % 4], seed)
    loss, norm = run.steps["loss"].to_numpy().copy(), run.steps["grad_norm"].to_numpy().copy()
    n = len(loss)
    t = np.arange(n)
    if code == "ST001":
        at = int(rng.integers(0, n))
        loss[at:] = math.nan
        return changed(run, loss=loss)
    if code == "ST002":
        hit = (rng.random(n) < 0.03) & (t >= n // 10)
        return guilty(run, hit, float(rng.uniform(8, 100)))
    if code == "ST003":
        hit = rng.choice(np.arange(n // 10, n), 20, replace=False)
        norm[hit] *= rng.uniform(200, 1e4)
        return changed(run, grad_norm=norm)
    if code == "ST004" and seed % 2:
        ends = pl.when(pl.col("layer") == "in").then(10 ** -rng.uniform(4, 12)).otherwise(1.0)
        layers = run.layers.with_columns(grad_norm=pl.col("grad_norm") * ends)
        stays = changed(run, loss=2.3 * np.exp(rng.normal(0, 0.05, n)))
        return dataclasses.replace(stays, layers=layers)
    if code == "ST004":
        norm *= np.exp(-np.minimum(t, 40) / 40 * rng.uniform(9, 14))
        return changed(run, grad_norm=norm, loss=2.3 * np.exp(rng.normal(0, 0.05, n)))
    if code == "ST005":
        turn = int(rng.integers(n // 3, n * 3 // 4))
        return changed(run, loss=np.where(t < turn, loss, 4.6 * loss / loss.min()))
    if code == "ST006":
        return with_dead(run, "relu2", float(rng.uniform(0.6, 1)))
    if code == "ST007" and seed % 2:
        ratio = run.steps["update_ratio"].to_list()
        ratio[0] = float(rng.uniform(1.2, 10))
        return changed(run, update_ratio=ratio)
    if code == "ST007":
        return changed(run, update_ratio=[0.3 if i % 7 == 0 else None for i in range(n)])
    if code == "ST008":
        course = 0.5 + 0.05 * np.abs(np.arange(20) - 6) * rng.uniform(1.5, 4)
        return with_evaluations(run, course + rng.normal(0, 0.02, 20), [0.8] * 20)
    assert code == "ST009"
    return changed(run, clipped=(rng.random(n) < 0.98).tolist())


@every_rule
def test_has_a_page_with_all_headings(code):
    page = CODES[code].page()
    assert page.startswith(f"# {CODES[code].name} ({code})\n")
    assert [line[3:] for line in page.splitlines() if line.startswith("## ")] == HEADINGS
    rule = CODES[code].load()
    assert issubclass(rule, RunRule)
    assert rule.why
    for option in dataclasses.fields(rule):
        default = getattr(rule(), option.name)
        assert f"`{option.name}` ({default})" in page, f"{option.name} = {default} is not told"


@pytest.fixture(scope="module")
def alarms():
    """What the rules say of healthy runs, by kind and rule."""
    out: Counter[tuple[str, str]] = Counter()
    for kind in KINDS:
        for seed in range(100, 100 + SEEDS):
            report = judge(healthy(kind, seed))
            assert {o.status for o in report.outcomes} <= {Status.CLEAN, Status.FOUND}
            out.update((kind, f.rule) for f in report.findings)
    return out


@every_rule
def test_is_silent_on_healthy_runs(code, alarms):
    """At most a few in a hundred, of any kind; none on most."""
    by_kind = {kind: alarms[kind, code] for kind in KINDS}
    assert sum(by_kind.values()) <= 0.02 * SEEDS * len(KINDS), by_kind
    assert max(by_kind.values()) <= 1, by_kind


@every_rule
def test_finds_its_fault(code):
    alone = Config(select=(code,))
    missed = [s for s in range(SEEDS) if not judge(planted(code, s), config=alone).of(code)]
    assert not missed


@every_rule
def test_a_finding_is_complete(code):
    report = judge(planted(code, 1))
    finding = report.of(code)[0]
    assert 0 < finding.count <= finding.total
    assert finding.unit != "rows"
    assert finding.why
    assert finding.effect is not None
    low, value, high = finding.effect.low, finding.effect.value, finding.effect.high
    assert math.isfinite(low + value + high)
    assert low <= value <= high
    bound = high if code == "ST004" else -low
    assert bound <= (finding.effect.threshold if code == "ST004" else -finding.effect.threshold)
    assert "step" in finding.message or "clipped" in finding.message
    assert len(finding.examples) <= MAX_EXAMPLES
    plain = json.loads(report.to_json())["findings"]
    assert None not in [v for f in plain for v in f["effect"].values()]


def degenerate():
    """Runs that are hardly runs."""
    base = healthy("sgd", 0)
    n = base.steps.height
    yield "empty", Run({}, base.steps.clear(), base.evaluations.clear(), base.dead.clear())
    for height in (1, 2, 19, 20, 31):
        yield f"{height} steps", Run(base.meta, base.steps.head(height), base.evaluations.head(1))
    for name, value in (
        ("zeros", 0.0),
        ("negative", -1.0),
        ("constant", 1.0),
        ("nan", math.nan),
        ("infinite", math.inf),
        ("huge", 1.7e308),
        ("tiny", 5e-324),
    ):
        for meta in ({}, {"reference": 0.0}, {"reference": "x", "max_norm": "y"}):
            run = changed(base, loss=[value] * n, grad_norm=[value] * n, update_ratio=[value] * n)
            evaluated = with_evaluations(run, [value] * 20)
            yield f"{name} {meta}", Run(meta, run.steps, evaluated.evaluations, run.dead)
    mixed = np.resize([1.7e308, 5e-324, math.nan, 0.0, -1e300], n)
    yield "mixed", changed(base, loss=mixed, grad_norm=mixed[::-1])
    yield "no rows", changed(base, rows=[[]] * n, row_loss=[[]] * n)
    yield "rows without losses", changed(base, row_loss=[None] * n, loss=mixed)
    yield "no epochs", changed(base, epoch=[None] * n, loss=mixed)


@pytest.mark.parametrize(("name", "run"), list(degenerate()))
def test_every_rule_survives(name, run):
    report = judge(run)
    assert not [o for o in report.outcomes if o.status is Status.FAILED], report.outcomes
    assert {o.rule for o in report.outcomes} == set(CODES)
    report.to_json()
    repr(report)


def test_what_was_not_recorded_is_not_judged():
    n = 200
    report = judge(recorded({"loss": np.ones(n)}))
    assert {o.rule: o.reason for o in report.not_checked} == {
        "ST003": "no gradient norm was recorded",
        "ST004": "no gradient norm was recorded",
        "ST006": "no shares of dead or saturated units were recorded",
        "ST007": "no update-to-weight ratio was recorded",
        "ST008": "no split was evaluated 6 times or more",
        "ST009": "no clipping was recorded",
    }


# -- one by one -------------------------------------------------------------------------------


def test_st001_names_step_layer_and_the_rows_that_are_not_finite():
    run = healthy("sgd", 3)
    n = run.steps.height
    loss = run.steps["loss"].to_numpy().copy()
    loss[812] = math.nan
    losses = run.steps["row_loss"].to_list()
    rows = run.steps["rows"].to_list()
    losses[812][5] = math.nan
    layers: list[str | None] = [None] * n
    layers[812] = "2.weight"
    bad = changed(run, loss=loss, row_loss=losses, layer=layers)
    finding = found(bad, "ST001", locate=lambda row: f"train/a.csv:{row}")
    assert finding.severity is Severity.ERROR
    assert finding.message.startswith(
        "the loss is NaN at step 812 (epoch 16), in 2.weight; 1 of 1,000 steps is not finite"
    )
    assert finding.examples[0].addresses == (f"train/a.csv:{rows[812][5]}",)
    assert finding.examples[0].values == {"step": 812, "share of the loss": 1.0}
    assert finding.evidence["suspects"] == [f"train/a.csv:{rows[812][5]}"]
    assert finding.evidence["recovers"]


def test_st001_can_be_told_that_a_few_are_expected():
    from datacheck.config import Config

    norm = np.ones(100)
    norm[:3] = math.inf
    run = recorded({"loss": np.ones(100), "grad_norm": norm})
    assert found(run, "ST001").message.startswith("the gradient norm is infinite at step 0")
    config = Config(rules={"ST001": {"allowed": 3}})
    assert not judge(run, config=config).of("ST001")
    config = Config(rules={"ST001": {"allowed": 2, "severity": "info"}})
    assert judge(run, config=config).of("ST001")[0].severity is Severity.INFO


def test_st002_says_where_how_bad_which_rows_and_who_had_named_them():
    run = guilty(healthy("adam", 5), [300, 500, 700, 900], 40.0, row=4711)
    named = []

    def known(rows):
        named.extend(rows.tolist())
        return {"NM005": 1, "LK001": 0}

    finding = found(run, "ST002", named=known)
    assert finding.count == 4
    assert sorted(finding.evidence["steps"]) == [300, 500, 700, 900]
    assert named == [4711], "each suspect once"
    assert finding.evidence["suspects"] == ["4711"]
    assert finding.evidence["named"] == {"NM005": 1}
    known_by = "; of the 1 row that stands out, already named by rules: NM005 1; cause: data ("
    assert known_by in finding.message
    assert finding.examples[0].addresses == ("4711",)
    assert finding.examples[0].values["share of the loss"] > 0.9
    unnamed = found(run, "ST002", named=lambda rows: {})
    assert "; no rule had named any of the rows that stand out; cause" in unnamed.message


def test_st002_blames_no_row_where_the_whole_batch_is_at_fault():
    """As with a learning rate that is too high: the loss of every row rises."""
    run = healthy("adam", 6)
    loss, losses = run.steps["loss"].to_numpy().copy(), run.steps["row_loss"].to_list()
    for at in (300, 500, 700, 900):
        losses[at] = [30 * loss[at]] * len(losses[at])
        loss[at] *= 30
    finding = found(changed(run, loss=loss, row_loss=losses), "ST002", named=lambda rows: {})
    assert "suspects" not in finding.evidence
    assert "no rule had" not in finding.message
    assert len(finding.examples) == 5, "the batches are shown all the same"


def test_st002_a_jump_that_is_nothing_to_the_reference_is_no_spike():
    rng = np.random.default_rng(0)
    loss = 1e-4 * np.exp(rng.normal(0, 0.1, 500))
    loss[[200, 300]] = 0.1
    assert not judge(recorded({"loss": loss})).of("ST002")
    assert judge(recorded({"loss": loss}, reference=0.5)).of("ST002")


def test_st003_tells_a_gradient_that_overflows_at_the_first_step():
    finding = found(recorded({"loss": [2.3], "grad_norm": [np.inf]}), "ST003")
    assert "infinite at step 0" in finding.message
    assert not judge(recorded({"loss": [2.3], "grad_norm": [np.nan]})).of("ST003")


def test_st003_tells_overflow_growth_and_bursts_apart():
    n = 400
    norm = np.exp(np.random.default_rng(0).normal(0, 0.2, n))
    loss = np.full(n, 2.3)
    burst = norm.copy()
    burst[[100, 200]] *= 1000
    finding = found(recorded({"loss": loss, "grad_norm": burst}), "ST003")
    assert finding.count == 2
    assert (finding.evidence["bursts"], finding.evidence["growth"]) == (2, None)
    over = norm.copy()
    over[3:] = math.inf
    over[4:] = math.nan
    finding = found(recorded({"loss": loss, "grad_norm": over}), "ST003")
    assert (
        finding.message
        == "the gradient norm explodes: infinite at step 3 (epoch 0) (1 of 400 steps)"
    )
    grown = norm * np.exp(np.arange(n) / n * math.log(1e5))
    finding = found(recorded({"loss": loss, "grad_norm": grown}), "ST003")
    assert finding.evidence["growth"] > 1e3
    falling = np.linspace(2.3, 0.1, n)
    assert not judge(recorded({"loss": falling, "grad_norm": grown})).of("ST003")


def test_st003_a_gradient_that_had_nearly_died_and_comes_back_is_no_explosion():
    norm = np.ones(600)
    norm[100:] = 1e-5
    norm[[300, 500]] = 1.0
    run = recorded({"loss": np.linspace(2.3, 0.01, 600), "grad_norm": norm})
    assert not judge(run).of("ST003")


def test_st004_a_gradient_that_vanishes_because_all_is_learned_is_none():
    norm = np.exp(-np.arange(500) / 20)
    stuck = recorded({"loss": np.full(500, 2.3), "grad_norm": norm})
    assert "since step 1" in found(stuck, "ST004").message
    learned = recorded({"loss": 2.3 * norm, "grad_norm": norm})
    assert not judge(learned).of("ST004")


def test_st004_weights_that_do_not_move():
    n = 200
    ratio = [1e-9 if i % 5 == 0 else None for i in range(n)]
    run = recorded({"loss": np.full(n, 2.3), "grad_norm": np.full(n, 1e-6), "update_ratio": ratio})
    assert found(run, "ST004").effect.metric == "update_to_weight"


def test_st004_first_layers_that_get_nothing_while_the_norm_looks_healthy():
    run = planted("ST004", 1)
    finding = found(run, "ST004")
    assert finding.effect.metric == "first_layers_over_last"
    assert finding.message.startswith("the first layers get ")
    old = dataclasses.replace(run, layers=run.layers.clear())
    assert not judge(old).of("ST004"), "the norm of all does not tell"
    few = dataclasses.replace(run, layers=run.layers.filter(pl.col("layer").is_in(["in", "out"])))
    assert not judge(few).of("ST004"), "two layers have no first third"
    lost = run.layers.with_columns(grad_norm=pl.lit(None, pl.Float64))
    assert not judge(dataclasses.replace(run, layers=lost)).of("ST004")


def test_st005_short_runs_that_ended_in_nan():
    run = recorded({"loss": [2.3, 51, 8e4, 3e9, *[math.nan] * 200]})
    finding = found(run, "ST005")
    assert finding.message == (
        "the loss rises from 2.3 to 3e+09 within 4 steps, from step 2 (epoch 0) on"
    )


def test_st005_says_since_when():
    rng = np.random.default_rng(0)
    loss = np.where(np.arange(1000) < 600, 0.5, 3.0) * np.exp(rng.normal(0, 0.1, 1000))
    finding = found(recorded({"loss": loss}), "ST005")
    assert finding.evidence["since"] == 600
    assert finding.count == 400


def test_st006_puts_layers_into_one_finding():
    run = with_dead(with_dead(healthy("sgd", 0), "relu1", 0.7), "relu2", 0.95)
    finding = found(run, "ST006")
    assert (finding.count, finding.total, finding.unit) == (2, 2, "layers")
    assert list(finding.evidence["shares"]) == ["relu2", "relu1"]


def test_st008_is_about_its_split_and_tells_the_score():
    run = with_evaluations(
        healthy("sgd", 0), [*np.linspace(2, 0.5, 8), *np.linspace(0.5, 1.5, 12)],
        [*np.linspace(0.1, 0.8, 8), *np.linspace(0.8, 0.82, 12)],
    )  # fmt: skip
    finding = found(run, "ST008")
    assert finding.splits == ("val",)
    assert "its score goes from 0.8 to 0.82" in finding.message
    assert finding.evidence["best_loss"] == 0.5
    train = Run(
        run.meta, run.steps, run.evaluations.with_columns(split=pl.lit("train")), run.dead, True
    )
    assert not judge(train).of("ST008")


def test_st008_leaves_a_rise_of_both_losses_to_divergence():
    run = with_evaluations(healthy("sgd", 0), [*np.linspace(2, 0.5, 8), *np.linspace(0.5, 9, 12)])
    loss = np.where(np.arange(1000) < 400, 0.5, 4.0)
    report = judge(changed(run, loss=loss))
    assert not report.of("ST008")
    assert report.of("ST005")


def test_st009_tells_the_limit_and_the_usual_norm():
    n = 500
    run = recorded(
        {"loss": np.ones(n), "grad_norm": np.full(n, 14.0), "clipped": [True] * n}, max_norm=1.0
    )
    assert found(run, "ST009").message == (
        "450 of 450 steps are clipped at 1, the median norm is 14"
    )
    half = changed(run, clipped=[i % 2 == 0 for i in range(n)])
    assert not judge(half).of("ST009")
