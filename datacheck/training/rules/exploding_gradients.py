"""# exploding-gradients (ST003)

## What it finds
Gradients that grow to many times their usual norm, at once or over the run, or beyond what a
floating-point number can hold.

## Why it hurts training
A step as long as that throws the weights far from where they were, and often to infinity. It comes
from deep products (a recurrent network over long sequences), from outliers in the data, from
features that are not scaled, and from a learning rate that is too high.

## How it is measured
On the norm before clipping. Any of

- *burst*: after the burn-in, a norm with z > 6 (as in loss-spike, ST002) and at least `factor`
  times the median of the 64 steps before; the lower end of the ratio's interval must clear `factor`
  too, and the norm must be three times that of the first tenth: a gradient that had nearly died
  and comes back is no explosion;
- *growth*: of ten equal stretches, the last has a median norm of `factor` times that of the lowest
  and ten times that of the first (lower ends), while the loss has not fallen;
- *overflow*: a norm that is infinite. (NaN is ST001's: it may come from the data.)

It was silent on all 64 healthy runs of `benchmarks/run_rules.md`, which has its finds too.

## Example
An encoder–decoder RNN on sequences of 1,000 steps: norms of 3, 40, 2e6 and infinity within four
steps.

## Repair and repair safety
Clipping by norm (`max_norm` 0.5 to 5), a gated cell (LSTM, GRU), orthogonal initial weights,
shorter or bucketed sequences, a lower learning rate: by hand. Where rows stand out, the repair of
the rule that had named them.

## Options
- `factor` (50.0): how many times the usual norm is an explosion.

## Known limits
A gradient that is huge from the first step on has no usual norm to be compared with; if it
overflows, or the loss diverges (ST005), that is told.

## References
- Pascanu, Mikolov and Bengio 2013, "On the difficulty of training recurrent neural networks", ICML.
- Zhang et al. 2020, "Why gradient clipping accelerates training", ICLR.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import NotApplicable
from datacheck.checks.stats import Z
from datacheck.errors import UsageError
from datacheck.findings import Effect, Finding
from datacheck.training.rules.base import RunRule
from datacheck.training.rules.spread import MEDIAN, blocks, log_ratio
from datacheck.training.rules.view import Series, View
from datacheck.training.spiking import LEAST, WINDOW, burn_in
from datacheck.types import Floats

ABOVE_FIRST = 3.0
GROWN = 10.0
FALLEN = 0.9


@dataclass(frozen=True)
class ExplodingGradients(RunRule):
    """Gradient norms out of all proportion."""

    why = "a step along such a gradient throws the weights far off, often to infinity"

    factor: float = 50.0

    def __post_init__(self) -> None:
        if not self.factor > 1:
            raise UsageError(f"factor is {self.factor}", "a number above 1, such as 50")

    def judge_run(self, run: View) -> Iterable[Finding]:
        norm = run.series("grad_norm", least=0)  # a run may overflow at its first step
        over = np.flatnonzero(np.isinf(norm.values))
        burst, ratio, low = self._bursts(run, norm)
        grown = self._growth(run, norm)
        if not (over.size or burst.size or grown):
            return
        parts, effect = [], None
        steps = norm.steps[burst[np.argsort(-ratio, kind="stable")]].tolist()
        if burst.size:
            top = int(np.argmax(ratio))
            effect = Effect(
                "norm_over_median",
                float(ratio[top]),
                float(low[top]),
                float(ratio[top] ** 2 / low[top]),
                self.factor,
            )
            parts.append(
                f"{ratio[top]:,.3g} times the median of the {WINDOW} steps before at "
                f"{run.when(int(norm.steps[burst[top]]))}"
            )
        if grown:
            effect = effect or Effect("norm_over_lowest", *grown, self.factor)
            parts.append(f"{grown[0]:,.3g} times its lowest stretch at the end")
        if over.size:
            parts.append(f"infinite at {run.when(int(norm.steps[over[0]]))}")
            steps = [*norm.steps[over].tolist(), *steps]
        count = over.size + burst.size
        told = dict(zip(norm.steps.tolist(), norm.values.tolist(), strict=True))
        blame = run.blame(steps, {"gradient norm": [told[s] for s in steps]})
        counted = f" ({count:,} of {len(norm):,} steps)" if count else ""
        yield self.finding(
            f"the gradient norm explodes: {', '.join(parts)}{counted}{blame.said}",
            count=count or len(norm.finite()) // 10,
            total=len(norm),
            unit="steps",
            effect=effect,
            evidence={
                **blame.evidence,
                "first_step": min(steps, default=None),
                "overflows": over.size,
                "bursts": burst.size,
                "growth": grown[0] if grown else None,
                "peak": float(norm.finite().values.max()) if len(norm.finite()) else None,
            },
            examples=blame.examples,
        )

    def _bursts(self, run: View, norm: Series) -> tuple[np.ndarray, Floats, Floats]:
        """Where bursts are, their ratios to the median before, and the lower ends of these."""
        found = run.gradient_spikes
        late = np.arange(len(norm)) >= burn_in(len(norm))
        at = np.flatnonzero(found.mask & late & np.isfinite(norm.values))
        ratio = norm.values[at] / found.median[at]
        logs = np.log(ratio)
        # z = log ratio / spread, so that the error of the median is at hand.
        known = np.clip(at, LEAST, WINDOW)
        low = np.exp(logs * (1 - Z * MEDIAN / (found.z[at] * np.sqrt(known))))
        early = float(np.median(norm.early())) if norm.early().size else math.inf
        real = (low >= self.factor) & (norm.values[at] >= ABOVE_FIRST * early)
        return at[real], ratio[real], low[real]

    def _growth(self, run: View, norm: Series) -> tuple[float, float, float] | None:
        """The last stretch over the lowest, with its interval, if it has exploded."""
        parts = blocks(norm.finite().values)
        if len(parts) < 10 or len(parts[0]) < 2:
            return None
        lowest = min(parts, key=lambda p: float(np.median(p)))
        grown = log_ratio(parts[-1], lowest)
        since = log_ratio(parts[-1], parts[0])
        if not (grown[1] >= self.factor and since[1] >= GROWN):
            return None
        try:
            course = blocks(run.series("loss").finite().values)
        except NotApplicable:
            return grown
        fell = np.median(course[-1]) < FALLEN * np.median(course[0])
        return None if fell else grown
