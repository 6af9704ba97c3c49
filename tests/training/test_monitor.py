from __future__ import annotations

import math
import threading

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from datacheck.errors import UsageError
from datacheck.training.monitor import StabilityMonitor
from datacheck.training.record import RecordWarning
from datacheck.training.recording.monitor_options import coprime
from datacheck.training.run import Run
from tests.training.loops import batch, perceptron, train

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01),
}


# -- what is recorded ------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("deferred", [False, True])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_run_is_recorded_as_it_was(kind, deferred, after):
    model = perceptron()
    optimizer = OPTIMIZERS[kind](model.parameters())
    told = []  # (norm, ratio) measured another way
    torch.manual_seed(7)
    with StabilityMonitor(model, optimizer, every=3, deferred=deferred, flush_every=4) as monitor:
        for number in range(10):
            x, y, rows = batch(number)
            per_row = nn.functional.cross_entropy(model(x), y, reduction="none")
            optimizer.zero_grad()
            per_row.mean().backward()
            grads = torch.cat([p.grad.flatten() for p in model.parameters()])
            was = torch.cat([p.detach().flatten() for p in model.parameters()]).clone()
            if not after:
                monitor.step(per_row.mean(), rows=rows, per_row_loss=per_row, tokens=4, padded=5)
            optimizer.step()
            if after:
                monitor.step(per_row.mean(), rows=rows, per_row_loss=per_row, tokens=4, padded=5)
            now = torch.cat([p.detach().flatten() for p in model.parameters()])
            told.append((grads.norm(), (now - was).norm() / was.norm(), per_row.detach(), rows))
    run = monitor.run
    assert run.ended
    assert run.meta["optimizer"] == type(optimizer).__name__
    assert run.meta["parameters"] == 5 * 8 + 8 + 8 * 3 + 3
    for row, (norm, ratio, losses, rows) in zip(run.steps.rows(named=True), told, strict=True):
        number = row["step"]
        assert row["loss"] == pytest.approx(float(losses.mean()), rel=1e-6)
        assert row["grad_norm"] == pytest.approx(float(norm), rel=1e-5)
        assert row["lr"] == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-6)
        assert (row["tokens"], row["padded"], row["layer"]) == (4, 5, None)
        assert run.rows(number).tolist() == rows.tolist()
        np.testing.assert_allclose(run.row_losses(number), losses.numpy(), rtol=1e-6)
        if number % 3:
            assert row["update_ratio"] is None
        else:
            assert row["update_ratio"] == pytest.approx(float(ratio), rel=1e-4)
    assert run.dead["step"].to_list() == [0, 3, 6, 9]
    assert run.dead["layer"].unique().to_list() == ["1"]


def test_a_schedule_s_rate_is_that_of_the_update():
    for after in (False, True):
        model = perceptron()
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        with StabilityMonitor(model, optimizer) as monitor:
            for number in range(3):
                loss = model(batch(number)[0]).square().mean()
                optimizer.zero_grad()
                loss.backward()
                if not after:
                    monitor.step(loss)
                optimizer.step()
                schedule.step()
                if after:
                    monitor.step(loss)
        assert monitor.run.steps["lr"].to_list() == [1.0, 0.5, 0.25]


def test_the_norm_that_clipping_computed_is_used_again():
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with StabilityMonitor(model, optimizer, max_norm=0.5) as monitor:
        for number in range(4):
            x, y, _ = batch(number)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            monitor.step(loss, grad_norm=norm)
            optimizer.step()
            assert monitor.run.steps["grad_norm"][-1] == pytest.approx(float(norm))
            assert monitor.run.steps["clipped"][-1] == (float(norm) > 0.5)


def test_a_gradient_that_was_measured_before_is_not_measured_again():
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with StabilityMonitor(model, optimizer, max_norm=0.1) as monitor:
        for number in range(3):
            x, y, _ = batch(number)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            (8 * loss).backward()
            monitor.measure(8.0)
            norm = nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            monitor.step(loss)
            optimizer.step()
            assert monitor.run.steps["grad_norm"][-1] == pytest.approx(float(norm) / 8)
    assert monitor.run.steps["clipped"].all()


