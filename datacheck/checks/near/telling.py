"""Near-duplicates as reports tell them: in what ways rows are alike, and pairs to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datacheck.checks.base import ADDRESS, Context
from datacheck.checks.near.across import rows_of
from datacheck.checks.near.items import Edges, How, Items
from datacheck.checks.near.texts import text_columns
from datacheck.findings import Example
from datacheck.types import Ints

WORDS = {
    How.SPACES: "but for case and spaces",
    How.PUNCTUATION: "but for punctuation",
    How.SIMILAR: "but for a few words",
    How.CONTAINED: "with more around it",
    How.CELLS: "but for a cell or two",
    How.ROUNDED: "but for rounding",
    How.PICTURE: "as pictures",
}
MEASURES = {How.SIMILAR: "jaccard", How.CONTAINED: "containment", How.PICTURE: "correlation"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A pair to look at: a row, the item that it is like, how, and how much."""

    row: int
    like: int
    how: int
    value: float


def ways(pairs: Edges, chosen: Ints) -> dict[str, int]:
    """How many rows are near in which way; ``chosen`` is the nearest pair of each."""
    counts = np.bincount(pairs.how[chosen], minlength=len(How))
    return {h.name.lower(): int(counts[h]) for h in How if counts[h]}


def ways_told(pairs: Edges, chosen: Ints) -> str:
    """The same in words."""
    counts = np.bincount(pairs.how[chosen], minlength=len(How))
    return ", ".join(f"{counts[h]:,} {WORDS[h]}" for h in How if counts[h])


def examples(
    context: Context, known: Items, shown: Sequence[Shown], one: str, other: str
) -> list[Example]:
    """Each row (of the split ``other``) beside the row of ``one`` that it is like, with the texts
    of both.
    """
    if not shown:
        return []
    mine = rows_of(known, one)
    first = np.full(known.n, -1, dtype=np.int64)
    first[known.item[mine][::-1]] = mine[::-1]  # the lowest row of each item is written last
    rows = np.array([s.row for s in shown], dtype=np.int64)
    twins = first[np.array([s.like for s in shown], dtype=np.int64)]
    addresses = known.addresses[np.concatenate([rows, twins])]
    columns = list(text_columns(context.data))
    told: list[dict[str, Any]] = [{} for _ in addresses]
    if columns:
        frame = context.fetch(addresses, columns)
        at = np.searchsorted(frame[ADDRESS].to_numpy(), addresses)
        told = frame.select(columns)[at].to_dicts()
    out = []
    for k, pair in enumerate(shown):
        values = dict(told[k])
        values |= {f"{c} of the other": v for c, v in told[rows.size + k].items()}
        if pair.how in MEASURES:
            values[MEASURES[How(pair.how)]] = round(pair.value, 3)
        mine_at, twin_at = addresses[k : k + 1], addresses[rows.size + k :][:1]
        out.append(
            Example((*context.locate(other, mine_at), *context.locate(one, twin_at)), values)
        )
    return out
