"""Where the scores of single columns begin, and their parts, held to their definitions."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacheck.checks import scores
from datacheck.checks.base import ADDRESS
from datacheck.checks.predict import Target
from datacheck.checks.stats import Z, auc, wilson
from datacheck.summaries.hashing import hash_addresses

near = pytest.approx
seeds = st.integers(0, 2**32 - 1)
EVERY = np.arange(9000, dtype=np.int64)
HALF = np.asarray(hash_addresses(EVERY) & np.uint64(1) == 0)


def target(values, classes=(), addresses=EVERY):
    values = np.asarray(values, dtype=np.float64)
    frame = pl.DataFrame({ADDRESS: addresses[: values.size]})
    return Target(frame, values, tuple(classes))


def score(x, one, **options):
    return scores.score(np.asarray(x, dtype=np.float64), one, **options)


def noisy(y, wrong, start=0):
    """The codes, with so many of them wrong from a place on."""
    code = np.array(y, dtype=np.float64)
    code[start : start + wrong] = 1 - code[start : start + wrong]
    return code


def test_three_rows_have_the_freedom_of_one():
    found = scores.rank_correlation(np.arange(3.0), np.array([0.0, 2.0, 1.0]), 1.0)
    half = math.sqrt(1 + 0.125)
    assert found.value == near(0.5)
    assert found.n == 3
    assert found.low == near(math.tanh(math.atanh(0.5) - half))
    assert found.high == near(math.tanh(math.atanh(0.5) + half))
    nothing = scores.rank_correlation(np.ones(3), np.arange(3.0), 1.0)
    assert (nothing.value, nothing.low, nothing.high) == near((0, -math.tanh(1), math.tanh(1)))


def test_both_halves_have_rows():
    y = np.arange(200) % 2
    x = np.random.default_rng(0).normal(size=200)
    for some in (EVERY[HALF], EVERY[~HALF]):
        assert score(x, target(y, "ab", some)) is None
    assert score(x, target(y, "ab")) is not None


def test_classes_have_rows_enough_where_the_column_is_known():
    y = np.repeat([0, 1, 2, 3], [100, 90, 10, 9])
    x = np.random.default_rng(0).normal(size=y.size)
    assert score(x, target(y, "abcd")).metric == "accuracy"  # the fourth is too small to count
    gone = np.where(np.arange(y.size) == 190, np.nan, x)
    assert score(gone, target(y, "abcd")) is None  # the third has 10 rows, 9 of them known
    gone = np.where(np.arange(y.size) >= 200, np.nan, x)
    assert score(gone, target(y, "abcd")) is not None
    rare = np.repeat([0, 1], [180, 9])
    assert score(x[:189], target(rare, "ab")) is None


def test_a_class_of_one_row_is_a_class():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [100, 100, 1])
    x = rng.normal(size=201)
    assert score(x, target(y, "abc")).metric == "accuracy"
    assert score(np.where(y == 2, np.nan, x), target(y, "abc")).metric == "AUC"


def test_rows_of_small_classes_may_be_one_in_twenty():
    for small, exact in (([5, 5], True), ([5, 6], False)):
        sizes = [100, 100 - sum(small), *small]
        y = np.repeat([0, 1, 2, 3], sizes)
        mixed = np.where(y >= 2, np.arange(200) % 2, y)
        found = score(mixed, target(y, "abcd"), category=True)
        assert found.exact is exact
        if exact:
            assert found.n == 190


def test_names_have_no_intervals():
    y = np.arange(200) % 2
    codes = np.where(y == 1, 500.0, 0.0) + np.arange(200)
    assert score(codes, target(y, "ab")).exact
    assert not score(codes, target(y, "ab"), category=True).exact


@pytest.mark.parametrize(
    ("x", "codes", "apart"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], True),
        ([1, 2, 2, 4], [0, 0, 1, 1], False),
        ([4, 3, 2, 1], [0, 1, 1, 2], True),
        ([1, 2, 3, 4], [0, 1, 0, 1], False),
        ([1, 2, 3], [0, 1, 0], False),
        ([5, 1, 3], [2, 0, 1], True),
    ],
)
def test_each_class_has_an_interval_to_itself(x, codes, apart):
    assert scores._apart(np.array(x, dtype=float), np.array(codes)) is apart


def is_near(y, wrong, start=0, **options):
    found = score(noisy(y, wrong, start), target(y, "ab"), category=True)
    assert not found.exact
    return found.near


def test_a_near_copy_errs_in_at_most_one_row_in_a_hundred_for_sure():
    y = np.arange(2000) % 2
    most = next(w for w in range(99) if 1 - wilson(1999 - w, 2000, 1.96)[0] > 0.01)
    assert 5 < most < 20
    assert is_near(y, most)
    assert not is_near(y, most + 1)


def test_a_near_copy_is_much_better_than_the_most_frequent_class():
    y = (np.arange(3000) < 60).astype(int)
    assert wilson(3, 60, 1.96)[1] <= 0.15 < wilson(4, 60, 1.96)[1]
    assert is_near(y, 3, 500)
    assert not is_near(y, 4, 500)
    for missed, enough in ((50, True), (49, False)):
        y = (np.arange(3000) < missed).astype(int)
        assert wilson(2, missed, 1.96)[1] < 0.15
        assert is_near(y, 2, 500) is enough


def test_a_near_copy_has_fifty_rows_a_value():
    # One value more counts: the one that was not seen.
    y = np.arange(2000) % 2
    for values, enough in ((39, True), (40, False)):
        x = noisy(y, 6) + 2 * (np.arange(2000) // 2 % (values // 2))
        if values % 2:
            x = np.where(np.arange(2000) % 1000 == 999, 777.0, x)
        assert len(set(x)) == values
        assert score(x, target(y, "ab"), category=True).near is enough
    found = scores._near(
        np.array([0, 0, 1] * 700), np.array([0, 0, 1] * 700), np.array([1400, 700]), 2
    )
    assert found is not None
    assert (found.value, found.wrong, found.missed, found.n) == (1.0, 0, 700, 2100)


@given(seeds, st.booleans())
@settings(max_examples=15)
def test_the_area_is_of_bins_or_of_the_order(seed, curved):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, 300)
    x = y + rng.normal(0, 1, 300)
    x = np.abs(x - 0.5) if curved else -x
    one = target(y, "ab")
    found = score(x, one)
    group, count = scores.bins(x, y, one.fitted, category=False)
    judge = ~one.fitted
    table = np.zeros((count, 2))
    np.add.at(table, (group[one.fitted], y[one.fitted]), 1)
    prior = np.bincount(y[one.fitted], minlength=2) / one.fitted.sum()
    told = (table + prior)[:, 1] / (table + prior).sum(axis=1)
    ways = [(*auc(told[group[judge]], y[judge] == 1), judge.sum())]
    area, low, high = auc(x, y == 1)
    ways.append((area, low, high, 300) if area >= 0.5 else (1 - area, 1 - high, 1 - low, 300))
    assert (found.value, found.low, found.high, found.n) == near(max(ways, key=lambda w: w[1]))


def test_a_number_goes_with_the_nearer_value():
    x = np.array([0.0, 10.0, 5.0, 4.99, -7.0, 99.0])
    fitted = np.array([True, True, False, False, False, False])
    group, count = scores.bins(x, np.zeros(6, dtype=np.int64), fitted, category=False)
    assert (group.tolist(), count) == ([0, 1, 1, 0, 0, 1], 2)


@given(seeds, st.integers(2, 20))
@settings(max_examples=10)
def test_bins_stand_at_quantiles_of_all_rows_and_of_the_largest_classes(seed, classes):
    rng = np.random.default_rng(seed)
    n = 1300
    x = rng.permutation(n).astype(np.float64) ** 2
    codes = np.minimum(rng.geometric(0.1, n) - 1, classes - 1)
    fitted = rng.random(n) < 0.6
    group, count = scores.bins(x, codes, fitted, category=False)
    values = np.sort(x[fitted])
    wanted = {values[max(math.ceil(k / 64 * values.size) - 1, 0)] for k in range(65)}
    sizes = np.bincount(codes[fitted])
    for k in sorted(range(sizes.size), key=lambda k: (-sizes[k], k))[:16]:
        own = np.sort(x[fitted & (codes == k)])
        if own.size:
            wanted |= {own[max(math.ceil(j / 32 * own.size) - 1, 0)] for j in range(33)}
    at = {int(np.searchsorted(values, v)) for v in wanted}
    cuts = sorted({c for a in at for c in (a, a + 1) if 0 < c < values.size})
    assert count == len(cuts) + 1
    expected = np.searchsorted(cuts, np.searchsorted(values, x[fitted]), side="right")
    assert group[fitted].tolist() == expected.tolist()


@given(st.lists(st.floats(-1e308, 1e308), min_size=1, max_size=9))
def test_scaled_numbers_lie_between_minus_one_and_one(x):
    found = scores._scaled(np.array(x))
    assert np.abs(found).max() <= 1
    assert np.isfinite(found).all()
    if len(set(x)) > 1 and np.ptp(np.array(x) / 2) > 1e-3:
        assert np.abs(found).max() == 1
        assert abs(np.median(found)) < 1e-9
        middle = np.median(np.array(x) / 2)
        off = np.array(x) / 2 - middle
        assert found == near(off / np.abs(off).max(), abs=1e-9)


def test_still_numbers_are_scaled_to_0():
    assert scores._scaled(np.full(4, 7.0)).tolist() == [0.0] * 4


@given(seeds)
@settings(max_examples=15)
def test_a_line_is_that_of_least_squares(seed):
    rng = np.random.default_rng(seed)
    x, y, fitted = rng.normal(size=40), rng.normal(size=40), rng.random(40) < 0.5
    fitted[:3] = True
    fit = np.polyfit(x[fitted], y[fitted], 1)
    assert scores._line(x, y, fitted) == near(np.polyval(fit, x))
    assert scores._line(np.ones(40), y, fitted) == near(np.full(40, y[fitted].mean()))


@pytest.mark.parametrize(("rows", "size"), [(41, 4), (2048, 4), (4096, 8)])
def test_a_curve_runs_through_the_means_of_neighbors(rows, size):
    rng = np.random.default_rng(rows)
    x, y = rng.permutation(rows).astype(float), rng.normal(size=rows)
    fitted = np.ones(rows, dtype=bool)
    order = np.argsort(x)
    parts = [order[i : i + size] for i in range(0, rows, size)]
    exact = np.interp(x, [x[p].mean() for p in parts], [y[p].mean() for p in parts])
    assert scores._curve(x, y, fitted) == near(exact)


def test_a_value_of_a_curve_is_never_divided():
    x = np.repeat([1.0, 2.0, 3.0, 9.0], [3, 3, 1, 2])
    y = np.arange(9.0)
    fitted = np.ones(9, dtype=bool)
    fitted[-1] = False
    found = scores._curve(x, y, fitted)
    # 1 and 2 begin among the first four rows, 3 and 9 among the next.
    assert found == near(np.interp(x, [1.5, 6.0], [np.mean(y[:6]), 6.5]))


def test_a_name_that_the_fitted_half_lacks_has_the_mean_of_all():
    x, y = np.array([0.0, 0.0, 1.0, 2.0, 2.0]), np.array([1.0, 5.0, 9.0, 2.0, 7.0])
    fitted = np.array([True, True, False, True, False])
    assert scores._means(x, y, fitted).tolist() == [3.0, 3.0, near(8 / 3), 2.0, 2.0]


def test_two_rows_explain():
    assert scores.explained(np.array([0.0, 1.0]), np.array([0.0, 1.0]), 2.0) == (1.0, 0.0)
    value, half = scores.explained(np.array([0.0, 2.0]), np.array([0.0, 1.0]), 2.0)
    assert (value, half) == near((0.5, 2 * 0.5 / math.sqrt(2)))


def test_many_columns_have_wider_intervals():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    x = y + rng.normal(0, 0.8, 400)
    one, many = score(x, target(y, "ab")), score(x, target(y, "ab"), tests=50)
    assert one.value == many.value
    wide = (one.value - many.low) / (one.value - one.low)
    assert wide == near(scores.critical(50) / Z, rel=1e-3)
    number = score(x, target(x + rng.normal(size=400)))
    assert number.effect(0.5).threshold == 0.5
    assert number.effect(0.5).low == number.low
