"""Delimiter, quoting and header of delimited text, told from its first bytes."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datacheck.errors import SourceError, UsageError
from datacheck.sources import lines, streams
from datacheck.sources.convert import MISSING
from datacheck.sources.kinds import NAME
from datacheck.sources.options import SourceOptions
from datacheck.sources.table import reserved, told
from datacheck.types import Ints

DELIMITERS = (",", "\t", ";", "|", " ")
MOST_HEAD = 64 << 20
STEADY = 0.9  # share of records with one number of fields that makes a delimiter
SUFFIXES = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".psv": "|"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How delimited text is written. ``width`` is the number of fields of a record."""

    delimiter: str
    quotes: bool
    header: bool
    width: int
    encoding: str = ""
    strip: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Something to tell about a file; a warning is a finding, anything else an assumption."""

    text: str
    row: int = 1
    warning: bool = False


def fields(data: bytes, starts: Ints, delimiter: str, quoted: bool) -> Ints:
    """Number of fields of each record, int64 of shape (records,)."""
    if not starts.size:
        return np.zeros(0, dtype=np.int64)
    mask = np.frombuffer(data, dtype=np.uint8) == ord(delimiter)
    if quoted:
        quotes = np.frombuffer(data, dtype=np.uint8) == 34
        mask = mask & ~np.logical_xor.accumulate(quotes)
    at = np.flatnonzero(mask)
    bounds = np.append(starts, len(data))
    return np.asarray(np.diff(np.searchsorted(at, bounds)) + 1, dtype=np.int64)


def sniff(path: Path, options: SourceOptions, suffix: str) -> tuple[Dialect, list[str], list[Note]]:
    """The dialect, the names of the columns ('' for one without content), and what to tell.

    Raises SourceError for a file that is no delimited text.
    """
    raw = lines.head(path)
    size = streams.HEAD
    while len(raw) == size and size < MOST_HEAD and len(raw.splitlines()) < 20:
        size *= 4  # very wide: a few whole records at least
        raw = lines.head(path, size)
    if not raw.strip():
        raise SourceError("is empty" if not raw else "holds nothing but blank lines")
    encoding = options.encoding or streams.wide_encoding(raw)
    lines.check_encoding(encoding)
    if not encoding and streams.is_binary(raw):
        raise SourceError("is binary, not text")
    if options.delimiter is not None and not options.delimiter.isascii():
        raise UsageError(
            f"delimiter {options.delimiter!r} is no ASCII character", "such as ',' or ';' or 'tab'"
        )
    try:
        text = raw.decode(encoding or "utf-8", errors="replace")
    except UnicodeError:
        raise SourceError(f"is not in the encoding {encoding}") from None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    whole = len(raw) < size
    if not whole and "\n" in text:
        text = text[: text.rindex("\n") + 1]
    delimiter, quotes, width = _delimiter(text, options.delimiter, SUFFIXES.get(suffix, ""))
    rows = _rows(text, delimiter, quotes, 200)
    notes: list[Note] = []
    if encoding and not options.encoding:
        notes.append(Note(f"read as {encoding.upper()}, by its byte order mark"))
    if not quotes and '"' in text:
        notes.append(Note("quotes do not come in pairs, so they are read as plain characters"))
    strip = _spaced(rows)
    header = options.header if options.header is not None else _header(rows, width)
    if options.header is None and not header:
        notes.append(Note("no header line; columns are named by position (set with --header)"))
    usual = SUFFIXES.get(suffix, ",")
    if options.delimiter is None and width > 1 and delimiter != usual:
        notes.append(Note(f"the delimiter is {delimiter!r}"))
    names = _names(rows[0] if header else None, rows[1:] if header else rows, width, notes)
    return Dialect(delimiter, quotes, header, width, encoding, strip), names, notes


def _records(text: str, quotes: bool) -> tuple[bytes, Ints]:
    data = text.encode() if text.endswith("\n") else text.encode() + b"\n"
    buffer = np.frombuffer(data, dtype=np.uint8)
    ends = buffer == 10
    if quotes:
        ends = ends & ~np.logical_xor.accumulate(buffer == 34)
    starts = np.concatenate(([0], np.flatnonzero(ends)[:-1] + 1))
    return data, starts[buffer[starts] != 10]


def _delimiter(text: str, given: str | None, usual: str) -> tuple[str, bool, int]:
    """(delimiter, quotes, fields): what makes most records have one number of fields."""
    best: tuple[float, int, float, int, int, str, bool] | None = None
    modes = (True, False) if '"' in text else (True,)
    for quotes in modes:
        data, starts = _records(text, quotes)
        for delimiter in [given] if given else DELIMITERS:
            counts = fields(data, starts, delimiter, quotes)
            width, share = _mode(counts)
            if width < 2 and not given:
                continue
            if delimiter == " " and share < 1.0:
                continue  # prose has spaces too
            if quotes and '"' in text and not _paired(text, delimiter):
                share -= 0.005  # a tie goes to reading them as plain characters
            score = (
                round(share, 2), int(delimiter == usual), round(share, 3), int(quotes), width,
                delimiter, quotes,
            )  # fmt: skip
            if share >= STEADY and (best is None or score[:5] > best[:5]):
                best = score
    if best is None and given is None and usual:
        data, starts = _records(text, True)
        width, share = _mode(fields(data, starts, usual, True))
        if width >= 2 and share >= 0.5:
            best = (share, 1, share, 1, width, usual, True)
    if best is None:
        paired = text.count('"') % 2 == 0
        return given or usual or ",", paired, 1
    return best[5], best[6], best[4]


def _paired(text: str, delimiter: str) -> bool:
    """Whether quotes stand around whole fields (doubled within them), but for one in ten."""
    bare = text.replace('""', "")
    if '"' not in bare:
        return True
    edge = re.escape(delimiter)
    around = re.compile(rf'(?:^|(?<=[\n{edge}])) ?"[^"]*"(?= ?(?:{edge}|\n|\Z))')
    rest, fields_ = around.subn("", bare)
    return fields_ >= 10 * rest.count('"')


def _mode(counts: Ints) -> tuple[int, float]:
    if not counts.size:
        return 1, 0.0
    values, n = np.unique(counts, return_counts=True)
    i = int(n.argmax())
    return int(values[i]), float(n[i] / counts.size)


def csv_rows(text: str, delimiter: str, quotes: bool) -> Iterator[list[str]]:
    """Records as Python's csv reads them: slow, and without surprises."""
    csv.field_size_limit(streams.LONGEST)
    if quotes:
        return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=csv.QUOTE_NONE)