def test_a_step_told_from_within_the_optimizer_s():
    """Of a closure, as Lightning has it: the ratio is that of the update that follows."""
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    moved = []
    with StabilityMonitor(model, optimizer, every=2) as monitor:

        def closure(number):
            optimizer.zero_grad()
            loss = model(batch(number)[0]).square().mean()
            loss.backward()
            monitor.step(loss)
            return loss

        for number in range(5):
            was = torch.cat([p.detach().flatten() for p in model.parameters()]).clone()
            optimizer.step(lambda number=number: closure(number))
            now = torch.cat([p.detach().flatten() for p in model.parameters()])
            moved.append(float((now - was).norm() / was.norm()))
    ratios = monitor.run.steps["update_ratio"].to_list()
    assert ratios[1::2] == [None, None]
    assert ratios[::2] == pytest.approx(moved[::2], rel=1e-4)


def test_epochs_and_a_stride_that_meets_all_batches():
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with StabilityMonitor(model, optimizer, every=2, epoch_steps=4) as monitor:
        train(model, optimizer, 12, monitor)
    assert monitor.every == 3
    assert monitor.run.steps["epoch"].to_list() == [0] * 4 + [1] * 4 + [2] * 4
    looked = monitor.run.steps.drop_nulls("update_ratio")["step"]
    assert sorted(s % 4 for s in looked) == [0, 1, 2, 3]


@given(st.integers(1, 50), st.none() | st.integers(1, 10_000))
def test_a_stride_shares_no_factor_with_the_epoch(every, steps):
    found = coprime(every, steps)
    assert found >= every
    assert steps is None or math.gcd(found, steps) == 1


def test_evaluations_are_recorded():
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with StabilityMonitor(model, optimizer) as monitor:
        train(model, optimizer, 2, monitor)
        monitor.evaluation("val", torch.tensor(0.5, requires_grad=True), score=0.75, n=40, flips=3)
        monitor.evaluation("test", float("nan"))
    first, second = monitor.run.evaluations.rows()
    assert first == (1, "val", 0.5, 0.75, 40, 3)
    assert second[:2] == (1, "test")
    assert math.isnan(second[2])


def test_steps_of_accumulation_are_one():
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with StabilityMonitor(model, optimizer, every=1) as monitor:
        for number in range(6):
            x, y, rows = batch(number)
            loss = nn.functional.cross_entropy(model(x), y) / 2
            loss.backward()
            if number % 2:
                monitor.step(loss, rows=rows)
                optimizer.step()
                optimizer.zero_grad()
    assert monitor.run.steps["step"].to_list() == [0, 1, 2]
    assert monitor.run.steps["update_ratio"].null_count() == 0
    assert monitor.run.dead.height == 3


# -- how it ends -----------------------------------------------------------------------------------


class StopError(Exception):
    pass


@pytest.mark.parametrize("kind", [StopError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("deferred", [False, True])
def test_an_exception_leaves_a_whole_record(kind, deferred, tmp_path):
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    path = tmp_path / "run.jsonl"
    monitor = StabilityMonitor(model, optimizer, path=path, deferred=deferred)

    def loop():
        with monitor:
            train(model, optimizer, 5, monitor)
            raise kind

    with pytest.raises(kind):
        loop()
    run = Run.load(path)
    assert not run.ended
    assert run.steps.height == 5
    assert run.steps["loss"].null_count() == 0
    with pytest.raises(UsageError, match="closed"):
        monitor.step(1.0)
    assert monitor.run.steps.height == 5
    monitor.close()


def test_a_run_is_gone_on_with(tmp_path):
    path = tmp_path / "run.jsonl"
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with StabilityMonitor(model, optimizer, path=path, meta={"seed": 1}) as monitor:
        train(model, optimizer, 5, monitor)
    with pytest.raises(UsageError, match="exists"):
        StabilityMonitor(model, optimizer, path=path, meta={"seed": 1})
    with StabilityMonitor(model, optimizer, path=path, meta={"seed": 1}, resume=True) as monitor:
        assert monitor.next_step == 5
        train(model, optimizer, 2, monitor, first=5)
    with StabilityMonitor(model, optimizer, path=path, meta={"seed": 1}, resume=True) as monitor:
        monitor.resume_at(3)
        assert monitor.next_step == 3
        train(model, optimizer, 1, monitor, first=40)
        with pytest.raises(UsageError, match="begin with 0"):
            monitor.resume_at(-1)
    run = Run.load(path)
    assert run.steps["step"].to_list() == [0, 1, 2, 3]
    assert run.rows(3)[0] == 4000


def test_a_damaged_record_is_not_gone_on_with(tmp_path):
    path = tmp_path / "run.jsonl"
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    StabilityMonitor(model, optimizer, path=path).close()
    with path.open("a") as file:
        file.write("nonsense\n")
    for _ in range(2):  # and is let go of
        with pytest.raises(UsageError, match="line 3: not JSON"):
            StabilityMonitor(model, optimizer, path=path, resume=True)


def test_a_full_disk_does_not_hide_the_error_of_the_loop(tmp_path, monkeypatch):
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def full(data):
        raise OSError(28, "No space left on device")

    def loop():
        with StabilityMonitor(model, optimizer, path=tmp_path / "r") as monitor:
            monkeypatch.setattr(monitor.record, "_write", full)
            train(model, optimizer, 2, monitor)
            raise StopError

    with pytest.warns(RecordWarning) as told, pytest.raises(StopError):
        loop()
    assert "2 entries could not be written" in str(told[-1].message)


def test_several_threads():
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with StabilityMonitor(model, optimizer, flush_every=3) as monitor:

        def work():
            for number in range(50):
                monitor.step(1.0, grad_norm=2.0, rows=[number])
                monitor.evaluation("val", 1.0)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    run = monitor.run
    assert run.steps["step"].to_list() == list(range(200))
    assert sorted(int(run.rows(n)[0]) for n in range(200)) == sorted(list(range(50)) * 4)


# -- options ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"every": 0}, "every is 0"),
        ({"flush_every": 0}, "flush_every is 0"),
        ({"epoch_steps": 0}, "epoch_steps is 0"),
        ({"on_nonfinite": "ignore"}, "on_nonfinite is 'ignore'"),
        ({"meta": {"kind": "x"}}, "meta holds 'kind'"),
    ],
)
def test_options_that_make_no_sense(options, told):
    model = perceptron()
    with pytest.raises(UsageError, match=told):
        StabilityMonitor(model, torch.optim.SGD(model.parameters(), lr=0.1), **options)


