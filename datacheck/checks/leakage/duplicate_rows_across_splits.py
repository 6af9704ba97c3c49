"""# duplicate-rows-across-splits (LK001)

## What it finds
Rows of one split whose features occur in another split too.

## Why it hurts training
A model may remember such rows instead of learning from them, so that the evaluation measures
memory: the score is too good, and the better the model memorizes the more so.

## How it is measured
Every row has a 64-bit hash over all features (ids that differ from row to row are left out, 1 and
1.0 are the same, and so are missing cells). Hashes are compared for every pair of splits, not only
with train; in datasets of up to a million rows every match is read again and compared cell by cell.
The label stays out of the comparison, but the finding tells how many matches have the same label.

In a table of a few coarse columns rows agree by accident. How many would do so is worked out from
the row sample: the columns are cut into two halves that tell rows apart about equally well, eight
times in different ways, and the shares of pairs of rows that agree in one half only are multiplied.
Five times the highest product is the expectation (halves are seldom quite independent), and the
rule speaks only where the matches exceed it by more than chance allows (Poisson, 1e-4). Text that
is mostly different from row to row does not repeat by accident: there every match counts.

Measured on scikit-learn's bundled datasets: copies of 5 % of the test rows are found in 4 of 5, of
10 % in all; of 100 clean re-splits none raises an alarm.

## Example
UCI's letter recognition, first 16,000 rows as train and last 4,000 as test: 380 test rows (9.5 %)
have features that are in train too, where chance explains no more than three.

## Repair and repair safety
`drop-from-train` (safe): the rows go from train, never from the evaluation split.

## Options
- `min_share` (0): the least share of the evaluation split that matters.
- `chance` (true): whether repeats have to be more than chance gives; false tells them all.

## Known limits
Near-duplicates (one cell differs, or a rounding) are not found. A table with one coarse feature
column cannot be judged, and stays silent. Repeats that the data holds by nature, far beyond what
its value frequencies explain, are reported as well.

## References
- Barz & Denzler 2020, "Do We Train on Test Data? Purging CIFAR of Near-Duplicates", Journal of
  Imaging 6(6).
- Elangovan, He & Verspoor 2021, "Memorization vs. Generalization", EACL.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.duplicates import (
    SLACK,
    Repeats,
    Table,
    beyond_chance,
    distinct,
    members,
    need_repeats,
    percent,
    repeats,
)
from datacheck.checks.support import has_label
from datacheck.dataset import Dataset
from datacheck.findings import MAX_EXAMPLES, Example, Finding, Repair, agree
from datacheck.summaries.base import Need


@dataclass(frozen=True)
class DuplicateRowsAcrossSplits(Rule):
    """The same features in two splits."""

    why = "a model can remember these rows, so the score measures memory"
    repairs = (Repair("drop-from-train", "safe"),)

    min_share: float = 0.0
    chance: bool = True

    def needs(self, data: Dataset) -> Iterable[Need]:
        return need_repeats(data) if len(data.splits) > 1 else []

    def judge(self, context: Context) -> Iterable[Finding]:
        splits = sorted(context.splits, key=lambda s: s != context.train)  # train comes first
        if len(splits) < 2:
            raise NotApplicable("needs two splits with rows")
        found = repeats(context)
        for i, one in enumerate(splits):
            for other in splits[i + 1 :]:
                yield from self._pair(context, found, one, other)

    def _pair(
        self, context: Context, found: Repeats, one: str, other: str
    ) -> Iterable[Finding]:
        mine, theirs = found.tables[one], found.tables[other]
        hit = members(theirs.features, distinct(mine.features))
        count, total = int(hit.sum()), context.rows[other]
        if not count or count / total < self.min_share:
            return
        expected = SLACK * found.chance(context, (one, other)) * context.rows[one] * total
        if self.chance and not beyond_chance(count, expected):
            return
        rows = theirs.take(hit)
        back = int(members(mine.features, distinct(theirs.features)).sum())
        evidence = {
            f"rows_of_{one}": back,
            "expected_by_chance": expected,
            "confirmed": found.confirmed,
        }
        told = ""
        if has_label(context, one) and has_label(context, other):
            same = int(members(rows.keys(), distinct(mine.keys())).sum())
            evidence["with_same_label"] = same
            told = f", {f'{same:,}' if same else 'none'} of them with its label"
        yield self.finding(
            f"{count:,} of {total:,} rows of {other} ({percent(count / total)}) "
            f"{agree(count, 'repeats', 'repeat')} the features of a row of {one}{told}; "
            f"by chance {_about(expected, total)} would",
            splits=[one, other],
            count=count,
            total=total,
            evidence=evidence,
            examples=_examples(context, (one, mine), (other, rows)),
        )


def _about(expected: float, total: int) -> str:
    if expected >= total:
        return "all"  # pairs of rows are expected: a row may have many
    told = f"{expected:,.0f}"
    return "none" if told == "0" else f"about {told}"


def _examples(
    context: Context, known: tuple[str, Table], seen: tuple[str, Table]
) -> list[Example]:
    """The first rows of the evaluation split, each with the first row that it repeats."""
    one, mine = known
    other, rows = seen
    unique, first = np.unique(mine.features, return_index=True)  # the lowest address of each
    head = rows.take(np.arange(min(MAX_EXAMPLES, rows.n)))
    twins = mine.addresses[first[np.searchsorted(unique, head.features)]]
    return [
        Example((*context.locate(other, [a]), *context.locate(one, [b])))
        for a, b in zip(head.addresses.tolist(), twins.tolist(), strict=True)
    ]
