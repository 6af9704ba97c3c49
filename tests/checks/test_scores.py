"""Scores of single columns, held to SciPy's and scikit-learn's on the rows that judge."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score

from datacheck.checks import scores
from datacheck.checks.base import ADDRESS
from datacheck.checks.predict import EACH, LEAST, Target
from datacheck.checks.stats import ALPHA, Z, wilson

near = pytest.approx
seeds = st.integers(0, 2**32 - 1)


def target(values, classes=()):
    frame = pl.DataFrame({ADDRESS: np.arange(len(values), dtype=np.int64)})
    return Target(frame, np.asarray(values, dtype=np.float64), tuple(classes))


def score(x, one, **options):
    """A score, or None."""
    return scores.score(np.asarray(x, dtype=np.float64), one, **options)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=5, max_size=60))
def test_the_rank_correlation_is_spearman_s(pairs):
    a, b = (np.array(side, dtype=np.float64) for side in zip(*pairs, strict=True))
    found = scores.rank_correlation(a, b)
    assert found.n == len(pairs)
    if len(set(a)) < 2 or len(set(b)) < 2:
        assert found.value == 0.0
        return
    rho = abs(float(scipy.stats.spearmanr(a, b).statistic))
    assert found.value == near(rho, abs=1e-9)
    half = Z * math.sqrt((1 + rho * rho / 2) / max(len(pairs) - 3, 1))
    if rho < 1 - 1e-9:
        assert math.atanh(found.low) == near(math.atanh(rho) - half, abs=1e-5)
        assert found.high == near(math.tanh(math.atanh(rho) + half), abs=1e-9)


def test_many_intervals_are_wider():
    assert scores.critical(1) == Z
    assert scores.critical(2) == near(float(scipy.stats.norm.isf(ALPHA / 4)))
    assert scores.critical(40) == near(float(scipy.stats.norm.isf(ALPHA / 80)))


def test_half_of_the_rows_judge():
    one = target(np.zeros(4000))
    assert abs(one.fitted.mean() - 0.5) < 0.05
    kept = one.take(np.arange(0, 4000, 7))
    assert (kept.fitted == one.fitted[::7]).all()
    assert kept.n == 572


@given(seeds)
@settings(max_examples=20)
def test_a_number_that_orders_two_classes(seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, 400)
    x = y + rng.normal(0, 0.8, 400)
    found = score(x, target(y, "ab"))
    assert found.metric == "AUC"
    assert found.value >= 0.7
    assert found.low < found.value <= found.high <= 1.0
    if found.n == 400:  # the order itself, over all rows
        assert found.value == near(float(roc_auc_score(y, x)))
    turned = score(-x, target(y, "ab"))
    assert (turned.n, turned.value) == (found.n, near(found.value, abs=0.05))


@given(seeds)
@settings(max_examples=20)
def test_names_are_learned_on_one_half_and_judged_on_the_other(seed):
    rng = np.random.default_rng(seed)
    names = rng.integers(0, 5, 600).astype(np.float64)
    y = np.where(rng.random(600) < 0.7, names % 3, rng.integers(0, 3, 600)).astype(np.int64)
    one = target(y, "abc")
    found = score(names, one, category=True)
    fitted, judge = one.fitted, ~one.fitted
    prior = np.bincount(y[fitted], minlength=3) / fitted.sum()
    best = [np.argmax(np.bincount(y[fitted & (names == k)], minlength=3) + prior) for k in range(5)]
    told = np.array(best)[names.astype(int)]
    exact = float(accuracy_score(y[judge], told[judge]))
    assert (found.metric, found.n) == ("accuracy", int(judge.sum()))
    assert found.value == near(exact)
    right = round(exact * judge.sum())
    assert (found.low, found.high) == near(wilson(right, judge.sum(), Z))


def test_a_name_for_each_row_cannot_look_good():
    y = np.arange(400) % 2
    found = score(np.arange(400.0), target(y, "ab"), category=True)
    assert found.metric == "AUC"
    assert found.value == near(0.5, abs=1e-9)


@given(seeds, st.sampled_from(["line", "curve", "ranks"]))
@settings(max_examples=30)
def test_numbers_are_told_by_lines_curves_or_ranks(seed, shape):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=500)
    y = {"line": 3 * x, "curve": np.cos(3 * x), "ranks": np.exp(6 * x)}[shape]
    y = y + rng.normal(size=500) * y.std() * 0.05 * (shape != "ranks")
    one = target(y)
    found = score(x, one)
    assert found.n == int((~one.fitted).sum())
    assert found.value > 0.9
    assert found.low <= found.value <= found.high <= 1.0
    assert found.metric == ("R² of the ranks" if shape == "ranks" else "R²")
    if shape == "line":
        fit = np.polyfit(x[one.fitted], y[one.fitted], 1)
        exact = r2_score(y[~one.fitted], np.polyval(fit, x[~one.fitted]))
        assert found.value == near(exact, abs=0.02)


@given(seeds)
@settings(max_examples=20)
def test_numbers_are_told_by_the_mean_of_a_name(seed):
    rng = np.random.default_rng(seed)
    names = rng.integers(0, 6, 500).astype(np.float64)
    y = names**2 + rng.normal(size=500)
    one = target(y)
    found = score(names, one, category=True)
    means = np.array([y[one.fitted & (names == k)].mean() for k in range(6)])
    judge = ~one.fitted
    assert found.value == near(float(r2_score(y[judge], means[names.astype(int)][judge])), abs=1e-9)


@given(seeds)
@settings(max_examples=20)
def test_the_share_explained_has_the_interval_of_a_ratio_of_means(seed):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=300)
    told = y + rng.normal(size=300) * 0.5
    value, half = scores.explained(y, told, 2.0)
    assert value == near(float(r2_score(y, told)))
    off, wrong = (y - y.mean()) ** 2, (y - told) ** 2
    ratio = wrong.mean() / off.mean()
    assert half == near(2 * float(np.std(wrong - ratio * off)) / off.mean() / math.sqrt(300))


def test_nothing_is_explained_of_one_row_or_of_one_value():
    for y in ([1.0], [2.0, 2.0], []):
        with np.errstate(all="ignore"):
            known = np.array(y)
            if known.size:
                assert all(map(math.isnan, scores.explained(known, known, 2.0)))


def test_too_little_is_known():
    y = np.arange(200) % 2
    x = np.random.default_rng(0).normal(size=200)
    few = np.where(np.arange(200) < 99, x, np.nan)
    assert score(few, target(y, "ab")) is None  # less than half of the rows
    assert score(np.where(np.arange(200) < 100, x, np.nan), target(y, "ab")) is not None
    short = target(y[: LEAST - 1], "ab")
    assert score(x[: LEAST - 1], short) is None
    assert score(x[:LEAST], target(y[:LEAST], "ab")) is not None
    rare = np.where(np.arange(200) < EACH - 1, 1, 0)
    assert score(x, target(rare, "ab")) is None
    assert score(x, target(np.where(np.arange(200) < EACH, 1, 0), "ab")) is not None


def test_a_column_that_tells_all_rows_apart_needs_no_interval():
    y = np.arange(2 * LEAST) % 2
    exact = score(y * 3.0 + 1, target(y, "ab"))
    assert (exact.metric, exact.exact, exact.low) == ("rows told apart", True, 1.0)
    assert not score(y[1:] * 3.0, target(y[1:], "ab")).exact  # one row less
    wide = np.where(y == 1, 100.0, 0.0) + np.arange(y.size) / 1000
    assert score(wide, target(y, "ab")).exact  # an interval of values for each class
    assert not score(np.arange(y.size) * 1.0, target(y, "ab")).exact


def test_a_near_copy_errs_in_few_rows():
    y = np.arange(2000) % 2
    code = y.astype(np.float64)
    code[:8] = 1 - code[:8]
    found = score(code, target(y, "ab"), category=True)
    assert (found.near, found.wrong, found.missed, found.n) == (True, 8, 1000, 2000)
    assert found.value == near(1 - 8 / 2000)
    low, high = wilson(1992, 2000, 1.96)
    assert (found.low, found.high) == near((low, high))
    code[:40] = 1 - y[:40]
    assert not score(code, target(y, "ab"), category=True).near


def test_values_that_the_fitted_half_lacks():
    x = np.array([0.0, 1.0, 2.0, 5.0, 9.0])
    fitted = np.array([True, True, False, True, False])
    codes = np.zeros(5, dtype=np.int64)
    group, count = scores.bins(x, codes, fitted, category=True)
    assert (group.tolist(), count) == ([0, 1, 3, 2, 3], 4)  # a name that is new: the last group
    group, count = scores.bins(x, codes, fitted, category=False)
    assert (group.tolist(), count) == ([0, 1, 1, 2, 2], 3)  # a number goes with its neighbors


def test_many_numbers_are_cut_into_bins():
    rng = np.random.default_rng(0)
    for n, cut in ((scores.GROUPS, False), (scores.GROUPS + 1, True)):
        x = rng.permutation(n).astype(np.float64)
        group, count = scores.bins(x, np.arange(n) % 2, np.ones(n, dtype=bool), category=False)
        assert (count < n) is cut
        order = np.argsort(x)
        assert (np.diff(group[order]) >= 0).all()
        assert group.max() == count - 1
        if cut:
            assert np.bincount(group).max() <= n / 60


@given(seeds)
@settings(max_examples=10)
def test_bins_are_learned_on_the_fitted_half_alone(seed):
    rng = np.random.default_rng(seed)
    n = 3 * scores.GROUPS
    x, codes, fitted = rng.normal(size=n), rng.integers(0, 3, n), rng.random(n) < 0.5
    moved = np.where(fitted, x, x * 3 - 1)
    one, count = scores.bins(x, codes, fitted, category=False)
    other, again = scores.bins(moved, codes, fitted, category=False)
    assert count == again
    assert (one[fitted] == other[fitted]).all()
