"""Distances of sorted samples, held to their definition."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks.quantiles import POINTS, Sorted, distance, distance_low, distance_p

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
