"""Learning rate schedules by name, built from torch's own, counted in steps of the optimizer."""

from __future__ import annotations

import warnings
from typing import Any, Literal, get_args

from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from datacheck.errors import UsageError
from datacheck.findings import names

Name = Literal["constant", "step", "exponential", "cosine", "linear", "plateau"]
NAMES: tuple[str, ...] = get_args(Name)


class Schedule:
    """The learning rate as a function of the step, and for ``plateau`` of evaluations.

    With f the factor on the optimizer's rate, w ``warmup``, T ``total``, at step t = 0, 1, …

    - warm-up: f = (t + 1)/(w + 1) for t < w, linear; all below then count t from w
    - ``constant``: f = 1
    - ``step``: f = decay^⌊t/every⌋
    - ``exponential``: f = decay^(t/every)
    - ``cosine``: f = floor + (1 − floor)·(1 + cos(πt/(T − w)))/2 (Loshchilov & Hutter 2017)
    - ``linear``: f = 1 + (floor − 1)·t/(T − w)
    - ``plateau``: f is multiplied by decay after more than ``patience`` evaluations without a
      lower loss, not below ``floor``

    ``every`` is a third of the run unless given. Call :meth:`step` after each step,
    :meth:`evaluated` with each evaluation's loss. Raises UsageError for other names and values
    out of bounds.
    """

    def __init__(
        self,
        name: str,
        optimizer: Optimizer,
        *,
        total: int,
        warmup: int = 0,
        decay: float = 0.1,
        every: int | None = None,
        floor: float = 0.0,
        patience: int = 2,
    ) -> None:
        check(name, decay=decay, every=every, floor=floor)
        if total <= warmup:
            raise UsageError(f"a warm-up of {warmup} steps in a run of {total}", "shorten it")
        self._optimizer, self._warmup, self._taken = optimizer, warmup, 0
        after = total - warmup
        per = every or max(1, round(after / 3))
        self._plateau: lr_scheduler.ReduceLROnPlateau | None = None
        rate = float(optimizer.param_groups[0]["lr"])
        main: LRScheduler
        if name == "step":
            main = lr_scheduler.StepLR(optimizer, per, gamma=decay)
        elif name == "exponential":
            main = lr_scheduler.ExponentialLR(optimizer, gamma=decay ** (1 / per))
        elif name == "cosine":
            main = lr_scheduler.CosineAnnealingLR(optimizer, after, eta_min=floor * rate)
        elif name == "linear":
            main = lr_scheduler.LinearLR(optimizer, 1.0, floor, total_iters=after)
        else:
            main = lr_scheduler.ConstantLR(optimizer, 1.0, total_iters=0)
        if warmup:
            rising = lr_scheduler.LinearLR(optimizer, 1 / (warmup + 1), 1.0, total_iters=warmup)
            main = lr_scheduler.SequentialLR(optimizer, [rising, main], [warmup])
        if name == "plateau":
            self._plateau = lr_scheduler.ReduceLROnPlateau(
                optimizer, factor=decay, patience=patience, min_lr=floor * rate
            )
        self._steps = main

    @property
    def rate(self) -> float:
        """The learning rate of the step to come (of the first group of parameters)."""
        return float(self._optimizer.param_groups[0]["lr"])

    def step(self) -> None:
        """A step of the optimizer was taken, or left out."""
        self._taken += 1
        if self._plateau is not None and self._taken > self._warmup:
            return  # what the evaluations chose stays
        if getattr(self._optimizer, "_opt_called", False):
            self._steps.step()
            return
        with warnings.catch_warnings():
            # All steps so far were left out: torch takes that for a mistake in the loop.
            warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
            self._steps.step()

    def evaluated(self, loss: float) -> None:
        """An evaluation gave ``loss``."""
        if self._plateau is not None and self._taken >= self._warmup:
            self._plateau.step(loss)

    def state_dict(self) -> dict[str, Any]:
        """What :meth:`load_state_dict` goes on from; the rate itself is in the optimizer's."""
        return {
            "taken": self._taken,
            "steps": self._steps.state_dict(),
            "plateau": None if self._plateau is None else self._plateau.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._taken = int(state["taken"])
        self._steps.load_state_dict(state["steps"])
        if self._plateau is not None:
            self._plateau.load_state_dict(state["plateau"])


def check(name: str, *, decay: float, every: int | None, floor: float) -> None:
    """Raises UsageError for a name that is none, or numbers out of bounds."""
    if name not in NAMES:
        raise UsageError(f"no schedule {name!r}", f"there are: {names(NAMES)}")
    if not 0 < decay < 1:
        raise UsageError(f"decay is {decay:g}", "a factor between 0 and 1")
    if not 0 <= floor < 1:
        raise UsageError(f"floor is {floor:g}", "a share of the learning rate, below 1")
    if every is not None and every < 1:
        raise UsageError(f"every is {every}", "a number of steps from 1")
