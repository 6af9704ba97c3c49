"""Tokens with tags, a token a line, sentences apart by blank lines (CoNLL, IOB, CoNLL-U)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from datacheck.dataset import Kind, Role
from datacheck.errors import SourceError
from datacheck.sources import streams
from datacheck.sources.convert import Reading
from datacheck.sources.lines import Bad, Records, Text
from datacheck.sources.table import Given
from datacheck.sources.texts.forms import Parsed
from datacheck.types import Ints, Mask

DOCUMENT = "-DOCSTART-"
TAG = re.compile(r"^(O|[BIESLUM]-\S+)$")
ITEMS = Reading(Kind.SEQUENCE)
GAP = re.compile(rb"\n[ \t\r]*\n")


@dataclass(frozen=True, slots=True)
class Conll:
    """Columns apart by tabs (or by white space), as many in each line: a token, and its tag.

    ``token`` and ``tag`` are the places of the two, ``width`` the number of columns. Comments and
    the marks of documents are passed over; lines of multiword tokens and of empty nodes too
    (``universal``: the first column numbers the tokens).
    """

    tabs: bool
    width: int
    token: int = 0
    tag: int = -1
    universal: bool = False

    @property
    def given(self) -> Mapping[str, Given]:
        """Lists of strings: the tokens of a sentence, and their tags."""
        return {
            "tokens": Given(Kind.SEQUENCE, Role.FEATURE, reading=ITEMS),
            "tags": Given(
                Kind.SEQUENCE, Role.LABEL, f"column {self.tag + 1} of the file", reading=ITEMS
            ),
        }

    def rows(self, text: Text) -> Iterator[Parsed]:
        """A row is a sentence; its number is the line of its first token."""
        text.blank = True
        held, first = b"", 1
        for records in text.records():
            data = held + records.data
            if not held:
                first = int(records.lines[0])
            cut = _last_gap(data)
            if cut:
                yield self._sentences(data[:cut], first)
                first += data.count(b"\n", 0, cut)
            held = data[cut:]
            if len(held) > streams.LONGEST:
                raise SourceError(f"the sentence of line {first} does not end within 256 MiB")
        if held:
            yield self._sentences(held, first)

    def _sentences(self, data: bytes, first: int) -> Parsed:
        """Whole sentences, the first line being number ``first``."""
        lines = pl.Series("line", [data[:-1].decode("utf-8", "replace")]).str.split("\n")
        lines = lines.explode(empty_as_null=False, keep_nulls=False)
        split = fields(lines, tabs=self.tabs)
        gap, aside = _gaps(lines), passed(lines, split, self.width, universal=self.universal)
        widths = split.list.len().to_numpy()
        token = ~gap & ~aside
        block: Ints = np.cumsum(gap, dtype=np.int64)  # the same for all lines of a sentence
        real, begins = np.unique(block[token], return_index=True)
        at = np.flatnonzero(token)[begins]  # the line of the first token of each sentence
        ragged = token & (widths != self.width)
        spoiled = np.isin(real, block[ragged])
        starts = _starts(data, real, block)
        records = Records(data, starts, at + first, quoted=False)
        if not real.size:
            return self._empty(), Records(b"", starts[:0], at[:0], quoted=False), []
        bad = _bad(records, spoiled, np.flatnonzero(ragged), block, real, widths, self.width, first)
        kept = token & ~np.isin(block, real[spoiled])
        table = pl.DataFrame(
            {
                "block": block[kept],
                "tokens": split.filter(pl.Series(kept)).list.get(self.token, null_on_oob=True),
                "tags": split.filter(pl.Series(kept)).list.get(self.tag, null_on_oob=True),
            }
        )
        frame = table.group_by("block", maintain_order=True).agg("tokens", "tags").drop("block")
        return frame, records.keep(~spoiled), bad

    def _empty(self) -> pl.DataFrame:
        return pl.DataFrame(schema=dict.fromkeys(("tokens", "tags"), pl.List(pl.String)))


def fields(lines: pl.Series, *, tabs: bool) -> pl.Series:
    """The columns of each line, lists of strings."""
    if tabs:
        return lines.str.strip_chars_end(" \r").str.split("\t")
    return lines.str.extract_all(r"\S+")


def passed(lines: pl.Series, split: pl.Series, width: int, *, universal: bool) -> Mask:
    """Which lines are marks of documents, comments, or no tokens of their own."""
    off = lines.str.starts_with(DOCUMENT)
    off |= lines.str.starts_with("#") & (split.list.len() != width)
    if universal:
        off |= lines.str.contains(r"^\d+[-.]\d+\t")
    return np.asarray(off.to_numpy())


def _gaps(lines: pl.Series) -> Mask:
    return np.asarray((lines.str.strip_chars() == "").to_numpy())


def _last_gap(data: bytes) -> int:
    """Where the last blank line ends; 0 if there is none after a line."""
    for tail in (1 << 20, len(data)):  # a sentence of more than a megabyte is unusual
        found = [m.end() for m in GAP.finditer(data, max(0, len(data) - tail))]
        if found:
            return found[-1]
    return 0


def _starts(data: bytes, real: Ints, block: Ints) -> Ints:
    """Where the bytes of each sentence begin: after the blank line that ends the one before.

    Marks and comments between two sentences belong to the one that follows.
    """
    if not real.size:
        return np.zeros(0, dtype=np.int64)
    ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 10) + 1
    gap = np.searchsorted(block, real[:-1], side="right")  # the blank line after each sentence
    return np.concatenate(([0], ends[gap])).astype(np.int64)


def _bad(
    records: Records, spoiled: Mask, ragged: Ints, block: Ints, real: Ints, widths: Ints,
    width: int, first: int,
) -> list[Bad]:  # fmt: skip
    """Sentences with a line of more or fewer columns, each with the first such line."""
    if not spoiled.any():
        return []
    bounds = np.append(records.starts, len(records.data))
    of, at = np.unique(block[ragged], return_index=True)
    line = dict(zip(of.tolist(), ragged[at].tolist(), strict=True))
    out = []
    for i in np.flatnonzero(spoiled).tolist():
        where = line[int(real[i])]
        reason = f"{widths[where]} columns instead of {width}"
        out.append(Bad(where + first, reason, records.data[bounds[i] : bounds[i + 1]]))
    return out


def recognized(text: str, *, named: bool) -> Conll | None:
    """The form of the first lines of a file; None where they are no tokens with tags.

    ``named``: the file's name says so, and any last column is a tag. Otherwise the tags have to
    look like tags, and blank lines to stand between groups of lines.
    """
    lines = pl.Series("line", text.split("\n")[:20_000])
    gap = _gaps(lines)
    tabs = bool(
        (lines.str.contains("\t", literal=True).to_numpy() & ~gap).sum() > 0.5 * (~gap).sum()
    )
    split = fields(lines, tabs=tabs)
    widths = split.list.len().to_numpy()
    known = ~gap & ~passed(lines, split, 0, universal=False)
    known |= ~gap & lines.str.contains(r"^#\S*\t").to_numpy()
    if not known.any():
        return None
    values, counts = np.unique(widths[known], return_counts=True)
    width = int(values[counts.argmax()])
    if width < 2 or counts.max() < (0.5 if named else 0.9) * known.sum():
        return None
    first = split.filter(pl.Series(known & (widths == width)))
    if (
        width == 10
        and tabs
        and (first.list.get(0).str.contains(r"^\d+([-.]\d+)?$").mean() or 0) == 1
    ):
        return Conll(tabs, width, token=1, tag=3, universal=True)
    tags = first.list.get(-1).str.strip_chars()
    usual = float(tags.str.contains(TAG.pattern).mean() or 0.0)  # type: ignore[arg-type] # a mean of booleans is a float
    inner = gap[np.flatnonzero(known)[0] : np.flatnonzero(known)[-1]]
    if not named and (usual < 0.95 or not inner.any()):
        return None
    return Conll(tabs, width, 0, width - 1)
