"""# skewed-lengths (SL001)

## What it finds
Sequences or texts of such unequal length that random batches are mostly padding.

## Why it hurts training
A batch is padded to its longest member. With a long tail of lengths most of the memory and time
goes into padding, one long row decides how large a batch can be, and losses averaged over positions
give the rows of a batch unequal weight from step to step.

## How it is measured
The exact histogram of lengths in train. The mean of the longest of `batch_size` random rows follows
in closed form from the distribution function, E[max] = Σ l (F(l)^B − F(l−1)^B), and the padding of
random batches is 1 − mean / E[max]. Rows beyond ten medians are left aside: they are outliers, and
SL004's. A column is reported if that exceeds `max_padding`, *and* the
99th percentile is more than `tail` times the median, the skewness exceeds `max_skewness`, or the
padding exceeds even `heavy_padding` (for log-normal lengths the three come to much the same); each
at the lower end of a one-sided 95 % interval (99.9 % for `heavy_padding`, which nothing else
supports; delta method, order statistics; Bonferroni over the columns), so that chance alone seldom
decides. The evidence compares it with `buckets` buckets whose
edges a dynamic programme has chosen. Columns whose 99th percentile is at most `short` are not
worth it.

## Example
Messages of 12 words at the median and 171 at most: 66 % of random batches of 32 is padding, 14 % of
batches drawn within eight buckets.

## Repair and repair safety
`length-bucketing` (safe): batches are drawn from rows of like length; the rows stay as they are.

## Options
- `batch_size` (32): rows of a batch.
- `max_padding` (0.3): the share of padding that is still accepted.
- `tail` (4.0): ratio of the 99th percentile to the median that counts as a long tail.
- `max_skewness` (2.0): skewness that counts as a long tail.
- `heavy_padding` (0.6): the share of padding that needs no further sign of a tail.
- `buckets` (8): how many buckets to compare with.
- `short` (8): lengths that need no care.

## Known limits
Text is counted in words unless a tokenizer is given (`--tokenizer`), which makes more, and more
unequal, tokens. Batches are taken as
random draws; a file sorted by length pads less, and trains worse.

## References
- Khomenko et al. 2016, "Accelerating recurrent neural network training using sequence bucketing
  and multi-GPU data parallelization".
- David & Nagaraja 2003, "Order Statistics", §2.1 (the distribution of the longest).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.padding import (
    bucket_edges,
    bucketed_waste,
    fence,
    length_columns,
    need_lengths,
    quantile_interval,
    skewness_low,
    waste,
    waste_interval,
    within,
)
from datacheck.dataset import Dataset
from datacheck.errors import UsageError
from datacheck.findings import Effect, Finding, Repair, names
from datacheck.summaries.base import Need
from datacheck.summaries.lengths import Histogram

LEVEL = 0.05  # one-sided: the histogram is a fact, the interval only steadies the verdict
SURE = 1e-3  # … where there is no second sign, and lengths near the threshold would come and go


@dataclass(frozen=True)
class SkewedLengths(Rule):
    """Lengths so unequal that batches are mostly padding."""

    why = "most of each batch is padding, and one long row decides how large a batch can be"
    repairs = (Repair("length-bucketing", "safe"),)

    batch_size: int = 32
    max_padding: float = 0.3
    tail: float = 4.0
    max_skewness: float = 2.0
    heavy_padding: float = 0.6
    buckets: int = 8
    short: int = 8

    def __post_init__(self) -> None:
        """Checks the options."""
        if self.batch_size < 1 or self.buckets < 1:
            raise UsageError("batch_size and buckets are at least 1", "the defaults are 32 and 8")

    def needs(self, data: Dataset) -> Iterable[Need]:
        return need_lengths(data)

    def judge(self, context: Context) -> Iterable[Finding]:
        split = context.train
        if split is None:
            raise NotApplicable("needs a train split with rows")
        columns = length_columns(context.data, split)
        if not columns:
            raise NotApplicable(f"no sequence or text columns in {split}")
        from scipy.special import ndtri

        z, sure = (-float(ndtri(level / len(columns))) for level in (LEVEL, SURE))
        found = {}
        for column in columns:
            whole = context.lengths(split)[column]
            histogram = within(whole, fence(whole.quantile(0.5))) if whole.n else whole
            effect = self._padding(histogram, z, sure)
            if effect is not None:
                found[column] = (histogram, effect)
        if not found:
            return
        worst = max(found, key=lambda c: (found[c][1].value, c))
        histogram, effect = found[worst]
        edges = bucket_edges(histogram.lengths, histogram.counts, self.buckets)
        bucketed = bucketed_waste(histogram.lengths, histogram.counts, edges, self.batch_size)
        median, p99 = histogram.quantile(0.5), histogram.quantile(0.99)
        longest = context.lengths(split)[worst].max
        aside = context.lengths(split)[worst].n - histogram.n
        even = f", even without the {aside:,} longest" if aside else ""
        of = worst if len(found) == 1 else f"{names(found)} (worst: {worst})"
        yield self.finding(
            f"lengths of {of} in {split} have a long tail (median {median:,.0f}, 99th percentile "
            f"{p99:,.0f}, longest {longest:,}): {effect.value:.0%} of random batches of "
            f"{self.batch_size} is padding{even}, {bucketed:.0%} in {edges.size} buckets",
            splits=[split],
            columns=sorted(found, key=columns.index),
            count=len(found),
            total=len(columns),
            unit="columns",
            effect=effect,
            evidence={
                "mean": histogram.mean,
                "median": median,
                "p99": p99,
                "longest": longest,
                "aside": aside,
                "skewness": histogram.skewness,
                "padding_at": {
                    str(b): waste(histogram.lengths, histogram.counts, b) for b in (8, 32, 128, 512)
                },
                "padding_in_buckets": bucketed,
                "bucket_edges": edges.tolist(),
                "padding": {c: e.value for c, (_, e) in list(found.items())[:20]},
            },
        )

    def _padding(self, histogram: Histogram, z: float, sure: float) -> Effect | None:
        """The padding of random batches where it, and the tail of the lengths, is too large."""
        tail = quantile_interval(histogram, 0.99, z)[0]
        if tail <= self.short:
            return None
        value, low, high = waste_interval(histogram, self.batch_size, z)
        if low <= self.max_padding:
            return None
        middle = max(quantile_interval(histogram, 0.5, z)[1], 1.0)
        skewed = tail > self.tail * middle or skewness_low(histogram, z) > self.max_skewness
        if not skewed:
            value, low, high = waste_interval(histogram, self.batch_size, sure)
            if low <= self.heavy_padding:
                return None
        metric = f"padding of random batches of {self.batch_size}"
        return Effect(metric, value, low, high, self.max_padding)
