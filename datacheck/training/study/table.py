"""A study as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from datacheck.findings import plain
from datacheck.training.study import words

COLORS = {
    "reduces": "\x1b[1;32m",
    "increases": "\x1b[1;31m",
    "trades": "\x1b[1;33m",
    "no claim": "\x1b[1;35m",
}
DIM, OFF = "\x1b[2m", "\x1b[0m"
WORD = 22  # cells of the verdict


def render(study: Mapping[str, Any], *, width: int = 100, color: bool = False) -> str:
    """The outcome (as ``study.json`` holds it) in lines, each ended by a newline."""
    width = max(width, 60)
    lines = [*_head(study, width), ""]
    if study["repairs"]:
        lines.append(f"{'VERDICT':<{WORD}}REPAIR")
        lines.append(_row("metric", "without → with", "effect [95 %]", ""))
        for one in study["repairs"]:
            lines += _repair(one, width, color)
    else:
        lines.append("the plan holds no repair: nothing was compared but the controls")
    lines += ["", "controls"]
    for one in study["controls"]:
        lines += _repair(one, width, color)
    if study["assumed"]:
        lines += ["", "assumed", *_wrapped(study["assumed"], width)]
    lines += ["", "how to read", *_wrapped([words.READING], width)]
    used = dict.fromkeys(one["verdict"] for one in study["repairs"])
    lines += _wrapped([f"{word}: {words.MEANING[word]}" for word in used], width)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _head(study: Mapping[str, Any], width: int) -> Iterator[str]:
    setup = study["setup"]
    yield f"datacheck study · {plain(str(study['dataset']))}"
    seeds = len(study["seeds"])
    runs = seeds * len(study["arms"])
    told = (
        f"{len(study['arms'])} arms × {seeds} seeds = {runs:,} runs of {setup['steps']:,} steps; "
        f"{setup['model']} ({setup['parameters']:,} parameters), {setup['optimizer']}, "
        f"learning rate {setup['lr']:g}, {setup['batch']} rows a step"
    )
    yield from textwrap.wrap(plain(told), width, initial_indent="  ", subsequent_indent="  ")


def _repair(one: Mapping[str, Any], width: int, color: bool) -> Iterator[str]:
    """The word and the repair, its metric, and what stands beside it."""
    safety = " (unsafe)" if one.get("unsafe") else ""
    name = f"{one['key']} · {one['words']}" if "key" in one else one["words"]
    lines = textwrap.wrap(plain(name) + safety, width - WORD) or [""]
    word = f"{one['verdict']:<{WORD - 1}} "
    if color and one["verdict"] in COLORS:
        word = f"{COLORS[one['verdict']]}{word}{OFF}"
    yield word + lines[0]
    yield from (f"{'':<{WORD}}{line}" for line in lines[1:])
    if one["why"]:
        yield f"{'':<{WORD}}{one['why']}"
    yield _figures(one, one["metric"], one, one["p_holm"] if "key" in one else one["p"])
    beside = (*one.get("declared", ()), "clean_loss", "clean_score")
    for key in dict.fromkeys(k for k in beside if k in one["beside"]):
        if one["beside"][key]["refused"]:
            continue  # few of the pairs have a number on both sides
        yield _dim(_figures(one, key, one["beside"][key]), color)
    alone = one.get("alone")
    if alone and _says_more(one, alone):
        told = f"alone: {words.metric(alone['metric'])} {words.effect(alone)}"
        yield _dim(f"  {told}", color)


def _says_more(one: Mapping[str, Any], alone: Mapping[str, Any]) -> bool:
    """Not the same comparison again, nor that nothing trains with this repair alone."""
    same = alone["arm"] == one["arms"]["with"] or alone["value"] is None
    return not same and not (alone["metric"] == "NFR" and alone["value"] == 0)


def _figures(
    one: Mapping[str, Any], key: str, effect: Mapping[str, Any], p: float | None = None
) -> str:
    levels = words.levels(key, one["levels"].get(key, {}))
    shown = "" if p is None else f"p {words.probability(p)}"
    return _row(words.metric(key), levels, words.effect(effect), shown)


def _row(*cells: str) -> str:
    widths = (26, 20, 27)
    out = "".join(f"{c:<{w - 1}} " for c, w in zip(cells, widths, strict=False))
    return f"  {out}{cells[-1]}"


def _wrapped(texts: list[str], width: int) -> Iterator[str]:
    for text in texts:
        yield from textwrap.wrap(
            plain(text), width, initial_indent="  ", subsequent_indent="    "
        )


def _dim(text: str, color: bool) -> str:
    return f"{DIM}{text}{OFF}" if color else text
