"""Spike rate and mass: against a slow second writing, laws, and the claims of STABILITY.md §1.3."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from datacheck.training.spiking import (
    FLOOR,
    LEAST,
    LIMIT,
    TO_SIGMA,
    WINDOW,
    SpikeWatch,
    burn_in,
    olmo,
    spikes,
)

POSITIVE = st.floats(1e-6, 1e6)
ANY = st.one_of(POSITIVE, st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -1.0]))
SERIES = hnp.arrays(np.float64, st.integers(0, 300), elements=ANY)


def slowly(x):
    """The definition written again: the whole window is gathered and sorted at each step."""
    kept: list[float] = []
    z: list[float] = []
    row = 0
    for value in x:
        if not math.isfinite(value):
            z.append(math.inf)
            row += 1
            continue
        if value <= 0:
            z.append(math.nan)
            continue
        window = np.array(kept[-WINDOW:])
        if len(window) < LEAST:
            z.append(math.nan)
        else:
            center = np.median(window)
            spread = TO_SIGMA * np.median(np.abs(window - center))
            z.append((math.log(value) - center) / max(spread, FLOOR))
        row = row + 1 if z[-1] > LIMIT else 0
        if row in (1, 2):
            continue
        kept.append(math.log(value))
    return np.array(z)


@given(SERIES)
def test_the_fast_window_is_the_slow_one(x):
    np.testing.assert_allclose(spikes(x).z, slowly(x), rtol=1e-12)


@given(SERIES)
def test_batch_is_incremental(x):
    watch = SpikeWatch()
    assert np.array_equal(np.array([watch.push(v) for v in x]), spikes(x).z, equal_nan=True)


@given(SERIES, st.integers(0, 300))
def test_a_step_knows_nothing_of_what_comes_after(x, cut):
    assert np.array_equal(spikes(x[:cut]).z, spikes(x).z[:cut], equal_nan=True)


@given(SERIES, st.integers(-20, 20))
def test_a_constant_factor_changes_nothing(x, power):
    # A power of two, so that only the logarithm rounds; no z lies so near the limit.
    one, other = spikes(x), spikes(x * 2.0**power)
    near = np.abs(one.z - LIMIT) < 1e-9
    if near.any():
        return
    assert np.array_equal(one.mask, other.mask)
    assert other.rate == one.rate or (math.isnan(one.rate) and math.isnan(other.rate))
    assert other.mass == pytest.approx(one.mass, rel=1e-6)


@given(hnp.arrays(np.float64, st.integers(20, 200), elements=POSITIVE))
def test_rate_and_mass_are_those_of_the_mask(x):
    found = spikes(x)
    late = found.mask[burn_in(len(x)) :]
    assert found.rate == late.mean()
    assert found.mass >= 0
    assert (found.mass > 0) == bool(late.any())


def test_a_spike_by_hand():
    """64 times 1, then 2: log 2 / 0.05 = 13.9 floors away; mass 2/1 − 1."""
    found = spikes([*[1.0] * 64, 2.0, 1.0])
    assert found.z[64] == pytest.approx(math.log(2) / FLOOR)
    assert found.mask.tolist() == [False] * 64 + [True, False]
    assert found.rate == 1 / 60  # 66 steps, 6 of them burn-in
    assert found.mass == pytest.approx(1.0)


def test_a_lasting_change_is_two_spikes_and_then_slowly_a_level():
    flagged = np.flatnonzero(spikes([*[1.0] * 64, *[3.0] * 200]).mask)
    assert flagged[0] == 64
    assert flagged.tolist() == list(range(64, 64 + len(flagged)))
    assert 30 < len(flagged) < 40  # half the window of 64, and the two that were withheld


def test_not_finite_is_a_spike_from_the_first_step_and_never_kept():
    found = spikes([math.nan, *[1.0] * 40, math.inf, 1.0])
    assert found.mask[0]
    assert found.mask[41]
    assert found.mask.sum() == 2
    assert found.mass == 0  # nothing finite
    assert math.isnan(spikes([]).rate)


def healthy(kind, n, rng):
    fall = 0.1 + 2.3 * np.exp(-5 * np.arange(n) / n)
    return {
        "normal": lambda: np.exp(0.3 * rng.standard_normal(n)),
        "gamma": lambda: rng.gamma(4, 1, n),
        "falling": lambda: fall * np.exp(0.2 * rng.standard_normal(n)),
        "stairs": lambda: np.exp(0.2 * rng.standard_normal(n)) * 0.3 ** (np.arange(n) // (n // 3)),
    }[kind]()


@pytest.mark.parametrize("kind", ["normal", "gamma", "falling", "stairs"])
@pytest.mark.parametrize("n", [100, 1000])
def test_healthy_runs_have_next_to_no_spikes(kind, n):
    rng = np.random.default_rng(0)
    rates = [spikes(healthy(kind, n, rng)).rate for _ in range(60)]
    assert np.mean(rates) < 0.001
    assert np.mean(np.array(rates) > 0) <= 0.05


@pytest.mark.parametrize("share", [0.005, 0.02, 0.05, 0.1, 0.275])
def test_planted_spikes_are_counted_whatever_their_share(share):
    """One bad row in a hundred hits 1 − 0.99³² = 27.5 % of the batches of 32."""
    assert pytest.approx(0.275, abs=5e-4) == 1 - 0.99**32
    rng = np.random.default_rng(1)
    hit = rng.random(4000) < share
    x = np.exp(0.2 * rng.standard_normal(4000)) * np.where(hit, 50, 1)
    assert spikes(x).rate == pytest.approx(hit[400:].mean(), abs=0.003)


@pytest.mark.parametrize("k", [3, 6])
@pytest.mark.parametrize("height", [10, 1e3, 1e6])
def test_mean_and_deviation_go_blind_at_the_stated_share(k, height):
    """Two levels, a share p of them high: the high ones lie √((1−p)/p) deviations above the mean,
    which is k at p = 1/(1 + k²), whatever their height.
    """
    for p, seen in ((0.9 / (1 + k**2), True), (1.1 / (1 + k**2), False)):
        high = round(p * 100_000)
        x = np.concatenate([np.full(high, height), np.ones(100_000 - high)])
        assert (height > x.mean() + k * x.std()) == seen


def test_the_olmo_score_is_blind_where_ours_is_not():
    rng = np.random.default_rng(2)
    for share, least in ((0.005, 0.9), (0.275, 0.0)):
        hit = rng.random(5000) < share
        x = np.exp(0.1 * rng.standard_normal(5000)) * np.where(hit, 50, 1)
        true = hit[500:].mean()
        assert spikes(x).rate == pytest.approx(true, abs=0.003)
        assert olmo(x) >= least * true
        if share > 1 / (1 + 6**2):
            assert olmo(x) < 0.1 * true


@given(SERIES, st.integers(1, 40))
def test_the_olmo_score_as_a_loop(x, power):
    x = x * 2.0**-power
    hits = []
    for t in range(burn_in(len(x)), len(x)):
        window = x[max(0, t - 128) : t]
        window = window[np.isfinite(window)]
        enough = len(window) >= LEAST
        beyond = enough and x[t] > window.mean() + 6 * window.std() + 1e-9 * abs(window.mean())
        hits.append(beyond or not np.isfinite(x[t]))
    assert olmo(x) == pytest.approx(np.mean(hits) if hits else math.nan, nan_ok=True)


def test_a_constant_has_no_spikes():
    assert olmo(np.full(1000, 0.1)) == 0
    assert spikes(np.full(1000, 0.1)).rate == 0
