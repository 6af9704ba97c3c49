"""Small real runs, each with a fault and without it, as a monitor records them.

The data are scikit-learn's (digits, diabetes, breast cancer); those of sequences are in
``docs/pathology_sequences.py``. A pair shares data, initial weights, order of rows
and number of steps but for what its name says. One thread; seconds each.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from datacheck.pipelines.collate import Batch
from datacheck.training import (
    Classification,
    KeyedBatchSampler,
    Regression,
    Run,
    StabilityMonitor,
    TrainConfig,
    Trainer,
    init,
    reference_loss,
)
from datacheck.training.models import MLP
from datacheck.types import Floats, Ints

Pair = tuple[Run, Run]
"""With the fault, and without it."""
SEED = 0


class Rows(torch.utils.data.Dataset[Any]):
    """Rows that are fetched a batch at a time, as a loader of torch asks for them."""

    def __init__(self, whole: Batch) -> None:
        self.whole = whole

    def __len__(self) -> int:
        return len(self.whole)

    def __getitems__(self, positions: list[int]) -> Batch:
        """One batch."""
        return self.whole.take(torch.tensor(positions))


def loader(whole: Batch, sampler: Any) -> Any:
    """A loader of torch over the rows, in the batches of a sampler."""
    return torch.utils.data.DataLoader(
        Rows(whole), batch_sampler=sampler, collate_fn=lambda batch: batch
    )


def fit(
    model: torch.nn.Module,
    objective: Any,
    train: Any,
    held_out: Iterable[Batch],
    config: TrainConfig,
    reference: float,
    every: int = 7,
) -> Run:
    """Train, and give what the monitor recorded."""
    torch.set_num_threads(1)

    def watched(module: torch.nn.Module, optimizer: torch.optim.Optimizer) -> StabilityMonitor:
        limit = config.clip_at if config.clip == "norm" else None
        return StabilityMonitor(
            module, optimizer, every=every, max_norm=limit, reference=reference,
            on_nonfinite="record",
        )  # fmt: skip

    trainer = Trainer(init(model, SEED), objective, config, watched)
    trainer.fit(train, {"held-out": list(held_out)})
    run: Run = trainer.watcher.run
    return run


# -- tables -------------------------------------------------------------------------------------


def table(
    x: Floats, y: Any, rows: int, *, model: dict[str, Any], config: dict[str, Any], task: str
) -> Run:
    """A perceptron on the first ``rows`` of a table; the others are held out."""
    numbers = task == "regression"
    target = torch.tensor(y, dtype=torch.float32 if numbers else torch.int64)
    whole = Batch(torch.arange(len(x)), x=torch.tensor(x, dtype=torch.float32), y=target)
    outputs = 1 if numbers else int(target.max()) + 1
    center, scale = float(np.mean(y[:rows])), float(np.std(y[:rows]))
    return fit(
        MLP(x.shape[1], outputs, **model),
        Regression(center=center, scale=scale) if numbers else Classification(),
        loader(whole.take(torch.arange(rows)), KeyedBatchSampler(np.arange(rows), 32, SEED)),
        [whole.take(torch.arange(rows, len(x)))],
        TrainConfig(on_nonfinite="apply", device="cpu", evaluate_every=20, **config),
        reference_loss(y[rows:], task) / (scale**2 if numbers else 1),
    )


def digits(
    x: Floats | None = None, y: Ints | None = None, rows: int = 1200, *,
    model: dict[str, Any] | None = None, **config: Any,
) -> Run:  # fmt: skip
    """A perceptron on digits: ``x`` and ``y``, or the standardized pixels with their labels."""
    pixels, labels = _digits()
    return table(
        standardized(pixels, rows) if x is None else x,
        labels if y is None else y,
        rows, model={"activation": "relu", **(model or {})},
        config={"steps": 400, "lr": 1e-3, **config}, task="classification",
    )  # fmt: skip


@cache
def _digits() -> tuple[Floats, Ints]:
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(SEED).permutation(len(pixels))
    return pixels[order], labels[order]


def standardized(x: Floats, rows: int) -> Floats:
    """By mean and deviation of the first ``rows``, which are those of train."""
    spread = np.nanstd(x[:rows], axis=0)
    out: Floats = (x - np.nanmean(x[:rows], axis=0)) / np.where(spread > 0, spread, 1.0)
    return out.clip(-5, 5)  # a pixel that is hardly ever set has no spread to speak of


def non_finite() -> Pair:
    """One cell of train is NaN, and the same filled with 0, the column's mean."""
    runs = []
    for value in (np.nan, 0.0):
        x = standardized(_digits()[0], 1200)
        x[700, 20] = value
        runs.append(digits(x, steps=120))
    return runs[0], runs[1]


def bad_rows() -> Pair:
    """Rows of train multiplied by ±1,000, and the same pulled back to ±5 deviations."""
    x = standardized(_digits()[0], 1200)
    rng = np.random.default_rng(2)
    factor = np.ones(len(x))
    factor[rng.choice(1200, 12, replace=False)] = 1000 * rng.choice([-1, 1], 12)
    bad = x * factor[:, None]
    return digits(bad), digits(bad.clip(-5, 5))


def vanishing() -> Pair:
    """SGD on pixels × 1,000: the first steps kill the units; and the same standardized."""
    more: dict[str, Any] = {"optimizer": "sgd", "lr": 0.05, "momentum": 0.9}
    return digits(_digits()[0] * 1000, **more), digits(**more)


def divergence() -> Pair:
    """SGD at 0.5 on diabetes, and at 0.02."""
    x, y = load_diabetes(return_X_y=True)
    x = standardized(x, 300)
    runs = [
        table(
            x, y, 300, model={"depth": 1, "width": 32},
            config={"steps": 200, "optimizer": "sgd", "lr": lr, "momentum": 0.9},
            task="regression",
        )
        for lr in (0.5, 0.02)
    ]  # fmt: skip
    return runs[0], runs[1]


def saturated() -> Pair:
    """Tanh units that get pixels × 1,000, and the same standardized."""
    model = {"activation": "tanh"}
    return digits(_digits()[0] * 1000, model=model), digits(model=model)


def too_large() -> Pair:
    """Adam at 0.3, and at 0.001."""
    return digits(lr=0.3), digits()


def overfitting() -> Pair:
    """A fifth of 300 labels wrong, and the same labels right."""
    rng = np.random.default_rng(3)
    labels = _digits()[1]
    wrong = labels.copy()
    hit = rng.choice(300, 60, replace=False)
    wrong[hit] = (wrong[hit] + rng.integers(1, 10, 60)) % 10
    x = standardized(_digits()[0], 300)
    return digits(x, wrong, 300, steps=600, lr=3e-3), digits(x, labels, 300, steps=600, lr=3e-3)


def clipping() -> Pair:
    """SGD clipped at 0.01, and at 5."""
    more: dict[str, Any] = {"optimizer": "sgd", "lr": 0.05, "momentum": 0.9, "clip": "norm"}
    return digits(clip_at=0.01, **more), digits(clip_at=5.0, **more)


def unscaled() -> Pair:
    """Breast cancer in its own units, and standardized."""
    bunch = load_breast_cancer()
    order = np.random.default_rng(SEED).permutation(len(bunch.data))
    x, y = bunch.data[order], bunch.target[order]
    runs = [
        table(v, y, 400, model={"activation": "relu"}, config={"steps": 600, "lr": 1e-3},
              task="classification")
        for v in (x, standardized(x, 400))
    ]  # fmt: skip
    return runs[0], runs[1]
