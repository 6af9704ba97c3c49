"""The callback beside the real library, in tiny runs."""

from __future__ import annotations

import math
import sys
import warnings
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from datacheck.errors import NonFiniteError, UsageError
from datacheck.training.run import Run

with warnings.catch_warnings():
    # Lightning's own, while it is imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.simplefilter("ignore", FutureWarning)
    import lightning.pytorch as pl

from datacheck.training.lightning import StabilityCallback

pytestmark = [
    # What Lightning says of small runs, and of its own ways with torch.
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:The number of training batches"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:lightning.*"),
    pytest.mark.filterwarnings("ignore::FutureWarning:lightning.*"),
]


@dataclass
class Rows:
    x: torch.Tensor
    y: torch.Tensor
    rows: torch.Tensor
    tokens: int = 4
    padded: int = 5


def collate(items) -> Rows:
    x, y, rows = (torch.stack(part) for part in zip(*items, strict=True))
    return Rows(x, y, rows)


def loader(broken: int | None = None) -> DataLoader[Any]:
    made = torch.Generator().manual_seed(0)
    x = torch.randn(24, 5, generator=made)
    if broken is not None:
        x[broken] = math.nan
    y = torch.randint(0, 3, (24,), generator=made)
    rows: Any = list(zip(x, y, torch.arange(24), strict=True))
    return DataLoader(rows, batch_size=4, collate_fn=collate)


class Module(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
        self.norms: list[float] = []
        self.losses: list[float] = []

    def forward(self, x):
        return self.model(x)

    def training_step(self, batch, index):
        losses = nn.functional.cross_entropy(self(batch.x), batch.y, reduction="none")
        self.row_loss = losses.detach()
        self.losses.append(losses.detach().mean().item())
        return losses.mean()

    def validation_step(self, batch, index):
        out = self(batch.x)
        self.log("val_loss", nn.functional.cross_entropy(out, batch.y), batch_size=4)
        self.log("val_score", (out.argmax(1) == batch.y).float().mean(), batch_size=4)

    def on_before_optimizer_step(self, optimizer):
        grads = torch.cat([p.grad.flatten() for p in self.parameters() if p.grad is not None])
        self.norms.append(float(grads.norm()))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(callback, module, tmp_path, *, data=None, checkpoint=None, **options) -> pl.Trainer:
    trainer = pl.Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        callbacks=[callback],
        **options,
    )
    trainer.fit(module, data or loader(), loader(), ckpt_path=checkpoint)
    return trainer


def test_a_run_is_recorded(tmp_path):
    watch = StabilityCallback(tmp_path / "run.jsonl", score="val_score", every=1)
    module = Module()
    fit(watch, module, tmp_path, max_epochs=2, gradient_clip_val=0.3)
    run = Run.load(tmp_path / "run.jsonl")
    assert run.ended
    assert run.steps.height == 12
    assert run.meta["max_norm"] == 0.3
    assert run.steps["loss"].to_list() == pytest.approx(module.losses)
    assert run.steps["grad_norm"].to_list() == pytest.approx(module.norms)
    assert run.steps["clipped"].to_list() == [n > 0.3 for n in module.norms]
    assert run.steps["clipped"].any()
    assert run.steps["epoch"].to_list() == [0] * 6 + [1] * 6
    assert run.steps["tokens"].to_list() == [4] * 12
    assert run.rows(7).tolist() == [4, 5, 6, 7]
    assert run.row_losses(7).mean() == pytest.approx(module.losses[7])
    assert run.evaluations["step"].to_list() == [5, 11]
    assert run.evaluations["score"].null_count() == 0
    # Clipped updates of plain descent: ‖Δθ‖ = lr · min(‖g‖, 0.3).
    ratios = run.steps["update_ratio"]
    moved = [0.1 * min(n, 0.3) for n in module.norms]
    assert (ratios[0] / ratios[1]) == pytest.approx(moved[0] / moved[1], rel=0.01)
    assert run.dead["layer"].unique().to_list() == ["model.1"]
    assert run.dead.height == 12


def test_accumulated_batches_are_one_step(tmp_path):
    watch, module = StabilityCallback(), Module()
    fit(watch, module, tmp_path, max_epochs=1, accumulate_grad_batches=2)
    run = watch.monitor.run
    assert run.steps.height == 3
    pairs = [sum(module.losses[n : n + 2]) / 2 for n in (0, 2, 4)]
    assert run.steps["loss"].to_list() == pytest.approx(pairs)
    assert run.rows(0).tolist() == list(range(8))
    assert run.row_losses(0).size == 8
    assert run.steps["tokens"].to_list() == [8] * 3


def test_what_is_not_finite_ends_the_run(tmp_path):
    watch = StabilityCallback(tmp_path / "run.jsonl")
    module = Module()
    with pytest.raises(NonFiniteError, match="at step 2 the loss is nan, first in input; rows 9"):
        fit(watch, module, tmp_path, max_epochs=1, data=loader(broken=9))
    run = Run.load(tmp_path / "run.jsonl")
    assert not run.ended
    assert run.steps.height == 3
    assert all(p.isfinite().all() for p in module.parameters())


def test_a_run_goes_on_in_its_record(tmp_path):
    path = tmp_path / "run.jsonl"
    module = Module()
    trainer = fit(StabilityCallback(path), module, tmp_path, max_epochs=1)
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    with pytest.raises(UsageError, match="exists"):
        fit(StabilityCallback(path), module, tmp_path, max_epochs=1)
    fit(StabilityCallback(path), Module(), tmp_path, max_epochs=2, checkpoint=tmp_path / "a.ckpt")
    run = Run.load(path)
    assert run.steps["step"].to_list() == list(range(12))
    assert run.steps["epoch"].to_list() == [0] * 6 + [1] * 6


def test_the_weights_are_those_of_a_run_that_nobody_watches(tmp_path):
    ends = []
    for callback in (StabilityCallback(every=1), pl.Callback()):
        module = Module()
        fit(callback, module, tmp_path, max_epochs=2, gradient_clip_val=0.3)
        ends.append([p.detach().numpy().tobytes() for p in module.parameters()])
    assert ends[0] == ends[1]


class ByHand(Module):
    """Two optimizers, stepped by the module."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, index):
        optimizers: Any = self.optimizers()
        for optimizer in optimizers:
            loss = nn.functional.cross_entropy(self(batch.x), batch.y)
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()

    def configure_optimizers(self):
        parts = (self.model[0], self.model[2])
        return [torch.optim.SGD(p.parameters(), lr=0.1) for p in parts]


def test_of_several_optimizers_the_first_is_watched(tmp_path):
    watch = StabilityCallback(every=1)
    fit(watch, ByHand(), tmp_path, max_epochs=1)
    assert watch.monitor.run.steps.height == 6
    assert watch.monitor.run.steps["update_ratio"].null_count() == 0


def test_without_lightning_the_error_tells_what_to_install(monkeypatch):
    import datacheck.training.lightning as home

    assert isinstance(StabilityCallback(), pl.Callback)
    monkeypatch.delitem(vars(home), "StabilityCallback")
    for name in ("lightning.pytorch", "pytorch_lightning"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match="pip install lightning"):
        home.StabilityCallback  # noqa: B018 - looking is the test
    with pytest.raises(AttributeError):
        home.Nothing  # noqa: B018 - looking is the test
