"""Files as they are stored, to be written again: all columns, raw cells, and broken records.

An audit reads only what rules need, as the kinds that rules know. A repair has to give back every
column and every record, so it reads here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from datacheck.dataset import Batch, Fragment, Kind
from datacheck.errors import SourceError
from datacheck.sources import columnar
from datacheck.sources.columnar import ColumnarFragment
from datacheck.sources.convert import Reading
from datacheck.sources.delimited import DelimitedFragment, frames
from datacheck.sources.images.arrays import ArrayFragment
from datacheck.sources.images.folders import IMAGE, LABEL, FolderFragment
from datacheck.sources.images.fragments import WithImages
from datacheck.sources.images.idx import IdxFragment
from datacheck.sources.images.shards import TarFragment
from datacheck.sources.jsonl import JsonlFragment, parse
from datacheck.sources.lines import Bad, Records, Text
from datacheck.sources.memory import MemoryFragment
from datacheck.sources.objects import ObjectsFragment
from datacheck.sources.table import Readings, reserved, to_batch
from datacheck.sources.texts.files import FilesFragment
from datacheck.sources.texts.lines import LinesFragment
from datacheck.sources.texts.pairs import Abreast, PairsFragment
from datacheck.types import Ints


@dataclass(slots=True)
class Raw:
    """Consecutive rows of one file as stored.

    ``frame`` has the columns by the names that an audit calls them, ``rows`` their numbers in the
    file; ``records`` the bytes of the rows of text files; ``bad`` what could not be read, to be
    placed by its line; ``broken`` is the reason if the file breaks off after these rows.
    """

    frame: pl.DataFrame
    rows: Ints
    records: Records | None = None
    bad: Sequence[Bad] = field(default_factory=tuple)
    broken: str = ""

    def batch(self, columns: Sequence[str], readings: Readings, file: int) -> Batch:
        """The named columns in the common schema."""
        out = to_batch(self.frame, self.rows, columns, readings)
        out.file = file
        return out


def readings_of(fragment: Fragment) -> Readings:
    """How the cells of a fragment become values. Raises SourceError for a foreign fragment."""
    fragment = stored(fragment)
    if isinstance(fragment, FolderFragment):
        return {LABEL: Reading(Kind.CATEGORY)}
    if isinstance(fragment, Readable | TarFragment | IdxFragment):
        return fragment.readings
    raise SourceError(f"{fragment.file} cannot be written again", "repair it as a file or a frame")


def check_writable(fragment: Fragment) -> None:
    """Raises SourceError for files that are read, and of which no repaired copy can be made."""
    fragment = stored(fragment)
    if isinstance(fragment, TarFragment):
        raise SourceError(
            f"{fragment.file}: tar archives are read, and cannot be written again",
            "unpack the pictures into folders such as train/cat/1.png, and repair those; the audit "
            "tells which",
        )
    if isinstance(fragment, IdxFragment):
        raise SourceError(
            f"{fragment.file}: idx files are read, and cannot be written again",
            "put the arrays into one archive, and repair that: np.savez('data.npz', x_train=…, "
            "y_train=…)",
        )
    path = getattr(fragment, "path", None)
    if isinstance(fragment, MemoryFragment | ArrayFragment) and path and path.suffix != ".npz":
        raise SourceError(
            f"{fragment.file}: single arrays are read, and cannot be written again",
            "put them into one archive, and repair that: np.savez('data.npz', x_train=…, …)",
        )
    readings_of(fragment)


def stored(fragment: Fragment) -> Fragment:
    """What the rows are written from: of a table with pictures the table, which decodes none."""
    while isinstance(fragment, WithImages):
        fragment = fragment.inner
    return fragment


Readable = (
    DelimitedFragment | JsonlFragment | ColumnarFragment | MemoryFragment
    | LinesFragment | PairsFragment | FilesFragment | ObjectsFragment | ArrayFragment
)  # fmt: skip


def read_raw(fragment: Fragment, batch_rows: int) -> Iterator[Raw]:
    """All rows of a fragment in order, in pieces of about ``batch_rows`` (text: by bytes).

    A file that breaks off ends with an empty piece that says so. Raises SourceError for a
    fragment of a kind that cannot be written again. Pictures are not decoded: a row whose
    picture is broken is one like all others here.
    """
    fragment = stored(fragment)
    if isinstance(fragment, DelimitedFragment):
        pieces = _delimited(fragment)
    elif isinstance(fragment, JsonlFragment):
        pieces = _jsonl(fragment)
    elif isinstance(fragment, ColumnarFragment):
        pieces = _columnar(fragment, batch_rows)
    elif isinstance(fragment, MemoryFragment):
        pieces = _memory(fragment, batch_rows)
    elif isinstance(fragment, ArrayFragment):
        pieces = _arrays(fragment, batch_rows)
    elif isinstance(fragment, LinesFragment):
        pieces = _lines(fragment)
    elif isinstance(fragment, PairsFragment):
        pieces = _pairs(fragment)
    elif isinstance(fragment, FilesFragment):
        pieces = _files(fragment, batch_rows)
    elif isinstance(fragment, ObjectsFragment):
        pieces = _objects(fragment)
    elif isinstance(fragment, FolderFragment):
        pieces = _pictures(fragment, batch_rows)
    else:
        check_writable(fragment)
        return
    yield from pieces


def _none(reason: str) -> Raw:
    return Raw(pl.DataFrame(), np.zeros(0, dtype=np.int64), broken=reason)


def _delimited(fragment: DelimitedFragment) -> Iterator[Raw]:
    dialect = fragment.dialect
    text = Text(fragment.path, dialect.encoding, dialect.quotes)
    wanted = [i for i, name in enumerate(fragment.names) if name]
    try:
        for frame, records, bad in frames(text, dialect, fragment.names, wanted):
            yield Raw(frame, records.lines, records, bad)
    except SourceError as error:
        yield _none(error.message)


def _jsonl(fragment: JsonlFragment) -> Iterator[Raw]:
    text = Text(fragment.path, fragment.encoding, quotes=False)
    other = reserved(tuple(fragment.schema))
    try:
        for records in text.records():
            frame, good, bad = parse(records, fragment.schema)
            frame.columns = [other.get(c, c) for c in frame.columns]
            yield Raw(frame, good.lines, good, bad)
    except SourceError as error:
        yield _none(error.message)


def _lines(fragment: LinesFragment) -> Iterator[Raw]:
    text = Text(fragment.path, fragment.encoding, quotes=False)
    try:
        for frame, records, bad in fragment.frames(text):
            yield Raw(frame, records.lines, records, bad)
    except SourceError as error:
        yield _none(error.message)


def _pairs(fragment: PairsFragment) -> Iterator[Raw]:
    """Lines that all sides have, and then what a longer side has more, as broken records."""
    step = Abreast(fragment.sides)
    for frame, first in step.frames():
        yield Raw(frame, np.arange(first, first + frame.height, dtype=np.int64))
    empty = pl.DataFrame(schema={s.column: pl.String for s in fragment.sides})
    for side, first, lines in step.rest():
        reason = f"a line of {fragment.sides[side].file} without another side"
        bad = [
            Bad(first + i, reason, f"{line}\n".encode(), side)
            for i, line in enumerate(lines.to_list())
        ]
        yield Raw(empty, np.zeros(0, dtype=np.int64), bad=bad)
    if step.broken:
        yield _none(next(iter(step.broken.values())))


def _files(fragment: FilesFragment, batch_rows: int) -> Iterator[Raw]:
    for frame, rows, problems in fragment.frames(batch_rows):
        at = {name: i for i, name in enumerate(fragment.names, fragment.start)}
        bad = [Bad(at[p.file], p.reason, b"") for p in problems if not p.warning]
        yield Raw(frame, rows, bad=bad)


def _objects(fragment: ObjectsFragment) -> Iterator[Raw]:
    frame, rows, bad = fragment.frame()
    yield Raw(frame, rows, bad=[Bad(row, reason, b"") for row, reason in bad])


def _pictures(fragment: FolderFragment, batch_rows: int) -> Iterator[Raw]:
    labeled = any(one is not None for one in fragment.labels)
    columns = [IMAGE, LABEL] if labeled else [IMAGE]
    for batch in fragment.read(columns, batch_rows):
        yield Raw(batch.frame, batch.rows)


def _columnar(fragment: ColumnarFragment, batch_rows: int) -> Iterator[Raw]:
    lazy = columnar.scan(fragment.path, fragment.form)
    at = fragment.start
    picked = lazy.slice(at, fragment.stop - at)
    for frame in picked.collect_batches(chunk_size=batch_rows, maintain_order=True):
        yield Raw(frame, np.arange(at, at + frame.height, dtype=np.int64))
        at += frame.height


def _memory(fragment: MemoryFragment, batch_rows: int) -> Iterator[Raw]:
    for at in range(0, fragment.frame.height, max(batch_rows, 1)):
        piece = fragment.frame.slice(at, batch_rows)
        yield Raw(piece, np.arange(at, at + piece.height, dtype=np.int64))


def _arrays(fragment: ArrayFragment, batch_rows: int) -> Iterator[Raw]:
    for frame, at in fragment.frames(fragment.order, batch_rows):
        yield Raw(frame, np.arange(at, at + frame.height, dtype=np.int64))
