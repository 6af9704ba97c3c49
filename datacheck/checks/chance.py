"""How often two rows have the same features by accident.

Two rows of a table of a few coarse columns agree by accident. How often follows from the
row sample: the columns are cut into two halves that tell rows apart about equally well, and where
the halves are independent the probability that two rows agree in all columns is the product of
those for the halves. Pairs that agree in everything are left out of both factors, or copies would
explain themselves. The cut that gives the highest probability counts; ``duplicates.SLACK`` is for
the dependence that remains. Text does not repeat by accident: there a repeat is a fact.

Rows that agree by accident contradict each other where their labels differ. How often they do is
read off the pairs that agree in one half and not in all: the nearer two rows are, the more seldom
their labels differ, so that among those that agree in everything it is no more often. It is not
worked out from the pairs with different labels alone, for among them the halves depend on each
other far more than among all: where classes follow each other along a scale, only rows at the
border agree with one of another class, and those agree in both halves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from datacheck.checks.base import Context
from datacheck.checks.stats import wilson
from datacheck.checks.support import hash_columns
from datacheck.dataset import Kind, to_matrix
from datacheck.summaries.hashing import (
    MISSING,
    hash_column,
    hash_numbers,
    hash_other,
    mix,
    seed,
)
from datacheck.types import Hashes, Mask

if TYPE_CHECKING:
    import polars as pl

HALVES = 8
SAMPLE_ROWS = 65_536
BLOCKS = 256
PEEK = 5  # rows with a mark that have to be alike, at least
FREE = (Kind.TEXT, Kind.IMAGE, Kind.ARRAY)


def chance(context: Context, splits: Sequence[str], label: str = "") -> float:
    """The probability that two rows of those splits have the same features by accident; with a
    label, that moreover their labels differ (rows without a label differ from none).
    """
    import polars as pl

    columns = hash_columns(context.data)
    frames = [context.sample(s) for s in splits]
    frame = pl.concat([f.select(columns) for f in frames], how="vertical_relaxed")
    if frame.height < 2:
        return 0.0
    step = -(-frame.height // SAMPLE_ROWS)
    frame = frame.gather_every(step)
    if not label:
        return _agree(context, frame, columns, None)
    labels = np.concatenate([hash_column(f[label]) for f in frames])[::step]
    known = labels != mix(np.array([MISSING]))
    n = int(known.sum())
    share = n * (n - 1) / (frame.height * (frame.height - 1))
    return share * _agree(context, frame.filter(pl.Series(known)), columns, mix(labels[known]))


def _agree(
    context: Context, frame: pl.DataFrame, columns: Sequence[str], labels: Hashes | None
) -> float:
    """:func:`chance` of the rows of a frame, with the hashes of their labels or without."""
    others = [c for c in columns if not _numeric(frame[c].dtype)]
    if any(_free(context, frame[c]) for c in others):
        return 0.0
    kept: dict[str, Hashes] = {}
    partitions: set[bytes] = set()
    for name, codes in _codes(frame, columns, others).items():
        unique, at, inverse = np.unique(codes, return_index=True, return_inverse=True)
        if unique.size < 2:
            continue
        if unique.size <= _coarse(frame.height):
            # A coarse column that says the same as another (a code and its name) counts once.
            partition = at[inverse].astype(np.int32).tobytes()
            if partition in partitions:
                continue
            partitions.add(partition)
        kept[name] = codes
    for name in _marks(kept):
        del kept[name]
    if not kept:
        return 1.0
    return _halved(kept, labels) if len(kept) > 1 else _collisions(*kept.values())


def _marks(kept: dict[str, Hashes]) -> list[str]:
    """Columns of two values that only mark where another has one certain value.

    An indicator of cells that were filled is one: it tells no two rows apart that the filled
    column does not, and must not count as if it did.
    """
    two = {n: u for n, c in kept.items() if (u := np.unique(c)).size == 2}
    others = [n for n in kept if n not in two]
    if not two or not others:
        return []
    table = np.column_stack([kept[n] for n in others])
    return [n for n, values in two.items() if any(_one(table, kept[n] == v) for v in values)]


def _one(table: Hashes, marked: Mask) -> bool:
    """Whether a column of (rows, columns) has one value in the marked rows, which are enough."""
    rows = np.flatnonzero(marked)
    if rows.size < PEEK:
        return False
    few = table[rows[:PEEK]]
    alike = np.flatnonzero((few == few[:1]).all(axis=0))
    return any(np.unique(table[rows, j]).size == 1 for j in alike)


def _numeric(dtype: pl.DataType) -> bool:
    import polars as pl

    return dtype.is_numeric() or dtype.is_temporal() or dtype == pl.Boolean


def _codes(
    frame: pl.DataFrame, columns: Sequence[str], others: Sequence[str]
) -> dict[str, Hashes]:
    """One hash a row for each column; in wide tables for each of ``BLOCKS`` blocks of columns.

    A sequence is two columns: the items at even and those at odd places.
    """
    import polars as pl

    numbers = sorted(set(columns) - set(others))
    matrix = to_matrix(frame, numbers)
    blocks: dict[str, list[int]] = {}
    for i, name in enumerate(numbers):
        block = name if len(columns) <= BLOCKS else str(seed(name) % BLOCKS)
        blocks.setdefault(block, []).append(i)
    out = {
        block: hash_numbers(matrix[:, at], tuple(numbers[i] for i in at))
        for block, at in blocks.items()
    }
    for name in others:
        series = frame[name]
        if isinstance(series.dtype, pl.List):
            out[f"{name} even"] = hash_other(series.list.gather_every(2), f"{name} even")
            out[f"{name} odd"] = hash_other(series.list.gather_every(2, 1), f"{name} odd")
        else:
            out[name] = hash_other(series, name)
    return out


def _free(context: Context, series: pl.Series) -> bool:
    """Text and the like, mostly filled in and mostly different: no accident repeats it."""
    kind = context.data.columns[series.name].kind
    known = series.drop_nulls()
    if kind not in (*FREE, Kind.CATEGORY) or 2 * len(known) < len(series):
        return False
    distinct = np.unique(hash_column(known)).size
    return bool(distinct > (0.1 if kind in FREE else 0.4) * len(known))


def _halved(kept: dict[str, Hashes], labels: Hashes | None) -> float:
    """The probability that two rows agree in all columns, from two halves of them."""
    whole = np.zeros(next(iter(kept.values())).size, dtype=np.uint64)
    for codes in kept.values():
        whole += codes
    every, agree = math.comb(whole.size, 2), _pairs(whole)
    both = agree / every
    if np.unique(whole).size <= _coarse(whole.size):
        return both  # the row as a whole is a code: a catalog, say
    same = _pairs(whole + labels) if labels is not None else 0
    told = {name: -math.log(max(_collisions(codes), 1e-12)) for name, codes in kept.items()}
    best = 0.0
    for names in dict.fromkeys(tuple(sorted(_half(told, h))) for h in range(HALVES)):
        half = np.zeros_like(whole)
        for name in names:
            half += kept[name]
        first, second = _pairs(half), _pairs(whole - half)
        a, b = first / every, second / every
        only_a, only_b = _least(a - both, whole.size), _least(b - both, whole.size)
        # Neither half is empty or constant, so that neither a nor b is 1.
        found = min(a, only_a / (1 - b)) * min(b, only_b / (1 - a))
        if labels is not None and found > best:
            near = first + second - 2 * agree
            alike = _pairs(half + labels) + _pairs(whole - half + labels) - 2 * same
            # Wilson's upper end, as if the pairs were independent: a few say little.
            found *= wilson(near - alike, near)[1]
        best = max(best, found)
    return best


def _half(told: dict[str, float], h: int) -> list[str]:
    """Columns that tell about half of what all tell; another choice for each ``h``.

    The heaviest column first (weights shaken by a hash of the name, so that the order of the
    columns does not matter), each to the lighter side.
    """
    noise = mix(np.array([seed(c) for c in told], dtype=np.uint64) + np.uint64(h)) / 2.0**64
    shaken = {c: w * (1 + x) for (c, w), x in zip(told.items(), noise.tolist(), strict=True)}
    sides: tuple[list[str], list[str]] = [], []
    weights = [0.0, 0.0]
    for name in sorted(shaken, key=lambda c: (-shaken[c], c)):
        lighter = int(weights[1] < weights[0])
        sides[lighter].append(name)
        weights[lighter] += told[name]
    return sides[0]


def _least(share: float, rows: int) -> float:
    """A share of pairs less two standard errors: the maximum of noisy products is too high."""
    pairs = rows * (rows - 1) / 2
    return max(share - 2 * math.sqrt(max(share, 0.0) / pairs), 0.0)


def _coarse(rows: int) -> float:
    """So few distinct values among so many rows that they must repeat."""
    return 2.0 * math.sqrt(rows)


def _collisions(codes: Hashes) -> float:
    """The share of pairs of rows that agree."""
    return _pairs(codes) / math.comb(codes.size, 2)


def _pairs(codes: Hashes) -> int:
    """How many pairs of rows agree."""
    counts = np.unique(codes, return_counts=True)[1]
    return int((counts * (counts - 1)).sum()) // 2
