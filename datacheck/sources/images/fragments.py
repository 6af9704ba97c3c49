"""A fragment of any table, its column of pictures decoded into columns while it is read."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from datacheck.dataset import Batch, Fragment, Problem
from datacheck.sources.images.decoding import Item, Refused, quiet
from datacheck.sources.images.measures import (
    MEASURES,
    Measured,
    Wanted,
    columns,
    dtype_of,
    measure,
    named,
)
from datacheck.sources.images.pictures import pillow
from datacheck.sources.links import OUT, leads_out
from datacheck.types import Ints, Mask

if TYPE_CHECKING:
    import polars as pl

CHUNK = 256  # pictures between two batches: what is decoded of them is in memory
GROUP = 8  # pictures that a thread takes at a time


class Pictures(Protocol):
    """Where the bytes of pictures come from."""

    def items(self, cells: pl.Series, rows: Ints) -> tuple[list[Item | None], list[str]]:
        """The pictures of some rows (None for a missing cell), and what each is called ('' for
        one that has only its row).
        """
        ...


@dataclass(frozen=True, slots=True)
class Beside:
    """Files: ``prefix`` + cell is a path below ``root``, as it is told; ``follow`` says whether it
    may be a link out of that.
    """

    root: Path
    prefix: str = ""
    follow: bool = False

    def items(self, cells: pl.Series, rows: Ints) -> tuple[list[Item | None], list[str]]:
        paths = [None if p is None else self.prefix + p for p in cells.to_list()]
        items: list[Item | None] = [
            None if p is None else inside(self.root, p, follow=self.follow) for p in paths
        ]
        return items, [p or "" for p in paths]


@dataclass(frozen=True, slots=True)
class Listed:
    """Files that are known by their row: the pictures of a folder, whatever their names hold."""

    root: Path
    paths: Sequence[str]
    shown: Sequence[str]

    def items(self, cells: pl.Series, rows: Ints) -> tuple[list[Item | None], list[str]]:
        at = rows.tolist()
        return [self.root / self.paths[i] for i in at], [self.shown[i] for i in at]


@dataclass(frozen=True, slots=True)
class Within:
    """Bytes in the cells: binary, or a struct of ``bytes`` and ``path`` as Hugging Face has it.

    With ``archive`` a picture is called by that and its path.
    """

    archive: str = ""

    def items(self, cells: pl.Series, rows: Ints) -> tuple[list[Item | None], list[str]]:
        import polars as pl

        called = [""] * len(cells)
        if isinstance(cells.dtype, pl.Struct):
            if self.archive:
                called = [f"{self.archive}/{p}" for p in cells.struct.field("path").to_list()]
            cells = cells.struct.field("bytes")
        return cells.to_list(), called


@dataclass(frozen=True, slots=True)
class Raw:
    """Pixels in the cells, without a format: uint8 of one shape, (height, width[, channels]) or,
    where ``first``, (channels, height, width).
    """

    shape: tuple[int, ...]
    first: bool = False

    def items(self, cells: pl.Series, rows: Ints) -> tuple[list[Item | None], list[str]]:
        made: list[Item | None] = [self._pixels(c) for c in cells.to_list()]
        return made, [""] * len(cells)

    def _pixels(self, cell: bytes) -> npt.NDArray[np.uint8]:
        pixels = np.frombuffer(cell, dtype=np.uint8).reshape(self.shape)
        if self.first:
            pixels = np.ascontiguousarray(np.moveaxis(pixels, 0, -1))
        # Pillow has no pictures of one channel in three dimensions.
        return pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def inside(root: Path, path: str, *, follow: bool = False) -> Item:
    """``root / path``, unless it leads out of ``root``: such a file is never opened, and a link
    that does only where ``follow``.
    """
    base = os.path.normpath(root).rstrip(os.sep) + os.sep
    if "\0" in path or not os.path.normpath(root / path).startswith(base):
        return Refused("leads out of the data set's folder, and is not read")
    if not follow and leads_out(root / path, root):
        return Refused(OUT)
    return root / path


@dataclass(frozen=True, slots=True)
class WithImages:
    """The rows of ``inner``, its ``column`` of pictures decoded.

    ``only`` are row numbers (ascending), if not all rows are to be read. Pictures that cannot be
    decoded are no rows: they are problems, told by their name or by their row.
    """

    THREADS: ClassVar[int] = 0
    """Threads that decode; 0 means one for each core. The engine sets it."""

    inner: Fragment
    column: str
    pictures: Pictures
    only: Ints | None = None

    @property
    def split(self) -> str:
        """The split of its rows."""
        return self.inner.split

    @property
    def file(self) -> str:
        """The path shown."""
        return self.inner.file

    def fingerprint(self) -> tuple[str, int, int]:
        """That of the table."""
        return self.inner.fingerprint()

    def picked(self, rows: Ints) -> WithImages:
        """The same with those rows only: no other picture is decoded."""
        return replace(self, only=np.sort(rows))

    def named(self, file: str, split: str) -> WithImages:
        """The same under another name."""
        inner: Any = self.inner  # a dataclass, as all fragments are
        return replace(self, inner=replace(inner, file=file, split=split))

    def read(self, columns: Sequence[str], batch_rows: int) -> Iterator[Batch]:
        """Batches of the table, with what its pictures hold; those that are broken are problems."""
        mine = {named(self.column, name): name for name in ("", *MEASURES)}
        wanted = Wanted(mine[c] for c in columns if c in mine)
        others = [c for c in columns if c not in mine]
        if not wanted.names:
            for batch in self.inner.read(others, batch_rows):
                yield self._restricted(batch)
            return
        pillow()
        pool = ThreadPoolExecutor(
            self.THREADS or os.cpu_count() or 1, thread_name_prefix="datacheck-images"
        )
        begun: deque[_Begun] = deque()  # the next chunk is begun before one is waited for
        try:
            for batch in self.inner.read([*others, self.column], min(batch_rows, CHUNK)):
                if batch.problems:
                    while begun:
                        yield self._decoded(begun.popleft(), others, wanted, columns)
                    empty = _empty(batch, others, self.column, wanted, columns)
                    yield Batch(empty, batch.rows[:0], problems=batch.problems)
                restricted = self._restricted(batch)
                for at in range(0, restricted.height, CHUNK):
                    begun.append(self._begun(_slice(restricted, at, CHUNK), wanted, pool))
                    if len(begun) > 1:
                        yield self._decoded(begun.popleft(), others, wanted, columns)
        except Exception:  # the table breaks off here, what came before it stands
            while begun:
                yield self._decoded(begun.popleft(), others, wanted, columns)
            raise
        else:
            while begun:
                yield self._decoded(begun.popleft(), others, wanted, columns)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _restricted(self, batch: Batch) -> Batch:
        if self.only is None:
            return batch
        return _filtered(batch, np.isin(batch.rows, self.only, assume_unique=True))

    def _begun(self, batch: Batch, wanted: Wanted, pool: ThreadPoolExecutor) -> _Begun:
        items, names = self.pictures.items(batch.frame[self.column], batch.rows)
        there = np.array([item is not None for item in items], dtype=np.bool_)
        known = [item for item in items if item is not None]
        called = [name for name, item in zip(names, items, strict=True) if item is not None]
        groups = [slice(i, i + GROUP) for i in range(0, len(known), GROUP)]
        parts = [pool.submit(_measured, known[g], called[g], wanted) for g in groups]
        return _Begun(batch, there, called, parts)

    def _decoded(
        self, begun: _Begun, others: Sequence[str], wanted: Wanted, order: Sequence[str]
    ) -> Batch:
        batch, there, called = begun.batch, begun.there, begun.called
        parts = [part.result() for part in begun.parts]
        readable = np.concatenate([p.readable for p in parts]) if parts else there[:0]
        places = np.flatnonzero(there)
        problems = self._problems(parts, batch.rows[places], called)
        kept = ~there
        kept[places[readable]] = True
        out = _filtered(batch, kept)
        # A row without a picture keeps its other cells, and has null in the pictures' columns.
        take = np.where(there, np.cumsum(there & kept) - 1, -1)[kept]
        made = {s.name: _spread(s, take) for s in columns(parts, self.column, wanted)}
        import polars as pl

        made.update({c: out.frame[c] for c in others})
        frame = pl.DataFrame([made[c] for c in order])
        return Batch(frame, out.rows, tokens=out.tokens, problems=problems)

    def _problems(
        self, parts: Sequence[Measured], rows: Ints, names: Sequence[str]
    ) -> list[Problem]:
        out: list[Problem] = []
        at = 0
        for part in parts:
            told = [(i, reason, False) for i, reason in part.reasons.items()]
            told += [(i, doubt, True) for i, doubt in part.doubts.items()]
            for i, reason, warning in sorted(told):
                name = names[at + i]
                file, row = (name, -1) if name else (self.file, int(rows[at + i]))
                out.append(Problem(self.split, file, row, reason, warning))
            at += part.readable.size
        return out


@dataclass(frozen=True, slots=True)
class _Begun:
    """A chunk whose pictures are on the pool, in groups: which rows have one, their names."""

    batch: Batch
    there: Mask
    called: list[str]
    parts: list[Future[Measured]]


def _measured(items: Sequence[Item], names: Sequence[str], wanted: Wanted) -> Measured:
    with quiet():
        return measure(items, names, wanted)


def _spread(series: pl.Series, take: Ints) -> pl.Series:
    import polars as pl

    if take.size == len(series) and (take == np.arange(take.size)).all():
        return series
    indices = pl.Series([None if i < 0 else i for i in take.tolist()], dtype=pl.UInt32)
    return series.gather(indices)


def _empty(
    batch: Batch, others: Sequence[str], column: str, wanted: Wanted, order: Sequence[str]
) -> pl.DataFrame:
    import polars as pl

    schema: dict[str, Any] = {c: batch.frame.schema.get(c, pl.Null()) for c in others}
    schema.update({named(column, name): dtype_of(name) for name in wanted.names})
    return pl.DataFrame(schema={c: schema[c] for c in order})


def _filtered(batch: Batch, mask: Mask | npt.NDArray[np.bool_]) -> Batch:
    import polars as pl

    if mask.all():
        return batch
    keep = pl.Series(mask)
    tokens = {c: t.filter(keep) for c, t in batch.tokens.items()}
    frame = batch.frame.filter(keep) if batch.frame.width else pl.DataFrame(height=int(mask.sum()))
    return Batch(frame, batch.rows[mask], batch.file, tokens)


def _slice(batch: Batch, at: int, height: int) -> Batch:
    tokens = {c: t.slice(at, height) for c, t in batch.tokens.items()}
    return Batch(batch.frame.slice(at, height), batch.rows[at : at + height], batch.file, tokens)
