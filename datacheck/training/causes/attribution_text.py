"""An attribution as lines of text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from datacheck.findings import plain

if TYPE_CHECKING:
    from datacheck.training.attribution import Attribution
    from datacheck.training.causes.associations import Association
    from datacheck.training.causes.events import Event, Suspect

SHOWN = 10  # events


def told(found: Attribution) -> str:
    """The verdict, what it rests on, and each event with its rows."""
    lines = [f"Cause: {found.cause.value}. {plain(found.reason)}."]
    if found.associations:
        lines += ["", "In spiking batches against the others:"]
        width = max(len(a.subject) for a in found.associations)
        lines += [f"  {_association(a, width)}" for a in found.associations]
    # The events with a named row first: they are what the verdict is about.
    events = sorted(found.events, key=lambda e: not any(s.named for s in e.suspects))[:SHOWN]
    for event in sorted(events, key=lambda e: e.step):
        lines += ["", _event(event), *(f"  {_suspect(s)}" for s in event.suspects)]
    if len(found.events) > SHOWN:
        lines += ["", f"… and {len(found.events) - SHOWN:,} more events"]
    return "\n".join([*lines, *(f"note: {plain(n)}" for n in found.notes)])


def _association(a: Association, width: int) -> str:
    return (
        f"{a.subject:<{width}}  {a.events_with:,} of {a.events:,} against {a.others_with:,} of "
        f"{a.others:,}: odds ratio {a.odds.ratio:,.3g} [{a.odds.low:,.3g}, {a.odds.high:,.3g}], "
        f"q = {a.q:.2g}{'  <-' if a.found else ''}"
    )


def _event(event: Event) -> str:
    what = " and ".join(event.kinds)
    size = "" if math.isinf(event.times) else f", {event.times:,.3g} times the median before"
    epoch = "" if event.epoch is None else f" (epoch {event.epoch})"
    rules = "".join(f", {n:,} named by {rule}" for rule, n in event.rules.items())
    rows = f", {event.batch:,} rows{rules}" if event.batch else ", rows not recorded"
    return f"step {event.step:,}{epoch}: {what}{size}{rows}"


def _suspect(s: Suspect) -> str:
    held = "" if math.isnan(s.share) else f"  loss {s.loss:.4g}, {s.share:.1%} of the batch's"
    usual = "" if math.isnan(s.chance) else f" (by chance {s.chance:.1%})"
    again = f", at the top of {s.spikes:,} spikes" if s.spikes > 1 else ""
    rules = f", named by {', '.join(s.rules)}" if s.rules else ""
    return f"{'*' if s.named else ' '} {plain(s.address)}{held}{usual}{again}{rules}"
