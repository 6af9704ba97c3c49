"""A file of records: one example a line, a label and an example, tokens with tags, series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from datacheck.dataset import Batch, Fragment, Kind, Problem, Role
from datacheck.errors import SourceError
from datacheck.sources import lines, streams
from datacheck.sources.lines import Bad, Records, Text
from datacheck.sources.table import Given, Readings, Table, peek_rows, to_batch
from datacheck.sources.texts.forms import Form
from datacheck.sources.texts.oddities import Oddities, is_binary

MAX_TOLD = 20
LABEL = "label"


@dataclass(frozen=True, slots=True)
class LinesFragment:
    """A whole file of text in a :class:`~datacheck.sources.texts.forms.Form`.

    ``constant`` is the label of all its rows, where the file's name tells it.
    """

    split: str
    file: str
    path: Path
    form: Form
    encoding: str
    readings: Readings
    constant: str | None = None

    def fingerprint(self) -> tuple[str, int, int]:
        """(path, size, mtime in ns)."""
        return streams.fingerprint(self.path)

    def frames(self, text: Text) -> Iterator[tuple[pl.DataFrame, Records, list[Bad]]]:
        """(cells, their records, what cannot be read) for each chunk."""
        for frame, records, bad in self.form.rows(text):
            yield labeled(frame, self.constant), records, bad

    def read(self, columns: Sequence[str], batch_rows: int) -> Iterator[Batch]:
        """Batches of whole records; what cannot be read goes to their problems."""
        del batch_rows  # chunks are cut by bytes; the engine puts rows on its own grid
        text = Text(self.path, self.encoding, quotes=False)
        odd = Oddities()
        shown = broken = 0
        cut: SourceError | None = None
        try:
            for frame, records, bad in self.frames(text):
                odd.look(records)
                tell = bad[: max(0, MAX_TOLD - shown)]
                shown, broken = shown + len(tell), broken + len(bad)
                problems = [Problem(self.split, self.file, b.line, b.reason) for b in tell]
                yield to_batch(frame, records.lines, columns, self.readings, problems)
        except SourceError as error:
            cut = error
        last: list[Problem] = []
        if broken > shown:
            reason = f"{broken - shown:,} more records like those told apart"
            last.append(Problem(self.split, self.file, -1, reason))
        last += [
            Problem(self.split, self.file, row, why, warning=True) for row, why in odd.told(text)
        ]
        if last:
            none = np.zeros(0, dtype=np.int64)
            yield to_batch(pl.DataFrame(), none, columns, self.readings, last)
        if cut is not None:
            raise cut


def labeled(frame: pl.DataFrame, constant: str | None) -> pl.DataFrame:
    """The frame with a label that is the same in all its rows."""
    if constant is None:
        return frame
    return frame.with_columns(pl.lit(constant, dtype=pl.String).alias(LABEL))


def open_lines(
    path: Path,
    file: str,
    form: Form,
    encoding: str | None,
    *,
    constant: str | None = None,
    why: str = "",
) -> Table:
    """A table from such a file. Raises SourceError for what is no text, or holds no record."""
    wide = encoding_of(path, encoding)
    probe = LinesFragment("", file, path, form, wide, {}, constant)
    limit, held, said = peek_rows(len(form.given)), 0, ""
    parts: list[pl.DataFrame] = []
    reason = "holds nothing but blank lines"
    try:
        for frame, _, bad in probe.frames(Text(path, wide, quotes=False)):
            parts.append(frame)
            held += frame.height
            if not held and bad:
                reason = f"holds no record: {bad[0].reason} (line {bad[0].line})"
            if held >= limit:
                break
    except SourceError as error:
        if not held:
            raise
        said = error.message
    if not held:
        raise SourceError(reason)
    del said  # the scan meets it again, and tells it
    given = dict(form.given)
    if constant is not None:
        given[LABEL] = Given(Kind.CATEGORY, Role.LABEL, why)

    def fragments(split: str, readings: Readings) -> list[Fragment]:
        return [LinesFragment(split, file, path, form, wide, readings, constant)]

    return Table(file, pl.concat(parts).head(limit), fragments, given=given)


def encoding_of(path: Path, asked: str | None) -> str:
    """The encoding to read by; '' for UTF-8. Raises SourceError for what is no text."""
    streams.readable(path)
    sign = streams.magic(path)
    if sign not in ("", "gzip", "zstd"):
        raise SourceError(f"is a {sign} file, not what its name says")
    head = lines.head(path)
    wide = asked or streams.wide_encoding(head)
    lines.check_encoding(wide)
    if not wide and is_binary(head):
        raise SourceError("is binary, not text")
    return wide
