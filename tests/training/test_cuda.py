"""The monitor beside a model on an accelerator: the same figures, and nothing waits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from datacheck.errors import NonFiniteError
from datacheck.training.loop.clipping import WAYS, clip
from datacheck.training.monitor import StabilityMonitor
from tests.training.loops import batch
from tests.training.on_device import DEVICE, needs_device, nothing_waits, only_cuda, profiled

pytestmark = needs_device


def model_on(device: str, dropout: float = 0.0) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [nn.Linear(5, 64), nn.ReLU(), nn.Dropout(dropout), nn.Linear(64, 64), nn.GELU()]
        return nn.Sequential(*layers, nn.Linear(64, 3)).to(device)


def adamw(model, **options):
    return torch.optim.AdamW(model.parameters(), lr=0.01, **options)


def on(device, number):
    """A batch, its rows on the host."""
    x, y, rows = batch(number)
    return x.to(device), y.to(device), rows


def step(model, optimizer, data, monitor, way: Any = None, *, rows_too=False):
    x, y, rows = data
    losses = nn.functional.cross_entropy(model(x), y, reduction="none")
    optimizer.zero_grad()
    losses.mean().backward()
    norm = clip(model.parameters(), way, 0.5)[0] if way else None
    if monitor is not None:
        rows = rows.to(x.device, non_blocking=True) if rows_too else rows
        monitor.step(losses.mean(), rows=rows, per_row_loss=losses, grad_norm=norm)
    optimizer.step()


def recorded(device, way=None, *, rows_too=False, steps=45, **options):
    model = model_on(device)
    optimizer = adamw(model)
    settings = {"every": 5, "flush_every": 4, "deferred": device != "cpu" or None}
    with StabilityMonitor(model, optimizer, **{**settings, **options}) as monitor:
        for number in range(steps):
            step(model, optimizer, on(device, number), monitor, way, rows_too=rows_too)
    return monitor.run


@pytest.mark.parametrize("way", [None, *WAYS])
@pytest.mark.parametrize("rows_too", [False, True])
def test_the_figures_are_those_of_the_cpu(way, rows_too):
    here, there = recorded("cpu", way), recorded(DEVICE, way, rows_too=rows_too, max_norm=None)
    assert here.steps.height == there.steps.height == 45
    assert here.steps["rows"].to_list() == there.steps["rows"].to_list()
    for name in ("loss", "grad_norm", "update_ratio", "lr"):
        one, two = (run.steps[name].to_numpy() for run in (here, there))
        np.testing.assert_allclose(one, two, rtol=2e-3, atol=1e-6, err_msg=name)
    one, two = (np.concatenate(run.steps["row_loss"].to_list()) for run in (here, there))
    np.testing.assert_allclose(one, two, rtol=5e-3, atol=1e-4)
    assert here.dead["layer"].to_list() == there.dead["layer"].to_list()
    np.testing.assert_allclose(here.dead["share"], there.dead["share"], atol=1 / 32)


@pytest.mark.parametrize("way", [None, *WAYS])
@pytest.mark.parametrize("flush_every", [4, 1000])
@pytest.mark.parametrize("options", [{}, {"fused": True}, {"capturable": True}])
def test_no_step_waits(tmp_path, way, flush_every, options):
    """Not even one that flushes; with the optimizer's learning rate on the device too."""
    if "capturable" in options and DEVICE == "cpu":
        pytest.skip("capturable is for accelerators")
    model = model_on(DEVICE)
    optimizer = adamw(model, **options)
    if "capturable" in options:
        optimizer.param_groups[0]["lr"] = torch.tensor(0.01, device=DEVICE)
    data = [on(DEVICE, number) for number in range(50)]
    monitor = StabilityMonitor(
        model, optimizer, path=tmp_path / "run.jsonl", every=3, flush_every=flush_every,
        deferred=True, max_norm=0.5,
    )  # fmt: skip
    with monitor:
        for number in range(2):  # the optimizer makes its state
            step(model, optimizer, data[number], monitor, way)
        with nothing_waits():
            for number in range(2, 50):
                step(model, optimizer, data[number], monitor, way)
    run = monitor.run
    assert run.steps.height == 50
    assert run.steps["grad_norm"].is_finite().all()
    assert run.steps["lr"].to_list() == pytest.approx([0.01] * 50)
    assert run.dead["share"].is_finite().all()
    assert run.steps["update_ratio"].is_not_null().sum() == 17
    assert run.steps["clipped"].to_list() == [n > 0.5 for n in run.steps["grad_norm"]]


