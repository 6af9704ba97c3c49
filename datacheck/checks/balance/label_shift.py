"""# label-shift (CB004)

## What it finds
A class mix that differs between train and another split; for regression, a target that lies
elsewhere or is spread otherwise.

## Why it hurts training
The model learns the base rates of train. Where the others differ, its probabilities are off, its
threshold is wrong, and the score says as much about the split as about the model.

## How it is measured
Classes: total variation distance of the exact counts, ½ Σ|p − q|, over the classes that both splits
have (one that is missing altogether is CB003's). The plain distance of two samples is above 0 even
without a shift, most of all with many classes, so it is estimated as if one half of the rows had
said which classes have grown and the other half by how much; that cannot exceed the true distance
on average. The lower end of its 95 % interval, or of Newcombe's for the class that differs most
(Bonferroni over the classes), must reach `min_distance`. Regression: on the row samples,
the Kolmogorov–Smirnov distance, and the area under the ROC curve between the splits (the chance
that a target of the other split is the higher one) less one half; the lower end of one of them must
reach `min_distance`. Chance is excluded by Pearson's χ², or the tests of those two, with
Benjamini–Hochberg over all splits at 0.0001.

## Example
Train has 30 % `churned`, test has 50 %: 20 % of test would have to change class.

## Repair and repair safety
`reweight-classes` (unsafe: it changes what the model is asked to learn). A stratified split would
not have it.

## Options
- `min_distance` (0.05): the distance that matters, from 0 to 1.

## Known limits
A balanced test set beside a natural train set is often made on purpose: suppress it with that
reason. Small splits have wide intervals: 40 rows must differ grossly. So have many small classes:
with 77 of them in 3,000 rows a distance of 0.10 is not told from noise of 0.07 surely enough.

## References
- Saerens, Latinne & Decaestecker 2002, "Adjusting the Outputs of a Classifier to New a Priori
  Probabilities", Neural Computation 14(1).
- Lipton, Wang & Smola 2018, "Detecting and Correcting for Label Shift with Black Box Predictors".
- Newcombe 1998, "Interval Estimation for the Difference between Independent Proportions",
  Statistics in Medicine 17.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.stats import (
    auc,
    benjamini_hochberg,
    homogeneity_p,
    ks,
    ks_p,
    newcombe,
    normal_sf,
)
from datacheck.checks.support import has_label, label_counts, need_label_counts, need_sample
from datacheck.dataset import Dataset, Kind, Task, to_matrix
from datacheck.findings import Effect, Finding, Repair, clip
from datacheck.summaries.base import Need
from datacheck.types import Floats

Z95 = 1.96  # how large the shift is; that there is one at all is for χ² to say


@dataclass(frozen=True)
class LabelShift(Rule):
    """The label is distributed otherwise in another split."""

    why = "base rates learned on train do not hold there: probabilities and thresholds are off"
    repairs = (Repair("reweight-classes", "unsafe"),)

    min_distance: float = 0.05

    def needs(self, data: Dataset) -> Iterable[Need]:
        if data.label is None:
            return []
        return need_label_counts(data) or need_sample(data)

    def judge(self, context: Context) -> Iterable[Finding]:
        label = context.label()
        pairs = [p for p in context.pairs() if all(has_label(context, s) for s in p)]
        if not pairs:
            raise NotApplicable("needs labels in train and in another split")
        if context.data.task is Task.CLASSIFICATION:
            yield from self._classes(context, label.name, pairs)
        elif label.kind is Kind.NUMBER:
            yield from self._numbers(context, label.name, pairs)
        else:
            raise NotApplicable(f"the label {label.name} is neither a class nor a number")

    def _classes(
        self, context: Context, label: str, pairs: list[tuple[str, str]]
    ) -> Iterable[Finding]:
        p, found = [], []
        for train, other in pairs:
            here, there = label_counts(context, train), label_counts(context, other)
            if not here or not there:
                continue
            shared = sorted(set(here) & set(there))
            a, b = (np.array([c[s] for s in shared], dtype=np.float64) for c in (here, there))
            p.append(homogeneity_p(a, b))
            found.append((train, other, shared, a, b, distance(a, b)))
        if not found:
            raise NotApplicable("needs labels in train and in another split")
        for hit, (train, other, shared, a, b, effect) in zip(
            benjamini_hochberg(p), found, strict=True
        ):
            if not hit or effect.low < self.min_distance:
                continue
            here, there = a / a.sum(), b / b.sum()
            order = np.lexsort((np.arange(a.size), -np.abs(here - there)))[:3]
            listed = ", ".join(
                f"{clip(shared[i])!r} is {here[i]:.1%} of {train} and {there[i]:.1%} of {other}"
                for i in order
            )
            rows = int(b.sum())
            yield self._shift(
                f"the class mix of {label} differs between {train} and {other}: {listed}",
                label, (train, other), effect, rows,
                {"classes": len(shared), "shares": {shared[i]: [here[i], there[i]] for i in order}},
            )  # fmt: skip

    def _numbers(
        self, context: Context, label: str, pairs: list[tuple[str, str]]
    ) -> Iterable[Finding]:
        values = {s: _finite(context, s, label) for pair in pairs for s in pair}
        p: list[float] = []
        found = []
        for train, other in pairs:
            effects, chances = compare(values[train], values[other])
            p += chances
            found.append((train, other, effects))
        hits = benjamini_hochberg(p).reshape(-1, 2)
        for hit, (train, other, effects) in zip(hits, found, strict=True):
            sure = [e for e, h in zip(effects, hit, strict=True) if h]
            sure = [e for e in sure if e.low >= self.min_distance]
            if not sure:
                continue
            levels = (0.05, 0.5, 0.95)
            here, there = (np.quantile(values[s], levels) for s in (train, other))
            yield self._shift(
                f"{label} is distributed otherwise in {other} than in {train}: median "
                f"{there[1]:.4g} against {here[1]:.4g}, 5 % to 95 % from {there[0]:.4g} to "
                f"{there[2]:.4g} against {here[0]:.4g} to {here[2]:.4g}",
                label, (train, other), max(sure, key=lambda e: e.low), context.rows[other],
                {"quantiles": {train: list(here), other: list(there)}},
            )  # fmt: skip

    def _shift(
        self, message: str, label: str, pair: tuple[str, str], effect: Effect, rows: int,
        evidence: dict[str, object],
    ) -> Finding:  # fmt: skip
        """``count`` is the least number of rows of the other split that would have to change."""
        return self.finding(
            message,
            splits=pair,
            columns=[label],
            count=round(effect.value * rows),
            total=rows,
            effect=Effect(effect.metric, effect.value, effect.low, effect.high, self.min_distance),
            evidence=evidence,
        )


def distance(a: Floats, b: Floats) -> Effect:
    """Total variation distance ½ Σ|p − q| of two vectors of counts above 0, with its interval.

    The value is the expectation, over random halves, of the distance in one half over the set of
    classes that the other half found to have grown. With d = q − p, its standard error s without
    a shift and r = d/s that is ½ Σ |d| (2Φ(|r|) − 1) − 2 s φ(r). It is at most the true distance,
    as the set can be no better than the best. The lower end is the better of two, see the page.
    """
    if a.size < 2:
        return Effect("total variation distance", 0.0, 0.0, 1.0, 0.0)
    from scipy.special import ndtr, ndtri

    n, m = float(a.sum()), float(b.sum())
    p, q = a / n, b / m
    d, pooled = q - p, (a + b) / (n + m)
    s = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    r = np.abs(d) / s
    sign, density = 2 * ndtr(r) - 1, np.exp(-r * r / 2) / math.sqrt(2 * math.pi)
    value = max(0.0, 0.5 * float((np.abs(d) * sign - 2 * s * density).sum()))
    weight = 0.5 * np.sign(d) * (sign + 4 * r * density)  # of d_i in the value, by the delta method
    var = sum(
        float((weight**2 * x).sum() - (weight * x).sum() ** 2) / k for x, k in ((p, n), (q, m))
    )
    half = Z95 * math.sqrt(max(var, 0.0))
    i = int(np.argmax(np.abs(d)))
    least, most = newcombe(float(a[i]), n, float(b[i]), m, -float(ndtri(0.025 / a.size)))
    low = max(0.0, value - half, least, -most)
    value = max(value, low)
    return Effect("total variation distance", value, low, min(1.0, value + half), 0.0)


def compare(x: Floats, y: Floats) -> tuple[list[Effect], list[float]]:
    """Two distances of finite samples, of shape and of place, with their p values."""
    d, d_low, d_high = ks(x, y)
    both = np.concatenate([x, y])
    area, a_low, a_high = auc(both, np.arange(both.size) >= x.size)
    off, low = abs(area - 0.5), max(a_low - 0.5, 0.5 - a_high, 0.0)
    scale = np.sqrt((1 / max(x.size, 1) + 1 / max(y.size, 1)) / 12)  # of the area, with no shift
    return (
        [
            Effect("Kolmogorov–Smirnov distance", d, d_low, d_high, 0.0),
            Effect("|P(higher) − ½|", off, low, min(0.5, max(a_high - 0.5, 0.5 - a_low)), 0.0),
        ],
        [ks_p(d, x.size, y.size), float(2 * normal_sf(off / float(scale)))],
    )


def _finite(context: Context, split: str, label: str) -> Floats:
    values = to_matrix(context.sample(split), (label,))[:, 0]
    return values[np.isfinite(values)]
