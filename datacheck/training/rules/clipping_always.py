"""# clipping-always (ST009)

## What it finds
Runs in which nearly every step is clipped.

## Why it hurts training
Clipping is meant for the odd step. If it cuts nearly every one, all steps have the same length,
whatever the gradient: the learning rate is really `max_norm`, and the model cannot settle.

## How it is measured
The share of steps that were clipped, after the burn-in; it must exceed `share`, and so must the
lower end of its interval (Wilson).

It was silent on all 64 healthy runs of `benchmarks/run_rules.md`, which has its finds too.

## Example
`max_norm=1` while the median norm is 14: 997 of 1,000 steps are clipped.

## Repair and repair safety
A `max_norm` above the median norm that the finding tells, or a lower learning rate; if norms are
large because features are not scaled (NM002), `standardize` (safe).

## Options
- `share` (0.9): the share of clipped steps from which on it fires.

## Known limits
Some recipes for large language models clip nearly always and mean it.

## References
- Zhang et al. 2020, "Why gradient clipping accelerates training", ICLR.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import NotApplicable
from datacheck.checks.stats import wilson
from datacheck.errors import UsageError
from datacheck.findings import Effect, Finding
from datacheck.training.rules.base import RunRule
from datacheck.training.rules.view import LEAST, View


@dataclass(frozen=True)
class ClippingAlways(RunRule):
    """A clip that is no exception."""

    why = "every step has the same length, whatever the gradient, and the model cannot settle"

    share: float = 0.9

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise UsageError(f"share is {self.share}", "a share, such as 0.9")

    def judge_run(self, run: View) -> Iterable[Finding]:
        clipped = run.series("clipped", least=LEAST).late()
        count = int(clipped.values.sum())
        low, high = wilson(count, len(clipped))
        if low <= self.share:
            return
        limit = run.run.meta.get("max_norm")
        try:
            norm = float(np.median(run.series("grad_norm").late().finite().values))
        except NotApplicable:
            norm = None
        usual = f", the median norm is {norm:.3g}" if norm is not None else ""
        told = f" at {limit:g}" if isinstance(limit, int | float) else ""
        first = int(clipped.steps[np.argmax(clipped.values > 0)])
        yield self.finding(
            f"{count:,} of {len(clipped):,} steps are clipped{told}{usual}",
            count=count,
            total=len(clipped),
            unit="steps",
            effect=Effect("clipped_share", count / len(clipped), low, high, self.share),
            evidence={"first_step": first, "max_norm": limit, "median_norm": norm},
        )
