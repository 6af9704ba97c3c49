"""Lengths of the two sides of pairs, together, and pairs whose sides are the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from datacheck.dataset import Batch, Measure
from datacheck.summaries.base import State, Summary
from datacheck.summaries.lengths import lengths_of
from datacheck.types import Ints, Mask

if TYPE_CHECKING:
    import polars as pl

KEPT = 64  # addresses of pairs whose sides are the same, the first ones
BITS = 8  # significant bits of a length: beyond 255, lengths are told apart to 0.8 %


class Pairs(Summary):
    """For the columns ``source`` and ``target``: how often each two lengths go together.

    ``copied`` counts the rows of which both sides say the same (but for space around it), in at
    least ``least`` words or items; ``first`` are the addresses of the first of them.
    """

    columnwise: ClassVar[bool] = False

    def __init__(
        self,
        columns: Sequence[str] = (),
        source: str = "",
        target: str = "",
        least: int = 1,
        **measure: str,
    ) -> None:
        super().__init__(columns, source=source, target=target, least=least, **measure)
        self.source, self.target, self.least = source, target, least
        self._measure = Measure(**measure)
        self._keys: Ints = np.zeros(0, dtype=np.int64)
        self._counts: Ints = np.zeros(0, dtype=np.int64)
        self.copied = 0
        self.whole = 0
        self.first: Ints = np.zeros(0, dtype=np.int64)

    def table(self) -> tuple[Ints, Ints, Ints]:
        """(length of the source, of the target, rows), each of shape (k,), rounded to 8 bits."""
        return self._keys >> 32, self._keys & ((1 << 32) - 1), self._counts

    def update(self, batch: Batch) -> None:
        """Absorb the rows of a batch; pairs with a missing side are left aside."""
        a, b = batch.frame[self.source], batch.frame[self.target]
        of, to = lengths_of(a, self._measure), lengths_of(b, self._measure)
        known = of.is_not_null() & to.is_not_null()
        rows, columns = (rounded(n.filter(known).to_numpy()) for n in (of, to))
        keys = (rows << 32) | columns
        values, counts = np.unique(keys, return_counts=True)
        self._add(values, counts.astype(np.int64))
        self.whole += int(known.sum())
        same = copies(a, b, self.least)
        self.copied += int(same.sum())
        self.first = np.union1d(self.first, batch.addresses[same])[:KEPT]

    def merge(self, other: Self) -> Self:
        """Sums by lengths; the first of the addresses of both."""
        self._add(other._keys, other._counts)
        self.whole += other.whole
        self.copied += other.copied
        self.first = np.union1d(self.first, other.first)[:KEPT]
        return self

    def _add(self, keys: Ints, counts: Ints) -> None:
        both = np.concatenate([self._keys, keys])
        self._keys, at = np.unique(both, return_inverse=True)
        n = np.concatenate([self._counts, counts])
        self._counts = np.zeros(self._keys.size, dtype=np.int64)
        np.add.at(self._counts, at, n)

    def state(self) -> State:
        """Pairs of lengths with their rows, in order, and the copies."""
        return {
            "keys": self._keys, "counts": self._counts, "copied": self.copied,
            "whole": self.whole, "first": self.first,
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Take over a state."""
        self._keys, self._counts = state["keys"], state["counts"]
        self.copied, self.whole = int(state["copied"]), int(state["whole"])
        self.first = state["first"]


def rounded(lengths: Ints) -> Ints:
    """Lengths with their 8 most significant bits kept, so that tables of them stay small."""
    high = np.frexp(lengths.astype(np.float64))[1].astype(np.int64)
    shift = np.maximum(high - BITS, 0)
    return np.asarray((np.minimum(lengths, (1 << 31) - 1) >> shift) << shift)


def copies(source: pl.Series, target: pl.Series, least: int) -> Mask:
    """Rows of which both sides say the same, and say at least so many words or items."""
    import polars as pl

    if source.dtype != target.dtype:
        return np.zeros(len(source), dtype=np.bool_)
    if source.dtype == pl.String:
        same = source.str.strip_chars() == target.str.strip_chars()
    else:
        same = source == target
    long = lengths_of(source) >= least
    return np.asarray((same & long).fill_null(value=False).to_numpy(), dtype=np.bool_)
