"""A shift of missing values: never by chance, and the same in either direction."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck


def audit(train: pl.DataFrame, test: pl.DataFrame) -> list[datacheck.Finding]:
    settings_ = {"label": "label", "select": ["MV004"]}
    return list(datacheck.audit({"train": train, "test": test}, settings=settings_).findings)


def frame(r: np.random.Generator, n: int, shares: list[float]) -> pl.DataFrame:
    x = r.normal(size=(n, len(shares)))
    x[r.random(x.shape) < np.asarray(shares)] = np.nan
    columns = {f"x{i}": x[:, i] for i in range(len(shares))}
    return pl.DataFrame({**columns, "label": r.integers(0, 2, n)})


@pytest.mark.parametrize("seed", range(30))
def test_random_splits_do_not_differ(seed):
    r = np.random.default_rng(seed)
    whole = frame(r, int(r.choice([80, 400, 3000])), [0.001, 0.01, 0.1, 0.3, 0.5, 0.9, 0.99] * 6)
    cut = whole.height // int(r.choice([2, 4, 10]))
    assert audit(whole[cut:], whole[:cut]) == []


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_shift_is_the_same_either_way(seed):
    r = np.random.default_rng(seed)
    a, b = frame(r, 800, [0.02, 0.2]), frame(r, 400, [0.3, 0.2])
    (one,), (two,) = audit(a, b), audit(b, a)
    assert one.columns == two.columns == ("x0",)
    assert one.effect is not None
    assert two.effect is not None
    assert one.effect.value == two.effect.value
    assert abs(one.effect.low - two.effect.low) < 1e-12
