"""# rows-shared-by-ranks (DL003)

## What it finds
Rows that more than one rank of a distributed run gets in the same epoch.

## Why it hurts training
The ranks do the same work twice, and a batch over all of them is smaller than it looks: its
gradient is noisier than the learning rate was chosen for. In an evaluation these rows count twice.

## How it is measured
Give `audit_loader` a list with the loader of each rank. Their rows in the first epoch are
compared, by index, address or content; the count is exact. It is info where the sampler fills up
the ranks in train, which takes fewer rows than there are ranks.

## Example
Two ranks that each make `DataLoader(data, shuffle=True)` of 103 rows, without a
`DistributedSampler`: "103 of 103 rows go to more than one of 2 ranks".

## Repair and repair safety
By hand: a `DistributedSampler` with the rank and the number of ranks, or `rank=` and `world_size=`
of `datacheck.loaders`; in evaluations one that repeats no rows.

## Options
None.

## Known limits
It needs the loaders of all ranks in one process. Equal rows of iterables, which are told by their
content, look shared.

## References
- PyTorch documentation, `torch.utils.data.distributed.DistributedSampler`: a subset for each rank
  that is exclusive to it, and filled up so that all are as long.
- Goyal et al. 2017, "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour",
  arXiv:1706.02677: one shuffling an epoch, divided among the workers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import NotApplicable
from datacheck.findings import Finding, Severity
from datacheck.pipelines.loader_rules.base import LoaderRule
from datacheck.pipelines.loader_rules.seen import FILLED, Seen, evened, examples_of, rows_of


@dataclass(frozen=True)
class RowsSharedByRanks(LoaderRule):
    """Rows that more than one rank has."""

    why = "ranks that train on the same rows do work twice, and skip what no rank has"

    def judge_loader(self, split: Seen) -> Iterable[Finding]:
        if len(split.loaders) < 2:
            raise NotApplicable("there is one rank")
        orders = [np.unique(rows_of(split, e)) for e in split.first]
        values, counts = np.unique(np.concatenate(orders), return_counts=True)
        both = values[counts > 1]
        if not both.size:
            return
        even = evened(split, int(both.size))
        yield self.finding(
            f"{both.size:,} of {values.size:,} rows go to more than one of {len(orders)} ranks"
            + (FILLED if even else ""),
            splits=split.splits,
            count=both.size,
            total=values.size,
            examples=examples_of(both, split),
            severity=Severity.INFO if even else None,
        )
