"""Missing values: shares by split, and by class where a class is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datacheck.findings import Finding
from datacheck.report import words
from datacheck.report.html import svg
from datacheck.report.html.markup import Markup
from datacheck.report.html.svg import Scale
from datacheck.report.html.view import View

SHOWN = 8
WIDE, GUTTER, THICK = 560.0, 150.0, 13.0

Bars = list[tuple[str, str, int, int]]
"""What the bar is of, the class of its color, how many are missing, and of how many."""


def by_split(finding: Finding, view: View) -> list[Markup]:
    """For each column a bar of each split."""
    known = view.part("missing")
    columns = [c for c in finding.columns if c in known]
    groups = [
        (c, [(s, view.color(s), *_pair(known[c][s])) for s in view.ordered(known[c])])
        for c in columns[:SHOWN]
    ]
    if not groups:
        return []
    more = len(finding.columns) - len(groups)
    caption = "Missing values: share of the rows of each split"
    if more > 0:
        caption += f" ({words.amount(more, 'further column')} not shown)"
    return [svg.figure(caption, _bars(groups, caption))]


def by_class(finding: Finding, view: View) -> list[Markup]:
    """For each column and split a bar of each class."""
    known = view.part("missing_by_class")
    groups = []
    for column in [c for c in finding.columns if c in known][:2]:
        for split in view.ordered(known[column])[:3]:
            classes = known[column][split]
            bars = [(str(c), view.color(split), *_pair(n)) for c, n in list(classes.items())[:8]]
            if len(bars) > 1 and any(b[2] for b in bars):
                groups.append((f"{words.said(column, 14)} · {words.said(split, 10)}", bars))
    if not groups:
        return []
    label = next((n for n, c in _columns(view).items() if c.get("role") == "label"), "the class")
    sampled = " of the sample" if view.part("sampled") else ""
    caption = (
        f"Empty or unreadable cells by {words.said(label, 40)}: share of the rows{sampled} of each "
        "class"
    )
    return [svg.figure(caption, _bars(groups, caption))]


def _columns(view: View) -> Mapping[str, Any]:
    told = view.report.dataset.get("columns", {})
    return told if isinstance(told, Mapping) else {}


def _pair(told: Any) -> tuple[int, int]:
    missing, rows = told
    return int(missing), int(rows)


def _bars(groups: list[tuple[str, Bars]], caption: str) -> Markup:
    parts: list[Markup] = []
    top = 4.0
    x = Scale(0, 1, GUTTER + 70, WIDE - 120)  # the gray behind a bar stands for all rows
    for name, bars in groups:
        parts.append(svg.label(GUTTER - 6, top + 11, name, "name", "end", 26))
        for what, color, missing, rows in bars:
            share = missing / rows if rows else 0.0
            wide = x(share) - x.start
            parts.append(svg.label(x.start - 8, top + 11, what, "tick", "end", 11))
            parts.append(svg.rect(x.start, top, x.stop - x.start, THICK, "rest"))
            if missing:
                parts.append(svg.rect(x.start, top, max(wide, 1.5), THICK, color))
            said = f"{svg.percent(share)} · {missing:,} of {rows:,}"
            parts.append(svg.label(x.stop + 8, top + 11, said, "tick"))
            top += THICK + 4
        top += 7
    return svg.svg(WIDE, top - 4, caption, *parts)
