"""# near-duplicates-across-splits (LK002)

## What it finds
Rows of one split that are nearly the same as a row of another.

## Why it hurts training
TODO
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.duplicates import percent
from datacheck.checks.near.items import Edges, Items, known_label
from datacheck.checks.near.joins import expanded
from datacheck.checks.near.search import Found, NearOptions, near, need_near
from datacheck.checks.near.telling import examples, ways
from datacheck.checks.support import has_label
from datacheck.dataset import Dataset
from datacheck.findings import MAX_EXAMPLES, Finding, Repair
from datacheck.summaries.base import Need
from datacheck.summaries.hashing import mix
from datacheck.types import Hashes, Ints


@dataclass(frozen=True)
class NearDuplicatesAcrossSplits(Rule):
    """Nearly the same features in two splits."""

    why = "a model can remember the row that this one is like, so the score measures memory"
    repairs = (Repair("drop-near-from-train", "safe"),)

    min_share: float = 0.0
    min_jaccard: float = 0.8
    containment: float = 0.9
    shingles: str = "auto"
    columns: int = 1

    def __post_init__(self) -> None:
        self.options()

    def options(self) -> NearOptions:
        """From when on rows are near. Raises UsageError for what makes no sense."""
        return NearOptions(self.min_jaccard, self.containment, self.shingles, self.columns)

    def needs(self, data: Dataset) -> Iterable[Need]:
        return need_near(data, self.options()) if len(data.splits) > 1 else []

    def judge(self, context: Context) -> Iterable[Finding]:
        splits = sorted(context.splits, key=lambda s: s != context.train)  # train comes first
        if len(splits) < 2:
            raise NotApplicable("needs two splits with rows")
        found = near(context, self.options())
        for i, one in enumerate(splits):
            for other in splits[i + 1 :]:
                yield from self._pair(context, found, one, other)

    def _pair(self, context: Context, found: Found, one: str, other: str) -> Iterable[Finding]:
        known = found.items
        across = leaks(found, one, other)
        nearest = np.full(known.n, -1, dtype=np.int64)
        nearest[across.b[::-1]] = np.arange(across.n)[::-1]  # the first of each stays
        rows = np.flatnonzero(known.split == known.names.index(other))
        edge = nearest[known.item[rows]]
        rows, edge = rows[edge >= 0], edge[edge >= 0]
        count, total = int(rows.size), context.rows[other]
        if not count or count / total < self.min_share:
            return
        evidence = {**ways(across, edge), **self._options()}
        evidence[f"rows_of_{one}"] = _back(known, across, one)
        told = ""
        if has_label(context, one) and has_label(context, other):
            same = _with_label(known, across, one, rows)
            evidence["with_same_label"] = same
            told = f"; {f'{same:,}' if same else 'none'} of them with its label"
        yield self.finding(
            f"{count:,} of {total:,} rows of {other} ({percent(count / total)}) are nearly the "
            f"same as a row of {one}: {evidence['told']}{told}",
            splits=[one, other],
            count=count,
            total=total,
            evidence={k: v for k, v in evidence.items() if k != "told"},
            examples=examples(
                context, known, across, edge[:MAX_EXAMPLES], (one, other), rows[:MAX_EXAMPLES]
            ),
        )

    def _options(self) -> dict[str, float | str]:
        return {
            "min_jaccard": self.min_jaccard, "containment": self.containment,
            "shingles": self.shingles, "columns": self.columns,
        }  # fmt: skip


def leaks(found: Found, one: str, other: str) -> Edges:
    """Pairs (a, b): an item of ``one`` and an item of ``other`` that ``one`` does not have; the
    nearest of each b first.
    """
    held = found.items.held
    both = found.edges.both()
    across = both.take(held[one][both.a] & held[other][both.b] & ~held[one][both.b])
    return across.take(np.lexsort((across.a, -across.value, across.how, across.b)))


def _back(known: Items, across: Edges, one: str) -> int:
    """Rows of ``one`` that the others are like."""
    hit = np.zeros(known.n, dtype=np.bool_)
    hit[across.a] = True
    return int(hit[known.item[known.split == known.names.index(one)]].sum())


def _with_label(known: Items, across: Edges, one: str, rows: Ints) -> int:
    """How many of the rows have the label of a row of ``one`` that they are like."""
    mine = np.flatnonzero(known.split == known.names.index(one))
    mine = mine[known_label(known.labels[mine])]
    pairs = np.unique(np.stack([known.item[mine], known.labels[mine].view(np.int64)]), axis=1)
    first = np.searchsorted(pairs[0], across.a, side="left")
    last = np.searchsorted(pairs[0], across.a, side="right")
    held = [np.zeros(0, dtype=np.uint64)]
    for edge, at in expanded(first, last - first):
        held.append(_key(across.b[edge], pairs[1][at].view(np.uint64)))
    return int(np.isin(_key(known.item[rows], known.labels[rows]), np.concatenate(held)).sum())


def _key(item: Ints, label: Hashes) -> Hashes:
    return np.asarray(mix(item.astype(np.uint64)) ^ label)
