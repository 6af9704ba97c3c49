from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from datacheck.errors import UsageError
from datacheck.training.causes.odds import adjusted, fisher, odds

COUNTS = st.integers(0, 60)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_swapping_the_kinds_of_batches_inverts_the_odds(a, b, c, d):
    one, other = odds(a, b, c, d), odds(c, d, a, b)
    assert one.ratio == pytest.approx(1 / other.ratio)
    assert one.low == pytest.approx(1 / other.high if other.high else math.inf)
    assert one.p == pytest.approx(other.p)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_transposing_changes_nothing(a, b, c, d):
    one, other = odds(a, b, c, d), odds(a, c, b, d)
    assert (one.ratio, one.low, one.high) == pytest.approx((other.ratio, other.low, other.high))
    assert one.p == pytest.approx(other.p)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_the_interval_holds_the_ratio(a, b, c, d):
    got = odds(a, b, c, d)
    assert got.low <= got.ratio <= got.high
    assert 0 <= got.p <= 1


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_fisher_is_that_of_scipy(a, b, c, d):
    theirs = scipy.stats.fisher_exact(np.array([[a, b], [c, d]])).pvalue
    assert fisher(a, b, c, d) == pytest.approx(theirs, rel=1e-6, abs=1e-12)


def test_a_table_without_a_margin_says_nothing():
    got = odds(0, 4, 0, 540)
    assert (got.ratio, got.low, got.high, got.p) == (1, 0, math.inf, 1)


def test_the_ratio_of_a_table_by_hand():
    got = odds(8, 2, 1, 5)
    assert got.ratio == pytest.approx(8.5 * 5.5 / (2.5 * 1.5))
    half = 1.959964 * math.sqrt(1 / 8.5 + 1 / 2.5 + 1 / 1.5 + 1 / 5.5)
    assert got.high == pytest.approx(got.ratio * math.exp(half), rel=1e-6)
    assert got.p == pytest.approx(0.034965, abs=1e-6)


def test_of_many_batches():
    assert fisher(40, 960, 300, 998_700) < 1e-30


def test_negative_counts_are_refused():
    with pytest.raises(UsageError, match="counts"):
        odds(1, -1, 2, 3)


@given(st.lists(st.floats(0, 1), max_size=30))
def test_adjusting_is_that_of_scipy(p):
    if p:
        theirs = scipy.stats.false_discovery_control(p)
        assert np.allclose(adjusted(p), theirs)
    else:
        assert adjusted(p).size == 0


def test_the_interval_covers():
    """Of 2,000 simulated tables at a true ratio of 4 the interval holds it in 95 %."""
    rng = np.random.default_rng(0)
    p0 = 0.1
    p1 = 4 * p0 / (1 - p0 + 4 * p0)
    a, c = rng.binomial(30, p1, 2000), rng.binomial(400, p0, 2000)
    held = [
        (got := odds(int(x), 30 - int(x), int(y), 400 - int(y))).low <= 4 <= got.high
        for x, y in zip(a, c, strict=True)
    ]
    assert 0.94 <= np.mean(held) <= 0.985
