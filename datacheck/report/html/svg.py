"""The pictures' alphabet: scales, ticks, bars, lines and labels as inline SVG.

Colors are classes of the style sheet, so that a picture follows light, dark and print. Each split
has a color after the palette of Okabe and Ito (2008), six that stay apart for the color-blind too,
and a label beside it: no picture speaks by color alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from datacheck.report import words
from datacheck.report.html.markup import Child, Markup, tag, text

SERIES = 6  # colors of the palette


@dataclass(frozen=True, slots=True)
class Scale:
    """From numbers between ``low`` and ``high`` to pixels between ``start`` and ``stop``."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """The pixel of a number, within a picture's bounds; 2 digits are enough."""
        span = self.high - self.low
        part = (value - self.low) / span if span > 0 else 0.5
        part = min(max(part, -0.05), 1.05) if math.isfinite(part) else 0.5
        return round(self.start + part * (self.stop - self.start), 2)

    def ticks(self, most: int = 5) -> list[float]:
        """Round numbers within the scale: steps of 1, 2 or 5 times a power of ten."""
        span = self.high - self.low
        if not (span > 0 and math.isfinite(span)):
            return [self.low] if math.isfinite(self.low) else []
        raw = span / max(most, 1)
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [k * step for k in range(first, min(last, first + 20) + 1)]


def number(value: float) -> str:
    """A number beside an axis: short."""
    if value and (abs(value) >= 1e5 or abs(value) < 1e-3):
        shown = f"{value:.3g}"
        return shown.replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")
    return f"{value:,.6g}" if abs(value) >= 1000 else f"{value:.4g}"


def percent(value: float) -> str:
    """A share as people read it: ``2.5%``, ``0.06%``, ``74%``."""
    if 0.0 < abs(value) < 5e-5:
        return "<0.01%"
    return f"{value * 100:.2g}%" if abs(value) < 0.1 else f"{value * 100:.0f}%"


def moment(micros: float) -> str:
    """The day of microseconds since 1970."""
    try:
        return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros):%Y-%m-%d}"
    except OverflowError:
        return number(micros)


def svg(width: float, height: float, label: str, *children: Child, class_: str = "") -> Markup:
    """A picture with its meaning as text, for whoever does not see it."""
    said = words.said(label, 400)
    return tag(
        "svg",
        tag("title", said),
        *children,
        viewBox=f"0 0 {width:g} {height:g}",
        width=float(width),
        height=float(height),
        role="img",
        aria_label=said,
        class_=f"picture {class_}".strip(),
    )


def rect(x: float, y: float, width: float, height: float, class_: str, title: str = "") -> Markup:
    """A bar; never of a negative size."""
    return tag(
        "rect",
        tag("title", title) if title else None,
        x=round(x, 2),
        y=round(y, 2),
        width=round(max(width, 0.0), 2),
        height=round(max(height, 0.0), 2),
        class_=class_,
    )


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return tag("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=class_)


def path(points: Iterable[tuple[float, float]], class_: str, *, close: bool = False) -> Markup:
    """Points joined by lines."""
    joined = "L".join(f"{x:g} {y:g}" for x, y in points)
    return tag("path", d=f"M{joined}{'Z' if close else ''}" if joined else "M0 0", class_=class_)


def dot(x: float, y: float, r: float, class_: str, title: str = "") -> Markup:
    """A point."""
    said = tag("title", title) if title else None
    return tag("circle", said, cx=float(x), cy=float(y), r=float(r), class_=class_)


def label(
    x: float, y: float, value: object, class_: str = "", anchor: str = "start", most: int = 60
) -> Markup:
    """Text in a picture, cut to ``most`` characters."""
    return tag("text", text(value, most), x=float(x), y=float(y), text_anchor=anchor,
               class_=class_ or None)  # fmt: skip


def x_axis(
    scale: Scale, y: float, form: Callable[[float], str] = number, most: int = 5, title: str = ""
) -> list[Markup]:
    """A line with ticks and their numbers below; the title, if any, below them."""
    out = [line(scale.start, y, scale.stop, y, "axis")]
    ticks = scale.ticks(most)
    for tick in ticks:
        x = scale(tick)
        out += [line(x, y, x, y + 4, "axis"), label(x, y + 15, form(tick), "tick", "middle")]
    if title:
        out.append(label((scale.start + scale.stop) / 2, y + 31, title, "title", "middle"))
    return out


def grid(scale: Scale, top: float, bottom: float, most: int = 5) -> list[Markup]:
    """Faint vertical lines at the ticks of a horizontal scale."""
    return [line(x, top, x, bottom, "grid") for x in map(scale, scale.ticks(most))]


def color(index: int) -> str:
    """The class of the color of a split, by its place in the dataset."""
    return f"s{index % SERIES}"


def legend(splits: Sequence[str]) -> Markup:
    """The splits with their colors, as HTML above a picture."""
    items = [
        tag("li", tag("span", class_=f"key {color(i)}", aria_hidden="true"), text(s, 40))
        for i, s in enumerate(splits[:SERIES])
    ]
    return tag("ul", items, class_="legend")


def figure(caption: str, *children: Child, class_: str = "") -> Markup:
    """Pictures with the sentence that says what they show."""
    return tag("figure", tag("figcaption", text(caption, 400)), *children, class_=class_ or None)
