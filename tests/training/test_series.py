"""The running median and its residuals: laws, and a second writing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from datacheck.errors import UsageError
from datacheck.training.series import (
    differences,
    mads,
    residuals,
    running_median,
    second_half,
    tail,
    window_of,
)

NUMBERS = st.floats(-1e9, 1e9)
WITH_GAPS = st.one_of(NUMBERS, st.sampled_from([math.nan, math.inf, -math.inf]))
SERIES = hnp.arrays(np.float64, st.integers(0, 120), elements=WITH_GAPS)
WIDTHS = st.integers(0, 20).map(lambda half: 2 * half + 1)


@given(SERIES, WIDTHS)
def test_the_median_of_each_window(x, width):
    half = width // 2
    expected = []
    for i in range(len(x)):
        window = x[max(0, i - half) : i + half + 1]
        window = window[np.isfinite(window)]
        expected.append(np.median(window) if window.size else math.nan)
    np.testing.assert_allclose(running_median(x, width), expected, rtol=1e-12, atol=1e-300)


@given(NUMBERS, st.integers(1, 200))
def test_a_constant_is_its_own_median(value, n):
    assert (running_median(np.full(n, value)) == value).all()


@given(hnp.arrays(np.float64, st.integers(1, 120), elements=NUMBERS), WIDTHS)
def test_time_reversed_median_reversed_and_bounded(x, width):
    out = running_median(x, width)
    assert np.array_equal(out[::-1], running_median(x[::-1], width))
    assert (x.min() <= out).all()
    assert (out <= x.max()).all()
    assert np.array_equal(-out, running_median(-x, width))


def test_the_window_is_31_at_most_a_tenth_and_odd():
    assert [window_of(n) for n in (0, 29, 30, 40, 50, 309, 310, 320, 10**6)] == [
        1, 1, 3, 3, 5, 29, 31, 31, 31,
    ]  # fmt: skip
    with pytest.raises(UsageError, match="over 4 steps"):
        running_median([1.0, 2.0], 4)


def test_long_series_are_cut_into_blocks_without_a_seam(monkeypatch):
    x = np.random.default_rng(0).standard_normal(1000)
    whole = running_median(x)
    monkeypatch.setattr("datacheck.training.series._ROWS", 7)
    assert np.array_equal(running_median(x), whole)


def test_residuals_leave_out_the_burn_in_and_short_runs():
    x = np.zeros(100)
    x[5], x[50] = 9.0, 4.0
    assert residuals(x).tolist() == [0.0] * 40 + [4.0] + [0.0] * 49
    assert residuals(np.arange(29.0)).size == 0


@given(hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e6, 1e6)))
def test_mads_shift_and_scale(x):
    assert mads(x + 8) == pytest.approx(mads(x), rel=1e-9, abs=1e-8)
    assert mads(4 * x) == 4 * mads(x)
    assert mads(-x) == mads(x)


def test_mads_by_hand():
    assert mads([1, 2, 3, 4, 100]) == pytest.approx(1.4826)  # deviations 2 1 0 1 97
    assert math.isnan(mads([math.nan]))
    normal = np.random.default_rng(0).standard_normal(100_000)
    assert mads(normal) == pytest.approx(1, abs=0.01)


def test_differences_skip_what_is_not_finite():
    assert differences(np.array([1.0, 3.0, math.nan, 4.0, 4.5])).tolist() == [2.0, 0.5]
    assert second_half(np.arange(5.0)).tolist() == [2.0, 3.0, 4.0]
    assert math.isnan(tail(np.zeros(100)))
