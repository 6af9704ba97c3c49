"""A split brought back to train's scale by the inverse of what was done to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import polars as pl

from datacheck.errors import UsageError
from datacheck.pipelines.transforms.base import Transform, rewrite, wrong_type


@dataclass(frozen=True)
class Map:
    """A function of a number: ``affine`` is ``scale`` · x + ``offset``, ``round`` to ``digits``."""

    function: Literal["affine", "log", "exp", "log1p", "expm1", "round"] = "affine"
    scale: float = 1.0
    offset: float = 0.0
    digits: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and math.isfinite(self.offset)):
            raise UsageError("an affine map that is not finite", "give finite numbers")
        if not 0 <= self.digits <= 300:
            raise UsageError(f"rounding to {self.digits} digits", "0 to 300")

    def expression(self, x: pl.Expr) -> pl.Expr:
        """The function of a Float64 column."""
        if self.function == "affine":
            return x * self.scale + self.offset
        if self.function == "round":
            return x.round(self.digits)
        if self.function == "log":
            return x.log()
        if self.function == "exp":
            return x.exp()
        return x.log1p() if self.function == "log1p" else _expm1(x)


def _expm1(x: pl.Expr) -> pl.Expr:
    """2 sinh(x/2) exp(x/2): as exact near 0 as elsewhere, which exp(x) − 1 is not."""
    return (x * 0.5).sinh() * (x * 0.5).exp() * 2


@dataclass(frozen=True)
class Invert(Transform):
    """``maps`` holds, per column, functions applied one after the other, in ``splits`` alone.

    What a function has no value for (the logarithm of −1) becomes missing, as does what leaves
    the range of float64. The result is Float64.
    """

    kind: ClassVar[str] = "invert"
    maps: Mapping[str, tuple[Map, ...]] = field(default_factory=dict)

    def check(self) -> None:
        """Each column has its maps, and only they."""
        odd = set(self.maps) ^ set(self.columns)
        if odd:
            raise UsageError(
                f"invert: columns and maps differ in {min(odd)!r}",
                "give each column its maps",
            )

    def _apply(self, frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
        return rewrite(frame, columns, self._change)

    def _change(self, name: str, dtype: pl.DataType, x: pl.Expr) -> pl.Expr | None:
        if not (dtype.is_numeric() or dtype == pl.Null):
            raise wrong_type(self.kind, name, dtype, "numbers")
        start = y = x.cast(pl.Float64)
        for one in self.maps[name]:
            y = one.expression(y)
        # Infinities that were there before stay; what the maps made of finite values is missing.
        return pl.when(y.is_finite() | ~start.is_finite()).then(y)
