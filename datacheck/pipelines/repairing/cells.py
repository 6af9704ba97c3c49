"""Cells of columns before and after a repair: which differ, and how they are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from datacheck.dataset import Kind
from datacheck.pipelines.fitting.spreads import missing_counts, named
from datacheck.sources.convert import Reading
from datacheck.types import Ints


def where_differ(old: pl.Series, new: pl.Series) -> pl.Series:
    """Where two columns differ; missing is missing, whether null or NaN."""
    if old.dtype.is_numeric() and new.dtype.is_numeric():
        old, new = _nan(old), _nan(new)
    elif old.dtype != new.dtype:
        old = old.cast(new.dtype, strict=False)
    return old.ne_missing(new)


def _nan(series: pl.Series) -> pl.Series:
    return series.cast(pl.Float64).fill_nan(None)


def missing(frame: pl.DataFrame, columns: Sequence[str]) -> dict[str, int]:
    """Null or NaN cells."""
    counts = missing_counts(named([frame[c] for c in columns]))
    return dict(zip(columns, counts, strict=True))


def differing(old: pl.Series, new: pl.Series) -> int:
    """How many cells differ."""
    return int(where_differ(old, new).sum())


def diagonal(parts: Sequence[tuple[pl.DataFrame, Ints]]) -> pl.DataFrame:
    """Parts of one table, put together in the order of their rows."""
    rows = np.concatenate([r for _, r in parts])
    return pl.concat([f for f, _ in parts], how="diagonal_relaxed")[np.argsort(rows, kind="stable")]


def typed(columns: Mapping[str, tuple[pl.Series, pl.DataType]]) -> list[pl.Series]:
    """Mended columns in the types that they were stored in, as far as those hold their values."""
    table = named([new for new, _ in columns.values()])
    how: list[pl.Expr] = []
    for x, (new, dtype) in zip(map(pl.col, table.columns), columns.values(), strict=True):
        if new.dtype.is_float():
            x = x.fill_nan(None)
            how.append(x.cast(dtype) if dtype.is_float() else x)
        elif new.dtype.is_temporal() and dtype.is_temporal():
            how.append(x.cast(dtype))
        elif isinstance(new.dtype, pl.List) and isinstance(dtype, pl.List):
            how.append(x.cast(dtype, strict=False))
        else:
            how.append(x)
    made = table.select(how) if how else table
    return [s.alias(c) for c, s in zip(columns, made.iter_columns(), strict=True)]


def as_text(series: pl.Series, how: Reading, *, integer: bool = False) -> pl.Series:
    """Values as the cells of a text file are written, so that they read as the same again."""
    if how.kind is Kind.SEQUENCE and isinstance(series.dtype, pl.List):
        separator = "," if how.separator == "json" else how.separator or " "
        return series.cast(pl.List(pl.String)).list.join(separator)
    if series.dtype == pl.Boolean:
        return series.cast(pl.String)
    if not series.dtype.is_float():
        return series.cast(pl.String)
    clean = series.cast(pl.Float64).fill_nan(None)
    text = clean.cast(pl.String)
    if integer and _whole(clean):
        text = clean.cast(pl.Int64, strict=False).cast(pl.String)
    return text.str.replace(".", ",", literal=True) if how.decimal_comma else text


def _whole(series: pl.Series) -> bool:
    """Whether all numbers are whole and small enough to be written without a fraction."""
    values = series.drop_nulls().to_numpy()
    return bool(values.size and (np.abs(values) < 2**53).all() and (values % 1 == 0).all())
