"""The distance of class mixes: seldom above the true one, and silent on clean splits."""

from __future__ import annotations

import numpy as np
import pytest

from datacheck.checks.balance.label_shift import compare, distance
from datacheck.checks.stats import homogeneity_p


@pytest.mark.parametrize(("k", "n", "m"), [(2, 150, 50), (10, 1_000, 300), (300, 900, 300)])
def test_the_lower_end_is_seldom_above_the_true_distance(k, n, m):
    rng = np.random.default_rng(k)
    above = 0
    for again in range(300):
        p = rng.dirichlet(np.ones(k))
        q = p if again % 2 else rng.dirichlet(np.ones(k)) * 0.2 + p * 0.8
        a, b = rng.multinomial(n, p), rng.multinomial(m, q)
        both = (a > 0) & (b > 0)
        effect = distance(a[both].astype(float), b[both].astype(float))
        here, there = p[both] / p[both].sum(), q[both] / q[both].sum()
        above += effect.low > 0.5 * np.abs(here - there).sum()
        if again % 2:
            alarm = homogeneity_p(a[both], b[both]) < 1e-4 and effect.low >= 0.05
            assert not alarm
    assert above / 300 < 0.04


def test_swapped_splits_have_the_same_distance():
    a, b = np.array([30.0, 50.0, 20.0]), np.array([20.0, 10.0, 40.0])
    there, back = distance(a, b), distance(b, a)
    assert there.value == pytest.approx(back.value)
    assert there.low == pytest.approx(back.low)
    (shape, place), p = compare(a, b)
    (shape2, place2), p2 = compare(b, a)
    assert (shape2.value, place2.value, *p2) == pytest.approx((shape.value, place.value, *p))


def test_a_large_shift_is_found_whatever_the_number_of_classes():
    rng = np.random.default_rng(0)
    p = np.full(50, 1 / 50)
    q = np.concatenate([p[:25] * 1.6, p[25:] * 0.4])
    effect = distance(*(rng.multinomial(2_000, x).astype(float) for x in (p, q)))
    assert 0.15 < effect.low < effect.value < 0.3
