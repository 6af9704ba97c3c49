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


SCALES = 25
"""Overflows in a row that no scale of the loss can be blamed for: as many halvings bring 2²⁴ below
1, and torch's ``GradScaler`` begins with 2¹⁶ and doubles every 2,000 steps."""


def finite_steps(steps: pl.DataFrame) -> Mask:
    """Shape (steps,): whether the loss and, where it was recorded, the gradient norm are finite.

    A step that a ``GradScaler`` skipped counts as finite, unless it is one of :data:`SCALES` in a
    row and more.
    """
    good = np.ones(steps.height, dtype=np.bool_)
    for name in ("loss", "grad_norm"):
        if name in steps.columns:
            good &= steps[name].cast(pl.Float64).is_finite().fill_null(value=True).to_numpy()
    if "overflow" in steps.columns:
        good &= ~_without_end(steps["overflow"].fill_null(value=False).to_numpy())
    return good


def _without_end(overflow: Mask) -> Mask:
    """Shape (steps,): those in rows of at least :data:`SCALES`."""
    turns = np.flatnonzero(np.diff(np.concatenate([[False], overflow, [False]]).astype(np.int8)))
    begins, ends = turns[::2], turns[1::2]
    long = ends - begins >= SCALES
    marks = np.zeros(overflow.size + 1, dtype=np.int64)
    marks[begins[long]] += 1
    marks[ends[long]] -= 1
    return marks.cumsum()[:-1] > 0


def recorded(frame: pl.DataFrame, name: str) -> Floats:
    """The values of a column that were recorded: NaN among them, null not; none if it is absent."""
    if name not in frame.columns:
        return np.empty(0)
    return frame[name].drop_nulls().cast(pl.Float64).to_numpy()
