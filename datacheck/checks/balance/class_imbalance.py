"""# class-imbalance (CB001)

## What it finds
Classes that many batches will not hold at all, or a class mix that is worth far fewer classes than
it names.

## Why it hurts training
A batch without a class gives no gradient for it, and the batches that have it pull all at once: the
loss saw-tooths, the class is learned late or never, and accuracy does not show it.

## How it is measured
Exact counts of the label in train. A class is reported if its chance to be absent from a random
batch, (1−p)^`batch_size`, exceeds `absent`, *and* its share p is below `fair_share` of the even
share 1/K: a hundred balanced classes leave out many in every batch, and that is no imbalance. Both
must hold at the upper end of a one-sided 95 % Wilson interval of p, so that the verdict hardly
flips between random splits of one dataset. The mix is also reported if
the effective number of classes, exp(entropy), is below `effective` of K at the upper end of its
interval. The evidence tells P(absent) at batches of 32, 64, 128 and 256, and by how much weights
of inverse frequency would inflate the variance of the gradient: Σ p w² / (Σ p w)².

## Example
A train split of 970 `healthy` and 30 `ill`: 38 % of batches of 32 hold nobody who is ill.

## Repair and repair safety
`class-weights` or `balanced-sampler` (safe): both act on the loss or the order of the rows, and
leave the data as it is.

## Options
- `batch_size` (32): rows of a batch.
- `absent` (0.05): the chance of absence that is still accepted.
- `fair_share` (0.5): a class is rare below this share of 1/K.
- `effective` (0.5): the mix is uneven below this share of K effective classes.

## Known limits
The order of the rows is taken as random: a file sorted by class makes far worse batches (LK008).
Only the split that models are fitted on is judged, and no cost of the classes is known.

## References
- He & Garcia 2009, "Learning from Imbalanced Data", IEEE TKDE 21(9).
- Hill 1973, "Diversity and Evenness", Ecology 54(2) (the effective number, exp(entropy)).
- Kish 1965, "Survey Sampling", §11.7 (what unequal weights do to a variance).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.stats import entropy, wilson
from datacheck.checks.support import has_label, label_counts, need_label_counts
from datacheck.dataset import Dataset, Task
from datacheck.errors import UsageError
from datacheck.findings import Effect, Finding, Repair, clip, names
from datacheck.summaries.base import Need
from datacheck.types import Floats

ALPHA = 0.05  # counts are facts: the interval only keeps verdicts near the border from flipping
BATCHES = (32, 64, 128, 256)


@dataclass(frozen=True)
class ClassImbalance(Rule):
    """Classes that many batches do not hold."""

    why = "a batch without a class gives no gradient for it: it is learned late, or never"
    repairs = (Repair("class-weights", "safe"), Repair("balanced-sampler", "safe"))

    batch_size: int = 32
    absent: float = 0.05
    fair_share: float = 0.5
    effective: float = 0.5

    def __post_init__(self) -> None:
        """Checks the options."""
        if self.batch_size < 1:
            raise UsageError(f"batch_size is {self.batch_size}", "it is at least 1")

    def needs(self, data: Dataset) -> Iterable[Need]:
        return need_label_counts(data)

    def judge(self, context: Context) -> Iterable[Finding]:
        label = context.label(Task.CLASSIFICATION).name
        split = context.train
        if split is None or not has_label(context, split):
            raise NotApplicable("needs a train split with rows and labels")
        counts = label_counts(context, split)
        if len(counts) < 2:
            raise NotApplicable(f"{label} has fewer than two classes in {split}")
        if not context.values(split).complete(label):
            raise NotApplicable(f"{label} has too many values in {split} to be classes")
        k, n = len(counts), sum(counts.values())
        rows = np.array(list(counts.values()), dtype=np.float64)
        low, high = _shares(rows)
        rare = (self._missed(high) > self.absent) & (high < self.fair_share / k)
        loss = _lost_classes(rows, 1 - self.effective)
        uneven = loss.low > loss.threshold
        if not rare.any() and not uneven:
            return
        effective = math.exp(entropy(rows))
        least = float(rows.min() / n)
        evidence: dict[str, Any] = {
            "effective_classes": effective,
            "ratio": float(rows.max() / rows.min()),
            "rarest": min(counts, key=lambda c: (counts[c], c)),
            "absent_at": {str(b): (1 - least) ** b for b in BATCHES},
            "weights_variance": float((n / rows).mean() / k),
        }
        if rare.any():
            # most frequent first, as the counts are: turned, the rarest leads
            picked = [(c, m) for (c, m), r in zip(counts.items(), rare, strict=True) if r][::-1]
            evidence["rows"] = dict(picked)
            listed = names(
                f"{clip(c)!r} ({m:,} of {n:,} rows, absent from {float(self._missed(m / n)):.0%})"
                for c, m in picked
            )
            message = (
                f"{len(picked):,} of {k:,} classes of {label} {'is' if len(picked) < 2 else 'are'} "
                f"missing from many random batches of {self.batch_size} in {split}: {listed}; the "
                f"mix is worth {effective:.1f} even classes"
            )
            count = len(picked)
            shown = [float(self._missed(x)) for x in (least, high[-1], low[-1])]
            metric = f"P(absent from a batch of {self.batch_size})"
            effect = Effect(metric, shown[0], shown[1], shown[2], self.absent)
        else:
            message = (
                f"the {k:,} classes of {label} in {split} are worth {effective:.1f} even classes: "
                f"the largest has {rows.max():,.0f} of {n:,} rows, the smallest {rows.min():,.0f}"
            )
            count, effect = int((rows < n / k).sum()), loss
        yield self.finding(
            message,
            splits=[split],
            columns=[label],
            count=count,
            total=k,
            unit="classes",
            effect=effect,
            evidence=evidence,
        )

    def _missed(self, share: Floats | float) -> Floats:
        """P(absent from a batch) of classes with those shares."""
        return np.asarray((1.0 - np.asarray(share, dtype=np.float64)) ** self.batch_size)


def _shares(rows: Floats) -> tuple[Floats, Floats]:
    """One-sided Wilson bounds of the share of each class, at ALPHA."""
    from scipy.special import ndtri

    z = -float(ndtri(ALPHA))
    bounds = [wilson(float(m), float(rows.sum()), z) for m in rows]
    return np.array([b[0] for b in bounds]), np.array([b[1] for b in bounds])


def _lost_classes(rows: Floats, threshold: float) -> Effect:
    """The share 1 − exp(H)/K of classes lost to unevenness, with its one-sided interval.

    Entropy from counts is too small by about (K−1)/2n (Miller 1955); its standard error is that
    of the mean of −log p.
    """
    from scipy.special import ndtri

    n, k = float(rows.sum()), rows.size
    p = rows / n
    h = entropy(rows)
    slack = -float(ndtri(ALPHA)) * math.sqrt(max(float((p * np.log(p) ** 2).sum()) - h * h, 0) / n)
    bias = (k - 1) / (2 * n)
    most, least = min(math.exp(h + bias + slack), k), math.exp(h - slack)
    lost = [1 - classes / k for classes in (math.exp(h), most, least)]
    return Effect("classes lost to imbalance", lost[0], lost[1], lost[2], threshold)
