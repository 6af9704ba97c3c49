"""The figures of STABILITY.md §1: examples by hand, and laws."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from datacheck.errors import UsageError
from datacheck.training import metrics as m

LOSSES = hnp.arrays(np.float64, st.integers(30, 200), elements=st.floats(0.001, 1e4))
REFERENCES = st.floats(1e-3, 1e3)


# -- reference --------------------------------------------------------------------------------


def test_reference_by_hand():
    assert m.reference_loss(["a", "b", "a", "b"], "classification") == pytest.approx(math.log(2))
    assert m.reference_loss([[0, 0], [0, 1]], "classification") == pytest.approx(
        -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    )
    assert m.reference_loss([1.0, 3.0], "regression") == 1.0
    assert m.reference_loss([7, 7], "classification") == 0.0


@given(st.lists(st.integers(0, 5), min_size=1, max_size=200))
def test_no_constant_prediction_beats_the_reference(labels):
    counts = np.bincount(labels, minlength=6)
    reference = m.reference_loss(labels, "classification")
    assert reference <= math.log(max(1, int((counts > 0).sum()))) + 1e-9
    guess = (counts + 1) / (counts + 1).sum()  # any other distribution
    assert -(counts * np.log(guess)).sum() / counts.sum() >= reference - 1e-9
    y = np.array(labels, dtype=float)
    assert np.mean((y - y.mean() - 0.5) ** 2) >= m.reference_loss(y, "regression")


@pytest.mark.parametrize(
    ("labels", "task", "said"),
    [
        ([], "regression", "no labels"),
        ([1.0], "ranking", "no task"),
        ([math.nan, 1.0], "regression", "finite"),
    ],
)
def test_no_reference(labels, task, said):
    with pytest.raises(UsageError, match=said):
        m.reference_loss(labels, task)


# -- steps ------------------------------------------------------------------------------------


def test_non_finite_by_hand():
    assert m.non_finite([1, math.nan, 2, math.inf], [1, 1, 1, 1]) == (0.5, 1)
    assert m.non_finite([1, 2], [1, -math.inf]) == (0.5, 1)
    assert m.non_finite([1, 2]) == (0.0, None)
    rate, first = m.non_finite([])
    assert math.isnan(rate)
    assert first is None


def test_volatility_by_hand():
    """300 steps at 1 with one of 31 after the burn-in: √(30²/270) / L_ref."""
    loss = np.ones(300)
    loss[100] = 31.0
    assert m.volatility(loss, 2.0) == pytest.approx(math.sqrt(900 / 270) / 2)
    loss[10] = 1e6  # burn-in
    assert m.volatility(loss, 2.0) == pytest.approx(math.sqrt(900 / 270) / 2)
    assert math.isnan(m.volatility(np.ones(29), 1.0)), "too short to have a running median"


def test_step_noise_by_hand():
    """Δl is +1, −1, …: its median absolute deviation about 1 or −1 or 0 …"""
    loss = np.tile([0.0, 1.0], 100)
    # 90 % of 200 steps: 179 differences, 90 of them +1: the median is 1, half of |Δ−1| is 0.
    assert m.step_noise(loss, 1.0) == 0.0
    normal = np.random.default_rng(0).normal(0, 0.3, 20_000)
    assert m.step_noise(normal + 5, 2.0) == pytest.approx(0.15, rel=0.03)


@given(LOSSES, REFERENCES)
def test_twice_the_reference_halves_the_figure(loss, reference):
    for figure in (m.volatility, m.step_noise, m.validation_jitter):
        assert figure(loss, 2 * reference) == pytest.approx(
            figure(loss, reference) / 2, nan_ok=True
        )
        # … and a loss in other units, with its reference, is the same.
        assert figure(4 * loss, 4 * reference) == pytest.approx(
            figure(loss, reference), nan_ok=True
        )


@given(LOSSES, st.floats(-100, 100))
def test_a_level_is_no_noise(loss, level):
    for figure in (m.volatility, m.step_noise, m.validation_jitter):
        assert figure(loss + level, 1.0) == pytest.approx(
            figure(loss, 1.0), rel=1e-6, abs=1e-9, nan_ok=True
        )


def test_a_model_that_learns_nothing_is_not_the_calmer_one():
    """Why the run's own loss is no divisor: the same noise on a lower loss would read as worse."""
    rng = np.random.default_rng(0)
    noise = 0.05 * rng.standard_normal(500)
    idle, learning = 2.3 + noise, 2.3 * np.exp(-np.arange(500) / 100) + 0.2 + noise
    assert m.volatility(learning, 2.3) == pytest.approx(m.volatility(idle, 2.3), rel=0.2)
    assert m.volatility(learning, learning.mean()) > 2 * m.volatility(idle, idle.mean())


