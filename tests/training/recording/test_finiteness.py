from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from datacheck.errors import NonFiniteError
from datacheck.training.monitor import StabilityMonitor
from datacheck.training.run import Run
from tests.training.loops import batch, perceptron


def broken(where: str, *, deferred=False, after=False, **options):
    """A run that breaks at step 3: the monitor, and what it raised."""
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = StabilityMonitor(model, optimizer, deferred=deferred, flush_every=2, **options)
    with monitor:
        for number in range(8):
            x, y, rows = batch(number)
            if number == 3:
                if where == "input":
                    x[2, 1] = math.nan
                if where == "weight":
                    with torch.no_grad():
                        model[3].weight[0, 0] = math.inf
                if where == "output":
                    x[1] = 3e38
                    with torch.no_grad():
                        model[0].weight *= 10
            per_row = nn.functional.cross_entropy(model(x), y, reduction="none")
            loss = per_row.mean()
            optimizer.zero_grad()
            if number == 3 and where == "gradient":
                hook = model[0].weight.register_hook(lambda g: g * math.inf)
                loss.backward()
                hook.remove()
            else:
                loss.backward()
            if not after:
                monitor.step(loss, rows=rows, per_row_loss=per_row)
            if not (number == 3 and options.get("scaler")):
                optimizer.step()
            if after:
                monitor.step(loss, rows=rows, per_row_loss=per_row)
    return monitor


@pytest.mark.parametrize(
    ("where", "layer", "told"),
    [
        ("input", "input", "loss is nan, first in input; rows 302 "),
        ("weight", "3.weight", "loss is (nan|inf), first in 3.weight; rows 300, 301"),
        ("output", "0.output", "loss is (nan|inf), first in 0.output; rows 301 "),
        ("gradient", "0.weight.grad", "gradient's norm is (nan|inf), first in 0.weight.grad "),
    ],
)
def test_what_is_not_finite_stops_the_run(where, layer, told, tmp_path):
    path = tmp_path / "run.jsonl"
    with pytest.raises(NonFiniteError, match=f"ST001: at step 3 the {told}") as caught:
        broken(where, path=path)
    error = caught.value
    assert (error.rule, error.step, error.layer) == ("ST001", 3, layer)
    assert torch.tensor(error.rows).tolist() == list(range(300, 306))
    assert error.hint
    run = Run.load(path)
    assert not run.ended
    assert run.steps["step"].to_list() == [0, 1, 2, 3]
    last = run.steps.row(-1, named=True)
    assert last["layer"] == error.layer
    assert not math.isfinite(last["loss"]) or where == "gradient"
    assert not math.isfinite(last["grad_norm"])


@pytest.mark.parametrize("where", ["input", "gradient"])
def test_after_the_update_too(where):
    with pytest.raises(NonFiniteError, match="at step 3") as caught:
        broken(where, after=True)
    assert caught.value.layer == {"input": "input", "gradient": "0.weight.grad"}[where]


@pytest.mark.parametrize("after", [False, True])
def test_deferred_it_is_told_when_the_numbers_are_there(after):
    with pytest.raises(NonFiniteError, match="at step 3 the loss is nan") as caught:
        broken("input", deferred=True, after=after)
    assert caught.value.layer == "0.weight.grad"
    with pytest.raises(NonFiniteError, match="at step 3 the gradient's norm") as caught:
        broken("gradient", deferred=True, after=after)
    assert caught.value.layer == "0.weight.grad"


def test_deferred_it_is_told_at_the_end_at_the_latest():
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = StabilityMonitor(model, optimizer, deferred=True)
    for number in range(3):
        loss = model(batch(number)[0] * (math.nan if number == 1 else 1)).sum()
        optimizer.zero_grad()
        loss.backward()
        monitor.step(loss)
    with pytest.raises(NonFiniteError, match="at step 1"):
        monitor.close()
    assert monitor.run.steps.height == 3


def test_looking_does_not_lose_an_error():
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = StabilityMonitor(model, optimizer, deferred=True)
    loss = model(batch(0)[0] * math.nan).sum()
    loss.backward()
    monitor.step(loss)
    assert monitor.run.steps["layer"].to_list() == ["0.weight.grad"]
    with pytest.raises(NonFiniteError, match="at step 0"):
        monitor.step(loss)


@pytest.mark.parametrize("deferred", [False, True])
@pytest.mark.parametrize("where", ["input", "weight", "output", "gradient"])
def test_told_to_record_it_goes_on(where, deferred):
    run = broken(where, deferred=deferred, on_nonfinite="record").run
    assert run.ended
    assert run.steps.height == 8
    bad = ~(run.steps["loss"].is_finite() & run.steps["grad_norm"].is_finite())
    assert bad.to_list()[:4] == [False, False, False, True]
    assert run.steps["layer"].is_null().to_list() == (~bad).to_list()


def test_the_report_names_step_layer_and_rows():
    monitor = broken("input", on_nonfinite="record")
    report = monitor.report(locate=lambda row: f"train/a.csv:{row}")
    (found,) = [f for f in report.findings if f.rule == "ST001"]
    assert found.evidence["layer"] == "input"
    assert any("train/a.csv:302" in e.addresses for e in found.examples)


def test_a_scaler_steps_over_gradients_but_never_over_a_loss():
    monitor = broken("gradient", scaler=True)
    run = monitor.run
    assert run.steps.height == 8
    assert run.steps["overflow"].to_list() == [None] * 3 + [True] + [None] * 4
    assert run.steps["grad_norm"].is_null().to_list() == [n == 3 for n in range(8)]
    assert not {f.rule for f in monitor.report().findings} & {"ST001", "ST003"}
    with pytest.raises(NonFiniteError):
        broken("input", scaler=True)


def test_squares_that_overflow_are_not_taken_for_infinite():
    model: Any = nn.Linear(2, 1, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with StabilityMonitor(model, optimizer) as monitor:
        loss = (model(torch.tensor([[3.0, 4.0]])) * 1e25).sum() * 0 + 1
        (model.weight * torch.tensor([[3e25, 4e25]])).sum().backward()
        monitor.step(loss)
    assert monitor.run.steps["grad_norm"].to_list() == [pytest.approx(5e25, rel=1e-6)]


def test_running_statistics_survive_the_search():
    model: Any = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with StabilityMonitor(model, optimizer, on_nonfinite="record") as monitor:
        x = batch(0)[0]
        x[0] = 3e38
        with torch.no_grad():
            model[0].weight *= 10
        loss = model(x).sum()
        loss.backward()
        was = [b.clone() for b in model.buffers()], torch.get_rng_state()
        monitor.step(loss)
        for before, now in zip(was[0], model.buffers(), strict=True):
            torch.testing.assert_close(now, before, rtol=0, atol=0, equal_nan=True)
        assert int(model[1].num_batches_tracked) == 1
        assert torch.equal(torch.get_rng_state(), was[1])
    assert monitor.run.steps["layer"][0].endswith(".output")
