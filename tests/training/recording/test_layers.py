"""Norms by layer: what the model has, before clipping, and nothing where it cannot be told."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest
import torch
from torch import nn

from datacheck.training import StabilityMonitor


class Strange(torch.Tensor):
    """As parts of a model that is spread over processes are."""


def trained(how="plain", steps=5, deferred=False, scale=1.0):
    """Steps with a monitor; the norms as they were by hand, by step and layer."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Sequential(nn.Linear(8, 3)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    last: Any = model[2]
    layers = {"0": model[0], "2.0": last[0]}
    told = []
    with StabilityMonitor(model, optimizer, every=2, deferred=deferred) as monitor:
        for step in range(steps):
            loss = model(torch.randn(6, 4)).square().mean()
            optimizer.zero_grad()
            (loss * scale).backward()
            for name, layer in layers.items():
                held: Any = list(layer.parameters())
                length, weight = (
                    math.hypot(*(float(t.detach().norm()) for t in of))
                    for of in ([p.grad for p in held], held)
                )
                if step % 2 == 0:
                    told.append((step, name, length / scale, weight))
            norm: Any = None
            if how == "clipped":
                norm = nn.utils.clip_grad_norm_(model.parameters(), 0.01)
            elif how == "measured":
                monitor.measure(scale)
                nn.utils.clip_grad_value_(model.parameters(), 1e-6)
            elif how == "spread":
                norm = nn.utils.get_total_norm([p.detach() for p in model.parameters()])
                for p in model.parameters():
                    grad: Any = p.grad
                    p.grad = grad.as_subclass(Strange)
            elif how == "gone":
                norm = 1.0
                optimizer.zero_grad()
            monitor.step(loss, grad_norm=norm)
            optimizer.step()
    return monitor.run, told


@pytest.mark.parametrize("deferred", [False, True])
@pytest.mark.parametrize(("how", "scale"), [("plain", 1.0), ("clipped", 1.0), ("measured", 64.0)])
def test_layers_have_their_norms_on_the_steps_that_are_looked_at(how, scale, deferred):
    run, told = trained(how, deferred=deferred, scale=scale)
    assert [r[:2] for r in run.layers.rows()] == [t[:2] for t in told]
    for row, want in zip(run.layers.rows(), told, strict=True):
        assert row[2:] == pytest.approx(want[2:], rel=1e-4)
    norms = run.steps.select("step", "grad_norm")
    of_all = run.layers.group_by("step", maintain_order=True).agg(pl.col("grad_norm").pow(2).sum())
    for step, square in of_all.rows():
        assert math.sqrt(square) == pytest.approx(norms.row(step)[1], rel=1e-5)


@pytest.mark.parametrize("how", ["spread", "gone"])
def test_where_norms_cannot_be_told_nothing_is(how):
    run, _ = trained(how)
    assert run.layers.height == 0
    assert run.steps["grad_norm"].null_count() == 0


def test_norms_that_are_not_finite_are_null():
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with StabilityMonitor(model, optimizer, on_nonfinite="record") as monitor:
        for p in model.parameters():
            p.grad = torch.full_like(p, math.inf)
        monitor.step(1.0)
    assert monitor.run.layers["layer"].to_list() == ["weight", "bias"]
    assert monitor.run.layers["grad_norm"].to_list() == [None, None]
    assert monitor.run.layers["weight_norm"].null_count() == 0
