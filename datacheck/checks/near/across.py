"""Near-duplicates across splits: which rows, and how many of them have the label of their twin."""

from __future__ import annotations

import numpy as np

from datacheck.checks.near.items import Edges, Items, known_label
from datacheck.checks.near.joins import expanded
from datacheck.checks.near.search import Found
from datacheck.summaries.hashing import mix
from datacheck.types import Hashes, Ints, Mask


def across(found: Found, one: str, other: str) -> Edges:
    """Pairs (a, b): an item of ``one`` and an item of ``other`` that ``one`` does not have (those
    are LK001's); by b, the nearest first.
    """
    held = found.items.held
    both = found.edges.both()
    pairs = both.take(held[one][both.a] & held[other][both.b] & ~held[one][both.b])
    return pairs.take(np.lexsort((pairs.a, -pairs.value, pairs.how, pairs.b)))


def nearest(known: Items, pairs: Edges, split: str) -> tuple[Ints, Ints]:
    """The rows of a split that are a b of some pair, and each one's first pair."""
    first = np.full(known.n, -1, dtype=np.int64)
    first[pairs.b[::-1]] = np.arange(pairs.n)[::-1]  # of several, the first is written last
    rows = rows_of(known, split)
    pair = first[known.item[rows]]
    return rows[pair >= 0], pair[pair >= 0]


def rows_of(known: Items, split: str) -> Ints:
    """The places of a split's rows."""
    return np.flatnonzero(known.split == known.names.index(split))


def like(known: Items, pairs: Edges, split: str) -> Mask:
    """Which rows of all are rows of the split, and an a of some pair."""
    hit = np.zeros(known.n, dtype=np.bool_)
    hit[pairs.a] = True
    return np.asarray(hit[known.item] & (known.split == known.names.index(split)))


def with_label(known: Items, pairs: Edges, one: str, rows: Ints) -> int:
    """How many rows have the label of a row of ``one`` that they are like."""
    mine = rows_of(known, one)
    mine = mine[known_label(known.labels[mine])]
    order = np.argsort(known.item[mine], kind="stable")
    item, label = known.item[mine][order], known.labels[mine][order]
    first = np.searchsorted(item, pairs.a, side="left")
    last = np.searchsorted(item, pairs.a, side="right")
    held = [np.zeros(0, dtype=np.uint64)]
    for pair, at in expanded(first, last - first):
        held.append(np.unique(_key(pairs.b[pair], label[at])))
    return int(np.isin(_key(known.item[rows], known.labels[rows]), np.concatenate(held)).sum())


def _key(item: Ints, label: Hashes) -> Hashes:
    return np.asarray(mix(item.astype(np.uint64)) ^ label)
