"""The sets of shingles of real texts, and what two of them have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from datacheck.summaries.shingles import CHAR_FORM, Shingles, chunks
from datacheck.types import Floats, Hashes, Ints

_S32 = np.uint64(32)
CELLS = 1 << 22  # shingles that are sorted at a time


@dataclass(frozen=True)
class ShingleSets:
    """Set i is ``shingles[starts[i] : starts[i + 1]]``, ascending and distinct."""

    shingles: Shingles
    starts: Ints

    @property
    def sizes(self) -> Ints:
        """Elements of each."""
        return np.diff(self.starts)


def shingle_sets(texts: pl.Series, form: int) -> ShingleSets:
    """The sets of some texts, in their order: 3-grams of words, or 5-grams of characters."""
    parts: list[Hashes] = []
    for start, text in chunks(texts):
        if form == CHAR_FORM:
            rows = np.flatnonzero(text.last > text.first)
            shingles, begins, ends = text.of_characters(rows)
        else:
            rows = np.flatnonzero(text.counts > 2)
            shingles, begins, ends = text.of_words(rows)
        sizes = ends - begins
        shift = np.repeat(begins - (np.cumsum(sizes) - sizes), sizes)
        own = shingles[shift + np.arange(int(sizes.sum()))].astype(np.uint64)
        own |= np.repeat((rows + start).astype(np.uint64) << np.uint64(32), sizes)
        parts.append(_distinct(own))
    keys = np.concatenate([np.zeros(0, dtype=np.uint64), *parts])
    edges = np.arange(len(texts) + 1, dtype=np.uint64) << np.uint64(32)
    return ShingleSets(keys.astype(np.uint32), np.searchsorted(keys, edges))


def joined(parts: list[ShingleSets]) -> ShingleSets:
    """The sets of several, one after the other."""
    ends = np.concatenate([[0], *(p.sizes for p in parts)]).cumsum()
    return ShingleSets(
        np.concatenate([np.zeros(0, dtype=np.uint32), *(p.shingles for p in parts)]), ends
    )


def overlap(sets: ShingleSets, a: Ints, b: Ints) -> tuple[Floats, Floats]:
    """Jaccard similarity and containment (of the smaller in the larger) of sets a[i] and b[i]."""
    sizes = sets.sizes
    common = np.zeros(a.size, dtype=np.int64)
    ends = np.cumsum(sizes[a] + sizes[b])
    at = 0
    while at < a.size:
        before = int(ends[at - 1]) if at else 0
        to = max(int(np.searchsorted(ends, before + CELLS, side="right")), at + 1)
        keys = np.concatenate([_tagged(sets, a[at:to]), _tagged(sets, b[at:to])])
        keys.sort()
        twice = keys[1:][keys[1:] == keys[:-1]] >> np.uint64(32)
        common[at:to] = np.bincount(twice.astype(np.int64), minlength=to - at)
        at = to
    small, both = np.minimum(sizes[a], sizes[b]), sizes[a] + sizes[b]
    return common / np.maximum(both - common, 1), common / np.maximum(small, 1)


def _tagged(sets: ShingleSets, which: Ints) -> Hashes:
    sizes = sets.sizes[which]
    shift = np.repeat(sets.starts[which] - (np.cumsum(sizes) - sizes), sizes)
    own = sets.shingles[shift + np.arange(int(sizes.sum()))].astype(np.uint64)
    return np.asarray(own | np.repeat(np.arange(which.size, dtype=np.uint64) << _S32, sizes))


def _distinct(x: Hashes) -> Hashes:
    x.sort()
    return np.asarray(x[np.append(True, x[1:] != x[:-1])[: x.size]])
