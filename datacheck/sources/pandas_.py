"""pandas without importing it: frames become Polars frames column by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from datacheck.errors import UsageError


def unlike(labels: Sequence[str]) -> None:
    """Raises UsageError where two columns have one name."""
    if len(set(labels)) < len(labels):
        twice = next(n for n in labels if labels.count(n) > 1)
        raise UsageError(f"two columns are named {twice!r}", "rename one of them")


def is_pandas(thing: Any) -> bool:
    """Whether something is a frame or a series of pandas."""
    return type(thing).__module__.split(".")[0] == "pandas" and hasattr(thing, "iloc")


def from_pandas(thing: Any) -> tuple[pl.DataFrame, list[str]]:
    """Column by column through NumPy: pandas' own way to Polars asks for pyarrow."""
    if not hasattr(thing, "columns"):
        thing = thing.to_frame(str(thing.name) if thing.name is not None else "x")
    names = [str(c) for c in thing.columns]
    unlike(names)
    return pl.DataFrame([_pandas_column(n, thing.iloc[:, j]) for j, n in enumerate(names)]), []


def _pandas_column(name: str, series: Any) -> pl.Series:
    dtype = series.dtype
    kind = getattr(dtype, "kind", "O")
    if isinstance(dtype, np.dtype) and kind in "iufb":
        values = series.to_numpy()
        return pl.Series(name, values.astype(np.float64) if dtype == np.float16 else values)
    if kind == "M":
        if getattr(dtype, "tz", None) is not None:
            series = series.dt.tz_convert("UTC").dt.tz_localize(None)
        return pl.Series(name, series.to_numpy().astype("datetime64[us]"))
    if kind == "m":
        return pl.Series(name, series.to_numpy().astype("timedelta64[us]"))
    if not isinstance(dtype, np.dtype) and kind in "iufb":  # nullable numbers
        values = series.to_numpy(dtype="float64", na_value=np.nan)
        out = pl.Series(name, values)
        return out.fill_nan(None).cast(pl.Boolean) if kind == "b" else out
    missing = series.isna().to_numpy()
    cells = series.to_numpy(dtype=object)
    items = [
        None if gone else cell for gone, cell in zip(missing.tolist(), cells.tolist(), strict=True)
    ]
    return items_of(name, items)


def items_of(name: str, items: list[Any]) -> pl.Series:
    """A column from Python objects: numbers, dates or lists where they are, else their text."""
    kinds = {type(i) for i in items if i is not None}
    if kinds <= {str}:
        return pl.Series(name, items, dtype=pl.String)
    if kinds & {str} and kinds & {int, float}:  # numbers and text in one column
        return pl.Series(name, [None if i is None else str(i) for i in items], dtype=pl.String)
    try:
        return pl.Series(name, items, strict=False)
    except (TypeError, pl.exceptions.PolarsError):
        return pl.Series(name, [None if i is None else str(i) for i in items], dtype=pl.String)
