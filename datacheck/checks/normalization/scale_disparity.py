"""# scale-disparity (NM002)

## What it finds
Number columns of train whose scales lie more than a factor of `max_ratio` apart: nothing has been
scaled yet.

## Why it hurts training
Gradients of a layer's weights are proportional to its inputs: the largest column dictates the
learning rate, and the smallest ones hardly learn. Distances and penalties see one column only.

## How it is measured
A column's scale is its interquartile range over 1.349 (row sample), or its standard deviation
(exact) where half of the rows share a value. The ratio of the largest to the smallest scale is
judged at the lower end of its interval, log-normal with 1.5/√n for each scale. Reported are the
columns more than √`max_ratio` from the middle scale.

## Example
Wine: proline has a scale of 360, nonflavanoid phenols one of 0.13, a ratio of 2,900.

## Repair and repair safety
`standardize` (safe): one transform fitted on train, applied to all splits. `robust-scale` (safe):
the same with median and interquartile range, where there are extreme values (NM005).

## Options
- `max_ratio` (1000): the largest ratio of two scales that passes.

## Known limits
Leaves out columns with two values, whole numbers with few values (codes), and columns that vary
only in the last digits. Trees do not mind scales: ignore the rule for them.

## References
- LeCun, Bottou, Orr & Müller 1998, "Efficient BackProp" (inputs of equal variance).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.quantiles import numbers, sorted_sample
from datacheck.checks.stats import Z
from datacheck.checks.support import need_sample
from datacheck.dataset import Dataset, Kind
from datacheck.errors import UsageError
from datacheck.findings import Effect, Finding, Repair, names
from datacheck.summaries.base import Need
from datacheck.types import Floats, Mask

CODES = 10  # whole numbers with no more values than this are codes, not amounts
SPREAD = 1.5  # standard error of the logarithm of a scale, times √n


@dataclass(frozen=True)
class ScaleDisparity(Rule):
    """Features of very different scales."""

    why = "the largest column dictates the learning rate, and the smallest hardly learn"
    repairs = (Repair("standardize", "safe"), Repair("robust-scale", "safe"))

    max_ratio: float = 1000.0

    def __post_init__(self) -> None:
        if not self.max_ratio > 1:
            raise UsageError(f"max_ratio must be above 1, not {self.max_ratio}")

    def needs(self, data: Dataset) -> Iterable[Need]:
        if len(data.select(Kind.NUMBER)) < 2:
            raise NotApplicable("needs two number columns")
        return [Need("moments", tuple(numbers(data))), *need_sample(data)]

    def judge(self, context: Context) -> Iterable[Finding]:
        train = context.train
        if train is None:
            raise NotApplicable("needs a train split with rows")
        columns, scale, size = _scales(context, train)
        if len(columns) < 2:
            raise NotApplicable(f"{train} has no two number columns with scales to compare")
        least, most = int(scale.argmin()), int(scale.argmax())
        ratio = float(scale[most] / scale[least])
        half = Z * SPREAD * math.hypot(size[least] ** -0.5, size[most] ** -0.5)
        low = ratio * math.exp(-half)
        if low < self.max_ratio:
            return
        middle = float(np.sort(scale)[(scale.size - 1) // 2])
        # One of the extremes is: its ratio to the other is more than the square of the bound.
        out = np.abs(np.log(scale / middle)) > 0.5 * math.log(self.max_ratio)
        odd = [c for c, o in zip(columns, out, strict=True) if o]
        yield self.finding(
            f"scales of number columns in {train} differ {ratio:,.4g} times: {columns[most]} "
            f"varies by {scale[most]:,.4g}, {columns[least]} by {scale[least]:,.4g}; far from the "
            f"others: {names(odd)}",
            splits=[train],
            columns=odd,
            count=len(odd),
            total=len(columns),
            unit="columns",
            effect=Effect("scale_ratio", ratio, low, ratio * math.exp(half), self.max_ratio),
            evidence={
                "largest": [columns[most], float(scale[most])],
                "smallest": [columns[least], float(scale[least])],
                "middle": middle,
            },
        )


def _scales(context: Context, train: str) -> tuple[list[str], Floats, Floats]:
    """(columns, scales, sampled values) of the columns that have a scale to speak of."""
    sample, moments = sorted_sample(context, train), context.moments(train)
    columns = [c for c in context.columns(Kind.NUMBER, splits=[train]) if _amounts(context, c)]
    if not columns:
        return [], np.zeros(0), np.zeros(0)
    low, high = sample.quantiles(np.array([0.25, 0.75]), columns)
    each = [moments[c] for c in columns]
    deviation = np.array([m.sd for m in each])
    reach = np.array([max(abs(m.min), abs(m.max)) for m in each])
    with np.errstate(all="ignore"):
        iqr = (high - low) / 1.349
        scale = np.where(iqr > 0, iqr, deviation)
        usable: Mask = np.isfinite(scale) & (scale > 1e-9 * reach)
    two = np.array([_two(sample[c]) for c in columns], dtype=np.bool_)
    usable &= ~two
    kept = [c for c, u in zip(columns, usable, strict=True) if u]
    size = sample.sizes[sample.at(columns)].astype(np.float64)
    return kept, scale[usable], size[usable]


def _amounts(context: Context, column: str) -> bool:
    about = context.data.columns[column]
    return not (about.integer and about.distinct <= CODES)


def _two(x: Floats) -> bool:
    """Whether there are no more than two values."""
    return not bool(((x > x[:1]) & (x < x[-1:])).any())
