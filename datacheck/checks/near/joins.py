"""Pairs of items with equal keys, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datacheck.types import Hashes, Ints

PAIRS = 1 << 20  # at a time: two arrays of 8 MiB


def expanded(starts: Ints, counts: Ints, most: int = PAIRS) -> Iterator[tuple[Ints, Ints]]:
    """(i, j) for every i and each j of ``starts[i] … starts[i] + counts[i] − 1``.

    In blocks of about ``most`` pairs; a single i with more comes in a block of its own.
    """
    ends = np.cumsum(counts)
    at = 0
    while at < counts.size:
        before = int(ends[at - 1]) if at else 0
        to = max(int(np.searchsorted(ends, before + most, side="right")), at + 1)
        n = counts[at:to]
        left = np.repeat(np.arange(at, to), n)
        first = np.repeat(starts[at:to] - (ends[at:to] - n - before), n)
        if left.size:
            yield left, first + np.arange(left.size)
        at = to


def equal_pairs(keys: Hashes, most: int = PAIRS) -> Iterator[tuple[Ints, Ints]]:
    """All pairs (i, j), each once, of places in ``keys`` that hold the same key; j ≠ i."""
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    last = np.searchsorted(ranked, ranked, side="right")
    here = np.arange(ranked.size)
    for left, right in expanded(here + 1, last - here - 1, most):
        yield order[left], order[right]


def matching_pairs(keys: Hashes, others: Hashes, most: int = PAIRS) -> Iterator[tuple[Ints, Ints]]:
    """All pairs (i, j) where ``keys[i] == others[j]``."""
    order = np.argsort(others, kind="stable")
    ranked = others[order]
    first = np.searchsorted(ranked, keys, side="left")
    last = np.searchsorted(ranked, keys, side="right")
    for left, right in expanded(first, last - first, most):
        yield left, order[right]
