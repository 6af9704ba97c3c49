"""Faults of scale and distribution (NM): units, affine maps, shifts, outliers, new categories.

Each is called ``fault(train, test, label, severity, rng)``, as told in the package's docstring.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from datacheck.testing.faults.cells import SITES
from datacheck.testing.faults.planting import Plant, Planted, at, planted, whole
from datacheck.testing.faults.tools import add, deviation, least, mask, mean, numbers, one, some


def _mapped(name: str, change: Callable[[pl.Expr, pl.DataFrame, str], pl.Expr]) -> Plant:
    """A fault that maps a share of the features of test."""

    def plant(
        train: pl.DataFrame,
        test: pl.DataFrame,
        label: str,
        severity: float,
        rng: np.random.Generator,
    ) -> Planted:
        columns = [c for c in numbers(train, label) if train[c].n_unique() > 10]
        chosen = some(columns or numbers(train, label), severity, rng)
        turned = test.with_columns(
            change(pl.col(c).cast(pl.Float64), train, c).alias(c) for c in chosen
        )
        return planted(train, turned, at("test", np.arange(test.height), *chosen))

    plant.__name__ = plant.__qualname__ = name
    told = name.replace("_", " ").removesuffix(" test")
    plant.__doc__ = f"A share of the features of test (all at severity 1), {told}."
    return plant


standardized_test = _mapped("standardized_test", lambda x, f, c: (x - mean(f, c)) / deviation(f, c))
thousandfold_test = _mapped("thousandfold_test", lambda x, f, c: x * 1000)
divided_test = _mapped("divided_by_255_test", lambda x, f, c: x / 255)
log_test = _mapped("as_log1p_test", lambda x, f, c: (x - min(least(f, c), 0.0)).clip(0).log1p())
fahrenheit_test = _mapped("in_degrees_F_test", lambda x, f, c: x * 1.8 + 32)
negated_test = _mapped("with_the_sign_flipped_test", lambda x, f, c: -x)


def scale_disparity(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """One feature multiplied, in both splits, to a deviation of up to 10^8."""
    column = one(train, label, rng)
    factor = 10.0 ** (4 + 4 * severity) / deviation(train, column)
    grown = (pl.col(column).cast(pl.Float64) * factor).alias(column)
    frames = train.with_columns(grown), test.with_columns(grown)
    return planted(*frames, *whole(*frames, column))


def distribution_shift(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """One feature of test whose mean has moved by 3 · ``severity`` standard deviations of train.

    Each row moves by an amount of its own, from 0 to twice that, so that no affine map undoes it.
    """
    column = one(train, label, rng)
    step = 6 * severity * deviation(train, column) * (1 - rng.random(test.height))
    values = test[column].cast(pl.Float64) + pl.Series(step)
    every = np.arange(test.height)
    return planted(train, test.with_columns(values.alias(column)), at("test", every, column))


def extreme_values(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A few values of one feature of train (0.5 % of the rows, one at least) up to 1,000 deviations
    away.
    """
    column = one(train, label, rng)
    far = mean(train, column) + 1_000 * severity * deviation(train, column)
    hit = mask(train.height, 0.005, rng)
    jitter = pl.Series(far * (1 + 0.2 * rng.random(train.height)))
    values = train[column].cast(pl.Float64)
    put = pl.when(hit).then(jitter).otherwise(values).alias(column)
    return planted(train.with_columns(put), test, at("train", hit, column))


def unseen_categories(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A category ``site`` with a value in up to 40 % of test that train lacks."""
    names = np.array(SITES)
    sites = [pl.Series(names[rng.integers(0, 4, f.height)]) for f in (train, test)]
    first, second = add(train, test, "site", sites)
    new = mask(test.height, 0.4 * severity, rng)
    site = pl.when(new).then(pl.lit("offshore")).otherwise(pl.col("site")).alias("site")
    return planted(first, second.with_columns(site), at("test", new, "site"))
