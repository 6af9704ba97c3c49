"""A watcher of one run, in memory: what a study measures, and the rows behind each step."""

from __future__ import annotations

from typing import Any

import polars as pl
import torch
from torch import nn

from datacheck.types import Floats, Ints

STEPS = {
    "step": pl.Int64, "loss": pl.Float64, "grad_norm": pl.Float64, "tokens": pl.Int64,
    "padded": pl.Int64,
}  # fmt: skip
EVALUATIONS = {"step": pl.Int64, "split": pl.String, "loss": pl.Float64, "score": pl.Float64}


class Watch:
    """Records a run as :func:`~datacheck.training.metrics.summarize` reads it, and only watches.

    Before each update it also takes the loss on the ``probe`` batch, if there is one: losses of
    arms with unlike samplers or weights can be compared on that alone. ``rows`` and
    ``row_losses`` hold an array a step.
    """

    def __init__(self, model: nn.Module, objective: Any, probe: Any = None) -> None:
        self.model, self.objective, self.probe = model, objective, probe
        self.probed: list[float] = []
        self.rows: list[Ints] = []
        self.row_losses: list[Floats] = []
        self._steps: dict[str, list[Any]] = {name: [] for name in STEPS}
        self._evaluations: dict[str, list[Any]] = {name: [] for name in EVALUATIONS}

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def step(self, loss: float, **told: Any) -> None:
        """Called by the trainer after the gradient and before the update."""
        values = {"step": len(self.rows), "loss": loss, **told}
        for name, column in self._steps.items():
            column.append(values[name])
        self.rows.append(told["rows"].numpy())
        self.row_losses.append(told["per_row_loss"].double().numpy())
        if self.probe is not None:
            self._probe()

    @torch.no_grad()
    def _probe(self) -> None:
        was = self.model.training
        self.model.eval()
        self.probed.append(float(self.objective(self.model, self.probe).mean))
        self.model.train(was)

    def evaluation(self, split: str, **told: Any) -> None:
        """Called by the trainer after each evaluation."""
        values = {"step": len(self.rows), "split": split, **told}
        for name, column in self._evaluations.items():
            column.append(values[name])

    @property
    def steps(self) -> pl.DataFrame:
        """One row a step."""
        return pl.DataFrame(self._steps, schema=STEPS)

    @property
    def evaluations(self) -> pl.DataFrame:
        """One row for each evaluation and split."""
        return pl.DataFrame(self._evaluations, schema=EVALUATIONS)

    @property
    def run(self) -> Watch:
        """The record itself."""
        return self
