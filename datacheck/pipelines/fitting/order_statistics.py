"""Exact quantiles of many columns in bounded memory.

In one look where that can be (:mod:`~datacheck.pipelines.fitting.brackets`). Otherwise values are
collected where they fit the budget, some columns at a time, and past it
:mod:`~datacheck.pipelines.fitting.selection` finds the few ranks that matter in at most four more
looks; never approximately.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from datacheck.pipelines.fitting import selection
from datacheck.pipelines.fitting.brackets import Bracket
from datacheck.pipelines.transforms.base import Frames, cells
from datacheck.types import Floats, Ints

SAMPLE = 1 << 15  # rows that say where quantiles lie; also what is looked at at once
LEAST = 1 << 12  # fewer say too little
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
            for part in frame.iter_slices(SAMPLE):
                yield [self._read(part, j) for j in range(len(self.columns))]

    def part(self, places: Sequence[int]) -> Cells:
        """The same of some of the columns."""
        about = None if self.about is None else tuple(self.about[j] for j in places)
        return Cells(self.frames, tuple(self.columns[j] for j in places), about)

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
    out = np.full((len(cells.columns), wanted.size), np.nan)
    left = _in_one_look(cells, wanted, budget, out)
    if left:
        out[left] = _in_turns(cells.part(left), wanted, budget)
    return out


def _in_turns(cells: Cells, at: Floats, budget: int) -> Floats:
    """Collected or counted, as many columns at a time as are best."""
    count = len(cells.columns)
    width = max(1, min(budget // (2 * selection.TABLE), -(-count // GROUPS)))
    found = _quantiles(cells, at, budget, counts=count == 1)
    if found is not None:
        return found
    parts = []
    for start in range(0, count, width):  # so wide that even counting takes turns
        part = cells.part(range(start, min(start + width, count)))
        some = _quantiles(part, at, budget, counts=True)
        assert some is not None
        parts.append(some)
    return np.concatenate(parts)


def _in_one_look(cells: Cells, at: Floats, budget: int, out: Floats) -> list[int]:
    """Fill ``out`` with what one look gives; the columns that it does not give."""
    everything = list(range(len(cells.columns)))
    rows = min(SAMPLE, budget // (32 * len(everything)))
    if rows < LEAST:
        return everything
    held: list[list[Floats]] = [[] for _ in everything]
    brackets: list[list[Bracket]] = []
    read = 0
    for block in cells.blocks():
        if brackets:
            for own, x in zip(brackets, block, strict=True):
                for one in own:
                    one.absorb(x)
            if sum(one.inside for own in brackets for one in own) * 8 > budget:
                return everything
            continue
        for chunks, x in zip(held, block, strict=True):
            chunks.append(x)
        read += max((x.size for x in block), default=0)
        if read >= rows:
            brackets = [_brackets(chunks, at) for chunks in held]
    left = []
    for j in everything:
        found = _solve(brackets[j], at) if brackets else _direct(held[j], at)
        if found is None:
            left.append(j)
        else:
            out[j] = found
    return left


def _brackets(chunks: list[Floats], at: Floats) -> list[Bracket]:
    """One for each quantile, with the sample absorbed; none where it has too few values."""
    x = np.sort(np.concatenate(chunks))
    chunks.clear()
    made = [Bracket.around(x, float(q)) if x.size else Bracket(-np.inf, np.inf) for q in at]
    for one in made:
        one.absorb(x)
    return made


def _solve(brackets: list[Bracket], at: Floats) -> Floats | None:
    out = np.full(at.size, np.nan)
    for k, one in enumerate(brackets):
        if not one.n:
            continue
        low, high, beyond = _ranks(one.n, at[k : k + 1])
        pair = one.values((int(low[0]), int(high[0])))
        if pair is None:
            return None
        out[k] = lerp(pair[:1], pair[1:], beyond)[0]
    return out


def _direct(chunks: list[Floats], at: Floats) -> Floats:
    x = np.concatenate(chunks) if chunks else np.zeros(0)
    chunks.clear()
    if not x.size:
        return np.full(at.size, np.nan)
    low, high, beyond = _ranks(x.size, at)
    x = np.partition(x, np.unique(np.concatenate([low, high])))
    return lerp(x[low], x[high], beyond)


def values_of(frame: pl.DataFrame, column: str) -> Floats:
    """The finite values of a column of numbers, booleans or datetimes (µs), −0 as 0."""
    series = cells(frame, column)
    if series.dtype.is_temporal():
        series = series.cast(pl.Datetime("us")).to_physical()
    if series.null_count():
        series = series.drop_nulls()
    x = series.cast(pl.Float64).to_numpy()
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
            out[j] = lerp(a, b, beyond[j])
        else:
            out[j] = _direct(column.chunks, at)
    return out


def _ranks(n: int, at: Floats) -> tuple[Ints, Ints, Floats]:
    """Of each quantile: the ranks it lies between, and how far beyond the lower one."""
    if not n:
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, nothing, np.zeros(0)
    place = at * (n - 1)
    low = np.clip(np.floor(place), 0, n - 1).astype(np.int64)
    return low, np.minimum(low + 1, n - 1), place - low
