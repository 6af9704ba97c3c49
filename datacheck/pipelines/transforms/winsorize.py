"""Extreme values are pulled in to the median ± k median absolute deviations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import polars as pl

from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.fitting.order_statistics import quantiles, values_of
from datacheck.pipelines.transforms.base import Frames, Transform, fits, rewrite, wrong_type

MAD_TO_SD = 1.4826  # of a normal distribution: 1 / Φ⁻¹(3/4)
HEAVY = 0.01  # clipped shares beyond this are a tail, not a few strays


@dataclass(frozen=True)
class Limits:
    """Where values are pulled in to; ``clipped`` is the share of train's finite values beyond."""

    low: float
    high: float
    clipped: float

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise UsageError(f"limits from {self.low} to {self.high}", "low ≤ high")


@dataclass(frozen=True)
class Winsorize(Transform):
    """Values beyond median ± ``k`` · 1.4826 · median|x − median| become that limit.

    The median absolute deviation (Hampel 1974) does not move with the extremes it is to judge.
    Where it is 0, more than half of the values are the same and it judges nothing: the column is
    left as it is, and told. Limits beyond what a float64 holds are the largest that it holds. After
    fitting, train is looked at once more and the share that is clipped is kept. ±∞ become the
    limits; missing values stay missing.
    """

    kind: ClassVar[str] = "winsorize"
    k: float = 6.0
    limits_: Mapping[str, Limits | None] | None = None

    def check(self) -> None:
        """A positive, finite k."""
        if not (math.isfinite(self.k) and self.k > 0):
            raise UsageError(f"winsorize.k is {self.k}", "a number above 0, such as 6")
        if self.limits_ is not None:
            lacking = [c for c in self.columns if c not in self.limits_]
            if lacking:
                raise UsageError(f"winsorize has learned nothing of {lacking[0]!r}", "fit again")

    def learn(self, frames: Frames) -> Self:
        """Medians, then their deviations, then the share beyond: three looks at train."""
        medians = quantiles(frames, self.columns, (0.5,))[:, 0]
        about = np.nan_to_num(medians)
        spreads = quantiles(frames, self.columns, (0.5,), about=about.tolist())[:, 0]
        with np.errstate(over="ignore", invalid="ignore"):
            reach = self.k * MAD_TO_SD * spreads
            low, high = about - reach, about + reach
        most = np.finfo(np.float64).max
        low, high = np.clip(low, -most, most), np.clip(high, -most, most)
        usable = (spreads > 0) & ~(np.isnan(low) | np.isnan(high))
        empty = np.isnan(medians)
        low, high = np.where(empty, -most, low), np.where(empty, most, high)
        whole = usable.copy()
        seen = np.zeros(len(self.columns), dtype=np.int64)
        beyond = np.zeros(len(self.columns), dtype=np.int64)
        for frame in frames(self.columns):
            for j in np.flatnonzero(usable):
                x = values_of(frame, self.columns[j])
                seen[j] += x.size
                whole[j] &= bool((np.floor(x) == x).all())
                beyond[j] += np.count_nonzero((x < low[j]) | (x > high[j]))
        # Whole numbers stay whole: the same values are clipped, whatever type they are stored as.
        whole &= np.ceil(low) <= np.floor(high)
        low, high = np.where(whole, np.ceil(low), low), np.where(whole, np.floor(high), high)
        made = {
            c: Limits(float(low[j]), float(high[j]), float(beyond[j] / max(seen[j], 1)))
            if usable[j] or empty[j]
            else None
            for j, c in enumerate(self.columns)
        }
        return replace(self, limits_=made)

    @property
    def said(self) -> tuple[str, ...]:
        """Columns that are not clipped, and those where more than strays are."""
        if self.limits_ is None:
            return ()
        flat = [c for c in self.columns if self.limits_[c] is None]
        out = []
        if flat:
            out.append(f"not winsorized, half of the values or more are the same: {names(flat, 5)}")
        for c in self.columns:
            limits = self.limits_[c]
            if limits is not None and limits.clipped > HEAVY:
                out.append(
                    f"winsorizing {c} clips {limits.clipped:.1%} of train: that is a tail, "
                    "not a few strays; a logarithm may serve better"
                )
        return tuple(out)

    def _apply(self, frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
        return rewrite(frame, columns, self._clip)

    def _clip(self, name: str, dtype: pl.DataType, x: pl.Expr) -> pl.Expr | None:
        if not (dtype.is_numeric() or dtype == pl.Null):
            raise wrong_type(self.kind, name, dtype, "numbers")
        assert self.limits_ is not None
        limits = self.limits_[name]
        if limits is None or dtype == pl.Null:
            return None
        low, high = limits.low, limits.high
        if dtype.is_integer():
            if not (low.is_integer() and high.is_integer()):
                return x.cast(pl.Float64).clip(low, high)
            lower = pl.lit(int(low), dtype=dtype) if fits(low, dtype) else None
            upper = pl.lit(int(high), dtype=dtype) if fits(high, dtype) else None
            return x.clip(lower, upper) if lower is not None or upper is not None else None
        clipped = x.clip(pl.lit(low).cast(dtype), pl.lit(high).cast(dtype))
        # Polars' clip holds NaN for larger than any number.
        return pl.when(x.is_nan()).then(x).otherwise(clipped)
