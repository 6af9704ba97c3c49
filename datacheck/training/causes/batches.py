"""The batches of events against all others: how unevenly the loss lies on their rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from datacheck.training.causes.events import Happenings
from datacheck.training.causes.odds import adjusted
from datacheck.training.recording.visits import Visits
from datacheck.training.spiking import LIMIT, spikes
from datacheck.types import Floats, Ints, Mask

LEVEL = 0.05
UNHEARD = 10.0
FEW = 10  # one row in ten, at least one, is few; the rest of a batch are the others


@dataclass(frozen=True, eq=False)
class Batches:
    """The steps of :class:`Visits` sorted into events and others.

    All are places in ``visits.steps``: ``events`` where something began, ``shown`` those and the
    first step of each stretch that is not finite, ``others`` the steps to compare with. ``count``
    is how many events the run has, with rows or without.
    """

    visits: Visits
    events: Ints
    shown: Ints
    others: Ints
    count: int

    @classmethod
    def of(cls, visits: Visits, happenings: Happenings) -> Batches:
        """Sorted by what happened."""
        at = np.searchsorted(happenings.steps, visits.steps)
        return cls(
            visits,
            np.flatnonzero(happenings.begins[at]),
            np.flatnonzero(happenings.shown[at]),
            np.flatnonzero(happenings.judged[at]),
            int(happenings.shown.sum()),
        )

    @cached_property
    def tops(self) -> Ints:
        """The visit with the highest loss of each step, shape (steps,)."""
        return self.visits.order[self.visits.starts[1:] - 1]

    @cached_property
    def top_rows(self) -> Ints:
        """Its row, shape (steps,)."""
        return self.visits.rows[self.tops]

    @cached_property
    def rest(self) -> Floats:
        """The mean loss of each batch without its highest tenth (at least one), shape (steps,)."""
        v = self.visits
        few = np.maximum(1, v.sizes // FEW)
        step = v.step_of  # of the visits in order too: the order keeps steps together
        rank = np.arange(v.rows.size) - v.starts[step]
        keep = rank < (v.sizes - few)[step]
        total = np.bincount(
            step, weights=np.where(keep, v.finite[v.order], 0.0), minlength=v.steps.size
        )
        return total / np.maximum(v.sizes - few, 1)

    @cached_property
    def unevenness(self) -> Floats:
        """log of the highest loss over the rest's mean, both raised by the unit, shape (steps,)."""
        unit = max(self.visits.unit, float(np.finfo(np.float64).tiny))
        top = np.maximum(self.visits.finite[self.tops], 0)
        return np.log(top + unit) - np.log(np.maximum(self.rest, 0) + unit)

    @cached_property
    def calm(self) -> Mask:
        """Whether the rest of the batch is no spike in its own series, shape (steps,)."""
        return ~(spikes(self.rest).z > LIMIT)

    @cached_property
    def p(self) -> Floats:
        """Of each event: the share of others that are as uneven, (1 + k)/(1 + n)."""
        known = np.sort(self.unevenness[self.others])
        at = np.searchsorted(known, self.unevenness[self.events], side="left")
        return (1 + known.size - at) / (1 + known.size)

    @cached_property
    def concentrated(self) -> Mask:
        """Events whose top row holds more than chance explains, the rest being calm, (events,).

        Benjamini–Hochberg over the events. No proof of a cause: see :mod:`.attribution`.
        """
        if not self.visits.losses.size:
            return np.zeros(self.events.size, dtype=np.bool_)
        return (adjusted(self.p) <= LEVEL) & self.calm[self.events]

    def recurring(self) -> Mask:
        """Events whose top row tops another event in other company, shape (events,).

        Other company: at most half of the batch is the same. Where batches are never mixed, what
        comes back with a batch cannot be pinned on one row of it.
        """
        out = np.zeros(self.events.size, dtype=np.bool_)
        if not self.visits.losses.size:
            return out
        rows = self.top_rows[self.events]
        for row in np.unique(rows):
            mine = np.flatnonzero(rows == row)
            for i, one in enumerate(mine):
                for other in mine[i + 1 :]:
                    if self._apart(int(self.events[one]), int(self.events[other])):
                        out[[one, other]] = True
                    if out[mine].all():
                        break
        return out

    def _apart(self, one: int, other: int) -> bool:
        a, b = (self.visits.rows[self.visits.at(place)] for place in (one, other))
        return 2 * np.intersect1d(a, b).size <= min(a.size, b.size) or min(a.size, b.size) == 1

    def unheard(self, places: Ints) -> bool:
        """Whether a top loss of these steps is far above the top losses of all other batches."""
        tops = self.visits.finite[self.tops]
        usual = max(float(tops[self.others].max(initial=0.0)), self.visits.unit)
        return bool((tops[places] > UNHEARD * usual).any())

    def alone(self) -> Mask:
        """Visits of shown events without a finite loss where the others are as usual, (visits,)."""
        v = self.visits
        out = np.zeros(v.rows.size, dtype=np.bool_)
        if not v.losses.size:
            return out
        for place in self.shown.tolist():
            here = v.at(place)
            there = np.isfinite(v.losses[here])
            if there.any() and not there.all():
                usual = self._usual(place, v.losses[here][there])
                out[here] = ~there & usual
        return out

    def _usual(self, place: int, losses: Floats) -> bool:
        """Whether the mean of these losses is no spike after the rests of the steps before."""
        before = self.rest[:place][-64:]
        return not spikes(np.append(before, losses.mean())).z[-1] > LIMIT
