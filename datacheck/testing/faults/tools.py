"""What plants are written with: choosing rows and columns, and putting values there."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from datacheck.errors import UsageError
from datacheck.types import Floats, Ints


def numbers(frame: pl.DataFrame, label: str) -> list[str]:
    """Feature columns of numbers that vary. Raises UsageError where there are none."""
    found = [
        c
        for c in frame.columns
        if c != label and frame[c].dtype.is_numeric() and frame[c].n_unique() > 2
    ]
    if not found:
        raise UsageError("no feature of numbers with three values to plant it in", "add one")
    return found


def some(items: list[str], severity: float, rng: np.random.Generator) -> list[str]:
    """A share of the items, at least one, in their own order."""
    k = max(1, round(severity * len(items)))
    chosen = set(rng.permutation(len(items))[:k].tolist())
    return [c for i, c in enumerate(items) if i in chosen]


def one(frame: pl.DataFrame, label: str, rng: np.random.Generator) -> str:
    """One feature of numbers, among those with the most distinct values."""
    ranked = sorted(numbers(frame, label), key=lambda c: -frame[c].n_unique())
    return ranked[int(rng.integers(max(1, len(ranked) // 2)))]


def drawn(frame: pl.DataFrame, count: int, rng: np.random.Generator) -> Ints:
    """Positions of ``count`` rows (at least one), each at most once, in random order."""
    return rng.permutation(frame.height)[: max(1, min(count, frame.height))]


def take(frame: pl.DataFrame, rows: Ints) -> pl.DataFrame:
    """Rows by their positions."""
    return frame.select(pl.all().gather(pl.Series(rows)))


def with_copies(
    frame: pl.DataFrame, copies: pl.DataFrame, rng: np.random.Generator
) -> tuple[pl.DataFrame, Ints]:
    """Both together in random order, and for each row its position before (copies come last)."""
    joined = pl.concat([frame, copies])
    order = rng.permutation(joined.height)
    return take(joined, order), order


def mask(n: int, share: float, rng: np.random.Generator) -> pl.Series:
    """A mask that is true in round(share * n) rows, at least one."""
    out = np.zeros(n, dtype=bool)
    out[rng.permutation(n)[: max(1, round(share * n))]] = True
    return pl.Series(out)


def put(frame: pl.DataFrame, column: str, where: pl.Series, value: float | None) -> pl.DataFrame:
    """The value where the mask is true; the column becomes a float column."""
    values = pl.col(column).cast(pl.Float64)
    return frame.with_columns(
        pl.when(where).then(pl.lit(value, dtype=pl.Float64)).otherwise(values).alias(column)
    )


def add(
    train: pl.DataFrame, test: pl.DataFrame, name: str, values: list[pl.Series]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A new column in both frames."""
    return (
        train.with_columns(values[0].alias(name)),
        test.with_columns(values[1].alias(name)),
    )


def classes(train: pl.DataFrame, label: str) -> list[Any]:
    """Classes of train, the most frequent first."""
    counts = train[label].drop_nulls().value_counts(sort=True)
    top = counts.sort(["count", label], descending=[True, False])
    return top[label].to_list()


def codes(frame: pl.DataFrame, label: str, known: list[Any]) -> pl.Series:
    """The place of each row's class among ``known``, int64; null where there is none."""
    places = pl.Series(np.arange(len(known)))
    old = pl.Series(known, dtype=frame[label].dtype)
    return frame[label].replace_strict(old, places, default=None, return_dtype=pl.Int64)


def as_numbers(frame: pl.DataFrame, label: str) -> pl.Series:
    """A label as float64: its numbers, or the ranks of its classes by name."""
    if frame[label].dtype.is_numeric() or frame[label].dtype == pl.Boolean:
        return frame[label].cast(pl.Float64)
    return frame[label].cast(pl.String).rank("dense").cast(pl.Float64)


def mean(frame: pl.DataFrame, column: str) -> float:
    """The mean of the finite values of a column of numbers; 0 if there are none."""
    values = _finite(frame, column)
    return float(values.mean()) if values.size else 0.0


def deviation(frame: pl.DataFrame, column: str) -> float:
    """The standard deviation (divisor n) of the finite values; 1 where it is 0."""
    values = _finite(frame, column)
    return (float(values.std()) if values.size else 0.0) or 1.0


def least(frame: pl.DataFrame, column: str) -> float:
    """The least finite value; 0 if there are none."""
    values = _finite(frame, column)
    return float(values.min()) if values.size else 0.0


def _finite(frame: pl.DataFrame, column: str) -> Floats:
    values: Floats = frame[column].cast(pl.Float64).to_numpy()
    return values[np.isfinite(values)]
