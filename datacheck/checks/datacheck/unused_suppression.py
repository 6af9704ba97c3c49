"""# unused-suppression (DC001)

## What it finds
A `[[suppress]]` entry of the configuration that no finding matches.

## Why it hurts training
The defect that it accepted is gone, or its columns have new names; the entry would hide the next
finding that happens to match, with a reason that is no longer true.

## How it is measured
Exact: after all other rules have judged, each entry either matched a finding or did not.

## Example
`rule = "MV001", columns = ["age"]` after `age` has been imputed.

## Repair and repair safety
`remove-suppression` (manual): delete the entry.

## Options
None.

## Known limits
An entry matches only findings about no further columns and splits than it names, so a finding that
grew by one column makes the entry unused.

## References
- Ruff's rule RUF100, "unused-noqa": the same for comments in code.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from datacheck.checks.base import Context, Rule
from datacheck.dataset import Dataset
from datacheck.findings import Finding, Repair, names
from datacheck.summaries.base import Need


@dataclass(frozen=True)
class UnusedSuppression(Rule):
    """Accepted findings that are there no more."""

    why = "it would hide the next finding that matches, for a reason that no longer holds"
    repairs = (Repair("remove-suppression", "manual"),)

    def needs(self, data: Dataset) -> Iterable[Need]:
        return []

    def judge(self, context: Context) -> Iterable[Finding]:
        if context.unused_suppressions:
            yield self.found(list(context.unused_suppressions))

    def found(self, unused: list[str]) -> Finding:
        """The finding about suppressions that match nothing."""
        noun = "suppression matches" if len(unused) == 1 else "suppressions match"
        return self.finding(
            f"{len(unused)} {noun} no finding: {names(unused)}",
            count=len(unused),
            unit="suppressions",
            evidence={"unused": unused},
        )
