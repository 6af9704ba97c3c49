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
    what stands between the words that stay is kept as it is. With ``unit`` characters a text has
    at most so many of those, and ends (or begins) with a whole word, unless its first (or last)
    word alone is longer.
    """

    kind: ClassVar[str] = "truncate"
    length: int = 512
    keep: Literal["head", "tail"] = "head"
    unit: Literal["words", "characters"] = "words"

    def check(self) -> None:
        """At least one item stays."""
        if self.length < 1:
            raise UsageError(f"truncate.length is {self.length}", "at least 1")
        if self.unit not in ("words", "characters"):
            raise UsageError(f"truncate.unit is {self.unit!r}", "words or characters")

    def _apply(self, frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
        return rewrite(frame, columns, self._cut)

    def _cut(self, name: str, dtype: pl.DataType, x: pl.Expr) -> pl.Expr | None:
        if isinstance(dtype, pl.Array):
            dtype, x = pl.List(dtype.inner), x.arr.to_list()
        head = self.keep == "head"
        if isinstance(dtype, pl.List):
            return x.list.head(self.length) if head else x.list.tail(self.length)
        if dtype == pl.String and self.unit == "characters":
            return self._characters(x)
        if dtype == pl.String:
            words = x.str.extract_all(r"\s*\S+" if head else r"\S+\s*")
            cut = words.list.head(self.length) if head else words.list.tail(self.length)
            long = x.str.count_matches(r"\S+") > self.length
            return pl.when(long).then(cut.list.join("")).otherwise(x)
        if dtype == pl.Null:
            return None
        raise wrong_type(self.kind, name, dtype, "a sequence or text")

    def _characters(self, x: pl.Expr) -> pl.Expr:
        """White space at the end where the cut begins goes, so that a word is left."""
        n = self.length
        if self.keep == "head":
            text = x.str.strip_chars_start()
            part, after = text.str.head(n), text.str.slice(n, 1)
            whole = part.str.replace(r"\s+\S*$", "")
        else:
            text = x.str.strip_chars_end()
            part, after = text.str.tail(n), text.str.tail(n + 1).str.head(1)
            whole = part.str.replace(r"^\S*\s+", "")
        inside = (after.str.contains(r"\S")) & (text.str.len_chars() > n)
        cut = pl.when(inside & (whole.str.strip_chars() != "")).then(whole).otherwise(part)
        return pl.when(x.str.len_chars() > n).then(cut).otherwise(x)
