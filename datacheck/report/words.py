"""What the terminal and the notebook say alike: headings, figures and lists, as plain text."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from math import isfinite
from typing import Any

from datacheck.findings import Effect, Example, Finding, Report, Severity, names, plain

SAFETY = {"safe": "safe", "unsafe": "unsafe", "manual": "by hand"}
UNSAFE = "an unsafe repair changes what the model learns"
ROLES = ("label", "task", "group", "time", "id", "weight", "split", "ignore")
MAX_TEXT = 700


def said(text: object, limit: int = MAX_TEXT) -> str:
    """Text from the data made harmless for a terminal, and short."""
    shown = plain(str(text)[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def amount(count: int, noun: str) -> str:
    """``1 row``, ``1,234 rows``."""
    plural = noun if count == 1 else noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count:,} {plural}"


def number(value: float) -> str:
    """Three significant digits, four just below 1 (0.9993), separators where it is large."""
    if abs(value) < 1e15 and value == int(value):
        return f"{int(value):,}"
    if abs(value) < 1e3:
        return f"{value:.{4 if 0.99 <= abs(value) < 1 else 3}g}"
    return f"{value:,.0f}" if abs(value) < 1e6 else f"{value:.3g}"


def interval(effect: Effect) -> str:
    """``AUC 0.9931 (0.9902 to 0.9954; threshold 0.99)``."""
    metric = said(effect.metric).replace("_", " ")
    if not all(isfinite(v) for v in (effect.low, effect.high, effect.value, effect.threshold)):
        return f"{metric} {effect.value:.3g} (threshold {effect.threshold:.3g})"
    low, high = number(effect.low), number(effect.high)
    span = "" if low == high else f"{low} to {high}; "
    return f"{metric} {number(effect.value)} ({span}threshold {number(effect.threshold)})"


def example(item: Example) -> str:
    """``train/a.csv:12 = test/b.csv:7 (age 39, income >50K)``."""
    where = " = ".join(said(a, 120) for a in item.addresses[:2])
    if len(item.addresses) > 2:
        where += f" and {len(item.addresses) - 2} more"
    values = ", ".join(f"{said(k, 40)} {_cell(v)}" for k, v in list(item.values.items())[:4])
    return f"{where} ({values})" if values and where else where or values


def _cell(value: object) -> str:
    """A value such that a missing one, an empty one and blanks can be told apart."""
    if value is None:
        return "missing"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = said(value, 40)
    return text if text and text == text.strip() else repr(text)


def repairs(finding: Finding) -> str:
    """``drop-duplicates (safe) or re-split (unsafe)``; empty where nothing is known."""
    return " or ".join(f"{said(r.name, 60)} ({SAFETY[r.safety]})" for r in finding.repairs)


def any_unsafe(findings: Iterable[Finding]) -> bool:
    """Whether :data:`UNSAFE` needs to be said."""
    return any(r.safety == "unsafe" for f in findings for r in f.repairs)


def where(finding: Finding, splits: Sequence[str]) -> str:
    """The splits and columns that the message leaves out; not the splits where it is all."""
    parts = []
    for noun, items in (
        ("split", () if set(finding.splits) == set(splits) else finding.splits),
        ("column", finding.columns),
    ):
        if not all(_mentions(finding.message, item) for item in items):
            listed = names((said(i, 60) for i in items), 6)
            parts.append(f"{noun if len(items) == 1 else noun + 's'} {listed}")
    return " · ".join(parts)


def _mentions(message: str, item: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(item)}(?!\w)", message) is not None


def groups(findings: Sequence[Finding]) -> Iterator[tuple[Finding, list[Finding]]]:
    """Findings of one rule and severity together, with the first of them, in report order."""
    for _, some in groupby(findings, key=lambda f: (f.severity.rank, f.rule)):
        listed = list(some)
        yield listed[0], listed


def tally(findings: Iterable[Finding]) -> str:
    """``2 errors, 1 warning``; ``no findings``."""
    counts = Counter(f.severity for f in findings)
    listed = [
        f"{counts[s]:,} info" if s is Severity.INFO else amount(counts[s], s.value)
        for s in Severity
        if counts[s]
    ]
    return ", ".join(listed) or "no findings"


def splits(dataset: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """(name, rows, files) of each split."""
    return [
        (said(name, 24), int(split.get("rows", 0)), int(split.get("files", 0)))
        for name, split in dataset.get("splits", {}).items()
    ]


def sizes(dataset: Mapping[str, Any]) -> str:
    """``train: 1,200 rows · test: 400 rows``."""
    return " · ".join(f"{name}: {amount(rows, 'row')}" for name, rows, _ in splits(dataset))


def runs(dataset: Mapping[str, Any]) -> list[str]:
    """``run.jsonl: 1,000 steps, 20 evaluations of val`` of each recorded run that was judged."""
    out = []
    for run in dataset.get("runs", ()):
        told = [amount(int(run.get("steps", 0)), "step")]
        if run.get("evaluations"):
            splits = names((said(s, 24) for s in run.get("splits", ())), 4)
            told.append(f"{amount(int(run['evaluations']), 'evaluation')} of {splits}")
        out.append(f"{said(run.get('name', ''), 120)}: {', '.join(told)}")
    return out


def kinds(dataset: Mapping[str, Any]) -> str:
    """``15 (8 category, 6 number, 1 text)``: the columns by kind, the commonest first.

    Without what was measured of pictures: those are no columns of the user's.
    """
    told = dataset.get("columns", {})
    columns = {n: c for n, c in told.items() if c.get("role") != "measured"}
    counts = Counter(str(c.get("kind", "")) for c in columns.values())
    listed = ", ".join(f"{n:,} {k}" for k, n in sorted(counts.items(), key=lambda i: (-i[1], i[0])))
    return f"{len(columns):,} ({listed})" if listed else "none"


def roles(report: Report) -> tuple[list[tuple[str, str, str]], list[str]]:
    """(role, columns, how it was inferred) of all that is no feature, and the other assumptions.

    A sentence such as ``label: y, assumed: its name; set with --label`` stands beside its role,
    unless several columns share it.
    """
    by_role: dict[str, list[str]] = defaultdict(list)
    for name, column in report.dataset.get("columns", {}).items():
        by_role[str(column.get("role", ""))].append(name)
    if report.dataset.get("task"):
        by_role["task"].append(report.dataset["task"])
    rest = list(report.assumptions)
    out = []
    for role in ROLES:
        columns = by_role[role]
        begin = f"{role}: {columns[0]}, " if len(columns) == 1 else f"{role}: "
        sentence = next((s for s in rest if s.startswith(begin)), "") if len(columns) < 2 else ""
        if sentence:
            rest.remove(sentence)
        if columns or sentence:
            told = names((said(c, 60) for c in columns), 6)
            tail = said(sentence[len(begin) :])
            out.append((role, told or tail, f", {tail}" if told and tail else ""))
    return out, rest


def unchecked(report: Report) -> list[tuple[str, str]]:
    """(reason, codes) of what could not be checked: failures first, then by number of rules."""
    by_reason: dict[tuple[bool, str], list[str]] = defaultdict(list)
    for outcome in report.not_checked:
        failed = outcome.status.value == "failed"
        reason = said(outcome.reason or outcome.status.value, 300)
        by_reason[(not failed, f"failed: {reason}" if failed else reason)].append(outcome.rule)
    order = sorted(by_reason.items(), key=lambda i: (i[0][0], -len(i[1]), i[1]))
    return [(reason, " ".join(codes)) for (_, reason), codes in order]
