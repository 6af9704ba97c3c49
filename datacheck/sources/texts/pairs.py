"""Files that go side by side, line by line: ``train.en`` and ``train.de``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from datacheck.dataset import Batch, Fragment, Kind, Problem, Role
from datacheck.errors import SourceError
from datacheck.sources import streams
from datacheck.sources.lines import Text
from datacheck.sources.table import Given, Readings, Table, peek_rows, to_batch
from datacheck.sources.texts.forms import BLANK, cells
from datacheck.sources.texts.lines import encoding_of
from datacheck.sources.texts.oddities import Oddities


@dataclass(frozen=True, slots=True)
class Side:
    """One of the files: the column it becomes, its display path, and its encoding."""

    column: str
    file: str
    path: Path
    encoding: str


@dataclass(frozen=True, slots=True)
class PairsFragment:
    """Files of which line i of each belongs together; blank lines are empty texts.

    Rows are numbered by line; ``file`` is that of the first side.
    """

    split: str
    file: str
    sides: tuple[Side, ...]
    readings: Readings

    @property
    def path(self) -> Path:
        """The file of the first side."""
        return self.sides[0].path

    def fingerprint(self) -> tuple[str, int, int]:
        """(path, size, mtime in ns) of all sides together: paths joined, sizes summed."""
        each = [streams.fingerprint(one.path) for one in self.sides]
        size = -1 if any(s < 0 for _, s, _ in each) else sum(s for _, s, _ in each)
        return "|".join(p for p, _, _ in each), size, max(t for _, _, t in each)

    def read(self, columns: Sequence[str], batch_rows: int) -> Iterator[Batch]:
        """Batches of lines that all sides have; where one ends early is told."""
        del batch_rows  # chunks are cut by bytes; the engine puts rows on its own grid
        step = Abreast(self.sides)
        for frame, first in step.frames():
            rows = np.arange(first, first + frame.height, dtype=np.int64)
            yield to_batch(frame, rows, columns, self.readings)
        for _ in step.rest():
            pass  # how far the others go
        if problems := step.problems(self.split):
            none = np.zeros(0, dtype=np.int64)
            yield to_batch(pl.DataFrame(), none, columns, self.readings, problems)


@dataclass(slots=True)
class Abreast:
    """One pass over all sides in step."""

    sides: Sequence[Side]
    read: list[int] = field(default_factory=list)
    broken: dict[int, str] = field(default_factory=dict)
    _texts: list[Text] = field(default_factory=list)
    _odd: list[Oddities] = field(default_factory=list)
    _left: list[Iterator[pl.Series]] = field(default_factory=list)
    _at: int = 1

    def frames(self) -> Iterator[tuple[pl.DataFrame, int]]:
        """(lines of all sides, the number of the first), as long as all sides have lines."""
        self._texts = [Text(s.path, s.encoding, quotes=False, blank=True) for s in self.sides]
        self._odd = [Oddities() for _ in self.sides]
        self.read = [0] * len(self.sides)
        self._left = [self._lines(i) for i in range(len(self.sides))]
        waiting: list[pl.Series] = [pl.Series("", [], dtype=pl.String) for _ in self.sides]
        at = 1
        while True:
            for i, lines in enumerate(self._left):
                if not len(waiting[i]):
                    waiting[i] = next(lines, waiting[i])
            n = min(len(w) for w in waiting)
            if not n:
                break
            yield (
                pl.DataFrame(
                    [w.head(n).alias(s.column) for w, s in zip(waiting, self.sides, strict=True)]
                ),
                at,
            )
            waiting = [w.slice(n) for w in waiting]
            at += n
        self._left = [
            itertools.chain([w], rest) for w, rest in zip(waiting, self._left, strict=True)
        ]
        self._at = at

    def rest(self) -> Iterator[tuple[int, int, pl.Series]]:
        """After the frames, what a side has more: (its ordinal, line of the first, lines)."""
        for i, left in enumerate(self._left):
            at = self._at
            for lines in left:
                if len(lines):
                    yield i, at, lines
                at += len(lines)

    def _lines(self, i: int) -> Iterator[pl.Series]:
        try:
            for records in self._texts[i].records():
                self._odd[i].look(records)
                self.read[i] += records.starts.size
                yield cells(records)
        except SourceError as error:
            self.broken[i] = error.message

    def problems(self, split: str) -> list[Problem]:
        """Where a side ends before another, breaks off, or holds odd bytes."""
        out = []
        for i, reason in self.broken.items():
            why = f"breaks off while reading: {reason}"
            out.append(Problem(split, self.sides[i].file, -1, why))
        least, most = min(self.read), max(self.read)
        if least < most:
            longest = self.sides[self.read.index(most)].file
            for side, n in zip(self.sides, self.read, strict=True):
                if n < most:
                    why = (
                        f"ends at line {n:,} where {longest} has {most:,}; its lines beyond are no "
                        "pairs, and any line that is missing before has shifted all that follow"
                    )
                    out.append(Problem(split, side.file, n, why))
        for side, odd, text in zip(self.sides, self._odd, self._texts, strict=True):
            out += [
                Problem(split, side.file, row, why, warning=True) for row, why in odd.told(text)
            ]
        return out


def open_pairs(files: Mapping[str, tuple[Path, str]], encoding: str | None, why: str) -> Table:
    """A table of files by column, the label last: (path, display path). Raises SourceError."""
    sides = tuple(
        Side(column, shown, path, _encoding(path, shown, encoding))
        for column, (path, shown) in files.items()
    )
    limit, held = peek_rows(len(sides)), 0
    parts: list[pl.DataFrame] = []
    step = Abreast(sides)
    for frame, _ in step.frames():
        parts.append(frame)
        held += frame.height
        if held >= limit:
            break
    if not held:
        reason = next(iter(step.broken.values()), "no line that all the files have")
        raise SourceError(reason)
    last = len(sides) - 1
    given = {
        side.column: Given(
            Kind.TEXT, Role.LABEL if i == last else Role.FEATURE, why if i == last else "",
            reading=BLANK,
        )
        for i, side in enumerate(sides)
    }  # fmt: skip
    file = sides[0].file

    def fragments(split: str, readings: Readings) -> list[Fragment]:
        return [PairsFragment(split, file, sides, readings)]

    return Table(file, pl.concat(parts).head(limit), fragments, given=given)


def _encoding(path: Path, shown: str, encoding: str | None) -> str:
    try:
        return encoding_of(path, encoding)
    except SourceError as error:
        raise SourceError(f"{error.message} ({shown})") from None
