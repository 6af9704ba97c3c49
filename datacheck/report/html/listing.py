"""The findings as cards, as lines of a table, and what a person filters them by."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from datacheck.findings import Finding, Report, Severity
from datacheck.report import words
from datacheck.report.html.card import card, mark
from datacheck.report.html.markup import Markup, tag, text
from datacheck.report.html.svg import percent
from datacheck.report.html.view import View

OPENED = 30


@dataclass
class Listing:
    """The findings that are shown, their cards and lines; what is not, in sentences."""

    findings: list[Finding] = field(default_factory=list)
    cards: list[Markup] = field(default_factory=list)
    lines: list[Markup] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        report: Report,
        view: View,
        known: Collection[object] = (),
        *,
        rich: int,
        limit: int,
        opened: int = OPENED,
        anchors: bool = True,
    ) -> Self:
        """As many findings as ``limit`` bytes hold; after ``rich`` bytes they come without
        pictures and figures. ``known`` are keys of a baseline; ``opened`` cards are open.
        """
        out = cls()
        used = bare = 0
        for finding in report.findings:
            place = len(out.findings) + 1
            full = used < rich
            made = card(finding, place if anchors else 0, view, known=finding.key in known,
                        rich=full, opened=place <= opened)  # fmt: skip
            line = _line(finding, place) if anchors else Markup("")
            used += len(made.encode("utf-8", "replace")) + len(line.encode("utf-8", "replace"))
            if used > limit:
                break
            bare += not full
            out.findings.append(finding)
            out.cards.append(made)
            out.lines.append(line)
        if bare:
            out.left_out.append(
                f"{words.amount(bare, 'finding')} come without pictures and figures, or this would "
                "be too large; the JSON report has the figures"
            )
        if len(out.findings) < len(report.findings):
            more = len(report.findings) - len(out.findings)
            out.left_out.append(f"{words.amount(more, 'finding')}; the JSON report has them all")
        return out


def filters(findings: Sequence[Finding], view: View) -> Markup:
    """What a person filters the findings by; the script shows it."""
    rules = sorted({f.rule for f in findings})
    boxes = [
        tag("label", tag("input", type="checkbox", name="severity", value=s.value, checked=True),
            mark(s))
        for s in Severity
    ]  # fmt: skip
    return tag(
        "div",
        tag("label", tag("span", "Search"),
            tag("input", type="search", id="q", autocomplete="off", spellcheck="false",
                placeholder="column, rule, words …")),
        tag("fieldset", tag("legend", "Severity"), boxes),
        _select("rule", "Rule", [(r, r) for r in rules], "all rules"),
        _select("split", "Split", [(s, s) for s in view.splits[:40]], "all splits"),
        tag("div",
            tag("button", "Reset", type="button", id="reset"),
            tag("button", "Close all", type="button", id="fold"), class_="buttons"),
        tag("output", f"{len(findings):,} of {len(findings):,} shown", id="shown", role="status"),
        class_="filters", role="search", aria_label="Filter the findings", hidden=True,
    )  # fmt: skip


def _select(key: str, name: str, options: Iterable[tuple[str, str]], every: str) -> Markup:
    listed = [tag("option", text(shown, 60), value=words.said(v, 60)) for v, shown in options]
    return tag("label", tag("span", name),
               tag("select", tag("option", every, value=""), listed, id=key))  # fmt: skip


def index(rows: Sequence[Markup]) -> Markup:
    """The table of all findings, a line each."""
    head = tag("tr", [
        tag("th", title, scope="col", data_sort=True, class_=class_)
        for title, class_ in (("severity", None), ("rule", None), ("finding", None),
                              ("splits", None), ("affected", "number"), ("share", "number"))
    ])  # fmt: skip
    caption = "All findings; the headings sort"
    made = tag("table", tag("caption", caption), tag("thead", head),
               tag("tbody", rows, id="lines"), class_="index")  # fmt: skip
    return tag("div", made, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _line(finding: Finding, place: int) -> Markup:
    share = percent(min(finding.share, 1.0)) if finding.total else ""
    splits = ", ".join(words.said(s, 24) for s in finding.splits[:4])
    return tag(
        "tr",
        tag("td", mark(finding.severity), data_value=finding.severity.rank),
        tag("td", tag("code", text(finding.rule, 8))),
        tag("th", tag("a", text(finding.message, 180), href=f"#f{place}"), scope="row"),
        tag("td", text(splits, 120)),
        tag("td", f"{finding.count:,}", class_="number", data_value=finding.count),
        tag("td", share, class_="number", data_value=float(finding.share)),
        data_n=place,
    )
