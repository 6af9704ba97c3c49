"""Tables that a pandera schema accepts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import polars as pl
from hypothesis import strategies as st

from datacheck.errors import UsageError
from datacheck.testing.strategies import drawing
from datacheck.testing.strategies.cells import Generator, stream
from datacheck.testing.strategies.wanted import Wanted, capacity, read

Cells: TypeAlias = Callable[[Generator, int], Any]
POOL = 8  # texts that one example draws for a pattern


def from_schema(
    schema: Any,
    *,
    rows: int | tuple[int, int] = (1, 100),
    values: Mapping[str, Cells] | None = None,
) -> st.SearchStrategy[Any]:
    """Frames that a pandera schema accepts, as a strategy.

    ``schema`` is a ``DataFrameSchema`` or ``DataFrameModel`` of ``pandera.polars`` (frames are of
    Polars) or of ``pandera.pandas`` (frames are of pandas, without an index of their own). Types,
    ``nullable``, ``unique``, ``required``, ranges, ``isin``, ``notin``, equalities and the checks
    of strings are kept; a column that is not required is sometimes not there. ``values`` makes the
    cells of a column itself, ``lambda rng, n: …`` with a NumPy generator, for checks of your own.

    Examples shrink to fewer rows, no nulls, and small numbers. Raises UsageError, with a hint, for
    what is no schema, for checks that no values can be made for, and where a unique column has
    fewer values than the least number of ``rows``.
    """
    made = dict(values or {})
    columns, pandas = read(schema, tuple(made))
    if unknown := set(made) - {c.name for c in columns}:
        raise UsageError(f"the schema has no column {unknown.pop()!r}", "look at `values`")
    low, high = (rows, rows) if isinstance(rows, int) else rows
    if not 0 <= low <= high:
        raise UsageError(f"rows is {rows}", "a number from 0, or (least, most)")
    for column in columns:
        pooled = drawing.pool(column) if column.name not in made else None
        if column.unique and column.pattern and pooled is None and column.name not in made:
            hint = "give the column in `values`"
            raise UsageError(f"{column.name} is unique, and made by a pattern", hint)
        room = len(pooled) if pooled is not None else capacity(column)
        if column.unique and room is not None and column.name not in made:
            high = min(high, room - len(column.forbidden) * (pooled is None))
    if high < low:
        raise UsageError(f"a unique column has only {high} values", f"ask for {high} rows at most")
    _try(columns, made, low)
    return _drawn(columns, made, low, high, pandas)


def _try(columns: list[Wanted], made: Mapping[str, Cells], rows: int) -> None:
    """Says now what cannot be made, and not in the middle of a test."""
    for place, column in enumerate(columns):
        if column.name not in made and not column.pattern:
            drawing.cells(column, max(rows, 1), 2, stream(0, place), ())


@st.composite
def _drawn(
    draw: st.DrawFn,
    columns: list[Wanted],
    made: Mapping[str, Cells],
    low: int,
    high: int,
    pandas: bool,
) -> Any:
    n = draw(st.integers(low, high))
    scale = draw(st.integers(0, 6))
    seed = draw(st.integers(0, 2**32 - 1))
    out: dict[str, Any] = {}
    for place, column in enumerate(columns):
        if not column.required and draw(st.booleans()):
            continue
        rng = stream(seed, place)
        if column.name in made:
            out[column.name] = made[column.name](rng, n)
            continue
        pooled = draw(_texts(column)) if column.pattern and column.allowed is None else ()
        cells = drawing.cells(column, n, scale, rng, pooled)
        if column.nullable and not column.unique:
            rate = draw(st.integers(0, 90))
            gone = stream(seed, place, 1).random(n) * 100 < rate
            if gone.any():
                empty = pl.Series([None], dtype=cells.dtype)
                cells = cells.zip_with(pl.Series(~gone), empty)
        out[column.name] = cells.alias(column.name)
    return _pandas(out, columns, n) if pandas else pl.DataFrame(out)


def _texts(column: Wanted) -> st.SearchStrategy[list[str]]:
    """A few texts of a pattern, printable ASCII."""
    letters = st.characters(min_codepoint=32, max_codepoint=126)
    one = st.from_regex(column.pattern, fullmatch=True, alphabet=letters)
    return st.lists(one, min_size=1, max_size=POOL)


def _pandas(columns: Mapping[str, Any], wanted: list[Wanted], n: int) -> Any:
    import pandas as pd

    types = {c.name: c.told for c in wanted}
    out = {}
    for name, cells in columns.items():
        listed = cells.to_list() if isinstance(cells, pl.Series) else cells
        out[name] = pd.Series(listed, dtype=types[name] or None)
    return pd.DataFrame(out, index=pd.RangeIndex(n))
