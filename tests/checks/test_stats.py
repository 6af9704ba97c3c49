"""The statistics that rules judge with, held to SciPy's, scikit-learn's and their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks import stats
from datacheck.checks.stats import ALPHA, Z

near = pytest.approx
counts = st.integers(1, 2000)
vectors = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=8)


@st.composite
def shares(draw):
    n = draw(counts)
    return draw(st.integers(0, n)), n


@given(shares())
def test_the_interval_of_a_share_is_wilson_s(share):
    k, n = share
    level = 1 - 2 * float(scipy.stats.norm.sf(Z))
    exact = scipy.stats.binomtest(k, n).proportion_ci(level, method="wilson")
    assert stats.wilson(k, n) == near(tuple(exact), abs=1e-9)
    low, high = stats.wilson(k, n, 1.96)
    assert -1e-12 <= low - 1e-12 <= k / n <= high + 1e-12
    assert 0 <= low <= high <= 1
    assert stats.wilson(n - k, n, 1.96) == near((1 - high, 1 - low), abs=1e-12)


def test_nothing_is_known_of_no_rows():
    assert stats.wilson(0, 0) == (0.0, 1.0)
    assert stats.newcombe(0, 0, 1, 2) == stats.newcombe(1, 2, 0, 0) == (-1.0, 1.0)
    assert stats.two_proportions_p(0, 0, 1, 2) == stats.two_proportions_p(1, 2, 0, 0) == 1.0
    assert stats.homogeneity_p(np.zeros(2), np.ones(2)) == 1.0
    assert stats.total_variation(np.zeros(2), np.ones(2)) == (0.0, 0.0, 1.0)
    assert stats.ks(np.zeros(0), np.ones(2)) == stats.ks(np.ones(2), np.zeros(0)) == (0.0, 0.0, 1.0)
    assert stats.ks_p(0.5, 0, 3) == stats.ks_p(0.5, 3, 0) == 1.0


def test_z_is_the_quantile_of_alpha():
    assert pytest.approx(float(scipy.stats.norm.isf(ALPHA / 2)), abs=1e-4) == Z


@given(shares(), shares())
def test_the_interval_of_a_difference_is_newcombe_s(one, two):
    p1, p2 = one[0] / one[1], two[0] / two[1]
    (l1, u1), (l2, u2) = stats.wilson(*one), stats.wilson(*two)
    low, high = stats.newcombe(*one, *two)
    assert low == near(p2 - p1 - math.sqrt((p2 - l2) ** 2 + (u1 - p1) ** 2), abs=1e-12)
    assert high == near(p2 - p1 + math.sqrt((u2 - p2) ** 2 + (p1 - l1) ** 2), abs=1e-12)
    assert stats.newcombe(*two, *one) == near((-high, -low), abs=1e-12)


def test_the_interval_of_a_difference_in_newcombe_s_own_example():
    # Newcombe 1998, table II, (a) 56/70 − 48/80, method 10.
    assert stats.newcombe(48, 80, 56, 70, 1.959964) == near((0.0524, 0.3339), abs=5e-5)


@given(shares(), shares())
def test_two_shares_are_compared_as_by_chi_squared(one, two):
    table = np.array([[one[0], one[1] - one[0]], [two[0], two[1] - two[0]]])
    if (table.sum(axis=0) == 0).any():
        assert stats.two_proportions_p(*one, *two) == 1.0
        return
    exact = scipy.stats.chi2_contingency(table, correction=False)
    assert stats.two_proportions_p(*one, *two) == near(float(exact.pvalue), abs=1e-9)


@given(st.floats(-9, 9))
def test_the_upper_tail_is_that_of_the_normal(z):
    assert float(stats.normal_sf(z)) == near(float(scipy.stats.norm.sf(z)), rel=1e-9)


@given(st.integers(-2, 60), st.floats(0.01, 50), st.integers(1, 50), st.floats(0.001, 1))
def test_tails_of_counts_are_scipy_s(k, mean, n, p):
    assert stats.poisson_sf(k, mean) == near(float(scipy.stats.poisson.sf(k - 1, mean)), abs=1e-12)
    assert stats.binomial_sf(k, n, p) == near(float(scipy.stats.binom.sf(k - 1, n, p)), abs=1e-12)


def test_tails_at_their_ends():
    assert [stats.poisson_sf(k, 0.0) for k in (0, 1)] == [1.0, 0.0]
    assert [stats.binomial_sf(k, 3, 0.0) for k in (0, 1)] == [1.0, 0.0]
    assert [stats.binomial_sf(k, 3, 1.0) for k in (0, 3, 4)] == [1.0, 1.0, 0.0]


@given(st.lists(st.floats(0, 1), max_size=12), st.sampled_from([0.01, 0.05, 0.3]))
def test_false_discoveries_are_held_as_by_scipy(p, q):
    found = stats.benjamini_hochberg(p, q)
    assert found.shape == (len(p),)
    if p:
        adjusted = scipy.stats.false_discovery_control(p)
        clear = np.abs(adjusted - q) > 1e-9
        assert (found == (adjusted <= q))[clear].all()


def test_a_p_at_its_very_bound_is_rejected():
    found = stats.benjamini_hochberg([0.05, 0.025, 0.9, 1.0], 0.1)
    assert found.tolist() == [True, True, False, False]
    assert stats.benjamini_hochberg([ALPHA]).tolist() == [True]
    assert stats.benjamini_hochberg([2 * ALPHA]).tolist() == [False]


def test_a_difference_of_means_in_deviations_of_train():
    d, low, high = stats.smd(1.0, 4.0, 50, 2.0, 9.0, 80)
    se = math.sqrt(1 / 50 + 9 / 4 / 80 + 0.25 / 100)
    assert (d, low, high) == near((0.5, 0.5 - Z * se, 0.5 + Z * se))
    for unknown in ((0, 0.0, 9, 1, 1.0, 9), (0, 1.0, 1, 1, 1.0, 9), (0, 1.0, 9, 1, 1.0, 1)):
        assert all(map(math.isnan, stats.smd(*unknown)))
    assert stats.smd(0, 1.0, 2, 1, 1.0, 2)[0] == 1.0


values = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=40)


@given(values, values)
def test_the_distance_of_two_samples_is_kolmogorov_s(x, y):
    d, low, high = stats.ks(np.array(x), np.array(y))
    below = [[sum(v <= at for v in side) / len(side) for side in (x, y)] for at in x + y]
    assert d == near(max(abs(a - b) for a, b in below))
    eps = sum(math.sqrt(math.log(4 / ALPHA) / 2 / len(v)) for v in (x, y))
    assert (low, high) == near((max(0, d - eps), min(1, d + eps)))


def test_the_p_of_a_distance_is_that_of_its_limit():
    for d, n, m in ((0.1, 200, 300), (0.3, 40, 50), (0.02, 5000, 5000)):
        effective = math.sqrt(n * m / (n + m))
        exact = scipy.special.kolmogorov((effective + 0.12 + 0.11 / effective) * d)
        assert stats.ks_p(d, n, m) == near(float(exact), rel=1e-9)
        assert stats.ks_p(d, n, m) == stats.ks_p(d, m, n)


@given(vectors)
def test_total_variation_takes_off_what_chance_gives(pairs):
    a, b = (np.array(side) for side in zip(*pairs, strict=True))
    d, low, high = stats.total_variation(a, b)
    if not a.sum() or not b.sum():
        assert (d, low, high) == (0.0, 0.0, 1.0)
        return
    p, q, n, m = a / a.sum(), b / b.sum(), a.sum(), b.sum()
    assert d == near(sum(abs(x - y) for x, y in zip(p, q, strict=True)) / 2)
    both = (a + b) / (n + m)
    bias = sum(math.sqrt(2 / math.pi * s * (1 - s) * (1 / n + 1 / m)) for s in both) / 2
    slack = math.sqrt(math.log(2 / ALPHA) * (1 / n + 1 / m) / 2)
    assert (low, high) == near((max(0, d - bias - slack), min(1, d + slack)))


@given(vectors)
def test_count_vectors_are_compared_as_by_pearson(pairs):
    a, b = (np.array(side) for side in zip(*pairs, strict=True))
    kept = (a + b) > 0
    if not a.sum() or not b.sum() or kept.sum() < 2:
        assert stats.homogeneity_p(a, b) == 1.0
        return
    exact = scipy.stats.chi2_contingency(np.array([a[kept], b[kept]]), correction=False)
    assert stats.homogeneity_p(a, b) == near(float(exact.pvalue), abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 6).map(float), st.booleans()), min_size=1, max_size=60))
def test_the_area_under_the_curve_is_the_share_of_pairs_in_order(rows):
    score, positive = np.array([s for s, _ in rows]), np.array([p for _, p in rows])
    area, low, high = stats.auc(score, positive)
    one, none = score[positive], score[~positive]
    if not one.size or not none.size:
        assert (area, low, high) == (0.5, 0.0, 1.0)
        return
    off = one[:, None] - none[None, :]
    assert area == near(float(((off > 0) + 0.5 * (off == 0)).mean()))
    half = stats.auc_half(area, one.size, none.size)
    assert (low, high) == near((max(0, area - half), min(1, area + half)))
    assert stats.auc(-score, positive)[0] == near(1 - area)


def test_the_error_of_an_area_is_hanley_s():
    # Hanley & McNeil 1982: area 0.893, 51 abnormal and 58 normal images, standard error 0.032.
    assert stats.auc_half(0.893, 51, 58, 3.0) / 3.0 == near(0.032, abs=6e-4)
    assert stats.auc_half(1.0, 500, 200) == near(-math.log(ALPHA) / 400)


@given(st.lists(st.integers(0, 5).map(float), min_size=1, max_size=40))
def test_ties_share_their_mean_rank(x):
    assert stats.midranks(np.array(x)).tolist() == scipy.stats.rankdata(x).tolist()


@given(st.lists(st.integers(0, 50), max_size=9))
def test_entropy_is_shannon_s(n):
    exact = float(scipy.stats.entropy(n)) if sum(n) else 0.0
    assert stats.entropy(np.array(n)) == near(exact, abs=1e-12)


def test_shares_that_rounding_has_made_more_than_one_or_less_than_none():
    assert stats.binomial_sf(3, 3, 1 + 1e-9) == 1.0
    assert stats.binomial_sf(1, 1, 0.25) == 0.25


def test_one_row_is_not_none():
    assert stats.total_variation(np.array([1, 0]), np.array([0, 1]))[0] == 1.0
    assert stats.total_variation(np.array([0.5, 0]), np.array([0, 0.5]))[0] == 1.0
    one, five = np.array([1, 0, 0]), np.array([0, 5, 0])
    exact = scipy.stats.chi2_contingency([[1, 0], [0, 5]], correction=False)
    assert stats.homogeneity_p(one, five) == near(exact.pvalue) == stats.homogeneity_p(five, one)
    assert stats.homogeneity_p(np.ones(2), np.zeros(2)) == 1.0
    assert stats.ks_p(1.0, 0, 0) == 1.0
    area = stats.auc(np.array([1.0, 2.0]), np.array([True, False]))
    assert area == (0.0, 0.0, 1.0)


def test_the_interval_of_a_distance_of_long_samples():
    x, y = np.zeros(3000), np.repeat([0.0, 1.0], 2000)
    d, low, high = stats.ks(x, y)
    eps = math.sqrt(math.log(4e4) / 6000) + math.sqrt(math.log(4e4) / 8000)
    assert (d, low, high) == near((0.5, 0.5 - eps, 0.5 + eps))
    a, b = np.array([9000, 3000]), np.array([3000, 9000])
    d, low, high = stats.total_variation(a, b)
    bias = 0.5 * 2 * math.sqrt(2 / math.pi / 4 / 6000)
    slack = math.sqrt(math.log(2e4) / 2 / 6000)
    assert (d, low, high) == near((0.5, 0.5 - bias - slack, 0.5 + slack))


def test_the_error_of_an_area_in_full():
    # Hanley & McNeil 1982: Q1 = A/(2 - A) = 3/5 and Q2 = 2A²/(1 + A) = 9/14 at A = 3/4.
    var = (3 / 16 + 299 * (3 / 5 - 9 / 16) + 99 * (9 / 14 - 9 / 16)) / 30_000
    assert stats.auc_half(0.75, 300, 100) == near(Z * math.sqrt(var), rel=1e-12)
    assert stats.auc_half(0.0, 300, 100) == near(math.log(1e4) / 200)
