"""# unreadable-file (MV006)

## What it finds
Files and records that could not be read: undecodable bytes, a file that breaks off, a record with
too many fields, an empty file, a file that is not what its name says. Pictures that cannot be
decoded, are cut short, have a wrong checksum (PNG) or promise more pixels than are decoded. As a
warning: what was read after all under an assumption, such as an unusual encoding, a picture of
another format than its name says, or the first of several frames.

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
from datacheck.dataset import Dataset, Kind, Problem
from datacheck.findings import MAX_EXAMPLES, Example, Finding, Repair, Severity, names
from datacheck.summaries.base import Need

NAMED = 1_000  # files that the evidence names
COUNTED = r"([\d,]+) (?:more )?(?:line|record|row)s?\b"
MORE = " more "


@dataclass(frozen=True)
class UnreadableFile(Rule):
    """Files and records that could not be decoded."""

    why = "what cannot be read is missing from training or from the score without a word"
    repairs = (Repair("quarantine", "safe"),)

    def needs(self, data: Dataset) -> Iterable[Need]:
        # Pictures are decoded only where their column is read.
        pictures = tuple(c.name for c in data.columns.values() if c.kind is Kind.IMAGE)
        return [Need("nulls", pictures)] if pictures else []

    def judge(self, context: Context) -> Iterable[Finding]:
        groups: dict[tuple[bool, bool, str], list[Problem]] = {}
        for problem in sorted(context.problems, key=lambda p: MORE in p.reason):
            whole = problem.row < 0 and _said(problem) is None
            key = (problem.warning, whole, _kind(problem.reason))
            if MORE in problem.reason:
                # The reader stopped telling them apart: they join the records that it did tell.
                key = next((k for k, g in groups.items() if _joins(k, g, problem)), key)
            groups.setdefault(key, []).append(problem)
        for (warning, whole, _), group in sorted(groups.items()):
            yield self._found(context, group, warning=warning, whole=whole)

    def _found(
        self, context: Context, group: list[Problem], *, warning: bool, whole: bool
    ) -> Finding:
        files = list(dict.fromkeys(p.file for p in group))
        pictures = _pictures(context)
        count = len(files) if whole else sum(_said(p) or 1 for p in group)
        first = group[0]
        noun = ("file" if whole else "record") + ("" if count == 1 else "s")
        where = names(files)
        if not whole and (lines := [str(p.row) for p in group if p.row >= 0]):
            where += f" (from line {lines[0]} on)" if len(lines) > 1 else f" (line {lines[0]})"
        reasons = list(dict.fromkeys(p.reason for p in group if MORE not in p.reason))
        return self.finding(
            f"{count:,} {noun}{'' if whole else ' of'} {where}: {(reasons or [first.reason])[0]}",
            splits=list(dict.fromkeys(p.split for p in group if p.split)),
            count=count,
            total=_total(context, group, whole=whole),
            unit="files" if whole else "records",
            evidence={"files": files[:NAMED], "reasons": reasons[:5]},
            examples=[
                Example((_address(p, pictures),), {"reason": p.reason})
                for p in group[:MAX_EXAMPLES]
                if p.row >= 0 or whole
            ],
            severity=Severity.WARNING if warning else None,
            repairs=(Repair("recode", "manual"),) if warning else None,
        )


def _said(problem: Problem) -> int | None:
    """How many records the reason speaks of, where it says so; None for a whole file."""
    found = re.match(COUNTED, problem.reason)
    return int(found[1].replace(",", "")) if found else None


def _joins(key: tuple[bool, bool, str], group: list[Problem], problem: Problem) -> bool:
    warning, whole, _ = key
    return warning == problem.warning and not whole and any(p.file == problem.file for p in group)


def _kind(reason: str) -> str:
    """The reason without what differs from place to place: numbers and quoted text."""
    return re.sub(r"'[^']*'|\"[^\"]*\"|\d[\d,.]*", "…", reason)


def _pictures(context: Context) -> set[str]:
    """Files that are rows: the pictures of folders."""
    return {name for rows in context.data.row_names.values() for name in rows}


def _address(problem: Problem, pictures: set[str]) -> str:
    """As rows are told: ``split/file:row``, or the picture's path."""
    inside = problem.file.split("/")[0] == problem.split or not problem.split
    inside |= problem.file in pictures
    file = problem.file if inside else f"{problem.split}/{problem.file}"
    return file if problem.row < 0 else f"{file}:{problem.row}"


def _total(context: Context, group: list[Problem], *, whole: bool) -> int:
    """All files, or all records of the splits concerned."""
    if whole:
        inside = _pictures(context)
        others = {*context.data.files, *(p.file for p in context.problems)} - inside
        return len(inside) + len(others - {*context.data.row_names})
    splits = {p.split for p in group}
    lost = sum(
        _said(p) or 1
        for p in context.problems
        if p.split in splits and not p.warning and (p.row >= 0 or _said(p))
    )
    return sum(n for s, n in context.rows.items() if s in splits or "" in splits) + lost
