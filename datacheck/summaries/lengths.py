"""Exact histograms of sequence and text lengths, in the unit of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from datacheck.dataset import Batch, Measure
from datacheck.summaries.base import State, Summary
from datacheck.types import Floats, Ints

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Histogram:
    """Lengths in ascending order with their counts, both int64 of shape (k,); missing apart."""

    lengths: Ints
    counts: Ints
    missing: int

    @property
    def n(self) -> int:
        """Sequences that are not missing."""
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        """Mean length; NaN if there are none."""
        return float((self.lengths * self.counts).sum() / self.n) if self.n else float("nan")

    @property
    def max(self) -> int:
        """The longest; 0 if there are none."""
        return int(self.lengths[-1]) if self.lengths.size else 0

    @property
    def empty(self) -> int:
        """How many have length 0."""
        return int(self.counts[self.lengths == 0].sum())

    @property
    def skewness(self) -> float:
        """Fisher's g1 = m3 / m2**1.5; 0 where all lengths are equal."""
        if not self.n:
            return 0.0
        off = self.lengths - self.mean
        m2 = float((off**2 * self.counts).sum() / self.n)
        m3 = float((off**3 * self.counts).sum() / self.n)
        return m3 / m2**1.5 if m2 > 0 else 0.0

    def quantile(self, q: float) -> float:
        """The smallest length that at least a share ``q`` of 0–1 does not exceed."""
        if not self.n:
            return float("nan")
        reached = np.searchsorted(np.cumsum(self.counts), q * self.n - 1e-9)
        # Counts may be weights, of which a running sum need not reach all of them.
        return float(self.lengths[min(int(reached), self.lengths.size - 1)])

    def cdf(self) -> Floats:
        """Share of sequences no longer than each of ``lengths``."""
        return np.cumsum(self.counts) / self.n


class Lengths(Summary):
    """Length of each list; of text, its words, characters or tokens (parameters of Measure)."""

    def __init__(self, columns: Sequence[str] = (), **params: Any) -> None:
        super().__init__(columns, **params)
        self._measure = Measure(**params)
        self._counts: dict[str, Ints] = {c: np.zeros(0, dtype=np.int64) for c in self.columns}
        self._long: dict[str, dict[int, int]] = {c: {} for c in self.columns}
        self._missing: dict[str, int] = dict.fromkeys(self.columns, 0)

    def __getitem__(self, column: str) -> Histogram:
        counts, far = self._counts[column], self._long[column]
        lengths = np.flatnonzero(counts)
        more = np.array(sorted(far), dtype=np.int64)
        return Histogram(
            np.concatenate([lengths, more]).astype(np.int64),
            np.concatenate([counts[lengths], [far[int(v)] for v in more]]).astype(np.int64),
            self._missing[column],
        )

    def __contains__(self, column: str) -> bool:
        return column in self._counts

    def update(self, batch: Batch) -> None:
        """Absorb the rows of a batch."""
        for column in self.columns:
            found = lengths_of(batch.frame[column], self._measure)
            self._missing[column] += found.null_count()
            known = found.drop_nulls().to_numpy().astype(np.int64)
            near = known[known < DENSE]
            if near.size:
                self._counts[column] = _add(self._counts[column], np.bincount(near))
            values, counts = np.unique(known[known >= DENSE], return_counts=True)
            for value, n in zip(values.tolist(), counts.tolist(), strict=True):
                self._long[column][value] = self._long[column].get(value, 0) + n

    def merge(self, other: Self) -> Self:
        """Sums per length."""
        for column in self.columns:
            self._missing[column] += other._missing[column]
            self._counts[column] = _add(self._counts[column], other._counts[column])
            for value, n in other._long[column].items():
                self._long[column][value] = self._long[column].get(value, 0) + n
        return self

    def state(self) -> State:
        """Lengths and counts of each column."""
        out: State = {"missing": [self._missing[c] for c in self.columns]}
        for i, column in enumerate(self.columns):
            histogram = self[column]
            out[f"lengths{i}"], out[f"counts{i}"] = histogram.lengths, histogram.counts
        return out

    def restore(self, state: State) -> None:
        """Take over a state."""
        for i, column in enumerate(self.columns):
            self._missing[column] = int(state["missing"][i])
            lengths, counts = state[f"lengths{i}"], state[f"counts{i}"]
            near = lengths < DENSE
            if near.any():
                dense = np.zeros(int(lengths[near].max()) + 1, dtype=np.int64)
                dense[lengths[near]] = counts[near]
                self._counts[column] = dense
            far = zip(lengths[~near].tolist(), counts[~near].tolist(), strict=True)
            self._long[column] = dict(far)


DENSE = 1 << 16  # lengths below are counted in an array, longer ones in a dict


WORDS = Measure()


def lengths_of(series: pl.Series, measure: Measure = WORDS) -> pl.Series:
    """The length of each row, int64, null where missing: items of a list, units of a text.

    A text without a word has length 0 in any unit.
    """
    import polars as pl

    if isinstance(series.dtype, pl.List):
        return series.list.len().cast(pl.Int64)
    if isinstance(series.dtype, pl.Array):
        return series.arr.len().cast(pl.Int64)
    text = series.cast(pl.String)
    if measure.unit == "words":
        return text.str.count_matches(r"\S+").cast(pl.Int64)
    if measure.unit == "characters":
        found = text.str.len_chars().cast(pl.Int64)
    else:
        from datacheck.summaries.tokenizing import counts

        found = pl.Series(series.name, counts(text, measure.tokenizer))
    table = pl.DataFrame([found.alias("n"), text.alias("t")])
    blank = pl.col("t").str.strip_chars() == ""
    chosen = pl.when(blank).then(0).when(pl.col("t").is_not_null()).then(pl.col("n"))
    return table.select(chosen.cast(pl.Int64)).to_series().alias(series.name)


def _add(a: Ints, b: Any) -> Ints:
    if a.size < b.size:
        a, b = b, a
    out = a.astype(np.int64, copy=True)
    out[: b.size] += b
    return out
