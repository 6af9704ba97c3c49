"""# rare-class (CB002)

## What it finds
A class with fewer than `min_rows` rows in the whole dataset.

## Why it hurts training
So few rows cannot be split, stratified or learned: the class is absent from most folds and
batches, and its score hangs on one or two rows.

## How it is measured
Exact counts of the label over all splits that hold it, missing labels aside. No statistics: a
count is a fact. All splits together, because how many rows of a class there are does not depend
on how they were dealt out: what one split lacks is told by CB003 and CB004.

## Example
A dataset with 500 `benign`, 480 `malignant` and 3 `unclear` rows: `unclear` is reported.

## Repair and repair safety
`merge-or-collect` (manual): merge the class with a related one, or collect more rows of it.

## Options
- `min_rows` (10): the least number of rows that a class must have.

## Known limits
Looks at classes that occur at all; a class that one split lacks is CB003's.

## References
- He & Garcia 2009, "Learning from Imbalanced Data", IEEE TKDE 21(9).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.support import has_label, label_counts, need_label_counts
from datacheck.dataset import Dataset, Task
from datacheck.findings import Finding, Repair, agree, names
from datacheck.summaries.base import Need


@dataclass(frozen=True)
class RareClass(Rule):
    """Too few rows of a class to learn or to measure it."""

    why = "so few rows cannot be stratified or learned, and the class's score hangs on one row"
    repairs = (Repair("merge-or-collect", "manual"),)

    min_rows: int = 10

    def needs(self, data: Dataset) -> Iterable[Need]:
        return need_label_counts(data)

    def judge(self, context: Context) -> Iterable[Finding]:
        label = context.label(Task.CLASSIFICATION)
        splits = [s for s in context.splits if has_label(context, s)]
        counts: Counter[str] = Counter()
        for split in splits:
            counts.update(label_counts(context, split))
        if not counts:
            raise NotApplicable(f"no split holds a value of {label.name}")
        rare = {c: n for c, n in sorted(counts.items()) if n < self.min_rows}
        if not rare:
            return
        shown = names([f"{c!r} ({n})" for c, n in rare.items()])
        yield self.finding(
            f"{len(rare)} of {len(counts)} classes of {label.name} "
            f"{agree(len(rare), 'has', 'have')} fewer than {self.min_rows} rows: {shown}",
            splits=splits,
            columns=[label.name],
            count=len(rare),
            total=len(counts),
            unit="classes",
            evidence={"rows": rare},
        )
