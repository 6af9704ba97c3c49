"""The events of a run: where spikes begin, and where it stops being finite; and their rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from datacheck.findings import tidy
from datacheck.training.recording.recorded import finite_steps
from datacheck.training.recording.visits import Visits
from datacheck.training.run import Run
from datacheck.training.spiking import LIMIT, SpikeWatch
from datacheck.types import Floats, Ints, Mask

if TYPE_CHECKING:
    from datacheck.training.causes.batches import Batches

LOSS, GRADIENT, NOT_FINITE = "loss", "gradient", "not finite"


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row of the batch of an event.

    ``share`` is its part of the batch's loss, ``chance`` what the row of the same rank holds in
    the middle one of the other batches, ``even`` what each would hold if all were alike.
    ``spikes`` counts the events in whose batch it has the highest loss. ``rules`` had named it in
    the audit; ``named`` says that it is taken for a cause.
    """

    row: int
    address: str
    loss: float
    share: float
    chance: float
    even: float
    spikes: int
    rules: tuple[str, ...]
    named: bool

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "row": self.row,
            "address": self.address,
            "loss": tidy(self.loss),
            "share": tidy(self.share),
            "chance": tidy(self.chance),
            "even": tidy(self.even),
            "spikes": self.spikes,
            "rules": list(self.rules),
            "named": self.named,
        }


@dataclass(frozen=True, slots=True)
class Event:
    """A step where something began.

    ``kinds`` are "loss", "gradient" or "not finite"; ``times`` is how many times the median of
    the steps before the loss or gradient norm was, the greater of the two (infinite if it was not
    finite). ``batch`` is the number of rows; ``rules`` how many of them each rule had named.
    ``concentrated`` tells whether one row holds more of the loss than chance explains while the
    rest of the batch is as usual; ``p`` is the share of the other batches that are as uneven.
    """

    step: int
    epoch: int | None
    kinds: tuple[str, ...]
    times: float
    batch: int = 0
    rules: Mapping[str, int] = field(default_factory=dict)
    concentrated: bool = False
    p: float = 1.0
    suspects: tuple[Suspect, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "step": self.step,
            "epoch": self.epoch,
            "kinds": list(self.kinds),
            "times": tidy(self.times),
            "batch": self.batch,
            "rules": dict(self.rules),
            "concentrated": self.concentrated,
            "p": tidy(self.p),
            "suspects": [s.to_dict() for s in self.suspects],
        }


@dataclass(frozen=True, eq=False)
class Happenings:
    """What happened when, by step of the run: all of shape (steps,).

    ``begins`` marks the steps of events, ``shown`` also the first step of a stretch that is not
    finite where that is the end of a spike; ``judged`` are those that are neither events nor
    their aftermath; ``times`` are multiples of the median.
    """

    steps: Ints
    epochs: list[int | None]
    begins: Mask
    shown: Mask
    judged: Mask
    kinds: Mapping[str, Mask]
    times: Floats


def happened(run: Run) -> Happenings:
    """The events of a run, by its losses and gradient norms."""
    frame = run.steps
    n = frame.height
    kinds: dict[str, Mask] = {}
    times = np.ones(n)
    flagged = np.zeros(n, dtype=np.bool_)
    known = np.zeros(n, dtype=np.bool_)
    for kind, column in ((LOSS, "loss"), (GRADIENT, "grad_norm")):
        there = frame[column].is_not_null().to_numpy()
        values = frame[column].cast(pl.Float64).to_numpy()[there]
        watch = SpikeWatch()
        z, grown = np.full(n, np.nan), np.ones(n)
        judged = [(watch.push(v), watch.median) for v in values.tolist()]
        z[there] = [one for one, _ in judged]
        grown[there] = [v / m for v, (_, m) in zip(values.tolist(), judged, strict=True)]
        mask = (z > LIMIT) & np.isfinite(z)
        kinds[kind] = mask
        flagged |= mask
        known |= np.isfinite(z)
        times = np.fmax(times, np.where(mask, grown, 1.0))
    kinds[NOT_FINITE] = ~finite_steps(frame)
    flagged |= kinds[NOT_FINITE]
    begins = flagged & ~np.append(False, flagged[:-1])
    # Where a spike ends in numbers that are not finite, its first batch is to blame, not the last.
    turns = kinds[NOT_FINITE] & ~np.append(False, kinds[NOT_FINITE][:-1])
    times[kinds[NOT_FINITE]] = np.inf
    return Happenings(
        frame["step"].to_numpy().astype(np.int64),
        frame["epoch"].to_list(),
        begins,
        begins | turns,
        known & ~flagged,
        kinds,
        times,
    )


