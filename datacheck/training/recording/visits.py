"""Who was in which batch with what loss: the rows of a run, visit by visit, and their ranking.

A *visit* is a row in the batch of a step. All of them stand in flat arrays, one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from datacheck.training.run import Run
from datacheck.training.spiking import TO_SIGMA
from datacheck.types import Floats, Ints, Mask

FIRST = 64  # steps whose losses say what is much
FLOOR = 0.1  # share of them that is always the least unit: late in a run all losses are tiny
SATURATED = 16.6  # nats: beyond this margin the float32 softmax is 1 and the loss exactly 0
ALONE = 6.0  # robust deviations of the margin that set a loss of exactly 0 apart from its batch
_MOST = 1e30  # stands for a loss that is not finite


@dataclass(frozen=True, eq=False)
class Visits:
    """The visits of a run whose rows and losses were recorded.

    ``steps`` are the numbers of the steps, shape (steps,); the visits of step i are those from
    ``starts[i]`` to ``starts[i + 1]``. ``rows`` (int64) and ``losses`` (float64, NaN where not
    finite) have shape (visits,); ``losses`` is empty where the run recorded rows only.
    ``reference`` is the loss of the constant predictor, if the run's meta says it.
    """

    steps: Ints
    starts: Ints
    rows: Ints
    losses: Floats
    reference: float | None = None

    @classmethod
    def of(cls, run: Run) -> Visits:
        """Of a recorded run: the steps that named their rows (and, of them, the losses).

        Steps whose losses are fewer or more than their rows count as without losses, and where
        some steps have losses those without are left out.
        """
        frame = run.steps.select("step", "rows", "row_loss").filter(pl.col("rows").list.len() > 0)
        whole = (frame["row_loss"].list.len() == frame["rows"].list.len()).fill_null(value=False)
        if whole.any():
            frame = frame.filter(whole)
        sizes = frame["rows"].list.len().to_numpy().astype(np.int64)
        reference = run.meta.get("reference")
        losses = frame["row_loss"].explode() if whole.any() else pl.Series([], dtype=pl.Float64)
        return cls(
            frame["step"].to_numpy().astype(np.int64),
            np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            frame["rows"].explode().to_numpy().astype(np.int64)
            if frame.height
            else np.zeros(0, dtype=np.int64),
            losses.fill_null(float("nan")).to_numpy().astype(np.float64) + 0.0,  # no -0
            float(reference) if isinstance(reference, int | float) and reference > 0 else None,
        )

    @cached_property
    def sizes(self) -> Ints:
        """Rows of each batch, shape (steps,)."""
        return np.diff(self.starts)

    @cached_property
    def step_of(self) -> Ints:
        """Place in ``steps`` of each visit, shape (visits,)."""
        return np.repeat(np.arange(self.steps.size), self.sizes)

    @cached_property
    def finite(self) -> Floats:
        """The losses with a great number where they are not finite."""
        return np.where(np.isfinite(self.losses), self.losses, _MOST)

    @cached_property
    def order(self) -> Ints:
        """Places of the visits, step by step and by loss within each; ties by row."""
        return np.lexsort((self.rows, self.finite, self.step_of))

    @cached_property
    def shares(self) -> Floats:
        """The part of its batch's loss that each visit holds, shape (visits,)."""
        return loss_shares(self.losses, self.starts)

    def ranked(self, place: int) -> Ints:
        """The visits of the step at a place, the highest loss first; as they came without any."""
        here = self.at(place)
        return self.order[here][::-1] if self.losses.size else np.arange(here.start, here.stop)

    def at(self, place: int) -> slice:
        """The visits of the step at a place."""
        return slice(int(self.starts[place]), int(self.starts[place + 1]))

    def medians(self, values: Floats) -> Floats:
        """The median of each step's values, shape (steps,); ``values`` is of shape (visits,)."""
        if not self.steps.size:
            return np.zeros(0)
        ordered = values[np.lexsort((values, self.step_of))]
        low = self.starts[:-1] + (self.sizes - 1) // 2
        high = self.starts[:-1] + self.sizes // 2
        return np.asarray(ordered[low] / 2 + ordered[high] / 2)  # halves first: no overflow

    def standard(self, values: Floats, floor: float) -> Floats:
        """Robust deviations from the step's own median, of shape (visits,).

        The unit is the step's scaled median absolute deviation, but at least ``floor``.
        """
        centered = values - self.medians(values)[self.step_of]
        spread = TO_SIGMA * self.medians(np.abs(centered))
        unit = np.maximum(np.maximum(spread, floor), np.finfo(np.float64).tiny)
        with np.errstate(over="ignore"):
            return np.minimum(centered / unit[self.step_of], _MOST)

    @cached_property
    def unit(self) -> float:
        """What is little: a tenth of the reference, in the loss's own units.

        Without one, of the median loss of a row in the first 64 steps.
        """
        if self.reference is not None:
            return FLOOR * self.reference
        early = self.medians(self.finite)[:FIRST]
        return FLOOR * float(np.median(early)) if early.size else 0.0

    @cached_property
    def saturated(self) -> Mask:
        """Visits with a loss of exactly 0 far from their batch, shape (visits,).

        A row a thousand times too large saturates the softmax: its loss is in the hundreds or
        exactly 0, whichever way the model leans. Told on the margin −log(eˡ − 1), which is
        symmetric, so that near the end of a run, where most margins are large, nothing is.
        """
        if not self.losses.size or (self.losses < 0).any():
            return np.zeros(self.losses.size, dtype=np.bool_)
        loss = np.clip(self.finite, np.exp(-SATURATED), 500.0)
        deviation = self.standard(-np.log(np.expm1(loss)), 1.0)
        return np.asarray((self.losses == 0) & (deviation > ALONE))

    @cached_property
    def excess(self) -> Floats:
        """How far each visit's loss stands above its batch, in robust deviations, (visits,).

        A saturated visit counts as a loss of the same margin would.
        """
        out = self.standard(self.finite, self.unit)
        if self.unit > 0:
            out[self.saturated] = np.maximum(out[self.saturated], SATURATED / self.unit)
        return out

    def ranking(self) -> pl.DataFrame:
        """Rows by their excess over the run, the most conspicuous first.

        Columns: ``row``; ``score``, the root of the mean square excess over its visits, each
        square with its sign (a row that is far off once and learned by heart after that counts
        more than one that is always a little hard); ``visits``; ``loss``, the mean of
        its finite losses; ``not_finite``, visits whose loss was not finite although that of
        others in the batch was; these rows come first. Ties by row. With a reference nothing here
        depends on the order in which batches came.
        """
        distinct, index = np.unique(self.rows, return_inverse=True)
        there = np.isfinite(self.losses)
        some = np.bincount(self.step_of[there], minlength=self.steps.size) > 0
        alone = ~there & some[self.step_of]
        counted = there | alone  # where no loss of a batch is finite, it says nothing of its rows
        n = distinct.size

        def per_row(values: Floats | Mask) -> Floats:
            # Sorted before they are added: the same sum whatever the order of the visits.
            order = np.lexsort((values, index))
            summed = np.bincount(index[order], weights=values[order], minlength=n)
            return summed.astype(np.float64)

        visits = per_row(counted)
        with np.errstate(invalid="ignore", divide="ignore"):
            squares = np.copysign(self.excess**2, self.excess)
            mean = per_row(np.where(counted, squares, 0.0)) / visits
            score = np.copysign(np.sqrt(np.abs(mean)), mean)
            loss = per_row(np.where(there, self.losses, 0.0)) / per_row(there)
        frame = pl.DataFrame(
            {
                "row": distinct,
                "score": np.nan_to_num(score, nan=0.0),
                "visits": visits.astype(np.int64),
                "loss": loss,
                "not_finite": per_row(alone).astype(np.int64),
            }
        )
        keys = ["not_finite", "score", "row"]
        return frame.sort(keys, descending=[True, True, False], maintain_order=True)


def loss_shares(losses: Floats, starts: Ints) -> Floats:
    """The share of each row in the loss of its batch, shape (rows,); those of a batch sum to 1.

    ``losses`` stand batch by batch, the rows of batch i from ``starts[i]`` to ``starts[i + 1]``,
    one at least. Rows whose loss is not finite share all of it; negative losses (of densities)
    count from the least one; equal losses are equal shares.
    """
    if not losses.size:
        return np.zeros(0)
    sizes, first = np.diff(starts), starts[:-1]
    bad = ~np.isfinite(losses)
    bads = np.add.reduceat(bad, first, dtype=np.int64)
    # Halves: the distance of two numbers may be more than the largest.
    half = np.where(bad, 0.0, losses) / 2
    half = half - np.repeat(np.minimum(np.minimum.reduceat(half, first), 0.0), sizes)
    top = np.maximum.reduceat(half, first)
    above = half / np.repeat(np.where(top > 0, top, 1.0), sizes)  # or the sum may overflow
    above = np.where(np.repeat(top > 0, sizes), above, 1.0)
    above = np.where(np.repeat(bads > 0, sizes), bad, above)
    return np.asarray(above / np.repeat(np.add.reduceat(above, first), sizes), dtype=np.float64)
