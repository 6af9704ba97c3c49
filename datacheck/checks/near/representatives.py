"""One of each cluster stays: no chain of likenesses takes a row that is not like one that stays."""

from __future__ import annotations

import numpy as np

from datacheck.summaries.hashing import mix
from datacheck.types import Ints, Mask

ROUNDS = 100  # in order of the nodes; a longer chain goes on in random order


def superfluous(n: int, a: Ints, b: Ints) -> Mask:
    """Which of n nodes go, so that no two that stay are a pair, and each that goes has a pair
    that stays: a maximal independent set, taken from the first node on.
    """
    gone = np.zeros(n, dtype=np.bool_)
    decided = np.zeros(n, dtype=np.bool_)
    rank = np.arange(n)
    for turn in range(n):
        if not a.size:
            break
        if turn == ROUNDS:
            rank = np.argsort(np.argsort(mix(np.arange(n, dtype=np.uint64)), kind="stable"))
        swap = rank[a] > rank[b]
        a, b = np.where(swap, b, a), np.where(swap, a, b)
        later = np.zeros(n, dtype=np.bool_)
        later[b] = True
        stays = ~later[a]
        gone[b[stays]] = True
        decided[a[stays]] = True
        left = ~(gone | decided)
        both = left[a] & left[b]
        a, b = a[both], b[both]
    return gone
