"""Laws of clipping: what the gradients are afterwards, and what is told of before."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from datacheck.errors import UsageError
from datacheck.training.loop.clipping import LEAST, clip

BOUNDS = st.floats(1e-3, 1e3)
SCALES = st.floats(1e-4, 1e4)


def with_gradients(scale, seed=0):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(12, 4), nn.PReLU())
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter) * scale
    model[2].bias.requires_grad_(False)
    model[2].bias.grad = None
    return model


def grads(model):
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


@given(SCALES, BOUNDS, st.sampled_from(["norm", "value", "adaptive", None]), st.integers(0, 9))
def test_the_norm_told_is_the_one_before(scale, at, way, seed):
    model = with_gradients(scale, seed)
    before = grads(model)
    norm, clipped = clip(model.parameters(), way, at)
    whole = torch.cat([g.flatten() for g in before])
    torch.testing.assert_close(norm, torch.linalg.vector_norm(whole), rtol=1e-5, atol=0)
    after = grads(model)
    changed = any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert changed == bool(clipped)
    for a, b in zip(before, after, strict=True):
        assert (b.abs() <= a.abs()).all()
        assert (b * a >= 0).all()


@given(SCALES, BOUNDS)
def test_norm_as_torch_s_own(scale, at):
    mine = with_gradients(scale)
    theirs = copy.deepcopy(mine)
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        b.grad = None if a.grad is None else a.grad.clone()
    norm, _ = clip(mine.parameters(), "norm", at)
    other = torch.nn.utils.clip_grad_norm_(theirs.parameters(), at)
    torch.testing.assert_close(norm, other)
    for a, b in zip(grads(mine), grads(theirs), strict=True):
        torch.testing.assert_close(a, b)
    assert clip(mine.parameters())[0] <= at * 1.0001


@given(SCALES, BOUNDS)
def test_value_cuts_each_element(scale, at):
    model = with_gradients(scale)
    expected = [g.clamp(-at, at) for g in grads(model)]
    clip(model.parameters(), "value", at)
    assert all(torch.equal(a, b) for a, b in zip(grads(model), expected, strict=True))


@given(SCALES, st.floats(1e-3, 1.0))
def test_adaptive_bounds_each_unit(scale, at):
    model = with_gradients(scale)
    before = grads(model)
    clip(model.parameters(), "adaptive", at)
    having = [p for p in model.parameters() if p.grad is not None]
    for parameter, was in zip(having, before, strict=True):
        units = parameter.shape[0] if parameter.ndim > 1 else 1
        weights = parameter.detach().reshape(units, -1).norm(dim=1)
        now, old = (g.reshape(units, -1).norm(dim=1) for g in (parameter.grad, was))
        allowed = at * weights.clamp(min=LEAST)
        torch.testing.assert_close(now, torch.minimum(old, allowed), rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("way", ["norm", "value", "adaptive", None])
def test_what_is_not_finite_is_told(way, value):
    model = with_gradients(1.0)
    model[0].weight.grad[0, 0, 0, 0] = value
    assert not torch.isfinite(clip(model.parameters(), way, 1.0)[0])


def test_what_does_not_fit_is_refused():
    with pytest.raises(UsageError, match="no way to clip 'hard'"):
        clip(with_gradients(1.0).parameters(), "hard")  # type: ignore[arg-type] # the test
    with pytest.raises(UsageError, match="no parameter has a gradient"):
        clip(nn.Linear(1, 1).parameters())
