"""# same-order-each-epoch (DL005)

## What it finds
Loaders for training whose rows come in the order of the file, or in an order that is the same in
each epoch.

## Why it hurts training
Batches that are the same each epoch let the loss swing in a cycle, and rows in the order of a file
often come class by class, or day by day: the model follows whatever came last.

## How it is measured
`audit_loader` watches two epochs (`epochs=`) and compares the rows of the first rank. They are in
the order of the file if their indices or addresses only rise; they are in the same order if both
epochs agree in every place. Splits that are not for training are left out: an evaluation keeps its
order.

It is info where the order is shuffled and `set_epoch(epoch)` changes it, as `DistributedSampler`
has it: that the training calls it cannot be seen from here.

## Example
`DataLoader(data, batch_size=8)`, where `shuffle=True` was forgotten: "rows come in the order of
the file, each epoch".

## Repair and repair safety
`shuffle` (safe): the loader shuffles train in each epoch. By hand: `shuffle=True`; with a
`DistributedSampler`, `sampler.set_epoch(epoch)` before each epoch.

## Options
None.

## Known limits
With `epochs=1` only the order of the file is seen. A shuffle within a small buffer looks random
here. Of rows that are told by their content, only the repetition can be seen. A curriculum that is
meant is told all the same.

## References
- Bottou 2009, "Curiously fast convergence of some stochastic gradient descent algorithms": cycles,
  one shuffle, and a shuffle each epoch compared.
- Gürbüzbalaban, Ozdaglar & Parrilo 2021, "Why random reshuffling beats stochastic gradient
  descent", Mathematical Programming 186.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import NotApplicable
from datacheck.findings import Finding, Repair, Severity
from datacheck.pipelines.loader_rules.base import LoaderRule
from datacheck.pipelines.loader_rules.seen import Seen, rows_of, sampler_of


@dataclass(frozen=True)
class SameOrderEachEpoch(LoaderRule):
    """No shuffle, or the same one each epoch."""

    why = (
        "batches that are the same each epoch let the loss swing in a cycle, and rows in the order "
        "of a file often come class by class"
    )
    repairs = (Repair("shuffle", "safe"),)

    def judge_loader(self, split: Seen) -> Iterable[Finding]:
        if not split.train:
            raise NotApplicable("evaluation keeps its order")
        orders = [rows_of(split, e) for e in split.epochs[0]]
        n = orders[0].size
        if n < 3:
            raise NotApplicable("too few rows to have an order")
        in_order = split.keyed != "content" and bool((np.diff(orders[0]) > 0).all())
        same = len(orders) > 1 and bool(np.array_equal(orders[0], orders[1]))
        if not (in_order or same):
            return
        severity, more = None, ""
        if same and not in_order and _turns(split):
            severity, more = Severity.INFO, " unless set_epoch(epoch) is called on its sampler"
        text = "rows come in the order of the file" if in_order else "rows come in the same order"
        yield self.finding(
            text + (", each epoch" if same else "") + more,
            splits=split.splits,
            count=n,
            total=n,
            severity=severity,
        )


def _turns(split: Seen) -> bool:
    """Whether ``set_epoch`` gives another order."""
    from datacheck.pipelines.watching.recording import watch

    sampler = sampler_of(split.loaders[0])
    if not hasattr(sampler, "set_epoch"):
        return False
    before = int(getattr(sampler, "epoch", 0))
    sampler.set_epoch(before + 1)
    other = watch(split.loaders[0], batches=len(split.first[0].rows)).order
    sampler.set_epoch(before)
    return not np.array_equal(other, split.first[0].order)
