"""npz archives written again: the same arrays, with mended values and fewer rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.sources.memory import from_arrays
from datacheck.sources.npz import divide
from datacheck.sources.table import reserved

if TYPE_CHECKING:
    from datacheck.pipelines.writing import Piece, Shape


def write_npz(source: Path, pieces: Iterator[Piece], target: Path, shape: Shape) -> None:
    """Write the archive again. Pieces carry the split they belong to in ``piece.split``.

    Raises UsageError where a column is dropped that is part of an array of several.
    """
    by: dict[str, list[pl.DataFrame]] = {}
    for piece in pieces:
        by.setdefault(piece.split, []).append(piece.frame)
    frames = {split: pl.concat(parts, how="vertical_relaxed") for split, parts in by.items()}
    with np.load(source, allow_pickle=False) as loaded:
        arrays = {name: loaded[name] for name in loaded.files}
    told = {name: divide(name) for name, value in arrays.items() if value.ndim}
    whole = "" in frames or any(not split for split, _ in told.values())
    out: dict[str, Any] = {}
    for name, value in arrays.items():
        split, rest = ("", name) if whole else told.get(name, ("", name))
        frame = frames.get(split) if value.ndim else None
        if frame is None:
            out[name] = value
            continue
        columns = _columns(rest, value)
        left = [c for c in columns if c in frame.columns]
        if not left:
            continue
        if len(left) < len(columns):
            lost = names(c for c in columns if c not in left)
            raise UsageError(
                f"array {name!r} of {target.name} cannot lose single columns ({lost})",
                "take that step out of the plan",
            )
        out[name] = _array(frame.select(columns), value)
    prefix = {split: name[: -len(rest)] for name, (split, rest) in told.items() if name != rest}
    for split, frame in frames.items():
        for column in shape.added:
            if column in frame.columns:
                out[f"{prefix.get(split, '')}{column}"] = frame[column].to_numpy()
    with target.open("wb") as file:
        np.savez_compressed(file, **out)


def _columns(name: str, value: np.ndarray[Any, Any]) -> list[str]:
    """What an audit calls the columns of an array."""
    frame, _ = from_arrays({name: value[:0]})
    other = reserved(frame.columns)
    return [other.get(c, c) for c in frame.columns]


def _array(frame: pl.DataFrame, like: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Columns as an array of the rank and, where it can hold the values, the type of another."""
    if like.dtype.names:
        out = np.empty(frame.height, dtype=like.dtype)
        for field, column in zip(like.dtype.names, frame.columns, strict=True):
            out[field] = frame[column].to_numpy()
        return out
    wide = np.column_stack([s.to_numpy() for s in frame.iter_columns()])
    shaped = wide.reshape(frame.height, *like.shape[1:])
    if shaped.dtype == like.dtype or like.dtype.kind in "USmM":
        return np.asarray(shaped.astype(like.dtype) if like.dtype.kind in "US" else shaped)
    with np.errstate(all="ignore"):
        cast = shaped.astype(like.dtype)
    if like.dtype.kind == "f" or np.array_equal(cast, shaped):
        return cast
    return np.asarray(shaped)
