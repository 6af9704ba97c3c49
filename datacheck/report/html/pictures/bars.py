"""Bars of counted or scored things that the evidence lists by name."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from datacheck.findings import Finding
from datacheck.report import words
from datacheck.report.html import svg
from datacheck.report.html.markup import Markup
from datacheck.report.html.svg import Scale
from datacheck.report.html.view import View

SHOWN = 10
_TITLES = {
    "pairs": "Labels as given → as the rest of the data suggests, by number of rows",
    "score": "How well each column alone tells the label (1: without an error)",
    "wrong": "Rows in which the column alone gives the label wrongly",
}


def counted(finding: Finding, view: View) -> list[Markup]:
    """The first of the known mappings of the evidence, longest bar first."""
    del view
    for key, title in _TITLES.items():
        told = finding.evidence.get(key)
        if not isinstance(told, Mapping):
            continue
        values = {
            str(k): float(v)
            for k, v in told.items()
            if isinstance(v, int | float) and not isinstance(v, bool) and isfinite(v)
        }
        if len(values) > 1 or (values and key == "pairs"):
            return [svg.figure(title, _bars(title, values, key == "score"))]
    return []


def _bars(title: str, values: Mapping[str, float], score: bool) -> Markup:
    shown = sorted(values.items(), key=lambda i: (-i[1], i[0]))[:SHOWN]
    x = Scale(0, 1.0 if score else max([v for _, v in shown] + [1e-12]), 170, 480)
    parts: list[Markup] = []
    for i, (name, value) in enumerate(shown):
        top = 22.0 * i + 3
        parts.append(svg.label(162, top + 12, name, "name", "end", 26))
        parts.append(svg.rect(x.start, top, x.stop - x.start, 15, "rest"))
        parts.append(svg.rect(x.start, top, max(x(max(value, 0)) - x.start, 1.5), 15, "strong"))
        parts.append(svg.label(x.stop + 8, top + 12, svg.number(value), "value"))
    said = ", ".join(f"{words.said(k, 40)} {svg.number(v)}" for k, v in shown)
    return svg.svg(560, 22.0 * len(shown) + 6, f"{title}. {said}", *parts)
