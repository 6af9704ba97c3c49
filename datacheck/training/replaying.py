"""A step again, without its suspects and without as many other rows: was it data or optimizer?

If a few rows made the step what it was, it is an ordinary step without them and remains what it
was without others. If the weights were where nearly any batch would have done the same, taking
rows out changes little, whichever they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import torch
from torch import nn

from datacheck.errors import UsageError
from datacheck.findings import tidy
from datacheck.training.snapshots import State, copied
from datacheck.types import Ints

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
    """What became of a step with all rows, without the suspects, and without others.

    ``others`` are the draws of as many rows that are no suspects. ``explained`` is the part of the
    rise over the usual, in logs, that went with the suspects (1: an ordinary step is left; 0:
    nothing changed), ``by_chance`` the middle of what went with others, ``p`` the share of draws
    that did as well: (1 + k)/(1 + draws). ``exact`` says that the step with all rows came out as
    it was recorded.
    """

    step: int
    suspects: tuple[int, ...]
    rows: int
    full: Outcome
    without: Outcome
    others: tuple[Outcome, ...]
    measure: str
    explained: float
    by_chance: float
    p: float
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
            "measure": self.measure,
            "explained": tidy(self.explained),
            "by_chance": tidy(self.by_chance),
            "p": tidy(self.p),
            "exact": self.exact,
            "culprit": self.culprit.value,
            "reason": self.reason,
        }

    def __str__(self) -> str:
        middle = _middle(self.others)
        rows = [("all rows", self.full), (f"without {len(self.suspects)} suspects", self.without),
                (f"without {len(self.suspects)} others (median)", middle)]  # fmt: skip
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


Clip = Callable[[list[nn.Parameter]], object]


def replay(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    objective: Any,
    state: State,
    batch: Any,
    suspects: Sequence[int] | Ints,
    *,
    clip: Clip | None = None,
    draws: int = 39,
    seed: int = 0,
) -> Replay:
    """The step of ``state`` again with ``batch``, without ``suspects``, and without others.

    ``batch`` is that step's, with ``rows`` (addresses, shape (batch,)) and ``take(positions)``,
    as a :class:`~datacheck.pipelines.collate.Batch`; ``objective(model, batch)`` gives
    :class:`~datacheck.training.objectives.Losses`. ``clip(parameters)`` clips their gradients as
    the run did. Model and optimizer are left as they were, random numbers too.

    Raises UsageError for suspects that are not in the batch or that are half of it or more, and
    for fewer draws than 19, with which no p could be as low as 0.05.
    """
    rows = np.asarray(batch.rows, dtype=np.int64)
    wanted = np.unique(np.asarray(list(suspects), dtype=np.int64))
    mine = np.isin(rows, wanted)
    if not mine.any() or not np.isin(wanted, rows).all():
        raise UsageError(
            f"suspects {wanted.tolist()[:5]} are not all in the batch of step {state.step}",
            f"its rows: {', '.join(map(str, rows.tolist()[:10]))}",
        )
    if 2 * int(mine.sum()) >= rows.size:
        raise UsageError(
            f"{int(mine.sum())} of {rows.size} rows are suspects",
            "without half of a batch there is nothing to compare with: name fewer",
        )
    if draws < 19:
        raise UsageError(f"{draws} draws", "19 at least, or no p is as low as 0.05")
    rng = np.random.default_rng(seed)
    innocent = np.flatnonzero(~mine)
    with _kept(model, optimizer):

        def again(leave_out: Ints) -> Outcome:
            keep = np.setdiff1d(np.arange(rows.size), leave_out)
            part = batch.take(torch.from_numpy(keep)) if leave_out.size else batch
            return _step(model, optimizer, objective, state, part, clip)

        full, without = again(np.zeros(0, dtype=np.int64)), again(np.flatnonzero(mine))
        others = tuple(
            again(rng.choice(innocent, int(mine.sum()), replace=False)) for _ in range(draws)
        )
    return _judged(state, tuple(wanted.tolist()), rows.size, full, without, others)


def _step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    objective: Any,
    state: State,
    batch: Any,
    clip: Clip | None,
) -> Outcome:
    """One step from the state, as a training loop makes it."""
    model.load_state_dict(state.model)
    optimizer.load_state_dict(copied(state.optimizer))  # the optimizer would change it in place
    torch.set_rng_state(state.random)
    model.train()
    optimizer.zero_grad(set_to_none=True)
    loss = objective(model, batch).mean
    loss.backward()
    parameters = [p for p in model.parameters() if p.grad is not None]
    norm = float(nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None]))
    if clip is not None:
        clip(parameters)
    before = [p.detach().clone() for p in parameters]
    optimizer.step()
    moved = [p.detach() - b for p, b in zip(parameters, before, strict=True)]
    return Outcome(float(loss.detach()), norm, float(nn.utils.get_total_norm(moved)))


@contextmanager
def _kept(model: nn.Module, optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """What is done inside leaves no trace."""
    saved, opt = copied(model.state_dict()), copied(optimizer.state_dict())
    training = {m: m.training for m in model.modules()}
    grads = [p.grad for p in model.parameters()]
    random = torch.get_rng_state()
    try:
        yield
    finally:
        model.load_state_dict(saved)
        optimizer.load_state_dict(opt)
        for module, flag in training.items():
            module.training = flag
        for parameter, grad in zip(model.parameters(), grads, strict=True):
            parameter.grad = grad
        torch.set_rng_state(random)


# -- the verdict ---------------------------------------------------------------------------------


def _judged(
    state: State,
    suspects: tuple[int, ...],
    rows: int,
    full: Outcome,
    without: Outcome,
    others: tuple[Outcome, ...],
) -> Replay:
    measure, usual = _measure(state, full)
    explained = _explained(full, without, usual, measure)
    chance = [_explained(full, o, usual, measure) for o in others]
    p = (1 + sum(c >= explained for c in chance)) / (1 + len(others))
    exact = _same(full.loss, state.loss) and _same(full.grad_norm, state.grad_norm)
    middle = float(np.median(chance))
    less = f"without them the {'gradient' if measure == 'grad_norm' else measure} loses"
    if not exact:
        culprit = Culprit.UNDECIDED
        reason = (
            f"the step did not come out as it was (loss {full.loss:.6g}, then {state.loss:.6g}): "
            "give the same batch, and reseed where the model draws random numbers"
        )
    elif math.isnan(explained):
        culprit, reason = Culprit.UNDECIDED, "the step is not above the usual, or nothing was usual"
    elif explained < HALF:
        culprit = Culprit.OPTIMIZER
        reason = f"{less} {explained:.0%} of its rise: the step is as bad without the suspects"
    elif p > LEVEL:
        culprit = Culprit.UNDECIDED
        reason = f"{less} {explained:.0%} of its rise, but so it does without others (p = {p:.2g})"
    else:
        culprit = Culprit.DATA
        reason = f"{less} {explained:.0%} of its rise, without others {middle:.0%} (p = {p:.2g})"
    return Replay(
        state.step, suspects, rows, full, without, others, measure, explained, middle, p, exact,
        culprit, reason,
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
