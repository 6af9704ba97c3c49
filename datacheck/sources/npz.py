"""NumPy archives, read without pickle."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from datacheck.errors import SourceError
from datacheck.findings import names
from datacheck.sources.layout import split_of
from datacheck.sources.memory import from_arrays, open_memory
from datacheck.sources.table import Table

LARGEST = 8 << 30  # bytes of one array: an archive can promise more than memory holds


def open_npz(path: Path, file: str) -> dict[str, Table]:
    """Tables by split ('' where the names of the arrays tell none). Raises SourceError.

    ``x_train, y_train, x_test, y_test`` and the like are splits; otherwise all arrays are
    columns of one table.
    """
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    problems: list[tuple[int, str, bool]] = []
    try:
        with zipfile.ZipFile(path) as archive:
            promised = {i.filename: i.file_size for i in archive.infolist()}
        with np.load(path, allow_pickle=False) as loaded:
            left = LARGEST
            for name in loaded.files:
                left -= promised.get(f"{name}.npy", 0)
                try:
                    if left < 0:
                        raise SourceError("goes past the 8 GiB that are read of an archive")
                    arrays[name] = _array(loaded, name)
                except SourceError as error:
                    problems.append((-1, f"array {name!r} {error.message}", False))
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError) as error:
        raise SourceError(
            f"is broken or no npz archive: {' '.join(str(error).split())[:100]}"
        ) from None
    alone = [k for k, v in arrays.items() if v.ndim == 0]
    arrays = {k: v for k, v in arrays.items() if v.ndim > 0}
    if not arrays:
        raise SourceError(problems[0][1] if problems else "holds no arrays")
    by: dict[str, dict[str, Any]] = {}
    for name, value in arrays.items():
        split, rest = divide(name)
        by.setdefault(split, {})[rest] = value
    if "" in by and len(by) > 1:
        by = {"": arrays}
    tables: dict[str, Table] = {}
    for split, columns in by.items():
        frame, said = from_arrays(columns)
        # Splits of one archive are files of their own: each numbers its rows from 0.
        table = open_memory(frame, f"{split}/{file}" if split else file, path)
        table.said += said
        tables[split] = table
    first = next(iter(tables.values()))
    first.problems = problems
    if alone:
        first.said.append(f"not read, single values: {names(alone, 5)}")
    return tables


def _array(loaded: Any, name: str) -> np.ndarray[Any, Any]:
    """One array. Raises SourceError for what is broken, pickled, or not columns of cells."""
    try:
        array = loaded[name]
    except Exception as error:  # whatever numpy and zipfile make of hostile bytes
        said = " ".join(str(error).split())[:100]
        if "allow_pickle" in said or "Object arrays" in said:
            raise SourceError("holds pickled objects, which are never loaded") from None
        raise SourceError(f"is broken: {said or type(error).__name__}") from None
    if not isinstance(array, np.ndarray):
        raise SourceError("is no array")
    if array.ndim and not array.dtype.itemsize:
        raise SourceError("has cells of no bytes")
    if array.dtype.kind == "c":
        raise SourceError("holds complex numbers")
    if array.dtype.kind == "V" and not array.dtype.names:
        raise SourceError("holds raw bytes")
    return array


def divide(name: str) -> tuple[str, str]:
    """``x_train`` → (train, x)."""
    parts = name.replace("-", "_").split("_")
    for i, part in enumerate(parts):
        split = split_of(part)
        if split and len(parts) > 1:
            return split, "_".join(parts[:i] + parts[i + 1 :])
    for split in ("train", "test", "valid", "val"):
        if name.lower().endswith(split) and len(name) > len(split):
            return split_of(split), name[: -len(split)]
    return "", name
