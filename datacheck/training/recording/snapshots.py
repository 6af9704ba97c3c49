"""The state of a run just before its worst steps, kept so that they can be replayed."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from datacheck.errors import UsageError
from datacheck.training.loop.keys import random_state, untouched
from datacheck.training.spiking import LIMIT, SpikeWatch


@dataclass(frozen=True, slots=True, eq=False)
class Earlier:
    """Model and optimizer as they were just before the update of an ordinary, earlier step."""

    step: int
    model: dict[str, Any]
    optimizer: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Model, optimizer and random numbers as they were just before a step's update.

    ``loss`` and ``grad_norm`` are what the step then had; ``usual_loss`` and ``usual_norm`` the
    medians of the 64 steps before (NaN where they were not judged). ``z`` is how far the worse of
    the two was above them. ``earlier`` is from some steps before, for a replay with a calmer
    optimizer; None for the first step. All tensors are copies on the host.
    """

    step: int
    model: dict[str, Any]
    optimizer: dict[str, Any]
    random: Mapping[str, Tensor]
    loss: float
    grad_norm: float
    usual_loss: float
    usual_norm: float
    z: float
    earlier: Earlier | None = None


class Snapshots:
    """Keeps the states of the ``most`` worst steps of a run, by how far they spike.

    Stands where a monitor stands, and passes all on to ``monitor`` if one is given:
    ``Trainer(…, monitor=lambda model, optimizer: Snapshots(model, optimizer, monitor=…))``, or
    ``m.step(loss, …)`` in a loop of one's own, after ``backward`` and *before* the optimizer's
    step (and before clipping, unless ``grad_norm`` is given). Steps are counted as
    :class:`~datacheck.training.monitor.StabilityMonitor` counts them, from ``start``.

    With each goes a state from ``back`` to 2·``back`` steps before (from the first step, if that
    is nearer).

    Memory: at most 2·``most`` + 2 copies of parameters, buffers and optimizer state, on the host.
    Time: a step costs its two numbers, one wait for the device; every ``back`` steps, and where
    it spikes, a copy. What draws random numbers (dropout) is replayed exactly if the loop draws
    none between this call and the next forward pass, or if ``reseed(step)`` says how the loop
    seeds a step; the trainer's is ``lambda step: determinism.reseed(seed, "step", step)``.
    Kept are the random numbers of the host and of the CUDA devices that the model is on. Raises
    UsageError for a ``most`` or ``back`` below 1.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        monitor: Any = None,
        most: int = 8,
        back: int = 32,
        start: int = 0,
        reseed: Callable[[int], object] | None = None,
    ) -> None:
        if most < 1 or back < 1:
            raise UsageError(f"most is {most}, back {back}", "one at least")
        self.model, self.optimizer, self.monitor = model, optimizer, monitor
        self.most, self.back, self.reseed, self._next = most, back, reseed, start
        self._start = start
        self._earlier: deque[Earlier] = deque(maxlen=2)
        self._states: dict[int, State] = {}
        self._loss, self._norm = SpikeWatch(), SpikeWatch()
        self._random = random_state(model)

    def __enter__(self) -> Snapshots:
        if self.monitor is not None:
            self.monitor.__enter__()
        self._random = random_state(self.model)
        return self

    def __exit__(self, *error: Any) -> Any:
        return None if self.monitor is None else self.monitor.__exit__(*error)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "monitor" or self.monitor is None:
            raise AttributeError(name)
        return getattr(self.monitor, name)

    @property
    def steps(self) -> list[int]:
        """The steps whose states are kept, ascending."""
        return sorted(self._states)

    def at(self, step: int) -> State:
        """The state just before the update of ``step``. Raises UsageError if it is not kept."""
        if step not in self._states:
            kept = ", ".join(map(str, self.steps)) or "none: no step has spiked"
            raise UsageError(f"the state before step {step} was not kept", f"kept: {kept}")
        return self._states[step]

    def evaluation(self, *args: Any, **named: Any) -> None:
        """Passed on."""
        if self.monitor is not None:
            self.monitor.evaluation(*args, **named)

    def step(self, loss: Tensor | float, **told: Any) -> None:
        """Look at a step; its state is kept if it spikes. All is passed on to the monitor."""
        number, self._next = self._next, self._next + 1
        norm = told.get("grad_norm")
        if (number - self._start) % self.back == 0:
            self._earlier.append(Earlier(number, *self._copies()))
        self._see(number, _number(loss), self._measured() if norm is None else _number(norm))
        try:
            if self.monitor is not None:
                self.monitor.step(loss, **told)
        finally:
            self._random = random_state(self.model)

    def _see(self, step: int, loss: float, norm: float) -> None:
        scores = [self._loss.push(loss), self._norm.push(norm)]
        z = max((s for s in scores if not math.isnan(s)), default=0.0)
        if not z > LIMIT:
            return
        # Of steps that are not finite the first is kept: those after it are its doing.
        worse = [s for s in self._states.values() if s.z >= z]
        if len(worse) >= self.most or (math.isinf(z) and any(math.isinf(s.z) for s in worse)):
            return
        if len(self._states) >= self.most:
            del self._states[min(self._states, key=lambda s: (self._states[s].z, -s))]
        earlier = next((e for e in self._earlier if e.step < step), None)
        self._states[step] = State(
            step, *self._copies(), self._seeded(step), loss, norm,
            self._loss.median, self._norm.median, z, earlier,
        )  # fmt: skip

    def _copies(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return copied(self.model.state_dict()), copied(self.optimizer.state_dict())

    def _seeded(self, step: int) -> Mapping[str, Tensor]:
        """The random numbers that the step's forward pass began with."""
        if self.reseed is None:
            return self._random
        with untouched():
            self.reseed(step)
            return random_state(self.model)

    def _measured(self) -> float:
        grads = [p.grad for p in self.model.parameters() if p.grad is not None]
        return float(torch.nn.utils.get_total_norm(grads)) if grads else math.nan


def copied(value: Any) -> Any:
    """The same on the host, sharing nothing."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {k: copied(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [copied(v) for v in value]
    return value


def _number(value: Tensor | float) -> float:
    return float(value.detach() if isinstance(value, Tensor) else value)
