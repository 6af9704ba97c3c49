"""Workflow commands of GitHub Actions: annotations beside the lines of a change, and a summary."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from datacheck.findings import Finding, Report, Severity
from datacheck.report import markdown, words
from datacheck.report.where import Where

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
SUMMARY = "GITHUB_STEP_SUMMARY"
CONTROLS = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # a log passes them on
MOST = 50  # a code host shows 10 of each kind for a step and 50 for a job


def render(report: Report, where: Where, known: Iterable[Finding] = ()) -> str:
    """A line for each new finding, and one that sums up."""
    old = {f.key for f in known}
    new = [f for f in report.findings if f.key not in old]
    lines = [_line(f, where) for f in new[:MOST]]
    if len(new) > MOST:
        lines.append(f"::notice title=datacheck::{len(new) - MOST} more findings are not annotated")
    lines.append(f"datacheck: {words.tally(new)}" + (f", {len(old)} known" if old else ""))
    return "\n".join(lines) + "\n"


def summarize(report: Report, known: Iterable[Finding] = ()) -> Path | None:
    """Append the Markdown report to the job's summary, if this is a job. Returns the file."""
    name = os.environ.get(SUMMARY)
    if not name:
        return None
    path = Path(name)
    try:
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(markdown.render(report, known))
    except OSError:
        return None  # the annotations are told all the same
    return path


def _line(finding: Finding, where: Where) -> str:
    place = next(iter(where.places(finding, 1)), None)
    options = [f"title={_property(f'{finding.rule} {finding.name}')}"]
    if place is not None:
        options.insert(0, f"file={_property(place.path)}")
        if place.line:
            options.insert(1, f"line={place.line}")
    text = words.said(finding.message)
    if mends := words.repairs(finding):
        text += f" — repair: {mends}"
    return f"::{COMMANDS[finding.severity]} {','.join(options)}::{_data(text)}"


def _data(text: str) -> str:
    text = CONTROLS.sub(lambda c: f"\\x{ord(c[0]):02x}", text)
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
