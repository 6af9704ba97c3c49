"""One 64-bit hash a row over the features, and one over the label.

Sixteen bytes a row; past ``SPILL`` bytes the arrays live in an unlinked scratch file.
Two rows with one feature hash are the same but for a chance of n² / 2⁶⁵ in the whole dataset;
rules confirm what they report on the real rows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np

from datacheck.dataset import Batch
from datacheck.summaries.base import State, Summary
from datacheck.summaries.hashing import hash_column, hash_numbers, hash_other, mix
from datacheck.types import Hashes, Ints

NO_LABEL = ""
_Chunk = tuple[Ints, int, Hashes, Hashes]  # addresses, or the first one where they run on; n


class RowHashes(Summary):
    """Hashes of the rows over ``columns``, and over ``label`` alone ('' for none)."""

    columnwise: ClassVar[bool] = False
    SPILL: ClassVar[int] = 256 << 20

    def __init__(self, columns: Sequence[str] = (), label: str = NO_LABEL, **params: Any) -> None:
        super().__init__(columns, label=label, **params)
        self.label = label
        self._chunks: list[_Chunk] = []
        self._held = 0
        self._sorted: Hashes | None = None

    def reads(self) -> tuple[str, ...]:
        """Features and label."""
        return (*self.columns, self.label) if self.label else self.columns

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(c[1] for c in self._chunks)

    def features(self) -> Hashes:
        """uint64 of shape (rows,), in order of address."""
        return self._joined(2)

    def labels(self) -> Hashes:
        """uint64 of shape (rows,), in order of address; zeros without a label."""
        return self._joined(3)

    def addresses(self) -> Ints:
        """int64 of shape (rows,), ascending."""
        self._order()
        parts = [a if a.size == n else a[0] + np.arange(n) for a, n, _, _ in self._chunks]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    def sorted_features(self) -> Hashes:
        """Feature hashes in ascending order (kept, as several rules need them)."""
        if self._sorted is None:
            self._sorted = np.sort(self.features())
        return self._sorted

    def update(self, batch: Batch) -> None:
        """Absorb the rows of a batch."""
        if not batch.height:
            return
        numbers, others = _kinds(batch, self.columns)
        hashed = hash_numbers(batch.matrix(numbers), numbers)
        for name in others:
            hashed += hash_other(batch.frame[name], name)
        label = (
            mix(hash_column(batch.frame[self.label]))
            if self.label
            else np.zeros(batch.height, dtype=np.uint64)
        )
        addresses = batch.addresses
        if addresses[-1] - addresses[0] == addresses.size - 1:
            addresses = addresses[:1]
        self._add((addresses, batch.height, hashed, label))

    def merge(self, other: Self) -> Self:
        """The rows of both."""
        for chunk in other._chunks:
            self._add(chunk)
        return self

    def _add(self, chunk: _Chunk) -> None:
        self._sorted = None
        self._chunks.append(chunk)
        self._held += chunk[2].nbytes + chunk[3].nbytes + chunk[0].nbytes
        if self._held > self.SPILL:
            self._spill()

    def _spill(self) -> None:
        """Move what is in memory to a scratch file that vanishes with the process."""
        with tempfile.TemporaryFile(prefix="datacheck-") as scratch:
            for addresses, _, hashed, label in self._chunks:
                for array in (addresses, hashed, label):
                    if not isinstance(array, np.memmap):
                        array.tofile(scratch)
            scratch.flush()
            at, chunks = 0, []
            for addresses, n, hashed, label in self._chunks:
                moved: list[Any] = []
                for array in (addresses, hashed, label):
                    if isinstance(array, np.memmap):
                        moved.append(array)
                        continue
                    moved.append(
                        np.memmap(scratch, array.dtype, mode="r", offset=at, shape=array.shape)
                    )
                    at += array.nbytes
                chunks.append((moved[0], n, moved[1], moved[2]))
        self._chunks, self._held = chunks, 0

    def _order(self) -> None:
        self._chunks.sort(key=lambda c: int(c[0][0]))

    def _joined(self, which: int) -> Hashes:
        self._order()
        parts: list[Any] = [c[which] for c in self._chunks]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint64)

    def nbytes(self) -> int:
        """What is held in memory."""
        return self._held

    def state(self) -> State:
        """Addresses, feature hashes and label hashes, in order of address."""
        order = np.argsort(self.addresses(), kind="stable")
        return {
            "addresses": self.addresses()[order],
            "features": self.features()[order],
            "labels": self.labels()[order],
        }

    def restore(self, state: State) -> None:
        """Take over a state."""
        self._chunks = []
        if state["addresses"].size:
            addresses = state["addresses"]
            self._add((addresses, addresses.size, state["features"], state["labels"]))


def _kinds(batch: Batch, columns: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    import polars as pl

    schema = batch.frame.schema
    numbers = tuple(
        c
        for c in columns
        if schema[c].is_numeric() or schema[c] == pl.Boolean or schema[c].is_temporal()
    )
    chosen = set(numbers)
    return numbers, tuple(c for c in columns if c not in chosen)
