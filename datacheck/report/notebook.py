"""The report as an HTML fragment for notebooks: the findings with their pictures, without a script.

Its style reaches nothing outside. Where a notebook is not trusted, style and pictures are taken
away and the text stays. Every string from the data is escaped.
"""

from __future__ import annotations

from datacheck.findings import Report
from datacheck.report import words
from datacheck.report.html import notes, overview
from datacheck.report.html.listing import Listing
from datacheck.report.html.markup import Markup, join, tag, text
from datacheck.report.html.page import STYLES, asset
from datacheck.report.html.view import View

RICH, LIMIT = 300_000, 600_000  # bytes of findings: a notebook keeps what it shows
OPENED = 3


def render(report: Report) -> str:
    """A heading, a card for each finding, and what was assumed and not checked."""
    view = View.of(report, most=60)
    listing = Listing.of(report, view, rich=RICH, limit=LIMIT, opened=OPENED, anchors=False)
    name = words.said(report.dataset.get("name") or "data", 120)
    told = [s for s in (words.sizes(report.dataset), *words.runs(report.dataset)[:6]) if s]
    more = tag(
        "details",
        tag("summary", "Assumed, not checked and left out"),
        notes.section(report, 0, listing.left_out),
        class_="more",
    )
    fragment = tag(
        "div",
        tag("style", Markup(asset(*STYLES, "notebook.css"))),
        tag("h2", text(f"datacheck · {name}", 160)),
        tag("p", join([text(s, 300) for s in told], " · "), class_="subtitle"),
        tag("p", overview.verdict(report.findings), class_="verdict"),
        overview.tiles(report, report.findings),
        tag("div", overview.splits(view), notes.roles(report), class_="two"),
        tag("div", listing.cards, class_="cards"),
        more,
        class_="dc notebook",
    )
    return str(fragment)
