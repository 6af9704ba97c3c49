"""Markdown for pull requests, job summaries and notes. Nothing of the data is markup."""

from __future__ import annotations

import re
from collections.abc import Iterable

from datacheck.findings import Finding, Report
from datacheck.report import words

MAX_FINDINGS = 100
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~&@:$^=])")


def render(report: Report, known: Iterable[Finding] = ()) -> str:
    """A heading, a table of findings (``known`` ones apart), what was assumed or not checked."""
    old = {f.key for f in known}
    new = [f for f in report.findings if f.key not in old]
    parts = [
        f"## datacheck · {safe(str(report.dataset['name']))}",
        " · ".join(
            [
                words.tally(new) + (f", {len(report.findings) - len(new)} known" if old else ""),
                *(
                    f"{safe(name)}: {words.amount(rows, 'row')}"
                    for name, rows, _ in words.splits(report.dataset)
                ),
            ]
        ),
    ]
    if new:
        parts.append(_table(new[:MAX_FINDINGS]))
    if len(new) > MAX_FINDINGS:
        parts.append(f"… and {len(new) - MAX_FINDINGS:,} more")
    if words.any_unsafe(new):
        parts.append(f"{words.UNSAFE[0].upper()}{words.UNSAFE[1:]}.")
    parts += [
        _details(
            "known by the baseline",
            (f"{f.rule} {f.message}" for f in report.findings if f.key in old),
        ),
        _details("assumed", report.assumptions),
        _details("not checked", (f"{c}: {reason}" for reason, c in words.unchecked(report))),
        _details("suppressed", (f"{f.rule} {f.message}: {why}" for f, why in report.suppressed)),
    ]
    return "\n\n".join(p for p in parts if p) + "\n"


def _table(findings: Iterable[Finding]) -> str:
    rows = ["| | rule | finding | repair |", "|---|---|---|---|"]
    for f in findings:
        told = safe(f.message)
        if f.effect:
            told += f"<br>{safe(words.interval(f.effect))}"
        if f.examples:
            told += f"<br>for example {safe(words.example(f.examples[0]))}"
        told += f"<br>*{safe(f.why)}*"
        rows.append(f"| {f.severity.value} | {f.rule} | {told} | {safe(words.repairs(f))} |")
    return "\n".join(rows)


def _details(title: str, items: Iterable[str]) -> str:
    lines = [f"- {safe(item)}" for item in items]
    if not lines:
        return ""
    inside = "\n".join(lines)
    return f"<details><summary>{title} ({len(lines)})</summary>\n\n{inside}\n\n</details>"


def safe(text: str) -> str:
    """Text as Markdown shows it literally: on one line, no markup, no mention, no link."""
    return _MARKUP.sub(lambda m: _ENTITY.get(m[1], "\\" + m[1]), words.said(text))


_ENTITY = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "&#64;", ":": "&#58;", "|": "&#124;"}
