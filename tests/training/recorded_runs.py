"""Records of runs that never were, made of arrays."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from datacheck.training.run import Run


def number(name: str, value: float) -> dict[str, Any]:
    """A number as a record holds it."""
    if math.isfinite(value):
        return {name: value}
    word = "nan" if math.isnan(value) else "inf"
    return {name: None, f"{name}_is": word}


def recorded(
    losses: Any,
    rows: Any = None,
    row_losses: Any = None,
    *,
    norms: Any = None,
    epoch: int = 0,
    **meta: Any,
) -> Run:
    """A run with those losses, batches and losses of rows; ``epoch`` is its length in steps."""
    lines = [json.dumps({"version": 1, "kind": "start", **meta})]
    for i, loss in enumerate(losses):
        step: dict[str, Any] = {"kind": "step", "step": i, "epoch": i // epoch if epoch else 0}
        step |= number("loss", float(loss))
        if norms is not None:
            step |= number("grad_norm", float(norms[i]))
        if rows is not None:
            step["rows"] = [int(r) for r in rows[i]]
        if row_losses is not None:
            step["row_loss"] = [float(v) if math.isfinite(v) else None for v in row_losses[i]]
        lines.append(json.dumps(step))
    return Run.from_lines(lines)


def simulated(
    seed: int,
    *,
    bad: Sequence[int] = (),
    factor: float = 300.0,
    shocks: float = 0.0,
    epochs: int = 6,
    n: int = 640,
    size: int = 16,
    hard: float = 0.0,
) -> Run:
    """A run over ``n`` rows: each epoch in another order, losses of rows log-normal.

    Rows of ``bad`` have ``factor`` times the loss; a share ``shocks`` of the steps has 50 times
    the loss for no reason in the data; ``hard`` is the standard deviation between rows of the
    log of their own usual loss: rows that are hard, and innocent.
    """
    rng = np.random.default_rng(seed)
    usual = rng.normal(0, hard, n) if hard else np.zeros(n)
    scale = np.exp(usual)
    scale[list(bad)] *= factor
    rows, row_losses = [], []
    for _ in range(epochs):
        order = rng.permutation(n)
        for i in range(0, n - size + 1, size):
            batch = order[i : i + size]
            own = scale[batch] * rng.lognormal(0, 0.3, size)
            if rng.random() < shocks:
                own *= 50
            rows.append(batch)
            row_losses.append(own)
    losses = [float(v.mean()) for v in row_losses]
    return recorded(losses, rows, row_losses, epoch=n // size, reference=1.0)
