"""MV004: the difference of two shares with Newcombe's interval, and which columns are told."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.checks.missing.missingness_shift import MissingnessShift, _Pair
from datacheck.checks.stats import newcombe
from datacheck.errors import UsageError


def audit(train, test, **options):
    frames = {}
    for split, (n, lost) in (("train", train), ("test", test)):
        rng = np.random.default_rng(n)
        columns = {}
        for c, k in lost.items():
            x = rng.normal(size=n)
            x[:k] = np.nan
            columns[c] = x
        frames[split] = pl.DataFrame({**columns, "label": [i % 2 for i in range(n)]})
    chosen = {"label": "label", "select": ["MV004"], "rules": {"MV004": options}}
    return datacheck.audit(frames, settings=chosen).findings


def test_a_shift_is_told_with_its_shares():
    lost = {"a": 40, "b": 0, "c": 7, "d": 100}
    (one,) = audit((800, lost), (400, {"a": 120, "b": 0, "c": 3, "d": 150}))
    assert one.message == (
        "the share of missing values of 2 of 4 features differs between train and test: "
        "a (5.0% → 30.0%), d (12.5% → 37.5%)"
    )
    assert (one.columns, one.count, one.total, one.unit) == (("a", "d"), 2, 4, "columns")
    assert one.effect is not None
    low, high = newcombe(40, 800, 120, 400)
    assert (one.effect.value, one.effect.low, one.effect.high) == (
        pytest.approx(0.25), low, high
    )  # fmt: skip
    assert one.evidence["missing"] == {
        "a": {"train": 40, "test": 120},
        "d": {"train": 100, "test": 150},
    }


def test_the_lower_end_reaches_the_least_difference():
    low = newcombe(40, 800, 120, 400)[0]
    both = (800, {"a": 40}), (400, {"a": 120})
    assert audit(*both, min_difference=low)
    assert not audit(*both, min_difference=math.nextafter(low, 1))


def test_chance_is_held_over_the_columns_that_may_differ():
    """p = 1.6e-5 is too much for nine columns; complete ones are no tests."""
    lost, more = {"a": 10}, {"a": 40}
    complete = {f"x{j}": 0 for j in range(8)}
    assert audit((800, lost), (800, more), min_difference=0.001)
    assert audit((800, {**lost, **complete}), (800, {**more, **complete}), min_difference=0.001)
    half = {f"x{j}": 1 for j in range(8)}
    assert not audit((800, {**lost, **half}), (800, {**more, **complete}), min_difference=0.001)
    assert not audit((800, {**lost, **complete}), (800, {**more, **half}), min_difference=0.001)


def test_the_interval_of_a_difference_without_its_sign():
    def interval(k1, k2):
        return _Pair("x", "train", "test", k1, 400, k2, 400).interval

    low, high = newcombe(20, 400, 120, 400)
    assert interval(20, 120) == (low, high)
    assert interval(120, 20) == pytest.approx((low, high))
    for k1, k2 in ((20, 24), (24, 20), (20, 20)):
        low, high = newcombe(k1, 400, k2, 400)
        assert interval(k1, k2) == (0.0, max(-low, high))
    assert _Pair("x", "train", "test", 20, 400, 24, 200).difference == pytest.approx(0.07)


@pytest.mark.parametrize("bad", [0.0, 1.0])
def test_the_least_difference_is_a_share(bad):
    with pytest.raises(UsageError, match="share"):
        MissingnessShift(min_difference=bad)
