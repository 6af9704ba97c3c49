"""Cut sequences and text at a length, in the unit that the rules measure: items, words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from datacheck.errors import UsageError
from datacheck.pipelines.transforms.base import Transform, rewrite, wrong_type


@dataclass(frozen=True)
class Truncate(Transform):
    """At most ``length`` items of a sequence, or words of a text; from the ``keep`` end.

    A word is what stands between white space, as in :func:`datacheck.summaries.lengths.lengths_of`;
    what stands between the words that stay is kept as it is.
    """

    kind: ClassVar[str] = "truncate"
    length: int = 512
    keep: Literal["head", "tail"] = "head"

    def check(self) -> None:
        """At least one item stays."""
        if self.length < 1:
            raise UsageError(f"truncate.length is {self.length}", "at least 1")

    def _apply(self, frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
        return rewrite(frame, columns, self._cut)

    def _cut(self, name: str, dtype: pl.DataType, x: pl.Expr) -> pl.Expr | None:
        if isinstance(dtype, pl.Array):
            dtype, x = pl.List(dtype.inner), x.arr.to_list()
        head = self.keep == "head"
        if isinstance(dtype, pl.List):
            return x.list.head(self.length) if head else x.list.tail(self.length)
        if dtype == pl.String:
            words = x.str.extract_all(r"\s*\S+" if head else r"\S+\s*")
            cut = words.list.head(self.length) if head else words.list.tail(self.length)
            long = x.str.count_matches(r"\S+") > self.length
            return pl.when(long).then(cut.list.join("")).otherwise(x)
        if dtype == pl.Null:
            return None
        raise wrong_type(self.kind, name, dtype, "a sequence or text")
