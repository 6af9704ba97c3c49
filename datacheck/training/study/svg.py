"""Plots as SVG text, to stand in a page: no script, no font, no network. All text is escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

Point = tuple[float, float]
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 8, 20  # margins of a plot, pixels


@dataclass(frozen=True, slots=True)
class Interval:
    """One line of a forest plot; ``strong`` is drawn bold, ``style`` is a class of the page."""

    label: str
    value: float
    low: float
    high: float
    strong: bool = False
    style: str = ""


@dataclass(frozen=True, slots=True)
class Band:
    """A curve with what lies between its seeds: x, middle, low and high, all of one length."""

    x: Sequence[float]
    middle: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    style: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A point that leads somewhere: to the row of a table below."""

    x: float
    y: float
    title: str
    href: str = ""


def forest(lines: Sequence[Interval], *, log: bool, unit: str, width: int = 640) -> str:
    """Intervals below each other, with the line of no effect (1 on a log axis, else 0)."""
    shown = [line for line in lines if math.isfinite(line.value)]
    if not shown:
        return ""
    place = math.log if log else float
    neutral = 1.0 if log else 0.0
    ends = [neutral]
    for line in shown:
        ends += [v for v in (line.low, line.high, line.value) if math.isfinite(v)]
    if log:
        ends = [min(max(v, 1e-4), 1e4) for v in ends]
    low, high = place(min(ends)), place(max(ends))
    pad = max((high - low) * 0.05, 1e-3)
    low, high = low - pad, high + pad
    label, row = 300, 20
    height = TOP + row * len(shown) + BOTTOM + 6

    def x(value: float) -> float:
        bounded = min(max(value, 1e-4), 1e4) if log else value
        inner = width - label - RIGHT
        return label + (place(bounded) - low) / (high - low) * inner

    out = [_open(width, height, f"effects, {unit}")]
    bottom = height - BOTTOM
    for tick in _ticks(low, high, log=log):
        out.append(f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{TOP}" '
                   f'y2="{bottom}"/>')  # fmt: skip
        out.append(_text(x(tick), height - 6, _tick(tick, log=log), "middle"))
    out.append(f'<line class="none" x1="{x(neutral):.1f}" x2="{x(neutral):.1f}" y1="{TOP}" '
               f'y2="{bottom}"/>')  # fmt: skip
    for i, line in enumerate(shown):
        y = TOP + row * (i + 0.5)
        kind = f"{line.style} {'strong' if line.strong else 'weak'}"
        out.append(_text(label - 10, y + 4, line.label, "end", "strong" if line.strong else ""))
        if math.isfinite(line.low) and math.isfinite(line.high):
            out.append(f'<line class="{kind}" x1="{x(line.low):.1f}" x2="{x(line.high):.1f}" '
                       f'y1="{y:.1f}" y2="{y:.1f}"/>')  # fmt: skip
        out.append(f'<circle class="{kind}" cx="{x(line.value):.1f}" cy="{y:.1f}" r="4"/>')
    return "".join([*out, "</svg>"])


def curves(
    bands: Sequence[Band], marks: Sequence[Mark] = (), *, title: str, width: int = 310,
    height: int = 150, top: float | None = None,
) -> str:  # fmt: skip
    """Curves over steps on one axis; ``top`` is the greatest value shown (the rest is cut off)."""
    xs = [v for b in bands for v in b.x]
    ys = [v for b in bands for v in (*b.low, *b.high) if math.isfinite(v)]
    if not xs or not ys:
        return f'<p class="empty">{escape(title)}: no finite step</p>'
    most = min(max(ys), top) if top is not None else max(ys)
    least = min(0.0, min(ys))
    right, span = max(xs) or 1.0, (most - least) or 1.0

    def at(px: float, py: float) -> Point:
        bounded = min(max(py, least), most)
        return (
            LEFT + px / right * (width - LEFT - RIGHT),
            TOP + (most - bounded) / span * (height - TOP - BOTTOM),
        )

    out = [_open(width, height, title)]
    for tick in _ticks(least, most, log=False):
        y = at(0, tick)[1]
        out.append(f'<line class="grid" x1="{LEFT}" x2="{width - RIGHT}" y1="{y:.1f}" '
                   f'y2="{y:.1f}"/>')  # fmt: skip
        out.append(_text(LEFT - 5, y + 4, f"{tick:g}", "end"))
    out.append(_text(width - RIGHT, height - 5, f"step {right:,.0f}", "end"))
    for band in bands:
        if not band.x:
            continue
        upper = [at(a, b) for a, b in zip(band.x, band.high, strict=True)]
        lower = [at(a, b) for a, b in zip(band.x, band.low, strict=True)]
        around = _points([*upper, *lower[::-1]])
        out.append(f'<polygon class="band {band.style}" points="{around}"/>')
        middle = [at(a, b) for a, b in zip(band.x, band.middle, strict=True)]
        out.append(f'<polyline class="curve {band.style}" points="{_points(middle)}"/>')
    for mark in marks:
        px, py = at(mark.x, mark.y)
        inner = (f'<circle class="mark" cx="{px:.1f}" cy="{py:.1f}" r="3.5">'
                 f"<title>{escape(mark.title)}</title></circle>")  # fmt: skip
        out.append(f'<a href="{escape(mark.href)}">{inner}</a>' if mark.href else inner)
    return "".join([*out, "</svg>"])


def _open(width: float, height: float, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        f'role="img" aria-label="{escape(title)}"><title>{escape(title)}</title>'
    )


def _text(x: float, y: float, text: str, anchor: str, style: str = "") -> str:
    styled = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{styled}>{escape(text)}</text>'


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _ticks(low: float, high: float, *, log: bool) -> list[float]:
    """Round values between the two: of the logarithm, if ``log``."""
    if log:
        each: tuple[float, ...] = (1, 1.1, 1.2, 1.5, 2, 3, 5, 8)
        if high - low > 1:
            each = (1,) if high - low > math.log(3000) else (1, 3) if high - low > 3 else (1, 2, 5)
        values = [m * 10.0**e for e in range(-4, 5) for m in each]
        return [v for v in values if low <= math.log(v) <= high][:12]
    span = max(high - low, 1e-12)
    power = 10.0 ** math.floor(math.log10(span))
    step = next(m * power for m in (0.2, 0.5, 1.0, 2.0, 5.0) if span / (m * power) <= 5)
    first = math.ceil(low / step)
    return [round(i * step, 12) for i in range(first, first + 7) if i * step <= high]


def _tick(value: float, *, log: bool) -> str:
    return f"{value:g}×" if log else f"{value:g}"
