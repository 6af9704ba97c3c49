"""One scale for all splits: standard, robust, or min-max, as scikit-learn's scalers fit it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import numpy as np
import polars as pl

from datacheck.errors import UsageError
from datacheck.pipelines.fitting.order_statistics import quantiles
from datacheck.pipelines.fitting.spreads import Spread, looks
from datacheck.pipelines.transforms.base import Frames, Transform, rewrite, wrong_type

EPS = float(np.finfo(np.float64).eps)
TINY = float(np.finfo(np.float64).tiny)  # what is smaller has no finite reciprocal


@dataclass(frozen=True)
class Scaling:
    """x ↦ (x − center) / scale + shift, in float64; by the reciprocal of the scale.

    Polars divides a column by a number so, but a single row exactly: what a row gets would depend
    on how many others it came with.
    """

    center: float = 0.0
    scale: float = 1.0
    shift: float = 0.0

    def __post_init__(self) -> None:
        if not all(math.isfinite(v) for v in (self.center, self.scale, self.shift)):
            raise UsageError("a scaling that is not finite", "fit it again")
        if self.scale == 0 or math.isinf(1.0 / self.scale):
            raise UsageError("a scaling that divides by 0", "fit it again")

    @property
    def factor(self) -> float:
        """1 / scale."""
        return 1.0 / self.scale


@dataclass(frozen=True)
class Scale(Transform):
    """Columns of numbers on one scale; missing values stay missing, the result is Float64.

    ``method``: ``standard`` has mean 0 and population standard deviation 1 (``StandardScaler``),
    ``robust`` median 0 and the quantiles of ``quantile_range`` (in percent) 1 apart
    (``RobustScaler``), ``minmax`` the extremes of train at ``feature_range`` (``MinMaxScaler``).
    Learned from finite values. Columns that are constant in train are divided by 1, where
    scikit-learn takes them for constant: a variance within the error of computing it (Chan,
    Golub & LeVeque 1983), or a range below 10 ε.
    """

    kind: ClassVar[str] = "scale"
    method: Literal["standard", "robust", "minmax"] = "standard"
    quantile_range: tuple[float, float] = (25.0, 75.0)
    feature_range: tuple[float, float] = (0.0, 1.0)
    scaling_: Mapping[str, Scaling] | None = None

    def check(self) -> None:
        """Both ranges increase; percents are within 0 and 100."""
        low, high = self.quantile_range
        if not 0 <= low < high <= 100:
            raise UsageError(f"scale.quantile_range is {low}, {high}", "0 ≤ low < high ≤ 100")
        low, high = self.feature_range
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise UsageError(f"scale.feature_range is {low}, {high}", "low < high")
        if self.scaling_ is not None:
            lacking = [c for c in self.columns if c not in self.scaling_]
            if lacking:
                raise UsageError(f"scale has learned nothing of {lacking[0]!r}", "fit it again")

    @property
    def wants(self) -> tuple[str, ...]:
        """All its columns, unless quantiles say it."""
        return () if self.method == "robust" else self.columns

    def learn(self, frames: Frames) -> Self:
        """Fitted on the finite values of each column; one without any is left as it is."""
        if self.method == "robust":
            low, high = self.quantile_range
            found = quantiles(frames, self.columns, (0.5, low / 100, high / 100))
            made = {c: _robust(*row) for c, row in zip(self.columns, found.tolist(), strict=True)}
        else:
            known = looks(frames).spreads(self.columns)
            one = _standard if self.method == "standard" else self._minmax
            made = {c: one(known[c]) for c in self.columns}
        return replace(self, scaling_=made)

    def _minmax(self, m: Spread) -> Scaling:
        if not m.finite:
            return Scaling()
        low, high = self.feature_range
        span = m.max - m.min
        if span < 10 * EPS or math.isinf(span):
            span = 1.0
        span /= high - low
        return Scaling(m.min, span if TINY <= span < math.inf else 1.0, low)

    def _apply(self, frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
        return rewrite(frame, columns, self._forward)

    def inverse(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame on the scale it came from, up to rounding; columns that it lacks are passed."""
        here = set(frame.columns)
        return rewrite(frame, [c for c in self.columns if c in here], self._backward)

    def _forward(self, name: str, dtype: pl.DataType, x: pl.Expr) -> pl.Expr | None:
        s = self._of(name, dtype)
        if s is None:
            return None
        return (x.cast(pl.Float64) - s.center) * s.factor + s.shift

    def _backward(self, name: str, dtype: pl.DataType, x: pl.Expr) -> pl.Expr | None:
        s = self._of(name, dtype)
        if s is None:
            return None
        return (x.cast(pl.Float64) - s.shift) * s.scale + s.center

    def _of(self, name: str, dtype: pl.DataType) -> Scaling | None:
        if not (dtype.is_numeric() or dtype == pl.Null):
            raise wrong_type(self.kind, name, dtype, "numbers")
        assert self.scaling_ is not None
        return None if dtype == pl.Null else self.scaling_[name]


def _standard(m: Spread) -> Scaling:
    if not m.finite:
        return Scaling()
    mean = m.center
    error = m.finite * mean * EPS
    bound = m.finite * EPS * m.var + error * error
    constant = m.var <= bound or not math.isfinite(m.var) or m.sd < TINY
    return Scaling(mean, 1.0 if constant else m.sd)


def _robust(median: float, low: float, high: float) -> Scaling:
    if math.isnan(median):
        return Scaling()
    span = high - low
    return Scaling(median, 1.0 if span < 10 * EPS or not math.isfinite(span) else span)
