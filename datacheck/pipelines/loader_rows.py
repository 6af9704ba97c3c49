"""Rows of a loader: missing, repeated, shared by ranks, dropped at the end.

Each judge returns findings, or why nothing can be said.
"""

from __future__ import annotations

import numpy as np

from datacheck.findings import Finding, Severity
from datacheck.pipelines.loader_seen import (
    Seen,
    absent,
    by_chance,
    dropped,
    evened,
    examples_of,
    finding,
    rows_of,
)


def missing(split: Seen) -> list[Finding] | str:
    """Rows that an epoch of all ranks does not have (DL001)."""
    if split.expected is None:
        return "nothing tells which rows should come: give source="
    if not all(e.whole for e in split.first):
        return "the epoch was stopped early"
    gone, last = absent(split), dropped(split)
    drawn = by_chance(split)
    if gone.size <= last or not gone.size:
        return []
    severity = Severity.INFO if drawn else Severity.WARNING if split.train else Severity.ERROR
    drawn_text = ": rows are drawn at random, with replacement or weights" if drawn else ""
    return [
        finding(
            "DL001",
            severity,
            f"{gone.size:,} of {split.expected.size:,} rows do not come in an epoch{drawn_text}",
            split,
            count=gone.size,
            total=split.expected.size,
            examples=examples_of(gone, split),
        )
    ]


def repeated(split: Seen) -> list[Finding] | str:
    """Rows that come more than once (DL002)."""
    orders = [rows_of(split, e) for e in split.first]
    values, counts = np.unique(np.concatenate(orders), return_counts=True)
    limit = np.ones_like(counts)
    if split.keyed == "content" and split.expected is not None:
        known, often = np.unique(split.expected, return_counts=True)
        at = np.minimum(np.searchsorted(known, values), max(known.size - 1, 0))
        if known.size:
            limit = np.where(known[at] == values, often[at], 1)
    elif split.first[0].by == "content":
        return "equal rows cannot be told apart: give source="
    # What several ranks have is another finding; this one is of each rank by itself.
    within = sum(int(o.size - np.unique(o).size) for o in orders) if split.keyed != "content" else 0
    extra = int(np.maximum(counts - limit, 0).sum())
    if split.keyed != "content" and len(orders) > 1:
        extra = within
    if not extra:
        return []
    again, most = values[counts > limit], int(counts.max())
    drawn, even = by_chance(split), evened(split, extra)
    severity = Severity.INFO if drawn or even else Severity.ERROR
    if split.train and severity is Severity.ERROR:
        severity = Severity.WARNING
    why = ": rows are drawn at random, with replacement or weights" if drawn else ""
    why = ": the sampler fills up the ranks with rows that came before" if even else why
    return [
        finding(
            "DL002",
            severity,
            f"{extra:,} of {int(counts.sum()):,} rows of an epoch came before, "
            f"one of them {most} times{why}",
            split,
            count=extra,
            total=int(counts.sum()),
            examples=examples_of(again, split),
            evidence={"most": most, "rows": int(again.size)},
        )
    ]


def shared(split: Seen) -> list[Finding] | str:
    """Rows that more than one rank has (DL003)."""
    if len(split.loaders) < 2:
        return "there is one rank"
    orders = [np.unique(rows_of(split, e)) for e in split.first]
    values, counts = np.unique(np.concatenate(orders), return_counts=True)
    both = values[counts > 1]
    if not both.size:
        return []
    even = evened(split, int(both.size))
    return [
        finding(
            "DL003",
            Severity.INFO if even else Severity.ERROR,
            f"{both.size:,} of {values.size:,} rows go to more than one of {len(orders)} ranks"
            + (": the sampler fills up the ranks with rows that came before" if even else ""),
            split,
            count=int(both.size),
            total=int(values.size),
            examples=examples_of(both, split),
        )
    ]


def last_batch(split: Seen) -> list[Finding] | str:
    """Rows that go with the last batch (DL008)."""
    if split.expected is None or not all(e.whole for e in split.first):
        return "nothing tells which rows should come"
    n = min(dropped(split), absent(split).size)
    if not n:
        return []
    return [
        finding(
            "DL008",
            Severity.INFO if split.train else Severity.ERROR,
            f"{n:,} rows at the end of an epoch are dropped with its last batch",
            split,
            count=n,
            total=split.expected.size,
        )
    ]
