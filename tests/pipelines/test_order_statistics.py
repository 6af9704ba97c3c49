from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.pipelines import selection
from datacheck.pipelines.order_statistics import quantiles
from tests.pipelines.transforms.frames import blocks, drawn

AT = (0.0, 0.1, 0.25, 0.5, 0.731, 1.0)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def direct(frame: pl.DataFrame, columns: tuple[str, ...]) -> np.ndarray:
    out = np.full((len(columns), len(AT)), np.nan)
    for j, c in enumerate(columns):
        x = frame[c].cast(pl.Float64).drop_nulls().to_numpy()
        x = x[np.isfinite(x)]
        if x.size:
            with np.errstate(over="ignore", invalid="ignore"):
                out[j] = np.quantile(x, AT)
    return out


@given(st.integers(0, 10_000), st.integers(0, 60), st.integers(1, 30), st.integers(0, 3))
def test_any_budget_gives_numpys_quantiles(seed, rows, size, step):
    frame = drawn(seed, rows, huge=False)
    budget = (1 << 30, 2_000_000, 100, 0)[step]
    found = quantiles(blocks(frame, size), ("x", "y", "i"), AT, budget=budget)
    np.testing.assert_array_equal(found, direct(frame, ("x", "y", "i")))


@pytest.mark.parametrize("budget", [1 << 30, 1 << 21, 1 << 14, 0])
def test_long_columns_with_ties_and_wide_ranges(budget):
    rng = np.random.default_rng(1)
    n = 20_000
    frame = pl.DataFrame(
        {
            "normal": rng.normal(size=n),
            "few": rng.integers(0, 3, n) * 1.0,
            "same": np.full(n, 7.25),
            "narrow": 1e9 + rng.random(n) * 1e-6,
            "wide": rng.lognormal(sigma=200, size=n) * rng.choice([-1, 1], n),
        }
    )
    columns = tuple(frame.columns)
    found = quantiles(blocks(frame, 3_000), columns, AT, budget=budget)
    np.testing.assert_array_equal(found, direct(frame, columns))
    about = found[:, 3]
    spread = quantiles(blocks(frame, 3_000), columns, (0.5,), about=about.tolist(), budget=budget)
    away = pl.DataFrame({c: np.abs(frame[c].to_numpy() - about[j]) for j, c in enumerate(columns)})
    np.testing.assert_array_equal(spread[:, 0], direct(away, columns)[:, 3])


def test_the_largest_floats_do_not_overflow():
    frame = pl.DataFrame({"x": [-1.7e308, 1.7e308]})
    assert quantiles(blocks(frame, 1), ("x",), (0.5,))[0, 0] == 0.0


def test_without_values_nan_and_without_columns_nothing():
    frame = pl.DataFrame({"x": [None, float("nan"), float("inf")]})
    assert np.isnan(quantiles(blocks(frame, 2), ("x",), (0.5,))).all()
    assert quantiles(blocks(frame, 2), (), (0.5,)).shape == (0, 1)


@given(st.lists(FLOATS, min_size=2, max_size=30))
def test_the_image_keeps_the_order_and_goes_back(values):
    x = np.array(values) + 0.0
    bits = selection.image(x)
    order = np.argsort(bits, kind="stable")
    assert (np.diff(x[order]) >= 0).all()
    np.testing.assert_array_equal(selection.original(bits), x)
