"""Data in memory: Polars, pandas, Arrow, NumPy, and mappings and tuples of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from datacheck.dataset import Batch, Fragment
from datacheck.errors import SourceError, UsageError
from datacheck.sources.images.arrays import FORMS, open_stacks
from datacheck.sources.pandas_ import from_pandas, is_pandas, items_of, unlike
from datacheck.sources.table import Readings, Table, peek_rows, reserved, to_batch, told

MAX_COLUMNS = 20_000
TOO_WIDE = f"at most {MAX_COLUMNS:,} are read as columns; pictures are {FORMS}"
UNDERSTOOD = (
    "a path, a DataFrame (pandas, Polars), an Arrow table, a NumPy array, a torch tensor or "
    "TensorDataset, or a mapping of them"
)


@dataclass(frozen=True, slots=True)
class MemoryFragment:
    """A frame in memory; ``path`` is the archive that it was read from, if one was."""

    split: str
    file: str
    frame: pl.DataFrame
    readings: Readings
    path: Path | None = None

    def fingerprint(self) -> tuple[str, int, int]:
        """(name, bytes, 0): memory has no history."""
        return (self.file, int(self.frame.estimated_size()), 0)

    def read(self, columns: Sequence[str], batch_rows: int) -> Iterator[Batch]:
        """Slices of ``batch_rows`` rows."""
        have = set(self.frame.columns)
        picked = self.frame.select([c for c in columns if c in have])
        for at in range(0, self.frame.height, max(batch_rows, 1)):
            height = min(batch_rows, self.frame.height - at)
            rows = np.arange(at, at + height, dtype=np.int64)
            yield to_batch(picked.slice(at, height), rows, columns, self.readings)


def open_memory(
    thing: Any, file: str, path: Path | None = None, pictures: Collection[str] = ()
) -> Table:
    """A table from data in memory. Raises UsageError for what is not understood.

    ``pictures`` are the names of arrays (see :func:`arrays_of`) that hold such.
    """
    arrays = arrays_of(thing)
    stacks = {k: v for k, v in arrays.items() if k in pictures}
    if stacks:
        return _with_pictures(arrays, stacks, file, path)
    frame, said = to_frame(thing)
    if other := reserved(frame.columns):
        frame, said = frame.rename(other), [*said, *told(other)]

    def fragments(split: str, readings: Readings) -> list[Fragment]:
        return [MemoryFragment(split, file, frame, readings, path)] if frame.height else []

    return Table(file, frame.head(peek_rows(frame.width)), fragments, said=said)


def arrays_of(thing: Any) -> dict[str, Any]:
    """The columns of what holds arrays or tensors, by name: X, X and y, a mapping, a
    ``TensorDataset``; none for all else.
    """
    if isinstance(thing, Mapping):
        return {str(k): _array(v) for k, v in thing.items()}
    parts = getattr(thing, "tensors", thing)
    parts = [_array(p) for p in (parts if isinstance(parts, tuple) else [parts])]
    if not parts or len(parts) > 2 + 8 * hasattr(thing, "tensors"):
        return {}
    if not isinstance(parts[0], np.ndarray):
        return {}
    middle = {f"x{i}": p for i, p in enumerate(parts[1:-1], 1)}
    return {"x": parts[0], **middle, **({"y": parts[-1]} if len(parts) > 1 else {})}


def _array(value: Any) -> Any:
    """A tensor as an array, which holds the same memory where it can."""
    if not (hasattr(value, "detach") and hasattr(value, "numpy")):
        return value
    tensor = value.detach().cpu()
    try:
        if str(tensor.dtype) == "torch.bfloat16":  # which NumPy lacks
            tensor = tensor.float()
        return tensor.numpy()
    except (TypeError, RuntimeError) as error:
        said = " ".join(str(error).split())[:100]
        raise UsageError(f"a tensor cannot be read: {said}", "give dense numbers") from None


def _of_tensors(thing: Any) -> bool:
    some = getattr(thing, "tensors", None)
    return hasattr(thing, "detach") or (
        isinstance(some, tuple) and bool(some) and all(hasattr(t, "detach") for t in some)
    )


def _with_pictures(
    arrays: Mapping[str, Any],
    stacks: Mapping[str, np.ndarray[Any, Any]],
    file: str,
    path: Path | None,
) -> Table:
    rest = {k: v for k, v in arrays.items() if k not in stacks}
    if list(arrays) == ["x", "y"] and not isinstance(rest.get("y"), list | np.ndarray):
        labels, said = to_frame(rest["y"])  # a column of any library
        frame = labels.rename({labels.columns[0]: "y"}) if labels.width == 1 else labels
    else:
        frame, said = from_arrays(rest)
    sizes = {name: len(stack) for name, stack in stacks.items()}
    if frame.width:
        sizes[", ".join(frame.columns[:3])] = frame.height
    if len(set(sizes.values())) > 1:
        told_ = ", ".join(f"{name}: {n:,}" for name, n in sizes.items())
        raise SourceError(
            f"columns have different numbers of rows ({told_})", "name one table, or splits"
        )
    names = [*stacks, *frame.columns]
    if other := reserved(names):
        frame, said = frame.rename(other, strict=False), [*said, *told(other)]
    renamed = {other.get(k, k): v for k, v in stacks.items()}
    table = open_stacks(renamed, frame, [other.get(n, n) for n in names], file, path)
    table.said = [*table.said, *said]
    return table


def is_data(thing: Any) -> bool:
    """Whether something is one table in memory (not a mapping of splits)."""
    if isinstance(thing, pl.DataFrame | pl.LazyFrame | pl.Series | np.ndarray):
        return True
    if hasattr(thing, "__arrow_c_stream__") or is_pandas(thing) or _of_tensors(thing):
        return True
    return isinstance(thing, tuple) and len(thing) == 2


def is_columns(thing: Mapping[Any, Any]) -> bool:
    """Whether a mapping holds columns of one table, each one-dimensional."""
    return bool(thing) and all(
        isinstance(v, list | pl.Series) or (isinstance(v, np.ndarray) and v.ndim == 1)
        for v in thing.values()
    )


def to_frame(thing: Any) -> tuple[pl.DataFrame, list[str]]:
    """A Polars frame (without copying where that can be), and what was assumed."""
    if isinstance(thing, pl.LazyFrame):
        try:
            return to_frame(thing.collect())
        except (OSError, pl.exceptions.PolarsError) as error:
            why = (str(error).splitlines() or [type(error).__name__])[0][:200]
            raise SourceError(f"the LazyFrame fails: {why}", "collect() shows where") from None
    if isinstance(thing, pl.DataFrame):
        objects = [s for s in thing.iter_columns() if s.dtype == pl.Object]
        return thing.with_columns(items_of(s.name, s.to_list()) for s in objects), []
    if isinstance(thing, pl.Series):
        return thing.to_frame(thing.name or "x"), []
    if is_pandas(thing):
        return from_pandas(thing)
    if _of_tensors(thing):
        return from_arrays(arrays_of(thing))
    if isinstance(thing, tuple) and len(thing) == 2:
        return _features_and_label(*map(_array, thing))
    if isinstance(thing, np.ndarray):
        return from_arrays({"x": thing})
    if isinstance(thing, Mapping):
        return from_arrays({str(k): _array(v) for k, v in thing.items()})
    if hasattr(thing, "__arrow_c_stream__"):
        return _from_arrow(thing)
    raise UsageError(f"cannot audit a {type(thing).__name__}", f"give {UNDERSTOOD}")


def from_arrays(arrays: Mapping[str, Any]) -> tuple[pl.DataFrame, list[str]]:
    """Columns from arrays with one number of rows; more than one dimension is spread out.

    Raises SourceError for arrays of Python objects or of different numbers of rows.
    """
    out: list[pl.Series] = []
    said: list[str] = []
    for name, value in arrays.items():
        if isinstance(value, pl.Series):
            out.append(value.alias(name))
            continue
        try:
            if isinstance(value, np.ndarray):
                out += _spread(name, value, said)
            else:
                out.append(pl.Series(name, list(value), strict=False))
        except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
            why = " ".join(str(error).split())[:100]
            raise SourceError(
                f"column {name!r} cannot be read: {why}", "give numbers, text, dates or lists"
            ) from None
    unlike([s.name for s in out])
    heights = {len(s) for s in out}
    if len(heights) > 1:
        sizes = ", ".join(f"{s.name}: {len(s):,}" for s in out[:6])
        raise SourceError(
            f"columns have different numbers of rows ({sizes})", "name one table, or splits"
        )
    return pl.DataFrame(out), said


def _spread(name: str, value: np.ndarray[Any, Any], said: list[str]) -> list[pl.Series]:
    if value.dtype.kind == "O":
        items = value.tolist()
        if value.ndim != 1:
            raise SourceError(
                f"array {name!r} holds Python objects in {value.ndim} dimensions",
                "give numbers, or a DataFrame",
            )
        return [pl.Series(name, items, strict=False)]
    if value.dtype.names:
        return [s for field in value.dtype.names for s in _spread(field, value[field], said)]
    if value.ndim == 0:
        raise SourceError(f"array {name!r} has no rows", "one-dimensional or more is expected")
    if value.dtype.kind in "USV":
        if value.dtype.kind == "V":
            raise SourceError(f"array {name!r} holds raw bytes", "give numbers, text or dates")
        wide = value.reshape(value.shape[0], -1)
        wide = np.char.decode(wide, "utf-8", "replace") if value.dtype.kind == "S" else wide
        if value.ndim == 1:
            return [pl.Series(name, wide[:, 0].tolist(), dtype=pl.String)]
        width = range(wide.shape[1])
        return [pl.Series(f"{name}{j}", wide[:, j].tolist(), dtype=pl.String) for j in width]
    if value.dtype.kind == "c":
        raise SourceError(f"array {name!r} holds complex numbers", "give real and imaginary parts")
    if value.dtype.kind in "mM":
        value = value.astype("datetime64[us]" if value.dtype.kind == "M" else "timedelta64[us]")
    elif value.dtype.itemsize > 8 or value.dtype == np.float16:
        value = value.astype(np.float64)
    if not value.dtype.isnative:
        value = value.astype(value.dtype.newbyteorder("="))
    if value.ndim == 1:
        return [pl.Series(name, value)]
    flat = (
        value.reshape(value.shape[0], -1)
        if value.shape[0]
        else value.reshape(0, int(np.prod(value.shape[1:])))
    )
    if flat.shape[1] > MAX_COLUMNS:
        raise SourceError(
            f"array {name!r} of {value.dtype} and shape {value.shape} has {flat.shape[1]:,} values "
            "a row",
            TOO_WIDE,
        )
    if value.ndim > 2:
        said.append(f"{name} of shape {value.shape} is read as {flat.shape[1]:,} columns")
    return [pl.Series(f"{name}{j}", np.ascontiguousarray(flat[:, j])) for j in range(flat.shape[1])]


def _features_and_label(x: Any, y: Any) -> tuple[pl.DataFrame, list[str]]:
    frame, said = to_frame(x)
    labels, more = to_frame(y) if not isinstance(y, list) else (pl.DataFrame({"y": y}), [])
    if labels.width != 1 or labels.height != frame.height:
        raise UsageError(
            f"(X, y) of {frame.height:,} rows and {labels.height:,} × {labels.width} labels",
            "y has one label for each row of X",
        )
    name = labels.columns[0] if labels.columns[0] not in (*frame.columns, "x") else "y"
    return frame.with_columns(labels.to_series().alias(name)), [*said, *more]


def _from_arrow(thing: Any) -> tuple[pl.DataFrame, list[str]]:
    """A table whole or, where Polars lacks the type of some column, without that column."""
    labels = list(getattr(thing, "column_names", ()))
    unlike(labels)
    try:
        return pl.DataFrame(thing), []
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        if not labels:
            said = " ".join(str(error).split())[:100]
            raise SourceError(f"Arrow data that cannot be read: {said}", "convert it") from None
    out: list[pl.Series] = []
    said_: list[str] = []
    for name in labels:
        try:
            out.append(pl.DataFrame(thing.select([name])).to_series())
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
            said_.append(f"not read, of a type that Polars lacks: {name}")
    return pl.DataFrame(out), said_
