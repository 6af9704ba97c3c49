"""CSV, TSV and any other delimited text, read in chunks of whole records."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from datacheck.dataset import Batch, Fragment, Problem
from datacheck.errors import SourceError
from datacheck.sources import streams
from datacheck.sources.lines import Bad, Records, Text
from datacheck.sources.options import SourceOptions
from datacheck.sources.sniff import Dialect, csv_rows, fields, sniff
from datacheck.sources.table import Readings, Table, peek_rows, to_batch

MAX_TOLD = 20  # ragged records told one by one in each file


@dataclass(frozen=True, slots=True)
class DelimitedFragment:
    """A whole delimited file."""

    split: str
    file: str
    path: Path
    names: tuple[str, ...]
    dialect: Dialect
    readings: Readings

    def fingerprint(self) -> tuple[str, int, int]:
        """(path, size, mtime in ns)."""
        return streams.fingerprint(self.path)

    def read(self, columns: Sequence[str], batch_rows: int) -> Iterator[Batch]:
        """Batches of whole records; what cannot be read goes to their problems."""
        del batch_rows  # chunks are cut by bytes; the engine puts rows on its own grid
        text = Text(self.path, self.dialect.encoding, self.dialect.quotes)
        wanted = [i for i, n in enumerate(self.names) if n in set(columns)]
        told = ragged = 0
        broken: SourceError | None = None
        try:
            for raw, records, bad in frames(text, self.dialect, self.names, wanted):
                lines = records.lines
                shown = bad[: max(0, MAX_TOLD - told)]
                told, ragged = told + len(shown), ragged + len(bad)
                problems = [self._problem(one.line, one.reason) for one in shown]
                yield to_batch(raw, lines, columns, self.readings, problems)
        except SourceError as error:
            broken = error
        last: list[Problem] = []
        if ragged > told:
            last.append(self._problem(-1, f"{ragged - told:,} more records like those told apart"))
        if text.open_quote:
            last.append(self._problem(text.open_quote, "a quote is opened and never closed"))
        last += [Problem(self.split, self.file, row, why, warning=True) for row, why in text.odd()]
        if last:
            yield to_batch(
                pl.DataFrame(), np.zeros(0, dtype=np.int64), columns, self.readings, last
            )
        if broken is not None:
            raise broken

    def _problem(self, row: int, reason: str) -> Problem:
        return Problem(self.split, self.file, row, reason)


def frames(
    text: Text, dialect: Dialect, names: Sequence[str], wanted: Sequence[int]
) -> Iterator[tuple[pl.DataFrame, Records, list[Bad]]]:
    """(raw strings, their records, ragged records) for each chunk, without the header."""
    first = dialect.header
    for found in text.records():
        records = found
        if first:
            records = _rest(found)
            first = False
        counts = fields(records.data, records.starts, dialect.delimiter, records.quoted)
        good = counts == dialect.width
        bad: list[Bad] = []
        if not good.all():
            bounds = np.append(records.starts, len(records.data))
            for i in np.flatnonzero(~good).tolist():
                text_ = records.data[bounds[i] : bounds[i + 1]]
                reason = f"{counts[i]} fields instead of {dialect.width}"
                bad.append(Bad(int(records.lines[i]), reason, text_))
            records = records.keep(good)
        yield _parse(records, dialect, names, wanted), records, bad


def _rest(records: Records) -> Records:
    """All but the first record."""
    if records.starts.size < 2:
        return Records(b"", records.starts[:0], records.lines[:0], records.quoted)
    at = int(records.starts[1])
    return Records(records.data[at:], records.starts[1:] - at, records.lines[1:], records.quoted)


def _parse(
    records: Records, dialect: Dialect, names: Sequence[str], wanted: Sequence[int]
) -> pl.DataFrame:
    """The wanted columns as strings; the empty cell is null."""
    picked = [names[i] for i in wanted]
    if not records.starts.size:
        return pl.DataFrame(schema=dict.fromkeys(picked, pl.String))
    if not wanted:
        return pl.DataFrame(height=records.starts.size)
    try:
        frame = pl.read_csv(
            io.BytesIO(records.data),
            has_header=False,
            columns=list(wanted),
            separator=dialect.delimiter,
            quote_char='"' if dialect.quotes else None,
            infer_schema=False,
        )
    except pl.exceptions.PolarsError:
        frame = pl.DataFrame()
    if frame.height != records.starts.size or frame.width != len(picked):
        frame = _slowly(records, dialect, wanted)
    frame.columns = picked
    if dialect.strip:
        frame = frame.with_columns(pl.all().str.strip_chars(" "))
        frame = frame.with_columns(pl.when(pl.all() != "").then(pl.all()))
    return frame


def _slowly(records: Records, dialect: Dialect, wanted: Sequence[int]) -> pl.DataFrame:
    """The same through Python's csv, record by record: what Polars and we count differently."""
    bounds = [*records.starts.tolist(), len(records.data)]
    rows: list[list[str | None]] = []
    for i in range(len(bounds) - 1):
        text = records.data[bounds[i] : bounds[i + 1]].decode("utf-8", "replace")
        cells = next(csv_rows(text, dialect.delimiter, dialect.quotes), [])
        rows.append([(cells[j] or None) if j < len(cells) else None for j in wanted])
    return pl.DataFrame(rows, schema={f"{j}": pl.String for j in wanted}, orient="row")


def open_delimited(path: Path, file: str, options: SourceOptions, suffix: str) -> Table:
    """A table from delimited text. Raises SourceError for what is none."""
    dialect, names, notes = sniff(path, options, suffix)
    text = Text(path, dialect.encoding, dialect.quotes)
    kept = [i for i, n in enumerate(names) if n]
    limit = peek_rows(len(names))
    parts: list[pl.DataFrame] = []
    held = 0
    broken = ""
    try:
        for raw, _, _ in frames(text, dialect, names, kept):
            parts.append(raw)
            held += raw.height
            if held >= limit:
                break
    except SourceError as error:
        broken = error.message
    peek = (
        pl.concat(parts).head(limit)
        if parts
        else pl.DataFrame(schema={n: pl.String for n in names if n})
    )
    if broken and not peek.height:
        raise SourceError(broken)

    def fragments(split: str, readings: Readings) -> list[Fragment]:
        return [DelimitedFragment(split, file, path, tuple(names), dialect, readings)]

    table = Table(file, peek, fragments)
    for note in notes:
        if note.warning:
            table.problems.append((note.row, note.text, True))
        else:
            table.said.append(note.text)
    return table
