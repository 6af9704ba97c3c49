"""A fingerprint of rows that does not depend on their order: what a pipeline was fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from datacheck.dataset import to_matrix
from datacheck.errors import UsageError
from datacheck.pipelines.fitting.spreads import named
from datacheck.pipelines.transforms.base import Frames, cells
from datacheck.summaries.hashing import hash_numbers, hash_other, mix
from datacheck.types import Hashes

EXACT = 2**53  # beyond, float64 has no number for some whole ones


@dataclass(frozen=True)
class FittedOn:
    """How many rows, the hash of all of them (16 hexadecimal digits), and of which columns."""

    rows: int
    fingerprint: str
    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        digits = set(self.fingerprint) <= set("0123456789abcdef")
        if self.rows < 0 or len(self.fingerprint) != 16 or not digits:
            raise UsageError(
                f"{self.rows} rows with the fingerprint {self.fingerprint[:40]!r}",
                "16 hexadecimal digits are expected",
            )


@dataclass
class Fingerprint:
    """Rows looked at so far. The order of rows and the cut of blocks do not matter.

    Each row's hash is the sum of its cells' (``datacheck.summaries.hashing``); rows are mixed,
    so that two that swap a cell do not cancel, and summed modulo 2⁶⁴.
    """

    columns: tuple[str, ...]
    rows: int = 0
    total: int = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Rows that hold those columns."""
        self.rows += frame.height
        hashes = row_hashes(frame, self.columns)
        self.total = (self.total + int(hashes.sum(dtype=np.uint64))) % 2**64

    def merge(self, other: Fingerprint) -> None:
        """Rows that another has looked at."""
        self.rows += other.rows
        self.total = (self.total + other.total) % 2**64

    def found(self) -> FittedOn:
        """What it came to."""
        return FittedOn(self.rows, f"{self.total:016x}", self.columns)


def fingerprint(frames: Frames, columns: Sequence[str]) -> FittedOn:
    """Of those columns, in one pass."""
    made = Fingerprint(tuple(columns))
    for frame in frames(made.columns):
        made.add(frame)
    return made.found()


def row_hashes(frame: pl.DataFrame, columns: Sequence[str]) -> Hashes:
    """One uint64 a row, shape (rows,)."""
    schema = dict(frame.schema)
    numbers = tuple(c for c in columns if _number(schema[c]))
    table = named([frame.get_column(c) for c in numbers])
    matrix = to_matrix(table, table.columns)
    out = np.zeros(frame.height, dtype=np.uint64)
    if numbers:
        out += hash_numbers(matrix, numbers)
    for j, name in enumerate(numbers):
        if schema[name] in (pl.Int64, pl.UInt64):
            # Cell by cell, as blocks vary: by all bits where float64 cannot tell numbers apart.
            large = np.abs(matrix[:, j]) >= EXACT
            if large.any():
                exact = cells(frame, name).filter(pl.Series(large))
                out[large] -= hash_numbers(matrix[large, j : j + 1], (name,))
                out[large] += hash_other(exact, name)
    for name in columns:
        if not _number(schema[name]):
            out += hash_other(cells(frame, name), name)
    return mix(out)


def _number(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype == pl.Boolean or dtype.is_temporal()
