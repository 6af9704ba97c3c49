"""What there is at a glance: the verdict, the splits, and which rule speaks about which split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from datacheck.findings import Finding, Report, Severity, Status
from datacheck.report import words
from datacheck.report.html import svg
from datacheck.report.html.card import mark
from datacheck.report.html.markup import Markup, join, tag, text
from datacheck.report.html.svg import Scale
from datacheck.report.html.view import View

MOST_RULES, MOST_SPLITS = 60, 12
FAMILIES = {
    "LK": "leakage", "LB": "labels", "CB": "class balance", "MV": "missing values",
    "NM": "normalization", "SL": "lengths", "SC": "schema", "ST": "training", "DL": "loaders",
    "DC": "settings",
}  # fmt: skip
_STATUS = {
    Status.CLEAN: "clean", Status.NOT_APPLICABLE: "not applicable", Status.FAILED: "failed",
    Status.FOUND: "found",
}  # fmt: skip


def verdict(findings: Sequence[Finding]) -> str:
    """The whole report in one sentence."""
    count = {s: sum(f.severity is s for f in findings) for s in Severity}
    errors, warnings = count[Severity.ERROR], count[Severity.WARNING]
    if findings and all(f.rule.startswith("ST") for f in findings):
        return f"{words.tally(findings)} in what was recorded of training."
    if errors:
        return (
            f"{words.amount(errors, 'error')}: as it is, this data makes training unstable or its "
            "score a lie."
        )
    if warnings:
        return f"No error, and {words.amount(warnings, 'warning')} worth a look before training."
    if count[Severity.INFO]:
        return "Nothing here stands in the way of training; a few things are good to know."
    return "No rule found anything that stands in the way of training."


def tiles(report: Report, findings: Sequence[Finding]) -> Markup:
    """How many findings of each severity, and rules that found nothing."""
    items = [
        tag("li", tag("strong", f"{n:,}"),
            mark(s, name=s.value if n == 1 or s is Severity.INFO else f"{s.value}s"),
            class_=f"tile {s.value}")
        for s in Severity
        for n in [sum(f.severity is s for f in findings)]
    ]  # fmt: skip
    clean = sum(o.status is Status.CLEAN for o in report.outcomes)
    if clean:
        items.append(
            tag("li", tag("strong", f"{clean:,}"), tag("span", "rules found nothing"),
                class_="tile clean")
        )  # fmt: skip
    return tag("ul", items, class_="tiles")


def splits(view: View) -> Markup | None:
    """Each split as a bar, as long as its rows."""
    told = words.splits(view.report.dataset)[:MOST_SPLITS]
    if not told:
        return None
    wide = min(12 + 7 * max(len(name) for name, _, _ in told), 130)
    x = Scale(0, max(max(rows for _, rows, _ in told), 1), wide, wide + 250)
    parts: list[Markup] = []
    for i, (name, rows, files) in enumerate(told):
        y = 24.0 * i + 3
        parts.append(svg.label(0, y + 13, name, "name", most=17))
        parts.append(svg.rect(x.start, y, max(x(rows) - x.start, 2), 17, svg.color(i)))
        said = f"{words.amount(rows, 'row')} · {words.amount(files, 'file')}"
        parts.append(svg.label(x(rows) + 8, y + 13, said, "tick"))
    said = "; ".join(f"{n}: {words.amount(r, 'row')}" for n, r, _ in told)
    return svg.svg(wide + 380, 24.0 * len(told) + 4, f"Splits. {said}", *parts)


def matrix(view: View, findings: Sequence[Finding], places: Sequence[int]) -> Markup | None:
    """Rules that found something against splits: a sign, and how many findings, in each cell."""
    if not findings:
        return None
    by_rule: dict[str, list[tuple[int, Finding]]] = {}
    for place, finding in zip(places, findings, strict=True):
        by_rule.setdefault(finding.rule, []).append((place, finding))
    columns = view.splits[:MOST_SPLITS]
    rows = [_row(rule, some, columns) for rule, some in list(by_rule.items())[:MOST_RULES]]
    head = tag(
        "tr",
        tag("th", "rule", scope="col", data_sort=True),
        *(tag("th", text(s, 24), scope="col", data_sort=True, class_="cell") for s in columns),
        tag("th", "findings", scope="col", data_sort=True, class_="number"),
        tag("th", "most affected", scope="col", data_sort=True),
    )
    caption = "Rules that found something, by split"
    made = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", rows),
               class_="matrix")  # fmt: skip
    more = len(by_rule) - MOST_RULES
    said = tag("p", f"{more:,} further rules are not shown here.", class_="small")
    return join([
        tag("div", made, class_="scroll", tabindex="0", role="region", aria_label=caption),
        said if more > 0 else None,
    ])  # fmt: skip


def _row(rule: str, some: list[tuple[int, Finding]], splits: Sequence[str]) -> Markup:
    place, worst = some[0]
    name = tag(
        "th",
        tag("a", tag("code", text(rule, 8)), " ", text(worst.name.replace("-", " "), 60),
            href=f"#f{place}"),
        scope="row",
        data_value=rule,
    )  # fmt: skip
    cells = [_cell(s, [(p, f) for p, f in some if s in f.splits]) for s in splits]
    share = max((f.share for _, f in some if f.total), default=0.0)
    most = max(some, key=lambda i: i[1].share)[1]
    told = f"{most.count:,} of {most.total:,} {words.said(most.unit, 20)}" if most.total else ""
    bar = tag(
        "svg",
        svg.rect(0, 0, 80, 6, "rest"),
        svg.rect(0, 0, max(80 * min(share, 1.0), 1.5 if share else 0), 6, "strong"),
        viewBox="0 0 80 6", width=80, height=6, class_="share", aria_hidden="true",
    )  # fmt: skip
    return tag(
        "tr",
        name,
        *cells,
        tag("td", f"{len(some):,}", class_="number", data_value=len(some)),
        tag("td", bar, " ", told, data_value=share),
    )


def _cell(split: str, some: list[tuple[int, Finding]]) -> Markup:
    if not some:
        return tag("td", tag("span", "–", aria_hidden="true"), tag("span", "none", class_="hidden"),
                   class_="cell none", data_value=9)  # fmt: skip
    place, worst = some[0]
    count = words.amount(len(some), "finding")
    said = f"{worst.severity.value} in {words.said(split, 30)}, {count}"
    link = tag("a", mark(worst.severity, name=""), f"{len(some):,}" if len(some) > 1 else None,
               href=f"#f{place}", aria_label=said, title=said)  # fmt: skip
    return tag("td", link, class_=f"cell {worst.severity.value}", data_value=worst.severity.rank)


def ribbon(report: Report, findings: Iterable[Finding]) -> Markup | None:
    """Every rule that was asked, by family: found, clean, not applicable or failed."""
    if not report.outcomes:
        return None
    worst: dict[str, Severity] = {}
    for finding in findings:
        rank = worst.get(finding.rule)
        if rank is None or finding.severity.rank < rank.rank:
            worst[finding.rule] = finding.severity
    groups: dict[str, list[Markup]] = {}
    for outcome in report.outcomes[:200]:
        severity = worst.get(outcome.rule)
        what = severity.value if severity else _STATUS[outcome.status]
        if outcome.status is Status.FOUND and severity is None:
            what = "suppressed or known"
        reason = f": {words.said(outcome.reason, 200)}" if outcome.reason else ""
        class_ = what.split(" ")[0]
        groups.setdefault(outcome.rule[:2], []).append(
            tag("li", tag("span", text(outcome.rule, 8)), tag("span", f" {what}", class_="hidden"),
                class_=f"pip {class_}", title=f"{outcome.rule}: {what}{reason}")
        )  # fmt: skip
    rows = [
        tag("div", tag("dt", FAMILIES.get(family, family)), tag("dd", tag("ul", pips)))
        for family, pips in groups.items()
    ]
    keys = [
        tag("li", tag("span", class_=f"pip {c}", aria_hidden="true"), said)
        for c, said in (("error", "error"), ("warning", "warning"), ("info", "info"),
                        ("clean", "clean"), ("not", "not applicable"), ("failed", "failed"))
        if c in ("clean", "not") or any(f'pip {c}"' in p for g in groups.values() for p in g)
    ]  # fmt: skip
    return tag("div", tag("dl", rows, class_="ribbon"), tag("ul", keys, class_="legend pips"))