def with_rows(
    happenings: Happenings,
    visits: Visits,
    batches: Batches,
    guilty: Mask,
    marks: Mapping[str, Mask],
    locate: Callable[[int], str],
    most: int,
) -> tuple[Event, ...]:
    """The events with their rows; ``guilty`` and each of ``marks`` have shape (visits,)."""
    steps = visits.steps
    place_of = {int(s): i for i, s in enumerate(steps)}
    judged = {int(p): i for i, p in enumerate(batches.events)}
    tops = batches.top_rows[batches.events] if visits.losses.size else np.zeros(0, np.int64)
    out = []
    usual = _usual_shares(visits, batches, most) if visits.losses.size else np.zeros(0)
    for i in np.flatnonzero(happenings.shown).tolist():
        step = int(happenings.steps[i])
        kinds = tuple(k for k, mask in happenings.kinds.items() if mask[i])
        event = Event(step, happenings.epochs[i], kinds, float(happenings.times[i]))
        place = place_of.get(step)
        if place is not None:
            here = visits.at(place)
            named = {r: int(n) for r, m in marks.items() if (n := m[here].sum())}
            which = judged.get(place)
            event = replace(
                event,
                batch=int(visits.sizes[place]),
                rules=named,
                concentrated=bool(which is not None and batches.concentrated[which]),
                p=1.0 if which is None or not visits.losses.size else float(batches.p[which]),
                suspects=_suspects(
                    visits, batches, place, guilty, marks, locate, usual, tops, most
                ),
            )
        out.append(event)
    return tuple(out)


def _usual_shares(visits: Visits, batches: Batches, most: int) -> Floats:
    """What the row of each rank holds in the middle one of the other batches, shape (ranks,)."""
    out = np.full(most, np.nan)
    others = batches.others
    for rank in range(most):
        long = others[visits.sizes[others] > rank]
        if long.size:
            at = visits.order[visits.starts[long + 1] - 1 - rank]
            out[rank] = np.median(visits.shares[at])
    return out


def _suspects(
    visits: Visits,
    batches: Batches,
    place: int,
    guilty: Mask,
    marks: Mapping[str, Mask],
    locate: Callable[[int], str],
    usual: Floats,
    tops: Ints,
    most: int,
) -> tuple[Suspect, ...]:
    """The rows of a batch with the highest losses, and all that are named as its cause."""
    lossless = not visits.losses.size
    ranked = visits.ranked(place)
    told = guilty[ranked].copy()
    if lossless:  # nothing ranks them: only those that a rule had named are worth a line
        marked = np.flatnonzero(sum((m[ranked] for m in marks.values()), np.zeros(ranked.size)))
        told[marked[:most]] = True
    else:
        told[:most] = True
    return tuple(
        Suspect(
            row=int(visits.rows[v]),
            address=locate(int(visits.rows[v])),
            loss=math.nan if lossless else float(visits.losses[v]),
            share=math.nan if lossless else float(visits.shares[v]),
            chance=float(usual[rank]) if rank < usual.size else math.nan,
            even=1 / ranked.size,
            spikes=int((tops == visits.rows[v]).sum()),
            rules=tuple(rule for rule, mask in marks.items() if mask[v]),
            named=bool(guilty[v]),
        )
        for rank, v in enumerate(ranked.tolist())
        if told[rank]
    )
