"""A model's loss and score on a split."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from datacheck.errors import UsageError
from datacheck.training.determinism import reseed, untouched
from datacheck.training.loop.averaging import evaluating
from datacheck.training.loop.feeding import go_to, to_device

Autocast = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """What an evaluation gave.

    ``loss`` is the mean over the ``count`` rows or tokens; ``score`` is the objective's, NaN where
    it has none. ``predicted`` holds the ``n`` predictions, on the CPU, in the order of the split;
    None where the objective does not judge.
    """

    loss: float
    score: float
    count: int
    n: int
    predicted: Tensor | None

    def flips(self, before: Tensor | None) -> int | None:
        """Predictions of a class that are others than ``before``; None of numbers."""
        now = self.predicted
        if now is None or before is None or now.is_floating_point() or now.shape != before.shape:
            return None
        return int((now != before).sum())


@torch.no_grad()
def evaluate(
    model: nn.Module,
    objective: Any,
    loader: Iterable[Any],
    *,
    device: torch.device | str = "cpu",
    autocast: Autocast = nullcontext,
    seed: int = 0,
) -> Evaluated:
    """Loss and score of ``model``, in evaluation mode, over all of ``loader``.

    Rows come in the same order each time, also from a loader that shuffles. The model's modes
    and the global generators stay as they were. Raises UsageError for a loader without batches.
    """
    device = torch.device(device)
    totals, counts = [], []
    predicted, targets = [], []
    with evaluating(model), untouched():
        reseed(seed, "evaluation")
        go_to(loader, 0)
        for given in loader:
            batch = to_device(given, device)
            with autocast():
                judged = objective.judge(model, batch) if hasattr(objective, "judge") else None
                losses = judged.losses if judged else objective(model, batch)
            counts.append(int(losses.count))
            # A batch with nothing to predict says nothing.
            totals.append(losses.mean.double() * losses.count if losses.count else None)
            if judged is not None:
                predicted.append(judged.predicted)
                targets.append(judged.target)
    if not counts:
        raise UsageError("an evaluation split has no batches", "is its loader used up, or empty?")
    told = [t for t in totals if t is not None]
    count = sum(counts)
    loss = float(torch.stack(told).sum()) / count if count else float("nan")
    if not predicted:
        return Evaluated(loss, float("nan"), count, count, None)
    chosen, wanted = torch.cat(predicted), torch.cat(targets)
    score = float(objective.score(chosen, wanted))
    return Evaluated(loss, score, count, len(chosen), chosen.cpu())
