"""What a run did, step by step and evaluation by evaluation, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from torch import Tensor, nn

from datacheck.errors import UsageError
from datacheck.training import checkpoint

STEPS: dict[str, type[pl.DataType]] = {
    "step": pl.Int64,
    "epoch": pl.Int64,
    "loss": pl.Float64,
    "grad_norm": pl.Float64,
    "lr": pl.Float64,
    "clipped": pl.Boolean,
    "left_out": pl.Boolean,
    "rows": pl.Int64,
    "tokens": pl.Int64,
}
EVALUATIONS: dict[str, type[pl.DataType]] = {
    "step": pl.Int64,
    "split": pl.String,
    "weights": pl.String,
    "loss": pl.Float64,
    "score": pl.Float64,
    "n": pl.Int64,
    "flips": pl.Int64,
}


class History:
    """Columns of numbers that grow: ``steps`` and ``evaluations`` as frames.

    A step has its loss and its gradient's norm before clipping (NaN and infinite ones too), the
    learning rate, whether it was clipped or left out, and its rows and real tokens. An evaluation
    has the steps taken, the split, whose weights they were (``model``, ``ema``, ``swa``), loss,
    score, the number of predictions and how many changed since the last one.
    """

    def __init__(self) -> None:
        self._steps: dict[str, list[Any]] = {name: [] for name in STEPS}
        self._evaluations: dict[str, list[Any]] = {name: [] for name in EVALUATIONS}

    def step(self, **values: Any) -> None:
        """Add a step."""
        for name, column in self._steps.items():
            column.append(values[name])

    def evaluation(self, **values: Any) -> None:
        """Add an evaluation."""
        for name, column in self._evaluations.items():
            column.append(values[name])

    @property
    def steps(self) -> pl.DataFrame:
        """One row a step."""
        return pl.DataFrame(self._steps, schema=STEPS)

    @property
    def evaluations(self) -> pl.DataFrame:
        """One row for each evaluation, split and kind of weights."""
        return pl.DataFrame(self._evaluations, schema=EVALUATIONS)

    def state_dict(self) -> dict[str, Any]:
        """All of it."""
        return {
            "steps": {name: list(column) for name, column in self._steps.items()},
            "evaluations": {name: list(column) for name, column in self._evaluations.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """All of it."""
        self._steps = {name: list(state["steps"][name]) for name in STEPS}
        self._evaluations = {name: list(state["evaluations"][name]) for name in EVALUATIONS}


@dataclass(slots=True)
class Best:
    """The evaluation with the lowest loss (or highest score) of the first split.

    ``weights`` are the evaluated model's, on the CPU, or None where ``path`` has them.
    """

    step: int
    loss: float
    score: float
    weights: dict[str, Tensor] | None = None
    path: Path | None = None


@dataclass(slots=True, eq=False)
class Fitted:
    """What :meth:`Trainer.fit` gives.

    ``model`` has the last step's weights; ``averaged`` those of EMA or SWA, if asked for. ``run``
    is the monitor's record, if one was attached. ``skipped`` counts steps with a loss or gradient
    that was not finite, ``overflows`` those that float16's scaling left out as a matter of
    course. ``stopped`` is ``"early"`` for a run that ended by ``patience``, else empty.
    """

    model: nn.Module
    averaged: nn.Module | None
    run: Any
    history: pl.DataFrame
    evaluations: pl.DataFrame
    best: Best | None
    steps: int
    skipped: int
    overflows: int
    stopped: str = ""

    def best_model(self) -> nn.Module:
        """The model that was evaluated (averaged or not), with its weights at the best evaluation.

        Raises UsageError where there was no evaluation.
        """
        if self.best is None:
            raise UsageError("there is no best model", "fit(train, {'val': loader}) evaluates")
        model = self.averaged if self.averaged is not None else self.model
        weights = self.best.weights
        if weights is None and self.best.path is not None:
            weights = checkpoint.load(self.best.path)["best_weights"]
        assert weights is not None
        model.load_state_dict(weights)
        return model

    def __str__(self) -> str:
        told = [f"{self.steps:,} steps"]
        if self.skipped:
            share = self.skipped / self.steps
            told.append(f"{self.skipped:,} ({share:.1%}) with a loss or gradient not finite")
        if self.stopped:
            told.append("stopped early")
        if self.best is not None:
            told.append(f"best at step {self.best.step:,}: loss {self.best.loss:.4g}")
            if not math.isnan(self.best.score):
                told.append(f"score {self.best.score:.4g}")
        return ", ".join(told)
