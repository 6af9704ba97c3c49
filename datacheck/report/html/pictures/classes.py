"""Classes: their shares of each split, and how often a random batch lacks the rarest."""

from __future__ import annotations

import math
from collections.abc import Mapping

from datacheck.findings import Finding
from datacheck.report import words
from datacheck.report.html import svg
from datacheck.report.html.markup import Markup, tag
from datacheck.report.html.pictures.numbers import shares as bars
from datacheck.report.html.svg import Scale
from datacheck.report.html.view import View


def shares(finding: Finding, view: View) -> list[Markup]:
    """Bars of the classes in each split; those that the finding names are marked by their rule."""
    told = view.part("classes")
    if not told or told["column"] not in finding.columns:
        return []
    splits = view.ordered(told["splits"])
    return [
        svg.figure(
            f"Classes of {words.said(told['column'], 60)}: share of the rows of each split",
            svg.legend(view.splits) if len(splits) > 1 else None,
            bars(str(told["column"]), told, view, most=16),
        )
    ]


def absence(finding: Finding, view: View) -> list[Markup]:
    """P(absent) = (1 − p)^B of the rarest class over the size B of a batch."""
    del view
    told = finding.evidence.get("absent_at")
    if not isinstance(told, Mapping) or not told:
        return []
    points = sorted((int(b), float(p)) for b, p in told.items())
    wide, tall = 460.0, 190.0
    x = Scale(math.log2(points[0][0]), math.log2(points[-1][0]), 58, wide - 100)
    effect = finding.effect
    limit = effect.threshold if effect and effect.metric.startswith("P(absent") else 0.0
    y = Scale(0, min(1.0, 1.25 * max(limit, *(p for _, p in points))), tall - 42, 16)
    parts: list[Markup] = []
    for tick in y.ticks(4):
        parts.append(svg.line(x.start, y(tick), x.stop, y(tick), "grid"))
        parts.append(svg.label(x.start - 8, y(tick) + 4, svg.percent(tick), "tick", "end"))
    if limit > 0:
        parts.append(svg.line(x.start, y(limit), x.stop + 8, y(limit), "limit"))
        said = f"accepted {svg.percent(limit)}"
        parts.append(svg.label(x.stop + 13, y(limit) + 4, said, "limit"))
    parts.append(svg.path([(x(math.log2(b)), y(p)) for b, p in points], "trend"))
    for b, p in points:
        at = x(math.log2(b))
        parts.append(svg.dot(at, y(p), 4, "strong"))
        parts.append(svg.label(at + 2, y(p) - 9, svg.percent(p), "value",
                               "start" if b == points[0][0] else "middle"))  # fmt: skip
        parts.append(svg.label(at, y.start + 16, f"{b}", "tick", "middle"))
    parts.append(svg.label((x.start + x.stop) / 2, tall - 6, "rows of a batch", "title", "middle"))
    rarest = words.said(finding.evidence.get("rarest", ""), 30)
    name = f"class {rarest}" if rarest else "the rarest class"
    said = f"Chance that a random batch has no row of {name}, by the size of the batch"
    numbers = ", ".join(f"{b}: {svg.percent(p)}" for b, p in points)
    made = svg.svg(wide, tall, f"{said}. {numbers}", *parts)
    return [svg.figure(said, tag("div", made, class_="beside"))]
