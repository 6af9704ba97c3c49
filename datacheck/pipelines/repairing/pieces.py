"""What one file of a repaired dataset comes to, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from datacheck.dataset import FILE_SHIFT, Fragment
from datacheck.errors import SourceError
from datacheck.pipelines.repairing.members import File
from datacheck.pipelines.repairing.mending import ROWS, Mender, Tally
from datacheck.pipelines.repairing.quarantine import Quarantine
from datacheck.pipelines.repairing.writing import Piece, Shape
from datacheck.sources.raw import Raw, read_raw

if TYPE_CHECKING:
    from datacheck.pipelines.fixing import Progress


def concerned(one: File, mender: Mender) -> bool:
    """Whether anything in the plan can concern the file at all."""
    ordinals, moves = mender.view.file_of, mender.view.moves
    for fragment in one.fragments:
        if mender.columns(fragment) or fragment.split in mender.quarantine:
            return True
        file = ordinals[fragment.file]
        for addresses in (moves.gone, moves.moved):
            if ((addresses >> FILE_SHIFT) == file).any():
                return True
    return False


def shape_of(fragment: Fragment, mender: Mender) -> Shape:
    """Columns that come and go, from the file's columns alone."""
    first = next(iter(read_raw(fragment, 1)), None)
    if first is None:
        return Shape()
    records = first.records.keep(np.zeros(first.rows.size, np.bool_)) if first.records else None
    empty = Raw(first.frame.clear(), first.rows[:0], records)
    frame = mender.mend(empty, fragment, 0, Tally()).frame
    have = set(frame.columns)
    dropped = tuple(c for c in first.frame.columns if c not in have)
    had = set(first.frame.columns)
    return Shape(dropped, tuple(c for c in frame.columns if c not in had))


def pieces_of(
    one: File,
    mender: Mender,
    received: list[pl.DataFrame],
    shape: Shape,
    quarantine: Quarantine,
    progress: Progress | None,
    share: float,
) -> Iterator[Piece]:
    """What is written of a file, as it is repaired; ``received`` comes from other files."""
    ordinals = mender.view.file_of
    columns: list[str] = []
    split = ""
    for fragment in one.fragments:
        split = fragment.split
        for raw in read_raw(fragment, ROWS):
            if raw.broken:
                _breaks_off(raw, fragment, mender, quarantine)
                one.changed = True
                continue
            if not raw.frame.height and not raw.bad:
                continue
            mended = mender.mend(raw, fragment, ordinals[fragment.file], one.tally)
            quarantine.take(mended, fragment)
            columns = mended.frame.columns
            if mended.touched is not None:
                one.changed = True
            yield mended.kept()
            if progress is not None:
                progress(one.tally.read, share, fragment.file)
    for frame in received:
        one.received += frame.height
        rows = np.full(frame.height, np.iinfo(np.int64).max, dtype=np.int64)
        touched = np.ones(frame.height, dtype=np.bool_)
        yield Piece(_fitting(frame, columns or frame.columns), rows, touched, split=split)


def _breaks_off(raw: Raw, fragment: Fragment, mender: Mender, quarantine: Quarantine) -> None:
    if fragment.split not in mender.quarantine:
        raise SourceError(
            f"{fragment.file} breaks off while reading: {raw.broken}",
            "mend or remove it first; a plan with quarantine-unreadable keeps what can be read",
        )
    quarantine.broken(fragment, raw.broken)


def _fitting(frame: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """Rows of another file with the columns of this one."""
    strange = [c for c in frame.columns if c not in columns]
    lacking = [c for c in columns if c not in frame.columns]
    if strange or lacking:
        raise SourceError(
            f"rows cannot move between files with different columns ({(strange + lacking)[0]!r})",
            "align the columns first (rule SC001)",
        )
    return frame.select(columns)