def _rows(text: str, delimiter: str, quotes: bool, limit: int) -> list[list[str]]:
    out: list[list[str]] = []
    for row in csv_rows(text, delimiter, quotes):
        if row:
            out.append(row)
        if len(out) >= limit:
            break
    return out


def _spaced(rows: list[list[str]]) -> bool:
    """Whether a space follows (nearly) every delimiter."""
    later = [cell for row in rows for cell in row[1:] if cell]
    return bool(later) and sum(cell.startswith(" ") for cell in later) > 0.9 * len(later)


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"\s*[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?\s*", cell) is not None


def _header(rows: list[list[str]], width: int) -> bool:
    """Whether the first record names the columns."""
    first = [cell.strip() for cell in rows[0]]
    if any(_is_number(c) for c in first) or not any(first):
        return False
    rest = [row for row in rows[1:] if len(row) == width]
    if not rest:
        return all(NAME.match(c) for c in first if c)
    for j in range(min(len(first), width)):
        values = [row[j].strip() for row in rest if row[j].strip() not in MISSING]
        if values and sum(_is_number(v) for v in values) > 0.5 * len(values):
            return True  # a word above numbers
    if any(
        first[j] and first[j] in {row[j].strip() for row in rest}
        for j in range(min(len(first), width))
    ):
        return False  # a value of the column itself
    return all(NAME.match(c) and len(c.split()) <= 5 for c in first if c)


def _names(
    first: list[str] | None, rest: list[list[str]], width: int, notes: list[Note]
) -> list[str]:
    if first is None:
        return [f"column_{j + 1}" for j in range(width)]
    names = [c.strip().lstrip("#").strip() for c in first]
    if len(names) == width - 1:
        empty = all(len(row) < width or not row[-1].strip() for row in rest)
        names = [*names, ""] if empty and rest else ["row", *names]
    elif len(names) != width:
        if rest:
            notes.append(
                Note(f"the header has {len(names)} fields, the records {width}", 1, warning=True)
            )
        names = [*names, *(f"column_{j + 1}" for j in range(len(names), width))][:width]
    blank = [j for j, n in enumerate(names) if not n]
    for j in blank:
        if any(len(row) == width and row[j].strip() for row in rest):
            names[j] = f"column_{j + 1}" if j else "row"
    seen: Counter[str] = Counter()
    taken = {n for n in names if n}
    for j, name in enumerate(names):
        if not name:
            continue
        seen[name] += 1
        if seen[name] > 1:
            new = name
            number = seen[name]
            while new in taken:
                new = f"{name}_{number}"
                number += 1
            taken.add(new)
            notes.append(
                Note(
                    f"two columns are named {name!r}; the second is read as {new!r}",
                    1,
                    warning=True,
                )
            )
            names[j] = new
    other = reserved([n for n in names if n])
    notes += [Note(one) for one in told(other)]
    return [other.get(n, n) for n in names]
