"""# overfitting-gap (ST008)

## What it finds
An evaluation loss that rises from its best while the train loss goes on falling.

## Why it hurts training
From the best evaluation on, steps make the model worse at what it is for. It comes from too few
rows, wrong labels that are learned by heart, and from training too long.

## How it is measured
By split that was evaluated, on six evaluations or more. The mean of the last k evaluation losses
(a fifth of them, three at least) is compared with the best mean of k in a row; the difference, in
reference losses (of the constant predictor; of the first train losses, where none was recorded),
must exceed `rise`, and so must the lower end of its interval. The interval is that of the
difference of two means with the noise between neighbors, 1.4826·MAD of the differences / √2. The
median train loss must not have risen by more than a tenth since then: if it has, that is a
divergence (ST005).

It was silent on all 64 healthy runs of `benchmarks/run_rules.md`, which has its finds too.

## Example
The evaluation loss has its best, 0.31, at epoch 4 and ends at 0.74, while the train loss falls from
0.25 to 0.01.

## Repair and repair safety
Early stopping at the best evaluation, weight decay, dropout, augmentation of train only, more rows:
by hand. Where labels are wrong (LB001), the repair of that rule.

## Options
- `rise` (0.1): the rise of the evaluation loss over its best, in reference losses.

## Known limits
Accuracy may still rise while the loss does: the model grows sure of its mistakes. The finding tells
the score at both ends. A train loss with augmentation or dropout is higher than without.

## References
- Prechelt 1998, "Early Stopping - But When?".
- Guo et al. 2017, "On Calibration of Modern Neural Networks", ICML.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from datacheck.checks.base import NotApplicable
from datacheck.checks.stats import Z
from datacheck.errors import UsageError
from datacheck.findings import Effect, Finding
from datacheck.training.rules.base import RunRule
from datacheck.training.rules.view import View
from datacheck.training.series import differences, mads

FEWEST = 6
SHARE, LEAST = 5, 3  # a fifth of the evaluations make a mean, three at least
RISEN = 1.1


@dataclass(frozen=True)
class OverfittingGap(RunRule):
    """Better at train, worse at the rest."""

    why = "from the best evaluation on, steps make the model worse at what it is for"

    rise: float = 0.1

    def __post_init__(self) -> None:
        if not self.rise > 0:
            raise UsageError(f"rise is {self.rise}", "a positive number, such as 0.1")

    def judge_run(self, run: View) -> Iterable[Finding]:
        frame = run.run.evaluations.filter(
            (pl.col("split") != "train") & pl.col("loss").is_finite()
        )
        judged = 0
        for (split,), mine in frame.group_by("split", maintain_order=True):
            if mine.height >= FEWEST:
                judged += 1
                yield from self._judge(run, str(split), mine)
        if not judged:
            raise NotApplicable(f"no split was evaluated {FEWEST} times or more")

    def _judge(self, run: View, split: str, frame: pl.DataFrame) -> Iterable[Finding]:
        loss, steps = frame["loss"].to_numpy(), frame["step"].to_numpy()
        k = max(LEAST, len(loss) // SHARE)
        means = np.convolve(loss, np.full(k, 1 / k), mode="valid")
        best = int(np.argmin(means))
        gap = float(means[-1] - means[best]) / run.reference
        noise = mads(differences(loss)) / math.sqrt(2) / run.reference
        half = Z * noise * math.sqrt(2 / k)
        if gap - half <= self.rise:
            return
        then, now = (
            _train(run, int(steps[best]), int(steps[best + k - 1])),
            _train(run, int(steps[-k]), int(steps[-1])),
        )
        if now > RISEN * then:
            return
        at = best + int(np.argmin(loss[best : best + k]))
        score = frame["score"].to_list()
        told = (
            f" (its score goes from {score[at]:.3g} to {score[-1]:.3g})"
            if score[at] is not None and score[-1] is not None
            else ""
        )
        train = "" if math.isnan(now) else f", while the train loss is {now:.3g}"
        yield self.finding(
            f"the loss of {split} is {means[-1]:.3g} at the end and was {loss[at]:.3g} at "
            f"{run.when(int(steps[at]))}{told}{train}",
            splits=[split],
            count=len(loss) - 1 - at,
            total=len(loss),
            unit="evaluations",
            effect=Effect("rise_over_best", gap, gap - half, gap + half, self.rise),
            evidence={
                "best_step": int(steps[at]),
                "best_loss": float(loss[at]),
                "last_loss": float(loss[-1]),
                "best_score": score[at],
                "last_score": score[-1],
                "train_loss_then": then,
                "train_loss_now": now,
                "reference": run.reference,
            },
        )


def _train(run: View, first: int, last: int) -> float:
    """The median train loss of those steps; NaN where none was recorded."""
    steps = run.run.steps
    mine = steps.filter(pl.col("step").is_between(first, last) & pl.col("loss").is_finite())
    return float(np.median(mine["loss"].to_numpy())) if mine.height else math.nan
