"""What the rules of training say of real runs: false alarms on healthy ones, recall on faulty ones.

Small networks learn the 1,797 digits of scikit-learn, each setting from several seeds, watched by
:class:`datacheck.training.StabilityMonitor`; the table says how many runs each rule spoke about.

    python benchmarks/run_rules.py --seeds 5

It has no timings; on two cores five seeds take some minutes.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional
from torch.optim import lr_scheduler

from datacheck.training import StabilityMonitor, judge
from datacheck.training.rules.vanishing_gradients import across_layers
from datacheck.training.rules.view import View
from datacheck.training.run import Run

TRAIN = 1200
LOOK = 20  # evaluations a run


@dataclass(frozen=True)
class Setting:
    """How a run is made; the defaults are healthy."""

    scale: float | None = None
    """Pixels (0 to 16) times this; standardized, where it is None."""
    optimizer: str = "adam"
    lr: float = 1e-3
    activation: type[nn.Module] = nn.ReLU
    depth: int = 2
    steps: int = 500
    batch: int = 32
    train: int = TRAIN
    dropout: float = 0.0
    schedule: str = ""
    clip: float | None = None
    outliers: float = 0.0
    """Share of train rows multiplied by ±1000."""
    flips: float = 0.0
    """Share of train labels that are replaced by another."""
    nan: float = 0.0
    """Share of the cells that are NaN."""


HEALTHY = {
    "Adam": Setting(),
    "Adam, lr 0.003": Setting(lr=3e-3),
    "long, learned by heart": Setting(steps=2000, lr=2e-3),
    "SGD": Setting(optimizer="sgd", lr=0.05),
    "SGD, cosine": Setting(optimizer="sgd", lr=0.05, schedule="cosine"),
    "SGD, warm restarts": Setting(optimizer="sgd", lr=0.05, schedule="restarts"),
    "SGD, steps": Setting(optimizer="sgd", lr=0.1, schedule="steps"),
    "tanh": Setting(activation=nn.Tanh),
    "sigmoid": Setting(activation=nn.Sigmoid, lr=3e-3),
    "raw pixels": Setting(scale=1.0),
    "batches of 8": Setting(batch=8),
    "batches of 256": Setting(batch=256),
    "deep": Setting(depth=5),
    "dropout": Setting(dropout=0.3),
    "clipped at 5": Setting(clip=5.0),
    "only 200 steps": Setting(steps=200),
}
FAULTY: dict[str, tuple[Setting, tuple[str, ...]]] = {
    "NaN in 0.1 % of the cells": (Setting(nan=1e-3), ("ST001",)),
    "1 % outlier rows": (Setting(outliers=0.01), ("ST002", "ST003")),
    "1 % outlier rows, SGD": (
        Setting(outliers=0.01, optimizer="sgd", lr=0.02), ("ST002", "ST003", "ST006"),
    ),
    "20 % wrong labels of 300 rows": (Setting(flips=0.2, train=300, steps=1500), ("ST008",)),
    "pixels × 1000, tanh": (Setting(scale=1e3, activation=nn.Tanh), ("ST006",)),
    "pixels × 1000, SGD": (
        Setting(scale=1e3, optimizer="sgd", lr=0.05), ("ST001", "ST004", "ST006"),
    ),
    "Adam, lr 0.1": (Setting(lr=0.1), ("ST007", "ST006")),
    "Adam, lr 1": (Setting(lr=1.0), ("ST007", "ST006")),
    "SGD, lr 1": (Setting(optimizer="sgd", lr=1.0), ("ST006", "ST007")),
    "SGD, lr 10": (Setting(optimizer="sgd", lr=10.0), ("ST001", "ST005", "ST006")),
    "clipped at 0.01": (Setting(clip=0.01), ("ST009",)),
    **{
        f"{depth} layers of sigmoids, {name}": (
            Setting(activation=nn.Sigmoid, depth=depth, optimizer=name.lower(), lr=lr), ("ST004",)
        )
        for depth in (10, 14, 20)
        for name, lr in (("Adam", 1e-3), ("SGD", 0.05))
    },
}  # fmt: skip


def train(setting: Setting, seed: int) -> Run:
    """One run, as a monitor records it."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    pixels, labels = load_digits(return_X_y=True)
    order = random.permutation(len(pixels))
    mine, held_out = order[: setting.train], order[TRAIN:]
    x, y = _planted(setting, random, pixels.astype(np.float32), labels, mine)
    model = _model(setting)
    if setting.optimizer == "sgd":
        optimizer: torch.optim.Optimizer = torch.optim.SGD(
            model.parameters(), lr=setting.lr, momentum=0.9
        )
    else:
        optimizer = torch.optim.Adam(model.parameters(), lr=setting.lr)
    schedule = _schedule(setting, optimizer)
    test_x, test_y = x[held_out].nan_to_num(), torch.tensor(labels)[held_out]
    monitor = StabilityMonitor(
        model,
        optimizer,
        every=7,
        max_norm=setting.clip,
        reference=math.log(10),
        on_nonfinite="record",
    )
    waiting: list[int] = []
    with monitor:
        for step in range(setting.steps):
            if len(waiting) < setting.batch:
                waiting = random.permutation(mine).tolist()
            rows, waiting = waiting[: setting.batch], waiting[setting.batch :]
            losses = functional.cross_entropy(model(x[rows]), y[rows], reduction="none")
            optimizer.zero_grad()
            losses.mean().backward()  # type: ignore[no-untyped-call] # torch does not say
            norm = None
            if setting.clip is not None:
                norm = nn.utils.clip_grad_norm_(model.parameters(), setting.clip)
            monitor.step(
                losses.mean().detach(), rows=rows, per_row_loss=losses.detach(), grad_norm=norm
            )
            optimizer.step()
            if schedule is not None:
                schedule.step()
            if (step + 1) % (setting.steps // LOOK) == 0:
                _evaluate(model, monitor, test_x, test_y)
    return monitor.run


def _planted(
    setting: Setting, random: np.random.Generator, x: np.ndarray, y: np.ndarray, mine: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor]:
    if setting.scale is None:
        x = (x - x[mine].mean(axis=0)) / np.maximum(x[mine].std(axis=0), 0.5)
    else:
        x = x * np.float32(setting.scale)
    y = y.copy()
    odd = mine[random.random(len(mine)) < setting.outliers]
    x[odd] *= random.choice([-1000, 1000], len(odd))[:, None]
    wrong = mine[random.random(len(mine)) < setting.flips]
    y[wrong] = (y[wrong] + random.integers(1, 10, len(wrong))) % 10
    if setting.nan:
        x[random.random(x.shape) < setting.nan] = np.nan
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y)