@only_cuda
@pytest.mark.parametrize("every", [4, 10, 1000])
def test_one_transfer_a_flush_and_no_wait_in_the_profile(every):
    model = model_on(DEVICE)
    optimizer = adamw(model, fused=True)
    data = [on(DEVICE, number) for number in range(60)]
    with StabilityMonitor(model, optimizer, every=3, flush_every=every) as monitor:
        for number in range(19):
            step(model, optimizer, data[number], monitor)
        torch.cuda.synchronize()

        def steps():
            for number in range(20, 60):
                step(model, optimizer, data[number], monitor)

        counts = profiled(steps)
    waits = [n for n in counts if any(w in n for w in (
        "StreamSynchronize", "EventSynchronize", "_local_scalar_dense", "aten::item"))]  # fmt: skip
    assert not waits, {n: counts[n] for n in waits}
    there = sum(count for name, count in counts.items() if "Memcpy DtoH" in name)
    assert abs(there - 40 // every) <= 1, counts  # time alone may bring one more


def test_it_only_watches():
    """Weights are the same to the bit with the monitor and without, dropout too."""
    weights = []
    for watched in (False, True):
        model = model_on(DEVICE, dropout=0.3)
        optimizer = adamw(model)
        torch.manual_seed(5)
        made = StabilityMonitor(model, optimizer, every=2, flush_every=3) if watched else None
        for number in range(20):
            step(model, optimizer, on(DEVICE, number), made)
        if made is not None:
            made.close()
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]).cpu())
    assert torch.equal(*weights)


@pytest.mark.parametrize("flush_every", [1, 4])
@pytest.mark.parametrize("at", [5, 18])
def test_a_loss_that_is_not_finite_stops_the_run(at, flush_every):
    """Late by two intervals at most; or when the monitor closes."""
    done = []

    def run():
        model = model_on(DEVICE)
        optimizer = adamw(model)
        with StabilityMonitor(model, optimizer, flush_every=flush_every, deferred=True) as monitor:
            for number in range(20):
                x, y, rows = on(DEVICE, number)
                if number == at:
                    x[2, 1] = math.nan
                step(model, optimizer, (x, y, rows), monitor)
                if DEVICE != "cpu":
                    torch.cuda.synchronize()
                done.append(number)

    with pytest.raises(NonFiniteError, match=rf"^ST001: at step {at} the loss is nan") as caught:
        run()
    error = caught.value
    assert error.step == at
    assert error.layer == "0.weight.grad"
    assert error.rows is not None
    assert error.rows.tolist() == [100 * at + i for i in range(6)]
    assert f"rows {100 * at + 2} " in f"{error} "
    assert len(done) <= min(at + 2 * flush_every + 1, 20)


def test_what_is_sought_after_such_a_step_draws_no_random_numbers():
    model = model_on(DEVICE, dropout=0.5)
    optimizer = adamw(model)
    with StabilityMonitor(model, optimizer, on_nonfinite="record", deferred=False) as monitor:
        x, y, rows = on(DEVICE, 0)
        with torch.no_grad():
            model[0].weight[0] = 3e38  # finite, and its output is not
        losses = nn.functional.cross_entropy(model(x), y, reduction="none")
        losses.mean().backward()
        state = torch.cuda.get_rng_state() if DEVICE != "cpu" else torch.get_rng_state()
        monitor.step(losses.mean(), rows=rows, per_row_loss=losses)
        after = torch.cuda.get_rng_state() if DEVICE != "cpu" else torch.get_rng_state()
    assert torch.equal(state, after)
    assert monitor.run.steps["layer"].to_list() == ["0.output"]


@only_cuda
def test_steps_that_a_scaler_skips_are_counted_and_no_findings():
    model = model_on(DEVICE)
    optimizer = adamw(model)
    scaler = torch.amp.GradScaler("cuda", init_scale=2.0**24)
    skipped, losses = [], []
    with StabilityMonitor(model, optimizer, scaler=True, flush_every=4) as monitor:
        for number in range(120):
            x, y, rows = on(DEVICE, number % 10)
            with torch.autocast("cuda", torch.float16):
                each = nn.functional.cross_entropy(model(x), y, reduction="none")
            optimizer.zero_grad()
            scaler.scale(each.mean()).backward()
            scaler.unscale_(optimizer)
            monitor.step(each.mean(), rows=rows, per_row_loss=each)
            scaler.step(optimizer)
            before = scaler.get_scale()
            scaler.update()
            skipped.append(scaler.get_scale() < before)
            losses.append(each.mean().item())
    run = monitor.run
    assert 0 < sum(skipped) < 25
    assert run.steps["overflow"].fill_null(value=False).to_list() == skipped
    assert run.steps["grad_norm"].is_null().to_list() == skipped
    assert np.mean(losses[-10:]) < np.mean(losses[:10]) / 2
    assert not {f.rule for f in monitor.report().findings} & {"ST001", "ST003"}


def test_bfloat16_is_recorded():
    model = model_on(DEVICE)
    optimizer = adamw(model)
    with StabilityMonitor(model, optimizer, flush_every=4, deferred=True) as monitor:
        for number in range(40):
            x, y, rows = on(DEVICE, number % 10)
            with torch.autocast(torch.device(DEVICE).type, torch.bfloat16):
                each = nn.functional.cross_entropy(model(x), y, reduction="none")
            optimizer.zero_grad()
            each.mean().backward()
            monitor.step(each.mean(), rows=rows, per_row_loss=each)
            optimizer.step()
    run = monitor.run
    assert run.steps["loss"].is_finite().all()
    assert run.steps["grad_norm"].is_finite().all()
    assert "ST001" not in {f.rule for f in monitor.report().findings}
