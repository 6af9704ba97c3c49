"""# rows-missing-from-epoch (DL001)

## What it finds
Rows of the dataset that a whole epoch, over all ranks, does not hand out.

## Why it hurts training
The model never sees these rows, or not in every epoch; in an evaluation the score leaves them out,
and two runs that leave out others cannot be compared.

## How it is measured
`audit_loader` watches an epoch of each rank and compares its rows with those that should come: all
of the dataset behind a DataLoader, less what a sampler with `indices` leaves out on purpose; for
the loaders of datacheck all rows of `source=`, by address; for iterables all rows of `source=`, by
a hash of their content, so that equal rows count as one. No more rows than `drop_last` explains
(less than a batch of each rank) belong to DL008. Nothing is estimated: the count is exact.

It is a warning in train, an error in an evaluation, and info where rows are drawn with weights or
with replacement, which leaves some out in each epoch.

## Example
A sampler over `range(90)` for a dataset of 100 rows, left over from when it was smaller: "10 of
100 rows do not come in an epoch".

## Repair and repair safety
By hand: give the sampler the dataset's own length, let each worker of a stream read its share and
no less, and use no `drop_last` in evaluations.

## Options
None.

## Known limits
Iterables without `source=` cannot be judged, nor epochs that `batches=` ends early. Of a sampler
with `indices` it is believed that it names the rows that are wanted.

## References
- Mishchenko, Khaled & Richtárik 2020, "Random Reshuffling: Simple Analysis with Vast
  Improvements", NeurIPS: every row once an epoch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from datacheck.checks.base import NotApplicable
from datacheck.findings import Finding, Severity
from datacheck.pipelines.loader_rules.base import LoaderRule
from datacheck.pipelines.loader_rules.seen import (
    DRAWN,
    Seen,
    absent,
    by_chance,
    dropped,
    examples_of,
)


@dataclass(frozen=True)
class RowsMissingFromEpoch(LoaderRule):
    """Rows that an epoch of all ranks does not have."""

    why = "the model never sees these rows, or the score leaves them out"

    def judge_loader(self, split: Seen) -> Iterable[Finding]:
        if split.expected is None:
            raise NotApplicable("nothing tells which rows should come: give source=")
        if not all(e.whole for e in split.first):
            raise NotApplicable("the epoch was stopped early")
        gone = absent(split)
        if gone.size <= dropped(split):
            return
        drawn = by_chance(split)
        severity = Severity.INFO if drawn else None if split.train else Severity.ERROR
        yield self.finding(
            f"{gone.size:,} of {split.expected.size:,} rows do not come in an epoch"
            + (DRAWN if drawn else ""),
            splits=split.splits,
            count=gone.size,
            total=split.expected.size,
            examples=examples_of(gone, split),
            severity=severity,
        )
