"""An evaluation is the mean over rows or tokens, the same each time, and leaves no trace."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from datacheck.errors import UsageError
from datacheck.training.loop.evaluating import Evaluated, evaluate
from datacheck.training.objectives import Losses
from tests.training.tiny import loader, net, objective, shuffled


def test_uneven_batches_weigh_by_their_rows():
    model, goal = net(), objective()
    found = evaluate(model, goal, loader(50, 16))
    (whole,) = list(loader(50, 50))
    model.eval()
    judged = goal.judge(model, whole)
    assert found.loss == pytest.approx(judged.losses.mean.item(), rel=1e-6)
    assert found.score == pytest.approx(goal.score(judged.predicted, judged.target))
    assert (found.n, found.count) == (50, 50)


def test_a_plain_function_has_a_loss_and_no_score():
    def goal(model, batch):
        out = model(batch.x).square().sum(1)
        return Losses(out.mean(), out.detach(), len(batch))

    found = evaluate(nn.Linear(5, 3), goal, loader(50, 16))
    assert found.predicted is None
    assert found.score != found.score
    assert found.flips(None) is None


def test_the_same_order_each_time_and_no_trace():
    model, data = net(), shuffled(noise=0.1)
    state, modes = torch.get_rng_state(), [m.training for m in model.modules()]
    a, b = (evaluate(model, objective(), data) for _ in range(2))
    assert a.predicted is not None
    assert a.flips(b.predicted) == 0
    assert a.loss == b.loss
    assert torch.equal(torch.get_rng_state(), state)
    assert [m.training for m in model.modules()] == modes
    assert all(p.grad is None for p in model.parameters())


def test_flips():
    def with_(*classes):
        return Evaluated(0.0, 0.0, 3, 3, torch.tensor(classes))

    assert with_(0, 1, 2).flips(torch.tensor([0, 2, 1])) == 2
    assert with_(0, 1, 2).flips(torch.tensor([0, 2])) is None
    assert with_(0.5, 1.0).flips(torch.tensor([0.5, 1.0])) is None


def test_batches_without_labels_say_nothing():
    unlabeled = list(loader(32, 16))
    unlabeled[0].y[:] = -100
    assert evaluate(net(), objective(), unlabeled).count == 16
    unlabeled[1].y[:] = -100
    found = evaluate(net(), objective(), unlabeled)
    assert found.count == 0
    assert found.loss != found.loss


def test_no_batches():
    with pytest.raises(UsageError, match="no batches"):
        evaluate(net(), objective(), [])
