"""Markup that cannot be broken out of: what is no :class:`Markup` is text, and gets escaped.

The only way to a tag is :func:`tag`, whose names come from this package. Text of the data passes
:func:`datacheck.report.words.said` first, so that controls and what reorders text become visible
escapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import TypeAlias

from datacheck.report.words import said

_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9:-]*\Z")
MOST = 100_000  # characters of an attribute: a small picture is one
_VOID = frozenset(("br", "col", "hr", "img", "input", "link", "meta"))


class Markup(str):
    """Text that is markup already: made by :func:`tag`, or by :func:`text`, never from data."""

    __slots__ = ()


Child: TypeAlias = "Markup | str | int | Iterable[Markup] | None"
EMPTY = Markup("")


def text(value: object, limit: int = 700) -> Markup:
    """Text of the data: harmless, at most ``limit`` characters, and escaped."""
    return Markup(escape(said(value, limit), quote=True))


def tag(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """An element. ``class_`` is ``class``, ``data_x`` is ``data-x``; None and False are left out.

    Raises ValueError for a name that is none.
    """
    parts = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        if not _NAME.match(attribute):
            raise ValueError(f"no name of an attribute: {attribute!r}")
        if value is True:
            parts.append(attribute)
        else:
            shown = f"{value:g}" if isinstance(value, float) else said(value, MOST)
            parts.append(f'{attribute}="{escape(shown, quote=True)}"')
    if not _NAME.match(name):
        raise ValueError(f"no name of an element: {name!r}")
    begin = f"<{' '.join(parts)}>"
    if name in _VOID:
        return Markup(begin)
    return Markup(f"{begin}{join(children)}</{name}>")


def join(children: Iterable[Child], between: str = "") -> Markup:
    """Several children one after the other; what is no markup is escaped."""
    return Markup(between.join(_flat(children)))


def _flat(children: Iterable[Child]) -> Iterable[str]:
    for child in children:
        if child is None:
            continue
        if isinstance(child, Markup):
            yield child
        elif isinstance(child, str | int):
            yield text(child)
        else:
            yield from _flat(child)


def table(
    caption: str,
    head: Iterable[Child],
    rows: Iterable[Iterable[Child]],
    *,
    class_: str = "",
    sortable: bool = False,
    hide_caption: bool = False,
) -> Markup:
    """A table with a caption; the first cell of each row is its heading."""
    titles = [tag("th", title, scope="col", data_sort=sortable and title != "") for title in head]
    body = []
    for row in rows:
        cells = [
            cell
            if isinstance(cell, Markup) and cell.startswith(("<td", "<th"))
            else tag("td" if i else "th", cell, scope=None if i else "row")
            for i, cell in enumerate(row)
        ]
        body.append(tag("tr", cells))
    made = tag(
        "table",
        tag("caption", caption, class_="hidden" if hide_caption else None),
        tag("thead", tag("tr", titles)),
        tag("tbody", body),
        class_=class_ or None,
    )
    return tag("div", made, class_="scroll", tabindex="0", role="region", aria_label=caption)
