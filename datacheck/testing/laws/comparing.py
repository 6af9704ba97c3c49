"""Frames, arrays and nests of them: choosing rows, changing cells, and the first difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from datacheck.types import Ints

SHOWN = 6


def shown(data: Any) -> str:
    """Data in one line: its cells if there are few, else its shape."""
    if isinstance(data, pl.DataFrame):
        told = str(data.to_dict(as_series=False)) if data.height <= SHOWN else ""
        return told if 0 < len(told) < 400 else f"{data.height} rows of {', '.join(data.columns)}"
    shape = getattr(data, "shape", None)
    kind = type(data).__name__
    if shape and shape[0] <= SHOWN:
        if hasattr(data, "to_dict"):  # of pandas
            cells = data.to_dict("list") if len(shape) > 1 else data.to_list()
        else:
            cells = data.tolist() if hasattr(data, "tolist") else None
        told = f"{kind} {cells}" if cells is not None else ""
        if 0 < len(told) < 400:
            return told
    if isinstance(data, list | tuple) and len(data) <= SHOWN and len(str(data)) < 400:
        return str(data)
    return f"{kind} of shape {tuple(shape)}" if shape is not None else kind


def height(data: Any) -> int:
    """The number of rows of a frame, an array, or a mapping or tuple of them (their first)."""
    if isinstance(data, Mapping):
        return height(next(iter(data.values()))) if data else 0
    if isinstance(data, tuple | list) and data and hasattr(data[0], "__len__"):
        return height(data[0])
    shape = getattr(data, "shape", None)  # sparse matrices have no length
    return int(shape[0]) if shape else len(data)


def take(data: Any, rows: Ints) -> Any:
    """Rows by position, of whatever holds rows."""
    if isinstance(data, pl.DataFrame | pl.Series):
        return data[rows]
    if hasattr(data, "iloc"):
        return data.iloc[rows]
    if isinstance(data, Mapping):
        return {k: take(v, rows) for k, v in data.items()}
    if isinstance(data, tuple):
        return tuple(take(v, rows) for v in data)
    if isinstance(data, list):
        return [data[i] for i in rows.tolist()]
    return data[rows]


def copy(data: Any) -> Any:
    """The same data in other memory."""
    return take(data, np.arange(height(data)))


def shifted(data: Any, rng: np.random.Generator) -> Any:
    """The same rows with other cells: numbers times 3 plus 7, all else in another order.

    Types stay as they are, whole numbers stay among those that were there, and so do words.
    """
    order = rng.permutation(height(data))
    if isinstance(data, pl.DataFrame):
        return data.with_columns(
            pl.col(c) * 3 + 7 if t.is_float() else data[c][order] for c, t in data.schema.items()
        ).cast(dict(data.schema))  # type: ignore[arg-type] # names and types
    if isinstance(data, pl.Series):
        return (data * 3 + 7).cast(data.dtype) if data.dtype.is_float() else data[order]
    if hasattr(data, "iloc"):
        out = data.copy()
        for at in range(out.shape[1]) if out.ndim == 2 else ():
            name = out.columns[at]
            cells = out[name]
            other = cells.iloc[order].set_axis(cells.index)
            out[name] = cells * 3 + 7 if cells.dtype.kind == "f" else other
        return out
    if isinstance(data, Mapping):
        return {k: shifted(v, rng) for k, v in data.items()}
    if isinstance(data, tuple):
        return tuple(shifted(v, rng) for v in data)
    if isinstance(data, np.ndarray) and data.dtype.kind == "f":
        return (data * 3 + 7).astype(data.dtype)
    return take(data, order)


def difference(first: Any, second: Any, *, tolerance: float = 0.0) -> str | None:
    """The first place where two results differ, in words; None where they agree.

    Missing agrees with missing; numbers may differ by ``tolerance``, in units of the larger of 1
    and their size.
    """
    if type(first) is not type(second):
        return f"a {type(first).__name__} became a {type(second).__name__}"
    if isinstance(first, Mapping):
        if list(first) != list(second):
            return f"the parts {list(first)} became {list(second)}"
        return _among([(str(k), first[k], second[k]) for k in first], tolerance)
    if isinstance(first, tuple | list):
        if len(first) != len(second):
            return f"{len(first)} parts became {len(second)}"
        pairs = enumerate(zip(first, second, strict=True))
        return _among([(f"part {i}", a, b) for i, (a, b) in pairs], tolerance)
    if isinstance(first, pl.DataFrame) or (hasattr(first, "iloc") and first.ndim == 2):
        return _frames(first, second, tolerance)
    if isinstance(first, pl.Series) or hasattr(first, "iloc"):
        return _arrays(_array(first), _array(second), tolerance, ("row",))
    if hasattr(first, "toarray"):  # scipy's sparse matrices
        first, second = first.toarray(), second.toarray()
    if hasattr(first, "__array__"):
        names = ("row", *(f"axis {k}" for k in range(1, np.ndim(first))))
        return _arrays(np.asarray(first), np.asarray(second), tolerance, names)
    return None if _same(first, second) else f"{first!r} became {second!r}"


def _among(parts: list[tuple[str, Any, Any]], tolerance: float) -> str | None:
    for name, a, b in parts:
        if told := difference(a, b, tolerance=tolerance):
            return f"{name}: {told}"
    return None


def _frames(first: Any, second: Any, tolerance: float) -> str | None:
    if list(first.columns) != list(second.columns):
        return f"the columns {list(first.columns)} became {list(second.columns)}"
    for name in first.columns:
        told = _arrays(_array(first[name]), _array(second[name]), tolerance, ("row",))
        if told:
            return f"column {name!r}, {told}"
    return None


def _array(cells: Any) -> Any:
    if isinstance(cells, pl.Series) and not cells.dtype.is_numeric():
        return np.array(cells.to_list(), dtype=object)
    return cells.to_numpy()


def _arrays(a: Any, b: Any, tolerance: float, names: tuple[str, ...]) -> str | None:
    if a.shape != b.shape:
        return f"shape {a.shape} became {b.shape}"
    if a.dtype.kind in "fiub" and b.dtype.kind in "fiub":
        x, y = a.astype(np.float64), b.astype(np.float64)
        with np.errstate(invalid="ignore"):
            far = np.abs(x - y) > tolerance * np.maximum(1, np.maximum(np.abs(x), np.abs(y)))
        wrong = (far | (np.isnan(x) != np.isnan(y))) & (x != y)
    else:
        wrong = np.reshape([not _same(p, q) for p, q in zip(a.flat, b.flat, strict=True)], a.shape)
    if not wrong.any():
        return None
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    where = ", ".join(f"{name} {i}" for name, i in zip(names, place, strict=False))
    more = f" (and {int(wrong.sum()) - 1} more)" if wrong.sum() > 1 else ""
    return f"{where}: {a[place]!r} became {b[place]!r}{more}"


def _same(a: Any, b: Any) -> bool:
    """Whether two cells are alike; NaN is NaN."""
    if isinstance(a, np.ndarray | list | pl.Series):
        return list(a) == list(b) if isinstance(b, type(a)) else False
    return bool(a is b or a == b or (a != a and b != b))  # NaN differs from itself
