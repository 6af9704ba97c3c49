"""Distances of sorted samples, held to their definition."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks.base import NotApplicable
from datacheck.checks.quantiles import (
    POINTS,
    Sorted,
    compared,
    distance,
    distance_low,
    distance_p,
    distances,
    mean_shift,
    needs_two,
    numbers,
    sorted_sample,
)
from datacheck.dataset import Column, Dataset, Kind, Split

near = pytest.approx
values = st.lists(st.integers(-6, 6).map(float), min_size=1, max_size=40)


@given(values, values)
def test_the_distance_is_the_largest_of_the_distribution_functions(x, y):
    below = [[sum(v <= at for v in side) / len(side) for side in (x, y)] for at in x + y]
    exact = max(abs(a - b) for a, b in below)
    assert distance(np.sort(x), np.sort(y)) == near(exact)


def test_nothing_has_no_distance():
    one, none = np.ones(3), np.zeros(0)
    assert distance(one, none) == distance(none, one) == distance(none, none) == 0.0


def test_values_that_rounding_has_moved_are_the_same():
    x = np.sort(np.repeat([1.0, 2.0, 3.0], 50))
    assert distance(x, x - 1e-9) == near(1 / 3)
    assert distance(x, x - 1e-9, slack=1e-8) == distance(x, x + 1e-9, slack=1e-8) == 0.0
    assert distance(x, x + 0.5, slack=1e-8) == near(1 / 3)


@pytest.mark.parametrize("n", [POINTS, POINTS + 1, 5 * POINTS + 3])
def test_a_long_sample_is_compared_at_some_of_its_values(n):
    rng = np.random.default_rng(n)
    x, y = np.sort(rng.normal(size=n)), np.sort(rng.normal(0.3, 1.2, size=n))
    exact = float(scipy.stats.ks_2samp(x, y, method="asymp").statistic)
    found = distance(x, y)
    assert exact - 1 / POINTS - 1e-12 <= found <= exact + 1e-12
    if n == POINTS:
        assert found == near(exact)


def test_chance_is_taken_off():
    d, size = np.array([0.01, 0.2, 0.5]), np.array([50.0, 400.0, 1e6])
    root = np.sqrt(size)
    assert distance_p(d, size) == near(scipy.special.kolmogorov((root + 0.12 + 0.11 / root) * d))
    # Kolmogorov's quantile of 99 in 100 is 1.628.
    assert distance_low(d, size) == near(np.maximum(d - 1.6276 / root, 0.0), abs=1e-4)


def test_quantiles_are_order_statistics():
    table = np.array([[1.0, 5.0], [2.0, np.nan], [4.0, np.nan], [8.0, np.nan]])
    found = Sorted(("a", "b"), table, np.array([4, 1]))
    p = np.array([0.0, 0.25, 0.5, 0.99, 1.0])
    assert found.quantiles(p, ["a"])[:, 0].tolist() == [1.0, 2.0, 4.0, 8.0, 8.0]
    assert found.quantiles(p, ["b", "a"])[:, 0].tolist() == [5.0] * 5
    assert found["a"].tolist() == [1.0, 2.0, 4.0, 8.0]
    assert found["b"].tolist() == [5.0]
    assert found.quantiles(p, []).shape == (5, 0)
    empty = Sorted(("a",), np.zeros((0, 1)), np.array([0]))
    assert np.isnan(empty.quantiles(p, ["a"])).all()


@pytest.mark.parametrize("k", [4 * 1009, 5 * 777 + 1])
def test_a_long_sample_is_compared_at_1024_of_its_values(k):
    n = 5 * 1024
    x = np.arange(float(n))
    y = np.full(7, k + 0.5)  # all beyond the k + 1 least of x
    told = (k + 1) // 5 * 5 / n  # the values compared are each fifth one
    assert distance(x, y) == max(told, 1 - (k + 1) / n)
    assert distance(x[:1024], np.full(7, 800.5)) == 801 / 1024


def sampled(**frames):
    """A context with those samples, all columns numbers but those that begin with w."""
    names = list(dict.fromkeys(c for f in frames.values() for c in f.columns))
    columns = {
        c: Column(c, Kind.CATEGORY if c[0] == "w" else Kind.BOOLEAN if c[0] == "b" else Kind.NUMBER)
        for c in names
    }
    splits = {s: Split(s, [], dict.fromkeys(f.columns, Kind.NUMBER)) for s, f in frames.items()}
    data = Dataset("d", splits, columns)
    return cast(Any, SimpleNamespace(data=data, sample=lambda s: frames[s]))


def test_what_is_sorted_are_the_finite_values_of_numbers():
    inf, nan = float("inf"), float("nan")
    frame = pl.DataFrame({
        "a": [3.0, inf, 1.0, None], "w": ["x"] * 4, "b": [True, False, None, True],
        "e": [nan, -inf, nan, nan],
    })  # fmt: skip
    context = sampled(train=frame)
    found = sorted_sample(context, "train")
    assert found.columns == ("a", "b", "e")
    assert [found[c].tolist() for c in found.columns] == [[1.0, 3.0], [0.0, 1.0, 1.0], []]
    assert sorted_sample(context, "train") is found
    assert found.at(["e", "a"]).tolist() == [2, 0]
    assert numbers(context.data, "train") == ["a", "b", "e"]


def test_columns_are_compared_that_have_two_values_on_both_sides():
    def one(n):
        return [float(i) for i in range(n)] + [None] * (5 - n)

    train = pl.DataFrame({"a": one(2), "c": one(1), "d": one(5), "x": one(5)})
    test = pl.DataFrame({"d": one(1), "a": one(2), "c": one(5), "y": one(5)})
    context = sampled(train=train, test=test)
    assert compared(context, "train", "test") == ["a"]
    assert compared(context, "train", "test", least=1) == ["a", "c", "d"]
    assert compared(context, "train", "test", least=3) == []


def test_distances_come_with_the_harmonic_size():
    train = pl.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [1.0, None, 2.0, None]})
    test = pl.DataFrame({"a": [3.0, 4.0], "b": [0.0, 9.0]})
    context = sampled(train=train, test=test)
    columns, d, size = distances(context, "train", "test")
    assert columns == ["a", "b"]
    assert d.tolist() == [0.5, 0.5]
    assert size.tolist() == near([8 / 6, 1.0])
    assert distances(context, "train", "test")[1] is d


def test_what_needs_two_splits_says_so():
    one, two = pl.DataFrame({"a": [1.0]}), pl.DataFrame({"a": [2.0]})
    needs_two(sampled(train=one, test=two).data)
    for alone in (sampled(train=one), sampled(a=one, b=two)):
        with pytest.raises(NotApplicable):
            needs_two(alone.data)


def moments(x):
    return SimpleNamespace(mean=np.mean(x), var=np.var(x, ddof=1), min=min(x), max=max(x),
                           finite=len(x))  # fmt: skip


@given(st.integers(0, 10**6), st.sampled_from([2, 3, 40]), st.sampled_from([2, 5, 60]))
def test_a_shift_of_the_mean_is_glass_s_with_the_wider_variance(seed, n, m):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(1, 2, n), rng.normal(2, rng.choice([0.5, 5]), m)
    held = {"train": {"a": moments(x), "still": moments([1e30] * 3)},
            "test": {"a": moments(y), "still": moments([2.0, 3.0])}}  # fmt: skip
    context = cast(Any, SimpleNamespace(moments=lambda s: held[s]))
    found = mean_shift(context, "train", "test", ["a", "still"])
    d = (np.mean(y) - np.mean(x)) / np.std(x, ddof=1)
    spread = 1 / n + max(np.var(y, ddof=1) / np.var(x, ddof=1), 1) / m
    df = min(n, m) - 1
    z = float(scipy.stats.norm.isf(0.005))
    half = (z + (z**3 + z) / 4 / df) * np.sqrt(spread + d * d / 2 / n)
    assert found.value[0] == near(d)
    assert found.half[0] == near(half, rel=1e-4)
    assert found.p[0] == near(2 * scipy.stats.t.sf(abs(d) / np.sqrt(spread), df))
    assert found.low[0] == near(max(abs(d) - half, 0), abs=1e-3)
    assert np.isnan(found.value[1])
    assert (found.half[1], found.p[1]) == (np.inf, 1.0)


def test_one_row_has_the_freedom_of_one():
    alone = SimpleNamespace(mean=5.0, var=0.0, min=5.0, max=5.0, finite=1)
    held = {"train": {"a": moments([1.0, 3.0])}, "test": {"a": alone}}
    context = cast(Any, SimpleNamespace(moments=lambda s: held[s]))
    found = mean_shift(context, "train", "test", ["a"])
    assert found.p[0] == near(2 * scipy.stats.t.sf(3 / np.sqrt(2) / np.sqrt(1.5), 1))
