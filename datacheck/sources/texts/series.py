"""aeon's ``.ts`` files: a series (or several side by side) and a class a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from datacheck.dataset import Kind, Role
from datacheck.sources.convert import Reading
from datacheck.sources.lines import Text
from datacheck.sources.table import Given
from datacheck.sources.texts.forms import Parsed, cells, sifted

NUMBERS = Reading(Kind.SEQUENCE, separator=",", numeric=True)
START = "@data"


@dataclass(frozen=True, slots=True)
class Series:
    """``dimensions`` series a line, apart by colons, and then the label if there is one.

    ``number``: the label is a number to be predicted, not a class.
    """

    dimensions: int
    label: bool
    number: bool = False

    @property
    def names(self) -> list[str]:
        """The columns of series."""
        if self.dimensions == 1:
            return ["series"]
        return [f"dimension_{i + 1}" for i in range(self.dimensions)]

    @property
    def given(self) -> Mapping[str, Given]:
        """Sequences of numbers, and the label."""
        out = {n: Given(Kind.SEQUENCE, Role.FEATURE, reading=NUMBERS) for n in self.names}
        if self.label:
            kind = Kind.NUMBER if self.number else Kind.CATEGORY
            out["label"] = Given(kind, Role.LABEL, "what follows the last colon of each line")
        return out

    def rows(self, text: Text) -> Iterator[Parsed]:
        """All lines after the one that says @data."""
        inside = False
        width = self.dimensions + self.label
        for whole in text.records():
            records = whole
            lines = cells(records)
            if not inside:
                starts = lines.str.strip_chars().str.to_lowercase() == START
                keep = np.cumsum(starts.shift(1, fill_value=False).to_numpy()) > 0
                inside = bool(starts.any())
                records, lines = records.keep(keep), lines.filter(pl.Series(keep))
            parts = lines.str.split(":")
            widths = parts.list.len().to_numpy()
            kept, bad = sifted(records, widths == width, f"is not {width} parts between colons")
            yield self._frame(parts.filter(pl.Series(widths == width))), kept, bad

    def _frame(self, parts: pl.Series) -> pl.DataFrame:
        columns = [parts.list.get(i, null_on_oob=True).alias(n) for i, n in enumerate(self.names)]
        if self.label:
            columns.append(parts.list.get(self.dimensions, null_on_oob=True).alias("label"))
        return pl.DataFrame(columns)


def recognized(head: str) -> Series | None:
    """The form that a header tells; None where there is none, or series with time stamps."""
    told: dict[str, list[str]] = {}
    rest = ""
    for line in head.split("\n"):
        words = line.strip().split()
        if not words or words[0].startswith("#"):
            continue
        if words[0].lower() == START:
            rest = "rest"
            continue
        if rest:
            rest = line
            break
        if not words[0].startswith("@"):
            return None
        told[words[0].lower().lstrip("@")] = [w.lower() for w in words[1:]]
    if not rest or told.get("timestamps", ["false"])[0] == "true":
        return None
    label = told.get("classlabel", ["false"])[:1] == ["true"]
    number = told.get("targetlabel", ["false"])[:1] == ["true"]
    parts = rest.count(":") + 1
    return Series(max(1, parts - (label or number)), label or number, number)


def header(text: Text) -> bytes:
    """What stands before the data, to be written again."""
    out = b""
    for records in text.records():
        at = records.data.lower().find(START.encode() + b"\n")
        if at >= 0:
            return out + records.data[: at + len(START) + 1]
        out += records.data
    return out
