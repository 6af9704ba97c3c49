"""Which keys (entities, groups) occur, and in how many rows: hashed, eight bytes a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from datacheck.dataset import Batch
from datacheck.summaries.base import State, Summary
from datacheck.summaries.hashing import hash_column
from datacheck.types import Hashes, Ints

CAP = 4_000_000


class Keys(Summary):
    """Sorted key hashes with row counts, by column; missing cells are no key.

    Past the cap the smallest hashes stay, with exact counts: a uniform sample of the entities
    (bottom-k, as in :class:`~datacheck.summaries.values.Values`), the same in every split.
    """

    def __init__(self, columns: Sequence[str] = (), cap: int = CAP, **params: Any) -> None:
        super().__init__(columns, cap=cap, **params)
        self.cap = cap
        self._parts: dict[str, list[tuple[Hashes, Ints]]] = {c: [] for c in self.columns}
        self._full: dict[str, bool] = dict.fromkeys(self.columns, True)

    def hashes(self, column: str) -> Hashes:
        """uint64 of shape (k,), ascending."""
        return self._compact(column)[0]

    def counts(self, column: str) -> Ints:
        """Rows of each key, int64 of shape (k,)."""
        return self._compact(column)[1]

    def complete(self, column: str) -> bool:
        """Whether all keys are there."""
        self._compact(column)
        return self._full[column]

    def update(self, batch: Batch) -> None:
        """Absorb the rows of a batch."""
        for column in self.columns:
            series = batch.frame[column].drop_nulls()
            if series.dtype.is_float():
                series = series.drop_nans()
            if len(series):
                unique, counts = np.unique(hash_column(series), return_counts=True)
                self._push(column, (unique, counts.astype(np.int64)))

    def merge(self, other: Self) -> Self:
        """Sums per key."""
        for column in self.columns:
            self._full[column] = self._full[column] and other._full[column]
            for part in other._parts[column]:
                self._push(column, part)
        return self

    def _push(self, column: str, part: tuple[Hashes, Ints]) -> None:
        parts = self._parts[column]
        parts.append(part)
        pending = sum(p[0].size for p in parts)
        if (len(parts) >= 32 and pending > 1 << 18) or pending > 2 * self.cap:
            self._compact(column)

    def _compact(self, column: str) -> tuple[Hashes, Ints]:
        parts = self._parts[column]
        match parts:
            case []:
                return np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64)
            case [(hashes, counts)] if hashes.size <= self.cap:
                return hashes, counts
        hashes = np.concatenate([h for h, _ in parts])
        counts = np.concatenate([n for _, n in parts])
        unique, inverse = np.unique(hashes, return_inverse=True)
        summed = np.zeros(unique.size, dtype=np.int64)
        np.add.at(summed, inverse, counts)
        if unique.size > self.cap:
            self._full[column] = False
            unique, summed = unique[: self.cap], summed[: self.cap]
        self._parts[column] = [(unique, summed)]
        return unique, summed

    def state(self) -> State:
        """Hashes and counts of each column."""
        out: State = {}
        for i, column in enumerate(self.columns):
            out[f"h{i}"], out[f"n{i}"] = self._compact(column)
            out[f"full{i}"] = self._full[column]
        return out

    def restore(self, state: State) -> None:
        """Take over a state."""
        for i, column in enumerate(self.columns):
            self._parts[column] = [(state[f"h{i}"], state[f"n{i}"])]
            self._full[column] = bool(state[f"full{i}"])
