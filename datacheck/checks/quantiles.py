"""Sorted samples, quantiles and distances between splits, shared by the rules of normalization.

The sample of a split is sorted once for all rules. Distances are vectorized over columns as far
as they can be, for tables of 10,000 columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from datacheck.checks.base import Context, NotApplicable
from datacheck.dataset import Dataset, Kind, to_matrix
from datacheck.types import Floats, Ints

NUMERIC = (Kind.NUMBER, Kind.BOOLEAN)
POINTS = 1024  # a distribution function is compared at so many of its own quantiles
# Chance is excluded at ALPHA by the p of each distance, over all columns at once. The intervals
# say how large an effect is, and are those of 99 %.
Z99 = 2.5758
REACH = math.sqrt(math.log(2 / 0.01) / 2)  # Kolmogorov's quantile


def numbers(data: Dataset, *splits: str) -> list[str]:
    """Feature columns of numbers and booleans that all those splits have."""
    return list(data.select(*NUMERIC, splits=splits))


@dataclass(frozen=True, eq=False)
class Sorted:
    """The sampled values of each column in ascending order: (rows, columns).

    The finite values of column j are ``values[: sizes[j], j]``; NaN fills the rest.
    """

    columns: tuple[str, ...]
    values: Floats
    sizes: Ints

    @cached_property
    def _index(self) -> dict[str, int]:
        return {c: j for j, c in enumerate(self.columns)}

    def __getitem__(self, column: str) -> Floats:
        """The finite values of a column, ascending."""
        j = self._index[column]
        return self.values[: self.sizes[j], j]

    def at(self, columns: list[str]) -> Ints:
        """Positions of the columns."""
        return np.array([self._index[c] for c in columns], dtype=np.int64)

    def quantiles(self, p: Floats, columns: list[str]) -> Floats:
        """Order statistics of shape (probabilities, columns); NaN where a column has no value."""
        at = self.at(columns)
        if not self.values.shape[0] or not at.size:
            return np.full((p.size, at.size), np.nan)
        size = self.sizes[at]
        rank = np.clip((p[:, None] * size).astype(np.int64), 0, np.maximum(size - 1, 0))
        return np.asarray(self.values[rank, at])


def sorted_sample(context: Context, split: str) -> Sorted:
    """The sorted sample of all numeric features of a split; made once for each context."""
    kept: dict[str, Sorted] = vars(context).setdefault("_sorted_samples", {})
    if split not in kept:
        columns = tuple(numbers(context.data, split))
        x = np.array(to_matrix(context.sample(split), columns), order="F")
        x[~np.isfinite(x)] = np.nan
        x.sort(axis=0)
        kept[split] = Sorted(columns, x, np.count_nonzero(~np.isnan(x), axis=0).astype(np.int64))
    return kept[split]


def compared(context: Context, train: str, other: str, least: int = 2) -> list[str]:
    """Numeric features that both splits have, with ``least`` finite values in each sample."""
    a, b = sorted_sample(context, train), sorted_sample(context, other)
    columns = [c for c in numbers(context.data, train, other) if c in a._index and c in b._index]
    enough = (a.sizes[a.at(columns)] >= least) & (b.sizes[b.at(columns)] >= least)
    return [c for c, ok in zip(columns, enough, strict=True) if ok]


def needs_two(data: Dataset) -> None:
    """Raise NotApplicable where there is no other split to compare train with."""
    if data.train is None or not data.evaluation:
        raise NotApplicable("needs two splits with rows, one of them train")


# -- distances -------------------------------------------------------------------------------------


def distance(x: Floats, y: Floats, slack: float = 0.0) -> float:
    """Kolmogorov–Smirnov distance of two sorted samples, values within ``slack`` being the same.

    Values that rounding has moved apart would otherwise count as different wherever many rows
    share one value. Where a sample is long its distribution function is compared at ``POINTS``
    of its values only: the distance is then too small by at most 1/POINTS.
    """
    if not x.size or not y.size:
        return 0.0
    return max(_above(x, y, slack), _above(y, x, slack), 0.0)


def _above(x: Floats, y: Floats, slack: float) -> float:
    """The largest excess of the distribution function of x over that of y."""
    at = x
    if x.size > POINTS:
        at = x[(np.arange(1, POINTS + 1) * x.size) // POINTS - 1]
    fx = np.searchsorted(x, at, side="right") / x.size
    fy = np.searchsorted(y, at + slack if slack else at, side="right") / y.size
    return float((fx - fy).max())


def distances(context: Context, train: str, other: str) -> tuple[list[str], Floats, Floats]:
    """(columns, distance, harmonic size n·m/(n+m)) of all :func:`compared` columns."""
    kept: dict[Any, Any] = vars(context).setdefault("_distances", {})
    if (train, other) not in kept:
        a, b = sorted_sample(context, train), sorted_sample(context, other)
        columns = compared(context, train, other)
        d = np.array([distance(a[c], b[c]) for c in columns], dtype=np.float64)
        n, m = a.sizes[a.at(columns)], b.sizes[b.at(columns)]
        kept[(train, other)] = columns, d, n * m / (n + m)  # each column has values in both
    found: tuple[list[str], Floats, Floats] = kept[(train, other)]
    return found


def distance_p(d: Floats, size: Floats) -> Floats:
    """Asymptotic two-sided p of distances of harmonic sizes n·m/(n+m) (Stephens 1970)."""
    from scipy.special import kolmogorov

    root = np.sqrt(size)
    return np.asarray(kolmogorov((root + 0.12 + 0.11 / root) * d))


def distance_low(d: Floats, size: Floats) -> Floats:
    """Lower end of the interval of a distance: what chance gives in 99 of 100 is taken off."""
    return np.maximum(d - REACH / np.sqrt(size), 0.0)


@dataclass(frozen=True, eq=False)
class MeanShift:
    """Standardized mean differences: value, half-width of the interval, p; each (columns,)."""

    value: Floats
    half: Floats
    p: Floats

    @property
    def low(self) -> Floats:
        """The least size of the difference that the data allow."""
        return np.maximum(np.abs(self.value) - self.half, 0.0)


def mean_shift(context: Context, train: str, other: str, columns: list[str]) -> MeanShift:
    """Glass's Δ of exact moments. NaN, with p = 1, where train does not vary.

    The variance of the other split never counts as smaller than train's: a small split that has
    missed the tail would otherwise be too sure of its mean. Student's t with the smaller size.
    """
    from scipy.special import stdtr

    a, b = context.moments(train), context.moments(other)
    first, second = [a[c] for c in columns], [b[c] for c in columns]
    # Of values that are all alike, as 1e30 is, the sums of rounding errors are no variance.
    m1 = _array([m.mean for m in first])
    v1 = _array([0.0 if m.min == m.max else m.var for m in first])
    m2, v2 = _array([m.mean for m in second]), _array([m.var for m in second])
    n1, n2 = _array([m.finite for m in first]), _array([m.finite for m in second])
    with np.errstate(all="ignore"):
        value = (m2 - m1) / np.sqrt(v1)
        spread = 1 / n1 + np.maximum(v2 / v1, 1.0) / n2
        df = np.maximum(np.minimum(n1, n2) - 1, 1.0)
        # A wider quantile for few rows (Cornish–Fisher, first term).
        quantile = Z99 + (Z99**3 + Z99) / (4 * df)
        half = quantile * np.sqrt(spread + value * value / (2 * n1))
        p = 2 * stdtr(df, -np.abs(value) / np.sqrt(spread))
    known = np.isfinite(value) & np.isfinite(half) & np.isfinite(p)
    return MeanShift(
        np.where(known, value, np.nan), np.where(known, half, np.inf), np.where(known, p, 1.0)
    )


def _array(items: list[Any]) -> Floats:
    return np.array(items, dtype=np.float64)
