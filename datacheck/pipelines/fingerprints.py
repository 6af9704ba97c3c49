"""A fingerprint of rows that does not depend on their order: what a pipeline was fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from datacheck.errors import UsageError
from datacheck.pipelines.transforms.base import Frames, cells
from datacheck.summaries.hashing import hash_other, mix
from datacheck.types import Hashes


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


def fingerprint(frames: Frames, columns: Sequence[str]) -> FittedOn:
    """Of those columns, in one pass. The order of rows and the cut of blocks do not matter.

    Each row's hash is the sum of its cells' (``datacheck.summaries.hashing``); rows are mixed,
    so that two that swap a cell do not cancel, and summed modulo 2⁶⁴.
    """
    total, rows = 0, 0
    for frame in frames(tuple(columns)):
        rows += frame.height
        total += int(row_hashes(frame, columns).sum(dtype=np.uint64))
    return FittedOn(rows, f"{total % 2**64:016x}", tuple(columns))


def row_hashes(frame: pl.DataFrame, columns: Sequence[str]) -> Hashes:
    """One uint64 a row, shape (rows,)."""
    out = np.zeros(frame.height, dtype=np.uint64)
    for name in columns:
        out += hash_other(cells(frame, name), name)
    return mix(out)
