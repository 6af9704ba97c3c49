"""What a line of text says: an example, a label and an example, or two sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import polars as pl

from datacheck.dataset import Kind, Role
from datacheck.sources.convert import Reading
from datacheck.sources.lines import Bad, Records, Text
from datacheck.sources.table import Given
from datacheck.types import Mask

BLANK = Reading(Kind.TEXT, blank=True)  # texts of files: an empty one is empty, not missing
Parsed = tuple[pl.DataFrame, Records, list[Bad]]


class Form(Protocol):
    """How the records of a file become rows. Pickles."""

    @property
    def given(self) -> Mapping[str, Given]:
        """The columns, in order, and what they are."""
        ...

    def rows(self, text: Text) -> Iterator[Parsed]:
        """(cells as stored, their records, records that cannot be read), chunk by chunk."""
        ...


@dataclass(frozen=True, slots=True)
class Plain:
    """A line is an example."""

    column: str = "text"

    @property
    def given(self) -> Mapping[str, Given]:
        """One column of text."""
        return {self.column: Given(Kind.TEXT, Role.FEATURE, reading=BLANK)}

    def rows(self, text: Text) -> Iterator[Parsed]:
        """All lines that are not blank."""
        for records in text.records():
            yield pl.DataFrame([cells(records).alias(self.column)]), records, []


@dataclass(frozen=True, slots=True)
class Marked:
    """fastText's lines: ``__label__x`` (or several) and then the example."""

    MARK: ClassVar[str] = "__label__"

    @property
    def given(self) -> Mapping[str, Given]:
        """Label and text."""
        return {
            "label": Given(Kind.CATEGORY, Role.LABEL, f"what follows {self.MARK} in each line"),
            "text": Given(Kind.TEXT, Role.FEATURE, reading=BLANK),
        }

    def rows(self, text: Text) -> Iterator[Parsed]:
        """Labels of one line stand together, with spaces between them."""
        pattern = r"^\s*((?:__label__\S+\s*)+)(.*)$"
        for records in text.records():
            found = cells(records).str.extract_groups(pattern).struct.unnest()
            good = found["1"].is_not_null().to_numpy()
            kept, bad = sifted(records, good, "no __label__ at the beginning of the line")
            found = found.filter(pl.Series(good))
            labels = found["1"].str.strip_chars().str.replace_all(self.MARK, "", literal=True)
            labels = labels.str.replace_all(r"\s+", " ").alias("label")
            yield pl.DataFrame([labels, found["2"].alias("text")]), kept, bad


@dataclass(frozen=True, slots=True)
class Commands:
    """SCAN's lines: ``IN: walk twice OUT: I_WALK I_WALK``."""

    @property
    def given(self) -> Mapping[str, Given]:
        """What is given, and what is to be said."""
        return {
            "in": Given(Kind.TEXT, Role.FEATURE, reading=BLANK),
            "out": Given(Kind.TEXT, Role.LABEL, "what follows OUT: in each line", reading=BLANK),
        }

    def rows(self, text: Text) -> Iterator[Parsed]:
        """Both sides of each line."""
        for records in text.records():
            found = cells(records).str.extract_groups(r"^IN: ?(.*?) ?OUT: ?(.*)$").struct.unnest()
            good = found["1"].is_not_null().to_numpy()
            kept, bad = sifted(records, good, "is not IN: … OUT: …")
            found = found.filter(pl.Series(good))
            yield found.rename({"1": "in", "2": "out"}), kept, bad


def cells(records: Records) -> pl.Series:
    """Each record as text, without the newline that ends it; shape (records,)."""
    if not records.starts.size:
        return pl.Series("line", [], dtype=pl.String)
    whole = pl.Series("line", [records.data[:-1].decode("utf-8", "replace")])
    return whole.str.split("\n").explode(empty_as_null=False, keep_nulls=False)


def sifted(records: Records, good: Mask, reason: str) -> tuple[Records, list[Bad]]:
    """The good records, and the others with the reason."""
    if good.all():
        return records, []
    bounds = np.append(records.starts, len(records.data))
    bad = [
        Bad(int(records.lines[i]), reason, records.data[bounds[i] : bounds[i + 1]])
        for i in np.flatnonzero(~good).tolist()
    ]
    return records.keep(good), bad
