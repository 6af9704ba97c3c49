"""# vanishing-gradients (ST004)

## What it finds
Gradients, or the steps that come of them, so small that nothing is learned, while nothing has been
learned yet.

## Why it hurts training
The run goes on and costs what a run costs, and the model stays what it was. It comes from
saturated units (inputs that are not scaled, sigmoid or tanh), from dead ones, and from deep
products.

## How it is measured
The median loss of the last tenth of the steps must be at least `stuck` of the reference loss (of
the constant predictor; of the first tenth, where none was recorded): gradients vanish at the end
of every good run, too, and that is no fault. Then either

- the median gradient norm of the last tenth is below `share` of what it was (of ten stretches of
  the first tenth the largest), and so is the upper end of the ratio's interval, or
- the median update-to-weight ratio after the burn-in is below 6e-8 (upper end of its interval),
  half of the spacing of 32-bit numbers: the weights do not even change.

It was silent on all 64 healthy runs of `benchmarks/run_rules.md`, which has its finds too.

## Example
A network of sigmoids on features of size 10,000: the norm falls from 0.3 to 2e-7 within fifty
steps, and the loss stays at that of a constant.

## Repair and repair safety
`standardize` (safe), where rule NM002 names the features; else other activations (ReLU, SiLU),
residual connections, normalization layers, other initial weights: by hand.

## Options
- `share` (0.001): what is left of the gradient norm.
- `stuck` (0.95): the loss, in reference losses, above which nothing has been learned.

## Known limits
The global norm hides a first layer that gets nothing while the last one gets enough. A task that
cannot be learned looks the same, once the model has found the constant predictor by full batches.

## References
- Hochreiter 1998, "The vanishing gradient problem during learning recurrent neural nets".
- Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural
  networks".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import NotApplicable
from datacheck.errors import UsageError
from datacheck.findings import Effect, Finding
from datacheck.training.rules.base import RunRule
from datacheck.training.rules.spread import blocks, log_ratio, median_interval
from datacheck.training.rules.view import LEAST, View

ULP = 6e-8  # half the spacing of float32 at 1


@dataclass(frozen=True)
class VanishingGradients(RunRule):
    """Nothing is learned, and nothing moves."""

    why = "the run goes on and costs, and the model stays what it was"

    share: float = 1e-3
    stuck: float = 0.95

    def __post_init__(self) -> None:
        if not 0 < self.share < 1 or not self.stuck > 0:
            raise UsageError(
                f"share is {self.share}, stuck {self.stuck}", "share from 0 to 1, stuck positive"
            )

    def judge_run(self, run: View) -> Iterable[Finding]:
        norm = run.series("grad_norm", least=LEAST).finite()
        loss = blocks(run.series("loss", least=LEAST).finite().values)
        level = float(np.median(loss[-1])) / run.reference
        if level < self.stuck:
            return
        parts = blocks(norm.values)
        # It may vanish within the first tenth: the largest stretch of that is what there was.
        parts[0] = max(blocks(parts[0]), key=lambda p: float(np.median(p)))
        floor = float(np.median(parts[0])) * 1e-12 or 1e-300  # zeros have no logarithm
        left = log_ratio(np.maximum(parts[-1], floor), np.maximum(parts[0], floor))
        still = self._still(run)
        if left[2] < self.share:
            effect = Effect("norm_left", *left, self.share)
            what = f"the gradient norm of the last steps is {left[0]:.2g} of that of the first"
        elif still is not None and still[2] < ULP:
            effect = Effect("update_to_weight", *still, ULP)
            what = f"a step changes the weights by {still[0]:.2g} of their norm"
        else:
            return
        gone = np.maximum(norm.values, floor) < self.share * np.median(parts[0])
        first = int(norm.steps[np.argmax(gone)]) if gone.any() else int(norm.steps[0])
        yield self.finding(
            f"{what}, since {run.when(first)}, and the loss is still {level:.3g} of the reference",
            count=int(gone.sum()) or len(norm),
            total=len(norm),
            unit="steps",
            effect=effect,
            evidence={
                "first_step": first,
                "loss_level": level,
                "reference": run.reference,
                "first_norm": float(np.median(parts[0])),
                "last_norm": float(np.median(parts[-1])),
                "update_to_weight": still[0] if still else None,
            },
        )

    @staticmethod
    def _still(run: View) -> tuple[float, float, float] | None:
        try:
            ratio = run.series("update_ratio").late().finite()
        except NotApplicable:
            return None
        return median_interval(ratio.values) if len(ratio) >= 5 else None
