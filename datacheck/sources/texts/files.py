"""Whole files as examples, a folder a class: ``train/pos/12.txt``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from datacheck.dataset import Batch, Fragment, Kind, Problem, Role
from datacheck.errors import SourceError
from datacheck.sources import lines, streams
from datacheck.sources.lines import FALLBACK, REPLACED
from datacheck.sources.table import Given, Readings, Table, to_batch
from datacheck.sources.texts.forms import BLANK
from datacheck.sources.texts.lines import LABEL
from datacheck.sources.texts.oddities import ODD, is_binary

TEXT = "text"
PIECE = 4096  # files of a fragment
PEEK = 500  # files that are looked at on opening
HELD = 16 << 20  # bytes of text in a batch
LARGEST = 64 << 20  # bytes of one example
WHY = "the name of the folder of each file"


@dataclass(frozen=True, slots=True)
class FilesFragment:
    """Rows ``start`` to ``stop`` of a split, a file each: ``names`` below ``root``.

    Row i is file i of ``names``, and belongs to class ``classes[i]`` if there are classes. All
    names begin with ``prefix``, which is no part of their paths.
    """

    split: str
    file: str
    root: Path
    names: tuple[str, ...]
    classes: tuple[str, ...]
    start: int
    encoding: str
    readings: Readings
    prefix: str = ""

    @property
    def path(self) -> Path:
        """What stands for all of its files."""
        return self.root / self.file

    def place(self, name: str) -> Path:
        """Where the file of that name is."""
        return self.root / name.removeprefix(self.prefix)

    def fingerprint(self) -> tuple[str, int, int]:
        """(root and first name, bytes of all files, latest mtime in ns)."""
        each = [streams.fingerprint(self.place(name)) for name in self.names]
        size = sum(max(s, 0) for _, s, _ in each)
        return str(self.place(self.names[0])), size, max(t for _, _, t in each)

    def read(self, columns: Sequence[str], batch_rows: int) -> Iterator[Batch]:
        """Batches of about ``batch_rows`` files, fewer of long ones; unreadable ones are told."""
        for frame, rows, problems in self.frames(batch_rows, texts=TEXT in columns):
            yield to_batch(frame, rows, columns, self.readings, problems)

    def frames(
        self, batch_rows: int, *, texts: bool = True
    ) -> Iterator[tuple[pl.DataFrame, np.ndarray[tuple[int], np.dtype[np.int64]], list[Problem]]]:
        """(cells, row numbers, problems) of files that can be read."""
        at: list[int] = []
        held: list[str] = []
        problems: list[Problem] = []
        size = 0
        for i, name in enumerate(self.names):
            text = self._text(name, problems) if texts else ""
            if text is None:
                continue
            at.append(i)
            held.append(text)
            size += len(text)
            if len(at) >= batch_rows or size > HELD:
                yield self._frame(held, at), np.array(at, dtype=np.int64) + self.start, problems
                at, held, problems, size = [], [], [], 0
        if at or problems:
            yield self._frame(held, at), np.array(at, dtype=np.int64) + self.start, problems

    def _frame(self, held: list[str], at: list[int]) -> pl.DataFrame:
        frame = pl.DataFrame({TEXT: pl.Series(held, dtype=pl.String)})
        if self.classes:
            label = pl.Series(LABEL, [self.classes[i] for i in at], dtype=pl.String)
            frame = frame.with_columns(label)
        return frame

    def _text(self, name: str, problems: list[Problem]) -> str | None:
        try:
            text, odd = decoded(self.place(name), self.encoding)
        except (SourceError, OSError) as error:
            reason = error.message if isinstance(error, SourceError) else _said(error)
            problems.append(Problem(self.split, name, -1, reason))
            return None
        problems += [Problem(self.split, name, row, why, warning=True) for row, why in odd]
        return text


def _said(error: OSError) -> str:
    return f"cannot be read: {error.strerror or 'an error of the disk'}"


def decoded(path: Path, encoding: str) -> tuple[str, list[tuple[int, str]]]:
    """The text of a whole file, and (line, what is odd in it).

    Raises SourceError for a file that is no text or too large.
    """
    if not path.is_file():
        raise SourceError("is no regular file")
    with streams.opened(path) as file:
        data = streams.read(file, LARGEST + 1)
    if len(data) > LARGEST:
        raise SourceError("holds more than 64 MiB, which is no single example")
    wide = encoding or streams.wide_encoding(data)
    odd: list[tuple[int, str]] = []
    if not wide and is_binary(data[: streams.HEAD]):
        raise SourceError("is binary, not text")
    try:
        text = data.decode(wide or "utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        if wide:
            text = data.decode(wide, "replace")
            odd.append((line, f"a character is not in the encoding {wide}; read as {REPLACED!r}"))
        else:
            text = data.decode(FALLBACK, "replace")
            odd.append((line, "a line is not UTF-8; the file is read as Windows-1252"))
    except UnicodeError:
        raise SourceError(f"is not in the encoding {wide}") from None
    text = text.removeprefix("\ufeff")
    for sign, what in ODD.items():
        at = -1 if odd else text.find(sign.decode())
        if at >= 0:
            odd.append((text.count("\n", 0, at) + 1, f"1 line holds {what}"))
    return text, odd


def open_files(
    root: Path,
    split: str,
    names: Sequence[str],
    classes: Sequence[str],
    encoding: str | None,
    prefix: str = "",
) -> Table:
    """A table of files below ``root``, whose names all begin with ``prefix`` besides; raises
    SourceError where none can be read.
    """
    lines.check_encoding(encoding or "")
    file = (prefix + split).rstrip("/") or "files"
    listed, of = tuple(names), tuple(classes)

    def fragments(split: str, readings: Readings) -> list[Fragment]:
        return [
            FilesFragment(
                split, file, root, listed[at : at + PIECE], of[at : at + PIECE], at,
                encoding or "", readings, prefix,
            )
            for at in range(0, len(listed), PIECE)
        ]  # fmt: skip

    every = max(1, len(listed) // PEEK)
    probe = FilesFragment(
        split, file, root, listed[::every], of[::every], 0, encoding or "", {}, prefix
    )
    parts: list[pl.DataFrame] = []
    reason = "no file that can be read"
    for frame, _, problems in probe.frames(100):
        parts.append(frame)
        reason = next((p.reason for p in problems if not p.warning), reason)
    peek = pl.concat(parts) if parts else pl.DataFrame()
    if not peek.height:
        raise SourceError(f"{reason} ({names[0]})")
    given = {TEXT: Given(Kind.TEXT, Role.FEATURE, reading=BLANK)}
    if of:
        given[LABEL] = Given(Kind.CATEGORY, Role.LABEL, WHY)
    return Table(file, peek, fragments, given=given, row_names=listed)
