"""Exact quantiles of many columns in bounded memory.

Finite values are collected while they fit the budget; past it, :mod:`.selection` finds the few
ranks that matter in at most four more passes over all columns at once, never approximately.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from datacheck.pipelines import selection
from datacheck.pipelines.transforms.base import Frames, cells
from datacheck.types import Floats, Ints

GROUPS = 4  # looks at a quarter of the columns each cost less than counting all of them
BUDGET = 256 << 20  # bytes of values held at once


@dataclass(frozen=True)
class Cells:
    """Which finite values are meant: of columns, or their distances from a center each."""

    frames: Frames
    columns: tuple[str, ...]
    about: tuple[float, ...] | None = None

    def blocks(self) -> selection.Blocks:
        """Per block of rows, one float64 array a column, of its finite values."""
        for frame in self.frames(self.columns):
            yield [self._read(frame, j) for j in range(len(self.columns))]

    def part(self, start: int, stop: int) -> Cells:
        """The same of some of the columns."""
        about = None if self.about is None else self.about[start:stop]
        return Cells(self.frames, self.columns[start:stop], about)

    def _read(self, frame: pl.DataFrame, j: int) -> Floats:
        x = values_of(frame, self.columns[j])
        if self.about is None:
            return x
        with np.errstate(over="ignore"):
            return np.minimum(np.abs(x - self.about[j]), np.finfo(np.float64).max)


def quantiles(
    frames: Frames,
    columns: Sequence[str],
    at: Sequence[float],
    *,
    about: Sequence[float] | None = None,
    budget: int = BUDGET,
) -> Floats:
    """Quantiles of the finite values, shape (columns, len(at)); NaN where a column has none.

    Interpolated as numpy's ``linear`` (Hyndman & Fan 1996, type 7). With ``about``, one center a
    column, they are those of the distance from it. ``budget`` bounds the values held, in bytes;
    the work on the values of one block comes on top.
    """
    cells = Cells(frames, tuple(columns), None if about is None else tuple(map(float, about)))
    wanted = np.asarray(at, dtype=np.float64)
    if not cells.columns or not wanted.size:
        return np.full((len(cells.columns), wanted.size), np.nan)
    count = len(cells.columns)
    width = max(1, min(budget // (2 * selection.TABLE), -(-count // GROUPS)))
    found = _quantiles(cells, wanted, budget, counts=count == 1)
    if found is not None:
        return found
    parts = []
    for start in range(0, count, width):  # so wide that even counting takes turns
        part = _quantiles(cells.part(start, start + width), wanted, budget, counts=True)
        assert part is not None
        parts.append(part)
    return np.concatenate(parts)


def values_of(frame: pl.DataFrame, column: str) -> Floats:
    """The finite values of a column of numbers, booleans or datetimes (µs), −0 as 0."""
    series = cells(frame, column)
    if series.dtype.is_temporal():
        series = series.cast(pl.Datetime("us")).to_physical()
    x = series.drop_nulls().cast(pl.Float64).to_numpy()
    good = np.isfinite(x)
    return np.asarray((x if good.all() else x[good]) + 0.0, dtype=np.float64)


def lerp(a: Floats, b: Floats, t: Floats) -> Floats:
    """a + (b − a) t as ``numpy.quantile`` rounds it; without overflow where b − a has one."""
    with np.errstate(over="ignore", invalid="ignore"):
        span = b - a
        out = np.where(t < 0.5, a + span * t, b - span * (1.0 - t))
    return np.where(np.isfinite(span), out, a * (1.0 - t) + b * t)


@dataclass
class _Held:
    """The values of one column, or their counts by leading bits once they are too many."""

    n: int = 0
    chunks: list[Floats] = field(default_factory=list)
    counts: Ints = field(default_factory=lambda: np.zeros(selection.BINS, dtype=np.int64))


def _quantiles(cells: Cells, at: Floats, budget: int, *, counts: bool) -> Floats | None:
    """The quantiles; None where the values do not fit the budget and ``counts`` is false."""
    held = [_Held() for _ in cells.columns]
    size, counting = 0, False
    for block in cells.blocks():
        for column, x in zip(held, block, strict=True):
            column.n += x.size
            column.chunks.append(x)
            size += x.nbytes
        if counting or size > budget:
            if not counts:
                return None
            counting = True
            for column in held:
                while column.chunks:
                    column.counts += selection.count(column.chunks.pop())
    low, high, beyond = zip(*(_ranks(column.n, at) for column in held), strict=True)
    out = np.full((len(held), at.size), np.nan)
    wanted = [np.unique(np.concatenate(pair)) for pair in zip(low, high, strict=True)]
    if counting:
        tables = [column.counts for column in held]
        solved = selection.select(cells.blocks, tables, wanted, budget)
    for j, column in enumerate(held):
        if not column.n:
            continue
        if counting:
            a = np.array([solved[j][int(r)] for r in low[j]])
            b = np.array([solved[j][int(r)] for r in high[j]])
        else:
            x = column.chunks[0] if len(column.chunks) == 1 else np.concatenate(column.chunks)
            x = np.partition(x, wanted[j])
            a, b = x[low[j]], x[high[j]]
        column.chunks = []
        out[j] = lerp(a, b, beyond[j])
    return out


def _ranks(n: int, at: Floats) -> tuple[Ints, Ints, Floats]:
    """Of each quantile: the ranks it lies between, and how far beyond the lower one."""
    if not n:
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, nothing, np.zeros(0)
    place = at * (n - 1)
    low = np.clip(np.floor(place), 0, n - 1).astype(np.int64)
    return low, np.minimum(low + 1, n - 1), place - low
