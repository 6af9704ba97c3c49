"""Lengths: how they are distributed, where buckets would end, how much of a batch is padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datacheck.findings import Finding
from datacheck.report import words
from datacheck.report.html import svg
from datacheck.report.html.markup import Markup
from datacheck.report.html.svg import Scale
from datacheck.report.html.view import View

LEFT, WIDE, ROW = 84.0, 600.0, 66.0


def histogram(finding: Finding, view: View) -> list[Markup]:
    """Bars of lengths for each split; the proposed edges of buckets, and the limit, as lines."""
    known = view.part("lengths")
    out = []
    for column in [c for c in finding.columns if c in known][:2]:
        told = known[column]
        splits = view.ordered(told["splits"])
        edges = [int(e) for e in told["edges"]]
        x = Scale(0, len(edges), LEFT, WIDE - 8)
        marks = _marks(finding, column)
        top = 20.0 if marks else 4.0
        height = top + ROW * len(splits)
        parts: list[Markup] = []
        for at, name, class_ in marks:
            where = x(_place(edges, at))
            parts.append(svg.line(where, top - 4, where, height, class_))
            parts.append(svg.label(where, top - 8, name, f"mark {class_}", "middle", 12))
        for i, split in enumerate(splits):
            parts += _row(told["splits"][split], split, x, top + ROW * (i + 1), view)
        parts += _axis(edges, x, height + 2)
        unit = words.said(told["unit"], 20)
        parts.append(svg.label((x.start + x.stop) / 2, height + 34, f"length in {unit}", "title",
                               "middle"))  # fmt: skip
        said = "; ".join(
            f"{words.said(s, 30)}: median {svg.number(float(told['splits'][s]['median']))}, "
            f"longest {int(told['splits'][s]['longest']):,}"
            for s in splits
        )
        caption = f"Lengths of {words.said(column, 60)}"
        if any(class_ == "edge" for _, _, class_ in marks):
            caption += ", with the proposed upper edges of buckets"
        if len(edges) > 49 or edges[-1] > 48:
            caption += " (bins grow with the length)"
        out.append(svg.figure(caption, svg.svg(WIDE, height + 40, f"{caption}. {said}", *parts)))
    return out


def _marks(finding: Finding, column: str) -> list[tuple[float, str, str]]:
    edges = finding.evidence.get("bucket_edges")
    out = []
    if isinstance(edges, list | tuple):
        out += [(float(e), f"{int(e)}", "edge") for e in edges if isinstance(e, int | float)]
    limit = finding.evidence.get("limit")
    if isinstance(limit, Mapping) and isinstance(limit.get(column), int | float):
        out.append((float(limit[column]), f"limit {limit[column]:g}", "limit"))
    return out


def _place(edges: Sequence[int], length: float) -> float:
    """Where a length ends among bins of the same width: just after the bin that holds it."""
    k = max((i for i, e in enumerate(edges) if e <= length), default=0)
    upper = edges[k + 1] if k + 1 < len(edges) else edges[k] + 1
    return k + min((length - edges[k] + 1) / max(upper - edges[k], 1), 1.0)


def _row(one: Mapping[str, Any], split: str, x: Scale, base: float, view: View) -> list[Markup]:
    counts = [int(n) for n in one["counts"]]
    most = max([*counts, 1])
    step = (x.stop - x.start) / max(len(counts), 1)
    parts = [
        svg.label(0, base - 20, split, "name", most=12),
        svg.label(0, base - 6, f"{int(one['n']):,}", "tick"),
    ]
    for k, n in enumerate(counts):
        if n:
            tall = max((ROW - 14) * n / most, 1.5)
            parts.append(
                svg.rect(x.start + k * step + 0.5, base - tall, max(step - 1, 1), tall,
                         view.color(split))
            )  # fmt: skip
    return [*parts, svg.line(x.start, base, x.stop, base, "axis")]


def _axis(edges: Sequence[int], x: Scale, y: float) -> list[Markup]:
    every = max(len(edges) // 8, 1)
    step = (x.stop - x.start) / max(len(edges), 1)
    return [
        svg.label(x.start + (k + 0.5) * step, y + 13, f"{edges[k]:,}", "tick", "middle")
        for k in range(0, len(edges), every)
    ]


def padding(finding: Finding, view: View) -> list[Markup]:
    """What share of a batch is padding: random batches by their size, and batches of buckets."""
    del view
    told = finding.evidence.get("padding_at")
    if not isinstance(told, Mapping):
        return []
    bars = [(f"random, {int(b)} rows", float(p), "waste") for b, p in told.items()]
    within = finding.evidence.get("padding_in_buckets")
    edges = finding.evidence.get("bucket_edges")
    if isinstance(within, int | float) and isinstance(edges, list | tuple):
        bars.append((f"in {len(edges)} buckets", float(within), "saved"))
    x = Scale(0, 1, 132, 470)
    parts: list[Markup] = []
    for i, (name, share, class_) in enumerate(bars):
        top = i * 22 + 3.0
        parts.append(svg.label(124, top + 12, name, "name", "end", 24))
        parts.append(svg.rect(x.start, top, x.stop - x.start, 15, "useful"))
        parts.append(svg.rect(x(1 - share), top, x.stop - x(1 - share), 15, class_))
        parts.append(svg.label(x.stop + 8, top + 12, svg.percent(share), "value"))
    caption = "Padding: the right-hand part of each bar holds nothing"
    said = ", ".join(f"{name}: {svg.percent(share)}" for name, share, _ in bars)
    return [svg.figure(caption, svg.svg(520, 22 * len(bars) + 6, f"{caption}. {said}", *parts))]
