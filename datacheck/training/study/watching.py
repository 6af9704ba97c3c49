"""A monitor that also takes the loss on a fixed batch: unlike objectives can be compared on it."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from datacheck.training.monitor import StabilityMonitor


class Watch(StabilityMonitor):
    """A :class:`StabilityMonitor` in memory; ``probed`` are losses on ``probe``, one a step.

    They are taken before the update, in evaluation mode: losses of arms with unlike samplers,
    weights or masks can be compared on that alone. Without a ``probe`` there are none.
    """

    def __init__(
        self, model: nn.Module, optimizer: Optimizer, objective: Any, probe: Any = None
    ) -> None:
        super().__init__(model, optimizer, on_nonfinite="record")
        self.objective, self.probe = objective, probe
        self.probed: list[float] = []

    def step(self, loss: Any, **told: Any) -> None:
        """Record the step, then look at the probe."""
        super().step(loss, **told)
        if self.probe is not None:
            self._look()

    @torch.no_grad()
    def _look(self) -> None:
        was = [m.training for m in self.model.modules()]
        self.model.eval()
        self.probed.append(float(self.objective(self.model, self.probe).mean))
        for module, mode in zip(self.model.modules(), was, strict=True):
            module.training = mode
