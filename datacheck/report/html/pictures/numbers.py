"""Distributions of columns: histograms of the splits one above the other, quantiles against
quantiles, and bars of categories.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from datacheck.findings import Finding
from datacheck.report import words
from datacheck.report.html import svg
from datacheck.report.html.markup import Markup, tag
from datacheck.report.html.svg import Scale
from datacheck.report.html.view import View

SHOWN = 3  # columns of one finding
LEFT, WIDE, ROW = 72.0, 560.0, 56.0
BESIDE = 432.0  # the width of histograms that stand beside quantiles
SQUARE = 232.0


def distributions(finding: Finding, view: View) -> list[Markup]:
    """Histograms of each split over shared bins, and the quantiles of each evaluation split
    against those of the first.
    """
    known = view.part("numbers")
    listed = _first(finding, [c for c in finding.columns if c in known])
    out = []
    for column in listed[:SHOWN]:
        told = known[column]
        splits = view.ordered(told["splits"])
        form = svg.moment if view.kind(column) == "datetime" else svg.number
        two = len(splits) > 1 and form is svg.number and told["high"] > told["low"]
        marks = _marks(finding, column, splits)
        parts = [_histograms(column, told, view, form, marks, BESIDE if two else WIDE)]
        if two:
            parts.append(_against(column, told, splits, view, _line(finding, column)))
        sampled = [f"{s}: {int(n):,} sampled rows" for s, n in view.part("sampled").items()]
        caption = f"Distribution of {words.said(column, 60)}"
        if len(parts) > 1:
            caption += (
                ", and its quantiles against those of "
                f"{words.said(splits[0], 30)}: points on the dashed diagonal would be alike"
            )
        caption += f" ({', '.join(sampled)})" if sampled else ""
        out.append(svg.figure(caption, tag("div", parts, class_="beside")))
    return out


def _first(finding: Finding, columns: list[str]) -> list[str]:
    worst = finding.evidence.get("worst")
    return sorted(columns, key=lambda c: c != worst)


def _marks(finding: Finding, column: str, splits: Sequence[str]) -> list[tuple[float, str]]:
    """Places that the evidence names: the end of train in time, fences of extremes."""
    fences = finding.evidence.get("fences")
    if isinstance(fences, Mapping) and column in fences:
        return [(float(f), "fence") for f in fences[column]]
    last = finding.evidence.get(f"last_of_{splits[0]}") if finding.rule == "LK004" else None
    if isinstance(last, str):
        day = datetime.fromisoformat(last).replace(tzinfo=UTC)
        return [(day.timestamp() * 1e6, f"last of {words.said(splits[0], 20)}")]
    return []


def _histograms(
    column: str,
    told: Mapping[str, Any],
    view: View,
    form: Callable[[float], str],
    marks: Sequence[tuple[float, str]],
    wide: float,
) -> Markup:
    splits = view.ordered(told["splits"])
    colors = view.colors(splits)
    x = Scale(float(told["low"]), float(told["high"]), LEFT, wide - 10)
    parts: list[Markup] = []
    height = ROW * len(splits)
    parts += svg.grid(x, 6, height + 6)
    for i, split in enumerate(splits):
        base = ROW * (i + 1)
        one = told["splits"][split]
        counts = one["counts"]
        most = max([*counts, 1])
        step = (x.stop - x.start) / len(counts)
        parts.append(svg.label(0, base - 18, split, "name", most=12))
        parts.append(svg.label(0, base - 4, f"{int(one['n']):,}", "tick"))
        for k, n in enumerate(counts):
            if n:
                tall = max((ROW - 12) * n / most, 1.0)
                parts.append(
                    svg.rect(x.start + k * step + 0.5, base - tall, max(step - 1, 1), tall,
                             colors[split])
                )  # fmt: skip
        middle = x(float(one["quantiles"][len(one["quantiles"]) // 2]))
        parts.append(svg.line(x.start, base, x.stop, base, "axis"))
        parts.append(svg.path([(middle, base + 1), (middle - 4, base + 7), (middle + 4, base + 7)],
                              "median", close=True))  # fmt: skip
    for at, name in marks:
        if x.low <= at <= x.high:
            parts.append(svg.line(x(at), 2, x(at), height + 6, "limit"))
            left = x(at) > (x.start + x.stop) / 2
            parts.append(svg.label(x(at) + (-5 if left else 5), 11, name, "limit",
                                   "end" if left else "start", 30))  # fmt: skip
    parts += svg.x_axis(x, height + 8, form, 6 if form is svg.number else 4)
    said = "; ".join(
        f"{words.said(s, 30)}: median {form(float(q[len(q) // 2]))}, 5% to 95% from "
        f"{form(float(q[2]))} to {form(float(q[-3]))}"
        for s in splits
        if (q := told["splits"][s]["quantiles"])
    )
    return svg.svg(wide, height + 30, f"Histograms of {words.said(column, 60)}. {said}", *parts)


def _line(finding: Finding, column: str) -> tuple[float, float] | None:
    """The line that maps train's values to the other split's, where NM001 has found one."""
    lines = finding.evidence.get("lines")
    found = lines.get(column) if isinstance(lines, Mapping) else None
    if isinstance(found, list | tuple) and len(found) == 2:
        return float(found[0]), float(found[1])
    return None


def _against(
    column: str,
    told: Mapping[str, Any],
    splits: Sequence[str],
    view: View,
    line: tuple[float, float] | None,
) -> Markup:
    base = [float(q) for q in told["splits"][splits[0]]["quantiles"]]
    others = {s: [float(q) for q in told["splits"][s]["quantiles"]] for s in splits[1:]}
    every = [*base, *(q for some in others.values() for q in some)]
    low, high = min(every), max(every)
    x, y = Scale(low, high, 46, SQUARE - 8), Scale(low, high, SQUARE - 34, 20)
    parts: list[Markup] = []
    for tick in x.ticks(4):
        parts.append(svg.line(x(tick), y.stop, x(tick), y.start, "grid"))
        parts.append(svg.line(x.start, y(tick), x.stop, y(tick), "grid"))
        parts.append(svg.label(x(tick), y.start + 14, svg.number(tick), "tick", "middle"))
        parts.append(svg.label(x.start - 5, y(tick) + 4, svg.number(tick), "tick", "end"))
    parts.append(svg.line(x.start, y.start, x.stop, y.start, "axis"))
    parts.append(svg.line(x.start, y.stop, x.start, y.start, "axis"))
    parts.append(svg.line(x(low), y(low), x(high), y(high), "same"))
    if line is not None:
        ends = [(v, line[0] * v + line[1]) for v in (base[0], base[-1])]
        parts.append(svg.path([(x(a), y(b)) for a, b in ends], "map"))
    for split, quantiles in others.items():
        parts += [
            svg.dot(x(a), y(b), 2.6, view.color(split))
            for a, b in zip(base, quantiles, strict=True)
        ]
    parts.append(svg.label((x.start + x.stop) / 2, SQUARE - 2, splits[0], "title", "middle", 24))
    parts.append(svg.label(x.start, 12, ", ".join(others), "title", "middle", 24))
    said = (
        f"Quantiles of {words.said(column, 60)} in {', '.join(words.said(s, 30) for s in others)} "
        f"against those in {words.said(splits[0], 30)}"
    )
    return svg.svg(SQUARE, SQUARE, said, *parts, class_="square")


def categories(finding: Finding, view: View) -> list[Markup]:
    """Shares of the most frequent values of each categorical column, split by split."""
    known = view.part("categories")
    unseen = finding.evidence.get("unseen")
    marked = unseen if isinstance(unseen, Mapping) else {}
    out = []
    for column in [c for c in finding.columns if c in known][:SHOWN]:
        new = {str(v[0]) for v in marked.get(column, ()) if isinstance(v, list | tuple) and v}
        out.append(
            svg.figure(
                f"Shares of the values of {words.said(column, 60)} in each split",
                svg.legend(view.ordered(known[column]["splits"])) if len(view.splits) > 1 else None,
                shares(column, known[column], view, new),
            )
        )
    return out


def by_class(finding: Finding, view: View) -> list[Markup]:
    """What a column holds in each class of the label: how it gives the label away."""
    known = view.part("by_class")
    out = []
    for column in [c for c in finding.columns if c in known][:SHOWN]:
        told = known[column]
        label = words.said(told["label"], 40)
        caption = f"{words.said(column, 60)} in each class of {label}"
        if "numbers" in told:
            made = _histograms(column, told["numbers"], view, svg.number, (), WIDE)
            out.append(svg.figure(caption, made))
        else:
            classes = list(told["categories"]["splits"])
            made = shares(column, told["categories"], view)
            out.append(svg.figure(caption, svg.legend(classes), made))
    return out


def shares(
    column: str, told: Mapping[str, Any], view: View, marked: set[str] | None = None, most: int = 12
) -> Markup:
    """A bar of each value and split, as long as its share of the split's rows."""
    splits = view.ordered(told["splits"])
    rows = {s: max(int(told["rows"][s]), 1) for s in splits}
    colors = view.colors(splits)
    values = list(told["values"])[:most]
    thick = 11.0 if len(splits) > 1 else 14.0
    each = thick * len(splits) + 9
    shares_of = {s: [int(n) / rows[s] for n in told["splits"][s][:most]] for s in splits}
    x = Scale(0, max([v for some in shares_of.values() for v in some] or [1.0]), 150, WIDE - 110)
    height = each * len(values) + 6
    parts: list[Markup] = []
    for i, value in enumerate(values):
        top = i * each + 4
        flagged = value in (marked or ())
        sign = ""
        if flagged:
            sign = " (rare)" if int(told["splits"][splits[0]][i]) else " (new)"
        name = f"{words.said(value, 20) or '(empty)'}{sign}"
        parts.append(
            svg.label(142, top + (each - 9) / 2 + 4, name, "flagged" if flagged else "name", "end",
                      28)
        )  # fmt: skip
        for j, split in enumerate(splits):
            share, n = shares_of[split][i], int(told["splits"][split][i])
            y = top + j * thick
            wide = x(share) - x.start
            if n:
                parts.append(svg.rect(x.start, y, max(wide, 1.5), thick - 1.5, colors[split]))
            said = f"{svg.percent(share)} · {n:,}" if n else "none"
            parts.append(svg.label(x.start + wide + 6, y + thick - 2.5, said, "tick"))
    parts.append(svg.line(x.start, 2, x.start, height - 4, "axis"))
    left = int(told.get("left_out", 0))
    if left:
        more = words.amount(left, "further value")
        parts.append(svg.label(142, height + 12, f"and {more}", "tick", "end"))
    return svg.svg(
        WIDE, height + (18 if left else 0), f"Shares of the values of {words.said(column, 60)}",
        *parts,
    )  # fmt: skip
