"""Two versions of a dataset, compared: as text for a terminal, and as JSON."""

from __future__ import annotations

import json
from typing import Any

from datacheck.findings import Report, Severity, names
from datacheck.report import terminal, words


def render(told: Any, *, width: int = 80, color: bool = False, quiet: bool = False) -> str:
    """The changes of each split (a :class:`~datacheck.comparing.Diff`), then what the rules say."""
    parts: list[str] = []
    for split, changes in told.changes.items():
        report: Report = told.reports[split]
        head = [f"datacheck diff · {words.said(split)}: {_rows(changes)}"]
        if not quiet:
            for what, addresses in changes.examples.items():
                if what == "changed" and changes.cells:
                    continue  # their cells follow
                listed = names((words.said(a, 60) for a in addresses), 3)
                head.append(f"  {what:<8} e.g. {listed}")
            head += _cells(changes)
        parts.append("\n".join(head))
        if report.findings or not quiet:
            parts.append(_findings(report, width, color=color, quiet=quiet))
    for what, splits in (("gone", told.gone), ("new", told.come)):
        if splits:
            parts.append(f"splits that are {what}: {names(map(words.said, splits))}")
    return "\n".join(p.rstrip("\n") for p in parts) + "\n"


def to_json(told: Any) -> str:
    """The whole comparison; RFC 8259."""
    plain = told.to_dict()
    return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _rows(changes: Any) -> str:
    said = (
        f"{changes.old:,} → {changes.new:,} rows; {changes.same:,} stay, "
        f"{changes.added:,} come, {changes.removed:,} go"
    )
    if changes.changed:
        said += f"; {changes.changed:,} of those that come have a known {words.said(changes.by)}"
    return said


def _cells(changes: Any) -> list[str]:
    """In which columns rows have changed, and what some cells were and are."""
    if not changes.columns:
        return []
    told = [f"{words.said(c, 40)} ({n:,})" for c, n in changes.columns.items()]
    out = [f"  changed  in   {names(told, 5)}"]
    for place, cells in list(changes.cells.items())[:3]:
        was = [
            f"{words.said(c, 30)} {words.said(old, 30)} → {words.said(new, 30)}"
            for c, (old, new) in cells.items()
        ]
        out.append(f"             {words.said(place, 60)}: {names(was, 3)}")
    return out


def _findings(report: Report, width: int, *, color: bool, quiet: bool) -> str:
    if not report.findings:
        return "  no rule sees a difference that matters"
    if quiet:
        return terminal.render(report, width=width, color=color, quiet=True)
    bare = Report(report.dataset, report.findings, report.outcomes)
    text = terminal.render(bare, width=width, color=color)
    worst = next(s for s in Severity if any(f.severity is s for f in bare.findings))
    first = text.find(worst.value.upper())
    return "\n" + text[max(text.rfind("\n", 0, first) + 1, 0) :]
