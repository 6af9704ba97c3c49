"""The value at given ranks of columns too long to be held, by counting.

A float64 has a 64-bit image with the same order. Values are counted by its leading 16 bits; the
bin that holds a wanted rank is then looked at alone: its values are collected where they fit the
budget, and counted by the next 16 bits otherwise (selection in few passes, Munro & Paterson 1980,
with the counting of a radix sort). After four levels a bin holds one value, so it always ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from datacheck.types import Floats, Hashes, Ints

BITS = 16
BINS = 1 << BITS
LEVELS = 64 // BITS
TABLE = BINS * 8  # bytes of the counts of one column
_SIGN = np.uint64(1 << 63)
_SHIFT63 = np.uint64(63)

Blocks = Iterator[Sequence[Floats]]
"""Per block of rows, one array of finite values a column."""


@dataclass
class _Bin:
    """The values of a column whose image begins with ``prefix`` (``level`` × 16 bits)."""

    column: int
    prefix: int
    level: int
    before: int
    size: int
    ranks: Ints
    chunks: list[Floats] = field(default_factory=list)
    counts: Ints | None = None


def image(x: Floats) -> Hashes:
    """uint64 in the order of the floats: positive ones get the sign bit, others are inverted."""
    bits = x.view(np.uint64)
    return np.where(bits >> _SHIFT63, ~bits, bits | _SIGN)


def original(bits: Hashes) -> Floats:
    """The floats of :func:`image`."""
    return np.where(bits & _SIGN, bits & ~_SIGN, ~bits).view(np.float64)


def count(x: Floats) -> Ints:
    """How many values have each leading 16 bits, shape (65,536,)."""
    return _count(image(x), 0)


def select(
    blocks: Callable[[], Blocks], counts: Sequence[Ints], ranks: Sequence[Ints], budget: int
) -> list[dict[int, float]]:
    """Per column, rank → value.

    ``blocks()`` starts a pass over the values, ``counts`` are :func:`count` summed over all of
    them, ``ranks`` are increasing and counted from 0. At most about ``budget`` bytes are held.
    """
    out: list[dict[int, float]] = [{} for _ in counts]
    left = [
        one for j, (c, r) in enumerate(zip(counts, ranks, strict=True)) for one in _bins(j, c, r)
    ]
    while left:
        now, left = _choose(left, budget)
        for block in blocks():
            _look(block, now)
        for one in now:
            if one.counts is None:
                x = np.concatenate(one.chunks)
                local = one.ranks - one.before
                x = np.partition(x, np.unique(local))
                out[one.column].update(zip(one.ranks.tolist(), x[local].tolist(), strict=True))
                continue
            for inner in _bins(one.column, one.counts, one.ranks, one):
                if inner.level < LEVELS:
                    left.append(inner)
                    continue
                value = float(original(np.array([inner.prefix], dtype=np.uint64))[0])
                out[one.column].update(dict.fromkeys(inner.ranks.tolist(), value))
    return out


def _bins(column: int, counts: Ints, ranks: Ints, outer: _Bin | None = None) -> list[_Bin]:
    """The bins that hold the ranks."""
    if not ranks.size:
        return []
    prefix, level, before = (outer.prefix, outer.level, outer.before) if outer else (0, 0, 0)
    ends = before + np.cumsum(counts)
    at = np.searchsorted(ends, ranks, side="right")
    return [
        _Bin(
            column,
            (prefix << BITS) | int(b),
            level + 1,
            int(ends[b] - counts[b]),
            int(counts[b]),
            ranks[at == b],
        )
        for b in np.unique(at)
    ]


def _choose(left: list[_Bin], budget: int) -> tuple[list[_Bin], list[_Bin]]:
    """What the next pass looks at: the smallest bins whole, then larger ones by counts."""
    now: list[_Bin] = []
    later: list[_Bin] = []
    free = budget
    for one in sorted(left, key=lambda b: (b.size, b.column, b.prefix)):
        takes = min(one.size * 8, TABLE)
        if now and takes > free:
            later.append(one)
            continue
        if takes < one.size * 8 and one.size * 8 > free:
            one.counts = np.zeros(BINS, dtype=np.int64)
        else:
            takes = one.size * 8
        free -= takes
        now.append(one)
    return now, later


def _look(block: Sequence[Floats], bins: list[_Bin]) -> None:
    """One block's share of the bins' values or counts."""
    images: dict[int, Hashes] = {}
    for one in bins:
        if one.column not in images:
            images[one.column] = image(block[one.column])
        bits = images[one.column]
        inside = (bits >> np.uint64(64 - BITS * one.level)) == np.uint64(one.prefix)
        if one.counts is None:
            one.chunks.append(block[one.column][inside])
        else:
            one.counts += _count(bits[inside], one.level)


def _count(bits: Hashes, level: int) -> Ints:
    digit = (bits >> np.uint64(64 - BITS * (level + 1))) & np.uint64(BINS - 1)
    return np.bincount(digit.astype(np.int64), minlength=BINS).astype(np.int64)
