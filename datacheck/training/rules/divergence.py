"""# divergence (ST005)

## What it finds
A loss that rises and stays up: the run ends far above the best it had.

## Why it hurts training
What had been learned is lost, and the steps after the best one are wasted. It comes from a learning
rate that is too high for the data as it is, such as features that are not scaled, and from a spike
that the optimizer does not get over.

## How it is measured
The finite losses are cut into ten equal stretches. The last one must have a median of `factor`
times that of the lowest one, the lower end of the ratio's interval too, and must exceed it by
`least` of the reference loss (the loss of the constant predictor; of the first tenth, where none
was recorded). Runs of fewer than twenty finite losses have diverged if the last one is 100 times
the first: they mostly ended in NaN.

It was silent on all 64 healthy runs of `benchmarks/run_rules.md`, which has its finds too.

## Example
SGD on features that are not scaled: 2.3, 51, 8e4, 3e9, NaN.

## Repair and repair safety
`standardize` (safe), where rule NM002 names the features; a lower learning rate, warm-up, clipping:
by hand.

## Options
- `factor` (2.0): how many times its best the last loss is.
- `least` (0.1): the least rise that counts, in reference losses.

## Known limits
It cannot know that the data or the objective was changed on purpose in mid-run. A rise of the
evaluation loss alone is overfitting-gap's (ST008).

## References
- Cohen et al. 2021, "Gradient Descent on Neural Networks Typically Occurs at the Edge of
  Stability".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.errors import UsageError
from datacheck.findings import Effect, Finding
from datacheck.training.rules.base import RunRule
from datacheck.training.rules.spread import blocks, log_ratio
from datacheck.training.rules.view import LEAST, Series, View

AT_ONCE = 100.0  # times the first loss, in runs too short to have stretches


@dataclass(frozen=True)
class Divergence(RunRule):
    """A loss that rises and stays up."""

    why = "what had been learned is lost, and all steps after the best one are wasted"

    factor: float = 2.0
    least: float = 0.1

    def __post_init__(self) -> None:
        if not self.factor > 1 or self.least < 0:
            raise UsageError(
                f"factor is {self.factor}, least {self.least}", "factor above 1, least not negative"
            )

    def judge_run(self, run: View) -> Iterable[Finding]:
        loss = run.series("loss", least=2).finite()
        if len(loss) < LEAST:
            yield from self._at_once(run, loss)
            return
        parts, steps = blocks(loss.values), blocks(loss.steps.astype(np.float64))
        medians = [float(np.median(p)) for p in parts]
        best = int(np.argmin(medians))
        rise = (medians[-1] - medians[best]) / run.reference
        ratio = log_ratio(parts[-1], parts[best])
        if not (medians[best] > 0 and ratio[1] >= self.factor and rise >= self.least):
            return
        first, last = int(steps[best][0]), int(steps[best][-1])
        above = loss.values > self.factor * medians[best]
        low_again = np.flatnonzero(~above)
        since = int(loss.steps[min(low_again[-1] + 1, len(loss) - 1)]) if low_again.size else first
        yield self.finding(
            f"the loss ends at {medians[-1]:.3g}, {ratio[0]:,.3g} times its best of "
            f"{medians[best]:.3g} (steps {first:,} to {last:,}); it stays up from "
            f"{run.when(since)} on",
            count=int((loss.steps >= since).sum()),
            total=len(loss),
            unit="steps",
            effect=Effect("last_over_best", *ratio, self.factor),
            evidence={
                "best": medians[best],
                "last": medians[-1],
                "since": since,
                "rise_in_references": rise,
                "reference": run.reference,
            },
        )

    def _at_once(self, run: View, loss: Series) -> Iterable[Finding]:
        values = loss.values
        ratio = float(values[-1] / values[0]) if values[0] > 0 else 0.0
        if ratio < AT_ONCE:
            return
        top = int(np.argmax(values > AT_ONCE * values[0]))
        blame = run.blame([int(loss.steps[top])], {"loss": [float(values[top])]})
        yield self.finding(
            f"the loss rises from {values[0]:.3g} to {values[-1]:.3g} within {len(loss)} steps, "
            f"from {run.when(int(loss.steps[top]))} on{blame.said}",
            count=int((values > AT_ONCE * values[0]).sum()),
            total=len(loss),
            unit="steps",
            effect=Effect("last_over_first", ratio, ratio, ratio, AT_ONCE),
            evidence={"since": int(loss.steps[top]), "last": float(values[-1])},
            examples=blame.examples,
        )