def _model(setting: Setting) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(setting.depth):
        layers += [nn.Linear(64, 64), setting.activation()]
        if setting.dropout:
            layers.append(nn.Dropout(setting.dropout))
    return nn.Sequential(*layers, nn.Linear(64, 10))


def _schedule(
    setting: Setting, optimizer: torch.optim.Optimizer
) -> lr_scheduler.LRScheduler | None:
    if setting.schedule == "cosine":
        return lr_scheduler.CosineAnnealingLR(optimizer, setting.steps)
    if setting.schedule == "restarts":
        return lr_scheduler.CosineAnnealingWarmRestarts(optimizer, setting.steps // 4)
    if setting.schedule == "steps":
        return lr_scheduler.StepLR(optimizer, setting.steps // 3)
    return None


def _evaluate(
    model: nn.Module, monitor: StabilityMonitor, x: torch.Tensor, y: torch.Tensor
) -> None:
    model.eval()
    with torch.no_grad():
        out = model(x)
        loss = functional.cross_entropy(out, y)
        right = (out.argmax(dim=1) == y).float().mean()
    model.train()
    monitor.evaluation("val", loss=float(loss), score=float(right), n=len(y))


@dataclass(frozen=True)
class Spoken:
    """What the rules said of runs: how many each spoke about, and the rules by run.

    ``across`` is, by run, the gradient of the first layers over that of the last, as ST004 has it.
    """

    counts: Counter[str]
    runs: list[frozenset[str]]
    across: list[float]

    @property
    def told(self) -> str:
        """The rules with their counts."""
        return ", ".join(f"{c} in {n}" for c, n in sorted(self.counts.items())) or "none"

    @property
    def passed(self) -> str:
        """The least and the greatest of ``across``."""
        return f"{min(self.across):.2g} to {max(self.across):.2g}"


def spoken(setting: Setting, seeds: Sequence[int]) -> Spoken:
    """What the rules say of one run of each seed."""
    runs, across = [], []
    for seed in seeds:
        run = train(setting, seed)
        runs.append(frozenset(f.rule for f in judge(run).findings))
        through = across_layers(View(run)).late().values
        across.append(float(np.median(through)) if len(through) else math.nan)
    return Spoken(Counter(code for codes in runs for code in codes), runs, across)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each setting")
    seeds = range(parser.parse_args().seeds)
    torch.set_num_threads(1)
    healthy: Mapping[str, Setting] = HEALTHY
    false = Counter[str]()
    head = "first layers over last"
    print(f"| healthy run | runs | with a finding | {head} |\n|---|---|---|---|")
    for name, setting in healthy.items():
        all_ = spoken(setting, seeds)
        false.update(all_.counts)
        print(f"| {name} | {len(all_.runs)} | {all_.told} | {all_.passed} |", flush=True)
    total = len(seeds) * len(healthy)
    wrong = ", ".join(f"{c} {n}" for c, n in sorted(false.items())) or "none"
    print(f"\nfalse alarms in {total} healthy runs: {wrong}\n")
    print(f"| fault | runs | any of | found in | each rule | {head} |\n|---|---|---|---|---|---|")
    for name, (setting, expected) in FAULTY.items():
        all_ = spoken(setting, seeds)
        hit = sum(bool(codes & set(expected)) for codes in all_.runs)
        print(
            f"| {name} | {len(all_.runs)} | {' '.join(expected)} | {hit} | {all_.told} "
            f"| {all_.passed} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
