"""The page: one file that opens from a disk, asks nothing of a network and runs nothing of a data
set. Its policy (Content-Security-Policy) names our one style sheet and our one script by their
hashes, allows pictures only as ``data:``, and nothing else.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from importlib.resources import files

from datacheck.findings import Finding, Report
from datacheck.report import words
from datacheck.report.html import notes, overview, plan
from datacheck.report.html.listing import Listing, filters, index
from datacheck.report.html.markup import Markup, join, tag, text
from datacheck.report.html.view import View

LIMIT = 4_000_000  # bytes of findings; the page stays below 5 MB
RICH = 700_000  # bytes of findings after which they come without pictures and figures
STYLES = ("style.css", "pictures.css")
MARK = "<!-- datacheck report -->"


def asset(*names: str) -> str:
    """Files that lie beside this module, one after the other."""
    folder = files("datacheck.report.html")
    return "".join((folder / name).read_text(encoding="utf-8") for name in names)


def render(report: Report, known: Iterable[Finding] = ()) -> str:
    """The whole page as text; the same for the same report, whenever it is made."""
    old = {f.key for f in known}
    view = View.of(report)
    style, script = asset(*STYLES, "page.css"), asset("script.js")
    listing = Listing.of(report, view, old, rich=RICH, limit=LIMIT)
    findings = listing.findings
    places = range(1, len(findings) + 1)
    name = words.said(report.dataset.get("name") or "data", 120)
    new = [f for f in report.findings if f.key not in old]
    glance = join([
        tag("p", overview.verdict(new), class_="verdict"),
        overview.tiles(report, new),
        tag("div", overview.splits(view), _runs(report), notes.roles(report), class_="two"),
        overview.matrix(view, findings, places),
        overview.ribbon(report, new),
    ])  # fmt: skip
    listed = join(
        [filters(findings, view), index(listing.lines), tag("div", listing.cards, id="cards")]
    )
    sections = [
        ("overview", "Overview", glance),
        ("findings", f"Findings ({len(report.findings):,})",
         listed if findings else tag("p", "No rule found anything.")),
        ("plan", "Plan", plan.section(report)),
        ("columns", "Columns", notes.columns(view, findings, places)),
        ("notes", "Assumed and not checked",
         notes.section(report, len(report.findings) - len(new), listing.left_out)),
    ]  # fmt: skip
    sections = [(key, title, inside) for key, title, inside in sections if inside is not None]
    body = tag(
        "body",
        tag("a", "Skip to the findings", href="#findings", class_="skip"),
        _header(name, report, sections),
        tag("main", [_section(*s) for s in sections]),
        _footer(report),
        tag("script", Markup(script)),
        class_="dc",
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy(style, script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", text(f"datacheck · {name}", 160)),
        tag("style", Markup(style)),
    )
    return f"<!DOCTYPE html>\n{MARK}\n{tag('html', head, body, lang='en')}\n"


def policy(style: str, script: str) -> str:
    """The Content-Security-Policy of the page."""
    hashes = [
        b64encode(sha256(code.encode("utf-8")).digest()).decode("ascii") for code in (style, script)
    ]
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{hashes[0]}'; "
        f"script-src 'sha256-{hashes[1]}'; base-uri 'none'; form-action 'none'"
    )


def _header(name: str, report: Report, sections: Sequence[tuple[str, str, object]]) -> Markup:
    links = [
        tag("li", tag("a", title.partition(" (")[0].replace("Assumed and not checked", "Notes"),
                      href=f"#{key}"))
        for key, title, _ in sections
    ]  # fmt: skip
    bar = tag(
        "div",
        tag("span", "datacheck", class_="brand"),
        tag("nav", tag("ul", links), aria_label="Sections"),
        tag("button", "Theme", type="button", id="theme", hidden=True,
            title="Light, dark, or as the system has it"),
        class_="bar",
    )  # fmt: skip
    splits = words.sizes(report.dataset)
    subtitle = tag("p", text(splits, 400), class_="subtitle") if splits else None
    return tag("header", bar, tag("div", tag("h1", text(name)), subtitle, class_="title"))


def _section(key: str, title: str, inside: Markup | None) -> Markup:
    heading = tag("h2", title, id=f"{key}-title")
    return tag("section", heading, inside, id=key, aria_labelledby=f"{key}-title", tabindex="-1")


def _runs(report: Report) -> Markup | None:
    runs = words.runs(report.dataset)
    return tag("ul", [tag("li", text(r, 300)) for r in runs[:20]], class_="notes") if runs else None


def _footer(report: Report) -> Markup:
    told = ", ".join(f"{words.said(k, 40)} {words.said(v, 40)}" for k, v in report.versions.items())
    made = f"Made by datacheck{f' ({told})' if told else ''}."
    return tag("footer", tag("p", f"{made} This page holds all it shows and asks no network."))
