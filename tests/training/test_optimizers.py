"""Optimizers by name are torch's own."""

from __future__ import annotations

import pytest
import torch
from torch import nn, optim

from datacheck.errors import UsageError
from datacheck.training.optimizers import NAMES, optimizer
from tests.training.tiny import net, same

OWN = {
    "sgd": lambda p: optim.SGD(p, lr=0.05, weight_decay=0.1),
    "adam": lambda p: optim.Adam(p, lr=0.05, weight_decay=0.1),
    "adamw": lambda p: optim.AdamW(p, lr=0.05, weight_decay=0.1),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.05, weight_decay=0.1),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.05, weight_decay=0.1),
}


def train(model, chosen):
    x = torch.arange(40.0).reshape(8, 5) / 40
    for _ in range(5):
        chosen.zero_grad()
        model(x).pow(2).mean().backward()
        chosen.step()
    return model


@pytest.mark.parametrize("name", NAMES)
def test_as_torch_s_own(name):
    mine, theirs = net(dropout=0.0), net(dropout=0.0)
    train(mine, optimizer(name, mine, lr=0.05, weight_decay=0.1))
    train(theirs, OWN[name](theirs.parameters()))
    assert same(mine, theirs)
    assert not same(mine, net())


@pytest.mark.parametrize("name", ["sgd", "rmsprop"])
def test_momentum(name):
    mine, without = net(dropout=0.0), net(dropout=0.0)
    train(mine, optimizer(name, mine, lr=0.01, momentum=0.9))
    train(without, optimizer(name, without, lr=0.01))
    assert not same(mine, without)


@pytest.mark.parametrize("name", NAMES)
def test_decay_of_matrices_alone(name):
    model = net(dropout=0.0)
    before = {k: v.clone() for k, v in model.named_parameters()}
    chosen = optimizer(name, model, lr=0.01, weight_decay=0.5, decayed="matrices")
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    chosen.step()
    moved = {k: not torch.equal(v, before[k]) for k, v in model.named_parameters()}
    assert moved == {k: v.ndim > 1 for k, v in before.items()}
    everything = optimizer(name, model, lr=0.01, weight_decay=0.5)
    assert len(everything.param_groups) == 1


def test_frozen_parameters_are_left_out():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    chosen = optimizer("adam", model, lr=0.1)
    assert sum(len(g["params"]) for g in chosen.param_groups) == 2


def test_what_does_not_fit_is_refused():
    with pytest.raises(UsageError, match="no optimizer 'lion'"):
        optimizer("lion", net(), lr=0.1)
    with pytest.raises(UsageError, match="adagrad has no momentum"):
        optimizer("adagrad", net(), lr=0.1, momentum=0.9)
    with pytest.raises(UsageError, match="no parameter to train"):
        optimizer("adam", nn.ReLU(), lr=0.1)
