"""One 64-bit hash a row over the features, and one over the label.

Sixteen bytes a row, and sixteen more where the hash is held in three parts; past ``SPILL`` bytes
the arrays live in an unlinked scratch file. Two rows with one feature hash are the same but for a
chance of n² / 2⁶⁵ in the whole dataset; rules confirm what they report on the real rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np

from datacheck.dataset import Batch
from datacheck.summaries.base import State, Summary
from datacheck.summaries.hashing import add_numbers, hash_column, hash_other, mix
from datacheck.summaries.spilling import Arrays, spilled
from datacheck.types import Hashes, Ints

NO_LABEL = ""
PARTS = 3


class RowHashes(Summary):
    """Hashes of the rows over ``columns``, and over ``label`` alone ('' for none).

    ``parts`` has a digit of 0–2 for each column: the hash is then the sum of those of three parts
    of the columns, by which rows are found that differ in one or two (:meth:`part`).
    """

    columnwise: ClassVar[bool] = False
    SPILL: ClassVar[int] = 256 << 20

    def __init__(
        self,
        columns: Sequence[str] = (),
        label: str = NO_LABEL,
        parts: str = "",
        **params: Any,
    ) -> None:
        super().__init__(columns, label=label, parts=parts, **params)
        self.label = label
        self.homes = {c: int(p) for c, p in zip(columns, parts, strict=bool(parts))}
        self._chunks: list[tuple[int, Arrays]] = []  # rows; addresses, or the first of a run
        self._held = 0
        self._sorted: Hashes | None = None

    def reads(self) -> tuple[str, ...]:
        """Features and label."""
        return (*self.columns, self.label) if self.label else self.columns

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(n for n, _ in self._chunks)

    def features(self) -> Hashes:
        """uint64 of shape (rows,), in order of address."""
        return self._joined("features")

    def labels(self) -> Hashes:
        """uint64 of shape (rows,), in order of address; zeros without a label."""
        return self._joined("labels")

    def part(self, which: int) -> Hashes:
        """uint64 of shape (rows,), in order of address: the hash of one of the three parts."""
        if which < PARTS - 1:
            return self._joined(f"part{which}")
        return self.features() - self._joined("part0") - self._joined("part1")

    def addresses(self) -> Ints:
        """int64 of shape (rows,), ascending."""
        self._order()
        own = [(n, c["addresses"]) for n, c in self._chunks]
        parts = [a if a.size == n else a + np.arange(n) for n, a in own]
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
        hashed = np.zeros((PARTS if self.homes else 1, batch.height), dtype=np.uint64)
        homes = [self.homes.get(c, 0) for c in numbers]
        add_numbers(hashed, batch.matrix(numbers), numbers, homes)
        for name in others:
            hashed[self.homes.get(name, 0)] += hash_other(batch.frame[name], name)
        label = (
            mix(hash_column(batch.frame[self.label]))
            if self.label
            else np.zeros(batch.height, dtype=np.uint64)
        )
        addresses = batch.addresses
        if addresses[-1] - addresses[0] == addresses.size - 1:
            addresses = addresses[:1]
        chunk = {"addresses": addresses, "features": hashed.sum(axis=0), "labels": label}
        if self.homes:
            chunk |= {f"part{k}": hashed[k].copy() for k in range(PARTS - 1)}
        self._add(batch.height, chunk)

    def merge(self, other: Self) -> Self:
        """The rows of both."""
        for n, chunk in other._chunks:
            self._add(n, chunk)
        return self

    def _add(self, n: int, chunk: Arrays) -> None:
        self._sorted = None
        self._chunks.append((n, chunk))
        self._held += sum(a.nbytes for a in chunk.values() if not isinstance(a, np.memmap))
        if self._held > self.SPILL:
            sizes = [n for n, _ in self._chunks]
            moved = spilled([c for _, c in self._chunks])
            self._chunks, self._held = list(zip(sizes, moved, strict=True)), 0

    def _order(self) -> None:
        self._chunks.sort(key=lambda c: int(c[1]["addresses"][0]))

    def _joined(self, which: str) -> Hashes:
        self._order()
        parts: list[Any] = [c[which] for _, c in self._chunks]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint64)

    def nbytes(self) -> int:
        """What is held in memory."""
        return self._held

    def state(self) -> State:
        """Addresses and all hashes, in order of address."""
        order = np.argsort(self.addresses(), kind="stable")
        out = {
            "addresses": self.addresses()[order],
            "features": self.features()[order],
            "labels": self.labels()[order],
        }
        if self.homes:
            out |= {f"part{k}": self.part(k)[order] for k in range(PARTS - 1)}
        return dict(out)

    def restore(self, state: State) -> None:
        """Take over a state."""
        self._chunks, self._held = [], 0
        if state["addresses"].size:
            self._add(state["addresses"].size, dict(state))


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
