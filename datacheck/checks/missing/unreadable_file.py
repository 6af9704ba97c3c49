"""# unreadable-file (MV006)

## What it finds
Files and records that could not be read: undecodable bytes, a file that breaks off, a record with
too many fields, an empty file, a file that is not what its name says. As a warning: what was read
after all under an assumption, such as an unusual encoding.

## Why it hurts training
What cannot be read is missing from training or from the score without a word, or stops the run
hours later in a worker process.

## How it is measured
Everything is decoded once, during the scan. Each kind of problem is one finding, with the number of
files or records.

## Example
`train.csv` whose line 8 has seven fields under a header of five: one record.

## Repair and repair safety
`quarantine` (safe): unreadable records of train are set aside. A broken file must be fetched again.

## Options
None.

## Known limits
A file that decodes without error and holds nonsense is not found here. Counts of records are of
those that the reader met before it had to give a file up.

## References
- RFC 4180, "Common Format and MIME Type for Comma-Separated Values (CSV) Files".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from datacheck.checks.base import Context, Rule
from datacheck.checks.missing.cells import LISTED
from datacheck.dataset import Dataset, Problem
from datacheck.findings import MAX_EXAMPLES, Example, Finding, Repair, Severity, names
from datacheck.summaries.base import Need


@dataclass(frozen=True)
class UnreadableFile(Rule):
    """Files and records that could not be decoded."""

    why = "what cannot be read is missing from training or from the score without a word"
    repairs = (Repair("quarantine", "safe"),)

    def needs(self, data: Dataset) -> Iterable[Need]:
        return []

    def judge(self, context: Context) -> Iterable[Finding]:
        groups: dict[tuple[bool, bool, str], list[Problem]] = {}
        for problem in sorted(context.problems):
            kind = (problem.warning, problem.row < 0, _kind(problem.reason))
            groups.setdefault(kind, []).append(problem)
        for (warning, whole, _), group in groups.items():
            yield self._found(context, group, warning=warning, whole=whole)

    def _found(
        self, context: Context, group: list[Problem], *, warning: bool, whole: bool
    ) -> Finding:
        files = list(dict.fromkeys(p.file for p in group))
        count = len(files) if whole else len(group)
        noun = ("file" if whole else "record") + ("" if count == 1 else "s")
        where = names(files) if whole else names([f"{p.file}:{p.row}" for p in group])
        state = "was read under an assumption" if warning else "could not be read"
        if count != 1:
            state = state.replace("was", "were")
        reasons = list(dict.fromkeys(p.reason for p in group))
        splits = list(dict.fromkeys(p.split for p in group if p.split))
        return self.finding(
            f"{count:,} {noun} {state} ({where}): {reasons[0]}",
            splits=splits,
            count=count,
            total=_total(context, group, whole=whole),
            unit="files" if whole else "records",
            evidence={"files": files[:LISTED], "reasons": reasons[:5]},
            examples=[
                Example((p.file if whole else f"{p.file}:{p.row}",), {"reason": p.reason})
                for p in group[:MAX_EXAMPLES]
            ],
            severity=Severity.WARNING if warning else None,
            repairs=(Repair("recode", "manual"),) if warning else None,
        )


def _kind(reason: str) -> str:
    """The reason without what differs from place to place: numbers and quoted text."""
    return re.sub(r"'[^']*'|\"[^\"]*\"|\d[\d,.]*", "…", reason)


def _total(context: Context, group: list[Problem], *, whole: bool) -> int:
    """All files, or all records of the splits concerned."""
    if whole:
        return len({*context.data.files, *(p.file for p in context.problems)})
    splits = {p.split for p in group}
    lost = sum(p.row >= 0 and not p.warning and p.split in splits for p in context.problems)
    return sum(n for s, n in context.rows.items() if s in splits or "" in splits) + lost
