from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from datacheck.errors import UsageError
from datacheck.training.recording.snapshots import Snapshots


def model():
    torch.manual_seed(0)
    net = nn.Linear(3, 1)
    return net, torch.optim.Adam(net.parameters(), lr=0.1)


def run(losses, most=8, **options):
    """Steps with those gradient norms, and the weights before each."""
    net, optimizer = model()
    weights = []
    with Snapshots(net, optimizer, most=most, **options) as kept:
        for loss in losses:
            weights.append(net.weight.detach().clone())
            for p in net.parameters():
                p.grad = torch.full_like(p, 0.1)
            kept.step(loss, grad_norm=1.0)
            optimizer.step()
    return kept, weights


CALM = [1.0 + 0.01 * (i % 5) for i in range(30)]


def test_the_state_before_a_spike_is_kept_and_no_other():
    kept, weights = run([*CALM, 50.0, *CALM])
    assert kept.steps == [30]
    state = kept.at(30)
    assert torch.equal(state.model["weight"], weights[30])
    assert state.optimizer["state"][0]["step"].item() == 30
    assert (state.loss, state.grad_norm) == (50.0, 1.0)
    assert state.usual_loss == pytest.approx(1.02)
    with pytest.raises(UsageError, match="step 31 was not kept"):
        kept.at(31)


def test_a_copy_shares_nothing_with_the_run():
    kept, weights = run([*CALM, 50.0, *CALM, *CALM])
    assert torch.equal(kept.at(30).model["weight"], weights[30])
    assert kept.at(30).optimizer["state"][0]["step"].item() == 30


def test_memory_is_bounded_and_the_worst_stay():
    losses = list(CALM)
    for size in (20.0, 900.0, 50.0, 400.0):
        losses += [size, *CALM]
    kept, _ = run(losses, most=2)
    assert [kept.at(s).loss for s in kept.steps] == [900.0, 400.0]


def test_the_first_step_that_is_not_finite_stays():
    losses = [*CALM, 900.0, *CALM, math.nan, math.nan, math.inf]
    kept, _ = run(losses, most=1)
    assert kept.steps == [61]
    assert math.isnan(kept.at(61).loss)


def test_the_gradient_is_measured_where_nobody_tells_it():
    net, optimizer = model()
    kept = Snapshots(net, optimizer)
    for i in range(31):
        for p in net.parameters():
            p.grad = torch.full_like(p, 100.0 if i == 30 else 1.0 + 0.01 * (i % 3))
        kept.step(1.0)
    assert kept.steps == [30]
    assert kept.at(30).grad_norm == pytest.approx(200.0)


def test_with_each_goes_an_earlier_one():
    losses = [*CALM, *CALM, 50.0, *CALM]
    kept, weights = run(losses, back=16)
    earlier = kept.at(60).earlier
    assert earlier is not None
    assert earlier.step == 32, "from 16 to 32 steps before"
    assert torch.equal(earlier.model["weight"], weights[32])
    assert earlier.optimizer["state"][0]["step"].item() == 32
    first, _ = run([*CALM, 50.0], back=100)
    assert first.at(30).earlier.step == 0


class Told:
    """A monitor that remembers what it was told."""

    def __init__(self):
        self.calls = []

    def __enter__(self):
        self.calls.append("enter")
        return self

    def __exit__(self, *error):
        self.calls.append("exit")

    def step(self, loss, **told):
        self.calls.append((loss, told))

    def evaluation(self, split, loss, **told):
        self.calls.append((split, loss, told))

    run = "the run"


def test_all_is_passed_on_to_the_monitor():
    net, optimizer = model()
    monitor = Told()
    with Snapshots(net, optimizer, monitor=monitor) as kept:
        kept.step(2.0, grad_norm=1.0, rows=[1, 2])
        kept.evaluation("val", 3.0, score=0.5)
        assert kept.run == "the run"
        with pytest.raises(AttributeError):
            kept.nothing  # noqa: B018 - looking is the test
    assert monitor.calls == [
        "enter", (2.0, {"grad_norm": 1.0, "rows": [1, 2]}), ("val", 3.0, {"score": 0.5}), "exit",
    ]  # fmt: skip


def test_watching_draws_no_random_numbers():
    torch.manual_seed(5)
    run([*CALM, 50.0], reseed=lambda step: torch.manual_seed(step))
    after = torch.rand(1)
    torch.manual_seed(0)  # as the model of the run does
    nn.Linear(3, 1)
    assert torch.equal(torch.rand(1), after)


def test_none_at_all_is_refused():
    net, optimizer = model()
    with pytest.raises(UsageError, match="most is 0"):
        Snapshots(net, optimizer, most=0)
