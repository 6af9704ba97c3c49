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
of every good run, too, and that is no fault. Then one of these:

- the median gradient norm of the last tenth is below `share` of what it was (of ten stretches of
  the first tenth the largest), and so is the upper end of the ratio's interval, or
- the gradient norm of the first layers, over that of the last ones, each in norms of its own
  weights, is below `across` (upper end of the interval of its median over the looks after the
  burn-in; first and last: a third of the layers each, by the median of their logarithms), or
- the median update-to-weight ratio after the burn-in is below 6e-8 (upper end of its interval),
  half of the spacing of 32-bit numbers: the weights do not even change.

It was silent on all 64 healthy runs of `benchmarks/run_rules.md`, which has its finds too: there
the first layers had at least 0.14 of the gradient of the last ones, and those of perceptrons with
10 to 20 layers of sigmoids at most 2.2e-7.

## Example
Ten layers of sigmoids in batches of 32: the last layer learns how frequent the classes are, and
the global norm looks healthy; the first layers get 2e-7 of its gradient, and nothing is learned.

## Repair and repair safety
`standardize` (safe), where rule NM002 names the features; else other activations (ReLU, SiLU),
residual connections, normalization layers, other initial weights: by hand.

## Options
- `across` (0.001): what is left of the gradient from the last layers to the first.
- `share` (0.001): what is left of the gradient norm.
- `stuck` (0.95): the loss, in reference losses, above which nothing has been learned.

## Known limits
Layers are compared in the order in which the model holds them, and a module with weights is one
layer: a recurrent one over many steps hides where within it the gradient ends. Optimizers that
divide by the gradient's size (Adam) still train some eight layers of sigmoids; while the loss
falls that is not told. Records of before norms by layer were written down have only the global
norm, which hides first layers that get nothing. There, a task that cannot be learned looks the
same, once the model has found the constant predictor by full batches.

## References
- Hochreiter 1998, "The vanishing gradient problem during learning recurrent neural nets".
- Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural
  networks".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from datacheck.checks.base import NotApplicable
from datacheck.errors import UsageError
from datacheck.findings import Effect, Finding
from datacheck.training.rules.base import RunRule
from datacheck.training.rules.spread import blocks, log_ratio, median_interval
from datacheck.training.rules.view import LEAST, Series, View

ULP = 6e-8  # half the spacing of float32 at 1
FEWEST = 5  # looks without which nothing is said
LAYERS = 3  # with fewer there is no first and last third
NOTHING = 1e-30  # stands for a norm of 0


@dataclass(frozen=True)
class VanishingGradients(RunRule):
    """Nothing is learned, and nothing moves."""

    why = "the run goes on and costs, and the model stays what it was"

    across: float = 1e-3
    share: float = 1e-3
    stuck: float = 0.95

    def __post_init__(self) -> None:
        if not (0 < self.share < 1 and 0 < self.across < 1 and self.stuck > 0):
            raise UsageError(
                f"share is {self.share}, across {self.across}, stuck {self.stuck}",
                "share and across from 0 to 1, stuck positive",
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
        still, through = self._still(run), across_layers(run)
        passed = median_interval(through.late().values) if len(through.late()) >= FEWEST else None
        gone = np.maximum(norm.values, floor) < self.share * np.median(parts[0])
        first = int(norm.steps[np.argmax(gone)]) if gone.any() else int(norm.steps[0])
        count = int(gone.sum()) or len(norm)
        if left[2] < self.share:
            effect = Effect("norm_left", *left, self.share)
            what = f"the gradient norm of the last steps is {left[0]:.2g} of that of the first"
        elif passed is not None and passed[2] < self.across:
            effect = Effect("first_layers_over_last", *passed, self.across)
            what = f"the first layers get {passed[0]:.2g} of the gradient of the last"
            first = int(through.steps[np.argmax(through.values < self.across)])
            count = int((norm.steps >= first).sum())
        elif still is not None and still[2] < ULP:
            effect = Effect("update_to_weight", *still, ULP)
            what = f"a step changes the weights by {still[0]:.2g} of their norm"
        else:
            return
        yield self.finding(
            f"{what}, since {run.when(first)}, and the loss is still {level:.3g} of the reference",
            count=count,
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
                "first_layers_over_last": passed[0] if passed else None,
            },
        )

    @staticmethod
    def _still(run: View) -> tuple[float, float, float] | None:
        try:
            ratio = run.series("update_ratio").late().finite()
        except NotApplicable:
            return None
        return median_interval(ratio.values) if len(ratio) >= FEWEST else None


def across_layers(run: View) -> Series:
    """The gradient of the first layers over that of the last, by look; empty where unknown.

    Each layer's norm is divided by that of its weights; a third of the layers each (one at least)
    count by the median of their logarithms. Looks at fewer than three layers, or in which a norm
    was not finite, are left out; so are those without any gradient.
    """
    weight = pl.col("weight_norm").clip(NOTHING)
    third = (pl.len() // 3).clip(1)
    share = pl.col("grad_norm").clip(NOTHING).log() - weight.log()
    looks = (
        run.run.layers.group_by("step", maintain_order=True)
        .agg(
            known=pl.col("grad_norm").is_finite().fill_null(value=False).all()
            & pl.col("weight_norm").is_finite().fill_null(value=False).all()
            & (pl.col("grad_norm") > 0).any()
            & (pl.len() >= LAYERS),
            ratio=(share.head(third).median() - share.tail(third).median()).exp(),
        )
        .filter("known")
    )
    return Series(looks["step"].to_numpy(), looks["ratio"].to_numpy())
