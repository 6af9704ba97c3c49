"""The report as one HTML page, for the eye: pictures drawn here, tables, and the plan to copy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datacheck.findings import Finding, Report


def render(report: Report, known: Iterable[Finding] = ()) -> str:
    """The page, at most 5 MB; ``known`` are findings of a baseline, which are marked as such."""
    from datacheck.report.html.page import render as page

    return page(report, known)
