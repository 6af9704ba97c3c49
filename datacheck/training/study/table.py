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
FIRST, SECOND, THIRD = 22, 27, 20  # widths of columns; the rest is the effect and its p


def render(study: Mapping[str, Any], *, width: int = 100, color: bool = False) -> str:
    """The outcome (as ``study.json`` holds it) in lines, each ended by a newline."""
    width = max(width, 60)
    lines = [*_head(study, width), ""]
    if study["repairs"]:
        lines += [_row("VERDICT", "METRIC", "WITHOUT → WITH", "EFFECT [95 %]   p")]
        for one in study["repairs"]:
            lines += _repair(one, width, color)
    else:
        lines.append("the plan holds no repair: nothing was compared but the controls")
    lines += ["", "controls"]
    for one in study["controls"]:
        lines += _control(one)
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
    safety = " (unsafe)" if one["unsafe"] else ""
    heading = f"{plain(one['key'])} · {plain(one['words'])}{safety}"
    yield from textwrap.wrap(heading, width, subsequent_indent="    ")
    shown = f"{one['verdict']:<{FIRST}}"
    if color and one["verdict"] in COLORS:
        shown = f"{COLORS[one['verdict']]}{shown}{OFF}"
    yield shown + _figures(one)
    if one["why"]:
        yield f"  {one['why']}"
    beside = [k for k in (*one["declared"], "clean_loss", "clean_score") if k in one["beside"]]
    for key in dict.fromkeys(beside):
        yield _dim(_beside(one, key), color)
    alone = one["alone"]
    if alone["value"] is not None and alone["arm"] != one["arms"]["with"]:
        told = f"alone, on data as it is: {words.metric(alone['metric'])} {words.effect(alone)}"
        yield _dim(f"{'':<{FIRST}}{told}", color)


def _control(one: Mapping[str, Any]) -> Iterator[str]:
    yield plain(one["words"])
    yield f"{one['verdict']:<{FIRST}}" + _figures({**one, "p_holm": one["p"]})
    for key in ("clean_loss", "clean_score"):
        if key in one["beside"]:
            yield _beside(one, key)


def _figures(one: Mapping[str, Any]) -> str:
    levels = one["levels"].get(one["metric"], {})
    told = f"{words.effect(one)}   {words.probability(one['p_holm'])}"
    return _row("", words.metric(one["metric"]), words.levels(one["metric"], levels), told)[FIRST:]


def _beside(one: Mapping[str, Any], key: str) -> str:
    levels = words.levels(key, one["levels"][key])
    return _row("", words.metric(key), levels, words.effect(one["beside"][key]))


def _row(*cells: str) -> str:
    widths = (FIRST, SECOND, THIRD)
    out = "".join(f"{c:<{w - 1}} " for c, w in zip(cells, widths, strict=False))
    return out + cells[-1]


def _wrapped(texts: list[str], width: int) -> Iterator[str]:
    for text in texts:
        yield from textwrap.wrap(
            plain(text), width, initial_indent="  ", subsequent_indent="    "
        )


def _dim(text: str, color: bool) -> str:
    return f"{DIM}{text}{OFF}" if color else text
