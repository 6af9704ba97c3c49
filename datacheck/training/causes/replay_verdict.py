"""What a replayed step says: whether its suspects, or the optimizer, made it what it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from datacheck.findings import tidy
from datacheck.training.recording.snapshots import State

LEVEL = 0.05
HALF = 0.5  # of the rise over the usual, in logs: less than that is no explanation
CLOSE = 1e-3  # relative: a replayed step that differs more is another step


class Culprit(StrEnum):
    """What a replay says."""

    DATA = "data"
    OPTIMIZER = "optimizer"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A step as it was replayed: loss, gradient norm before clipping, norm of the update."""

    loss: float
    grad_norm: float
    update: float

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "loss": tidy(self.loss),
            "grad_norm": tidy(self.grad_norm),
            "update": tidy(self.update),
        }


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of a step with all rows, without the suspects, without others, and calmer.

    ``calmer`` is the step with all rows where the ``approach`` steps before it were taken again at
    a tenth of the learning rate (None where there was no step before).
    ``others`` are the draws of as many rows that are no suspects. ``explained`` is the part of the
    rise over the usual, in logs, that went with the suspects (1: an ordinary step is left; 0:
    nothing changed), ``by_calm`` what went with the calmer approach, ``by_chance`` the middle of
    what went with others, ``p`` the share of draws that did as well: (1 + k)/(1 + draws).
    ``extreme`` counts suspects that are as odd after the calmer approach, only on the other side:
    their loss is exactly 0, far from that of the others. ``exact`` says that the step with all
    rows came out as it was recorded.
    """

    step: int
    suspects: tuple[int, ...]
    rows: int
    full: Outcome
    without: Outcome
    others: tuple[Outcome, ...]
    calmer: Outcome | None
    approach: int
    measure: str
    explained: float
    by_calm: float
    by_chance: float
    p: float
    extreme: int
    exact: bool
    culprit: Culprit
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """As plain data, fit for JSON."""
        return {
            "step": self.step,
            "suspects": list(self.suspects),
            "rows": self.rows,
            "full": self.full.to_dict(),
            "without": self.without.to_dict(),
            "others": [o.to_dict() for o in self.others],
            "calmer": self.calmer.to_dict() if self.calmer else None,
            "approach": self.approach,
            "measure": self.measure,
            "explained": tidy(self.explained),
            "by_calm": tidy(self.by_calm),
            "by_chance": tidy(self.by_chance),
            "p": tidy(self.p),
            "extreme": self.extreme,
            "exact": self.exact,
            "culprit": self.culprit.value,
            "reason": self.reason,
        }

    def __str__(self) -> str:
        middle = _middle(self.others)
        rows = [("all rows", self.full), (f"without {len(self.suspects)} suspects", self.without),
                (f"without {len(self.suspects)} others (median)", middle)]  # fmt: skip
        if self.calmer is not None:
            rows.append(("all rows, calmer approach", self.calmer))
        width = max(len(name) for name, _ in rows)
        lines = [
            f"step {self.step:,} again: {self.culprit.value}. {self.reason}.",
            f"  {'':<{width}}  {'loss':>10}  {'gradient':>10}  {'update':>10}",
        ]
        lines += [
            f"  {name:<{width}}  {o.loss:>10.4g}  {o.grad_norm:>10.4g}  {o.update:>10.4g}"
            for name, o in rows
        ]
        return "\n".join(lines)


def judged(
    state: State,
    suspects: tuple[int, ...],
    rows: int,
    full: Outcome,
    without: Outcome,
    others: tuple[Outcome, ...],
    calmer: Outcome | None,
    extreme: int,
) -> Replay:
    """The verdict; ``extreme`` suspects are saturated after the calmer approach."""
    measure, usual = _measure(state, full)
    explained = _explained(full, without, usual, measure)
    chance = [_explained(full, o, usual, measure) for o in others]
    p = (1 + sum(c >= explained for c in chance)) / (1 + len(others))
    exact = _same(full.loss, state.loss) and _same(full.grad_norm, state.grad_norm)
    middle = float(np.median(chance))
    by_calm = math.nan if calmer is None else _explained(full, calmer, usual, measure)
    approach = 0 if state.earlier is None else state.step - state.earlier.step
    less = f"without them the {'gradient' if measure == 'grad_norm' else measure} loses"
    if not exact:
        culprit = Culprit.UNDECIDED
        reason = (
            f"the step did not come out as it was (loss {full.loss:.6g}, then {state.loss:.6g}): "
            "give the same batch, and reseed where the model draws random numbers"
        )
    elif math.isnan(explained):
        culprit, reason = Culprit.UNDECIDED, "the step is not above the usual, or nothing was usual"
    elif by_calm >= HALF and (not extreme or explained < HALF):
        culprit = Culprit.OPTIMIZER
        reason = (
            f"at a tenth of the learning rate over the {approach} steps before, the same batch "
            f"loses {by_calm:.0%} of the rise; without the suspects {explained:.0%}"
        )
    elif explained < HALF and calmer is not None:
        culprit = Culprit.UNDECIDED
        reason = (
            f"{less} {explained:.0%} of its rise, at a tenth of the learning rate {by_calm:.0%}"
        )
    elif explained < HALF:
        culprit = Culprit.OPTIMIZER
        reason = f"{less} {explained:.0%} of its rise: the step is as bad without the suspects"
    elif p > LEVEL:
        culprit = Culprit.UNDECIDED
        reason = f"{less} {explained:.0%} of its rise, but so it does without others (p = {p:.2g})"
    else:
        culprit = Culprit.DATA
        reason = (
            f"{less} {explained:.0%} of its rise, without others {middle:.0%} (p = {p:.2g}), "
            f"at a tenth of the learning rate {0 if calmer is None else by_calm:.0%}"
            f"{', where their loss is 0 to the digit' if extreme else ''}"
        )
    return Replay(
        state.step, suspects, rows, full, without, others, calmer, approach, measure, explained,
        by_calm, middle, p, extreme, exact, culprit, reason,
    )  # fmt: skip


def _measure(state: State, full: Outcome) -> tuple[str, float]:
    """Gradient norm or loss, whichever rose more, and what it usually was."""
    pairs = {
        "grad_norm": (full.grad_norm, state.usual_norm),
        "loss": (full.loss, state.usual_loss),
    }
    rises = {k: _rise(value, usual) for k, (value, usual) in pairs.items()}
    known = {k: r for k, r in rises.items() if not math.isnan(r)}
    name = max(known, key=lambda k: known[k]) if known else "grad_norm"
    return name, pairs[name][1]


def _rise(value: float, usual: float) -> float:
    """log(value / usual); infinite if the value is not finite, NaN where there is no usual."""
    if not math.isfinite(value):
        return math.inf
    if not usual > 0 or not math.isfinite(usual):
        return math.nan
    return math.log(value / usual) if value > 0 else -math.inf


def _explained(full: Outcome, part: Outcome, usual: float, measure: str) -> float:
    """The part of the rise that is gone, from 0 to 1; NaN where there is no rise."""
    rise, left = (_rise(float(getattr(o, measure)), usual) for o in (full, part))
    if math.isnan(rise) or rise <= 0:
        return math.nan
    if math.isinf(rise):
        return 0.0 if left == math.inf else 1.0  # finite, usual or not
    return min(1.0, max(0.0, 1 - left / rise))


def _same(a: float, b: float) -> bool:
    if math.isnan(b) or math.isinf(b):
        return not math.isfinite(a)
    return math.isclose(a, b, rel_tol=CLOSE, abs_tol=1e-12)


def _middle(outcomes: Sequence[Outcome]) -> Outcome:
    values = np.array([[o.loss, o.grad_norm, o.update] for o in outcomes])
    loss, norm, update = np.median(values, axis=0).tolist()
    return Outcome(loss, norm, update)
