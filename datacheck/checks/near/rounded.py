"""Rows of a table that are the same but for rounding.

Looked for where the row sample holds all rows. Numbers are rounded to three and to two significant
digits; rows that agree so in one of three parts of their columns are candidates, and near where
every number is close to the other's and all else is equal. As for cells, that has to be so in
columns whose rounded values are rare.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from datacheck.checks.base import ADDRESS, Context
from datacheck.checks.duplicates import SLACK
from datacheck.checks.near.buckets import counted, shared
from datacheck.checks.near.items import Edges, How, Items, edges
from datacheck.checks.support import hash_columns
from datacheck.dataset import Kind, to_matrix
from datacheck.summaries.hashing import hash_column, mix, number_bits
from datacheck.types import Floats, Hashes, Ints, Mask

RARE = 3  # columns whose rounded values are rare, at least
SEEN = 4  # rows with one rounded value, at most, that is rare
DIGITS = (3, 2)
CLOSE = 0.006  # relative difference of numbers that are the same but for rounding
PARTS = 3
CELLS = 1 << 22  # compared at a time


def rounded_edges(context: Context, known: Items) -> tuple[Edges, float]:
    """Pairs of items that are the same but for rounding, and how likely two rows are such a pair
    by accident. No pairs, and a note, where the sample does not hold all rows.
    """
    told = [context.data.columns[c] for c in hash_columns(context.data)]
    numbers = [c.name for c in told if c.kind is Kind.NUMBER and not c.integer]
    if len(numbers) < RARE:
        return edges([]), 0.0
    if any(context.sampled(s) for s in context.splits):
        note = "near-duplicates: copies that were rounded are not looked for among so many rows"
        context.notes += [note] if note not in context.notes else []
        return edges([]), 0.0
    frames = [context.sample(s).select(ADDRESS, *(c.name for c in told)) for s in context.splits]
    frame = pl.concat(frames, how="vertical_relaxed")
    place = known.places(frame[ADDRESS].to_numpy())
    stands = np.flatnonzero(place >= 0)
    stands = stands[known.first[known.item[place[stands]]] == place[stands]]
    who = known.item[place[stands]]
    frame = frame[stands]
    matrix = to_matrix(frame, numbers)
    others = [hash_column(frame[c.name]) for c in told if c.name not in set(numbers)]
    coarse = {d: mix(number_bits(significant(matrix, d))) for d in DIGITS}
    a, b = _candidates(coarse, len(who))
    rare, accident = _rare(coarse[DIGITS[0]])
    near = _near(matrix, others, rare, a, b)
    a, b = who[a[near]], who[b[near]]
    how = np.full(a.size, How.ROUNDED, dtype=np.uint8)
    return edges([Edges(a, b, how, np.ones(a.size))]), accident


def significant(x: Floats, digits: int) -> Floats:
    """Numbers rounded to so many significant digits; what is not finite stays as it is."""
    fine = np.isfinite(x) & (np.abs(x) > 1e-300)
    size = np.where(fine, np.abs(x), 1.0)
    unit = 10.0 ** (np.floor(np.log10(size)) - (digits - 1))
    return np.where(fine, np.round(np.where(fine, x, 0.0) / unit) * unit, x)


def _candidates(coarse: dict[int, Hashes], n: int) -> tuple[Ints, Ints]:
    who = np.arange(n)
    found = []
    for codes in coarse.values():
        columns = np.arange(codes.shape[1], dtype=np.uint64)
        named = mix(codes ^ mix(columns))
        for part in range(PARTS):
            keys: Hashes = named[:, part::PARTS].sum(axis=1, dtype=np.uint64)
            a, b, _ = shared(keys, who, crowds=False)
            found.append((a, b))
    x, y = zip(*found, strict=True)
    a, b, _ = counted(np.concatenate(x), np.concatenate(y), max(n, 1))
    return a, b


def _rare(codes: Hashes) -> tuple[Mask, float]:
    """Which cells have a rare rounded value, and how likely two rows agree in as many."""
    out = np.zeros(codes.shape, dtype=np.bool_)
    sums = [1.0] + [0.0] * RARE
    n = float(codes.shape[0])
    for k in range(codes.shape[1]):
        _, inverse, counts = np.unique(codes[:, k], return_inverse=True, return_counts=True)
        some = counts <= SEEN
        out[:, k] = some[inverse]
        alike = float((counts[some] * (counts[some] - 1)).sum())
        chance = (alike + 3) / max(n * (n - 1), 1)  # 3: what might be where none was seen
        for j in range(RARE, 0, -1):
            sums[j] += sums[j - 1] * chance
    return out, SLACK * sums[RARE]


def _near(matrix: Floats, others: list[Hashes], rare: Mask, a: Ints, b: Ints) -> Ints:
    step = max(CELLS // max(matrix.shape[1], 1), 1)
    parts = [np.zeros(0, dtype=np.int64)]
    for start in range(0, a.size, step):
        i, j = a[start : start + step], b[start : start + step]
        x, y = matrix[i], matrix[j]
        with np.errstate(invalid="ignore"):  # ∞ − ∞
            gap = np.abs(x - y)
            close = (gap <= CLOSE * np.maximum(np.abs(x), np.abs(y))) & np.isfinite(gap)
        equal = (x == y) | (np.isnan(x) & np.isnan(y))
        good = (close | equal).all(axis=1) & ~equal.all(axis=1)
        good &= (rare[i] & rare[j]).sum(axis=1) >= RARE
        for code in others:
            good &= code[i] == code[j]
        parts.append(np.flatnonzero(good) + start)
    return np.concatenate(parts)
