"""Averages of weights over the steps: EMA and SWA, with torch's ``AveragedModel``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel

from datacheck.errors import UsageError


class Average:
    """A running average of a model's weights, for evaluation.

    With ``ema`` (the decay, below 1) exponential: θ̄ ← d·θ̄ + (1 − d)·θ, where d rises to ``ema``
    as min(ema, (1 + n)/(10 + n)) over the n steps so far, or short runs would be averaged with
    their first weights. With ``swa`` all weights alike from step ``begin`` on (Izmailov et al.
    2018), each step. Running statistics of norms are averaged along; :func:`refresh` computes
    them anew for the average, from data. Raises UsageError unless one of the two is asked for.
    """

    def __init__(
        self, model: nn.Module, *, ema: float | None = None, swa: bool = False, begin: int = 0
    ) -> None:
        if (ema is not None) == swa:
            raise UsageError("an average is either ema or swa", "give one of them")
        if ema is not None and not 0 < ema < 1:
            raise UsageError(f"ema is {ema:g}", "a decay between 0 and 1")
        self.name = "swa" if swa else "ema"
        self._ema, self._begin, self._count = ema, begin, 0
        self._averaged = AveragedModel(model, use_buffers=True)
        self._averaged.requires_grad_(False)

    @property
    def model(self) -> nn.Module | None:
        """The averaged model, None before there is anything in it."""
        return self._averaged.module if self._count else None

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after ``step``. Waits for no accelerator."""
        if step < self._begin:
            return
        # AveragedModel's own update would bring its count to the device, and wait for it.
        n = self._count
        new = 1 / (n + 1) if self._ema is None else 1 - min(self._ema, (1 + n) / (10 + n))
        blended: dict[torch.dtype, tuple[list[Tensor], list[Tensor]]] = {}
        for mine, other in zip(_values(self._averaged.module), _values(model), strict=True):
            if n and mine.is_floating_point():
                group = blended.setdefault(mine.dtype, ([], []))
                group[0].append(mine)
                group[1].append(other.to(mine.device))
            else:  # the first weights, and counts of batches
                mine.copy_(other)
        for averaged, current in blended.values():
            torch._foreach_lerp_(averaged, current, new)
        self._averaged.n_averaged += 1
        self._count += 1

    def state_dict(self) -> dict[str, Any]:
        """Weights, and how many were averaged."""
        return {"model": self._averaged.state_dict(), "count": self._count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._averaged.load_state_dict(state["model"])
        self._count = int(state["count"])


def _values(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]


def has_running_statistics(model: nn.Module) -> bool:
    """Whether any batch norm of the model keeps a running mean."""
    return any(isinstance(m, _BatchNorm) and m.running_mean is not None for m in model.modules())


@torch.no_grad()
def refresh(model: nn.Module, batches: Iterable[Any], forward: Callable[[Any], Any]) -> None:
    """Compute the running statistics of batch norms anew: the mean over ``batches``.

    As ``torch.optim.swa_utils.update_bn``, for any kind of batch: ``forward(batch)`` runs the
    model. All other modules stay in evaluation mode, so that dropout does not enter. A batch
    after which a statistic would not be finite is left out.
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.running_mean is not None]
    if not norms:
        return
    momenta = [m.momentum for m in norms]
    with evaluating(model):
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean
            norm.train()
        try:
            for batch in batches:
                before = [[b.clone() for b in norm.buffers()] for norm in norms]
                forward(batch)
                found = torch.cat([b.double().flatten() for norm in norms for b in norm.buffers()])
                if not bool(torch.isfinite(found).all()):
                    for norm, kept in zip(norms, before, strict=True):
                        for buffer, was in zip(norm.buffers(), kept, strict=True):
                            buffer.copy_(was)
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model in evaluation mode; each module is afterwards in the mode it was in."""
    before = [(m, m.training) for m in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training
