"""What length shift says of clean splits, and that it says the same both ways."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from datacheck.checks.lengths.length_shift import compare
from datacheck.checks.stats import auc, ks
from datacheck.summaries.lengths import Histogram


def histogram(values: Any) -> Histogram:
    lengths, counts = np.unique(values, return_counts=True)
    return Histogram(lengths, counts, 0)


def test_the_figures_are_those_of_the_raw_lengths_and_symmetric():
    rng = np.random.default_rng(0)
    a, b = rng.poisson(9, 300), rng.poisson(12, 120)
    (shape, place), p = compare(histogram(a), histogram(b))
    assert shape.value == pytest.approx(ks(a.astype(float), b.astype(float))[0])
    area = auc(np.concatenate([a, b]).astype(float), np.arange(420) >= 300)[0]
    assert place.value == pytest.approx(abs(area - 0.5))
    (shape2, place2), p2 = compare(histogram(b), histogram(a))
    assert (shape2.value, place2.low) == pytest.approx((shape.value, place.low))
    assert p2 == pytest.approx(p)


def test_clean_splits_raise_no_alarm():
    rng = np.random.default_rng(1)
    for again in range(900):
        tail, few = np.exp(rng.normal(2, 1.5, 200)), rng.poisson(3, 200)
        drawn = (tail, few, rng.choice([5, 500], 200))
        lengths = drawn[again % 3].astype(np.int64)
        effects, p = compare(histogram(lengths[:150]), histogram(lengths[150:]))
        assert not any(e.low >= 0.05 and x < 1e-4 for e, x in zip(effects, p, strict=True))
