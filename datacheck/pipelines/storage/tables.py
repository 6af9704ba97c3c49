"""Map-style datasets over tables: Arrow files mapped into memory, or arrays that are there already.

A batch is fetched by one gather a column, never row by row. Only paths travel to the workers of a
DataLoader: each maps the files itself, started by ``fork`` or by ``spawn``.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from datacheck.dataset import FILE_SHIFT
from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.storage.arrow_file import Chunk, Field, open_arrow
from datacheck.pipelines.storage.ragged import (
    Array,
    Ragged,
    Rows,
    columns_of,
    reorder,
    rows_of,
    take,
    unusable,
)
from datacheck.types import Ints

ADDRESS = "__address__"
PART_BYTES = 64 << 20
Touched = tuple[int, Ints | None, Ints]
"""A record batch, the places of its rows in the request (None: all), and their rows in it."""
BLOCK = 1 << 16  # rows looked at together where a whole column is read


class Table:
    """A map-style dataset over record batches; what both kinds of table share.

    ``table[i]`` are the :class:`Rows` of one row, ``table.__getitems__(indices)`` those of a
    batch: DataLoader calls it by itself. Indices count from 0 over all record batches.
    """

    fields: dict[str, Field]
    keep: object = None  # what has to live as long as the table, such as a temporary folder
    _parts: list[Chunk]
    _starts: Ints
    _bases: Ints

    def _set(self, fields: Sequence[Field], parts: list[Chunk], bases: Sequence[int]) -> None:
        """``bases`` are the addresses of the parts' first rows."""
        self.fields = {f.name: f for f in fields}
        self._parts = [p for p in parts if p.rows]
        self._bases = np.array(
            [b for b, p in zip(bases, parts, strict=True) if p.rows], dtype=np.int64
        )
        self._starts = np.cumsum([0, *(p.rows for p in self._parts)], dtype=np.int64)

    def _ready(self) -> None:
        """Map the files, where that has not been done in this process."""

    def __len__(self) -> int:
        self._ready()
        return int(self._starts[-1])

    def __getitem__(self, index: int) -> Rows:
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int] | Ints) -> Rows:
        """The rows at ``indices`` (any order, repeated or not), in that order.

        Raises IndexError for a row that is not there.
        """
        self._ready()
        at = np.asarray(indices, dtype=np.int64)
        n = int(self._starts[-1])
        if at.size and (at.min() < -n or at.max() >= n):
            raise IndexError(f"row {int(at.max()):,} of a table of {n:,} rows")
        at = np.where(at < 0, at + n, at)
        touched = self._touched(at)
        columns = {name: self._take(name, touched) for name in self.fields if name != ADDRESS}
        return Rows(columns, self._addresses(touched, at.size))

    def addresses(self) -> Ints:
        """The addresses of all rows, int64 of shape (rows,)."""
        self._ready()
        at = np.arange(len(self), dtype=np.int64)
        return self._addresses(self._touched(at), at.size)

    def column(self, name: str) -> Array:
        """All values of a column of numbers, shape (rows,) or (rows, width). Reads it whole."""
        self._ready()
        pieces = [take(p.columns[name], self.fields[name], _all(p)) for p in self._parts]
        if not pieces:
            return np.zeros(0)
        found = [p for p in pieces if not isinstance(p, Ragged)]
        if not found:
            raise UsageError(f"{name!r} holds lists", "lengths() tells how long they are")
        return np.concatenate(found)

    def lengths(self, name: str) -> Ints:
        """Items of each row of a column of lists, shape (rows,); only the offsets are read."""
        self._ready()
        if self.fields[name].form != "list":
            lists = [f.name for f in self.fields.values() if f.form == "list"]
            raise UsageError(f"{name!r} holds no lists", f"lists: {names(lists) or 'none'}")
        edges = [p.columns[name].offsets for p in self._parts]
        parts = [np.diff(e).astype(np.int64) for e in edges if e is not None]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    def items(self, name: str) -> Iterator[Ragged]:
        """A column of lists, some rows after the other."""
        self._ready()
        for part in self._parts:
            for start in range(0, part.rows, BLOCK):
                at = np.arange(start, min(start + BLOCK, part.rows), dtype=np.int64)
                taken = take(part.columns[name], self.fields[name], at)
                if isinstance(taken, Ragged):
                    yield taken

    def missing(self, name: str) -> int:
        """How many rows of the column hold a missing, NaN or infinite number (or no list)."""
        self._ready()
        field, total = self.fields[name], 0
        for part in self._parts:
            for start in range(0, part.rows, BLOCK):
                at = np.arange(start, min(start + BLOCK, part.rows), dtype=np.int64)
                total += int(np.count_nonzero(unusable(take(part.columns[name], field, at))))
        return total

    def _touched(self, at: Ints) -> list[Touched]:
        """The record batches that hold the rows ``at``, each with its share of them."""
        part = np.searchsorted(self._starts, at, side="right") - 1
        if not at.size or (part == part[0]).all():
            k = int(part[0]) if at.size else 0
            return [(k, None, at - self._starts[k])] if self._parts else []
        order = np.argsort(part, kind="stable")
        sorted_ = part[order]
        cuts = np.flatnonzero(sorted_[1:] != sorted_[:-1]) + 1
        return [
            (k := int(part[mine[0]]), mine, at[mine] - self._starts[k])
            for mine in np.split(order, cuts)
        ]

    def _addresses(self, touched: list[Touched], rows: int) -> Ints:
        if ADDRESS in self.fields:
            found = self._take(ADDRESS, touched)
            assert not isinstance(found, Ragged)
            return found.astype(np.int64)
        out = np.empty(rows, dtype=np.int64)
        for k, mine, local in touched:
            out[slice(None) if mine is None else mine] = local + self._bases[k]
        return out

    def _take(self, name: str, touched: list[Touched]) -> Array | Ragged:
        """One gather a record batch, then back into the order of the rows."""
        field = self.fields[name]
        if not touched:
            empty = Ragged(np.zeros(0, field.dtype), np.zeros(1, dtype=np.int64))
            shape = (0, field.width) if field.form == "matrix" else (0,)
            return empty if field.form == "list" else np.zeros(shape, field.dtype)
        pieces = [take(self._parts[k].columns[name], field, local) for k, _, local in touched]
        if len(pieces) == 1:
            return pieces[0]
        return reorder(pieces, np.concatenate([mine for _, mine, _ in touched if mine is not None]))


