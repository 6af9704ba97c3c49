"""The other features of two rows: in how many of them they differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from datacheck.checks.base import Context
from datacheck.checks.near.items import Items
from datacheck.checks.support import hash_columns
from datacheck.dataset import Dataset
from datacheck.summaries.hashing import hash_column
from datacheck.types import Hashes, Ints, Mask

FETCHED = 250_000  # rows that are read again at a time


def others(data: Dataset, but: Sequence[str]) -> tuple[str, ...]:
    """The columns that rows are compared by, without some."""
    return tuple(c for c in hash_columns(data) if c not in but)


def alike(
    context: Context, known: Items, a: Ints, b: Ints, columns: Sequence[str], most: int
) -> Mask:
    """Which pairs of items differ in at most so many of the columns; reads their rows again."""
    if not columns or not a.size:
        return np.ones(a.size, dtype=np.bool_)
    needed = np.unique(np.concatenate([a, b]))
    codes: list[list[Hashes]] = [[] for _ in columns]
    for start in range(0, needed.size, FETCHED):
        rows = known.first[needed[start : start + FETCHED]]
        frame = context.fetch(known.addresses[rows], list(columns))
        for column, hashed in zip(columns, codes, strict=True):
            hashed.append(hash_column(frame[column]))
    x, y = np.searchsorted(needed, a), np.searchsorted(needed, b)
    return differing([np.concatenate(c) for c in codes], x, y) <= most


def differing(codes: Sequence[Hashes], a: Ints, b: Ints) -> Ints:
    """In how many columns two rows differ, by the codes of their cells."""
    out = np.zeros(a.size, dtype=np.int64)
    for code in codes:
        out += code[a] != code[b]
    return out
