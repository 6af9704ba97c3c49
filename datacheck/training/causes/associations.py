"""How much more often the batches of events hold something than others do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from datacheck.findings import tidy
from datacheck.training.causes.batches import Batches
from datacheck.training.causes.odds import Odds, adjusted, odds
from datacheck.training.recording.visits import Visits
from datacheck.types import Ints, Mask

LEVEL = 0.05
RECURRING = "recurring rows"


@dataclass(frozen=True, slots=True)
class Association:
    """How much more often batches of events hold something than other batches do.

    ``subject`` is the code of a rule, or :data:`RECURRING`. ``rows`` are the rows concerned that
    the run saw; ``least`` is how many of them in a batch count (more than the usual batch has).
    Of ``events`` batches ``events_with`` had so many, of ``others`` ``others_with``. ``q`` is the
    adjusted p.
    """

    subject: str
    rows: int
    least: int
    events_with: int
    events: int
    others_with: int
    others: int
    odds: Odds
    q: float = 1.0

    @property
    def found(self) -> bool:
        """Whether it is more than chance: q ≤ 0.05 and an interval above 1."""
        return self.q <= LEVEL and self.odds.low > 1

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "subject": self.subject,
            "rows": self.rows,
            "least": self.least,
            "events_with": self.events_with,
            "events": self.events,
            "others_with": self.others_with,
            "others": self.others,
            "odds_ratio": tidy(self.odds.ratio),
            "low": tidy(self.odds.low),
            "high": tidy(self.odds.high),
            "p": tidy(self.odds.p),
            "q": tidy(self.q),
            "found": self.found,
        }


def marked(visits: Visits, named: Mapping[str, Ints]) -> dict[str, Mask]:
    """Of each rule that named rows of the run, which visits are of those rows."""
    out = {}
    for rule, addresses in sorted(named.items()):
        mask = np.isin(visits.rows, np.asarray(addresses, dtype=np.int64))
        if mask.any():
            out[rule] = mask
    return out


def associations(
    batches: Batches, marks: Mapping[str, Mask], again: Mask
) -> tuple[Association, ...]:
    """Of each rule and, where losses are known, of rows that come back; the surest first.

    ``marks`` are visits of named rows by rule, shape (visits,), ``again`` the events with a row
    that comes back, shape (events,). None without events or without other batches.
    """
    if not batches.events.size or not batches.others.size:
        return ()
    tests = [_association(rule, batches, mask) for rule, mask in marks.items()]
    if batches.visits.losses.size:
        tests.append(_recurring(batches, again))
    qs = adjusted([t.odds.p for t in tests])
    told = [replace(t, q=float(q)) for t, q in zip(tests, qs, strict=True)]
    return tuple(sorted(told, key=lambda t: (-t.odds.low, t.subject)))


def _association(rule: str, batches: Batches, mask: Mask) -> Association:
    """Of batches with more of the rows than the usual batch."""
    visits = batches.visits
    counts = np.bincount(visits.step_of, weights=mask, minlength=visits.steps.size)
    judged = counts[np.concatenate([batches.events, batches.others])]
    least = int(np.floor(np.median(judged))) + 1
    held = counts >= least
    a, c = int(held[batches.events].sum()), int(held[batches.others].sum())
    rows = int(np.unique(visits.rows[mask]).size)
    return _tested(rule, rows, least, a, batches.events.size, c, batches.others.size)


def _recurring(batches: Batches, again: Mask) -> Association:
    """Events whose top row tops another one, against other batches whose top row tops an event."""
    tops = batches.top_rows
    c = int(np.isin(tops[batches.others], tops[batches.events]).sum())
    rows = int(np.unique(tops[batches.events][again]).size)
    a = int(again.sum())
    return _tested(RECURRING, rows, 1, a, batches.events.size, c, batches.others.size)


def _tested(
    subject: str, rows: int, least: int, a: int, events: int, c: int, others: int
) -> Association:
    table = odds(a, events - a, c, others - c)
    return Association(subject, rows, least, a, events, c, others, table)
