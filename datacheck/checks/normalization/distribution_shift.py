"""# distribution-shift (NM003)

## What it finds
Features that another split draws from a different distribution than train, in a way that no known
map explains (those are NM001's).

## Why it hurts training
The score speaks about other data than the model was fitted on: early stopping and model selection
follow the shift, and normalization with train's figures leaves the evaluation off center.

## How it is measured
Numbers and booleans: the standardized mean difference (Glass's Δ, exact moments, train's deviation
as the yardstick) and the Kolmogorov–Smirnov distance (row sample). Categories: the total
variation distance over the categories that train has (exact counts; its expectation without a
shift is taken off). A column is reported if the lower end of one of these intervals (of 99 %, of
99.99 % for categories) reaches its threshold and chance is excluded over all columns tested
(Benjamini–Hochberg, q = 0.001). All columns of a pair of splits are one finding.

## Example
Train was measured February 4 to 10, test February 2 to 4: its temperature is 0.8 train deviations
higher.

## Repair and repair safety
`review-split` (manual): split at random, or by group or time on purpose; re-weight; or collect
training data from where the evaluation comes from.

## Options
- `min_mean_shift` (0.1): threshold of the standardized mean difference.
- `min_distance` (0.05): threshold of the Kolmogorov–Smirnov distance.
- `min_variation` (0.05): threshold of the total variation distance.

## Known limits
One column at a time: a change of correlations alone is not seen. Leaves out labels (CB004),
missing cells (MV004), categories that train lacks (NM006), text and sequences (SL002), times, ids
and groups. Rows are taken as independent: a split by group or by time shows the differences
between groups or times, which are real. The columns of NM001 stay out even where NM001 is off.

## References
- Hedges & Olkin 1985, "Statistical Methods for Meta-Analysis" (Glass's Δ).
- Rabanser, Günnemann & Lipton 2019, "Failing loudly", NeurIPS (univariate tests with a correction
  hold their own against multivariate ones).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.normalization.mismatches import mismatches
from datacheck.checks.quantiles import (
    NUMERIC,
    distance_low,
    distance_p,
    distances,
    mean_shift,
    needs_two,
    numbers,
)
from datacheck.checks.stats import benjamini_hochberg, homogeneity_p, total_variation
from datacheck.checks.support import need_sample
from datacheck.dataset import Dataset, Kind
from datacheck.findings import Effect, Finding, Repair, agree
from datacheck.summaries.base import Need
from datacheck.types import Floats

LEVEL = 1e-3  # of false discoveries: a threshold has to be reached besides
LEAST = 5  # rows of a category that χ² needs; rarer ones are counted together


@dataclass(frozen=True)
class Shift:
    """How far one column has moved: the effect by its size, ``value`` with its sign."""

    column: str
    effect: Effect
    p: float
    value: float

    @property
    def excess(self) -> float:
        """How many times the threshold the lower end is."""
        return self.effect.low / self.effect.threshold if self.effect.threshold else np.inf

    def __str__(self) -> str:
        if self.effect.metric == "smd":
            return f"{self.column} ({self.value:+.2f} sd)"
        return f"{self.column} ({_WORDS[self.effect.metric]} {self.value:.2f})"


_WORDS = {"ks": "KS distance", "tv": "total variation"}


@dataclass(frozen=True)
class DistributionShift(Rule):
    """Features whose distribution differs between train and another split."""

    why = "the score speaks about other data than the model was fitted on"
    repairs = (Repair("review-split", "manual"),)

    min_mean_shift: float = 0.1
    min_distance: float = 0.05
    min_variation: float = 0.05

    def needs(self, data: Dataset) -> Iterable[Need]:
        needs_two(data)
        categories = data.select(Kind.CATEGORY)
        counted = [Need("values", categories)] if categories else []
        return [Need("moments", tuple(numbers(data))), *need_sample(data), *counted]

    def judge(self, context: Context) -> Iterable[Finding]:
        pairs = context.pairs()
        if not any(
            context.columns(*NUMERIC, Kind.CATEGORY, splits=[train, other])
            for train, other in pairs
        ):
            raise NotApplicable("no number, boolean or category that two splits share")
        for train, other in pairs:
            tested = [*self._numbers(context, train, other), *self._words(context, train, other)]
            real = benjamini_hochberg([s.p for s in tested], LEVEL)
            found = [
                s
                for s, ok in zip(tested, real, strict=True)
                if ok and s.effect.low >= s.effect.threshold
            ]
            if found:
                yield self._tell(found, train, other, len(tested))

    def _numbers(self, context: Context, train: str, other: str) -> list[Shift]:
        columns, d, size = distances(context, train, other)
        if not columns:
            return []
        mapped = {c for one in mismatches(context, train, other) for c in one.columns}
        low, p = distance_low(d, size), distance_p(d, size)
        mean = mean_shift(context, train, other, columns)
        out = []
        for j, column in enumerate(columns):
            if column in mapped:
                continue
            ks = Effect("ks", *_interval(d[j], d[j] - low[j]), self.min_distance)
            smd = Effect("smd", *_interval(mean.value[j], mean.half[j]), self.min_mean_shift)
            two = (Shift(column, ks, 0, float(d[j])), Shift(column, smd, 0, float(mean.value[j])))
            best = two[1] if two[1].excess >= 1 else two[0]
            # Two looks at a column: twice the smaller p.
            out.append(replace(best, p=min(1.0, 2 * float(min(p[j], mean.p[j])))))
        return out

    def _words(self, context: Context, train: str, other: str) -> list[Shift]:
        out = []
        for column in context.columns(Kind.CATEGORY, splits=[train, other]):
            first, second = context.values(train), context.values(other)
            if not first.complete(column) or not second.complete(column):
                context.notes.append(
                    f"NM003: {column} has too many categories to compare {other} with {train}"
                )
                continue
            known, seen = first[column], second[column]
            a = np.array(list(known.values()), dtype=np.float64)
            b = np.array([seen.get(c, 0) for c in known], dtype=np.float64)
            if a.sum() < 2 or b.sum() < 2 or a.size < 2:
                continue
            effect = Effect("tv", *total_variation(a, b), self.min_variation)
            out.append(Shift(column, effect, homogeneity_p(*_pooled(a, b)), effect.value))
        return out

    def _tell(self, found: list[Shift], train: str, other: str, total: int) -> Finding:
        found = sorted(found, key=lambda s: (-s.excess, s.column))
        shown = ", ".join(str(s) for s in found[:3])
        more = f" and {len(found) - 3:,} more" if len(found) > 3 else ""
        worst = found[0]
        return self.finding(
            f"{len(found):,} of {total:,} features {agree(len(found), 'is', 'are')} distributed "
            f"differently in {other} than in {train}: {shown}{more}",
            splits=[train, other],
            columns=[s.column for s in found],
            count=len(found),
            total=total,
            unit="columns",
            effect=worst.effect,
            evidence={
                "worst": worst.column,
                "shifts": [
                    [s.column, s.effect.metric, s.value, s.effect.low] for s in found[:20]
                ],
            },
        )


def _interval(value: float, half: float) -> tuple[float, float, float]:
    """Size of an effect, with its ends; nothing where it is not known."""
    size = abs(float(value))
    if not np.isfinite(size):
        return 0.0, 0.0, 0.0
    return size, max(size - float(half), 0.0), size + float(half)


def _pooled(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Counts with all rare categories as one: χ² needs a few expected rows in each cell."""
    total = (a + b).sum()
    least = (a + b) * min(a.sum(), b.sum()) / total
    rare = least < LEAST
    if not rare.any():
        return a, b
    return np.append(a[~rare], a[rare].sum()), np.append(b[~rare], b[rare].sum())
