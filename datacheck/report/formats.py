"""All forms of a report: for people, for code hosts, for CI servers, for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from datacheck.errors import UsageError

if TYPE_CHECKING:
    from datacheck.findings import Finding, Report
    from datacheck.report.where import Where


@dataclass(frozen=True, slots=True)
class Rendering:
    """What a rendering may depend on besides the report.

    ``known`` are the findings of the baseline, ``where`` finds the files behind addresses,
    ``fail_on`` is the mildest severity that fails; ``width`` in cells, ``color`` and ``quiet``
    are for terminals.
    """

    where: Where
    known: Iterable[Finding] = field(default_factory=tuple)
    fail_on: str = "error"
    width: int = 80
    color: bool = False
    quiet: bool = False


def _terminal(report: Report, how: Rendering) -> str:
    from datacheck.report import terminal

    return terminal.render(
        report, width=how.width, color=how.color, quiet=how.quiet, known=list(how.known)
    )


def _json(report: Report, how: Rendering) -> str:
    from datacheck.report import json_

    del how  # the contract holds all findings, whoever knows them
    return json_.render(report)


def _sarif(report: Report, how: Rendering) -> str:
    from datacheck.report import sarif

    return sarif.render(report, how.where, how.known)


def _junit(report: Report, how: Rendering) -> str:
    from datacheck.report import junit

    return junit.render(report, how.known, how.fail_on)


def _github(report: Report, how: Rendering) -> str:
    from datacheck.report import github

    return github.render(report, how.where, how.known)


def _markdown(report: Report, how: Rendering) -> str:
    from datacheck.report import markdown

    return markdown.render(report, how.known)


def _html(report: Report, how: Rendering) -> str:
    from datacheck.report import html

    return html.render(report, how.known)


FORMS: dict[str, Callable[[Report, Rendering], str]] = {
    "terminal": _terminal,
    "json": _json,
    "sarif": _sarif,
    "junit": _junit,
    "github": _github,
    "markdown": _markdown,
    "html": _html,
}
SUFFIXES = {
    ".json": "json",
    ".sarif": "sarif",
    ".xml": "junit",
    ".md": "markdown",
    ".html": "html",
    ".txt": "terminal",
}


def form_of(name: str) -> str:
    """The form that a file name asks for. Raises UsageError for another suffix."""
    found = SUFFIXES.get(PurePath(name).suffix.lower())
    if found is None:
        known = ", ".join(f"{s} ({f})" for s, f in SUFFIXES.items())
        raise UsageError(f"--report {name}: no form of report has that suffix", f"one of {known}")
    return found
