"""What a repair did, as a person reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datacheck.findings import names, plain

if TYPE_CHECKING:
    from datacheck.pipelines.fixing import Done, Fixed
    from datacheck.pipelines.plan import Step


def render(fixed: Fixed, *, width: int = 100, color: bool = False) -> str:
    """The steps with the rows and values they changed, what was left, and what to do next."""
    import shlex
    from functools import partial
    from textwrap import wrap as wrapped

    wrap = partial(wrapped, break_on_hyphens=False)  # names of repairs stay whole
    would = fixed.dry
    place = "nothing is written" if would else str(fixed.output or "in memory")
    lines = [_bold(f"datacheck · {plain(fixed.plan.dataset)} · {plain(place)}", color)]
    wide = max((len(d.step.repair) for d in fixed.done), default=0)
    for done in fixed.done:
        told = f"  {done.step.repair:<{wide}}  {_told(done, would)}"
        lines += wrap(plain(told), width, subsequent_indent=" " * (wide + 4)) or [told]
    if not fixed.done:
        lines.append("  nothing to repair" + (" that is safe" if fixed.skipped else ""))
    for said in dict.fromkeys(fixed.said):
        lines += wrap(plain(f"note: {said}"), width, subsequent_indent="  ")
    if fixed.skipped:
        unsafe = dict.fromkeys(f"{s.repair}{_rules(s)}" for s in fixed.skipped)
        listed = names(unsafe, 9)
        lines += wrap(
            plain(f"left out, as they change what a model is asked to learn (--unsafe): {listed}"),
            width, subsequent_indent="  ",
        )  # fmt: skip
    if fixed.plan.told:
        listed = names(dict.fromkeys(f"{t.rule} ({t.repair})" for t in fixed.plan.told), 9)
        lines += wrap(plain(f"for a person: {listed}"), width, subsequent_indent="  ")
    if fixed.output is not None:
        lines.append(plain(f"next: datacheck audit {shlex.quote(str(fixed.output))}"))
    return "\n".join(lines) + "\n"


def _told(done: Done, would: bool) -> str:
    step = done.step
    rules = _rules(step)
    if step.kind.acts == "loader":
        return f"{step.kind.does}{rules}"
    if step.kind.acts in ("rows", "splits"):
        verb, past = {"rows": ("leave", "left"), "splits": ("move", "moved")}[step.kind.acts]
        count = "1 row" if done.rows == 1 else f"{done.rows:,} rows"
        return f"{count} {f'would {verb}' if would else past}{rules}"
    if step.repair.startswith("drop-"):
        return f"{names(step.columns, 5)} {'would go' if would else 'gone'}{rules}"
    count = "1 value" if done.cells == 1 else f"{done.cells:,} values"
    listed = names([f"{c} {n:,}" for c, n in sorted(done.values.items(), key=_most)], 5)
    changed = f"{count} {'would change' if would else 'changed'}"
    return f"{changed}{f': {listed}' if listed else ''}{rules}"


def _rules(step: Step) -> str:
    return f" ({', '.join(step.rules)})" if step.rules else ""


def _most(item: tuple[str, int]) -> tuple[int, str]:
    return (-item[1], item[0])


def _bold(text: str, color: bool) -> str:
    return f"\x1b[1m{text}\x1b[0m" if color else text
