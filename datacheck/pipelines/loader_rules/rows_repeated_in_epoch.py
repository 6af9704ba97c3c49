"""# rows-repeated-in-epoch (DL002)

## What it finds
Rows that come more than once in an epoch of one rank.

## Why it hurts training
They weigh more than the others, in the loss or in the score, and nobody has decided so.

## How it is measured
`audit_loader` watches an epoch and counts rows that came before, by their index in the dataset or
their address in datacheck's batches. Iterables are told by the content of their rows: one is
repeated if it comes more often than `source=` has it. The count is exact. What several ranks have
each is DL003.

It is a warning in train, an error in an evaluation, and info where the sampler means it: rows
drawn with weights or with replacement, or a few that fill up the last rank in train.

## Example
An `IterableDataset` of 60 rows that reads its whole file in each of two workers: "60 of 120 rows
of an epoch came before, one of them 2 times".

## Repair and repair safety
By hand: let each worker read its share (`get_worker_info()`), and draw without replacement.

## Options
None.

## Known limits
Without `source=`, iterables cannot be judged. Rows that the dataset itself holds twice are two
rows here; they are LB004.

## References
- PyTorch documentation, `torch.utils.data.IterableDataset`: each worker has its own copy of the
  dataset, which has to be configured against duplicates.
- Recht & Ré 2012, "Toward a noncommutative arithmetic-geometric mean inequality", COLT: rows drawn
  without replacement.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import NotApplicable
from datacheck.findings import Finding, Severity
from datacheck.pipelines.loader_rules.base import LoaderRule
from datacheck.pipelines.loader_rules.seen import (
    DRAWN,
    FILLED,
    Seen,
    by_chance,
    evened,
    examples_of,
    rows_of,
)


@dataclass(frozen=True)
class RowsRepeatedInEpoch(LoaderRule):
    """Rows that come more than once."""

    why = "these rows weigh more than the others, in the loss or in the score"

    def judge_loader(self, split: Seen) -> Iterable[Finding]:
        orders = [rows_of(split, e) for e in split.first]
        values, counts = np.unique(np.concatenate(orders), return_counts=True)
        limit = np.ones_like(counts)
        if split.keyed == "content" and split.expected is not None:
            known, often = np.unique(split.expected, return_counts=True)
            at = np.minimum(np.searchsorted(known, values), max(known.size - 1, 0))
            if known.size:
                limit = np.where(known[at] == values, often[at], 1)
        elif split.first[0].by == "content":
            raise NotApplicable("equal rows cannot be told apart: give source=")
        if split.keyed != "content" and len(orders) > 1:
            # What several ranks have is another finding; this one is of each rank by itself.
            extra = sum(int(o.size - np.unique(o).size) for o in orders)
        else:
            extra = int(np.maximum(counts - limit, 0).sum())
        if not extra:
            return
        again, most = values[counts > limit], int(counts.max())
        drawn, even = by_chance(split), evened(split, extra)
        severity = Severity.INFO if drawn or even else None if split.train else Severity.ERROR
        yield self.finding(
            f"{extra:,} of {int(counts.sum()):,} rows of an epoch came before, "
            f"one of them {most} times{FILLED if even else DRAWN if drawn else ''}",
            splits=split.splits,
            count=extra,
            total=int(counts.sum()),
            examples=examples_of(again, split),
            evidence={"most": most, "rows": int(again.size)},
            severity=severity,
        )
