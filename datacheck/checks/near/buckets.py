"""Candidates: pairs of items that share a key, never many more than there are items."""

from __future__ import annotations

import numpy as np

from datacheck.checks.near.joins import expanded
from datacheck.summaries.hashing import mix
from datacheck.types import Hashes, Ints, Mask

SMALL = 32  # items with one key that are all compared with each other
SOME = 4  # in larger buckets: with as many that follow, and with as many that come first
PAIRS = 4_000_000  # that are verified, at most


def repeated(keys: Hashes) -> Mask:
    """Which keys stand more than once, bool of their shape (keys,).

    Values are sorted in a fraction of the time that it takes to rank them, and most keys of most
    data stand once, so this comes before any ranking.
    """
    ranked = np.sort(keys)
    more = ranked[1:][ranked[1:] == ranked[:-1]]
    out = np.zeros(keys.size, dtype=np.bool_)
    if not more.size:
        return out
    if more.size > keys.size // 8:
        at = np.minimum(np.searchsorted(more, keys), more.size - 1)
        return np.asarray(more[at] == keys)
    low = np.uint64((1 << 24) - 1)  # few others have the low bits of a key that stands twice
    table = np.zeros(1 << 24, dtype=np.bool_)
    table[more & low] = True
    perhaps = np.flatnonzero(table[keys & low])
    own = keys[perhaps]
    out[perhaps] = more[np.minimum(np.searchsorted(more, own), more.size - 1)] == own
    return out


def shared(keys: Hashes, who: Ints, crowds: bool = True) -> tuple[Ints, Ints, int]:
    """Pairs (a, b) of ``who`` whose keys are equal, a < b, not each once; and how many items lie
    in buckets that are too large for all pairs. Those are taken in random order, so that each
    meets some of all; not at all where ``crowds`` is false.
    """
    some = repeated(keys)
    keys, who = keys[some], who[some]
    order = np.lexsort((mix(who.astype(np.uint64)), keys))
    ranked, who = keys[order], who[order]
    new = np.append(True, ranked[1:] != ranked[:-1])[: ranked.size]
    begins = np.flatnonzero(new)
    sizes = np.diff(np.append(begins, ranked.size))
    begin, size = np.repeat(begins, sizes), np.repeat(sizes, sizes)
    here = np.arange(ranked.size)
    left = begin + size - here - 1
    large = size > SMALL
    parts = [_ranged(here + 1, np.where(large, np.minimum(left, SOME), left))]
    if not crowds:
        parts = [_ranged(here + 1, np.where(large, 0, left))]
    elif large.any():
        parts.append(_ranged(begin, np.where(large, np.minimum(here - begin, SOME), 0)))
    a, b = (np.concatenate(p) for p in zip(*parts, strict=True))
    a, b = who[a], who[b]
    return np.minimum(a, b), np.maximum(a, b), int(large.sum())


def _ranged(starts: Ints, counts: Ints) -> tuple[Ints, Ints]:
    blocks = list(expanded(starts, counts))
    none = np.zeros(0, dtype=np.int64)
    return (
        np.concatenate([none, *(x for x, _ in blocks)]),
        np.concatenate([none, *(y for _, y in blocks)]),
    )


def counted(a: Ints, b: Ints, n: int) -> tuple[Ints, Ints, Ints]:
    """Each pair once, in order, and how often it was there; ``n`` is more than any a or b."""
    keys, counts = np.unique(a * np.int64(n) + b, return_counts=True)
    apart = keys // n != keys % n
    keys, counts = keys[apart], counts[apart]
    return keys // n, keys % n, counts


def best(a: Ints, b: Ints, counts: Ints, most: int = PAIRS) -> tuple[Ints, Ints]:
    """At most so many pairs: those that share the most keys, the first of them."""
    if a.size <= most:
        return a, b
    kept = np.sort(np.argsort(-counts, kind="stable")[:most])
    return a[kept], b[kept]