@pytest.mark.parametrize("reference", [0.0, -1.0, math.nan, math.inf])
def test_a_reference_has_to_be_positive(reference):
    with pytest.raises(UsageError, match="a reference loss of"):
        m.volatility(np.ones(100), reference)


@given(hnp.arrays(np.float64, st.integers(30, 200), elements=st.floats(1e-3, 1e3)))
def test_the_gradient_tail_knows_no_units(g):
    one, other = m.gradient_tail(g), m.gradient_tail(8 * g)
    assert other == pytest.approx(one, rel=1e-9)
    assert one[1] >= 1


@given(
    hnp.arrays(
        np.float64,
        st.integers(0, 60),
        elements=st.sampled_from([1.7e308, -1.7e308, 5e-324, 0.0, 1.0, math.nan, math.inf]),
    )
)
def test_runs_that_blew_up_have_figures(x):
    """Whatever numbers: no warning, no crash, no complex result."""
    for figure in (m.volatility, m.step_noise, m.validation_jitter):
        assert not figure(x, 1.0) < 0
    for pair in (m.gradient_tail, m.update_weight, m.non_finite):
        pair(x)
    assert not m.spikes(x).rate > 1
    assert not m.olmo(x) > 1


def test_the_gradient_tail_by_hand():
    g = np.ones(1000)
    g[200:1000:40] = 5.0  # 20 of the 900 after the burn-in, more than a hundredth of them
    tail, peak = m.gradient_tail(g)
    assert peak == 5.0
    assert tail == pytest.approx(5.0)
    g[20] = 1000.0  # the peak is of the whole run, the tail not of the burn-in
    tail, peak = m.gradient_tail(g)
    assert (round(tail, 9), peak) == (5.0, 1000.0)
    assert np.isnan(m.gradient_tail([0.0] * 50)).all()


def test_update_to_weight_skips_the_steps_it_was_not_measured_on():
    dense = np.full(100, 1e-3)
    sparse = np.full(1000, math.nan)
    sparse[::10] = dense
    assert m.update_weight(sparse) == m.update_weight(dense) == (1e-3, 1.0)


# -- evaluations ------------------------------------------------------------------------------


def test_validation_jitter_by_hand():
    # The second half: 2, 3, 1 with |Δ| of 1 and 2.
    assert m.validation_jitter([9, 5, 2, 3, 1], 0.5) == 3.0
    assert math.isnan(m.validation_jitter([1.0, 2.0], 1.0))
    assert m.validation_jitter([9, 5, 2, math.nan, 1, 4], 1.0) == 3.0


def test_accuracy_jitter_is_at_its_floor_when_flips_are_coins():
    """n rows, of which a few flip each time to right or wrong by chance: AJ is the floor."""
    rng = np.random.default_rng(0)
    n, flips = 2000, 100
    right = rng.random(n) < 0.5
    acc = [right.mean()]
    for _ in range(4000):
        at = rng.choice(n, flips, replace=False)
        right[at] = rng.random(flips) < 0.5
        acc.append(right.mean())
    # Of the rows that were drawn, half change.
    jitter, floor = m.accuracy_jitter(acc, flips / 2, n)
    assert floor == pytest.approx(math.sqrt(2 / math.pi) * math.sqrt(50) / 2000)
    assert jitter == pytest.approx(floor, rel=0.05)
    with pytest.raises(UsageError, match="0 rows"):
        m.accuracy_jitter([1.0], 0, 0)


def test_drawdown_by_hand():
    assert m.drawdown([0.1, 0.8, 0.7, 0.9, 0.5, 0.95]) == pytest.approx(0.4)
    assert m.drawdown([1, 2, 3]) == 0
    assert m.drawdown([0.5, math.nan, 0.25]) == 0.25
    assert math.isnan(m.drawdown([]))


@given(hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(-100, 100)))
def test_drawdown_against_all_pairs(score):
    worst = max(score[i] - score[j] for i in range(len(score)) for j in range(i, len(score)))
    assert m.drawdown(score) == worst


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=50))
def test_churn_is_a_distance(pairs):
    a, b = (np.array(x) for x in zip(*pairs, strict=True))
    assert m.churn(a, a) == 0
    assert m.churn(a, b) == m.churn(b, a) == sum(x != y for x, y in pairs) / len(pairs)
    c = np.roll(b, 1)
    assert m.churn(a, c) <= m.churn(a, b) + m.churn(b, c) + 1e-12


def test_churn_of_rows_and_of_nan():
    assert m.churn([[1, 2], [3, 4]], [[1, 2], [3, 5]]) == 0.5
    assert m.churn([math.nan, 1.0], [math.nan, 2.0]) == 0.5
    assert math.isnan(m.churn([], []))
    with pytest.raises(UsageError, match="shapes"):
        m.churn([1], [1, 2])


