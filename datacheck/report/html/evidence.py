"""What a rule measured, as a table: what has no picture, and the figures behind the pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datacheck.findings import Example, clip
from datacheck.report import words
from datacheck.report.html.markup import Markup, join, table, tag, text

MOST = 24  # entries of a mapping or a list
DEEP = 4


def figures(evidence: Mapping[str, Any]) -> Markup | None:
    """All figures of the evidence by name; nested ones as lists."""
    if not evidence:
        return None
    rows = [
        (text(str(name).replace("_", " "), 60), _value(clip(value), 0))
        for name, value in sorted(evidence.items(), key=lambda i: str(i[0]))[:MOST]
    ]
    return table("Figures of the rule", ("figure", "value"), rows, class_="figures",
                 hide_caption=True)  # fmt: skip


def _value(value: Any, depth: int) -> Markup:
    if isinstance(value, Mapping):
        if depth >= DEEP:
            return text("…")
        items = list(value.items())
        inside = [
            tag("li", tag("span", text(k, 80), class_="key-name"), " ", _value(v, depth + 1))
            for k, v in items[:MOST]
        ]
        if len(items) > MOST:
            inside.append(tag("li", f"… {len(items) - MOST:,} more"))
        return tag("ul", inside) if inside else tag("i", "none")
    if isinstance(value, list | tuple):
        if not value:
            return tag("i", "none")
        if any(isinstance(v, Mapping | list | tuple) for v in value) and depth < DEEP:
            return tag("ul", [tag("li", _value(v, depth + 1)) for v in value[:MOST]])
        return join([_value(v, DEEP) for v in value[:MOST]], ", ")
    if value is None:
        return tag("i", "none")
    if isinstance(value, bool):
        return text("yes" if value else "no")
    if isinstance(value, int):
        return text(f"{value:,}")
    if isinstance(value, float):
        return text(words.number(value))
    return text(value, 160)


def examples(listed: tuple[Example, ...]) -> Markup | None:
    """Addresses, and the values that matter, of the rows that show a finding."""
    if not listed:
        return None
    items = []
    for example in listed[:5]:
        where = join([tag("code", text(a, 160)) for a in example.addresses[:3]], " = ")
        more = len(example.addresses) - 3
        said = f" and {more} more" if more > 0 else ""
        values = [
            tag("span", tag("span", text(k, 60), class_="key-name"), " ", _value(clip(v), 2),
                class_="pair")
            for k, v in list(example.values.items())[:6]
        ]  # fmt: skip
        items.append(tag("li", where, said, " " if example.addresses else None, values))
    return tag("ul", items, class_="examples")
