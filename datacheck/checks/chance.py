"""How often two rows have the same features by accident.

Two rows of a table of a few coarse columns agree by accident. How often follows from the
row sample: the columns are cut into two halves that tell rows apart about equally well, and where
the halves are independent the probability that two rows agree in all columns is the product of
those for the halves. Pairs that agree in everything are left out of both factors, or copies would
explain themselves. The cut that gives the highest probability counts; ``duplicates.SLACK`` is for
the dependence that remains. Text and sequences do not repeat by accident: there a repeat is a fact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from datacheck.checks.base import Context
from datacheck.checks.support import hash_columns
from datacheck.dataset import Kind
from datacheck.summaries.hashing import hash_column, mix, mix_int, seed
from datacheck.types import Floats, Hashes

if TYPE_CHECKING:
    import polars as pl

HALVES = 8
SAMPLE_ROWS = 65_536
FREE = (Kind.TEXT, Kind.SEQUENCE, Kind.IMAGE, Kind.ARRAY)


def chance(context: Context, splits: Sequence[str]) -> float:
    """The probability that two rows of those splits have the same features by accident."""
    import polars as pl

    columns = hash_columns(context.data)
    frames = [context.sample(s).select(columns) for s in splits]
    frame = pl.concat(frames, how="vertical_relaxed")
    if frame.height < 2:
        return 0.0
    frame = frame.gather_every(-(-frame.height // SAMPLE_ROWS))
    kept: dict[str, Hashes] = {}
    partitions: set[bytes] = set()
    for column in columns:
        codes = hash_column(frame[column])
        unique, at, inverse = np.unique(codes, return_index=True, return_inverse=True)
        if unique.size < 2:
            continue
        if _free(context, column, frame[column], unique.size):
            return 0.0
        if unique.size <= _coarse(frame.height):
            # A coarse column that says the same as another (a code and its name) counts once.
            partition = at[inverse].astype(np.int32).tobytes()
            if partition in partitions:
                continue
            partitions.add(partition)
        kept[column] = mix(codes ^ np.uint64(seed(column)))
    if len(kept) < 2:
        return max((_collisions(c) for c in kept.values()), default=1.0)
    return _halved(kept)


def _free(context: Context, column: str, series: pl.Series, distinct: int) -> bool:
    """Text and the like, mostly filled in and mostly different: no accident repeats it."""
    kind = context.data.columns[column].kind
    known = len(series) - series.null_count()
    if 2 * known < len(series):
        return False
    if kind in FREE:
        return distinct > 0.1 * known
    return kind is Kind.CATEGORY and distinct > 0.4 * known


def _halved(kept: dict[str, Hashes]) -> float:
    whole = np.zeros(next(iter(kept.values())).size, dtype=np.uint64)
    for codes in kept.values():
        whole += codes
    both = _collisions(whole)
    if np.unique(whole).size <= _coarse(whole.size):
        return both  # the row as a whole is a code: a catalog, say
    told = {name: -math.log(max(_collisions(codes), 1e-12)) for name, codes in kept.items()}
    best = 0.0
    for h in range(HALVES):
        half = np.zeros_like(whole)
        for name in _half(told, h):
            half += kept[name]
        a, b = _collisions(half), _collisions(whole - half)
        only_a, only_b = _least(a - both, whole.size), _least(b - both, whole.size)
        alone_a = min(a, only_a / (1 - b)) if b < 1 else a
        alone_b = min(b, only_b / (1 - a)) if a < 1 else b
        best = max(best, alone_a * alone_b)
    return best


def _half(told: dict[str, float], h: int) -> list[str]:
    """Columns that tell about half of what all tell; another choice for each ``h``.

    The heaviest column first (weights shaken by a hash of the name, so that the order of the
    columns does not matter), each to the lighter side.
    """
    shaken = {c: w * (1 + mix_int((seed(c) + h) % 2**64) / 2**64) for c, w in told.items()}
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
    counts: Floats = np.unique(codes, return_counts=True)[1].astype(np.float64)
    n = float(codes.size)
    return float((counts * (counts - 1)).sum() / (n * (n - 1)))
