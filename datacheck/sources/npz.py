"""NumPy archives, and folders of single arrays, read without pickle."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from datacheck.dataset import Problem
from datacheck.errors import SourceError
from datacheck.findings import names
from datacheck.sources import streams
from datacheck.sources.images.arrays import agreed, is_stack
from datacheck.sources.images.pictures import is_picture
from datacheck.sources.layout import Listing, form_of, shown, split_of
from datacheck.sources.memory import open_memory
from datacheck.sources.options import SourceOptions
from datacheck.sources.table import ALONE, Opened, Table

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
    tables = _tables(arrays, lambda split, _: f"{split}/{file}" if split else file, path)
    first = next(iter(tables.values()))
    first.problems = problems
    if alone:
        first.said.append(f"not read, single values: {names(alone, 5)}")
    return tables


def _tables(
    arrays: Mapping[str, Any], file: Callable[[str, Sequence[str]], str], path: Path
) -> dict[str, Table]:
    """Tables by split; ``file(split, arrays)`` is what one is called."""
    by: dict[str, dict[str, Any]] = {}
    for name, value in arrays.items():
        split, rest = divide(name)
        by.setdefault(split, {})[rest] = value
    if "" in by and len(by) > 1:
        by = {"": dict(arrays)}
    tables: dict[str, Table] = {}
    pictures = agreed(by.values())
    for split, columns in by.items():
        own = [name for name in arrays if not split or divide(name)[0] == split]
        # Splits of one archive are files of their own: each numbers its rows from 0.
        tables[split] = open_memory(columns, file(split, own), path, pictures)
    return tables


def is_npy(name: str) -> bool:
    """Whether a file is a single array by its name."""
    return name.lower().endswith(".npy")


def open_npy(path: Path, listing: Listing, options: SourceOptions) -> Opened | None:
    """The data set of the arrays below ``path``: as those of an archive, by the names of their
    files. None where there are none, or tables beside them.
    """
    del options
    files = [f for f in listing.files if is_npy(f.name)]
    if not files or any(form_of(f)[0] or is_picture(f.name) for f in listing.files):
        return None
    opened = Opened(path.resolve().name or str(path), said=list(listing.said))
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    called: dict[str, str] = {}
    left = LARGEST
    for one in files:
        told = shown(os.path.relpath(one, path))
        name = "_".join(Path(told).with_suffix("").parts)
        try:
            streams.readable(one)
            array = _mapped(one)
            if not array.ndim:
                raise SourceError("is a single value")
            left -= 0 if is_stack(array.shape, array.dtype) else array.nbytes
            if left < 0:
                raise SourceError("goes past the 8 GiB that are read as columns")
            if name in arrays:
                raise SourceError(f"is another array named {name}")
        except SourceError as error:
            opened.problems.append(Problem("", listing.prefix + told, -1, error.message))
            continue
        arrays[name], called[name] = array, listing.prefix + told
    if arrays:
        tables = _tables(arrays, lambda _, own: called[own[0]], path / "arrays.npy")
        order = {"train": 0, "val": 1, "dev": 1, "test": 2}
        for split in sorted(tables, key=lambda s: (order.get(s, 3), s)):
            opened.add(split or ALONE, tables[split])
    some = set(files)
    aside = [os.path.relpath(f, path) for f in listing.files if f not in some] + listing.aside
    if aside:
        opened.said.append(f"passed over, no arrays: {shown(names(aside, 5))}")
    return opened


def _mapped(path: Path) -> np.ndarray[Any, Any]:
    """An array that is read where it is asked for. Raises SourceError."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # whatever numpy makes of hostile bytes
        raise SourceError(_why(error)) from None
    return _checked(array)


def _array(loaded: Any, name: str) -> np.ndarray[Any, Any]:
    """One array. Raises SourceError for what is broken, pickled, or not columns of cells."""
    try:
        array = loaded[name]
    except Exception as error:  # whatever numpy and zipfile make of hostile bytes
        raise SourceError(_why(error)) from None
    return _checked(array)


def _why(error: Exception) -> str:
    said = re.sub(r"<[^>]*>", "", " ".join(str(error).split()))[:100]
    if any(word in said for word in ("allow_pickle", "Object arrays", "Python objects")):
        return "holds pickled objects, which are never loaded"
    return f"is broken: {said or type(error).__name__}"


def _checked(array: Any) -> np.ndarray[Any, Any]:
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
