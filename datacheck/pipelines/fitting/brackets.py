"""Exact quantiles in one look: a first sample brackets each, and only what lies between is kept.

The first rows say between which two values a quantile lies, six standard errors of its rank to
either side (Floyd & Rivest 1975, selection with two pivots). Of all rows then, those below are
counted and those between are kept, a percent or so. Whether the wanted rank is between is known
at the end, so the answer is exact or there is none: rows in order of their values are not a
sample, and leave it to :mod:`~datacheck.pipelines.fitting.selection`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from datacheck.types import Floats

SIGMAS = 6.0


@dataclass
class Bracket:
    """One quantile of one column: values below, at the ends, and between."""

    low: float
    high: float
    n: int = 0
    below: int = 0
    at_low: int = 0
    at_high: int = 0
    between: list[Floats] = field(default_factory=list)
    inside: int = 0

    @classmethod
    def around(cls, sample: Floats, q: float) -> Bracket:
        """From a sorted sample of the column."""
        m = sample.size
        place, reach = q * (m - 1), SIGMAS * np.sqrt(m * q * (1 - q)) + 2
        low, high = int(np.floor(place - reach)), int(np.ceil(place + reach))
        return cls(
            float(sample[low]) if low >= 0 else -np.inf,
            float(sample[high]) if high < m else np.inf,
        )

    def absorb(self, x: Floats) -> None:
        """Some of the column's finite values."""
        self.n += x.size
        not_below, below_high = x >= self.low, x < self.high
        self.below += x.size - int(np.count_nonzero(not_below))
        kept = x[not_below & below_high]
        if self.low == self.high:
            self.at_low += int(np.count_nonzero(x == self.low))
            return
        self.at_high += int(np.count_nonzero(x == self.high))
        inner = kept[kept > self.low]
        self.at_low += kept.size - inner.size
        self.between.append(inner)
        self.inside += inner.size

    def values(self, ranks: tuple[int, ...]) -> Floats | None:
        """The values at those ranks (from 0); None where one is not between the ends."""
        first = self.below + self.at_low
        last = first + self.inside
        if min(ranks) < self.below or max(ranks) >= last + self.at_high:
            return None
        x = np.concatenate(self.between) if self.between else np.zeros(0)
        inner = [r - first for r in ranks if first <= r < last]
        if inner:
            x = np.partition(x, np.unique(inner))
        return np.array(
            [self.low if r < first else x[r - first] if r < last else self.high for r in ranks]
        )
