"""# non-finite-loss-or-gradient (ST001)

## What it finds
Steps whose loss or gradient norm was NaN or infinite.

## Why it hurts training
One optimizer step on such a gradient makes every weight NaN, and all that comes after is lost
time. A step that is skipped is lost too: with NaN in 0.1 % of the cells of a table, a guard that
skips loses most steps.

## How it is measured
Exact counts over all steps, the first ones too. No statistics: a count is a fact. The finding
tells the first such step, the layer whose tensor was the first that is not finite (where the
monitor looked), whether the run recovered, and the rows of the batch, those whose own loss is not
finite first.

It was silent on all 64 healthy runs of `benchmarks/run_rules.md`, which has its finds too.

## Example
`the loss is NaN at step 812 (epoch 3), in layer 2.weight; 188 of 1,000 steps are not finite`.

## Repair and repair safety
`to-missing` and `impute` (safe), where rules MV001 and MV002 name the rows; else gradient clipping
and a lower learning rate, by hand.

## Options
- `allowed` (0): steps that may be so.

## Known limits
It is as good as the record: a monitor that looks at every tenth step finds the first such step up
to nine late. Steps that a `GradScaler` skips in mixed precision, while it searches the scale of the
loss, do not count, if the monitor was told of it (`scaler=True`): only 25 and more in a row do,
which no scale explains.

## References
- Micikevicius et al. 2018, "Mixed Precision Training", ICLR.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from datacheck.checks.base import NotApplicable
from datacheck.errors import UsageError
from datacheck.findings import Effect, Finding
from datacheck.training.recording.recorded import finite_steps
from datacheck.training.rules.base import RunRule
from datacheck.training.rules.view import View


@dataclass(frozen=True)
class NonFiniteLossOrGradient(RunRule):
    """NaN or infinity where a step is taken from."""

    why = "one step on such a gradient makes every weight NaN"

    allowed: int = 0

    def __post_init__(self) -> None:
        if self.allowed < 0:
            raise UsageError(f"allowed is {self.allowed}", "a number of steps, such as 0")

    def judge_run(self, run: View) -> Iterable[Finding]:
        frame = run.run.steps
        if not frame.height:
            raise NotApplicable("no step was recorded")
        good = finite_steps(frame)
        bad = frame.filter(pl.Series(~good))
        if bad.height <= self.allowed:
            return
        first = bad.row(0, named=True)
        what = "loss" if _odd(first["loss"]) else "gradient norm"
        value = first["loss"] if what == "loss" else first["grad_norm"]
        layer = first.get("layer")
        recovers = bool(good[-1])
        blame = run.blame(bad["step"].to_list(), {})
        rate = bad.height / frame.height
        overflows = int(bad["overflow"].sum()) if "overflow" in bad.columns else 0
        yield self.finding(
            f"the {what} is {_said(value)} at "
            f"{run.when(first['step'])}{f', in {layer}' if layer else ''}; {bad.height:,} of "
            f"{frame.height:,} steps {'is' if bad.height == 1 else 'are'} not finite"
            f"{'' if recovers else ', the last one too'}{blame.said}",
            count=bad.height,
            total=frame.height,
            unit="steps",
            effect=Effect("non-finite_rate", rate, rate, rate, self.allowed / frame.height),
            evidence={
                **blame.evidence,
                "first_step": first["step"],
                "layer": layer,
                "loss": _count(bad, "loss"),
                "gradient": _count(bad, "grad_norm") + overflows,
                "recovers": recovers,
            },
            examples=blame.examples,
        )


def _odd(value: float | None) -> bool:
    return value is not None and not np.isfinite(value)


def _said(value: float | None) -> str:
    if value is None:  # a scaler's step, which has no norm
        return "not finite"
    return "NaN" if np.isnan(value) else "infinite"


def _count(frame: pl.DataFrame, column: str) -> int:
    return int((~frame[column].is_finite()).fill_null(value=False).sum())
