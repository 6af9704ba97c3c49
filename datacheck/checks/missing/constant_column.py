"""# constant-column (MV005)

## What it finds
A feature with one value in all rows of train, or with no value at all.

## Why it hurts training
It tells the model nothing and costs memory and time. Standardizing divides by a deviation of zero:
NaN, or a weight that explodes as soon as another value comes along. Often it is a sign of a join or
a filter that went wrong.

## How it is measured
Exact: extremes of numbers, value counts of the columns whose first rows show no second value. In
train; where there is no train split, in all splits together. A column with one value and some
missing cells is not constant: where it is missing may matter.

## Example
A column `year` that is 2013 in all 336,776 rows.

## Repair and repair safety
`drop-column` (unsafe): the column goes, in all splits; the original files are kept. It changes what
a model is given, and a column that never varies in train may vary where the model is used.

## Options
None.

## Known limits
Nearly constant columns are not reported. Whole numbers beyond 2⁵³ are compared on the row sample;
in CSV and JSON Lines they are read as float64, here as everywhere. Sequences and images are not
compared.

## References
- Kuhn & Johnson 2019, "Feature Engineering and Selection", chapter 3, on zero-variance predictors.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.missing.cells import LISTED, holders
from datacheck.checks.support import NUMERIC, missing, need_missing, need_sample
from datacheck.dataset import Dataset, Kind, Role
from datacheck.findings import Finding, Repair, names
from datacheck.summaries.base import Need

EXACT = 2.0**53  # float64 holds all whole numbers below
STRINGS = (Kind.CATEGORY, Kind.TEXT)


@dataclass(frozen=True)
class ConstantColumn(Rule):
    """Features that never vary."""

    why = "it tells the model nothing, and standardizing it divides by zero"
    repairs = (Repair("drop-column", "unsafe"),)

    def needs(self, data: Dataset) -> Iterable[Need]:
        columns = _candidates(data)
        if not columns:
            return []
        strings = tuple(c for c in columns if data.columns[c].kind in STRINGS)
        values = [Need("values", strings)] if strings else []
        return [*need_missing(data, columns), *values, *need_sample(data)]

    def judge(self, context: Context) -> Iterable[Finding]:
        where = [context.train] if context.train else context.splits
        if not where or not context.data.select(roles=(Role.FEATURE,)):
            raise NotApplicable("there is no feature with rows")
        constant: dict[str, str | None] = {}
        for column in sorted(_candidates(context.data)):
            having = [s for s in where if s in holders(context, column)]
            if having and (seen := _values(context, column, having)) is not None and len(seen) <= 1:
                constant[column] = next(iter(seen), None)
        if not constant:
            return
        features = len(context.data.select(roles=(Role.FEATURE,)))
        shown = names(
            [f"{c} ({'no value' if v is None else repr(v[:40])})" for c, v in constant.items()]
        )
        plural = len(constant) != 1
        yield self.finding(
            f"{len(constant)} of {features} features {'never vary' if plural else 'never varies'} "
            f"in {names(where)}: {shown}",
            splits=where,
            columns=list(constant),
            count=len(constant),
            total=features,
            unit="columns",
            evidence={
                "values": dict(list(constant.items())[:LISTED]),
                "empty": sum(v is None for v in constant.values()),
            },
        )


def _candidates(data: Dataset) -> tuple[str, ...]:
    """Features that can be constant: the first rows show at most one value of a string column."""
    return tuple(
        c.name
        for c in data.columns.values()
        if c.role is Role.FEATURE and (c.kind in NUMERIC or (c.kind in STRINGS and c.distinct <= 1))
    )


def _values(context: Context, column: str, splits: list[str]) -> set[str] | None:
    """Up to two values of a column; None where it holds values and missing cells."""
    seen: set[str] = set()
    rows = sum(context.rows[s] for s in splits)
    gaps = sum(missing(context, s, column) for s in splits)
    if gaps == rows:
        return seen
    if gaps:
        return None
    for split in splits:
        if context.data.columns[column].kind in NUMERIC:
            moment = context.moments(split)[column]
            if moment.posinf + moment.neginf:
                return None
            seen |= {_said(moment.min), _said(moment.max)}
            if abs(moment.min) >= EXACT and len(seen) == 1:
                # Whole numbers of 64 bits may differ where float64 does not tell them apart.
                seen |= set(map(str, context.sample(split)[column].unique()[:2].to_list()[1:]))
        else:
            seen |= set(list(context.values(split)[column])[:2])
        if len(seen) > 1:
            break
    return seen


def _said(value: float) -> str:
    """Whole numbers without a point; all digits otherwise, so that two numbers never look alike."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
