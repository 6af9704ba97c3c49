from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from datacheck.training.study.statistics import (
    DRAWS,
    holm,
    paired,
    seeds_needed,
    sign_flip,
    t_interval,
)

POSITIVE = st.floats(1e-3, 1e3)
PAIRS = st.lists(st.tuples(POSITIVE, POSITIVE), min_size=6, max_size=12)


@given(PAIRS)
def test_swapping_the_arms_inverts_the_ratio(pairs):
    a, b = zip(*pairs, strict=True)
    there, back = paired(a, b), paired(b, a)
    assert there.value == pytest.approx(1 / back.value)
    assert there.low == pytest.approx(1 / back.high)
    assert there.p == back.p


@given(PAIRS, st.floats(1e-3, 1e3))
def test_a_common_unit_does_not_matter(pairs, unit):
    a, b = zip(*pairs, strict=True)
    one = paired(a, b)
    other = paired([v * unit for v in a], [v * unit for v in b])
    assert other.value == pytest.approx(one.value)
    assert other.p == pytest.approx(one.p, abs=2 / 64)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=10))
def test_p_is_the_share_of_all_signs(whole):
    d = np.array(whole, dtype=float)
    sums = [abs(np.dot(s, d)) for s in itertools.product((-1, 1), repeat=d.size)]
    p, error = sign_flip(d)
    assert p == np.mean([s >= abs(d.sum()) for s in sums])
    assert error == 0


def test_p_beyond_16_pairs_is_drawn_with_its_error():
    d = np.random.default_rng(0).normal(0.3, 1, 24)
    p, error = sign_flip(d)
    assert sign_flip(d) == (p, error)
    exact = np.random.default_rng(9).choice([-1.0, 1.0], (400_000, 24)) @ d
    assert abs(p - np.mean(np.abs(exact) >= abs(d.sum()))) < 5 * error
    assert sign_flip(np.ones(30))[0] == 1 / (1 + DRAWS)


def test_interval_is_scipy_s():
    d = np.random.default_rng(1).normal(size=9)
    want = stats.t.interval(0.95, 8, d.mean(), stats.sem(d))
    assert t_interval(d) == pytest.approx(want)


def test_smallest_p_of_each_number_of_pairs():
    for n in (6, 10, 16):
        assert paired([2.0 + i for i in range(n)], [1.0] * n).p == 2 / 2**n


@pytest.mark.parametrize("n", range(6))
def test_few_pairs_make_no_claim(n):
    few = paired([2.0] * n, [1.0] * n)
    assert "6 are needed" in few.refused
    assert all(map(math.isnan, (few.low, few.high, few.p)))
    assert not few.calmer
    assert not few.wilder


def test_what_has_no_number_is_left_out_and_counted():
    raw = [math.nan, math.inf, 0.0, 0.0, *[2.0] * 6]
    repaired = [1.0, 1.0, 1.0, 0.0, *[1.0] * 6]
    got = paired(raw, repaired)
    assert (got.n, got.left_out) == (7, 3)  # both 0: a ratio of 1
    assert got.value == pytest.approx(2 ** (6 / 7))
    assert paired(raw[:6], repaired[:6]).refused == (
        "3 pairs, 6 are needed (3 more without a number on one side)"
    )
    rate = paired([1.0] * 6, [0.0] * 6, "difference")
    assert (rate.value, rate.low, rate.high, rate.calmer) == (1.0, 1.0, 1.0, True)


def test_lists_of_unlike_lengths():
    with pytest.raises(ValueError, match="same length"):
        paired([1.0], [1.0, 2.0])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_holm_is_statsmodels_definition(ps):
    order = sorted(range(len(ps)), key=lambda i: ps[i])
    want, most = [0.0] * len(ps), 0.0
    for rank, i in enumerate(order):
        most = max(most, min(1.0, (len(ps) - rank) * ps[i]))
        want[i] = most
    assert holm(ps) == pytest.approx(want)


def test_holm_counts_only_claims():
    got = holm([0.01, math.nan, 0.04])
    assert got[0] == 0.02
    assert math.isnan(got[1])
    assert got[2] == 0.04


def test_seeds_needed_are_enough_and_no_more():
    for claims in (1, 2, 9, 14, 30):
        n = seeds_needed(claims)
        assert claims * 2 / 2**n <= 0.05
        assert n == 6 or claims * 2 / 2 ** (n - 1) > 0.05


@pytest.mark.parametrize("draw", ["normal", "skewed", "heavy"])
@pytest.mark.parametrize("n", [6, 10])
def test_interval_of_a_placebo_holds_1(draw, n):
    """The same distribution on both sides: 2,000 studies, 93 % of the intervals hold 1."""
    rng = np.random.default_rng(n)
    shape = (2, 2000, n)
    a, b = {
        "normal": lambda: rng.normal(size=shape),
        "skewed": lambda: np.log(rng.gamma(1.5, size=shape)),
        "heavy": lambda: rng.standard_t(3, size=shape),
    }[draw]()
    held = [paired(np.exp(x), np.exp(y)) for x, y in zip(a, b, strict=True)]
    share = np.mean([e.low <= 1 <= e.high for e in held])
    assert share >= 0.93
    assert np.mean([e.p <= 0.05 for e in held]) <= 0.06