@pytest.mark.parametrize("deferred", [False, True])
@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"loss": torch.ones(2)}, r"loss has shape \(2,\)"),
        ({"loss": 1.0, "rows": [[1]]}, r"rows has shape \(1, 1\)"),
        ({"loss": 1.0, "per_row_loss": torch.ones(2, 2)}, r"row_loss has shape \(2, 2\)"),
        (
            {"loss": 1.0, "rows": [1], "per_row_loss": torch.ones(2)},
            "1 rows, and per_row_loss of 2",
        ),
        ({"loss": 1.0, "grad_norm": torch.ones(3)}, "grad_norm has shape"),
    ],
)
def test_numbers_of_another_shape(told, message, deferred):
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = StabilityMonitor(model, optimizer, deferred=deferred)
    with pytest.raises(UsageError, match=message):
        monitor.step(**{"grad_norm": 1.0, **told})


def test_what_the_loop_uses_again_is_copied():
    model = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for deferred in (False, True):
        with StabilityMonitor(model, optimizer, deferred=deferred) as monitor:
            loss, rows, per_row = torch.tensor(1.0), np.arange(3), torch.ones(3)
            norm = torch.tensor(2.0)
            monitor.step(loss, rows=rows, per_row_loss=per_row, grad_norm=norm)
            loss += 1
            rows += 1
            per_row += 1
            norm += 1
        run = monitor.run
        assert run.steps.select("loss", "grad_norm").rows() == [(1.0, 2.0)]
        assert (run.rows(0).tolist(), run.row_losses(0).tolist()) == ([0, 1, 2], [1, 1, 1])


# -- nothing waits for a device --------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*Profiler clears events")
def test_deferred_nothing_is_read_between_flushes():
    """Each read of a tensor's value is an ``aten::_local_scalar_dense``, and waits."""
    from torch.profiler import ProfilerActivity, profile

    def reads(deferred):
        model = perceptron()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        monitor = StabilityMonitor(model, optimizer, every=2, deferred=deferred, flush_every=100)
        train(model, optimizer, 1, monitor)
        with profile(activities=[ProfilerActivity.CPU]) as seen:
            for number in range(10):
                x, y, rows = batch(number)
                per_row = nn.functional.cross_entropy(model(x), y, reduction="none")
                optimizer.zero_grad()
                per_row.mean().backward()
                monitor.step(per_row.mean(), rows=rows, per_row_loss=per_row)
                optimizer.step()
        counts = {e.key: e.count for e in seen.key_averages()}
        monitor.close()
        assert monitor.run.steps.height == 11
        assert monitor.run.dead.height == 6
        return counts.get("aten::_local_scalar_dense", 0)

    assert reads(deferred=False) >= 20  # so that the test can fail
    assert reads(deferred=True) == 0
