"""The options of a monitor: checked, and told in its record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import nn
from torch.optim import Optimizer

from datacheck.errors import UsageError


def coprime(every: int, epoch_steps: int | None) -> int:
    """The smallest stride from ``every`` on that shares no factor with the steps of an epoch.

    So that the looks do not fall on the same batches of each epoch.
    """
    while epoch_steps and math.gcd(every, epoch_steps) > 1:
        every += 1
    return every


def describe(
    model: nn.Module,
    optimizer: Optimizer,
    given: Mapping[str, Any],
    meta: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """What the first line of the record says of the run."""
    group = optimizer.param_groups[0] if optimizer.param_groups else {}
    lr = group.get("initial_lr", group.get("lr"))
    told = {
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "optimizer": type(optimizer).__name__,
        "lr": None if lr is None else float(lr),
        **given,
    }
    return {**{k: v for k, v in told.items() if v is not None}, **(meta or {})}


def check(on_nonfinite: str, **counts: int | None) -> None:
    """Raises UsageError for options that make no sense."""
    if on_nonfinite not in ("raise", "record"):
        raise UsageError(f"on_nonfinite is {on_nonfinite!r}", "it is 'raise' or 'record'")
    for name, value in counts.items():
        if value is not None and value < 1:
            raise UsageError(f"{name} is {value}", "at least 1")
