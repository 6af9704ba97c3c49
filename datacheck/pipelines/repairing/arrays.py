"""npz archives written again: the same arrays, with mended values and fewer rows."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from datacheck.errors import SourceError, UsageError
from datacheck.findings import names
from datacheck.pipelines.plan import DROPS, Step
from datacheck.sources.images.arrays import agreed, from_cells
from datacheck.sources.layout import split_of
from datacheck.sources.memory import from_arrays
from datacheck.sources.npz import divide
from datacheck.sources.table import reserved

if TYPE_CHECKING:
    from datacheck.dataset import Fragment
    from datacheck.pipelines.repairing.writing import Piece, Shape


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
    pictures = _pictures({n: v for n, v in arrays.items() if v.ndim})
    out: dict[str, Any] = {}
    for name, value in arrays.items():
        split, rest = ("", name) if whole else told.get(name, ("", name))
        frame = frames.get(split) if value.ndim else None
        if frame is None:
            out[name] = value
            continue
        if rest in pictures:
            if rest in frame.columns:
                out[name] = from_cells(frame[rest], value)
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
    words = {split: _word(name, split) for name, (split, _) in told.items() if split}
    for split, frame in frames.items():
        for column in shape.added:
            if column in frame.columns:
                new = column if whole else f"{words[split]}_{column}"
                out[new] = frame[column].to_numpy()
    with target.open("wb") as file:
        np.savez_compressed(file, **out)


def undivided(path: Path) -> list[list[str]]:
    """Columns that are parts of one array, of each array of an archive that has several.

    Reads the headers alone. Raises SourceError where the archive cannot be read.
    """
    shapes: dict[str, np.ndarray[Any, Any]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.namelist():
                with archive.open(entry) as file:
                    version = np.lib.format.read_magic(file)
                    read = (
                        np.lib.format.read_array_header_1_0
                        if version == (1, 0)
                        else np.lib.format.read_array_header_2_0
                    )
                    shape, _, dtype = read(file)
                if shape and (dtype.names or dtype.kind not in "OcV"):
                    shapes[entry.removesuffix(".npy")] = np.empty((0, *shape[1:]), dtype)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise SourceError(f"{path.name} is no npz archive: {error}", "save it again") from None
    told = {name: divide(name) for name in shapes}
    whole = any(not split for split, _ in told.values())
    called = {name: name if whole else rest for name, (_, rest) in told.items()}
    pictures = _pictures(shapes)
    parts = [_columns(called[n], v) for n, v in shapes.items() if called[n] not in pictures]
    return [columns for columns in parts if len(columns) > 1]


def _pictures(arrays: Mapping[str, np.ndarray[Any, Any]]) -> frozenset[str]:
    """Which columns are pictures, as an audit sees it."""
    told = {name: divide(name) for name in arrays}
    if any(not split for split, _ in told.values()):
        return agreed([arrays])
    return agreed([{told[name][1]: value} for name, value in arrays.items()])


def without_parts(
    fragments: Iterable[Fragment], steps: Sequence[Step]
) -> tuple[list[Step], list[str]]:
    """The steps without what would drop a part of an array, and sentences that say so.

    An array of pixels cannot lose one of them.
    """
    paths = {p for f in fragments if (p := getattr(f, "path", None)) and p.suffix == ".npz"}
    groups = [g for path in sorted(paths) for g in undivided(path)]
    dropped = {c for s in steps if s.repair in DROPS for c in s.columns}
    bound = {c for g in groups if not dropped.issuperset(g) for c in g}
    out, said = [], []
    for step in steps:
        kept = [c for c in step.columns if step.repair not in DROPS or c not in bound]
        if len(kept) < len(step.columns):
            stays = [c for c in step.columns if c in bound]
            said.append(f"{step.repair} leaves {names(stays)}: parts of an array stay together")
        if kept or not step.columns:
            out.append(replace(step, columns=tuple(kept)))
    return out, said


def _word(name: str, split: str) -> str:
    """How an array's name spells its split, so that a new name is read as of the same one."""
    parts = name.replace("-", "_").split("_")
    return next((p for p in parts if split_of(p) == split), split)


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
