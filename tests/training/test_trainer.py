"""The trainer: golden losses, exact resumption, steps that are not finite, accumulation."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal
from torch import nn

import datacheck
from datacheck.errors import NonFiniteError, UsageError
from datacheck.training import checkpoint
from datacheck.training.determinism import KeyedBatchSampler, init
from datacheck.training.loop.evaluating import evaluate
from datacheck.training.monitor import StabilityMonitor
from datacheck.training.objectives import Losses
from datacheck.training.run import Run
from datacheck.training.train_config import TrainConfig
from datacheck.training.trainer import Trainer
from tests.training.tiny import Data, Net, loader, net, objective, same, shuffled

ROOT = Path(__file__).parents[2]


def fit(config, train=None, evaluation=None, *, monitor=None, **options):
    trainer = Trainer(net(**options), objective(), config, monitor)
    val = loader(60, 20, seed=1)
    return trainer.fit(train or loader(), {"val": val} if evaluation is None else evaluation)


# -- golden numbers -------------------------------------------------------------------------------


def test_golden_losses():
    config = TrainConfig(
        steps=12,
        lr=0.05,
        optimizer="sgd",
        momentum=0.9,
        clip="norm",
        clip_at=0.5,
        schedule="cosine",
    )
    got = fit(config)
    expected = [
        1.302224, 1.386712, 1.162329, 1.146188, 1.398969, 1.039901,
        1.138061, 1.048781, 1.076889, 0.902472, 0.945246, 1.021696,
    ]  # fmt: skip
    assert got.history["loss"].to_list() == pytest.approx(expected, rel=1e-4)
    assert got.history["lr"][0] == pytest.approx(0.05)
    assert got.evaluations["loss"].to_list() == pytest.approx([1.105174, 1.047606], rel=1e-4)
    assert got.evaluations["score"].to_list() == pytest.approx([28 / 60, 30 / 60])


def test_a_step_is_what_a_bare_loop_does():
    model, data, goal = net(dropout=0.0), loader(), objective()
    plain = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for epoch in range(2):
        sampler: Any = data.batch_sampler
        sampler.set_epoch(epoch)
        for batch in data:
            plain.zero_grad()
            loss = goal(model, batch).mean
            loss.backward()
            plain.step()
            losses.append(loss.item())
    got = fit(TrainConfig(epochs=2, lr=0.01), dropout=0.0)
    assert got.history["loss"].to_list() == losses
    assert same(got.model, model)


# -- what a run tells -----------------------------------------------------------------------------


def test_history_evaluations_and_best():
    got = fit(TrainConfig(epochs=3, lr=0.02))
    assert got.history["step"].to_list() == list(range(18))
    assert got.history["epoch"].to_list() == [0] * 6 + [1] * 6 + [2] * 6
    assert got.history["rows"].to_list() == [16] * 18
    assert got.evaluations["step"].to_list() == [6, 12, 18]
    assert got.evaluations["flips"][0] is None
    assert got.evaluations["n"].to_list() == [60] * 3
    assert got.best is not None
    assert got.best.loss == got.evaluations["loss"].min()
    assert got.evaluations["loss"][-1] < got.evaluations["loss"][0]
    assert "18 steps" in str(got)
    assert "best at step" in str(got)


def test_the_last_step_is_evaluated_and_epochs_end_on_time():
    got = fit(TrainConfig(steps=10, evaluate_every=4))
    assert got.evaluations["step"].to_list() == [4, 8, 10]
    assert fit(TrainConfig(epochs=2, accumulate=4)).steps == 4  # 6 batches: 4 and 2


def test_early_stopping_and_the_best_weights():
    config = TrainConfig(epochs=200, lr=0.05, patience=3)
    train = loader(24, 8)
    got = fit(config, train)
    assert got.stopped == "early"
    losses = got.evaluations["loss"].to_list()
    assert losses.index(min(losses)) == len(losses) - 4
    found = evaluate(got.best_model(), objective(), loader(60, 20, seed=1))
    assert found.loss == min(losses)


def test_selecting_by_score():
    got = fit(TrainConfig(epochs=5, lr=0.02, select="score"))
    assert got.best is not None
    assert got.best.score == got.evaluations["score"].max()


def test_evaluation_leaves_no_trace():
    a = fit(TrainConfig(steps=20))
    b = fit(TrainConfig(steps=20, evaluate_every=3))
    c = fit(TrainConfig(steps=20), evaluation={})
    assert same(a.model, b.model)
    assert same(a.model, c.model)
    assert c.best is None
    with pytest.raises(UsageError, match="no best model"):
        c.best_model()


def test_the_global_generators_stay_as_they_were():
    trainer = Trainer(net(), objective(), TrainConfig(steps=8))

    def old() -> Any:
        return list(np.random.get_state()[1])  # type: ignore[index] # noqa: NPY002 - left alone

    states = torch.get_rng_state(), old(), random.getstate()
    trainer.fit(shuffled(noise=0.1), {"val": shuffled()})
    assert torch.equal(torch.get_rng_state(), states[0])
    assert old() == states[1]
    assert random.getstate() == states[2]


# -- accumulation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [16, 24, 7])  # of 96 rows: an even end, and odd ones
def test_accumulated_batches_equal_one_big_batch(size):
    options = {"norm": False, "dropout": 0.0}
    one = fit(TrainConfig(epochs=3, optimizer="sgd", lr=0.1), loader(96, 4 * size), **options)
    many = fit(
        TrainConfig(epochs=3, optimizer="sgd", lr=0.1, accumulate=4), loader(96, size), **options
    )
    assert one.steps == many.steps
    assert many.history["loss"].to_list() == pytest.approx(one.history["loss"].to_list(), rel=1e-5)
    for a, b in zip(one.model.parameters(), many.model.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_a_bucketed_step_is_the_mean_over_its_tokens():
    """Of datacheck's own loader: the batches of a step together, whatever their sizes."""
    random_ = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "tokens": [random_.integers(1, 20, n).tolist() for n in random_.integers(1, 30, 80)],
            "y": random_.integers(0, 2, 80),
        }
    )
    ready = datacheck.loaders(
        {"train": frame}, label="y", token_ids=["tokens"], max_tokens=120, accumulate=4, seed=1
    )["train"]

    def goal(model, batch):
        real = batch.mask.float()
        each = (model(batch.sequence.float()[..., None])[..., 0] - 1) ** 2 * real / 100
        return Losses(each.sum() / real.sum(), each.detach().sum(1), batch.tokens)

    config = TrainConfig(epochs=2, optimizer="sgd", lr=0.001)
    got = Trainer(init(nn.Linear(1, 1), 0), goal, config).fit(ready)
    assert got.steps == 2 * -(-len(ready) // 4)
    assert got.history["rows"].sum() == 160
    model = init(nn.Linear(1, 1), 0)
    plain = torch.optim.SGD(model.parameters(), lr=0.001)
    losses = []
    for epoch in range(2):
        ready.set_epoch(epoch)
        for step in ready.steps():
            plain.zero_grad()
            total = 0.0
            for batch, weight in step:
                loss = weight * goal(model, batch).mean
                loss.backward()
                total += loss.item()
            plain.step()
            losses.append(total)
    assert got.history["loss"].to_list() == pytest.approx(losses, rel=1e-5)


# -- steps that are not finite --------------------------------------------------------------------


def poisoned(at=40, value=np.nan, **options):
    data = loader(**options)
    table: Any = data.dataset
    table.x[at, 2] = value
    return data


def test_stop_is_the_default_and_names_step_layer_and_rows():
    train = poisoned()
    first = next(i for i, batch in enumerate(train) if 40 in batch.rows)
    trainer = Trainer(net(), objective(), TrainConfig(epochs=2), locate=lambda r: f"train.csv:{r}")
    with pytest.raises(NonFiniteError) as error:
        trainer.fit(train)
    assert error.value.step == first
    assert error.value.layer == "input"
    assert "ST001: the loss is not finite" in str(error.value)
    assert sorted(error.value.rows.tolist()) == sorted(
        next(b for b in train if 40 in b.rows).rows.tolist()
    )
    without_norm = Trainer(net(norm=False), objective(), TrainConfig(epochs=2))
    with pytest.raises(NonFiniteError) as error:
        without_norm.fit(poisoned())
    assert error.value.rows[0] == 40


def test_skip_goes_on_counts_and_keeps_what_the_step_would_have_spoiled():
    got = fit(TrainConfig(epochs=4, on_nonfinite="skip"), poisoned())
    assert got.skipped == 4
    assert got.history["left_out"].sum() == 4
    assert got.history["loss"].is_nan().sum() == 4
    assert "4 (16.7%) with a loss or gradient not finite" in str(got)
    assert all(bool(torch.isfinite(v).all()) for v in got.model.state_dict().values())
    assert got.evaluations["loss"].is_finite().all()


def test_a_skipped_step_is_as_if_it_had_not_been():
    train = poisoned()
    batches = list(train)
    clean = [b for b in batches if 40 not in b.rows]
    config = TrainConfig(steps=5, optimizer="sgd", lr=0.1)
    without = fit(config, clean, {}, dropout=0.0)
    with_it = fit(
        TrainConfig(steps=6, optimizer="sgd", lr=0.1, on_nonfinite="skip"), batches, {}, dropout=0.0
    )
    assert same(without.model, with_it.model)


def test_skipping_every_step_warns_of_nothing():
    got = fit(
        TrainConfig(steps=6, on_nonfinite="skip", schedule="linear", warmup=2),
        poisoned(at=slice(None)),
        {},
    )
    assert got.skipped == 6
    assert same(got.model, net())


def test_apply_does_what_an_unguarded_loop_does():
    got = fit(TrainConfig(epochs=2, on_nonfinite="apply"), poisoned(), {})
    first = got.history["loss"].is_nan().arg_max()
    assert got.history["loss"].is_nan().to_list() == [i >= first for i in range(12)]
    assert got.skipped == 12 - first
    assert not got.history["left_out"].any()


def test_an_infinite_gradient_of_a_finite_loss_is_seen():
    class Root(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(5, 3))

        def forward(self, x):
            return x @ self.weight.abs().sqrt()  # no slope at 0

    with pytest.raises(
        NonFiniteError, match=r"the gradient is not finite at step 0, first in weight\.grad"
    ):
        Trainer(Root(), objective(), TrainConfig(steps=3)).fit(loader())


# -- resumption -----------------------------------------------------------------------------------

CONFIG: dict[str, Any] = {
    "steps": 40, "lr": 0.02, "schedule": "cosine", "warmup": 5, "clip": "norm", "clip_at": 0.3,
    "ema": 0.9, "evaluate_every": 6, "save_every": 7, "patience": 50, "accumulate": 2,
}  # fmt: skip
SCRIPT = """
import os, signal, sys, torch
sys.path.insert(0, {root!r})
torch.set_num_threads(1)
from datacheck.training import checkpoint
from datacheck.training.train_config import TrainConfig
from datacheck.training.trainer import Trainer
from tests.training.tiny import loader, shuffled, net, objective
train = {train}
trainer = Trainer(net(), objective(), TrainConfig(checkpoint={folder!r}, **{config!r}))
original = trainer._update
taken = 0
def update():
    global taken
    original()
    taken += 1
    if taken == {kill}:
        {how}
trainer._update = update
if checkpoint.exists({folder!r}):
    trainer.resume({folder!r})
got = trainer.fit(train, {{"val": loader(60, 20, seed=1)}})
"""


def run(folder, kill, train="loader()", how="os.kill(os.getpid(), signal.SIGKILL)"):
    code = SCRIPT.format(
        root=str(ROOT), folder=str(folder), kill=kill, config=CONFIG, train=train, how=how
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def compare(folder, whole, train):
    trainer = Trainer(net(), objective(), TrainConfig(checkpoint=folder, **CONFIG))
    got = trainer.resume(folder).fit(train, {"val": loader(60, 20, seed=1)})
    assert got.steps == whole.steps == 40
    assert same(got.model, whole.model)
    assert same(got.averaged, whole.averaged)
    assert_frame_equal(got.history, whole.history, check_exact=True)
    assert_frame_equal(got.evaluations, whole.evaluations, check_exact=True)
    assert same(got.best_model(), whole.best_model())


@pytest.mark.parametrize(("kind", "kills"), [("loader(noise=0.1)", 2), ("shuffled(noise=0.1)", 1)])
def test_killed_at_any_step_it_ends_as_if_it_had_not_been(tmp_path, kind, kills):
    whole = fit(TrainConfig(checkpoint=tmp_path / "whole", **CONFIG), eval(kind))
    folder = tmp_path / "killed"
    for _ in range(kills):
        done = run(folder, random.SystemRandom().randrange(8, 16), kind)
        assert done.returncode == -signal.SIGKILL, done.stderr
    compare(folder, whole, eval(kind))
    assert sorted(p.name for p in folder.iterdir()) == ["best.pt", "last.pt"]


def test_control_c_leaves_a_usable_checkpoint_and_nothing_else(tmp_path):
    folder = tmp_path / "run"
    done = run(folder, 17, how="os.kill(os.getpid(), signal.SIGINT)")
    assert done.returncode != 0
    assert "KeyboardInterrupt" in done.stderr
    assert sorted(p.name for p in folder.iterdir()) == ["best.pt", "last.pt"]
    assert checkpoint.load(folder)["step"] == 17
    whole = fit(TrainConfig(checkpoint=tmp_path / "whole", **CONFIG))
    compare(folder, whole, loader())


@pytest.mark.parametrize("stop", range(1, 13))
def test_resumed_at_each_step_of_an_epoch(tmp_path, stop):
    """Also at its end, and with datacheck's own loader."""
    settings: dict[str, Any] = {"epochs": 2, "lr": 0.01, "save_every": 1}
    table = datacheck.loaders("fixtures/clinic", missing="keep", batch_size=200, seed=3)["train"]
    features = next(iter(table)).x.shape[1]
    table.set_epoch(0)

    def model():
        return init(nn.Sequential(nn.Linear(features, 4), nn.Dropout(0.3), nn.Linear(4, 2)), 0)

    def goal(model, batch):
        out = model(batch.x.nan_to_num().clamp(-1, 1)).pow(2).mean(1)
        return Losses(out.mean(), out.detach(), len(batch))

    whole = Trainer(model(), goal, TrainConfig(**settings)).fit(table)
    assert whole.steps == 2 * len(table)

    class StopError(Exception):
        pass

    first = Trainer(model(), goal, TrainConfig(checkpoint=tmp_path, **settings))
    update, taken = first._update, list[int]()

    def counted():
        if len(taken) == stop:
            raise StopError
        update()
        taken.append(1)

    first._update = counted  # type: ignore[method-assign] # stops like a crash
    if stop < whole.steps:
        with pytest.raises(StopError):
            first.fit(table)
    else:
        first.fit(table)
    again = Trainer(model(), goal, TrainConfig(checkpoint=tmp_path, **settings))
    got = again.resume(tmp_path).fit(table)
    assert same(got.model, whole.model)
    assert_frame_equal(got.history, whole.history, check_exact=True)


def test_the_checkpoint_of_another_run_or_model_is_refused(tmp_path):
    fit(TrainConfig(steps=4, checkpoint=tmp_path))
    with pytest.raises(UsageError, match=r"another run: lr was 0\.001, is 0\.1"):
        Trainer(net(), objective(), TrainConfig(steps=4, lr=0.1)).resume(tmp_path).fit(loader())
    with pytest.raises(UsageError, match="another model"):
        Trainer(net(width=8), objective(), TrainConfig(steps=4)).resume(tmp_path).fit(loader())


# -- the monitor ----------------------------------------------------------------------------------


class Watcher:
    """Keeps what it is told."""

    def __init__(self, model, optimizer):
        self.steps, self.evaluations, self.entered = [], [], 0

    def __enter__(self):
        self.entered += 1
        return self

    def __exit__(self, *_):
        self.entered -= 1

    def step(self, loss, **values):
        assert self.entered == 1
        self.steps.append({"loss": loss, **values})

    def evaluation(self, split, loss, score=None, n=None, flips=None):
        self.evaluations.append((split, loss, score, n, flips))

    @property
    def run(self):
        return self.steps


def test_a_monitor_is_told_everything_and_changes_nothing():
    made = []

    def monitor(model, optimizer):
        made.append(Watcher(model, optimizer))
        return made[0]

    config = TrainConfig(epochs=2, accumulate=2, clip="value", clip_at=0.01, ema=0.9)
    watched, alone = fit(config, monitor=monitor), fit(config)
    assert same(watched.model, alone.model)
    assert_frame_equal(watched.history, alone.history, check_exact=True)
    (watcher,) = made
    assert watched.run is watcher.steps
    assert [s["loss"] for s in watcher.steps] == alone.history["loss"].to_list()
    assert [s["grad_norm"] for s in watcher.steps] == alone.history["grad_norm"].to_list()
    assert all(s["clipped"] for s in watcher.steps)
    assert all(s["rows"].shape == s["per_row_loss"].shape == (32,) for s in watcher.steps)
    assert [e[0] for e in watcher.evaluations] == ["val", "val (ema)"] * 2
    order = torch.cat([s["rows"] for s in watcher.steps])
    assert sorted(order[:96].tolist()) == list(range(96))


# -- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_precisions_on_the_cpu(precision):
    got = fit(TrainConfig(epochs=4, lr=0.02, precision=precision))
    assert got.evaluations["score"][-1] > 0.6
    if precision == "bfloat16":
        assert not same(got.model, fit(TrainConfig(epochs=4, lr=0.02)).model)


def test_float16_needs_cuda_and_devices_exist():
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="float16 on cpu"):
            Trainer(net(), objective(), TrainConfig(precision="float16"))
        with pytest.raises(UsageError, match="no device 'cuda'"):
            Trainer(net(), objective(), TrainConfig(device="cuda"))
    with pytest.raises(UsageError, match="no device 'moon'"):
        Trainer(net(), objective(), TrainConfig(device="moon"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 3, "epochs": 3}, "both given"),
        ({"optimizer": "lion"}, "no optimizer 'lion'"),
        ({"momentum": 0.9}, "adam has no momentum"),
        ({"schedule": "wavy"}, "no schedule 'wavy'"),
        ({"decay": 1.5}, "decay is 1.5"),
        ({"floor": 1.0}, "floor is 1"),
        ({"decay_every": 0}, "every is 0"),
        ({"steps": 0}, "steps is 0"),
        ({"lr": 0.0}, "lr is 0.0"),
        ({"lr": float("nan")}, "lr is nan"),
        ({"weight_decay": -1}, "weight_decay is -1"),
        ({"ema": 1.0}, "ema is 1.0"),
        ({"ema": 0.9, "swa": 0.5}, "both given"),
        ({"clip": "hard"}, "clip is 'hard'"),
        ({"precision": "int8"}, "precision is 'int8'"),
        ({"on_nonfinite": "hide"}, "on_nonfinite is 'hide'"),
        ({"select": "luck"}, "select is 'luck'"),
        ({"decayed": "some"}, "decayed is 'some'"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        TrainConfig(**options)


def test_what_a_run_needs():
    with pytest.raises(UsageError, match="nothing to evaluate"):
        fit(TrainConfig(steps=3, patience=1), evaluation={})
    with pytest.raises(UsageError, match="does not know its length"):
        fit(TrainConfig(epochs=1), (b for b in loader()))
    with pytest.raises(UsageError, match="epoch 1 has no batches"):
        fit(TrainConfig(steps=7, evaluate_every=7), (b for b in loader()), {})
    with pytest.raises(UsageError, match="no parameter to train"):
        Trainer(nn.ReLU(), objective())


def test_augmentation_and_order_of_a_plain_loader_depend_on_the_seed_alone():
    config = TrainConfig(epochs=2, lr=0.01)
    torch.manual_seed(1)
    a = fit(config, shuffled(noise=0.3))
    torch.manual_seed(2)
    b = fit(config, shuffled(noise=0.3))
    assert same(a.model, b.model)
    c = fit(TrainConfig(epochs=2, lr=0.01, seed=1), shuffled(noise=0.3))
    assert not same(a.model, c.model)


def test_a_dropped_row_changes_only_what_saw_it():
    def batches(kept):
        sampler = KeyedBatchSampler(kept, 16, 0, among=np.arange(96))
        data = loader()
        return [data.collate_fn([Data()[int(kept[i])] for i in step]) for step in sampler]

    whole = batches(np.arange(96))
    at = 3
    fewer = batches(np.setdiff1d(np.arange(96), [int(whole[at].rows[5])]))
    a, b = fit(TrainConfig(steps=6), whole, {}), fit(TrainConfig(steps=6), fewer, {})
    changed = (a.history["loss"] != b.history["loss"]).to_list()
    assert changed[:at] == [False] * at
    assert changed[at]


def test_ema_and_swa_are_evaluated_beside_the_model():
    averages: list[dict[str, Any]] = [{"ema": 0.95}, {"swa": 0.5}]
    for options in averages:
        name = next(iter(options))
        got = fit(TrainConfig(epochs=10, lr=0.1, optimizer="sgd", **options))
        last = got.evaluations.filter(pl.col("step") == got.steps)
        assert last["weights"].to_list() == ["model", name]
        assert got.averaged is not None
        assert not same(got.averaged, got.model)
        assert last["loss"][1] < last["loss"][0] * 1.2


def test_other_threads_can_train():
    out = []
    thread = threading.Thread(target=lambda: out.append(fit(TrainConfig(steps=3))))
    thread.start()
    thread.join()
    assert out[0].steps == 3


def test_modes_are_those_of_training():
    model = Net()
    model.eval()
    assert Trainer(model, objective(), TrainConfig(steps=2)).fit(loader()).model.training


# -- the real monitor -----------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"clip": "norm", "clip_at": 0.3, "accumulate": 2}])
def test_a_record_is_written_and_changes_nothing(tmp_path, options):
    config = TrainConfig(epochs=3, lr=0.02, ema=0.9, **options)
    watched = fit(config, monitor=tmp_path / "run.jsonl")
    alone = fit(config)
    assert same(watched.model, alone.model)
    assert_frame_equal(watched.history, alone.history, check_exact=True)
    run = Run.load(tmp_path / "run.jsonl")
    for name in ("loss", "grad_norm", "lr", "epoch"):
        assert run.steps[name].to_list() == alone.history[name].to_list()
    assert (
        run.steps["clipped"].fill_null(value=False).to_list() == alone.history["clipped"].to_list()
    )
    assert run.meta["seed"] == 0
    assert run.evaluations["split"].to_list() == ["val", "val (ema)"] * 3
    assert run.steps["update_ratio"].drop_nulls().len() >= 1
    with pytest.raises(UsageError):
        fit(config, monitor=tmp_path / "run.jsonl")  # another run does not write over it


def test_a_resumed_run_has_the_record_of_a_whole_one(tmp_path):
    config = TrainConfig(steps=25, lr=0.02, evaluate_every=4, save_every=7, checkpoint=tmp_path)
    whole = fit(config, monitor=tmp_path / "whole.jsonl")
    trainer = Trainer(net(), objective(), config, tmp_path / "killed.jsonl")
    update, taken = trainer._update, list[int]()

    def counted():
        if len(taken) == 18:
            raise KeyboardInterrupt
        update()
        taken.append(1)

    trainer._update = counted  # type: ignore[method-assign] # stops like a crash
    val = {"val": loader(60, 20, seed=1)}
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(loader(), val)
    again = Trainer(net(), objective(), config, tmp_path / "killed.jsonl").resume(tmp_path)
    got = again.fit(loader(), val)
    assert same(got.model, whole.model)
    a, b = Run.load(tmp_path / "killed.jsonl"), Run.load(tmp_path / "whole.jsonl")
    assert_frame_equal(a.steps, b.steps, check_exact=True)
    assert_frame_equal(a.evaluations, b.evaluations, check_exact=True)


@pytest.mark.parametrize("on_nonfinite", ["stop", "skip", "apply"])
def test_what_is_not_finite_is_in_the_record_whatever_is_done_about_it(tmp_path, on_nonfinite):
    config = TrainConfig(epochs=2, on_nonfinite=on_nonfinite)
    path = tmp_path / "run.jsonl"
    if on_nonfinite == "stop":
        with pytest.raises(NonFiniteError, match="ST001") as error:
            fit(config, poisoned(), monitor=path)
        assert error.value.layer == "input"
    else:
        got = fit(config, poisoned(), monitor=path)
        assert len(Run.load(path).steps) == 12
        assert Run.load(path).steps["loss"].is_nan().sum() == got.skipped
        mine = fit(config, poisoned(), monitor=StabilityMonitor)  # which would raise by itself
        assert same(mine.model, got.model)
    steps = Run.load(path).steps
    first = next(i for i, batch in enumerate(loader()) if 40 in batch.rows)
    assert steps["loss"].is_nan().arg_max() == first
    assert steps["layer"][first] == "input"


def test_the_average_s_statistics_leave_out_what_is_not_finite():
    got = fit(TrainConfig(epochs=2, on_nonfinite="skip", ema=0.9), poisoned())
    assert got.evaluations["loss"].is_finite().all()
