"""What form the text of a file has, told from its first lines."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from datacheck.errors import SourceError
from datacheck.sources import lines, streams
from datacheck.sources.options import SourceOptions
from datacheck.sources.table import Table
from datacheck.sources.texts import conll, series
from datacheck.sources.texts.forms import Commands, Form, Marked, Plain
from datacheck.sources.texts.lines import open_lines
from datacheck.sources.texts.oddities import is_binary

NAMED = (".conll", ".conllu", ".iob", ".iob2", ".bio")  # suffixes of tokens with tags
SERIES = ".ts"
PROSE = (".txt", ".text", ".lines", "")  # suffixes of what may be read as lines
HEAD = 1 << 18  # bytes that are looked at
MOST = 0.9  # share of lines that makes a form
NUMBER = r"^\s*[-+]?[\d.,]+([eE][-+]?\d+)?(\s+[-+]?[\d.,]+([eE][-+]?\d+)?)*\s*$"


def special(path: Path, file: str, options: SourceOptions, suffix: str) -> Table | None:
    """A table of the file, if its lines have a form of their own; None for any other text.

    Raises SourceError where the form was asked for and is not there, or the file is broken.
    """
    asked = options.text_layout
    if asked in ("lines", "files", "classes", "table") or options.delimiter is not None:
        return None
    head = first_lines(path, options.encoding)
    found: Form | None = None
    if asked != "conll":
        found = series.recognized(head) if suffix == SERIES else _by_line(head)
    if found is None:
        found = conll.recognized(head, named=suffix in NAMED or asked == "conll")
        if found is None and (asked == "conll" or suffix in NAMED):
            raise SourceError("holds no tokens with tags in columns")
    return None if found is None else open_lines(path, file, found, options.encoding)


def prose(path: Path, file: str, options: SourceOptions) -> Table:
    """A table of the file's lines. Raises SourceError for numbers, and for no text."""
    head = first_lines(path, options.encoding)
    if options.text_layout != "lines" and numbers(head):
        raise SourceError("is text without columns, its lines hold numbers")
    return open_lines(path, file, Plain(), options.encoding)


def has_nul(path: Path, options: SourceOptions) -> bool:
    """Whether text holds NUL bytes here and there, which no reader of tables takes."""
    if options.encoding or options.delimiter:
        return False
    head = lines.head(path, HEAD)
    return b"\0" in head and not streams.wide_encoding(head) and not is_binary(head)


def _by_line(head: str) -> Form | None:
    listed = [line for line in head.split("\n") if line.strip()][:1000]
    if not listed:
        return None
    for start, form in (("__label__", Marked()), ("IN: ", Commands())):
        hits = sum(
            line.lstrip().startswith(start) and (start[0] == "_" or " OUT: " in line)
            for line in listed
        )
        if hits >= MOST * len(listed):
            return form
    return None


def first_lines(path: Path, encoding: str | None) -> str:
    """The first whole lines of a file (one may be cut off where it is very long).

    Raises SourceError for what is no text.
    """
    streams.readable(path)
    raw = lines.head(path, HEAD)
    wide = encoding or streams.wide_encoding(raw)
    lines.check_encoding(wide)
    if not wide and is_binary(raw):
        raise SourceError("is binary, not text")
    try:
        text = raw.decode(wide or "utf-8", "replace")
    except UnicodeError:
        raise SourceError(f"is not in the encoding {wide}") from None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if len(raw) == HEAD and "\n" in text:
        text = text[: text.rindex("\n")]
    return text.removesuffix("\n")


def numbers(head: str) -> bool:
    """Whether most lines hold numbers alone."""
    listed = pl.Series("line", [line for line in head.split("\n")[:1000] if line.strip()])
    return len(listed) > 0 and float(listed.str.contains(NUMBER).mean() or 0.0) > 0.5  # type: ignore[arg-type] # a mean of booleans is a float


def tabular(path: Path, options: SourceOptions, *, prose: bool) -> bool:
    """Whether a file of text would be read as a table: several records, and columns in them.

    With ``prose``, commas and spaces make columns only where one of them holds numbers: sentences
    of one make have as many commas each.
    """
    from datacheck.sources.sniff import csv_rows, sniff

    head = first_lines(path, options.encoding)
    if numbers(head):
        return True
    listed = [line for line in head.split("\n") if line.strip()]
    if len(listed) < 4:  # a sentence or two may well hold the same number of commas
        return False
    try:
        dialect, _, _ = sniff(path, options, ".txt")
    except SourceError:
        return False
    if dialect.width < 2 or not prose or dialect.delimiter not in ", ":
        return dialect.width > 1
    rows = [r for r in csv_rows(head, dialect.delimiter, dialect.quotes) if len(r) == dialect.width]
    columns = zip(*rows[:200], strict=True)
    return any(
        sum(bool(re.match(NUMBER, c)) for c in cells) > 0.5 * len(cells) for cells in columns
    )


def short_lines(path: Path, options: SourceOptions) -> bool:
    """Whether the lines of a file look like examples: short, and hardly a blank one between."""
    listed = first_lines(path, options.encoding).split("\n")
    filled = [line for line in listed if re.search(r"\S", line)]
    if not filled or len(filled) < 0.95 * len(listed):
        return False
    return sorted(map(len, filled))[len(filled) // 2] <= 200
