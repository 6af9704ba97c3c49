"""Findings of a run with what attribution says of their cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from datacheck.findings import Finding, tidy
from datacheck.training.attribution import Attribution, attribute
from datacheck.types import Ints

if TYPE_CHECKING:
    from datacheck.training.rules.view import Locate
    from datacheck.training.run import Run

RULES = ("ST001", "ST002", "ST003")  # those about steps, which have batches and rows
LISTED = 20


def with_causes(
    findings: Iterable[Finding],
    run: Run,
    *,
    rows: Mapping[str, Ints] | None = None,
    locate: Locate | None = None,
) -> list[Finding]:
    """The findings; those about spikes and steps that are not finite say what is behind them.

    ``rows`` are all rows that each rule of an audit had named. The evidence gets ``cause`` ("data",
    "no data cause" or "undecided"), ``cause_rows`` and ``associations``, by rule.
    """
    listed = list(findings)
    if not any(f.rule in RULES for f in listed):
        return listed
    found = attribute(run, named=rows, locate=locate)
    if not found.events or not run.steps["rows"].list.len().sum():
        return listed  # without rows there is nothing to say
    return [_told(f, found) if f.rule in RULES else f for f in listed]


def _told(finding: Finding, found: Attribution) -> Finding:
    named = {s.row: s.address for e in found.events for s in e.suspects if s.named}
    more: dict[str, Any] = {
        "cause": found.cause.value,
        "associations": {
            a.subject: {
                "odds_ratio": tidy(a.odds.ratio),
                "low": tidy(a.odds.low),
                "high": tidy(a.odds.high),
                "q": tidy(a.q),
            }
            for a in found.associations
        },
    }
    if named:
        more["cause_rows"] = [named[r] for r in found.rows[:LISTED]]
        more["cause_rows_in_all"] = len(found.rows)
    message = f"{finding.message}; cause: {found.cause.value} ({found.reason})"
    return replace(finding, message=message, evidence={**finding.evidence, **more})
