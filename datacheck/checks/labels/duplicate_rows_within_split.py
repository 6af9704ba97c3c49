"""# duplicate-rows-within-split (LB004)

## What it finds
Rows that repeat an earlier row of their own split, features and label.

## Why it hurts training
A row that stands there k times has k times its weight in the loss. In an evaluation split it counts
k times in the score, and once the data is split again its copies fall into train and evaluation.

## How it is measured
Rows are compared by a 64-bit hash over all features (ids that differ from row to row are left out)
and one over the label; in datasets of up to a million rows every match is read again and compared
cell by cell. The count is of rows too many: all rows less the distinct ones. Rows with the same
features but another label are no duplicates here; they are LB001's.

In a table of a few coarse columns rows agree by accident. The rule speaks only where the repeats
exceed what chance makes, which is worked out from the row sample as for LK001.

Measured on scikit-learn's bundled datasets: copies of 5 % of train are found in 5 of 5; of 100
clean re-splits none raises an alarm.

## Example
UCI's red wine quality: 240 of 1,599 rows repeat an earlier row; 460 rows are involved, in 220
groups, and chance explains none of them.

## Repair and repair safety
`drop-duplicates` (safe): in train all but the first row of each group go; an evaluation split stays
as it is.

## Options
- `min_share` (0.0005): the least share of the split's rows that matters.
- `chance` (true): whether repeats have to be more than chance gives; false tells them all.

## Known limits
Repeats may be right: two patients of the same figures, a sensor that stands still. The rule counts,
it cannot know. A table with one coarse feature column cannot be judged, and stays silent.

## References
- Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better", ACL.
- Cortez et al. 2009, "Modeling wine preferences by data mining", Decision Support Systems 47(4).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import Context, Rule
from datacheck.checks.duplicates import (
    SLACK,
    Repeats,
    beyond_chance,
    distinct,
    need_repeats,
    percent,
    repeats,
)
from datacheck.dataset import Dataset
from datacheck.findings import MAX_EXAMPLES, Example, Finding, Repair, agree
from datacheck.summaries.base import Need


@dataclass(frozen=True)
class DuplicateRowsWithinSplit(Rule):
    """The same row more than once in a split."""

    why = "a repeated row weighs more than others, in the loss or in the score"
    repairs = (Repair("drop-duplicates", "safe"),)

    min_share: float = 0.0005
    chance: bool = True

    def needs(self, data: Dataset) -> Iterable[Need]:
        return need_repeats(data)

    def judge(self, context: Context) -> Iterable[Finding]:
        found = repeats(context)
        for split in context.splits:
            yield from self._split(context, found, split)

    def _split(self, context: Context, found: Repeats, split: str) -> Iterable[Finding]:
        table, total = found.tables[split], context.rows[split]
        _, first, inverse, sizes = np.unique(
            table.keys(), return_index=True, return_inverse=True, return_counts=True
        )
        count = int((sizes - 1).sum())
        if not count or count / total < self.min_share:
            return
        expected = SLACK * found.chance(context, (split,)) * total * (total - 1) / 2
        if self.chance and not beyond_chance(count, expected):
            return
        groups, involved = int((sizes > 1).sum()), int(sizes[sizes > 1].sum())
        again = np.flatnonzero(first[inverse] != np.arange(table.n))[:MAX_EXAMPLES]
        same_features = table.n - int(distinct(table.features).size)
        yield self.finding(
            f"{count:,} of {total:,} rows of {split} ({percent(count / total)}) "
            f"{agree(count, 'repeats', 'repeat')} an earlier row; "
            f"{involved:,} rows are involved, in {groups:,} group{'s' if groups > 1 else ''}",
            splits=[split],
            count=count,
            total=total,
            evidence={
                "involved": involved,
                "groups": groups,
                "largest_group": int(sizes.max()),
                "extra_by_features_alone": same_features,
                "expected_by_chance": expected,
                "confirmed": found.confirmed,
            },
            examples=[
                Example(context.locate(split, table.addresses[[i, first[inverse[i]]]]))
                for i in again.tolist()
            ],
        )
