"""Schedules agree with their closed forms and with torch's own."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn, optim
from torch.optim import lr_scheduler

from datacheck.errors import UsageError
from datacheck.training.schedules import NAMES, Schedule

LR = 0.3


def made(name, total, **options):
    optimizer = optim.SGD(nn.Linear(1, 1).parameters(), lr=LR)
    return optimizer, Schedule(name, optimizer, total=total, **options)


def rates(name, total, **options):
    optimizer, schedule = made(name, total, **options)
    out = []
    for _ in range(total):
        out.append(schedule.rate)
        optimizer.step()
        schedule.step()
    return out


def closed(name, step, total, warmup, decay, every, floor):
    if step < warmup:
        return (step + 1) / (warmup + 1)
    t, left = step - warmup, total - warmup
    return {
        "constant": 1.0,
        "step": decay ** (t // every),
        "exponential": decay ** (t / every),
        "cosine": floor + (1 - floor) * (1 + math.cos(math.pi * t / left)) / 2,
        "linear": 1 + (floor - 1) * t / left,
        "plateau": 1.0,
    }[name]


@pytest.mark.parametrize("name", NAMES)
@given(
    left=st.integers(2, 40),
    warmup=st.integers(0, 8),
    decay=st.floats(0.05, 0.95),
    every=st.integers(1, 20),
    floor=st.floats(0, 0.9),
)
def test_closed_forms(name, left, warmup, decay, every, floor):
    options = {"warmup": warmup, "decay": decay, "every": every, "floor": floor}
    got = rates(name, left + warmup, **options)
    expected = [LR * closed(name, t, left + warmup, **options) for t in range(left + warmup)]
    assert got == pytest.approx(expected, rel=1e-6, abs=1e-9)


def torch_s(optimizer, name):
    return {
        "step": lambda: lr_scheduler.StepLR(optimizer, 10, gamma=0.1),
        "exponential": lambda: lr_scheduler.ExponentialLR(optimizer, 0.1**0.1),
        "cosine": lambda: lr_scheduler.CosineAnnealingLR(optimizer, 30),
        "linear": lambda: lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=30),
    }[name]()


@pytest.mark.parametrize("name", ["step", "exponential", "cosine", "linear"])
def test_as_torch_s_own(name):
    optimizer = optim.SGD(nn.Linear(1, 1).parameters(), lr=LR)
    scheduler = torch_s(optimizer, name)
    expected = []
    for _ in range(30):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates(name, 30) == expected  # every: a third of the run


@given(st.lists(st.floats(0, 2), max_size=20), st.integers(0, 4), st.integers(0, 5))
def test_plateau_as_torch_s_own(losses, patience, warmup):
    optimizer, schedule = made("plateau", 100, patience=patience, floor=0.05, warmup=warmup)
    other = optim.SGD(nn.Linear(1, 1).parameters(), lr=LR)
    theirs = lr_scheduler.ReduceLROnPlateau(other, patience=patience, min_lr=0.05 * LR)
    for _ in range(warmup):
        optimizer.step()
        schedule.step()
        schedule.evaluated(10.0) if schedule.rate < LR else None
    for loss in losses:
        optimizer.step()
        schedule.step()
        schedule.evaluated(loss)
        theirs.step(loss)
        assert schedule.rate == pytest.approx(other.param_groups[0]["lr"], rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("warmup", [0, 6])
def test_it_goes_on_where_it_stood(name, warmup):
    def run(optimizer, schedule, steps):
        out = []
        for step in steps:
            optimizer.step()
            schedule.step()
            if step % 3 == 0:
                schedule.evaluated(1.0)
            out.append(schedule.rate)
        return out

    options = {"warmup": warmup, "patience": 1}
    optimizer, schedule = made(name, 40, **options)
    whole = run(optimizer, schedule, range(40))
    for stop in (0, 3, warmup, 17, 39):
        optimizer, schedule = made(name, 40, **options)
        first = run(optimizer, schedule, range(stop))
        again, resumed = made(name, 40, **options)
        again.load_state_dict(optimizer.state_dict())
        resumed.load_state_dict(schedule.state_dict())
        assert first + run(again, resumed, range(stop, 40)) == whole


def test_groups_keep_their_proportion():
    layers = [nn.Linear(1, 1), nn.Linear(1, 1)]
    groups = [
        {"params": list(m.parameters()), "lr": lr} for m, lr in zip(layers, (1, 0.1), strict=True)
    ]
    optimizer = optim.SGD(groups, lr=1.0)
    schedule = Schedule("linear", optimizer, total=10, warmup=3)
    for _ in range(8):
        optimizer.step()
        schedule.step()
        a, b = (g["lr"] for g in optimizer.param_groups)
        assert b == pytest.approx(a / 10)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("wavy", {}, "no schedule 'wavy'"),
        ("step", {"decay": 1.0}, "decay is 1"),
        ("step", {"every": 0}, "every is 0"),
        ("cosine", {"floor": -0.1}, "floor is -0.1"),
        ("linear", {"warmup": 10}, "a warm-up of 10 steps in a run of 10"),
    ],
)
def test_what_does_not_fit_is_refused(name, options, message):
    with pytest.raises(UsageError, match=message):
        made(name, 10, **options)
