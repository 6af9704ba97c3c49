"""Frames of any library in, and out again as what they were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from datacheck.errors import UsageError
from datacheck.sources.memory import to_frame


@dataclass(frozen=True)
class Given:
    """A frame, and what it was made of."""

    frame: pl.DataFrame
    thing: Any

    def back(self, frame: pl.DataFrame) -> Any:
        """The frame as the type that was given: pandas, an array of numbers, or Polars.

        Columns that did not change are the ones that were given, with their type and label.
        """
        if _is_pandas(self.thing):
            return self._pandas(frame)
        if isinstance(self.thing, np.ndarray) and all(
            d.is_numeric() or d == pl.Boolean for d in frame.dtypes
        ):
            return to_array(frame)
        if isinstance(self.thing, pl.LazyFrame):
            return frame.lazy()
        return frame

    def _pandas(self, frame: pl.DataFrame) -> Any:
        import pandas as pd

        was = self.thing if hasattr(self.thing, "columns") else self.thing.to_frame()
        place = {str(c): j for j, c in enumerate(was.columns)} if was.shape[1] > 1 else {
            self.frame.columns[0]: 0
        }  # fmt: skip
        made: list[Any] = []
        labels: list[Any] = []
        for series in frame.iter_columns():
            j = place.get(series.name)
            labels.append(series.name if j is None else was.columns[j])
            old = self.frame.get_column(series.name) if series.name in self.frame.columns else None
            same = old is not None and old.dtype == series.dtype and old.equals(series)
            if j is not None and same:
                made.append(was.iloc[:, j])
            else:
                made.append(pd.Series(_cells(series), index=was.index))
        out = pd.concat(made, axis=1) if made else pd.DataFrame(index=was.index)
        out.columns = pd.Index(labels, dtype=object) if _mixed(labels) else pd.Index(labels)
        return out


def given(thing: Any) -> Given:
    """Something that holds one table, as a Polars frame. Raises UsageError, SourceError."""
    if isinstance(thing, str | bytes):
        raise UsageError("a pipeline transforms frames, not paths", "read the file first")
    frame, _ = to_frame(thing)
    return Given(frame, thing)


def to_array(frame: pl.DataFrame) -> np.ndarray[Any, Any]:
    """Numbers as float64 of shape (rows, columns); missing is NaN."""
    if not frame.width:
        return np.empty((frame.height, 0))
    return np.column_stack([s.cast(pl.Float64).to_numpy() for s in frame.iter_columns()])


def _cells(series: pl.Series) -> Any:
    """What pandas is given: NumPy where it has the type, otherwise Python objects."""
    dtype = series.dtype
    if dtype.is_float() or (dtype.is_numeric() and not series.null_count()):
        return series.to_numpy()
    if dtype.is_numeric():
        return series.cast(pl.Float64).to_numpy()
    if dtype.is_temporal() or (dtype == pl.Boolean and not series.null_count()):
        return series.to_numpy()
    cells = np.empty(len(series), dtype=object)
    cells[:] = series.to_list()
    return cells


def _mixed(labels: list[Any]) -> bool:
    return len({type(c) for c in labels}) > 1


def _is_pandas(thing: Any) -> bool:
    return type(thing).__module__.split(".")[0] == "pandas" and hasattr(thing, "iloc")
