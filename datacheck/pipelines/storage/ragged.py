"""Columns of numbers and of lists of numbers as arrays, and rows taken out of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from datacheck.errors import SourceError, UsageError
from datacheck.pipelines.storage.arrow_file import Column, Field, bits_at
from datacheck.types import Ints, Mask

Array: TypeAlias = np.ndarray[Any, Any]


@dataclass(slots=True, eq=False)
class Ragged:
    """Lists of numbers: all items after each other, and int64 ``offsets`` of shape (rows + 1,).

    ``missing`` says which rows hold no list at all (they count as empty); None: all do.
    """

    values: Array
    offsets: Ints
    missing: Mask | None = None

    @property
    def lengths(self) -> Ints:
        """Items of each row, shape (rows,)."""
        return np.diff(self.offsets)


@dataclass(slots=True, eq=False)
class Rows:
    """Some rows: arrays of shape (rows,) or (rows, width) and :class:`Ragged` by column.

    Missing numbers are NaN (so whole numbers with missing ones are float64). ``addresses`` are
    the rows' addresses in the dataset, int64 of shape (rows,).
    """

    columns: dict[str, Array | Ragged]
    addresses: Ints

    def __len__(self) -> int:
        return int(self.addresses.size)


def unusable(values: Array | Ragged) -> Mask:
    """Which rows hold a missing, NaN or infinite number, or no list; shape (rows,)."""
    if isinstance(values, Ragged):
        bad = np.zeros(values.offsets.size - 1, dtype=np.bool_)
        if values.missing is not None:
            bad |= values.missing
        if values.values.dtype.kind == "f" and values.values.size:
            wrong = np.concatenate([[0], np.cumsum(~np.isfinite(values.values))])
            bad |= wrong[values.offsets[1:]] > wrong[values.offsets[:-1]]
        return bad
    if values.dtype.kind != "f":
        return np.zeros(len(values), dtype=np.bool_)
    bad = ~np.isfinite(values)
    return np.asarray(bad if bad.ndim == 1 else bad.any(axis=1))


def take(column: Column, field: Field, at: Ints) -> Array | Ragged:
    """The rows ``at`` of a column, copied; missing numbers are NaN."""
    if column.offsets is not None:
        return take_lists(column, at)
    out: Array = bits_at(column.values, at) if column.packed else column.values[at]
    if column.bits is not None:
        out = out.astype(np.float64) if out.dtype.kind != "f" else out
        out[~bits_at(column.bits, at)] = np.nan
    if column.inner is not None:
        cells = at[:, None] * field.width + np.arange(field.width)
        out = out.astype(np.float64) if out.dtype.kind != "f" else out
        out[~bits_at(column.inner, cells)] = np.nan
    return out


def take_lists(column: Column, at: Ints) -> Ragged:
    """The lists ``at`` of a column, copied."""
    assert column.offsets is not None
    starts = column.offsets[at].astype(np.int64)
    lengths = column.offsets[at + 1].astype(np.int64) - starts
    missing = None if column.bits is None else ~bits_at(column.bits, at)
    if missing is not None:
        lengths[missing] = 0
    if lengths.size and int(lengths.min()) < 0:
        raise SourceError("a list of the Arrow file ends before it begins", "write it again")
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    cells = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    values = column.values[cells]
    if column.inner is not None:
        values = values.astype(np.float64) if values.dtype.kind != "f" else values
        values[~bits_at(column.inner, cells)] = np.nan
    return Ragged(values, offsets, missing)


def reorder(pieces: list[Array | Ragged], places: Ints) -> Array | Ragged:
    """Pieces that belong at ``places`` (of all of them, joined), put there."""
    back = np.empty_like(places)
    back[places] = np.arange(places.size)
    arrays = [p for p in pieces if not isinstance(p, Ragged)]
    if arrays:
        joined: Array = np.concatenate(arrays)[back]
        return joined
    lists = [p for p in pieces if isinstance(p, Ragged)]
    lengths = np.concatenate([p.lengths for p in lists])
    whole = Column(
        np.concatenate([p.values for p in lists]),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
    )
    found = take_lists(whole, back)
    if any(p.missing is not None for p in lists):
        gone = [np.zeros(p.lengths.size, bool) if p.missing is None else p.missing for p in lists]
        found.missing = np.concatenate(gone)[back]
    return found


def rows_of(column: Column) -> int:
    """How many rows a column has."""
    return len(column.values) if column.offsets is None else len(column.offsets) - 1


def columns_of(source: Any) -> tuple[dict[str, Column], list[Field]]:
    """Columns in memory. Raises UsageError for what holds no numbers."""
    if isinstance(source, Mapping) and all(
        isinstance(v, Ragged | np.ndarray) for v in source.values()
    ):
        items: Iterator[tuple[str, Any]] = iter(source.items())
    else:
        try:
            frame = source if isinstance(source, pl.DataFrame) else pl.DataFrame(source)
        except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
            raise UsageError(
                f"no table can be made of a {type(source).__name__}: {error}",
                "give a frame, or a mapping of names to arrays",
            ) from None
        items = ((s.name, _numpy(s)) for s in frame.iter_columns())
    columns: dict[str, Column] = {}
    fields: list[Field] = []
    for name, value in items:
        if isinstance(value, Ragged):
            bits = None if value.missing is None else np.packbits(~value.missing, bitorder="little")
            columns[name] = Column(value.values, value.offsets, bits)
            fields.append(Field(name, "list", value.values.dtype.str, offsets="i8"))
        elif value.ndim in (1, 2) and value.dtype.kind in "iufb":
            columns[name] = Column(value)
            width = value.shape[1] if value.ndim == 2 else 0
            form: Any = "matrix" if value.ndim == 2 else "number"
            fields.append(Field(name, form, value.dtype.str, width))
        else:
            raise UsageError(
                f"column {name!r} holds {value.dtype} of shape {value.shape}, no numbers",
                "datacheck.loaders encodes text and categories",
            )
    return columns, fields


def _numpy(series: pl.Series) -> Array | Ragged:
    dtype = series.dtype
    if isinstance(dtype, pl.Array):
        if not series.null_count():
            return np.asarray(series.to_numpy())
        series, dtype = series.arr.to_list(), pl.List(dtype.inner)
    if isinstance(dtype, pl.List) and _is_number(dtype.inner):
        lengths = series.list.len().fill_null(0).to_numpy().astype(np.int64)
        values = series.filter(pl.Series(lengths > 0)).explode().to_numpy()
        missing = series.is_null().to_numpy() if series.null_count() else None
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return Ragged(np.asarray(values), offsets, missing)
    if _is_number(dtype):
        return np.asarray(series.to_numpy())
    return np.asarray(series.to_list(), dtype=object)


def _is_number(dtype: Any) -> bool:
    return bool(dtype.is_numeric() or dtype == pl.Boolean)
