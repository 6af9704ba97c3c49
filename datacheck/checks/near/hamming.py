"""Perceptual hashes that are near each other under one of eight flips and rotations.

Multi-index hashing (Norouzi, Punjani & Fleet 2012, "Fast search in Hamming space with multi-index
hashing", CVPR): the bits are dealt into 8 bands, of which at least two are the same where no more
than 6 bits differ. So each pair of bands is an index of about 16 bits, and pairs of pictures with
an equal key are the candidates; none is missed. All bits of a band change together in a flip (see
``summaries/perceptual.py``), so that a band or its complement, whichever is less, stands for all
four flips; only the transposed pictures are looked up again.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from datacheck.checks.near.joins import equal_pairs, matching_pairs
from datacheck.summaries.perceptual import FLIPS, LOW, popcount, transposed
from datacheck.types import Hashes, Ints

MOST = 6
BANDS = 8


def near(hashes: Hashes, within: int = MOST) -> tuple[Ints, Ints, Ints, Ints]:
    """All pairs i < j of distinct hashes at most ``within`` bits apart, in order of i and j.

    Returns i, j, the orientation of 0–7 that brings the picture of i nearest to that of j, and
    the distance in bits. Raises ValueError where ``within`` is not in 0–6 or hashes repeat.
    """
    if not 0 <= within <= MOST:
        raise ValueError(f"a distance of 0 to {MOST} bits can be searched, not {within}")
    if np.unique(hashes).size != hashes.size:
        raise ValueError("the hashes are not distinct")
    turned = transposed(hashes)
    parts = [_nearest(hashes, hashes, i, j, 0, within) for i, j in _candidates(hashes, hashes)]
    parts += [_nearest(turned, hashes, i, j, 4, within) for i, j in _candidates(turned, hashes)]
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return none, none, none, none
    i, j, orientation, distance = (np.concatenate(p) for p in zip(*parts, strict=True))
    order = np.lexsort((orientation, distance, j, i))
    i, j, orientation, distance = i[order], j[order], orientation[order], distance[order]
    first = np.append(True, (i[1:] != i[:-1]) | (j[1:] != j[:-1]))[: i.size]
    return i[first], j[first], orientation[first], distance[first]


def _candidates(a: Hashes, b: Hashes) -> Iterator[tuple[Ints, Ints]]:
    """Pairs that agree in two bands; ``a`` and ``b`` hold the same pictures in the same order."""
    mine = _bands(a)
    theirs = mine if a is b else _bands(b)
    for one, other in combinations(range(BANDS), 2):
        keys = mine[one] << np.uint64(8) | mine[other]
        if a is b:
            yield from equal_pairs(keys)
        else:
            for i, j in matching_pairs(keys, theirs[one] << np.uint64(8) | theirs[other]):
                half = i < j  # the pair turned around is the same pair
                yield i[half], j[half]


def _bands(hashes: Hashes) -> list[Hashes]:
    """Eight bands of 7 or 8 bits, two for each way in which flips change a bit."""
    out = []
    for places in _PLACES:
        band = np.zeros_like(hashes)
        for k, place in enumerate(places):
            band |= (hashes >> np.uint64(place) & np.uint64(1)) << np.uint64(k)
        out.append(np.minimum(band, band ^ np.uint64((1 << len(places)) - 1)))
    return out


def _places() -> list[list[int]]:
    ways: dict[tuple[int, int], list[int]] = {}
    for place in range(1, LOW * LOW):
        ways.setdefault((place // LOW % 2, place % LOW % 2), []).append(place)
    return [places[k::2] for places in ways.values() for k in (0, 1)]


_PLACES = _places()


def _nearest(
    a: Hashes, b: Hashes, i: Ints, j: Ints, turn: int, within: int
) -> tuple[Ints, Ints, Ints, Ints]:
    """The pairs that are near, with the best of the four flips; always with i < j."""
    i, j = np.minimum(i, j), np.maximum(i, j)
    apart = a[i] ^ b[j]
    best = popcount(apart)
    flip = np.zeros_like(i)
    for k in range(1, FLIPS.size):
        distance = popcount(apart ^ FLIPS[k])
        better = distance < best
        best = np.where(better, distance, best)
        flip[better] = k
    kept = best <= within
    return i[kept], j[kept], flip[kept] + turn, best[kept]
