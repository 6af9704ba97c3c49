"""# length-label-confounding (SL005)

## What it finds
A sequence or text whose length alone tells much of the label.

## Why it hurts training
Length buckets, which save padding, then make batches of mostly one class: gradients swing and
normalization layers see one class at a time. And the model may learn the length for the label.

## How it is measured
On the row sample of train, with at least 500 rows of each class where there are. Classes: the mean
rank of the length within each class, every class with the same weight, and the spread of these
means, given as the area under the ROC curve between two classes that has the same spread (for two
classes it is the AUC itself). Numbers: Spearman's rank correlation of length and label. The lower
end of the interval, at 1e-4 over all columns tested, must be at least `min_auc` or `min_rank`. The
length of a text is its number of words (or of what `--length-unit` says).

Measured on scikit-learn's bundled datasets with sequences added: lengths 1.75 deviations apart are
found in 8 of 16, 2.5 in 14 of 16, 4 in all. Of 200 clean re-splits of the tables none raises an
alarm, nor do 30 sets of sequences whose lengths do not know the label.

## Example
Messages: `spam` has a median of 25 words, `ham` of 11; the AUC of the length is 0.86.

## Repair and repair safety
`class-aware-buckets` (safe): draw the batches of each bucket with the classes in proportion.

## Options
- `min_auc` (0.75): the least lower end of the AUC of the length.
- `min_rank` (0.6): the least lower end of the rank correlation, for labels that are numbers.
- `min_rows` (20): a class with fewer sampled rows is left out.

## Known limits
Classes that differ in the spread of their lengths, but not in their ranks, are not seen. It may be
right that the lengths differ: the finding says what buckets do with it.

## References
- Kruskal & Wallis 1952, "Use of ranks in one-criterion variance analysis", JASA 47.
- Gururangan et al. 2018, "Annotation artifacts in natural language inference data", NAACL (length
  gives the label away).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.predict import LEAST, Target, read_target
from datacheck.checks.scores import Score, critical, rank_correlation
from datacheck.checks.support import need_sample
from datacheck.dataset import Dataset, Kind
from datacheck.errors import UsageError
from datacheck.findings import Finding, Repair, names
from datacheck.summaries.base import Need
from datacheck.summaries.lengths import lengths_of
from datacheck.types import Floats, Ints

KINDS = (Kind.SEQUENCE, Kind.TEXT)


@dataclass(frozen=True)
class LengthLabelConfounding(Rule):
    """The length tells the label."""

    why = "length buckets make one-sided batches, and the model may learn the length for the label"
    repairs = (Repair("class-aware-buckets", "safe"),)

    min_auc: float = 0.75
    min_rank: float = 0.6
    min_rows: int = 20

    def __post_init__(self) -> None:
        if not 0.5 < self.min_auc < 1 or not 0 < self.min_rank < 1:
            raise UsageError("SL005 needs 0.5 < min_auc < 1 and 0 < min_rank < 1")

    def needs(self, data: Dataset) -> Iterable[Need]:
        return need_sample(data) if data.label and data.select(*KINDS) else []

    def judge(self, context: Context) -> Iterable[Finding]:
        label, split = context.label(), context.train
        columns = context.columns(*KINDS, splits=[split] if split else [])
        if not columns:
            raise NotApplicable("no sequence or text columns")
        target = read_target(context, split)
        assert split is not None
        found = self.tells(context, target, columns)
        if not found:
            return
        best = min(found, key=lambda c: (-found[c][0].low, c))
        score, lengths = found[best]
        medians = self._medians(lengths, target)
        shown = _shown(medians) if medians else ""
        verb = "predicts" if len(found) == 1 else "predict"
        yield self.finding(
            f"the length of {names(sorted(found))} {verb} {label.name} in {split} "
            f"({score.metric} {score.value:.2f}){shown}",
            splits=[split],
            columns=sorted(found),
            count=len(found),
            total=len(columns),
            unit="columns",
            effect=score.effect(self._least(target)),
            evidence={"medians": medians, "score": {c: found[c][0].value for c in sorted(found)}},
        )

    def tells(
        self, context: Context, target: Target, columns: Sequence[str]
    ) -> dict[str, tuple[Score, Floats]]:
        """The columns whose length tells the label, with its score and the lengths (rows,)."""
        z = critical(len(columns))
        found: dict[str, tuple[Score, Floats]] = {}
        for column in columns:
            lengths = lengths_of(target.frame[column], context.data.measure).cast(float).to_numpy()
            score = self._score(lengths, target, z)
            if score and score.low >= self._least(target):
                found[column] = score, lengths
        return found

    def _least(self, target: Target) -> float:
        return self.min_auc if target.classes else self.min_rank

    def _score(self, lengths: Floats, target: Target, z: float) -> Score | None:
        known = np.isfinite(lengths)
        x = lengths[known]
        if x.size < LEAST or x.min() == x.max():
            return None
        if not target.classes:
            return rank_correlation(x, target.values[known], z)
        return spread(x, target.codes[known], self.min_rows, z)

    def _medians(self, lengths: Floats, target: Target) -> dict[str, float]:
        """Median length of each class that counts, shortest first."""
        found = {}
        for k, name in enumerate(target.classes):
            own = lengths[(target.codes == k) & np.isfinite(lengths)]
            if own.size >= self.min_rows:
                found[name] = float(np.median(own))
        return dict(sorted(found.items(), key=lambda m: (m[1], m[0])))


def spread(x: Floats, codes: Ints, least: int, z: float) -> Score | None:
    """How far apart the classes are in rank, as the AUC of two classes that are as far apart."""
    kept = np.flatnonzero(np.bincount(codes) >= least)
    rows = np.isin(codes, kept)
    x, codes = x[rows], np.searchsorted(kept, codes[rows])
    k = kept.size
    if k < 2:
        return None
    sizes = np.bincount(codes).astype(np.float64)
    weight = 1.0 / (k * sizes[codes])
    _, inverse = np.unique(x, return_inverse=True)
    mass = np.bincount(inverse, weight)
    place = (np.cumsum(mass) - mass / 2)[inverse]  # in (0, 1), and 0.5 on average
    means = np.bincount(codes, place) / sizes
    off = means - 0.5
    error = np.bincount(codes, (place - means[codes]) ** 2) / sizes / (sizes - 1)
    between = float((off**2).mean()) - (1 - 1 / k) * float(error.mean())
    noise = math.sqrt(float((4 * off**2 * error + 2 * error**2).sum())) / k
    low, value, high = (
        0.5 + 2 * math.sqrt(max(v, 0.0))
        for v in (between - z * noise, between, between + z * noise)
    )
    return Score("AUC of the length", value, low, min(1.0, high), x.size)


def _shown(medians: dict[str, float]) -> str:
    """The classes with the shortest and the longest median."""
    first, last = next(iter(medians)), list(medians)[-1]
    ends = f"{medians[first]:,.0f} for {first!r} and {medians[last]:,.0f} for {last!r}"
    return f": the median is {ends}"
