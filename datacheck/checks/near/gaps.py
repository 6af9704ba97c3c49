"""How many rows that differ in one cell a table has by nature, from those that differ in more.

Take the pairs of rows whose equal cells would not be equal once in a hundred such tables if columns
were independent. Columns are not: rows of one kind are alike in many of them. But then there are
more pairs that differ in two cells than in one, more in three than in two, and the ratio from one
to the next falls (the numbers are log-concave, as those of sums of independent events are). A
number at one cell that is far above what those at two, three and four lead to is a gap that copies
leave.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from datacheck.types import Floats, Hashes, Ints, Mask

ROWS = 4_096  # of the sample that are compared with each other, at most
CELLS = 1 << 29  # that are compared, at most
BLOCK = 128
ODDS = math.log(100.0)  # tables of independent columns of which one has such a pair
SLACK = 1.5  # pairs by nature are this much more frequent than the others lead to, at most
ENOUGH = 30  # pairs that tell how fast their numbers fall
HALVED = 8  # distances without any pair, each of which halves what is expected
TWINS = 4  # rows that agree in all cells but those, at most: more of them are a kind of row


def surprise_asked(items: int) -> float:
    """The least surprise (nats) of the equal cells of a pair that is told, among so many rows."""
    return math.log(max(items * (items - 1) / 2, 1.0)) + ODDS


def few_twins(a: Ints, b: Ints, n: int) -> Mask:
    """Which pairs are of rows that are in few pairs; ``n`` is more than any a or b."""
    degree = np.bincount(a, minlength=n) + np.bincount(b, minlength=n)
    return np.asarray((degree[a] < TWINS) & (degree[b] < TWINS))


def by_nature(
    codes: Sequence[Hashes], surprise: Sequence[Floats | None], cells: int, asked: float
) -> float:
    """How likely two rows differ in ``cells`` columns by nature, at most.

    ``codes`` and ``surprise`` are of the sample, by column, each (rows,): what the value hashes
    to, and −log of its share (None for a column that says what another one says).
    """
    places = [np.unique(c, return_inverse=True)[1].astype(np.uint32) for c in codes]
    x = np.stack(places)
    _, first = np.unique(x, axis=1, return_index=True)
    most = min(ROWS, int(math.sqrt(2 * CELLS / len(codes))))
    first = np.sort(first)[:: -(-first.size // most)]
    x = np.ascontiguousarray(x[:, first])
    weights = [None if s is None else s[first].astype(np.float32) for s in surprise]
    n = first.size
    found = np.zeros(len(codes) + 1, dtype=np.int64)
    for start in range(0, n, BLOCK):
        rows = slice(start, min(start + BLOCK, n))
        shape = (rows.stop - start, n - start)
        apart, told = np.zeros(shape, dtype=np.uint16), np.zeros(shape, dtype=np.float32)
        for own, weight in zip(x, weights, strict=True):
            same = own[rows, None] == own[None, start:]
            apart += ~same
            if weight is not None:
                told += same * weight[rows, None]
        near = (told >= asked) & np.triu(np.ones(shape, dtype=np.bool_), 1)
        found += np.bincount(apart[near], minlength=found.size)
    return SLACK * expected(found, cells) / max(n * (n - 1) / 2, 1.0)


def expected(pairs: Ints, cells: int) -> float:
    """So many pairs at distance ``cells`` do those further apart lead to; ``pairs`` by distance.

    (N₂ + 1) · min(1, (N₂ + … + Nₖ + 1) / (N₃ + … + Nₖ₊₁ + 1)), k so large that the upper sum tells
    something; where N₂ is 0, one more than the first that is not, halved for each that is.
    """
    more = np.append(pairs[cells + 1 :], np.zeros(2, dtype=np.int64)).astype(np.float64)
    some = np.flatnonzero(more)
    none = int(some[0]) if some.size else more.size - 2
    if none:
        return float(more[none] + 1) * 0.5 ** min(none, HALVED)
    sums = np.cumsum(more)
    k = min(int(np.searchsorted(sums, ENOUGH)), more.size - 2)
    ratio = (sums[k] + 1) / (sums[k + 1] - more[0] + 1)
    return float((more[0] + 1) * min(ratio, 1.0))
