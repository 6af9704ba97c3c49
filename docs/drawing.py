"""Curves as SVG files that stand alone: no script, no font, no network; light and dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 480, 230
LEFT, RIGHT, TOP, BOTTOM = 54, 14, 46, 34
LIGHT = {
    "paper": "#ffffff", "ink": "#1c2430", "dim": "#5c6675", "line": "#dfe3e9",
    "fault": "#c2410c", "calm": "#1d4ed8",
}  # fmt: skip
DARK = {
    "paper": "#14181d", "ink": "#e6e9ee", "dim": "#9aa4b2", "line": "#333b46",
    "fault": "#fb923c", "calm": "#7cb0ff",
}  # fmt: skip


def _colors(of: dict[str, str]) -> str:
    # Spelled out: not every viewer of SVG knows variables.
    return (
        f"rect{{fill:{of['paper']}}}text{{fill:{of['dim']}}}.title{{fill:{of['ink']}}}"
        f".grid{{stroke:{of['line']}}}.fault,.mark{{stroke:{of['fault']}}}"
        f".calm{{stroke:{of['calm']}}}"
    )


STYLE = (
    "text{font:11px system-ui,sans-serif}.title{font-size:13px;font-weight:600}"
    ".fault,.calm,.mark{fill:none;stroke-linejoin:round}.fault,.calm{stroke-width:1.5}"
    ".calm{stroke-dasharray:5 2}"
    f"{_colors(LIGHT)}@media (prefers-color-scheme:dark){{{_colors(DARK)}}}"
)


@dataclass(frozen=True, slots=True)
class Line:
    """A curve: its name, and where and what it is (of one length).

    The style ``fault`` is drawn solid, ``calm`` dashed, so that no color has to be seen. Values
    that are not finite are left out, and crosses at the top tell where.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    style: str = "fault"
    marks: Sequence[float] = ()
    """Places on x that are circled."""


def picture(
    title: str,
    lines: Sequence[Line],
    *,
    what: str,
    log: bool = False,
    tight: bool = False,
) -> str:
    """The curves over steps on one axis of ``what``: linear from 0, or from the least value if

    ``tight``, or logarithmic.
    """
    shown = [v for line in lines for v in line.y if math.isfinite(v) and (v > 0 or not log)]
    low, high = _axis(min(shown), max(shown), log=log, tight=tight)
    left = min(v for line in lines for v in line.x) if tight else 0.0
    right = max(max(v for line in lines for v in line.x), left + 1.0)

    def at(x: float, y: float) -> tuple[float, float]:
        value = (math.log10(max(y, 1e-300)) if log else y) - low
        share = min(max(value / (high - low), 0.0), 1.0)
        along = (x - left) / (right - left)
        inner = HEIGHT - TOP - BOTTOM
        return LEFT + along * (WIDTH - LEFT - RIGHT), TOP + (1 - share) * inner

    size = f'width="{WIDTH}" height="{HEIGHT}"'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {size} role="img">'
        f'<title>{escape(title)}</title><style>{STYLE}</style><rect {size} rx="6"/>'
    )
    out = [head, _text(12, 18, title, "start", "title")]
    for tick, words in _ticks(low, high, log=log):
        y = at(left, 10**tick if log else tick)[1]
        out.append(
            f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
            + _text(LEFT - 6, y + 4, words, "end")
        )
    begin = f"{left:,.0f} to " if left else ""
    out.append(_text(WIDTH - RIGHT, HEIGHT - 8, f"step {begin}{right:,.0f}", "end"))
    out.append(_text(LEFT, HEIGHT - 8, what, "start"))
    place = 12.0
    for line in lines:
        out.append(f'<path class="{line.style}" d="M{place:.0f} 33h22"/>')
        out.append(_text(place + 27, 37, line.name, "start"))
        place += 44 + 6.1 * len(line.name)
    for line in reversed(lines):  # the first is drawn last, on top
        out += _curve(line, at)
    return "\n".join([*out, "</svg>"]) + "\n"


def _curve(line: Line, at: Callable[[float, float], tuple[float, float]]) -> Iterator[str]:
    parts, pen = [], "M"
    lost = []
    for x, y in zip(line.x, line.y, strict=True):
        if math.isfinite(y):
            px, py = at(x, y)
            parts.append(f"{pen}{px:.1f} {py:.1f}")
            pen = "L"
        else:
            pen = "M"
            lost.append(at(x, 1.0)[0])
    yield f'<path class="{line.style}" d="{"".join(parts)}"/>'
    last = -math.inf
    for px in lost:
        if px - last >= 7:  # not one upon the other
            yield f'<path class="mark" d="M{px - 3:.1f} {TOP - 3}l6 6m0 -6l-6 6"/>'
            last = px
    known = dict(zip(line.x, line.y, strict=True))
    for x in line.marks:
        px, py = at(x, known[x])
        yield f'<circle class="mark" cx="{px:.1f}" cy="{py:.1f}" r="4"/>'


def _axis(least: float, most: float, *, log: bool, tight: bool) -> tuple[float, float]:
    """Where the axis begins and ends, as logarithms if ``log``."""
    if log:
        low, high = math.log10(least), math.log10(most)
        pad = max((high - low) * 0.05, 0.05)
        return low - pad, high + pad
    low = least - (most - least) * 0.05 if tight else min(0.0, least)
    return low, most + (most - low) * 0.05 or 1.0


def _ticks(low: float, high: float, *, log: bool) -> list[tuple[float, str]]:
    """Round values with their words."""
    if log and high - low >= 1.5:
        every = max(1, math.ceil((high - low) / 6))
        powers = range(math.ceil(low), math.floor(high) + 1)
        return [(p, _power(p)) for p in powers if p % every == 0]
    if log:
        each = [(math.log10(m) + e, m * 10.0**e) for e in range(-9, 9) for m in (1, 2, 5)]
        return [(p, f"{v:g}") for p, v in each if low <= p <= high]
    step: float = 10.0 ** math.floor(math.log10(high - low))
    step *= next(f for f in (0.1, 0.2, 0.5, 1.0, 2.0) if (high - low) / (step * f) <= 6)
    first = math.ceil(low / step)
    return [(i * step, f"{i * step:g}") for i in range(first, math.floor(high / step) + 1)]


def _power(p: int) -> str:
    if -3 <= p <= 4:
        return f"{10.0**p:g}" if p < 0 else f"{10**p:,}"
    raised = str(p).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{raised}"


def _text(x: float, y: float, words: str, anchor: str, style: str = "") -> str:
    styled = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{styled}>{escape(words)}</text>'
