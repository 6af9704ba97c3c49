"""NumPy archives, read without pickle."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from datacheck.errors import SourceError
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
            for name in loaded.files:
                if promised.get(f"{name}.npy", 0) > LARGEST:
                    problems.append((-1, f"array {name!r} is larger than 8 GiB; not read", False))
                    continue
                try:
                    arrays[name] = loaded[name]
                except ValueError:
                    reason = f"array {name!r} holds pickled objects, which are never loaded"
                    problems.append((-1, reason, False))
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as error:
        raise SourceError(
            f"is broken or no npz archive: {' '.join(str(error).split())[:100]}"
        ) from None
    arrays = {k: v for k, v in arrays.items() if v.ndim > 0}
    if not arrays:
        raise SourceError(problems[0][1] if problems else "holds no arrays")
    by: dict[str, dict[str, Any]] = {}
    for name, value in arrays.items():
        split, rest = _divide(name)
        by.setdefault(split, {})[rest] = value
    if "" in by and len(by) > 1:
        by = {"": arrays}
    tables: dict[str, Table] = {}
    for split, columns in by.items():
        frame, said = from_arrays(columns)
        table = open_memory(frame, file)
        table.said = said
        tables[split] = table
    next(iter(tables.values())).problems = problems
    return tables


def _divide(name: str) -> tuple[str, str]:
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
