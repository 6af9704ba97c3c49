"""Near-duplicates as reports tell them: in what ways rows are alike, and pairs to look at."""

from __future__ import annotations

from typing import Any

import numpy as np

from datacheck.checks.base import ADDRESS, Context
from datacheck.checks.near.items import Edges, How, Items
from datacheck.checks.near.texts import text_columns
from datacheck.findings import Example
from datacheck.types import Ints

WORDS = {
    How.SPACES: "but for case and spaces",
    How.PUNCTUATION: "but for punctuation",
    How.SIMILAR: "by their shingles",
    How.CONTAINED: "with the shorter inside the longer",
    How.CELLS: "but for a cell or two",
    How.ROUNDED: "but for rounding",
    How.PICTURE: "as pictures",
}


def ways(pairs: Edges, chosen: Ints) -> dict[str, Any]:
    """How many rows are near in which way (their nearest pairs are ``chosen``); ``told`` says so
    in words.
    """
    counts = np.bincount(pairs.how[chosen], minlength=len(How))
    out: dict[str, Any] = {h.name.lower(): int(counts[h]) for h in How if counts[h]}
    out["told"] = ", ".join(f"{counts[h]:,} {WORDS[h]}" for h in How if counts[h])
    return out


def examples(
    context: Context,
    known: Items,
    pairs: Edges,
    chosen: Ints,
    splits: tuple[str, str],
    rows: Ints,
) -> list[Example]:
    """Each of some rows of the second split, beside the row of the first that it is like."""
    one, other = splits
    mine = np.flatnonzero(known.split == known.names.index(one))
    first = np.full(known.n, -1, dtype=np.int64)
    first[known.item[mine][::-1]] = mine[::-1]
    twins = first[pairs.a[chosen]]
    columns = list(text_columns(context.data))
    addresses = known.addresses[np.concatenate([rows, twins])]
    frame = context.fetch(addresses, columns)
    at = np.searchsorted(frame[ADDRESS].to_numpy(), addresses)
    told = frame.select(columns)[at].to_dicts()
    out = []
    for k in range(rows.size):
        values = dict(told[k])
        values |= {f"{c} ({one})": v for c, v in told[rows.size + k].items()}
        if pairs.how[chosen[k]] in (How.SIMILAR, How.CONTAINED):
            what = "jaccard" if pairs.how[chosen[k]] == How.SIMILAR else "containment"
            values[what] = round(float(pairs.value[chosen[k]]), 3)
        where = context.locate(other, addresses[k : k + 1])
        twin = context.locate(one, addresses[rows.size + k :][:1])
        out.append(Example((*where, *twin), values))
    return out
