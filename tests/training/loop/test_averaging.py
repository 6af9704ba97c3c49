"""Averages of weights: against the plain formulas."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from datacheck.errors import UsageError
from datacheck.training.loop.averaging import Average, evaluating, has_running_statistics, refresh
from tests.training.tiny import net, rows


def walk(model, steps=12):
    """The weights after each of some random steps."""
    torch.manual_seed(0)
    for step in range(steps):
        with torch.no_grad():
            for value in (*model.parameters(), *model.buffers()):
                if value.is_floating_point():
                    value += torch.randn_like(value)
        yield step, model.layers[0].weight.detach().clone(), model.layers[1].running_mean.clone()


def test_swa_is_the_mean_from_its_beginning():
    model = net()
    average = Average(model, swa=True, begin=4)
    seen, means = [], []
    for step, weight, mean in walk(model):
        average.update(model, step)
        assert (average.model is None) == (step < 4)
        seen.append(weight)
        means.append(mean)
    assert average.model is not None
    found = average.model.state_dict()
    torch.testing.assert_close(found["layers.0.weight"], torch.stack(seen[4:]).mean(0))
    torch.testing.assert_close(found["layers.1.running_mean"], torch.stack(means[4:]).mean(0))


def test_ema_is_its_recurrence():
    model = net()
    average = Average(model, ema=0.6)
    expected = torch.zeros(())
    for n, weight, _ in walk(model):
        average.update(model, n)
        decay = min(0.6, (1 + n) / (10 + n))
        expected = weight if n == 0 else decay * expected + (1 - decay) * weight
    assert average.model is not None
    torch.testing.assert_close(average.model.state_dict()["layers.0.weight"], expected)


def test_it_goes_on_where_it_stood():
    model = net()
    whole, first = Average(model, ema=0.9), Average(model, ema=0.9)
    for step, _, _ in walk(model):
        if step == 5:
            second = Average(net(seed=9), ema=0.9)
            second.load_state_dict(first.state_dict())
            first = second
        whole.update(model, step)
        first.update(model, step)
    assert whole.model is not None
    assert first.model is not None
    a, b = whole.model.state_dict(), first.model.state_dict()
    assert all(torch.equal(a[k], b[k]) for k in a)


def test_refresh_as_torch_s_own():
    batches = torch.from_numpy(rows()[0]).split(20)
    mine, theirs = net(dropout=0.0), net(dropout=0.0)
    before = mine.training, mine.layers[1].momentum
    refresh(mine, batches, mine)
    update_bn(batches, theirs)
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(getattr(mine.layers[1], name), getattr(theirs.layers[1], name))
    assert (mine.training, mine.layers[1].momentum) == before
    with_dropout = net(dropout=0.5)
    refresh(with_dropout, batches, with_dropout)
    assert torch.equal(with_dropout.layers[1].running_mean, mine.layers[1].running_mean)


def test_modes_are_put_back():
    model = net()
    model.layers[3].eval()
    with evaluating(model):
        assert not any(m.training for m in model.modules())
    assert model.training
    assert not model.layers[3].training


def test_what_has_running_statistics():
    assert has_running_statistics(net())
    assert not has_running_statistics(nn.BatchNorm1d(2, track_running_stats=False))


@pytest.mark.parametrize("options", [{}, {"ema": 0.5, "swa": True}, {"ema": 1.5}])
def test_what_does_not_fit_is_refused(options):
    with pytest.raises(UsageError, match="ema"):
        Average(net(), **options)
