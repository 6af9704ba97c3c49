"""Effects and scales on one line: an interval against its threshold, shifts of columns, sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from datacheck.findings import Effect, Finding
from datacheck.report import words
from datacheck.report.html import svg
from datacheck.report.html.markup import Markup
from datacheck.report.html.svg import Scale
from datacheck.report.html.view import View

_METRICS = {"smd": "standardized difference of means", "tv": "total variation distance",
            "ks": "Kolmogorov–Smirnov distance"}  # fmt: skip


def interval(effect: Effect) -> Markup | None:
    """The effect as a point with its interval, and the threshold that the lower end cleared."""
    figures = (effect.value, effect.low, effect.high, effect.threshold)
    if not all(math.isfinite(v) for v in figures):
        return None
    low, high = min(figures), max(figures)
    bounded = low >= 0 and high <= 1
    if bounded:
        low, high = 0.0, 1.0
    room = 0.0 if bounded else (high - low) * 0.12 or max(abs(high) * 0.1, 1.0)
    x = Scale(low - room if low < 0 else max(low - room, 0.0), high + room, 8, 202)
    parts = [
        *svg.x_axis(x, 34, svg.number, 3),
        svg.line(x(effect.threshold), 4, x(effect.threshold), 34, "limit"),
        svg.line(x(effect.low), 19, x(effect.high), 19, "range"),
        svg.line(x(effect.low), 14, x(effect.low), 24, "range"),
        svg.line(x(effect.high), 14, x(effect.high), 24, "range"),
        svg.dot(x(effect.value), 19, 4.5, "strong"),
    ]
    return svg.svg(212, 54, words.interval(effect), *parts, class_="interval")


def shifts(finding: Finding, view: View) -> list[Markup]:
    """Each column's shift with the lower end of its interval, largest first."""
    del view
    told = finding.evidence.get("shifts")
    if not isinstance(told, list | tuple) or len(told) < 2:
        return []
    rows = [(str(r[0]), str(r[1]), abs(float(r[2])), abs(float(r[3]))) for r in list(told)[:10]]
    x = Scale(0, max(r[2] for r in rows) or 1.0, 170, 470)
    parts: list[Markup] = []
    for i, (column, metric, value, low) in enumerate(rows):
        y = 22.0 * i + 14
        parts.append(svg.label(162, y + 4, column, "name", "end", 26))
        parts.append(svg.line(x.start, y, x.stop, y, "grid"))
        parts.append(svg.line(x(low), y, x(value), y, "range"))
        parts.append(svg.line(x(low), y - 5, x(low), y + 5, "range"))
        parts.append(svg.dot(x(value), y, 4.5, "strong"))
        parts.append(svg.label(x.stop + 10, y + 4, f"{svg.number(value)} {metric}", "value",
                               most=24))  # fmt: skip
    height = 22.0 * len(rows) + 6
    parts += svg.x_axis(x, height, svg.number, 4)
    used = {m: _METRICS[m] for _, m, _, _ in rows if m in _METRICS}
    caption = "Shift of each column, with the lower end of its interval"
    caption += f" ({'; '.join(f'{k}: {v}' for k, v in used.items())})" if used else ""
    return [svg.figure(caption, svg.svg(600, height + 22, caption, *parts))]


def disparity(finding: Finding, view: View) -> list[Markup]:
    """The spread of the columns of the largest, the middle and the smallest scale, logarithmic."""
    del view
    largest, smallest = finding.evidence["largest"], finding.evidence["smallest"]
    points: Sequence[tuple[str, float]] = [
        (str(largest[0]), float(largest[1])),
        ("middle of all columns", float(finding.evidence["middle"])),
        (str(smallest[0]), float(smallest[1])),
    ]
    logs = [math.log10(v) for _, v in points]
    x = Scale(math.floor(min(logs)), max(math.ceil(max(logs)), math.floor(min(logs)) + 1), 170, 520)
    height = 24.0 * len(points) + 4
    step = max(1, math.ceil((x.high - x.low) / 8))
    ticks = range(int(x.low), int(x.high) + 1, step)
    parts = [svg.line(x(t), 0, x(t), height, "grid") for t in ticks]
    for i, ((name, value), log) in enumerate(zip(points, logs, strict=True)):
        y = 24.0 * i + 14
        parts.append(svg.label(162, y + 4, name, "name", "end", 26))
        parts.append(svg.line(x.start, y, x(log), y, "stem"))
        parts.append(svg.dot(x(log), y, 5, "strong"))
        parts.append(svg.label(x(log) + 10, y + 4, svg.number(value), "value"))
    parts.append(svg.line(x.start, height, x.stop, height, "axis"))
    for t in ticks:
        said = f"{10.0**t:,.0f}" if 0 <= t < 6 else (f"{10.0**t:g}" if -4 < t < 0 else f"1e{t}")
        parts.append(svg.label(x(t), height + 15, said, "tick", "middle"))
    caption = "How far the values of columns vary, on a logarithmic scale"
    return [svg.figure(caption, svg.svg(600, height + 20, caption, *parts))]
