"""# loss-spike (ST002)

## What it finds
Steps whose loss jumps far above that of the steps before it, and falls back.

## Why it hurts training
The step is taken along the gradient of that batch, and undoes many before it. Most spikes come
from a few rows: an outlier, a wrong label, junk text, a sequence of another length. Others come
from a learning rate that is too high, and then no row stands out.

## How it is measured
z = (log loss − median) / max(1.4826·MAD, 0.05) over the 64 steps before, without the step itself;
flagged values (z > 6) do not enter the window, two in a row at most. The first tenth of the run
is burn-in. A spike counts if its loss exceeds the median by `least` of the reference loss (the loss
of the constant predictor; of the first tenth of the steps, where none was recorded): near zero
the loss of a healthy run jumps by large factors. The rule fires

- if one such spike has z ≥ `z`, or
- if the share of steps with one is above `share`, and so is the lower end of its interval (Wilson).

The finding tells the worst step, the rows of those batches ranked by their share of the loss, and
which rules had named the rows that stand out (three times an equal share or more). Where rows were
recorded it ends with a `cause`: "data" if rows come back at the top of spikes, or rows that a rule
of the audit had named are in spiking batches, more often than chance explains; "no data cause" if
nothing of the kind is found; "undecided" if too little was recorded to tell. `associations` in the
evidence has the odds ratio of each rule with its interval and adjusted p, `cause_rows` the rows.
That few rows hold most of the loss of a batch is no cause by itself: with a learning rate that is
too high it is so as well.
The OLMo score, mean + 6 standard deviations of 128 steps, is told beside it for comparison: it goes
blind once more than 1/37 of the steps are hit.

It was silent on all 64 healthy runs of `benchmarks/run_rules.md`, which has its finds too.

## Example
One row in a hundred is multiplied by 1,000: more than a quarter of the batches of 32 spike.

## Repair and repair safety
That of the rule that had named the rows: `winsorize` (unsafe), `drop-duplicates` (safe), a person's
look at the labels (manual). Clipping bounds what a spike does to the weights, not the spike.

## Options
- `z` (10.0): how far above the median one spike is enough, in robust deviations.
- `share` (0.005): the share of steps above which smaller spikes (z > 6) count together.
- `least` (0.1): the least rise that counts, in reference losses.

## Known limits
A learning rate that restarts, or a change of the data, lifts the loss for good: the first 34
steps of that count as spikes. Losses that can be negative are not judged where they are.

## References
- Chowdhery et al. 2022, "PaLM", section 5.1.
- OLMo Team 2024, "2 OLMo 2 Furious", section 3 (spike score).
- Takase et al. 2023, "Spike No More: Stabilizing the Pre-training of Large Language Models".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.stats import wilson
from datacheck.errors import UsageError
from datacheck.findings import Effect, Finding
from datacheck.training.rules.base import RunRule
from datacheck.training.rules.view import LEAST, View
from datacheck.training.spiking import LIMIT, WINDOW, burn_in, olmo


@dataclass(frozen=True)
class LossSpike(RunRule):
    """A loss far above that of the steps before."""

    why = "a step along the gradient of such a batch undoes many before it"

    z: float = 10.0
    share: float = 0.005
    least: float = 0.1

    def __post_init__(self) -> None:
        if self.z < LIMIT or not 0 <= self.share < 1 or self.least < 0:
            raise UsageError(
                f"z is {self.z}, share {self.share}, least {self.least}",
                f"z is {LIMIT:g} or more, share from 0 to 1, least not negative",
            )

    def judge_run(self, run: View) -> Iterable[Finding]:
        loss = run.series("loss", least=LEAST)
        found = run.loss_spikes
        late = np.arange(len(loss)) >= burn_in(len(loss))
        at = np.flatnonzero(found.mask & late & np.isfinite(loss.values))
        rise = loss.values[at] - found.median[at]
        real = rise >= self.least * run.reference
        at, rise = at[real], rise[real]
        if not at.size:
            return
        total = int(late.sum())
        low, high = wilson(at.size, total)
        worst = at[np.argsort(-rise, kind="stable")]
        z = float(found.z[at].max())
        if low > self.share:
            effect = Effect("spike_rate", at.size / total, low, high, self.share)
        elif z >= self.z:
            effect = Effect("largest_z", z, z, z, self.z)
        else:
            return
        top = int(worst[0])
        factor = loss.values[top] / found.median[top]
        blame = run.blame(
            loss.steps[worst].tolist(),
            {"loss": loss.values[worst].tolist(), "z": found.z[worst].tolist()},
        )
        spike = "steps has a loss" if at.size == 1 else "steps have a loss"
        yield self.finding(
            f"{at.size:,} of {total:,} {spike} far above the {WINDOW} before, the worst "
            f"{factor:,.3g} times their median, at {run.when(int(loss.steps[top]))}{blame.said}",
            count=at.size,
            total=total,
            unit="steps",
            effect=effect,
            evidence={
                **blame.evidence,
                "worst_step": int(loss.steps[top]),
                "worst_factor": factor,
                "spike_rate": found.rate,
                "spike_mass": found.mass,
                "olmo_score": olmo(loss.values),
                "reference": run.reference,
            },
            examples=blame.examples,
        )
