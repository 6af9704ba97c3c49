from __future__ import annotations

import copy
import io

import pytest
import torch
from torch import nn

from datacheck.training.monitor import StabilityMonitor
from tests.training.loops import batch, perceptron, train

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01),
}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("deferred", [False, True])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_it_only_watches(kind, deferred, after):
    """The same losses, weights, gradients, optimizer state and random numbers, to the bit."""
    ends = []
    for watched in (False, True):
        model = perceptron()
        optimizer = OPTIMIZERS[kind](model.parameters())
        if watched:
            with StabilityMonitor(
                model, optimizer, every=2, deferred=deferred, flush_every=3
            ) as monitor:
                losses = train(model, optimizer, 12, monitor, after=after)
        else:
            losses = train(model, optimizer, 12)
        state = optimizer.state_dict()["state"]
        ends.append(
            (
                losses,
                [p.detach().numpy().tobytes() for p in model.parameters()],
                [p.grad.numpy().tobytes() for p in model.parameters()],
                [v.numpy().tobytes() for s in state.values() for v in s.values()],
                torch.get_rng_state().numpy().tobytes(),
            )
        )
    assert ends[0] == ends[1]


@pytest.mark.parametrize("deferred", [False, True])
def test_the_graph_of_autograd_is_as_it_was(deferred):
    def shape(node, depth=0):
        if node is None:
            return None
        return (type(node).__name__, [shape(n, depth + 1) for n, _ in node.next_functions])

    model = perceptron().eval()
    plain = shape(model(batch(0)[0]).sum().grad_fn)
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with StabilityMonitor(model, optimizer, every=1, deferred=deferred) as monitor:
        model[2].p = 0.0
        out = model(batch(0)[0])
        model[2].eval()
        watched = model(batch(0)[0]).sum()
        assert shape(watched.grad_fn) == plain
        versions = [p._version for p in model.parameters()]
        out.sum().backward()
        monitor.step(out.sum())
        assert [p._version for p in model.parameters()] == versions
        assert all(p.grad._version == 0 and p.grad.grad_fn is None for p in model.parameters())


def test_a_model_can_be_copied_and_saved_while_it_is_watched():
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with StabilityMonitor(model, optimizer, every=1) as monitor:
        train(model, optimizer, 1, monitor)
        again = copy.deepcopy(model)
        torch.save(model, io.BytesIO())
        copy.deepcopy(optimizer)
        again(batch(0)[0])  # a copy is not watched
        train(model, optimizer, 1, monitor)
    assert monitor.run.dead["step"].to_list() == [0, 1]
    assert not model[1]._forward_hooks
    assert not model._forward_pre_hooks
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks


def test_a_model_compiled_by_dynamo_is_watched():
    model = perceptron()
    compiled = torch.compile(model, backend="eager")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with StabilityMonitor(model, optimizer, every=2) as monitor:
        train(compiled, optimizer, 6, monitor)
    assert monitor.run.steps.height == 6
    assert monitor.run.steps["grad_norm"].is_finite().all()


def test_a_model_within_vmap_is_left_alone():
    from torch.func import functional_call, stack_module_state, vmap

    models = [nn.Sequential(nn.Linear(5, 4), nn.ReLU()) for _ in range(3)]
    weights, buffers = stack_module_state(models)
    weights = {k: v.detach().requires_grad_() for k, v in weights.items()}
    base = models[0]
    optimizer = torch.optim.SGD(list(weights.values()), lr=0.1)
    with StabilityMonitor(base, optimizer, every=1) as monitor:
        for number in range(3):
            x = batch(number)[0]
            out = vmap(lambda p, b, x=x: functional_call(base, (p, b), (x,)), (0, 0))(
                weights, buffers
            )
            loss = out.square().mean()
            optimizer.zero_grad()
            loss.backward()
            norm = nn.utils.get_total_norm([w.grad for w in weights.values()])
            monitor.step(loss, grad_norm=norm)
            optimizer.step()
    assert monitor.run.steps["update_ratio"].null_count() == 0
    assert monitor.run.dead.height == 0
