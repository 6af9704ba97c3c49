"""Rows side by side: what repeats, what is nearly the same, what contradicts itself; their texts
word by word, their pictures next to each other.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from math import isfinite
from typing import Any

from datacheck.findings import Example, Finding
from datacheck.report import words
from datacheck.report.html import svg
from datacheck.report.html.markup import Markup, join, tag, text
from datacheck.report.html.view import View

SHOWN = 5  # examples of a finding
COLUMNS = 9
WORDS = 160  # of a text that is compared word by word
CELL = 240
OTHER = " of the other"
FACE = 104  # pixels that a picture is shown at

Row = tuple[str, Mapping[str, Any]]


def side_by_side(finding: Finding, view: View) -> list[Markup]:
    """A table of the rows of each example, one below the other; cells that differ are marked."""
    groups = [(e, rows) for e in finding.examples[:SHOWN] if (rows := _rows(e, view))]
    if not groups:
        return []
    out = []
    told = [d for e, rows in groups if (d := _texts(e, rows, view)) is not None]
    if told:
        caption = "The texts word by word: what only one of them has is marked"
        out.append(svg.figure(caption, tag("div", told, class_="texts")))
    columns = _columns(finding, groups, view, texts=not told)
    if columns and not (told and len(columns) < 2):
        out.append(_table(finding, groups, columns, view))
    return out


def _rows(example: Example, view: View) -> list[Row]:
    """The rows of an example, as they were read again or as the example tells them."""
    read = [(a, view.rows[a]) for a in example.addresses[:3] if a in view.rows]
    if len(read) == min(len(example.addresses), 3) and read:
        if len(read) > 1:
            return read
        told = {k: v for k, v in example.values.items() if k not in read[0][1]}
        return [(read[0][0], {**told, **read[0][1]})]  # a label that is suggested, say
    own = {str(k): v for k, v in example.values.items() if not str(k).endswith(OTHER)}
    other = {str(k)[: -len(OTHER)]: v for k, v in example.values.items() if str(k).endswith(OTHER)}
    if not other or len(example.addresses) < 2:
        return []
    mine = {k: v for k, v in own.items() if k in other}
    return [(example.addresses[0], mine), (example.addresses[1], other)]


def _texts(example: Example, rows: Sequence[Row], view: View) -> Markup | None:
    """Both texts of a pair, if they are texts and differ."""
    if len(rows) != 2:
        return None
    (one, mine), (other, theirs) = rows
    for column, value in mine.items():
        twin = theirs.get(column)
        long = view.kind(column) == "text" or f"{column}{OTHER}" in example.values
        if long and isinstance(value, str) and isinstance(twin, str) and value != twin:
            left, right = compared(value, twin)
            measures = [
                f"{k} {svg.number(float(v))}"
                for k, v in example.values.items()
                if isinstance(v, float) and isfinite(v) and k not in mine
            ]
            return tag(
                "div",
                tag("p", tag("span", text(one, 120), class_="address"), left),
                tag("p", tag("span", text(other, 120), class_="address"), right),
                tag("p", ", ".join(measures), class_="small") if measures else None,
                class_="text-pair",
            )
    return None


def compared(one: str, other: str) -> tuple[Markup, Markup]:
    """Both texts, the words that the other lacks in ``<mark>``; long ones are cut."""
    a, b = one.split()[: WORDS + 1], other.split()[: WORDS + 1]
    left: list[Markup] = []
    right: list[Markup] = []
    matcher = SequenceMatcher(None, a[:WORDS], b[:WORDS], autojunk=False)
    for what, i, j, k, m in matcher.get_opcodes():
        for words_, begin, end, out in ((a, i, j, left), (b, k, m, right)):
            if begin < end:
                said = text(" ".join(words_[begin:end]), 2000)
                out.append(said if what == "equal" else tag("mark", said))
    for all_words, out in ((a, left), (b, right)):
        if len(all_words) > WORDS:
            out.append(text("…"))
    return join(left, " "), join(right, " ")


def _columns(
    finding: Finding, groups: Sequence[tuple[Example, list[Row]]], view: View, *, texts: bool
) -> list[str]:
    """Which columns are shown: those of the finding, those that differ, then the others."""
    names = list(dict.fromkeys(str(c) for _, rows in groups for _, row in rows for c in row))
    if not texts:
        names = [c for c in names if view.kind(c) != "text"]
    differ = [c for c in names if any(_differs(rows, c) for _, rows in groups)]
    told = [str(k) for e, _ in groups for k in e.values if k in names]
    kept = dict.fromkeys([*(c for c in names if c in finding.columns), *told, *differ, *names])
    return list(kept)[:COLUMNS]


def _differs(rows: Sequence[Row], column: str) -> bool:
    values = [row.get(column) for _, row in rows]
    return any(v != values[0] and not (_nan(v) and _nan(values[0])) for v in values[1:])


def _nan(value: object) -> bool:
    return isinstance(value, float) and value != value


def _table(
    finding: Finding,
    groups: Sequence[tuple[Example, list[Row]]],
    columns: Sequence[str],
    view: View,
) -> Markup:
    bodies = []
    same = finding.rule == "LK003"  # what is shared is what matters, not what differs
    for _, rows in groups:
        lines = []
        for address, row in rows:
            cells = []
            for column in columns:
                marked = not same and _differs(rows, column)
                named = column in finding.columns and (same or len(rows) == 1)
                long = "long" if view.kind(column) == "text" else ""
                class_ = " ".join(filter(None, ("differs" * marked or "named" * named, long)))
                cells.append(tag("td", _cell(row.get(column)), class_=class_ or None))
            lines.append(tag("tr", tag("th", text(address, 120), scope="row"), *cells))
        bodies.append(tag("tbody", lines))
    pairs = any(len(rows) > 1 for _, rows in groups)
    left = len({str(c) for _, rows in groups for _, r in rows for c in r} - set(columns))
    caption = "The rows side by side" if pairs else "Rows that show it"
    if pairs and not same and any(_differs(r, c) for _, r in groups for c in columns):
        caption += "; cells that differ are marked"
    if left:
        caption += f" ({words.amount(left, 'column')} not shown)"
    head = tag("tr", tag("th", "row", scope="col"), *(tag("th", text(c, 40), scope="col")
                                                      for c in columns))  # fmt: skip
    made = tag("table", tag("caption", caption), tag("thead", head), *bodies, class_="rows")
    return tag("div", made, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _cell(value: object) -> Markup:
    """A value such that a missing one, an empty one and blanks can be told apart."""
    if value is None or _nan(value):
        return tag("i", "missing")
    if isinstance(value, float):
        return text(f"{value:.6g}")
    if isinstance(value, Mapping):
        return text(", ".join(f"{k} {v}" for k, v in list(value.items())[:8]), CELL)
    if isinstance(value, list | tuple):
        shown = ", ".join(str(v) for v in value[:12])
        return text(f"[{shown}{', …' if len(value) > 12 else ''}]", CELL)
    told = words.said(value, CELL)
    return text(told) if told and told == told.strip() else text(repr(told))


def thumbnails(finding: Finding, view: View) -> list[Markup]:
    """The pictures of each example next to each other, small, in bytes of our own encoding."""
    groups = []
    for example in finding.examples[:SHOWN]:
        shown = [(a, view.pictures[a]) for a in example.addresses[:3] if a in view.pictures]
        if shown:
            groups.append(tag("div", [_picture(a, p) for a, p in shown], class_="faces"))
    if not groups:
        return []
    return [svg.figure("The pictures, made small", tag("div", groups, class_="gallery"))]


def _picture(address: str, small: Any) -> Markup:
    times = max(1, FACE // max(small.width, small.height, 1))
    said = words.said(address, 160)
    shown = tag(
        "img",
        src=_uri(small),
        alt=f"picture {said}",
        width=small.width * times,
        height=small.height * times,
        class_="pixels" if times > 1 else None,
    )
    return tag("div", shown, tag("span", said, class_="address"), class_="face")


def _uri(small: Any) -> str | None:
    """A data URI of the picture; None for what is no small PNG or JPEG."""
    if small.media not in ("image/png", "image/jpeg") or len(small.data) > 1 << 16:
        return None
    return f"data:{small.media};base64,{b64encode(small.data).decode('ascii')}"
