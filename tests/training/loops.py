"""A small model and a loop that trains it, watched by a monitor or not."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def perceptron(seed: int = 0) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))


def batch(number: int, size: int = 6) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(number)
    x = torch.randn(size, 5, generator=made)
    return x, torch.randint(0, 3, (size,), generator=made), torch.arange(size) + 100 * number


def train(model, optimizer, steps, monitor=None, *, after=False, first=0, zero=True):
    torch.manual_seed(7)
    losses = []
    for number in range(first, first + steps):
        x, y, rows = batch(number)
        per_row = nn.functional.cross_entropy(model(x), y, reduction="none")
        loss = per_row.mean()
        if zero:
            optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
        for when in (False, True):
            if monitor is not None and after == when:
                monitor.step(loss, rows=rows, per_row_loss=per_row, tokens=6, padded=8)
            if not when:
                optimizer.step()
    return losses
