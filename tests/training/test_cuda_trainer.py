"""The trainer, averages, ensembles, replays and the command on an accelerator."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from polars.testing import assert_frame_equal
from torch import nn

from datacheck.cli.app import main
from datacheck.errors import NonFiniteError
from datacheck.training.causes.replay_verdict import Culprit
from datacheck.training.causes.replaying import replay
from datacheck.training.determinism import reseed
from datacheck.training.ensemble import Looped, Stacked, fit_ensemble
from datacheck.training.loop.feeding import to_device
from datacheck.training.monitor import StabilityMonitor
from datacheck.training.objectives import Classification
from datacheck.training.recording.snapshots import Snapshots
from datacheck.training.run import Run
from datacheck.training.train_config import TrainConfig
from datacheck.training.trainer import Trainer
from tests.training.causes.test_replaying import batches, outliers
from tests.training.on_device import DEVICE, needs_device, only_cuda, profiled
from tests.training.tiny import Net, loader, net, objective, same

pytestmark = needs_device
CONFIG: dict[str, Any] = {"steps": 40, "lr": 0.01, "evaluate_every": 10}


def fit(device=DEVICE, monitor=None, model=None, **changed):
    config = TrainConfig(device=device, **{**CONFIG, **changed})
    trainer = Trainer(model or net(), objective(), config, monitor)
    return trainer.fit(loader(), {"val": loader(60, 20, seed=1)})


def close(a, b):
    for name, value in a.state_dict().items():
        found = b.state_dict()[name].cpu()
        torch.testing.assert_close(found, value.cpu(), msg=name, rtol=5e-3, atol=1e-4)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"clip": "norm", "clip_at": 0.5},
        {"clip": "value", "clip_at": 0.05, "optimizer": "sgd", "momentum": 0.9},
        {"clip": "adaptive", "clip_at": 0.02, "optimizer": "rmsprop"},
        {"ema": 0.9, "schedule": "cosine", "warmup": 5},
        {"swa": 0.5, "accumulate": 2},
    ],
    ids=str,
)
def test_it_trains_as_on_the_cpu(tmp_path, changed):
    # Before a batch norm the gradient of a bias is rounding alone, which Adam makes a step of.
    options = {"dropout": 0.0, "norm": False}
    here = fit("cpu", model=net(**options), **changed)
    there = fit(model=net(**options), monitor=tmp_path / "run.jsonl", **changed)
    assert next(there.model.parameters()).device.type == torch.device(DEVICE).type
    for name in ("loss", "grad_norm"):
        np.testing.assert_allclose(here.history[name], there.history[name], rtol=5e-3, atol=1e-4)
    assert here.history["clipped"].to_list() == there.history["clipped"].to_list()
    close(here.model, there.model)
    if here.averaged is not None:
        close(here.averaged, there.averaged)
    np.testing.assert_allclose(here.evaluations["loss"], there.evaluations["loss"], rtol=5e-3)
    run = Run.load(tmp_path / "run.jsonl")
    assert run.steps["loss"].to_list() == pytest.approx(there.history["loss"].to_list(), rel=1e-6)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("average", [{"ema": 0.9}, {"swa": 0.3}], ids=str)
def test_resumed_it_ends_as_if_it_had_not_stopped(tmp_path, average, precision):
    settings: dict[str, Any] = {**CONFIG, "device": DEVICE, "precision": precision, **average}
    val = {"val": loader(60, 20, seed=1)}
    whole = Trainer(net(), objective(), TrainConfig(**settings)).fit(loader(), val)
    kept = TrainConfig(**settings, save_every=7, checkpoint=tmp_path)
    trainer = Trainer(net(), objective(), kept)
    update, taken = trainer._update, list[int]()

    def counted():
        if len(taken) == 18:
            raise KeyboardInterrupt
        update()
        taken.append(1)

    trainer._update = counted  # type: ignore[method-assign] # stops like a crash
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(loader(), val)
    got = Trainer(net(), objective(), kept).resume(tmp_path).fit(loader(), val)
    assert same(got.model, whole.model)
    assert same(got.averaged, whole.averaged)
    assert_frame_equal(got.history, whole.history, check_exact=True)
    assert_frame_equal(got.evaluations, whole.evaluations, check_exact=True)


def spoiled():
    train = loader()
    data: Any = train.dataset
    bad = [b.rows.tolist() for b in loader()][3][5]
    data.x[bad, 1] = np.nan
    return train, bad


def test_a_loss_that_is_not_finite_stops_in_its_step(tmp_path):
    train, bad = spoiled()
    trainer = Trainer(
        net(norm=False), objective(), TrainConfig(**CONFIG, device=DEVICE), tmp_path / "r"
    )
    with pytest.raises(NonFiniteError, match=r"^ST001: .*at step 3.*first in input; rows \d+"):
        trainer.fit(train)
    trainer = Trainer(net(norm=False), objective(), TrainConfig(**CONFIG, device=DEVICE))
    with pytest.raises(NonFiniteError) as caught:
        trainer.fit(train)
    assert (caught.value.step, caught.value.layer) == (3, "input")
    assert caught.value.rows is not None
    assert caught.value.rows[0] == bad


@pytest.mark.parametrize("monitor", [None, StabilityMonitor], ids=["bare", "one that would raise"])
def test_such_steps_are_skipped_and_counted(monitor):
    train, _ = spoiled()
    config = TrainConfig(**CONFIG, device=DEVICE, on_nonfinite="skip")
    got = Trainer(net(), objective(), config, monitor).fit(train)
    assert got.skipped == got.history["left_out"].sum() > 0
    assert all(bool(v.isfinite().all()) for v in got.model.state_dict().values())


@only_cuda
def test_float16_skips_while_it_looks_for_a_scale(tmp_path):
    config = TrainConfig(**{**CONFIG, "steps": 120}, device=DEVICE, precision="float16")
    trainer = Trainer(net(dropout=0.0), objective(), config, tmp_path / "run.jsonl")
    trainer.scaler = torch.amp.GradScaler("cuda", init_scale=2.0**30)
    got = trainer.fit(loader())
    assert got.skipped == 0
    assert 0 < got.overflows < 25
    assert got.run is not None
    assert got.run.steps["overflow"].sum() == got.overflows
    losses = got.history["loss"].to_numpy()
    assert losses[-10:].mean() < losses[:10].mean() / 2
    from datacheck.training.judging import judge

    assert not {f.rule for f in judge(got.run).findings} & {"ST001", "ST003"}


@only_cuda
@pytest.mark.parametrize("watched", [False, True])
def test_a_step_of_the_trainer_waits_once(tmp_path, watched):
    def waits(steps):
        data = [to_device(b, torch.device("cpu")) for b in loader()]
        config = TrainConfig(steps=steps, evaluate_every=1000, device=DEVICE, clip="norm", ema=0.9)
        monitor = tmp_path / f"{steps}.jsonl" if watched else None
        counts = profiled(lambda: Trainer(net(), objective(), config, monitor).fit(data))
        return sum(n for name, n in counts.items() if "StreamSynchronize" in name)

    waits(6)
    more = waits(60) - waits(20)
    # Of every tenth step the monitor reads four more: update ratio, dead units, norms by layer.
    assert more <= 40 + watched * 4 * 4 + 2


@pytest.mark.parametrize("seeding", [None, lambda step: reseed(0, "step", step)])
def test_a_step_is_replayed_to_the_digit_with_its_dropout(seeding):
    torch.manual_seed(0)
    data = batches(60)
    outliers(data, 40)
    data = [b.to(torch.device(DEVICE)) for b in data]
    goal = Classification(inputs=lambda batch: (batch.x,))
    layers = [nn.Linear(5, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 3)]
    model = nn.Sequential(*layers).to(DEVICE)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    with Snapshots(model, optimizer, reseed=seeding) as kept:
        for number, batch in enumerate(data):
            if seeding:
                seeding(number)
            optimizer.zero_grad()
            loss = goal(model, batch).mean
            loss.backward()
            kept.step(loss)
            optimizer.step()
    before = copy.deepcopy(model.state_dict())
    state = torch.cuda.get_rng_state() if DEVICE != "cpu" else torch.get_rng_state()
    found = replay(model, optimizer, goal, kept.at(40), data.__getitem__, data[40].rows[[3, 8]])
    assert found.exact, found
    assert found.culprit is Culprit.DATA
    after = torch.cuda.get_rng_state() if DEVICE != "cpu" else torch.get_rng_state()
    assert torch.equal(state, after)
    assert all(torch.equal(v, before[n]) for n, v in model.state_dict().items())


@pytest.mark.parametrize("norm", [False, True])
def test_an_ensemble_trains_side_by_side(norm):
    def make():
        return Net(norm=norm, dropout=0.0)

    def run(device):
        config = TrainConfig(**CONFIG, device=device, clip="norm", ema=0.9)
        val = {"val": loader(60, 20, seed=1)}
        return fit_ensemble(make, objective(), loader(), val, seeds=range(3), config=config)

    here, there = run("cpu"), run(DEVICE)
    assert type(there.model) is (Looped if norm else Stacked)
    if not norm:
        close(here.model, there.model)
    np.testing.assert_allclose(here.evaluations["loss"], there.evaluations["loss"], rtol=1e-2)
    model: Any = there.model
    batch = to_device(next(iter(loader())), torch.device(DEVICE))
    assert model.predict(objective(), batch).shape == (16,)
    with torch.no_grad():
        together = model.eval()(batch.x)
        each = torch.stack([member.eval()(batch.x) for member in model.members()])
    torch.testing.assert_close(together, each, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "words",
    [
        ("--demo", "table"),
        ("--demo", "decoder"),
        ("--demo", "image-classifier"),
        ("--demo", "averaging", "--members", "2"),
        ("--demo", "encoder-decoder", "--longest", "40"),
    ],
    ids=lambda words: words[1],
)
def test_the_command_trains_there(tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    told = ["train", *words, "--device", DEVICE, "--steps", "30", "-o", "out", "--fail-on", "never"]
    monkeypatch.setattr("sys.argv", ["datacheck", *told])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code, capsys.readouterr()
    (record,) = (tmp_path / "out").rglob("run.jsonl")
    run = Run.load(record)
    assert run.ended
    assert run.steps.height == 30
    assert run.steps["loss"].is_finite().all()