def test_the_interval_of_the_seeds_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(2000):
        sd, low, high = m.seed_sd(rng.normal(0.9, 0.02, 6))
        assert low < sd < high
        held += low <= 0.02 <= high
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


def test_the_interval_of_the_seeds_by_the_tables():
    """n = 10: χ² with 9 degrees has its 2.5 and 97.5 % quantiles at 2.700 and 19.023."""
    sd, low, high = m.seed_sd(np.arange(10.0))
    assert sd == pytest.approx(np.std(np.arange(10.0), ddof=1))
    assert low == pytest.approx(sd * math.sqrt(9 / 19.023), rel=1e-3)
    assert high == pytest.approx(sd * math.sqrt(9 / 2.700), rel=1e-3)
    with pytest.raises(UsageError, match="1 final scores"):
        m.seed_sd([0.9])


def test_padding_and_tokens_by_hand():
    assert m.padding_waste([30, 20], [50, 50]) == 0.5
    assert m.padding_waste(25, 100) == 0.75
    assert math.isnan(m.padding_waste([], []))
    assert m.tokens_cv([1, 3]) == 0.5
    assert m.tokens_cv([7, 7, 7]) == 0
    assert math.isnan(m.tokens_cv([0, 0]))


# -- a run ------------------------------------------------------------------------------------


@dataclass
class Frames:
    steps: pl.DataFrame
    evaluations: pl.DataFrame


def run(**changes):
    n = 200
    rng = np.random.default_rng(0)
    columns = {
        "step": range(n),
        "loss": 1 + 0.1 * rng.standard_normal(n),
        "grad_norm": np.exp(0.1 * rng.standard_normal(n)),
        "update_ratio": [1e-3 if i % 7 == 0 else None for i in range(n)],
        "tokens": rng.integers(50, 100, n),
        "padded": [100] * n,
        **changes,
    }
    steps = pl.DataFrame({k: v for k, v in columns.items() if v is not None}, strict=False)
    evaluations = pl.DataFrame(
        {
            "step": [50, 50, 100, 100, 150, 150, 200, 200],
            "split": ["val", "clean"] * 4,
            "loss": [1.0, 1.5, 0.8, 1.2, 0.9, 1.0, 0.4, 1.1],
            "score": [0.5, 0.4, 0.6, 0.5, 0.7, 0.6, 0.9, 0.55],
            "n": [100] * 8,
            "flips": [None, None, 20, 20, 16, 25, 9, 16],
        }
    )
    return Frames(steps, evaluations)


def test_a_run_in_figures():
    of = run()
    out = m.summarize(of, 2.0)
    loss, grad = of.steps["loss"].to_numpy(), of.steps["grad_norm"].to_numpy()
    assert out["NFR"] == 0
    assert out["LV"] == m.volatility(loss, 2.0)
    assert out["SN"] == m.step_noise(loss, 2.0)
    assert (out["SR_l"], out["SR_g"]) == (m.spikes(loss).rate, m.spikes(grad).rate)
    assert (out["GT"], out["G_peak"]) == m.gradient_tail(grad)
    assert out["UW"] == 1e-3
    assert math.isnan(out["UW_tail"]), "29 of them are too few for a tail"
    assert out["TCV"] == m.tokens_cv(of.steps["tokens"])
    assert out["PW"] == 1 - of.steps["tokens"].sum() / 20_000
    assert (out["loss"], out["score"]) == (1.1, 0.55), "of the clean split"
    assert out["VLJ"] == pytest.approx(0.1 / 2)
    assert out["AJ"] == pytest.approx(0.05)
    assert out["AJ_floor"] == pytest.approx(math.sqrt(2 / math.pi) * 4 / 100)
    assert out["MDD"] == pytest.approx(0.05)
    assert m.summarize(of, 2.0, split="val")["score"] == 0.9
    with pytest.raises(UsageError, match="no evaluation of 'test'"):
        m.summarize(of, 2.0, split="test")


def test_what_was_not_recorded_is_absent():
    bare = run(grad_norm=None, update_ratio=None, tokens=None, padded=[None] * 200)
    out = m.summarize(Frames(bare.steps, bare.evaluations.clear()), 1.0)
    assert sorted(out) == ["LV", "NFR", "OLMo_l", "SN", "SR_l"]
    assert m.summarize(Frames(bare.steps.clear(), bare.evaluations.clear()), 1.0) == {}


def test_a_gradient_that_was_not_measured_is_not_one_that_is_not_finite():
    grad = [1.0] * 198 + [None, math.nan]
    assert m.summarize(run(grad_norm=grad), 1.0)["NFR"] == 1 / 200
