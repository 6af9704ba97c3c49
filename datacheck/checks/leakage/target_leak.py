"""# target-leak (LK005)

## What it finds
A feature that alone predicts the label almost perfectly, and, for a label that is a number, two
features whose sum or difference *is* the label.

## Why it hurts training
The model learns the copy and nothing else. The score is near perfect in every split, and falls
apart in use, where the column is unknown, filled in later, or made from the label.

## How it is measured
On the row sample of train, with at least 500 rows of each class where there are. All columns are
screened at once: do rows that are neighbors in the column agree on the label? The few that pass
are scored on rows that were held out (half of the sample, by the hash of the address), so that a
column with a name for each row cannot look good: AUC for two classes, the share of rows whose
class is told for more, R² (a line, a curve, or the ranks) for numbers. A column is reported if the
lower end of the interval, at 1e-4 over all columns tested, is at least `min_score`; or if it
tells all rows of at least 100 apart without one exception, which is a fact and needs no interval.
A near copy, with few
values and few exceptions, is a warning: wrong in at most 1 % of the rows, and in at most 15 % of
those that the most frequent class gets wrong, at the upper ends of 95 % intervals.
One feature has to predict the *whole* label: one that only tells one class of three from the rest
is a good feature. Sums and differences are found for any number of columns by one random
projection, and confirmed on the sample: equal within 1e-6 in at least 99 % of the rows.

Measured on scikit-learn's bundled datasets, with splits that set no threshold: a copy of the label,
with noise of up to 4 % of its deviation, is found in 20 of 20; of 200 clean re-splits none raises
an alarm.

## Example
Bike rentals: `casual + registered == cnt` in all of 17,379 rows. Or a column `outcome_code` that
is 1 exactly where `readmitted` is `yes`.

## Repair and repair safety
`drop-feature` (unsafe): drop the column, unless it is really known when the model is used.

## Options
- `min_score` (0.99): the least lower end of AUC, accuracy or R².
- `pairs` (true): whether sums and differences of two columns are looked for.

## Known limits
Texts, sequences and images are not judged, nor are ids, groups and times (LK008, LK003, LK004).
A label spread over several columns (one for each class) is not found, nor a near copy of many
values with exceptions where there are fewer than some 500 rows of a class. An honest feature may
be that good: then ignore the column. Sums are looked for among columns without missing values.

## References
- Kaufman, Rosset & Perlich 2012, "Leakage in data mining", ACM TKDD 6(4).
- Chatterjee 2021, "A new coefficient of correlation", JASA 116 (the screen).
- Hanley & McNeil 1982, "The meaning and use of the area under a ROC curve", Radiology 143.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.predict import COLUMNS, Target, promising, read_target, vectors
from datacheck.checks.scores import NEAR, Score, score
from datacheck.checks.support import need_sample
from datacheck.dataset import Dataset, Kind, Role, Task, to_matrix
from datacheck.errors import UsageError
from datacheck.findings import Effect, Finding, Repair, Severity, names
from datacheck.summaries.base import Need

ADD_UP = 0.99  # share of rows in which a sum must hold
PROJECTED = 32  # rows that the projection mixes
SHOWN = 0.9999  # a figure that is not 1 is never shown as 1
UNITS = (1.0, 1e3, 1e6, 6e7, 3.6e9, 8.64e10)  # µs to µs, ms, s, min, h and days


@dataclass(frozen=True)
class TargetLeak(Rule):
    """One column (or two, added) that gives the label away."""

    why = "the model learns the copy and nothing else, and fails where the column is not known"
    repairs = (Repair("drop-feature", "unsafe"),)

    min_score: float = 0.99
    pairs: bool = True

    def __post_init__(self) -> None:
        if not 0.5 < self.min_score <= 1:
            raise UsageError(f"LK005 min_score must be in (0.5, 1], not {self.min_score}")

    def needs(self, data: Dataset) -> Iterable[Need]:
        return need_sample(data) if data.label and data.select(*COLUMNS) else []

    def judge(self, context: Context) -> Iterable[Finding]:
        label, split = context.label(), context.train
        columns = context.columns(*COLUMNS, splits=[split] if split else [])
        if not columns:
            raise NotApplicable("there are no features of numbers, dates or categories")
        target = read_target(context, split)
        assert split is not None
        found: dict[str, Score] = {}
        near: dict[str, Score] = {}
        for column, x in vectors(context, target, promising(context, target, columns)):
            named = context.data.columns[column].kind is Kind.CATEGORY
            got = score(x, target, category=named, tests=len(columns))
            if got and got.near:
                near[column] = got
            elif got and (got.exact or got.low >= self.min_score):
                found[column] = got
        if found:
            rows = "sampled rows" if context.sampled(split) else "rows"
            yield self._single(found, label.name, split, len(columns), rows)
        if near:
            yield self._near(near, label.name, split, len(columns))
        if self.pairs and context.data.task is Task.REGRESSION:
            yield from self._sums(context, target, label.name, split, set(found))

    def _single(
        self, found: dict[str, Score], label: str, split: str, tested: int, rows: str
    ) -> Finding:
        ranked = sorted(found, key=lambda c: (-found[c].value, -found[c].low, c))
        best = found[ranked[0]]
        if best.exact:
            how = f"tells all {best.n:,} {rows} apart, without one exception"
        else:
            figure = min(best.value, SHOWN) if best.value < 1 else 1.0
            how = f"has {best.metric} {figure:.4f} on {best.n:,} {rows}"
        alone = "alone predicts" if len(ranked) == 1 else "each alone predict"
        more = f"; {ranked[0]} {how}" if len(ranked) > 1 else f": it {how}"
        return self.finding(
            f"{names(ranked)} {alone} {label} almost perfectly in {split}{more}",
            splits=[split],
            columns=sorted(ranked),
            count=len(ranked),
            total=tested,
            unit="columns",
            effect=best.effect(self.min_score),
            evidence={
                "metric": {c: found[c].metric for c in ranked},
                "score": {c: found[c].value for c in ranked},
                "rows": best.n,
            },
        )

    def _near(self, near: dict[str, Score], label: str, split: str, tested: int) -> Finding:
        ranked = sorted(near, key=lambda c: (near[c].wrong, c))
        best = near[ranked[0]]
        verb = "is a near copy" if len(ranked) == 1 else "are near copies"
        return self.finding(
            f"{names(ranked)} {verb} of {label} in {split}: {ranked[0]} alone is wrong in "
            f"{best.wrong:,} of {best.n:,} rows, the most frequent class in {best.missed:,}",
            splits=[split],
            columns=sorted(ranked),
            count=len(ranked),
            total=tested,
            unit="columns",
            severity=Severity.WARNING,
            effect=best.effect(1 - NEAR),
            evidence={"wrong": {c: near[c].wrong for c in ranked}, "rows": best.n},
        )

    # -- sums --------------------------------------------------------------------------------

    def _sums(
        self, context: Context, target: Target, label: str, split: str, known: set[str]
    ) -> Iterable[Finding]:
        """Two columns that add up to the label, or whose difference is the label."""
        kinds = (Kind.NUMBER, Kind.DATETIME)
        roles = (Role.FEATURE, Role.TIME)
        columns = context.columns(*kinds, roles=roles, splits=[split])
        columns = [c for c in columns if c not in known]
        dates = {c for c in columns if context.data.columns[c].kind is Kind.DATETIME}
        tries = (
            (tuple(c for c in columns if c not in dates), UNITS[:1]),
            (tuple(c for c in columns if c in dates), UNITS),
        )
        hits: dict[tuple[str, str, int], float] = {}
        for chosen, units in tries:
            for unit in units if len(chosen) > 1 else ():
                for pair in _candidates(target, chosen, unit):
                    share = _share(target, pair, unit)
                    if share >= ADD_UP:
                        hits[pair] = share
        if not hits:
            return
        ranked = sorted(hits, key=lambda h: (-hits[h], h))
        text = [f"{a} {'+' if sign > 0 else '-'} {b}" for a, b, sign in ranked]
        share = hits[ranked[0]]
        rows = round(share * target.n)
        where = f"{rows:,} of {target.n:,} {'sampled rows' if context.sampled(split) else 'rows'}"
        more = f"; so do {len(hits) - 1:,} more pairs" if len(hits) > 1 else ""
        yield self.finding(
            f"{label} equals {text[0]} in {where} of {split}{more}",
            splits=[split],
            columns=sorted({c for a, b, _ in hits for c in (a, b)}),
            count=rows,
            total=target.n,
            effect=Effect("rows that add up", share, share, share, ADD_UP),
            evidence={"sums": text},
        )


def _candidates(
    target: Target, columns: tuple[str, ...], unit: float
) -> list[tuple[str, str, int]]:
    """Pairs (a, b, sign) with a + sign · b = label under a random projection.

    Projected on the same random weights, columns that add up to the label in all rows do so as
    single numbers, and those are found by sorting, in the time of one sort.
    """
    rows = np.argsort(target.hashes)[:PROJECTED].astype(np.int64)
    y = target.values[rows] * unit
    x = to_matrix(target.take(rows).frame, columns)
    usable = np.flatnonzero(np.isfinite(x).all(axis=0) & (np.abs(x) < 1e300).all(axis=0))
    x = x[:, usable]
    varied = np.ptp(x, axis=0) > 1e-6 * np.ptp(y)
    x, usable = x[:, varied], usable[varied]
    if usable.size < 2 or np.unique(y).size < 5 or not float(np.abs(y).max()) < 1e300:
        return []
    weights = np.random.default_rng(0).uniform(0.5, 1.5, rows.size) / rows.size
    p, q = weights @ x, float(weights @ y)
    order = np.argsort(p, kind="stable")
    slack = 1e-9 * np.maximum(np.abs(p), abs(q))
    out: list[tuple[str, str, int]] = []
    for sign, wanted in ((1, q - p), (-1, p - q)):
        low = np.searchsorted(p[order], wanted - slack)
        high = np.searchsorted(p[order], wanted + slack, side="right")
        for i in np.flatnonzero(high > low)[:64]:
            others = [j for j in order[low[i] : high[i]][:4] if i < j or (sign < 0 and i != j)]
            out += [(columns[usable[i]], columns[usable[j]], sign) for j in others]
    return out


def _share(target: Target, pair: tuple[str, str, int], unit: float) -> float:
    """The share of rows in which the label is the sum (or difference)."""
    x = to_matrix(target.frame, pair[:2])
    y = target.values * unit
    with np.errstate(all="ignore"):
        slack = 1e-6 * np.maximum(np.abs(y), 1e-3 * np.abs(x).max(axis=1))
        return float((np.abs(x[:, 0] + pair[2] * x[:, 1] - y) <= slack).mean())
