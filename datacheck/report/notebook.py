"""The report as an HTML fragment for notebooks. Every string from the data is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from datacheck.findings import Finding, Report
from datacheck.report import words

MAX_FINDINGS = 200
COLORS = {"error": "#b3261e", "warning": "#8a5a00", "info": "#005b8f"}


def render(report: Report) -> str:
    """A heading, a table with one line for each finding, and what was assumed and not checked."""
    name = _safe(report.dataset.get("name", ""))
    splits = " · ".join(
        f"{_safe(split)}: {words.amount(rows, 'row')}"
        for split, rows, _ in words.splits(report.dataset)
    )
    splits += "<br>".join(_safe(run) for run in words.runs(report.dataset))
    parts = [
        "<div>",
        f"<p><b>datacheck · {name}</b> — {_safe(words.tally(report.findings))}<br>{splits}</p>",
        _table(report.findings[:MAX_FINDINGS], list(report.dataset.get("splits", {}))),
    ]
    if len(report.findings) > MAX_FINDINGS:
        parts.append(f"<p>… and {len(report.findings) - MAX_FINDINGS} more</p>")
    if words.any_unsafe(report.findings[:MAX_FINDINGS]):
        parts.append(f"<p><small>{words.UNSAFE}</small></p>")
    parts.append(_details("assumed", report.assumptions))
    parts.append(
        _details("not checked", (f"{codes}: {reason}" for reason, codes in words.unchecked(report)))
    )
    parts.append(
        _details("suppressed", (f"{f.rule} {f.message}: {why}" for f, why in report.suppressed))
    )
    parts.append("</div>")
    return "\n".join(p for p in parts if p)


def _table(findings: Iterable[Finding], splits: Sequence[str]) -> str:
    rows = [_row(f, splits) for f in findings]
    if not rows:
        return ""
    head = "".join(
        f'<th style="text-align:left">{title}</th>' for title in ("rule", "finding", "repair")
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _row(finding: Finding, splits: Sequence[str]) -> str:
    color = COLORS[finding.severity.value]
    lines = [_safe(finding.message)]
    place = words.where(finding, splits)
    if place:
        lines.append(f"<small>in {_safe(place)}</small>")
    if finding.effect is not None:
        lines.append(f"<small>{_safe(words.interval(finding.effect))}</small>")
    lines.extend(f"<small>e.g. {_safe(words.example(e))}</small>" for e in finding.examples[:2])
    lines.append(f"<small><i>{_safe(finding.why)}</i></small>")
    cell = '<td style="text-align:left;vertical-align:top">'
    return (
        f'<tr>{cell}<b style="color:{color}">{_safe(finding.rule)}</b><br>'
        f"{_safe(finding.severity.value)}<br>{_safe(finding.name)}</td>"
        f"{cell}{'<br>'.join(lines)}</td>{cell}{_safe(words.repairs(finding))}</td></tr>"
    )


def _details(title: str, sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{_safe(s)}</li>" for s in sentences)
    return f"<details><summary>{title}</summary><ul>{items}</ul></details>" if items else ""


def _safe(value: object) -> str:
    return escape(words.said(value), quote=True)
