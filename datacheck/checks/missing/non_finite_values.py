"""# non-finite-values (MV002)

## What it finds
Plus or minus infinity in a column of numbers that the model is given.

## Why it hurts training
One infinite input makes the loss infinite or NaN, and every weight after the next step. Means and
standard deviations fitted on the column are NaN too. An infinity mostly comes from a division by
zero, a logarithm of zero or an overflow upstream.

## How it is measured
Exact counts of every cell, by split and column. No statistics: a count is a fact.

## Example
A feature `ratio` that is `inf` in 12 of 5,000 rows of train.

## Repair and repair safety
`to-missing` (safe): the infinite cells become missing cells, and are imputed as those are.

## Options
None.

## Known limits
Numbers inside sequences are not looked at. An infinite label is
missing-or-invalid-labels's (LB003).

## References
- IEEE 754-2019, "Standard for Floating-Point Arithmetic".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.missing.cells import LISTED, holders, inputs, share, show
from datacheck.checks.support import need_sample
from datacheck.dataset import Dataset, Kind
from datacheck.findings import Example, Finding, Repair, names
from datacheck.summaries.base import Need


@dataclass(frozen=True)
class NonFiniteValues(Rule):
    """Infinite numbers in what the model is given."""

    why = "one infinite input makes the loss infinite or NaN, and with it every weight"
    repairs = (Repair("to-missing", "safe"),)

    def needs(self, data: Dataset) -> Iterable[Need]:
        columns = inputs(data, Kind.NUMBER)
        return [Need("moments", columns), *need_sample(data)] if columns else []

    def judge(self, context: Context) -> Iterable[Finding]:
        columns = inputs(context.data, Kind.NUMBER)
        if not columns or not context.total:
            raise NotApplicable("no number columns")
        found: dict[str, dict[str, int]] = {}
        signs = [0, 0]
        for column in columns:
            for split in holders(context, column):
                moment = context.moments(split)[column]
                if infinite := moment.posinf + moment.neginf:
                    found.setdefault(column, {})[split] = infinite
                    signs[0] += moment.posinf
                    signs[1] += moment.neginf
        if not found:
            return
        cells = {c: sum(n.values()) for c, n in found.items()}
        order = sorted(found, key=lambda c: (-cells[c], c))
        rows = {c: sum(context.rows[s] for s in holders(context, c)) for c in order}
        shown = names([f"{c} ({cells[c]:,}, {share(cells[c], rows[c])})" for c in order])
        yield self.finding(
            f"{len(order)} of {len(columns)} features of numbers "
            f"{'holds' if len(order) == 1 else 'hold'} infinite values: {shown}",
            splits=[s for s in context.splits if any(s in n for n in found.values())],
            columns=order,
            count=sum(cells.values()),
            total=sum(rows.values()),
            unit="cells",
            evidence={
                "infinite": {c: cells[c] for c in order[:LISTED]},
                "infinite_by_split": {c: found[c] for c in order[:LISTED]},
                "positive": signs[0],
                "negative": signs[1],
            },
            examples=_examples(context, found, order),
        )


def _examples(
    context: Context, found: dict[str, dict[str, int]], order: list[str]
) -> list[Example]:
    import polars as pl

    out: list[Example] = []
    for column in order[:5]:
        infinite = pl.col(column).cast(pl.Float64).is_infinite()
        out += show(context, found[column], column, infinite)
    return out