class ArrowTable(Table):
    """Rows of uncompressed Arrow IPC files, mapped into memory and gathered by batch.

    ``columns`` picks some (default: all that hold numbers, booleans, lists or fixed-size lists
    of numbers); ``files`` are the ordinals that go into row addresses where the files hold no
    column ``__address__`` (default: 0, 1, …). Pickles as its paths. Raises SourceError for files
    that cannot be mapped, UsageError for columns that are not there or hold text.
    """

    def __init__(
        self,
        paths: str | Path | Iterable[str | Path],
        columns: Sequence[str] | None = None,
        *,
        files: Sequence[int] | None = None,
    ) -> None:
        several = [paths] if isinstance(paths, str | Path) else list(paths)
        self.paths = [Path(p).expanduser().absolute() for p in several]
        self.picked = None if columns is None else tuple(columns)
        self.files = list(range(len(self.paths))) if files is None else list(files)
        self._mapped = 0
        self._ready()

    def _ready(self) -> None:
        # A map survives fork, but not pickling: then it is made where it is first needed.
        if self._mapped:
            return
        fields: list[Field] = []
        parts: list[Chunk] = []
        bases: list[int] = []
        for path, file in zip(self.paths, self.files, strict=True):
            found, chunks = open_arrow(path)
            if fields and found != fields:
                raise UsageError(
                    f"{path.name} and {self.paths[0].name} have different columns",
                    f"{names(f.name for f in found)}; {names(f.name for f in fields)}",
                )
            fields = found
            parts += chunks
            rows = [0, *itertools.accumulate(c.rows for c in chunks)]
            bases += [(file << FILE_SHIFT) + row for row in rows[:-1]]
        self._set(_pick(fields, self.picked), parts, bases)
        self._mapped = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return {
            "paths": self.paths,
            "picked": self.picked,
            "files": self.files,
            "_mapped": 0,
        }

    def __repr__(self) -> str:
        return f"ArrowTable({len(self):,} rows, {len(self.fields)} columns, mapped)"


class MemoryTable(Table):
    """Rows of columns that are in memory: arrays, a frame (Polars, pandas), a mapping.

    Columns hold numbers, booleans, or lists or arrays of numbers. Raises UsageError for others.
    """

    def __init__(self, source: Any, *, file: int = 0) -> None:
        columns, fields = columns_of(source)
        rows = {f.name: rows_of(columns[f.name]) for f in fields}
        if len(set(rows.values())) > 1:
            raise UsageError(f"columns have different numbers of rows: {rows}", "name one table")
        self._set(fields, [Chunk(next(iter(rows.values()), 0), columns)], [file << FILE_SHIFT])

    def __repr__(self) -> str:
        return f"MemoryTable({len(self):,} rows, {len(self.fields)} columns)"


class ArrowWriter:
    """Writes frames of one schema as uncompressed Arrow files ``part-00000.arrow`` … in a folder.

    At most about ``part_bytes`` bytes are held at a time. The folder is made when it is needed:
    what fits into one part is not written, if ``finish`` is told so.
    """

    def __init__(self, folder: Path, *, part_bytes: int = PART_BYTES) -> None:
        self.folder, self.part_bytes = folder, part_bytes
        self.paths: list[Path] = []
        self._pending: list[pl.DataFrame] = []
        self._held = 0.0

    def add(self, frame: pl.DataFrame) -> None:
        """Write the frame, or keep it until there is enough for a file."""
        self._pending.append(frame)
        self._held += frame.estimated_size()
        if self._held >= self.part_bytes:
            self._flush()

    def finish(self, *, in_memory: bool = False) -> Table:
        """The table of all that was added; a small one in memory where that is allowed.

        Raises UsageError where nothing was added: not even columns are known then.
        """
        if not self.paths and not self._pending:
            raise UsageError("the split has no rows", "give data, or leave the split out")
        if in_memory and not self.paths:
            return MemoryTable(pl.concat(self._pending))
        if self._pending:
            self._flush()
        return ArrowTable(self.paths)

    def _flush(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"part-{len(self.paths):05}.arrow"
        whole = pl.concat(self._pending, rechunk=True)
        whole.write_ipc(path, compression="uncompressed", compat_level=pl.CompatLevel.oldest())
        self.paths.append(path)
        self._pending, self._held = [], 0.0


def _pick(fields: Sequence[Field], columns: Sequence[str] | None) -> list[Field]:
    have = {f.name: f for f in fields}
    if columns is None:
        return [f for f in fields if f.form]
    for name in columns:
        if name not in have:
            raise UsageError(f"no column {name!r}", f"columns: {names(have, 8)}")
        if not have[name].form:
            raise UsageError(
                f"column {name!r} holds {have[name].said}, which cannot be mapped as numbers",
                "datacheck.loaders encodes text and categories",
            )
    wanted = [*columns, *([ADDRESS] if ADDRESS in have and ADDRESS not in columns else [])]
    return [have[name] for name in wanted]


def _all(part: Chunk) -> Ints:
    return np.arange(part.rows, dtype=np.int64)
