"""What figures and rules read of a recorded run, and how a column of it becomes an array."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import polars as pl

from datacheck.types import Floats, Mask


class Recorded(Protocol):
    """What is read of a run: :class:`datacheck.training.run.Run`, or whatever has its frames."""

    @property
    def steps(self) -> pl.DataFrame:
        """One row a step, in order: step, loss, grad_norm, …; null where not recorded."""

    @property
    def evaluations(self) -> pl.DataFrame:
        """One row an evaluation, in order: step, split, loss, score, n, flips."""


def finite_steps(steps: pl.DataFrame) -> Mask:
    """Shape (steps,): whether the loss and, where it was recorded, the gradient norm are finite."""
    good = np.ones(steps.height, dtype=np.bool_)
    for name in ("loss", "grad_norm"):
        if name in steps.columns:
            good &= steps[name].cast(pl.Float64).is_finite().fill_null(value=True).to_numpy()
    return good


def recorded(frame: pl.DataFrame, name: str) -> Floats:
    """The values of a column that were recorded: NaN among them, null not; none if it is absent."""
    if name not in frame.columns:
        return np.empty(0)
    return frame[name].drop_nulls().cast(pl.Float64).to_numpy()
