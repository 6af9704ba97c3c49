"""Parquet, Arrow and Feather files, read in slices of rows and only the columns needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from datacheck.dataset import Batch, Fragment
from datacheck.errors import SourceError
from datacheck.sources import streams
from datacheck.sources.table import Readings, Table, peek_rows, reserved, to_batch, told

SLICE = 2_000_000  # rows of a fragment


@dataclass(frozen=True, slots=True)
class ColumnarFragment:
    """Rows ``start`` to ``stop`` of a Parquet or Arrow file."""

    split: str
    file: str
    path: Path
    form: str
    start: int
    stop: int
    readings: Readings

    def fingerprint(self) -> tuple[str, int, int]:
        """(path, size, mtime in ns)."""
        return streams.fingerprint(self.path)

    def read(self, columns: Sequence[str], batch_rows: int) -> Iterator[Batch]:
        """Batches of about ``batch_rows`` rows."""
        lazy = scan(self.path, self.form)
        have = set(lazy.collect_schema().names())
        at = self.start
        wanted = [c for c in columns if c in have]
        if not wanted:
            rows = np.arange(at, self.stop, dtype=np.int64)
            yield to_batch(pl.DataFrame(), rows, columns, self.readings)
            return
        picked = lazy.slice(at, self.stop - at).select(wanted)
        for frame in picked.collect_batches(chunk_size=batch_rows, maintain_order=True):
            rows = np.arange(at, at + frame.height, dtype=np.int64)
            at += frame.height
            yield to_batch(frame, rows, columns, self.readings)


def scan(path: Path, form: str) -> pl.LazyFrame:
    """The file as a lazy frame; Arrow streams are read whole, they have no index."""
    lazy = _scan(path, form)
    other = reserved(lazy.collect_schema().names())
    return lazy.rename(other) if other else lazy


def _scan(path: Path, form: str) -> pl.LazyFrame:
    if form == "parquet":
        return pl.scan_parquet(path, glob=False)
    with path.open("rb") as file:
        stream = not file.read(6).startswith(b"ARROW1")
    return pl.read_ipc_stream(path).lazy() if stream else pl.scan_ipc(path, glob=False)


def open_columnar(path: Path, file: str, form: str) -> Table:
    """A table from a Parquet or Arrow file. Raises SourceError for one that is broken."""
    try:
        said = told(reserved(_scan(path, form).collect_schema().names()))
        lazy = scan(path, form)
        names = lazy.collect_schema().names()
        total = int(lazy.select(pl.len()).collect().item())
        peek = lazy.head(peek_rows(len(names))).collect()
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        why = " ".join(str(error).split())[:120]
        raise SourceError(f"is broken or no {form} file: {why}") from None

    def fragments(split: str, readings: Readings) -> list[Fragment]:
        return [
            ColumnarFragment(split, file, path, form, at, min(at + SLICE, total), readings)
            for at in range(0, total, SLICE)
        ]

    return Table(file, peek, fragments, said=said)
