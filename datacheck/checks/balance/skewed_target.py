"""# skewed-target (CB005)

## What it finds
A label that is a number and whose distribution has a heavy tail, or holds one value far too often
(claims that are 0 in most rows).

## Why it hurts training
The squared error of a few rows far out is most of the loss: they decide every batch they are in,
and the loss spikes. With a spike the model learns the one value and little else.

## How it is measured
On the uniform row sample of train. Tail: L-skewness and L-kurtosis, which a few outliers cannot
make up (0 and 0.12 for a normal distribution, 0.33 and 0.17 for an exponential one, 0.46 and 0.29
for a log-normal one with sigma 1). The lower end of a jackknife interval at 1e-4 must be at least
`min_skewness` or `min_kurtosis`. Spike: Wilson's interval of the share of the most frequent value
must begin at `min_spike`, and no other value may have a fifth as many rows; the tail is then
judged on the other rows. Labels with fewer than 20 distinct values are left alone.

Measured on diabetes: the exponential of 1.75, 2.5 and 4 times the standard score is found in 4 of 4
splits each; of 40 clean re-splits none raises an alarm.

## Example
House prices from 35,000 to 12,000,000: the 1 % furthest from the median hold 71 % of the squares.

## Repair and repair safety
`transform-target` (unsafe): train on log1p or on quantiles, and transform predictions back; a
spike asks for a model of two parts (is it the value, and if not, how much).

## Options
- `min_skewness` (1/3): the least lower end of the L-skewness, either way.
- `min_kurtosis` (0.3): the least lower end of the L-kurtosis.
- `min_spike` (0.2): the least lower end of the share of one value.

## Known limits
A single wild value is not a tail: see NM005 and the extremes of the data. A loss that is made for
such labels (Poisson, gamma, quantile) needs no repair.

## References
- Hosking 1990, "L-moments: analysis and estimation of distributions", JRSS B 52(1).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.predict import LEAST, read_target
from datacheck.checks.stats import Z, wilson
from datacheck.checks.support import need_sample
from datacheck.dataset import Dataset, Task
from datacheck.errors import UsageError
from datacheck.findings import Effect, Finding, Repair
from datacheck.summaries.base import Need
from datacheck.types import Floats

FEW = 20  # distinct values, below which a label is a grade or a count
RUNNER_UP = 5  # a spike has so many times the rows of the next value
FURTHEST = 0.01


@dataclass(frozen=True)
class SkewedTarget(Rule):
    """A label with a heavy tail, or with a spike."""

    why = "a few rows far out make up most of the squared error and decide every batch they are in"
    repairs = (Repair("transform-target", "unsafe"),)

    min_skewness: float = 1 / 3
    min_kurtosis: float = 0.3
    min_spike: float = 0.2

    def __post_init__(self) -> None:
        if not all(0 < v < 1 for v in (self.min_skewness, self.min_kurtosis, self.min_spike)):
            raise UsageError("the options of CB005 must be in (0, 1)")

    def needs(self, data: Dataset) -> Iterable[Need]:
        return need_sample(data) if data.label and data.task is Task.REGRESSION else []

    def judge(self, context: Context) -> Iterable[Finding]:
        label, split = context.label(Task.REGRESSION), context.train
        y = read_target(context, split, uniform=True).values
        assert split is not None
        values, counts = np.unique(y, return_counts=True)
        if values.size < FEW:
            raise NotApplicable(f"{label.name} has only {values.size} distinct values")
        top = int(counts.argmax())
        low, high = wilson(int(counts[top]), y.size)
        rare = np.delete(counts, top).max() * RUNNER_UP <= counts[top]
        sampled = "sampled rows" if context.sampled(split) else "rows"
        if low >= self.min_spike and rare:
            share = int(counts[top]) / y.size
            yield self.finding(
                f"{label.name} is {values[top]:.6g} in {int(counts[top]):,} of {y.size:,} "
                f"{sampled} ({share:.1%}) of {split}; its other values are spread out",
                splits=[split],
                columns=[label.name],
                count=int(counts[top]),
                total=y.size,
                effect=Effect("share of one value", share, low, high, self.min_spike),
                why="the model learns the one value and little else",
                evidence={"value": float(values[top]), "distinct": int(values.size)},
            )
            y = y[y != values[top]]
        effect = self._tail(y)
        if effect:
            held, rows = _held(y)
            yield self.finding(
                f"{label.name} has a heavy tail in {split} ({effect.metric} {effect.value:.2f}): "
                f"the {rows:,} of {y.size:,} {sampled} furthest from the median hold {held:.1%} "
                "of the squared deviations",
                splits=[split],
                columns=[label.name],
                count=rows,
                total=y.size,
                effect=effect,
                evidence={
                    "held": held,
                    "quantiles": np.quantile(y, [0, 0.01, 0.25, 0.5, 0.75, 0.99, 1]).tolist(),
                },
            )

    def _tail(self, y: Floats) -> Effect | None:
        """The L-skewness or L-kurtosis that reaches its threshold, if one does."""
        if y.size < LEAST:
            return None
        (skew, spread), (kurtosis, width) = l_ratios(y)
        skew, half = abs(skew), Z * spread
        if skew - half >= self.min_skewness:
            return Effect("L-skewness", skew, skew - half, min(1.0, skew + half), self.min_skewness)
        half = Z * width
        if kurtosis - half >= self.min_kurtosis:
            high = min(1.0, kurtosis + half)
            return Effect("L-kurtosis", kurtosis, kurtosis - half, high, self.min_kurtosis)
        return None


def l_ratios(y: Floats) -> tuple[tuple[float, float], tuple[float, float]]:
    """L-skewness and L-kurtosis of finite values, each with its jackknife standard error.

    At least five values, of which without any one of them not all are the same.
    """
    x = np.sort(y)
    n = x.size
    x = x / 2 - np.median(x) / 2
    x = x / np.abs(x).max()
    i = np.arange(n, dtype=np.float64)
    powers = [np.ones(n), i, i * (i - 1) / 2, i * (i - 1) * (i - 2) / 6]  # i over r
    whole = np.array([float((c * x).sum()) for c in powers])
    skew, kurtosis = _ratios(whole[:, None], n)
    rest = [x]  # what is lost without row j: its own share, and one rank in all rows above
    for r in (1, 2, 3):
        below = powers[r - 1] * x
        below[1:] = powers[r - 1][:-1] * x[1:]
        below[0] = 0.0
        above = below[::-1].cumsum()[::-1] - below
        rest.append(powers[r] * x + above)
    skews, kurtoses = _ratios(whole[:, None] - np.stack(rest), n - 1)
    return (float(skew[0]), _jackknife(skews)), (float(kurtosis[0]), _jackknife(kurtoses))


def _ratios(sums: Floats, n: int) -> tuple[Floats, Floats]:
    b = sums / n / np.array([[1.0], [n - 1], [math.comb(n - 1, 2)], [math.comb(n - 1, 3)]])
    scale = 2 * b[1] - b[0]
    third, fourth = 6 * b[2] - 6 * b[1] + b[0], 20 * b[3] - 30 * b[2] + 12 * b[1] - b[0]
    return third / scale, fourth / scale


def _jackknife(without: Floats) -> float:
    n = without.size
    return math.sqrt((n - 1) / n * float(((without - without.mean()) ** 2).sum()))


def _held(y: Floats) -> tuple[float, int]:
    """The share of squared deviations that the 1 % of rows furthest out hold; how many they are."""
    off = np.abs(y / 2 - np.median(y) / 2)
    squares = np.sort((off / off.max()) ** 2)
    rows = max(1, round(FURTHEST * y.size))
    return float(squares[-rows:].sum() / squares.sum()), rows
