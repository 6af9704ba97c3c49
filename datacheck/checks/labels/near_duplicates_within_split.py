"""# near-duplicates-within-split (LB005)

## What it finds
Rows that are nearly the same as an earlier row of their own split, with its label: texts that
differ in case, spaces or punctuation, or in a few words; pictures that differ in size, encoding or
brightness, or are flipped or turned by a quarter; rows of a table that differ in one cell, or by
rounding.

## Why it hurts training
What stands there k times in hardly different form has k times its weight in the loss, and once the
data is split again its copies fall into train and evaluation, where no search for exact copies
finds them (LK002).

## How it is measured
As LK002 does, on the rows of one split. One row of each cluster stays, the first; the count is of
distinct rows that are like one that stays. There is no chain: a row that is like another only by
way of a third is not counted with it. Exact repeats are LB004's. Rows with another label are not
counted: "turn the light on" and "turn the light off" are two examples and no duplicates.

It is a rule of its own and not part of LB004, whose counts are exact facts: one may well want to
keep the one and to ignore the other, and settings and baselines go by codes.

## Example
SMS Spam: of 5,574 messages 403 repeat another exactly (LB004); 12 more do but for case and spaces,
and 29 more but for punctuation.

## Repair and repair safety
`drop-near-duplicates` (safe): in train all but one row of each cluster go; an evaluation split
stays as it is.

## Options
- `min_share` (0.001): the least share of the split's rows that matters.
- `min_jaccard` (0.8), `containment` (0.9), `shingles` ("auto"), `hamming` (6),
  `differing` (1): as for LK002.

## Known limits
As for LK002. Texts of one template are alike by nature: whether they are too many is for a person
to say.

## References
- Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better", ACL.
- Broder 1997, "On the resemblance and containment of documents", SEQUENCES.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import Context
from datacheck.checks.duplicates import beyond_chance, percent
from datacheck.checks.near.rule import NearRule
from datacheck.checks.near.search import Found, near, need_near
from datacheck.checks.near.telling import Shown, examples, ways, ways_told
from datacheck.checks.near.within import nodes
from datacheck.checks.support import has_label
from datacheck.dataset import Dataset, Task
from datacheck.findings import MAX_EXAMPLES, Finding, Repair, agree
from datacheck.summaries.base import Need


@dataclass(frozen=True)
class NearDuplicatesWithinSplit(NearRule):
    """Nearly the same row more than once in a split."""

    why = "what comes again in hardly other form weighs more than the rest, in loss or score"
    repairs = (Repair("drop-near-duplicates", "safe"),)

    min_share: float = 0.001

    def needs(self, data: Dataset) -> Iterable[Need]:
        return need_near(data, self.options())

    def judge(self, context: Context) -> Iterable[Finding]:
        found = near(context, self.options())
        for split in context.splits:
            yield from self._split(context, found, split)

    def _split(self, context: Context, found: Found, split: str) -> Iterable[Finding]:
        known = nodes(found, split, by_label(context, split))
        gone = known.gone()
        count, total = int(gone.sum()), context.rows[split]
        if count < found.least or count / total < self.min_share:
            return
        if not beyond_chance(count, found.accident * total * (total - 1) / 2):
            return
        # Each row that goes, with the nearest of those that stay.
        both = known.pairs.both()
        pairs = both.take(gone[both.b] & ~gone[both.a])
        pairs = pairs.take(np.lexsort((pairs.a, -pairs.value, pairs.how, pairs.b)))
        chosen = np.flatnonzero(np.append(True, pairs.b[1:] != pairs.b[:-1]))
        clusters = int(np.unique(pairs.a[chosen]).size)
        shown = [
            Shown(
                int(known.first[pairs.b[k]]), int(found.items.item[known.first[pairs.a[k]]]),
                pairs.how[k], float(pairs.value[k]),
            )
            for k in chosen[:MAX_EXAMPLES]
        ]  # fmt: skip
        yield self.finding(
            f"{count:,} distinct {agree(count, 'row', 'rows')} of {split} "
            f"({percent(count / total)} of its {total:,} rows) "
            f"{agree(count, 'is', 'are')} nearly the same as an earlier one: "
            f"{ways_told(pairs, chosen)}; {agree(count, 'it belongs', 'they belong')} to "
            f"{clusters:,} cluster{'s' if clusters > 1 else ''}",
            splits=[split],
            count=count,
            total=total,
            evidence={
                **ways(pairs, chosen),
                "clusters": clusters,
                "largest_cluster": int(np.bincount(pairs.a[chosen]).max()) + 1,
                **self.options().told(),
            },
            examples=examples(context, found.items, shown, split, split),
        )


def by_label(context: Context, split: str) -> bool:
    """Whether a row with another label is another row: where labels are classes."""
    return context.data.task is not Task.REGRESSION and has_label(context, split)
