"""One finding: what, where, how bad, the picture that shows it, why it matters, what mends it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from datacheck.findings import Finding, Severity, names
from datacheck.report import words
from datacheck.report.html import evidence, svg
from datacheck.report.html.markup import Markup, join, tag, text
from datacheck.report.html.pictures import draw
from datacheck.report.html.pictures.scales import interval
from datacheck.report.html.view import View

SEARCHED = 900  # characters that the search looks at


def mark(severity: Severity, name: str | None = None) -> Markup:
    """The word of a severity, or ``name`` for it; its sign, a shape of its own, is in the style."""
    said = severity.value if name is None else name
    return tag("span", said or None, class_=f"sev {severity.value}")


def card(
    finding: Finding, place: int, view: View, *, known: bool, rich: bool, opened: bool
) -> Markup:
    """The finding as an article; ``rich`` with pictures and figures, else only what it says.

    ``place`` numbers it for links and filters; 0 where there are none.
    """
    title = tag(
        "h3",
        mark(finding.severity),
        tag("code", text(finding.rule, 8), class_="code"),
        tag("span", text(finding.name.replace("-", " "), 80), class_="rule-name"),
        tag("span", "known", class_="known") if known else None,
    )
    message = tag("span", text(finding.message), class_="message")
    pictures = draw(finding, view) if rich else []
    side: list[Markup | None] = [
        tag("p", text(finding.why), class_="why"),
        _facts(finding, view.splits, rich=rich),
        _repairs(finding) if finding.repairs else None,
    ]
    if rich:
        side.append(_details("Examples", evidence.examples(finding.examples)))
        side.append(_details("Figures of the rule", evidence.figures(finding.evidence)))
    body = [
        tag("div", pictures, class_="pictures") if pictures else None,
        tag("div", *side, class_="side"),
    ]
    inside = tag("details", tag("summary", title, message), tag("div", *body, class_="body"),
                 open=opened)  # fmt: skip
    named = {"id": f"f{place}", "data_n": str(place), **searched(finding)} if place else {}
    return tag("article", inside, class_=f"card {finding.severity.value}", **named)


def searched(finding: Finding) -> dict[str, str]:
    """What filters look at, as attributes."""
    said = " ".join((finding.rule, finding.name, finding.message, *finding.columns[:40]))
    return {
        "data_severity": finding.severity.value,
        "data_rule": finding.rule,
        "data_splits": json.dumps([words.said(s, 60) for s in finding.splits[:20]]),
        "data_text": words.said(said, SEARCHED).lower(),
    }


def _facts(finding: Finding, splits: Sequence[str], *, rich: bool) -> Markup:
    facts: list[tuple[str, Markup]] = []
    if finding.total or finding.count:
        said = f"{finding.count:,}"
        if finding.total:
            said += f" of {finding.total:,} {words.said(finding.unit, 30)}"
        else:
            said += f" {words.said(finding.unit, 30)}"
        bar = _share(finding.share) if finding.total and rich else None
        facts.append(("affected", join([tag("span", said), bar])))
    if finding.effect is not None:
        shown = interval(finding.effect) if rich else None
        facts.append(("effect", join([tag("span", text(words.interval(finding.effect))), shown])))
    where = [] if set(finding.splits) == set(splits) else list(finding.splits)
    if where:
        facts.append(("splits", text(names((words.said(s, 40) for s in where), 8), 400)))
    if finding.columns:
        chips = [tag("code", text(c, 60)) for c in finding.columns[:8]]
        more = len(finding.columns) - 8
        chips.append(tag("span", f"and {more:,} more")) if more > 0 else None
        facts.append(("columns" if len(finding.columns) > 1 else "column", join(chips, " ")))
    if not rich:  # of a thousand findings each element counts
        return tag("p", join([join([f"{n}: ", v]) for n, v in facts], " · "), class_="small")
    rows = [tag("div", tag("dt", name), tag("dd", value)) for name, value in facts]
    return tag("dl", rows, class_="facts")


def _share(share: float) -> Markup:
    """A bar of 120 pixels, and the number."""
    share = min(max(share, 0.0), 1.0)
    bar = tag(
        "svg",
        svg.rect(0, 0, 120, 6, "rest"),
        svg.rect(0, 0, max(120 * share, 1.0 if share else 0.0), 6, "strong"),
        viewBox="0 0 120 6", width=120, height=6, class_="share", aria_hidden="true",
    )  # fmt: skip
    return tag("span", bar, svg.percent(share), class_="sharing")


def _repairs(finding: Finding) -> Markup:
    items = [
        tag("li", tag("code", text(r.name, 60)), " ",
            tag("span", words.SAFETY.get(r.safety, r.safety), class_=f"safety {_plain(r.safety)}"))
        for r in finding.repairs
    ]  # fmt: skip
    return tag("div", tag("span", "repair", class_="label"), tag("ul", items, class_="repairs"),
               class_="mend")  # fmt: skip


def _plain(safety: str) -> str:
    return safety if safety in words.SAFETY else "manual"


def _details(title: str, inside: Markup | None) -> Markup | None:
    if inside is None:
        return None
    return tag("details", tag("summary", title), inside, class_="more")
