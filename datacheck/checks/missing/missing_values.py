"""# missing-values (MV001)

## What it finds
Features (also times, groups and weights) with empty cells: null, or NaN in a column of numbers.

## Why it hurts training
A NaN that reaches the model makes the loss NaN at once. Rows that a loader drops silently bias
what is learned, and a fill value that nobody chose becomes a signal.

## How it is measured
Exact counts of every cell, by split and column. No statistics: a count is a fact. Columns with
more than `max_share` of their cells missing, over all splits, are one finding and an error; the
others are one finding and a warning.

## Example
A `train.csv` of 1,000 rows in which `age` is empty 43 times: a warning, 43 cells, 4.3 %.

## Repair and repair safety
`impute-with-indicator` (safe): fill with a value fitted on train, and say in a new column where.

## Options
- `max_share` (0.3): the share of missing cells above which a column is an error.
- `min_share` (0.0): columns with a smaller share are not reported.

## Known limits
A column without any value is constant-column's (MV005), a missing label is
missing-or-invalid-labels's (LB003), a text that stands for nothing (`?`) is sentinel-values's
(MV003), a text that could not be read as a number is mixed-types's (MV007). Missing items inside
a sequence are not counted.

## References
- Little & Rubin 2019, "Statistical Analysis with Missing Data", 3rd edition, Wiley.
- Le Morvan et al. 2021, "What's a good imputation to predict with missing values?", NeurIPS.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.missing.cells import (
    LISTED,
    empty_cells,
    holders,
    inputs,
    need_cells,
    share,
    show,
)
from datacheck.checks.support import missing, need_sample
from datacheck.dataset import Dataset
from datacheck.errors import UsageError
from datacheck.findings import Example, Finding, Repair, Severity, names
from datacheck.summaries.base import Need


@dataclass(frozen=True, slots=True)
class _Gaps:
    """The missing cells of one column, by split, out of how many."""

    column: str
    by_split: dict[str, int]
    rows: int

    @property
    def cells(self) -> int:
        return sum(self.by_split.values())


@dataclass(frozen=True)
class MissingValues(Rule):
    """Empty cells in what the model is given."""

    why = "a NaN that reaches the model makes the loss NaN, and rows dropped silently bias it"
    repairs = (Repair("impute-with-indicator", "safe"),)

    max_share: float = 0.3
    min_share: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.min_share <= self.max_share <= 1:
            raise UsageError("min_share and max_share are shares", "0 ≤ min_share ≤ max_share ≤ 1")

    def needs(self, data: Dataset) -> Iterable[Need]:
        columns = inputs(data)
        return [*need_cells(data, columns), *need_sample(data)] if columns else []

    def judge(self, context: Context) -> Iterable[Finding]:
        columns = inputs(context.data)
        if not columns or not context.total:
            raise NotApplicable("there is no feature with rows")
        gaps = [g for c in columns if (g := _gaps(context, c))]
        gaps = [g for g in gaps if g.cells > g.rows * self.min_share]
        for severe in (True, False):
            group = [g for g in gaps if (g.cells > self.max_share * g.rows) is severe]
            if group:
                yield self._found(context, group, len(columns), severe)

    def _found(
        self, context: Context, group: list[_Gaps], features: int, severe: bool
    ) -> Finding:
        group = sorted(group, key=lambda g: (-g.cells, g.column))
        shown = names([f"{g.column} ({g.cells:,}, {share(g.cells, g.rows)})" for g in group])
        cells = sum(g.cells for g in group)
        much = f"more than {self.max_share:.0%} of" if severe else "some of"
        return self.finding(
            f"{len(group)} of {features} features {'lacks' if len(group) == 1 else 'lack'} {much} "
            f"{'its' if len(group) == 1 else 'their'} values: {shown}",
            splits=[s for s in context.splits if any(g.by_split.get(s) for g in group)],
            columns=[g.column for g in group],
            count=cells,
            total=sum(g.rows for g in group),
            unit="cells",
            evidence={
                "missing": {g.column: g.cells for g in group[:LISTED]},
                "missing_by_split": {g.column: g.by_split for g in group[:LISTED]},
            },
            examples=_examples(context, group),
            severity=Severity.ERROR if severe else Severity.WARNING,
        )


def _gaps(context: Context, column: str) -> _Gaps | None:
    """The missing cells of a column, or nothing if there are none or no value at all."""
    having = holders(context, column)
    lost = {s: n for s in having if (n := missing(context, s, column))}
    rows = sum(context.rows[s] for s in having)
    if not lost or sum(lost.values()) >= rows:
        return None
    by_split = {s: n for s in lost if (n := empty_cells(context, s, column))}
    if not by_split:
        return None
    return _Gaps(column, by_split, rows)


def _examples(context: Context, group: list[_Gaps]) -> list[Example]:
    """One sampled row with an empty cell for each of the first columns."""
    import polars as pl

    out: list[Example] = []
    for gap in group[:5]:
        cell = pl.col(gap.column)
        first = next(iter(gap.by_split))
        empty = cell.is_null()
        if context.sample(first).schema.get(gap.column, pl.Null).is_float():
            empty = empty | cell.is_nan()
        out += show(context, gap.by_split, gap.column, empty)
    return out
