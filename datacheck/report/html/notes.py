"""What the figures rest on: what was assumed, sampled, not checked, accepted and left out; and the
columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from datacheck.findings import Finding, Report
from datacheck.report import words
from datacheck.report.html.markup import Markup, join, table, tag, text
from datacheck.report.html.view import View

MOST = 60
_OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*)")
MOST_COLUMNS = 250


def section(report: Report, known: int, left_out: Iterable[str]) -> Markup:
    """Lists with a heading each; nothing of what is empty but what was not checked."""
    profile = report.profile
    sampled = profile.get("sampled", {})
    rows = {s: n for s, n, _ in words.splits(report.dataset)}
    parts = [
        _listed("Assumed", map(flagged, report.assumptions), report.assumptions),
        _listed(
            "Not checked",
            (join([tag("span", text(reason, 300)), " ", tag("code", text(codes, 300))])
             for reason, codes in words.unchecked(report)),
            words.unchecked(report),
        ),
        _listed(
            "Sampled",
            (text(f"{words.said(s, 40)}: shapes of columns are those of {int(n):,} sampled rows"
                  + (f" of {rows[s]:,}" if s in rows else "")) for s, n in sampled.items()),
            sampled,
        ),
        _listed(
            "Suppressed",
            (join([tag("code", text(f.rule, 8)), " ", text(f.message, 300), ": ",
                   tag("i", text(why, 300))]) for f, why in report.suppressed),
            report.suppressed,
        ),
        _listed("Known", [text(f"{words.amount(known, 'finding')} that the baseline knows")]
                if known else [], range(known and 1)),
        _listed("Left out of this page", map(text, left := list(left_out)), left),
    ]  # fmt: skip
    if not report.not_checked:
        parts.append(tag("p", "Every rule that was asked could say something.", class_="small"))
    return join(parts)


def _listed(title: str, items: Iterable[Markup], counted: object) -> Markup | None:
    total = len(counted) if hasattr(counted, "__len__") else 0
    if not total:
        return None
    shown = [tag("li", item) for _, item in zip(range(MOST), items, strict=False)]
    if total > MOST:
        shown.append(tag("li", f"… and {total - MOST:,} more"))
    return join([tag("h3", f"{title} ({total:,})"), tag("ul", shown, class_="notes")])


def flagged(sentence: str) -> Markup:
    """A sentence whose options (``--label``) are code and stay on one line."""
    parts = _OPTION.split(words.said(sentence))
    return join([tag("code", p) if i % 2 else p for i, p in enumerate(parts)])


def roles(report: Report) -> Markup | None:
    """What each column is for, where it is no feature, and how that is known."""
    told, _ = words.roles(report)
    rows = []
    for role, columns, how in told:
        shown = flagged(columns) if "--" in columns else tag("b", text(columns))
        rows.append(tag("div", tag("dt", role), tag("dd", shown, flagged(how))))
    kinds = tag("div", tag("dt", "columns"), tag("dd", text(words.kinds(report.dataset))))
    if not report.dataset.get("columns"):
        return tag("dl", rows, class_="roles") if rows else None
    return tag("dl", *rows, kinds, class_="roles")


def columns(view: View, findings: Sequence[Finding], places: Sequence[int]) -> Markup | None:
    """All columns (the most telling, of many) with kind, role and the rules that name them."""
    told = view.report.dataset.get("columns", {})
    if not told:
        return None
    named: dict[str, dict[str, int]] = {}
    for place, finding in zip(places, findings, strict=True):
        for column in finding.columns[:200]:
            named.setdefault(column, {}).setdefault(finding.rule, place)
    listed = [c for c in told if told[c].get("role") != "measured"]
    order = {c: i for i, c in enumerate(listed)}
    listed.sort(key=lambda c: (c not in named, told[c].get("role") in ("feature", ""), order[c]))
    shown = sorted(listed[:MOST_COLUMNS], key=order.__getitem__)
    rows = [
        (
            tag("th", text(c, 60), scope="row"),
            text(told[c].get("kind", ""), 20),
            text(told[c].get("role", ""), 20),
            join([tag("a", tag("code", text(rule, 8)), href=f"#f{place}")
                  for rule, place in list(named.get(c, {}).items())[:8]], " "),
            text(told[c].get("assumed", ""), 200),
        )
        for c in shown
    ]  # fmt: skip
    made = table(
        "Columns", ("column", "kind", "role", "rules", "how that is known"), rows,
        class_="columns", sortable=True, hide_caption=True,
    )  # fmt: skip
    if len(listed) > len(shown):
        more = len(listed) - len(shown)
        said = f"{more:,} further columns without a finding or a role of their own are not shown."
        return join([made, tag("p", said, class_="small")])
    return made
