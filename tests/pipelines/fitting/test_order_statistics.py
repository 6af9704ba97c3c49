from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.pipelines.fitting import order_statistics, selection
from datacheck.pipelines.fitting.order_statistics import quantiles
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


@given(st.integers(0, 10_000), st.integers(60, 400), st.integers(1, 50), st.booleans())
def test_brackets_from_the_first_rows_give_numpys_quantiles(seed, rows, size, ordered):
    frame = drawn(seed, rows, huge=False)
    if ordered:  # then the first rows are no sample, and the answer comes in another way
        frame = frame.sort("x")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(order_statistics, "SAMPLE", 40)
        patched.setattr(order_statistics, "LEAST", 8)
        found = quantiles(blocks(frame, size), ("x", "y", "i"), AT)
        np.testing.assert_array_equal(found, direct(frame, ("x", "y", "i")))
        about = tuple(np.nan_to_num(found[:, 3]).tolist())
        spread = quantiles(blocks(frame, size), ("x", "y", "i"), (0.5,), about=about)
    away = pl.DataFrame(
        {c: np.abs(frame[c].cast(pl.Float64).to_numpy() - about[j]) for j, c in enumerate("xyi")}
    )
    np.testing.assert_array_equal(spread[:, 0], direct(away, ("x", "y", "i"))[:, 3])


def test_rows_in_random_order_are_looked_at_once():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.normal(size=30_000), "b": rng.integers(0, 4, 30_000) * 1.0})
    looks = []

    def frames(columns):
        looks.append(columns)
        return blocks(frame, 1_000)(columns)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(order_statistics, "SAMPLE", 5_000)
        found = quantiles(frames, ("a", "b"), AT)
        np.testing.assert_array_equal(found, direct(frame, ("a", "b")))
        assert looks == [("a", "b")]
        ordered = frame.sort("a")
        found = quantiles(blocks(ordered, 1_000), ("a", "b"), AT)
        np.testing.assert_array_equal(found, direct(frame, ("a", "b")))


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
