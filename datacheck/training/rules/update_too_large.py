"""# update-too-large (ST007)

## What it finds
Optimizer steps that change the weights by a large part of their own norm: as a rule, or once by
more than all of it.

## Why it hurts training
The model forgets between steps what it learned; the loss is noisy and stops falling early. One
such step at the beginning is enough to throw away the initial weights, and units die of it. About
one part in a thousand a step is usual.

## How it is measured
The update-to-weight ratio ‖Δθ‖/‖θ‖ on the steps on which the monitor looked. It fires

- if its median after the burn-in exceeds `ratio`, and so does the lower end of the median's
  interval by order statistics, or
- if it was `once` or more on any step, the first ones too.

Under Adam the ratio tells what reached the weights when the gradient norm does not.

It was silent on all 64 healthy runs of `benchmarks/run_rules.md`, which has its finds too.

## Example
Adam with a learning rate of 0.3 on weights of size 0.07: the first step is four times as long as
the weights.

## Repair and repair safety
A lower learning rate, or warm-up: by hand. No repair of data.

## Options
- `ratio` (0.05): the median ratio from which on it fires.
- `once` (1.0): the ratio that is too large on a single step.

## Known limits
It is one figure for all weights: a small layer with a large ratio is hidden by a large one. A rate
that is too high for Adam makes the weights grow until the ratio is usual again: then the first
steps tell, if the monitor looked at them. Weights that are all zero have no ratio.

## References
- Karpathy 2019, "A Recipe for Training Neural Networks".
- You, Gitman and Ginsburg 2017, "Large Batch Training of Convolutional Networks" (LARS).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import NotApplicable
from datacheck.errors import UsageError
from datacheck.findings import Effect, Finding
from datacheck.training.rules.base import RunRule
from datacheck.training.rules.spread import median_interval
from datacheck.training.rules.view import View

FEWEST = 5  # looks without which nothing is said


@dataclass(frozen=True)
class UpdateTooLarge(RunRule):
    """Steps that rewrite the weights."""

    why = "the model forgets between steps what it learned; the loss is noisy and stops falling"

    ratio: float = 0.05
    once: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.ratio <= self.once:
            raise UsageError(
                f"ratio is {self.ratio}, once {self.once}", "positive, once not less than ratio"
            )

    def judge_run(self, run: View) -> Iterable[Finding]:
        seen = run.series("update_ratio").finite()
        late = run.series("update_ratio").late().finite()
        if len(late) < FEWEST:
            raise NotApplicable(f"the update-to-weight ratio was recorded on {len(seen)} steps")
        median, low, high = median_interval(late.values)
        worst = int(np.argmax(seen.values))
        top = float(seen.values[worst])
        if low > self.ratio:
            over = seen.values > self.ratio
            effect = Effect("update_to_weight", median, low, high, self.ratio)
        elif top >= self.once:
            over = seen.values >= self.once
            effect = Effect("largest_update_to_weight", top, top, top, self.once)
        else:
            return
        rates = run.run.steps["lr"].drop_nulls()
        rate = float(rates.median()) if len(rates) else None  # type: ignore[arg-type] # a column of floats
        yield self.finding(
            f"a step changes the weights by {median:.2g} of their norm (median), at most by "
            f"{top:.2g} at {run.when(int(seen.steps[worst]))}"
            f"{f', with a learning rate of {rate:.3g}' if rate is not None else ''}",
            count=int(over.sum()),
            total=len(seen),
            unit="steps",
            effect=effect,
            evidence={
                "first_step": int(seen.steps[np.argmax(over)]),
                "worst_step": int(seen.steps[worst]),
                "largest": top,
                "median": median,
                "learning_rate": rate,
            },
        )
