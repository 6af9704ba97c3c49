"""Sentinels and infinities become missing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import polars as pl

from datacheck.errors import UsageError
from datacheck.pipelines.transforms.base import Transform, Value, fits, rewrite


@dataclass(frozen=True)
class ToMissing(Transform):
    """``values`` of each column, and ±∞ where ``infinite``, become null.

    A number is matched in columns of numbers, text in columns of text; −0 is 0.
    """

    kind: ClassVar[str] = "to_missing"
    values: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    infinite: bool = False

    def check(self) -> None:
        """Only ``columns`` have values; NaN needs none, it is missing anyway."""
        strange = [c for c in self.values if c not in self.own]
        if strange:
            raise UsageError(
                f"to_missing has values for {strange[0]!r}",
                f"which is not among its columns {', '.join(self.columns)}",
            )
        for column, listed in self.values.items():
            if any(isinstance(v, float) and math.isnan(v) for v in listed):
                raise UsageError(
                    f"to_missing: NaN is a value of {column!r}", "NaN is missing already"
                )

    def _apply(self, frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
        return rewrite(frame, columns, self._change)

    def _change(self, name: str, dtype: pl.DataType, x: pl.Expr) -> pl.Expr | None:
        listed = self.values.get(name, ())
        gone: pl.Expr | None = None
        if dtype == pl.String:
            texts = [v for v in listed if isinstance(v, str)]
            gone = x.is_in(texts) if texts else None
        elif dtype == pl.Boolean:
            flags = [v for v in listed if isinstance(v, bool)]
            gone = x.is_in(flags) if flags else None
        elif dtype.is_numeric():
            gone = self._numbers(dtype, x, listed)
        if gone is None:
            return None
        return pl.when(gone.fill_null(False)).then(pl.lit(None, dtype=dtype)).otherwise(x)

    def _numbers(self, dtype: pl.DataType, x: pl.Expr, listed: tuple[Value, ...]) -> pl.Expr | None:
        numbers = [v for v in listed if isinstance(v, int | float) and not isinstance(v, bool)]
        gone: pl.Expr | None = None
        for number in numbers:
            if dtype.is_integer():
                if not fits(number, dtype):
                    continue
                target = pl.lit(int(number), dtype=dtype)
            else:  # what the column's own precision cannot hold is met as it is stored there
                target = pl.lit(float(number)).cast(dtype)
            gone = x == target if gone is None else gone | (x == target)
        if self.infinite and dtype.is_float():
            gone = x.is_infinite() if gone is None else gone | x.is_infinite()
        return gone
