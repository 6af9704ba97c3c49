"""# length-shift (SL002)

## What it finds
Sequences or texts that are longer, shorter or otherwise spread in another split than in train.

## Why it hurts training
Position embeddings, memory and stopping are learned for the lengths of train. Beyond them models
extrapolate badly, a limit chosen on train cuts the evaluation, and the score measures length.

## How it is measured
Exact histograms of lengths, two distances: the Kolmogorov–Smirnov distance, with the interval of
Dvoretzky, Kiefer & Wolfowitz; and the chance that a row of the other split is the longer one (ties
count half) less one half, with DeLong's interval; unlike a mean, no single huge length can sway
it. The lower end of one of them must reach `min_distance`, and Benjamini–Hochberg at 0.0001 over
all columns and splits must exclude chance. Columns of one pair of splits are one finding.

## Example
SCAN's length split: outputs of 1 to 22 tokens in train, of 24 to 48 in test.

## Repair and repair safety
`resplit-or-extend` (manual): deal the lengths evenly, add long rows to train, or keep the shift
and say that length is what is tested.

## Options
- `min_distance` (0.05): the distance that matters; for two normal distributions of equal spread
  it is reached at 0.13 (Kolmogorov–Smirnov) or 0.18 (chance to be longer) standard deviations.

## Known limits
Text is counted in words, unless a tokenizer or characters are asked for. Rows that depend on one
another (sentences of one document) make the intervals too narrow.

## References
- Massart 1990, "The Tight Constant in the Dvoretzky–Kiefer–Wolfowitz Inequality".
- DeLong, DeLong & Clarke-Pearson 1988, "Comparing the Areas under Two or More Correlated ROC
  Curves", Biometrics 44(3).
- Lake & Baroni 2018, "Generalization without Systematicity" (SCAN).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.padding import length_columns, need_lengths
from datacheck.checks.stats import ALPHA, Z, benjamini_hochberg, ks_p, normal_sf
from datacheck.dataset import Dataset
from datacheck.findings import Effect, Finding, Repair, names
from datacheck.summaries.base import Need
from datacheck.summaries.lengths import Histogram


@dataclass(frozen=True)
class LengthShift(Rule):
    """Lengths differ between splits."""

    why = "models extrapolate badly beyond the lengths of train, and limits set on train cut them"
    repairs = (Repair("resplit-or-extend", "manual"),)

    min_distance: float = 0.05

    def needs(self, data: Dataset) -> Iterable[Need]:
        return need_lengths(data)

    def judge(self, context: Context) -> Iterable[Finding]:
        pairs = context.pairs()
        p: list[float] = []
        tested: list[tuple[tuple[str, str], str, list[Effect]]] = []
        for train, other in pairs:
            there = set(length_columns(context.data, other))
            here, others = context.lengths(train), context.lengths(other)
            for column in length_columns(context.data, train):
                if column not in there or not here[column].n or not others[column].n:
                    continue
                effects, chances = compare(here[column], others[column])
                p += chances
                tested.append(((train, other), column, effects))
        if not tested:
            raise NotApplicable("no sequence or text column has rows in train and another split")
        hits = benjamini_hochberg(p).reshape(-1, 2)
        for pair in pairs:
            found = {}
            for hit, (of, column, effects) in zip(hits, tested, strict=True):
                sure = [e for e, h in zip(effects, hit, strict=True) if h]
                sure = [e for e in sure if e.low >= self.min_distance]
                if of == pair and sure:
                    found[column] = max(sure, key=lambda e: e.low)
            if found:
                total = sum(of == pair for of, _, _ in tested)
                yield self._shift(context, pair, found, total)

    def _shift(
        self, context: Context, pair: tuple[str, str], found: dict[str, Effect], total: int
    ) -> Finding:
        train, other = pair
        worst = max(found, key=lambda c: (found[c].low, c))
        effect = found[worst]
        a, b = context.lengths(train)[worst], context.lengths(other)[worst]
        beyond = int(b.counts[b.lengths > a.max].sum())
        tail = f"; {beyond:,} of its rows are longer than any of {train}" if beyond else ""
        of = worst if len(found) == 1 else f"{names(found)} (most: {worst})"
        return self.finding(
            f"lengths of {of} differ between {train} and {other}: median {b.quantile(0.5):,.0f} in "
            f"{other} against {a.quantile(0.5):,.0f}, 5 % to 95 % from {b.quantile(0.05):,.0f} to "
            f"{b.quantile(0.95):,.0f} against {a.quantile(0.05):,.0f} to {a.quantile(0.95):,.0f}"
            f"{tail}",
            splits=pair,
            columns=list(found),
            count=len(found),
            total=total,
            unit="columns",
            effect=Effect(effect.metric, effect.value, effect.low, effect.high, self.min_distance),
            evidence={
                "mean": {train: a.mean, other: b.mean},
                "longest": {train: a.max, other: b.max},
                "beyond_train": beyond,
                "distance": {c: e.value for c, e in list(found.items())[:20]},
            },
        )


def compare(a: Histogram, b: Histogram) -> tuple[list[Effect], list[float]]:
    """Two distances of histograms, of shape and of place, with their p values."""
    grid = np.union1d(a.lengths, b.lengths)
    p, q = (np.zeros(grid.size) for _ in range(2))
    p[np.searchsorted(grid, a.lengths)] = a.counts / a.n
    q[np.searchsorted(grid, b.lengths)] = b.counts / b.n
    below_a, below_b = np.cumsum(p), np.cumsum(q)
    d = float(np.abs(below_a - below_b).max())
    slack = sum(math.sqrt(math.log(4 / ALPHA) / (2 * n)) for n in (a.n, b.n))
    over, under = below_a - p / 2, 1 - (below_b - q / 2)  # placements: P(A < l), P(B > l)
    area = float((over * q).sum())
    var = float(((over - area) ** 2 * q).sum()) / b.n + float(((under - area) ** 2 * p).sum()) / a.n
    half = max(Z * math.sqrt(var), -math.log(ALPHA) / (2 * min(a.n, b.n)))
    off = abs(area - 0.5)
    null = math.sqrt((1 / a.n + 1 / b.n) / 12)
    return (
        [
            Effect("Kolmogorov–Smirnov distance", d, max(0.0, d - slack), min(1.0, d + slack), 0.0),
            Effect("|P(longer) − ½|", off, max(0.0, off - half), min(0.5, off + half), 0.0),
        ],
        [ks_p(d, a.n, b.n), float(2 * normal_sf(off / null))],
    )
