"""A recorded run as the rules see it: series of what was measured, and the rows behind a step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl

from datacheck.checks.base import NotApplicable
from datacheck.findings import MAX_EXAMPLES, Example, names
from datacheck.training.recording.visits import Visits
from datacheck.training.spiking import Spikes, burn_in, spikes
from datacheck.types import Floats, Ints

if TYPE_CHECKING:
    from datacheck.training.run import Run

Locate: TypeAlias = Callable[[int], str]
"""A row as people write it."""
Named: TypeAlias = Callable[[Ints], Mapping[str, int]]
"""How many of the given rows each rule of an audit had named; rules that named none are absent."""

LISTED = 20
LOOKED_AT = 200  # steps whose rows are looked at, the worst first
STANDS_OUT = 3.0  # times its equal share of the loss of the batch
LEAST = 20  # steps without which nothing is said of a course
WORDS = {
    "loss": "loss",
    "grad_norm": "gradient norm",
    "update_ratio": "update-to-weight ratio",
    "clipped": "clipping",
}


@dataclass(frozen=True)
class Series:
    """What was recorded of one quantity: the steps, and its value on each of them."""

    steps: Ints
    values: Floats

    def __len__(self) -> int:
        return len(self.steps)

    def finite(self) -> Series:
        """Without values that are not finite."""
        there = np.isfinite(self.values)
        return Series(self.steps[there], self.values[there])

    def late(self) -> Series:
        """Without the burn-in."""
        start = burn_in(len(self))
        return Series(self.steps[start:], self.values[start:])

    def early(self) -> Floats:
        """The finite values of the first tenth (one at least)."""
        first = self.finite().values
        return first[: max(1, burn_in(len(first)))]


@dataclass(frozen=True)
class Blame:
    """The rows behind some steps."""

    examples: tuple[Example, ...]
    evidence: dict[str, Any]
    said: str
    """The end of a sentence, or nothing."""


@dataclass(frozen=True)
class View:
    """A run, and how its rows are spelled and who had named them already."""

    run: Run
    locate: Locate | None = None
    named: Named | None = None

    def series(self, column: str, *, least: int = 1) -> Series:
        """What was recorded of a column. Raises NotApplicable for nothing, or fewer than ``least``
        finite values.
        """
        frame = self.run.steps
        if column not in frame.columns or frame[column].null_count() == frame.height:
            raise NotApplicable(f"no {WORDS.get(column, column)} was recorded")
        frame = frame.filter(pl.col(column).is_not_null())
        found = Series(
            frame["step"].to_numpy(), frame[column].cast(pl.Float64).to_numpy().astype(np.float64)
        )
        if np.isfinite(found.values).sum() < least:
            raise NotApplicable(
                f"the {WORDS.get(column, column)} was recorded on fewer than {least} steps"
            )
        return found

    @cached_property
    def loss_spikes(self) -> Spikes:
        """Of the loss."""
        return spikes(self.series("loss").values)

    @cached_property
    def gradient_spikes(self) -> Spikes:
        """Of the gradient norm."""
        return spikes(self.series("grad_norm", least=0).values)

    @cached_property
    def reference(self) -> float:
        """The loss of the constant predictor if it was recorded, else that of the first tenth."""
        told = self.run.meta.get("reference")
        if isinstance(told, int | float) and math.isfinite(told) and told > 0:
            return float(told)
        early = self.series("loss").early()
        value = float(np.median(np.abs(early))) if early.size else 0.0
        if value <= 0:
            raise NotApplicable("no reference loss was recorded, and the first losses are 0")
        return value

    def when(self, step: int) -> str:
        """``step 812 (epoch 3)``."""
        at = self.run.steps.filter(pl.col("step") == step)
        epoch = at["epoch"][0] if at.height and "epoch" in at.columns else None
        return f"step {step:,}" if epoch is None else f"step {step:,} (epoch {epoch:,})"

    def spell(self, row: int) -> str:
        """A row as people write it; its number where nothing tells more."""
        return self.locate(int(row)) if self.locate else str(int(row))

    def blame(self, steps: Iterable[int], values: Mapping[str, Sequence[float]]) -> Blame:
        """The rows behind steps, the worst step first.

        ``values`` are figures for each of the steps, by name. The rows of a batch are ranked by
        their share of its loss; one stands out whose share is three times an equal one.
        """
        listed = list(steps)[:LOOKED_AT]
        ranked = [self._ranked(step) for step in listed]
        examples = []
        for place in range(MAX_EXAMPLES):
            for i, (step, (rows, shares)) in enumerate(zip(listed, ranked, strict=True)):
                told: dict[str, Any] = {"step": step, **{k: v[i] for k, v in values.items()}}
                if place < len(rows):
                    if shares is not None:
                        told["share of the loss"] = round(float(shares[place]), 4)
                    examples.append(Example((self.spell(rows[place]),), told))
                elif place == 0:
                    examples.append(Example((), told))
            if len(examples) >= MAX_EXAMPLES:
                break
        suspects = list(dict.fromkeys(int(r) for rows, s in ranked for r in _outstanding(rows, s)))
        evidence: dict[str, Any] = {"steps": sorted(listed)[:LISTED]}
        if suspects:
            evidence["suspects"] = [self.spell(r) for r in suspects[:LISTED]]
            evidence["suspects_in_all"] = len(suspects)
        said = self._known(suspects, evidence) if suspects and self.named else ""
        return Blame(tuple(examples[:MAX_EXAMPLES]), evidence, said)

    def _known(self, suspects: list[int], evidence: dict[str, Any]) -> str:
        """Which rules had named the suspects, as evidence and as the end of a sentence."""
        assert self.named is not None
        counts = self.named(np.array(suspects, dtype=np.int64))
        order = sorted((c for c in counts if counts[c]), key=lambda c: (-counts[c], c))
        evidence["named"] = {c: int(counts[c]) for c in order}
        if not order:
            return "; no rule had named any of the rows that stand out"
        told = names(f"{c} {counts[c]:,}" for c in order)
        noun = "row that stands" if len(suspects) == 1 else "rows that stand"
        return f"; of the {len(suspects):,} {noun} out, already named by rules: {told}"

    @cached_property
    def visits(self) -> Visits:
        """Who was in which batch with what loss."""
        return Visits.of(self.run)

    def _ranked(self, step: int) -> tuple[Ints, Floats | None]:
        """The rows of a batch, the most suspicious first, with their shares of its loss."""
        visits = self.visits
        place = int(np.searchsorted(visits.steps, step))
        there = place < visits.steps.size and visits.steps[place] == step
        if not there or not visits.losses.size:
            return self.run.rows(step), None
        ranked = visits.ranked(place)
        return visits.rows[ranked], visits.shares[ranked]


def _outstanding(rows: Ints, shares: Floats | None) -> Ints:
    return rows[:0] if shares is None else rows[shares * len(rows) >= STANDS_OUT][:STANDING]


STANDING = 3  # rows of one batch that may stand out
