"""Numbers written as text: 36,31 or 1 234.5 or 12 kg."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from datacheck.errors import UsageError
from datacheck.pipelines.transforms.base import Transform, rewrite, wrong_type


@dataclass(frozen=True)
class Parse(Transform):
    """Text as Float64: ``thousands`` marks and a ``unit`` at the end are dropped.

    What is no number then becomes missing. Columns of numbers are left as they are.
    """

    kind: ClassVar[str] = "parse"
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'", "_"] = ""
    unit: str = ""

    def check(self) -> None:
        """One character does not mean two things."""
        if self.decimal == self.thousands:
            raise UsageError(
                f"parse: {self.decimal!r} is both the decimal and the thousands mark", "choose one"
            )

    def _apply(self, frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
        return rewrite(frame, columns, self._change)

    def _change(self, name: str, dtype: pl.DataType, x: pl.Expr) -> pl.Expr | None:
        if dtype.is_numeric() or dtype == pl.Null:
            return None
        if isinstance(dtype, pl.Categorical | pl.Enum):
            x = x.cast(pl.String)
        elif dtype != pl.String:
            raise wrong_type(self.kind, name, dtype, "text")
        text = x.str.strip_chars()
        if self.unit:
            text = text.str.strip_suffix(self.unit).str.strip_chars()
        if self.thousands:
            text = text.str.replace_all(self.thousands, "", literal=True)
            if self.thousands == " ":  # narrow and fixed spaces stand there as often
                text = text.str.replace_all("[\u00a0\u2009\u202f]", "")
        if self.decimal == ",":
            # A point in such a number is a mistake, not a decimal mark.
            text = pl.when(~text.str.contains(".", literal=True)).then(text)
            text = text.str.replace(",", ".", literal=True)
        number = text.cast(pl.Float64, strict=False)
        return pl.when(number.is_finite()).then(number)
