"""# missingness-shift (MV004)

## What it finds
A feature whose share of missing cells differs between train and another split.

## Why it hurts training
Imputation and the indicator of missing values are fitted on train. Where more is missing later,
the model meets inputs that it hardly saw, and the score on that split says little about the
model: a sensor that failed, a join that lost rows, a form with a new field.

## How it is measured
Exact counts. The difference of the two shares has an interval (Newcombe's method 10 at 1e-4), whose
end nearer to zero must exceed `min_difference`, and chance is excluded over all columns and splits
that were compared (z test of two shares, Benjamini–Hochberg at 1e-4). One finding per pair of
splits.

## Example
`income` is missing in 2 % of 10,000 train rows and in 31 % of 2,000 test rows.

## Repair and repair safety
`impute-with-indicator` (safe): the model is told where a value is missing.

## Options
- `min_difference` (0.02): the least difference of the shares that matters.

## Known limits
The test treats rows as independent. Where cells go missing in long runs, as in time series, a
difference is real but may be one single outage. Text that stands for nothing (`?`) is not counted.

## References
- Newcombe 1998, "Interval estimation for the difference between independent proportions",
  Statistics in Medicine 17.
- Benjamini & Hochberg 1995, "Controlling the false discovery rate", JRSS B 57.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.missing.cells import LISTED, empty_cells, inputs, need_cells, share
from datacheck.checks.stats import benjamini_hochberg, newcombe, two_proportions_p
from datacheck.dataset import Dataset
from datacheck.errors import UsageError
from datacheck.findings import Effect, Finding, Repair, names
from datacheck.summaries.base import Need


@dataclass(frozen=True, slots=True)
class _Pair:
    """One column in train and another split: missing cells of rows, twice."""

    column: str
    train: str
    other: str
    k1: int
    n1: int
    k2: int
    n2: int

    @property
    def interval(self) -> tuple[float, float]:
        """Of the absolute difference; the lower end is 0 where the sign is not certain."""
        low, high = newcombe(self.k1, self.n1, self.k2, self.n2)
        if low > 0:
            return low, high
        return (-high, -low) if high < 0 else (0.0, max(-low, high))

    @property
    def difference(self) -> float:
        return abs(self.k2 / self.n2 - self.k1 / self.n1)


@dataclass(frozen=True)
class MissingnessShift(Rule):
    """More cells missing in one split than in another."""

    why = "imputation is fitted on train, and the model meets inputs there that it hardly saw"
    repairs = (Repair("impute-with-indicator", "safe"),)

    min_difference: float = 0.02

    def __post_init__(self) -> None:
        if not 0 < self.min_difference < 1:
            raise UsageError("min_difference is a share", "such as 0.02")

    def needs(self, data: Dataset) -> Iterable[Need]:
        columns = inputs(data)
        return need_cells(data, columns) if columns else []

    def judge(self, context: Context) -> Iterable[Finding]:
        tested: list[_Pair] = []
        for train, other in context.pairs():
            for column in inputs(context.data):
                if all(column in context.data.splits[s].kinds for s in (train, other)):
                    k1, k2 = (empty_cells(context, s, column) for s in (train, other))
                    n1, n2 = context.rows[train], context.rows[other]
                    tested.append(_Pair(column, train, other, k1, n1, k2, n2))
        if not tested:
            raise NotApplicable("train and the other splits have no feature in common")
        # Columns complete in both splits are no test at all: they cannot differ.
        p = np.array([two_proportions_p(t.k1, t.n1, t.k2, t.n2) for t in tested if t.k1 or t.k2])
        doubtful = [t for t in tested if t.k1 or t.k2]
        sure = [
            t
            for t, real in zip(doubtful, benjamini_hochberg(p), strict=True)
            if real and t.interval[0] >= self.min_difference
        ]
        for train, other in context.pairs():
            group = [t for t in sure if (t.train, t.other) == (train, other)]
            if group:
                total = sum((t.train, t.other) == (train, other) for t in tested)
                yield self._found(group, total)

    def _found(self, group: list[_Pair], total: int) -> Finding:
        group = sorted(group, key=lambda t: (-t.difference, t.column))
        worst = group[0]
        shown = names(
            [f"{t.column} ({share(t.k1, t.n1)} → {share(t.k2, t.n2)})" for t in group]
        )
        low, high = worst.interval
        return self.finding(
            f"the share of missing values of {len(group)} of {total} features differs between "
            f"{worst.train} and {worst.other}: {shown}",
            splits=[worst.train, worst.other],
            columns=[t.column for t in group],
            count=len(group),
            total=total,
            unit="columns",
            effect=Effect(
                "difference of missing shares", worst.difference, low, high, self.min_difference
            ),
            evidence={
                "missing": {
                    t.column: {worst.train: t.k1, worst.other: t.k2} for t in group[:LISTED]
                },
            },
        )
