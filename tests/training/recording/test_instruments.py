from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from datacheck.errors import UsageError
from datacheck.training.monitor import StabilityMonitor
from tests.training.loops import batch, perceptron, train


def test_gradients_that_are_not_there():
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = StabilityMonitor(model, optimizer)
    with pytest.raises(UsageError, match=r"no parameter .* has a gradient"):
        monitor.step(torch.tensor(1.0))
    for p in model[0].parameters():
        p.requires_grad_(False)
    loss = model(batch(0)[0]).sum()
    loss.backward()
    monitor.step(loss)
    optimizer.zero_grad()
    monitor.step(torch.tensor(1.0))
    norm = math.hypot(*(float(p.grad.norm()) for p in model.parameters() if p.grad is not None), 0)
    assert norm == 0
    assert monitor.run.steps["grad_norm"].is_null().to_list() == [False, True]


def test_a_gradient_of_zero():
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with StabilityMonitor(model, optimizer, every=1) as monitor:
        for _ in range(2):
            optimizer.zero_grad()
            loss = (model(batch(0)[0]) * 0).sum()
            loss.backward()
            monitor.step(loss)
            optimizer.step()
    assert monitor.run.steps["grad_norm"].to_list() == [0, 0]
    assert monitor.run.steps["update_ratio"].to_list() == [0, 0]


def test_weights_of_zero_that_stay_so_have_no_ratio():
    model: Any = nn.Linear(2, 1)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with StabilityMonitor(model, optimizer) as monitor:
        loss = model(torch.ones(1, 2)).sum()
        loss.backward()
        monitor.step(loss)
        optimizer.step()
    assert monitor.run.steps["update_ratio"].to_list() == [None]


@pytest.mark.parametrize("deferred", [False, True])
def test_sparse_and_dense_gradients_together(deferred):
    model: Any = nn.Sequential(nn.Embedding(10, 3, sparse=True), nn.Flatten(), nn.Linear(6, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with StabilityMonitor(model, optimizer, every=1, deferred=deferred) as monitor:
        loss = model(torch.tensor([[1, 1], [2, 3]])).sum()
        loss.backward()
        monitor.step(loss)
        assert not model[0].weight.grad.is_coalesced()
        optimizer.step()
    norms = [
        model[0].weight.grad.to_dense().norm(),
        *(p.grad.norm() for p in model[2].parameters()),
    ]
    assert monitor.run.steps["grad_norm"].to_list() == [
        pytest.approx(math.hypot(*map(float, norms)), rel=1e-5)
    ]
    assert monitor.run.steps["update_ratio"].null_count() == 0


def test_mixed_kinds_of_numbers_and_groups():
    model: Any = nn.Sequential(
        nn.Linear(5, 4).double(), nn.Linear(4, 4).to(torch.bfloat16), nn.Linear(4, 2)
    )
    optimizer = torch.optim.AdamW(
        [{"params": model[0].parameters(), "lr": 0.5}, {"params": model[1:].parameters()}], lr=0.1
    )
    with StabilityMonitor(model, optimizer, every=1) as monitor:
        for number in range(3):
            optimizer.zero_grad()
            x = model[1](model[0](batch(number)[0].double()).bfloat16()).float()
            loss = model[2](x).square().mean()
            loss.backward()
            norm = math.hypot(*(float(p.grad.double().norm()) for p in model.parameters()))
            monitor.step(loss)
            optimizer.step()
            assert monitor.run.steps["grad_norm"][-1] == pytest.approx(norm, rel=1e-3)
    assert monitor.run.steps["lr"].to_list() == [0.5] * 3
    assert monitor.run.steps["update_ratio"].null_count() == 0


def test_a_norm_beyond_half_precision():
    model: Any = nn.Linear(4, 4, bias=False).half()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with StabilityMonitor(model, optimizer, deferred=True) as monitor:
        model.weight.grad = torch.full_like(model.weight, 6e4)
        monitor.step(1.0)
    assert monitor.run.steps["grad_norm"].to_list() == [pytest.approx(2.4e5, rel=1e-2)]


def test_lbfgs_calls_back():
    model: Any = nn.Linear(5, 1)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=3)
    x = batch(0)[0]

    def closure():
        optimizer.zero_grad()
        loss = (model(x) - 1).square().mean()
        loss.backward()
        return loss

    with StabilityMonitor(model, optimizer, every=1) as monitor:
        for _ in range(3):
            monitor.step(optimizer.step(closure))
    assert monitor.run.steps["update_ratio"].null_count() == 0


def test_parameters_that_come_later_are_seen():
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with StabilityMonitor(model, optimizer, flush_every=1) as monitor:
        train(model, optimizer, 2, monitor)
        model.append(nn.Linear(3, 3))
        optimizer.add_param_group({"params": model[4].parameters()})
        train(model, optimizer, 2, monitor)
        assert "4.weight" in monitor._gradients.names
