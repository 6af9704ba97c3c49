"""# saturated-or-dead-units (ST006)

## What it finds
Layers most of whose units are dead (a ReLU that is zero for every row of the batch) or saturated (a
sigmoid or tanh at its end for every row).

## Why it hurts training
No gradient passes such a unit: it does not learn, and what lies below it learns less. The model is
smaller than it looks. It comes from inputs that are not scaled, large steps and large initial
weights.

## How it is measured
By layer, on the steps on which the monitor looked: the median share of such units after the
burn-in, with its interval by order statistics, whose lower end must clear `share`. Layers that
have them are one finding.

It was silent on all 64 healthy runs of `benchmarks/run_rules.md`, which has its finds too.

## Example
Features of size 10,000 into a layer of 64 tanh units: 61 of them are at ±1 on every row.

## Repair and repair safety
`standardize` (safe), where rule NM002 names the features; other activations (ELU, SiLU), a lower
learning rate, normalization layers: by hand.

## Options
- `share` (0.5): the share of a layer's units from which on it fires.

## Known limits
In a small batch a unit that fires rarely looks dead. Sparse models mean it so.

## References
- Lu et al. 2020, "Dying ReLU and Initialization".
- Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural
  networks".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import NotApplicable
from datacheck.errors import UsageError
from datacheck.findings import Effect, Finding, names
from datacheck.training.rules.base import RunRule
from datacheck.training.rules.spread import median_interval
from datacheck.training.rules.view import Series, View

FEWEST = 5  # looks at a layer without which nothing is said


@dataclass(frozen=True)
class SaturatedOrDeadUnits(RunRule):
    """Layers whose units do not answer."""

    why = "no gradient passes such units: the model is smaller than it looks"

    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise UsageError(f"share is {self.share}", "a share, such as 0.5")

    def judge_run(self, run: View) -> Iterable[Finding]:
        layers = _by_layer(run)
        found = {}
        for name, seen in layers.items():
            interval = median_interval(seen.late().values)
            if interval[1] > self.share:
                found[name] = interval
        if not found:
            return
        order = sorted(found, key=lambda n: (-found[n][0], n))
        worst = layers[order[0]]
        first = int(worst.steps[np.argmax(worst.values > self.share)])
        shown = names(f"{n} ({found[n][0]:.0%})" for n in order)
        yield self.finding(
            f"{len(order)} of {len(layers)} layers {'has' if len(order) == 1 else 'have'} mostly "
            f"dead or saturated units: {shown}, the first since {run.when(first)}",
            count=len(order),
            total=len(layers),
            unit="layers",
            effect=Effect("share_of_units", *found[order[0]], self.share),
            evidence={"shares": {n: found[n][0] for n in order[:20]}, "first_step": first},
        )


def _by_layer(run: View) -> dict[str, Series]:
    """The shares that were seen, by layer. Raises NotApplicable for none, or too few looks."""
    out = {}
    for (name,), frame in run.run.dead.drop_nulls().group_by("layer", maintain_order=True):
        seen = Series(frame["step"].to_numpy(), frame["share"].to_numpy())
        if len(seen.late()) >= FEWEST:
            out[str(name)] = seen
    if not out:
        raise NotApplicable("no shares of dead or saturated units were recorded")
    return out
