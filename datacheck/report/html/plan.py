"""The plan of repairs, as commands to copy and as the steps that they run."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import PurePath

from datacheck.errors import DatacheckError
from datacheck.findings import Report, names
from datacheck.report import words
from datacheck.report.html.markup import Markup, join, table, tag, text

MOST_STEPS = 80
_MARKS = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", "'": "\\'"}


def section(report: Report) -> Markup:
    """Commands, steps, and what is left to a person."""
    try:
        plan = report.plan()
        steps, told = plan.ready(unsafe=True).steps, plan.told
    except (DatacheckError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return tag("p", "No plan can be made of these findings.")
    parts: list[Markup | None] = []
    if steps:
        parts.append(_commands(report, any(s.safety == "unsafe" for s in steps)))
        rows = [
            (
                tag("code", text(s.repair, 60)),
                tag("span", words.SAFETY.get(s.safety, s.safety), class_=f"safety {s.safety}"),
                join([tag("code", text(r, 8)) for r in s.rules[:8]], " "),
                text(names((words.said(c, 40) for c in s.columns), 6), 300),
                text(names((words.said(x, 40) for x in s.splits), 6), 200),
                text(s.kind.does, 200),
            )
            for s in steps[:MOST_STEPS]
        ]
        head = ("repair", "safety", "rules", "columns", "splits", "what it does")
        parts.append(table("Steps in the order in which they run", head, rows, class_="steps"))
        if len(steps) > MOST_STEPS:
            parts.append(tag("p", f"… and {len(steps) - MOST_STEPS:,} further steps."))
        if any(s.safety == "unsafe" for s in steps):
            parts.append(tag("p", f"{words.UNSAFE}: it runs only with --unsafe.", class_="small"))
    else:
        parts.append(tag("p", "There is nothing that a repair of datacheck would mend."))
    if told:
        items = [
            tag("li", tag("code", text(t.rule, 8)), " ", tag("b", text(t.repair, 60)), ": ",
                text(t.why, 400), *([" ", tag("i", text(t.reason, 300))] if t.reason else []))
            for t in told[:40]
        ]  # fmt: skip
        parts += [tag("h3", "For a person"), tag("ul", items, class_="told")]
    return join(parts)


def _commands(report: Report, unsafe: bool) -> Markup:
    peek = report.peek
    if peek is None or not (peek.path or peek.splits):
        lines = [
            "report = datacheck.audit(…)            # as for this report",
            "report.plan().save('plan.toml')        # to read and to edit",
            "fixed = datacheck.fix(…, output='fixed')",
        ]
        return _block("In Python, since this data was audited in memory", lines)
    source = _source(peek.path, peek.splits)
    roles = [_quoted(f) for f in peek.flags]
    config = ["--config", _quoted(peek.config)] if peek.config else []
    fixed = _quoted(_fixed(peek.path or next(iter(peek.splits.values()))))
    plain = [*source, *roles, *config]

    def command(verb: str, *words_: str) -> str:
        return " ".join(("datacheck", verb, *words_))

    commands = [
        ("See what would change; nothing is written", [command("fix", *plain, "--dry-run")]),
        ("Repair into a new folder", [command("fix", *plain, "-o", fixed)]),
        ("Or edit the plan first", [
            command("fix", *plain, "--write-plan", "plan.toml"),
            command("fix", *plain, "-o", fixed, "--plan", "plan.toml")]),
        ("Look again, and train", [
            command("audit", fixed, *roles),
            command("train", fixed, *roles)]),
    ]  # fmt: skip
    if unsafe:
        commands[1] = (
            "Repair into a new folder; --unsafe also runs what changes the task",
            [command("fix", *plain, "-o", fixed), command("fix", *plain, "-o", fixed, "--unsafe")],
        )
    return tag("div", [_block(title, lines) for title, lines in commands], class_="commands")


def _block(title: str, lines: Sequence[str]) -> Markup:
    shown = [
        tag("div", tag("pre", tag("code", text(line, 4000))),
            tag("button", "Copy", type="button", class_="copy", hidden=True), class_="command")
        for line in lines
    ]  # fmt: skip
    return tag("div", tag("h3", title), shown)


def _source(path: str, splits: object) -> list[str]:
    if path:
        return [_path(path)]
    out: list[str] = []
    assert hasattr(splits, "items")
    for name, value in splits.items():
        if name in ("train", "val", "test"):
            out += [f"--{name}", _path(value)]
        else:
            out += ["--split", _quoted(f"{name}={value}")]
    return out


def _path(path: str) -> str:
    return _quoted(f"./{path}" if path.startswith("-") else path)


def _fixed(path: str) -> str:
    """A folder beside the data, named after it."""
    bare = path.rstrip("/\\") or path
    if bare.rpartition("/")[2] in (".", ".."):
        return f"{bare}/../{PurePath(os.path.abspath(bare)).name}-fixed"  # noqa: PTH100 - follows no link
    stem = re.sub(r"(\.[A-Za-z0-9]{1,8}){1,2}$", "", bare) or bare
    made = f"{stem}-fixed"
    return f"./{made}" if made.startswith("-") else made


def _quoted(word: str) -> str:
    """One word for a shell; with controls or what reorders text as ``$'…'``, of bash and zsh."""
    if word.isprintable():
        return shlex.quote(word)
    inside = "".join(
        _MARKS.get(c, c) if c in _MARKS or c.isprintable()
        else "".join(f"\\x{b:02x}" for b in c.encode("utf-8", "surrogateescape"))
        for c in word
    )  # fmt: skip
    return f"$'{inside}'"
