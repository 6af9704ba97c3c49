"""Categories that train lacks become one: "other"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import polars as pl

from datacheck.errors import UsageError
from datacheck.pipelines.fitting.gathering import value_counts
from datacheck.pipelines.transforms.base import Frames, Transform, rewrite, wrong_type

MOST = 1_000_000  # categories kept by name, over all columns


@dataclass(frozen=True)
class Vocabulary:
    """The categories that stay, in order, and what all others become."""

    known: tuple[str, ...]
    other: str


@dataclass(frozen=True)
class MapToOther(Transform):
    """Categories with fewer than ``least`` rows in train (1: those it lacks) become ``other``.

    With ``least`` above 1, rare categories of train become "other" too, so that train has rows of
    it to learn from. Where train has a category of that name, another name is chosen. ``known``
    gives the vocabulary of a column instead of learning it. Missing cells stay missing.
    """

    kind: ClassVar[str] = "map_to_other"
    least: int = 1
    other: str = "other"
    known: Mapping[str, tuple[str, ...]] | None = None
    vocabulary_: Mapping[str, Vocabulary] | None = None

    def check(self) -> None:
        """At least one row; a name that is not empty."""
        if self.least < 1:
            raise UsageError(f"map_to_other.least is {self.least}", "1 or more rows of train")
        if not self.other:
            raise UsageError("map_to_other.other is empty", "name it, such as other")
        if self.vocabulary_ is not None:
            lacking = [c for c in self.columns if c not in self.vocabulary_]
            if lacking:
                raise UsageError(f"map_to_other has learned nothing of {lacking[0]!r}", "fit again")

    def learn(self, frames: Frames) -> Self:
        """The vocabulary of each column. Raises UsageError past a million categories."""
        given = self.known or {}
        asked = tuple(c for c in self.columns if c not in given)
        counted = value_counts(frames, asked, most=MOST) if asked else {}
        if counted is None:
            raise UsageError(
                f"map_to_other: more than {MOST:,} categories in {', '.join(asked)[:200]}",
                "leave out columns with free text or ids",
            )
        made: dict[str, Vocabulary] = {}
        for column in self.columns:
            if column in given:
                everything = kept = tuple(dict.fromkeys(given[column]))
            else:
                frame = counted[column]
                if frame["v"].dtype != pl.String and frame.height:
                    raise wrong_type(self.kind, column, frame["v"].dtype, "categories (text)")
                everything = tuple(frame["v"].to_list())
                kept = tuple(frame.filter(pl.col("n") >= self.least)["v"].to_list())
            made[column] = Vocabulary(kept, _free(self.other, set(everything)))
        return replace(self, vocabulary_=made)

    def _apply(self, frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
        return rewrite(frame, columns, self._change)

    def _change(self, name: str, dtype: pl.DataType, x: pl.Expr) -> pl.Expr | None:
        if dtype == pl.Null:
            return None
        if isinstance(dtype, pl.Categorical | pl.Enum):
            x = x.cast(pl.String)
        elif dtype != pl.String:
            raise wrong_type(self.kind, name, dtype, "categories (text)")
        assert self.vocabulary_ is not None
        words = self.vocabulary_[name]
        known = pl.Series(words.known, dtype=pl.String).implode()
        stays = x.is_null() | x.is_in(known)
        return pl.when(stays).then(x).otherwise(pl.lit(words.other))


def _free(name: str, taken: set[str]) -> str:
    """The name or, where a category has it already, another."""
    if name not in taken:
        return name
    found, n = f"({name})", 1
    while found in taken:
        n += 1
        found = f"({name} {n})"
    return found
