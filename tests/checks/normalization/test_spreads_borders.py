"""From which figures on two spreads differ, to the last digit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks.normalization.spreads import _near, _spread, spreads_differ


def two_values(n, spread=1.0):
    """As many of either; the kurtosis is 1, so that the standard error of the spread is 0."""
    return np.repeat([-spread, spread], n // 2)


@given(st.integers(4, 400), st.integers(4, 400))
def test_what_is_of_second_order_is_five_rows_of_each_sample(n, m):
    x, y = two_values(2 * n), two_values(2 * m)
    border = 5 / (2 * n) + 5 / (2 * m)
    if border < 0.69:  # within reach of the other sample
        assert not spreads_differ(x, y * math.exp(border - 1e-9))
        assert spreads_differ(x, y * math.exp(border + 1e-9))


def test_a_factor_that_is_just_the_one_asked_for_does_not_count():
    x = two_values(1000)
    assert not spreads_differ(x, 2 * x, math.log(2))
    assert spreads_differ(x, 2 * x, math.nextafter(math.log(2), 0))


@given(st.integers(1, 30), st.integers(0, 9), st.booleans())
def test_an_eighth_of_a_sample_are_outliers_at_most(eights, more, below):
    n, out = 8 * eights, eights
    x = np.linspace(0.0, 1.0, n + more)
    far = 1.5 + np.arange(1, out + 1) / 100
    inside = x[: n + more - out]
    one = np.concatenate([1 - far[::-1], inside] if below else [inside, far])
    other = np.array([0.0, 1.0])
    assert _near(one, other).tolist() == inside.tolist()
    many = np.concatenate([one[:1] - 1, one] if below else [one, one[-1:] + 1])
    if out + 1 > (n + more + 1) / 8:
        assert _near(many, other) is many


def test_half_a_range_beyond_the_other_sample_is_not_far():
    x = np.array([-0.5, *np.linspace(0, 1, 30), 1.5])
    assert _near(x, np.array([0.0, 1.0])).tolist() == x.tolist()
    for end, place in ((0, -0.5 - 1e-9), (-1, 1.5 + 1e-9)):
        one = x.copy()
        one[end] = place
        assert _near(one, np.array([0.0, 1.0])).size == x.size - 1


def test_what_rounding_leaves_is_no_spread():
    x = np.array([-1.0, 1.0])
    assert _spread(x * 1e-12) == (0.0, 0.0)
    assert _spread(x * 1e-12 * (1 + 1e-9))[0] > 0.9e-12


def test_the_largest_number_of_all_is_the_unit():
    x = np.sort(np.random.default_rng(0).normal(size=300))
    for far in (1e200, 1e300):  # of which the square is no number
        assert spreads_differ(x * far, 2 * x * far)
        assert spreads_differ(x / far, 2 * x / far)
    x -= x[0]
    assert spreads_differ(x, 2 * x)  # though the smallest number is 0
    assert not spreads_differ(x + 1e14, 2 * x + 1e14)  # of what is left, rounding may be most


@pytest.mark.parametrize("rows", [1, 2, 50])
def test_zeros_have_no_spread(rows):
    assert not spreads_differ(np.zeros(rows), np.zeros(50))
