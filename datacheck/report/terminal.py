"""The report as text for a terminal: most severe first, each line worth reading.

Strings from the data are never markup here: they go into ``rich.text.Text`` as they are, after
:func:`datacheck.findings.plain` made control characters visible.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from datacheck.findings import Finding, Report, Severity, Status, names
from datacheck.report import words

if TYPE_CHECKING:
    from rich.text import Text

STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.INFO: "bold cyan"}
MAX_FINDINGS = 60
MAX_LINES = 12
MIN_WIDTH = 30
DIM = "dim"

Line = tuple[int, str, "Text"]
"""How far it is indented, its label (empty for most), and what it says, beside the label."""


def render(
    report: Report,
    *,
    width: int = 80,
    color: bool = False,
    quiet: bool = False,
    known: Collection[Finding] = (),
) -> str:
    """The report as lines of at most ``width`` cells, each ended by a newline.

    ``known`` are findings of a baseline: they are counted, not shown. ``quiet`` leaves one line
    for each finding, however long it is (such lines are searched and counted), and the summary.
    """
    from io import StringIO

    from rich.console import Console

    width = max(width, MIN_WIDTH)
    console = Console(
        file=StringIO(),
        width=width,
        force_terminal=color,
        no_color=not color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    hidden = {id(f) for f in known}
    new = [f for f in report.findings if id(f) not in hidden]
    lines = _brief(report, new, len(hidden)) if quiet else _full(report, new, len(hidden))
    out = []
    for indent, label, text in lines:
        hang = indent + len(label)
        pieces = [text] if quiet else text.wrap(console, max(width - hang, 10))
        for i, piece in enumerate(pieces):
            piece.rstrip()
            begin = _text(" " * indent, (label, DIM)) if i == 0 else _text(" " * hang)
            with console.capture() as capture:
                console.print(begin + piece, end="", soft_wrap=True)
            out.append(capture.get())
    return "\n".join(out) + "\n"


def _brief(report: Report, new: Sequence[Finding], known: int) -> Iterator[Line]:
    for finding in new:
        told = f" {finding.severity.value}: {words.said(finding.message)}"
        yield 0, "", _text((finding.rule, STYLES[finding.severity]), told)
    yield 0, "", _summary(report, new, known)


def _full(report: Report, new: Sequence[Finding], known: int) -> Iterator[Line]:
    """What was read and assumed, the findings, and last what a person scrolls down to."""
    yield from _header(report)
    splits = list(report.dataset.get("splits", {}))
    shown = new[:MAX_FINDINGS]
    for head, group in words.groups(shown):
        yield 0, "", _text()
        yield from _group(head, group, splits)
    yield 0, "", _text()
    if len(new) > len(shown):
        rest = words.tally(new[MAX_FINDINGS:])
        yield 0, "", _text(f"… and {rest} more; `--format json` has them all")
    yield from _suppressed(report)
    yield from _unchecked(report)
    if report.suppressed or report.not_checked:
        yield 0, "", _text()
    yield 0, "", _summary(report, new, known)
    if shown:
        legend = f"{words.UNSAFE} · " if words.any_unsafe(shown) else ""
        yield 0, "", _text((f"{legend}more: datacheck rule {words.said(shown[0].rule, 40)}", DIM))


def _header(report: Report) -> Iterator[Line]:
    dataset = report.dataset
    name = words.said(dataset.get("name", ""), 120)
    yield 0, "", _text(("datacheck", "bold"), " · ", (name, "bold"))
    facts = [
        (split, f"{words.amount(rows, 'row')} in {words.amount(files, 'file')}", "")
        for split, rows, files in words.splits(dataset)
    ]
    if dataset.get("columns") or dataset.get("splits") or not dataset.get("runs"):
        facts.append(("columns", words.kinds(dataset), ""))
    facts += [("run", run, "") for run in words.runs(dataset)]
    roles, rest = words.roles(report)
    facts.extend(roles)
    pad = max(len(key) for key, _, _ in facts)
    for key, value, note in facts:
        yield 2, f"{key:<{pad}}  ", _text(value, (note, DIM))
    yield from _listed("assumed", [(words.said(sentence), "") for sentence in rest])


def _group(head: Finding, group: Sequence[Finding], splits: Sequence[str]) -> Iterator[Line]:
    style = STYLES[head.severity]
    yield 0, "", _text((f"{head.severity.value.upper()} {head.rule}", style), f" {head.name}")
    same_why = len({f.why for f in group}) == 1
    same_repairs = len({f.repairs for f in group}) == 1
    mark = "• " if len(group) > 1 else ""
    for finding in group:
        yield 2, mark, _text((words.said(finding.message), "bold"))
        yield from _labeled(2 + len(mark), "in", words.where(finding, splits))
        if finding.effect is not None:
            yield from _labeled(2 + len(mark), "effect", words.interval(finding.effect))
        for i, item in enumerate(finding.examples[:2]):
            yield from _labeled(2 + len(mark), "" if i else "e.g.", words.example(item))
        if not same_why:
            yield from _labeled(2 + len(mark), "why", words.said(finding.why), DIM)
        if not same_repairs:
            yield from _labeled(2 + len(mark), "repair", words.repairs(finding))
    if same_why:
        yield from _labeled(2, "why", words.said(head.why), DIM)
    if same_repairs:
        yield from _labeled(2, "repair", words.repairs(head))


def _labeled(indent: int, label: str, value: str, style: str = "") -> Iterator[Line]:
    if value:
        yield indent, f"{label:<8}", _text((value, style))


def _summary(report: Report, new: Sequence[Finding], known: int) -> Text:
    worst = new[0].severity if new else None
    parts: list[str | tuple[str, str]] = [
        (words.tally(new), STYLES[worst] if worst else "bold green")
    ]
    if known:
        parts.append(f" · {words.amount(known, 'known finding')} in the baseline")
    if report.suppressed:
        parts.append(f" · {len(report.suppressed):,} suppressed")
    if report.outcomes:
        judged = len(report.outcomes) - len(report.not_checked)
        parts.append(f" · {judged} of {words.amount(len(report.outcomes), 'rule')} checked")
    failed = sum(o.status is Status.FAILED for o in report.outcomes)
    if failed:
        parts.append((f", {failed} failed", STYLES[Severity.ERROR]))
    seconds = report.timing.get("total")
    if seconds is not None:
        parts.append(f" · {seconds:.1f} s")
    return _text(*parts)


def _suppressed(report: Report) -> Iterator[Line]:
    lines = []
    for finding, reason in report.suppressed:
        about = names(words.said(c, 60) for c in finding.columns)
        lines.append((f"{finding.rule}{f' {about}' if about else ''}: {words.said(reason)}", ""))
    yield from _listed("suppressed", lines)


def _unchecked(report: Report) -> Iterator[Line]:
    yield from _listed(
        "not checked", [(f"{reason}: ", codes) for reason, codes in words.unchecked(report)]
    )


def _listed(title: str, lines: Sequence[tuple[str, str]]) -> Iterator[Line]:
    """A heading and lines, each with a dim ending, below it; nothing where there are none."""
    if lines:
        yield 0, "", _text((title, DIM))
    for text, ending in lines[:MAX_LINES]:
        yield 2, "", _text(text, (ending, DIM))
    if len(lines) > MAX_LINES:
        yield 2, "", _text(f"… and {len(lines) - MAX_LINES} more")


def _text(*parts: str | tuple[str, str]) -> Text:
    from rich.text import Text

    return Text.assemble(*parts)
