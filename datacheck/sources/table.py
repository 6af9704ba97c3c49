"""What every format comes to: a table with names, a look at its first rows, and fragments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from datacheck.dataset import Batch, Fragment, Kind, Problem, Role
from datacheck.sources.convert import Reading, convert
from datacheck.types import Ints

if TYPE_CHECKING:
    import polars as pl

Readings = Mapping[str, Reading]
PEEK_CELLS = 2_000_000
OURS = ("__address__", "__hash__", "__class__")  # columns that samples add


@dataclass(frozen=True, slots=True)
class Given:
    """A column whose kind and role the source knows, whatever its cells look like.

    ``why`` is told as an assumption (of a label, say) unless it is empty. Where ``computed``, the
    column is made while reading (a picture is decoded), so that no peek holds it; the fragments
    give it as it is, with no :class:`~datacheck.sources.convert.Reading` of it. ``reading`` says
    how cells become values where the kind alone does not.
    """

    kind: Kind
    role: Role
    why: str = ""
    computed: bool = False
    unique: bool = False
    cells: int = 1
    reading: Reading | None = None

    @property
    def how(self) -> Reading:
        """How its cells are read."""
        return self.reading or Reading(self.kind)


@dataclass(slots=True)
class Table:
    """One file (or one thing in memory), opened far enough to know its columns.

    ``peek`` holds the first rows as they are stored; ``problems`` are (row, reason, warning).
    ``given`` has the columns that the source itself knows about, ``row_names`` what rows are
    called (see :class:`~datacheck.dataset.Dataset`).
    """

    file: str
    peek: pl.DataFrame
    fragments: Callable[[str, Readings], Sequence[Fragment]]
    problems: list[tuple[int, str, bool]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    given: Mapping[str, Given] = field(default_factory=dict)
    row_names: Sequence[str] = ()


ALONE = "data"  # the name of a split that nothing names


@dataclass(slots=True)
class Opened:
    """Tables by split, and what happened on the way."""

    name: str
    tables: dict[str, list[Table]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)
    """What was assumed about single files: the note, and the files it holds for."""
    lines: dict[str, list[Table]] = field(default_factory=dict)
    """Texts without columns, which are read where there is no table."""

    def add(self, split: str, table: Table) -> None:
        """One more table of that split, with what there is to tell of it."""
        for note in table.said:
            self.notes.setdefault(note, []).append(table.file)
        self.problems += [Problem(split, table.file, *one) for one in table.problems]
        self.tables.setdefault(split, []).append(table)


def peek_rows(columns: int, rows: int = 10_000) -> int:
    """How many rows to look at: fewer of very wide tables."""
    return min(rows, max(200, PEEK_CELLS // max(columns, 1)))


def reserved(columns: Iterable[str]) -> dict[str, str]:
    """Other names for columns that Polars reads as patterns, or that we give a meaning."""
    taken = set(columns)
    out: dict[str, str] = {}
    for name in columns:
        if name in ("", "*") or name in OURS or (name.startswith("^") and name.endswith("$")):
            new = f"[{name}]"
            while new in taken:
                new = f"[{new}]"
            taken.add(new)
            out[name] = new
    return out


def told(renamed: Mapping[str, str]) -> list[str]:
    """Sentences about columns that go by another name."""
    return [f"the column {old!r} is called {new!r} here" for old, new in renamed.items()]


def to_batch(
    raw: pl.DataFrame,
    rows: Ints,
    columns: Sequence[str],
    readings: Readings,
    problems: Sequence[Problem] = (),
) -> Batch:
    """The named columns in the common schema; a column that the file lacks is null."""
    import polars as pl

    out: list[pl.Series] = []
    tokens: dict[str, pl.Series] = {}
    have = set(raw.columns)
    for name in columns:
        if name in have:
            series, lost = convert(raw[name], readings[name])
            if lost is not None:
                tokens[name] = lost
        else:
            series, _ = convert(pl.Series(name, [None] * len(rows), dtype=pl.Null), readings[name])
        out.append(series.alias(name))
    frame = pl.DataFrame(out) if out else pl.DataFrame(height=len(rows))
    return Batch(frame, np.asarray(rows, dtype=np.int64), tokens=tokens, problems=problems)
