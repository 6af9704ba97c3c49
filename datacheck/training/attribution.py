"""From a spike back to the rows and rules behind it, or to the verdict that it was not the data.

An *event* is a step where a spike of the loss or of the gradient norm begins, or the first step
that is not finite; steps that go on spiking are its aftermath and count for nothing. All other
steps that were judged are the *others* that it is compared with.

That few rows hold most of the loss of a spiking batch proves little: a sum is large because one of
its terms is, whatever the reason, and a model that a high learning rate throws about is badly
wrong on a few rows at a time. So data is named as the cause only for what comes back:

- *rows*: the row with the highest loss of an event has the highest loss of another event too, in
  other company, far more often than the top rows of other batches are found among those of events
  (rows that are hard but innocent are at the top of other batches just as well); or
- *rules*: batches of events hold rows that a rule of the audit had named more often than others.

Both are odds ratios over batches: Fisher's exact p, adjusted by Benjamini & Hochberg over all that
was tested, at most 0.05, and an interval that excludes 1. One thing is proof by itself: a loss that
is not finite for some rows of a batch, while the others are where they usually are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import polars as pl

from datacheck.training.causes.associations import RECURRING, Association, associations, marked
from datacheck.training.causes.batches import UNHEARD, Batches
from datacheck.training.causes.events import Event, happened, with_rows
from datacheck.training.recording.visits import Visits
from datacheck.training.run import Run
from datacheck.types import Ints, Mask

AGAIN = 2  # other visits of a row that came to nothing before its spike counts as chance

Locate = Callable[[int], str]


class Cause(StrEnum):
    """What is behind the events of a run."""

    DATA = "data"
    NONE = "no data cause"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Attribution:
    """What is behind the spikes of a run. ``print`` shows it.

    ``events`` are in order of the steps, each with its rows by share of the loss; ``associations``
    in the order of their odds; ``ranking`` has all rows of the run, the most conspicuous first
    (see :meth:`~datacheck.training.recording.visits.Visits.ranking`). ``reason`` is a sentence.
    """

    cause: Cause
    reason: str
    events: tuple[Event, ...]
    associations: tuple[Association, ...]
    ranking: pl.DataFrame
    notes: tuple[str, ...] = field(default=())

    @property
    def rules(self) -> tuple[str, ...]:
        """Codes of the rules that are behind the events."""
        return tuple(a.subject for a in self.associations if a.found and a.subject != RECURRING)

    @property
    def rows(self) -> tuple[int, ...]:
        """The rows that are named as a cause, ascending."""
        return tuple(sorted({s.row for e in self.events for s in e.suspects if s.named}))

    def event(self, step: int) -> Event | None:
        """The event of a step."""
        return next((e for e in self.events if e.step == step), None)

    def to_dict(self) -> dict[str, Any]:
        """As plain data, fit for JSON."""
        return {
            "cause": self.cause.value,
            "reason": self.reason,
            "events": [e.to_dict() for e in self.events],
            "associations": [a.to_dict() for a in self.associations],
            "rules": list(self.rules),
            "rows": list(self.rows),
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        from datacheck.training.causes.attribution_text import told

        return told(self)


def attribute(
    run: Run,
    *,
    named: Mapping[str, Ints] | None = None,
    locate: Locate | None = None,
    most: int = 5,
) -> Attribution:
    """The rows and rules behind the events of ``run``.

    ``named`` are the addresses of the rows that each rule of an audit named
    (:func:`datacheck.pipelines.named_rows.rows_named`), ``locate`` spells an address; ``most`` is
    how many rows of an event are shown, besides those that are named as its cause.
    """
    happenings = happened(run)
    visits = Visits.of(run)
    batches = Batches.of(visits, happenings)
    marks = marked(visits, named or {})
    again = batches.recurring()
    tests = associations(batches, marks, again)
    alone = batches.alone()
    found = {t.subject for t in tests if t.found}
    guilty = _guilty(visits, batches, marks, again, found) | alone
    cause, reason = _cause(run, visits, batches, tests, alone)
    events = with_rows(
        happenings,
        visits,
        batches,
        guilty if cause is Cause.DATA else np.zeros_like(guilty),
        marks,
        locate or str,
        most,
    )
    ranking = visits.ranking() if visits.losses.size else _no_ranking()
    return Attribution(cause, reason, events, tests, ranking, _notes(run, visits))


def _guilty(
    visits: Visits, batches: Batches, marks: Mapping[str, Mask], again: Mask, found: set[str]
) -> Mask:
    """Visits that would be named as causes if data is one."""
    out = np.zeros(visits.rows.size, dtype=np.bool_)
    for rule in found & set(marks):
        out |= marks[rule]
    if found and visits.losses.size:
        tops = batches.tops[batches.events]
        out[tops[batches.concentrated]] = True
    if RECURRING in found:
        rows = batches.top_rows[batches.events][again]
        out |= np.isin(visits.rows, rows)
    return out


def _cause(
    run: Run, visits: Visits, batches: Batches, tests: Sequence[Association], alone: Mask
) -> tuple[Cause, str]:
    found = [t for t in tests if t.found]
    if found:
        said = "; ".join(_said(t) for t in found[:3])
        return Cause.DATA, said
    if alone.any():
        n = int(np.unique(visits.rows[alone]).size)
        rows = "1 row has" if n == 1 else f"{n:,} rows have"
        return Cause.DATA, f"{rows} no finite loss while the rest of the batch is as usual"
    if not batches.count:
        return Cause.NONE, "nothing spiked, and all steps are finite"
    if not visits.rows.size:
        return Cause.UNDECIDED, "the run recorded no rows"
    if not batches.events.size:
        return Cause.UNDECIDED, "the rows of the batches that spiked were not recorded"
    if visits.losses.size and batches.concentrated.any():
        few, all_ = int(batches.concentrated.sum()), batches.events.size
        told = f"in {few:,} of {all_:,} spiking batches one row holds most of the loss"
        tops = batches.events[batches.concentrated]
        seen = np.isin(visits.rows, batches.top_rows[tops]).sum()
        if seen / np.unique(batches.top_rows[tops]).size <= AGAIN:
            return Cause.UNDECIDED, (
                f"{told}, but rows came too seldom to tell whether they do it again: replay a step"
            )
        if batches.unheard(tops):
            return Cause.UNDECIDED, (
                f"{told}, {UNHEARD:g} times more than any row elsewhere, and never again: replay it"
            )
    if not tests:
        return Cause.UNDECIDED, "neither losses of rows nor rows that rules had named are known"
    what = ["no row comes back at the top of spikes"] if visits.losses.size else []
    if any(t.subject != RECURRING for t in tests):
        what.append("no rule's rows are in them more often than in other batches")
    told = f"({batches.events.size:,} spikes, {batches.others.size:,} others)"
    return Cause.NONE, f"{', and '.join(what)} {told}"


def _said(t: Association) -> str:
    interval = f"odds ratio {t.odds.ratio:,.3g} [{t.odds.low:,.3g}, {t.odds.high:,.3g}]"
    if t.subject == RECURRING:
        rows = "1 row" if t.rows == 1 else f"{t.rows:,} rows"
        top = f"at the top of {t.events_with:,} of {t.events:,} spikes"
        return f"{rows} {'comes' if t.rows == 1 else 'come'} back {top}, {interval}"
    return (
        f"{t.subject} had named rows of {t.events_with:,} of {t.events:,} spiking batches and of "
        f"{t.others_with:,} of {t.others:,} others, {interval}"
    )


def _notes(run: Run, visits: Visits) -> tuple[str, ...]:
    notes = []
    if visits.rows.size and not visits.losses.size:
        notes.append("the run recorded no losses of rows: rows cannot be ranked")
    lacking = run.steps.height - visits.steps.size
    if visits.rows.size and lacking:
        notes.append(f"{lacking:,} of {run.steps.height:,} steps were recorded without rows")
    return tuple(notes)


def _no_ranking() -> pl.DataFrame:
    return pl.DataFrame(
        schema={
            "row": pl.Int64,
            "score": pl.Float64,
            "visits": pl.Int64,
            "loss": pl.Float64,
            "not_finite": pl.Int64,
        }
    )
