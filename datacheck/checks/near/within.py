"""Near-duplicates within a split: distinct rows, and which of them are like an earlier one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datacheck.checks.near.across import rows_of
from datacheck.checks.near.items import Edges, edges
from datacheck.checks.near.joins import expanded
from datacheck.checks.near.representatives import superfluous
from datacheck.checks.near.search import Found
from datacheck.types import Ints, Mask


@dataclass(frozen=True)
class Nodes:
    """Distinct rows of a split (by features, and by label where that matters) in order of their
    first rows; ``node`` is that of each row in ``rows`` (places among all rows).
    """

    rows: Ints
    node: Ints
    first: Ints
    pairs: Edges

    def gone(self) -> Mask:
        """Which nodes are like an earlier one that stays."""
        return superfluous(self.first.size, self.pairs.a, self.pairs.b)


def nodes(found: Found, split: str, by_label: bool) -> Nodes:
    """The distinct rows of a split and the pairs among them; ``by_label``: with one label only."""
    known = found.items
    rows = rows_of(known, split)
    keys = known.item[rows].astype(np.uint64)
    label = known.labels[rows] if by_label else np.zeros(rows.size, dtype=np.uint64)
    order = np.lexsort((label, keys))
    new = np.ones(rows.size, dtype=np.bool_)
    new[1:] = (keys[order][1:] != keys[order][:-1]) | (label[order][1:] != label[order][:-1])
    first = order[new]  # lexsort is stable: the lowest place
    rank = np.empty(first.size, dtype=np.int64)
    rank[np.argsort(first)] = np.arange(first.size)
    node = np.empty(rows.size, dtype=np.int64)
    node[order] = rank[np.cumsum(new) - 1]
    first = np.sort(first)
    own = known.item[rows[first]]
    by_item = np.argsort(own, kind="stable")
    held = found.items.held[split]
    some = found.edges.take(held[found.edges.a] & held[found.edges.b])
    parts = []
    begin, end = (np.searchsorted(own[by_item], some.a, side=s) for s in ("left", "right"))
    for edge, at in expanded(begin, end - begin):
        left, part = by_item[at], some.take(edge)
        second, last = (np.searchsorted(own[by_item], part.b, side=s) for s in ("left", "right"))
        for again, place in expanded(second, last - second):
            one, other = left[again], by_item[place]
            same = label[first[one]] == label[first[other]]
            parts.append(
                Edges(one[same], other[same], part.how[again][same], part.value[again][same])
            )
    return Nodes(rows, node, rows[first], edges(parts))
