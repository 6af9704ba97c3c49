"""# last-batch-dropped (DL008)

## What it finds
Rows at the end of an epoch that go with its last batch, because of `drop_last=True`.

## Why it hurts training
In an evaluation the score does not count these rows, and without a shuffle they are the same ones
each time. In train it is as it should be, if rows are shuffled: others are left out in each epoch,
and a last batch of two rows would make a noisy step.

## How it is measured
Rows of an epoch that should come and do not are counted, as in DL001, up to what `drop_last` of
the loader, its batch sampler or its sampler explains: less than a batch of each rank. It is info
in train and an error in an evaluation.

## Example
103 rows in batches of 8 with `drop_last=True`: "7 rows at the end of an epoch are dropped with its
last batch".

## Repair and repair safety
By hand: `drop_last=False` in evaluations.

## Options
None.

## Known limits
Needs to know which rows should come, as DL001 does, and whole epochs.

## References
- PyTorch documentation, `torch.utils.data.DataLoader`, parameter `drop_last`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from datacheck.checks.base import NotApplicable
from datacheck.findings import Finding, Severity
from datacheck.pipelines.loader_rules.base import LoaderRule
from datacheck.pipelines.loader_rules.seen import Seen, absent, dropped


@dataclass(frozen=True)
class LastBatchDropped(LoaderRule):
    """Rows that go with the last batch."""

    why = "rows that are left out at the end; in evaluation the score does not count them"

    def judge_loader(self, split: Seen) -> Iterable[Finding]:
        if split.expected is None or not all(e.whole for e in split.first):
            raise NotApplicable("nothing tells which rows should come")
        n = min(dropped(split), absent(split).size)
        if not n:
            return
        yield self.finding(
            f"{n:,} rows at the end of an epoch are dropped with its last batch",
            splits=split.splits,
            count=n,
            total=split.expected.size,
            severity=None if split.train else Severity.ERROR,
        )
