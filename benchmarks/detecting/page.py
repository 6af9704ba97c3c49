"""The tables of the detection benchmark: figures as plain data, and the page made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.detecting.cases import MIDDLE, Case
from benchmarks.detecting.trials import OTHERS_ROWS
from datacheck.checks.codes import TABLE
from datacheck.checks.stats import wilson

Z95 = 1.96
WANTED = 0.95
ELSEWHERE = {
    "run": ("They judge training runs, not data", "python benchmarks/run_rules.py",
            "benchmarks/run_rules.md"),
    "loader": ("They judge loaders while they run; every fault of theirs is planted in a test",
               "pytest tests/pipelines/loader_rules", ""),
}  # fmt: skip

DEFINITION = """\
An audit of a clean re-split raises a *false alarm* if it has an error or a warning that is not true
of the data as a whole. True of the data as a whole is a finding

1. whose rule also speaks, about one of the same columns (or about none), when the whole dataset is
   audited as one split (for LK002: where LB005 speaks of the features alone); or
2. of LK001 or LB004, where the whole holds rows with identical features (as Polars counts them).

All else is a false alarm, whatever the reason. Levels were set after a look at re-splits and faults
of other seeds (what LB002 asks for at 101 to 108), SL001's after a look at these, too: 5 of SCAN
had alarmed, whose padding is 61 % for a threshold of 60 %. At a seed that nothing was set by
(`--seed 2 --repeats 0`) none of 400 alarms."""

LITTLE = """\
### Where recall is low

- NM001: the tiles of `photo_tiles` are about as red as they are blue, so that channels which are
  swapped hardly differ."""

RECALL = """\
Trials in which the fault's own rule says what the same split without the fault does not say; in
brackets Wilson's interval at 95 %, as if trials were independent (those in one dataset are not
quite). A trial counts apart, behind a plus, if the rule could not judge the data and the report of
the audit says so. What a severity means is told on each rule's page."""

REFUSED = """\
### Where a rule could not judge

These trials are no misses, for the report tells them with this reason under what was not checked;
nor are they hits. At severity 0.5:"""

LEFT = """\
### Where nothing was planted

Told from the data alone, before the rule was asked; or the rule speaks of the untouched split, so
that nothing it says can be put down to the fault."""


def interval(hits: int, trials: int) -> str:
    """``12 of 12 (76–100 %)``; a dash without trials."""
    if not trials:
        return "—"
    low, high = wilson(hits, trials, Z95)
    return f"{hits} of {trials} ({low:.0%}–{high:.0%})".replace("%–", "–").replace("%)", " %)")


def small(hits: int, trials: int) -> str:
    """As :func:`interval`, for shares near 0."""
    low, high = wilson(hits, trials, Z95)
    return f"{hits} of {trials} ({100 * low:.1f}–{100 * high:.1f} %)"


def figures(
    trials: Iterable[Mapping[str, Any]], clean: Iterable[Mapping[str, Any]], cases: Iterable[Case],
    left: Iterable[tuple[str, str, str]] = (),
) -> dict[str, Any]:
    """What was counted, by rule: ``[severity, hits, judged trials, refused trials]`` of each fault;
    and what was left out: reason, rule and dataset.
    """
    trials, clean = list(trials), list(clean)
    alarms, true = Counter[str](), Counter[str]()
    for piece in clean:
        alarms.update(code for one in piece["alarms"] for code in one)
        true.update(piece["true"])
    rules: dict[str, Any] = {}
    for case in cases:
        own = [t for t in trials if (t["rule"], t["fault"]) == (case.rule, case.name)]
        levels = []
        for level in sorted({t["severity"] for t in own}):
            at = [t for t in own if t["severity"] == level]
            refused = sum(bool(t["refused"]) for t in at)
            levels.append([level, sum(t["hit"] for t in at), len(at) - refused, refused])
        middle = [t for t in own if t["severity"] == MIDDLE]
        missed = Counter(t["data"] for t in middle if not t["hit"] and not t["refused"])
        reasons = sorted({(t["data"], t["refused"]) for t in middle if t["refused"]})
        others = Counter(code for t in middle for code in t["others"] or ())
        asked = sum(t["others"] is not None for t in middle)
        rules.setdefault(case.rule, {"faults": []})["faults"].append(
            {"name": case.name, "says": case.says, "levels": levels, "missed": dict(missed),
             "refused": [list(r) for r in reasons], "others": dict(others.most_common()),
             "asked": asked}
        )  # fmt: skip
    for code, rule in rules.items():
        rule["alarms"], rule["true"] = alarms[code], true[code]
    return {
        "audits": sum(p["audits"] for p in clean),
        "bad": sum(bool(one) for p in clean for one in p["alarms"]),
        "datasets": {p["data"]: p["audits"] for p in clean},
        "told": [line for p in clean for line in p["told"]],
        "left": sorted(left),
        "rules": rules,
    }


def middle_of(rule: Mapping[str, Any]) -> tuple[int, int]:
    """Hits and judged trials at the middle severity over all faults of a rule."""
    rows = [level for f in rule["faults"] for level in f["levels"] if level[0] == MIDDLE]
    return sum(r[1] for r in rows), sum(r[2] for r in rows)


def refused_by(rule: Mapping[str, Any]) -> int:
    """Trials at the middle severity that a rule said it could not judge."""
    return sum(row[3] for f in rule["faults"] for row in f["levels"] if row[0] == MIDDLE)


def with_refusals(told: Mapping[str, Any]) -> str:
    """What the recall would be if data that a rule refused were misses; empty without any."""
    lines = []
    for code, rule in told["rules"].items():
        refused, (hits, trials) = refused_by(rule), middle_of(rule)
        if refused:
            every = trials + refused
            lines.append(
                f"{code} could not judge {refused} of {every} datasets and said so; "
                f"were they misses, its recall would be {interval(hits, every)}."
            )
    return " ".join(lines)


def missed_by(rule: Mapping[str, Any]) -> bool:
    """Whether a rule finds less than 95 % at the middle severity."""
    hits, trials = middle_of(rule)
    return hits < WANTED * trials


def overview(told: Mapping[str, Any]) -> list[str]:
    """One line per rule."""
    lines = [
        f"| rule | name | recall at severity {MIDDLE:g} | ≥ {WANTED} | not judged | false alarms |",
        "|---|---|---|---|---|---|",
    ]
    for code in TABLE:
        rule = told["rules"].get(code.code)
        if rule is None:
            continue
        counts = middle_of(rule)
        met = "—" if not counts[1] else "**no**" if missed_by(rule) else "yes"
        lines.append(
            f"| [{code.code}](rules/{code.code}.md) | {code.name} | {interval(*counts)} "
            f"| {met} | {refused_by(rule) or ''} | {rule['alarms']} of {told['audits']} |"
        )
    return lines


def left_out(told: Mapping[str, Any]) -> list[str]:
    """One line per reason and rules, with the datasets."""
    by: dict[tuple[str, str], list[str]] = {}
    for reason, code, data in told["left"]:
        by.setdefault((reason, data), []).append(code)
    lines: dict[tuple[str, str], list[str]] = {}
    for (reason, data), codes in by.items():
        lines.setdefault((reason, ", ".join(codes)), []).append(data)
    return [f"- {', '.join(d)}: {reason} ({codes})" for (reason, codes), d in lines.items()]


def faults(told: Mapping[str, Any]) -> list[str]:
    """One line per fault, with a column for each severity."""
    every = [f for r in told["rules"].values() for f in r["faults"]]
    levels = sorted({level[0] for f in every for level in f["levels"]})
    lines = [
        f"| rule | fault | {' | '.join(f'{s:g}' for s in levels)} | misses at {MIDDLE:g} |",
        "|---|---|" + "---|" * (1 + len(levels)),
    ]
    for code, rule in told["rules"].items():
        for fault in rule["faults"]:
            by = {row[0]: row for row in fault["levels"]}
            cells = [_cell(*by[s][1:]) if s in by else "—" for s in levels]
            missed = ", ".join(f"{d} {n}" for d, n in fault["missed"].items())
            lines.append(f"| {code} | {fault['name']} | {' | '.join(cells)} | {missed} |")
    return lines


def _cell(hits: int, trials: int, refused: int) -> str:
    return interval(hits, trials) + (f" + {refused}" if refused else "")


def refusals(told: Mapping[str, Any]) -> list[str]:
    """One line per fault and reason, with the datasets."""
    return [
        f"- {code} {fault['name']}, {data}: {reason}"
        for code, rule in told["rules"].items()
        for fault in rule["faults"]
        for data, reason in fault["refused"]
    ]


def unrelated(told: Mapping[str, Any]) -> list[str]:
    """Errors of other rules that came with a fault of the middle severity."""
    return [
        f"- {code} {fault['name']}: "
        + ", ".join(f"{other} in {n} of {fault['asked']}" for other, n in fault["others"].items())
        for code, rule in told["rules"].items()
        for fault in rule["faults"]
        if fault["others"]
    ]


def alarms(told: Mapping[str, Any]) -> list[str]:
    """One line per rule that spoke about clean re-splits."""
    lines = ["| rule | audits with a false alarm | true findings |", "|---|---|---|"]
    lines += [
        f"| {code} | {small(rule['alarms'], told['audits'])} | {rule['true']} |"
        for code, rule in told["rules"].items()
        if rule["alarms"] or rule["true"]
    ]
    return lines


def elsewhere() -> list[str]:
    """The rules that are not judged here, and where they are."""
    lines = []
    for judged, (why, command, page) in ELSEWHERE.items():
        codes = [c.code for c in TABLE if c.judges == judged]
        link = f" ([its page](../{page}))" if page else ""
        lines.append(f"- {codes[0]} to {codes[-1]}. {why}: `{command}`{link}.")
    return lines


def page(told: Mapping[str, Any], how: str, peers: str = "") -> str:
    """The Markdown page."""
    unmet = [code for code, rule in told["rules"].items() if missed_by(rule)]
    datasets = ", ".join(told["datasets"])
    named = f"Not reached by {', '.join(unmet)}: see below."
    reached = named if unmet else "All rules reach it."
    few = small(told["bad"], told["audits"])
    severe = (
        "### Errors of other rules\n\nErrors of other rules that came with a fault of severity "
        f"{MIDDLE:g}, in datasets of at most {OTHERS_ROWS} rows. Some are right: a column that is "
        "empty in one class is missing, too."
    )
    parts = [
        "<!-- Written by benchmarks/detection.py --write. -->\n# Detection benchmark",
        how,
        f"Data: {datasets}.",
        "## In short",
        f"Wanted is a recall of {WANTED} at severity {MIDDLE:g} for every rule. {reached}",
        with_refusals(told),
        f"**{few} audits of clean re-splits raise a false alarm** of any rule; wanted is 1 %.",
        "\n".join(overview(told)),
        f"## Recall by fault and severity\n\n{RECALL}",
        "\n".join(faults(told)),
        LITTLE,
        REFUSED,
        "\n".join(refusals(told)) or "None.",
        LEFT,
        "\n".join(left_out(told)) or "None.",
        severe,
        "\n".join(unrelated(told)) or "None.",
        f"## False alarms on clean re-splits\n\n{DEFINITION}",
        "\n".join(alarms(told)),
        "\n".join(f"- {line}" for line in told["told"][:40]),
        "## Rules that are not judged here",
        "\n".join(elsewhere()),
        peers,
    ]
    return "\n\n".join(p for p in parts if p) + "\n"


# -- other tools -------------------------------------------------------------------------------

BESIDE = """\
## Beside other tools

The same faults, given to other tools: those that need only a table of CSV, at severity 0.5, in one
split of {data}. For each rule the check that comes nearest is taken, as the tool sets it by
default; a dash means that the tool has none. A trial is found if the check says something (of a
column) that it does not say of the same split without the fault. The last line counts clean
re-splits about which any check named here speaks; for us, errors and warnings of any rule that are
not true of the whole, on the same data."""


def beside(peers: list[dict[str, Any]], trials: Iterable[Mapping[str, Any]],
           clean: Iterable[Mapping[str, Any]], data: tuple[str, ...]) -> str:  # fmt: skip
    """The part of the page about other tools; empty without any."""
    ran = [p for p in peers if "faults" in p]
    if not peers:
        return ""
    own: dict[str, list[int]] = {}
    for t in trials:
        if t["data"] in data and t["severity"] == MIDDLE and t["again"] == 0:
            row = own.setdefault(f"{t['rule']} {t['fault']}", [0, 0])
            row[0] += t["hit"]
            row[1] += 1
    mine = [p for p in clean if p["data"] in data]
    spoke = [sum(bool(one) for p in mine for one in p["alarms"]), sum(p["audits"] for p in mine)]
    told = [f"- **{p['name']} {p['version']}**: {p['note']}." if "faults" in p
            else f"- **{p['name']}** {p['problem']}." for p in peers]  # fmt: skip
    table = [
        f"| rule | fault | datacheck | {' | '.join(p['name'] for p in ran)} | nearest checks |",
        "|---|---|---|" + "---|" * (len(ran) + 1),
    ]
    for key, (hits, trials_) in own.items():
        code, name = key.split(" ", 1)
        rows = [p["faults"].get(key) for p in ran]
        cells = [f"{r[0]} of {r[1]}" if r else "—" for r in rows]
        near = [f"{p['name']}: {', '.join(p['nearest'][code])}"
                for p, r in zip(ran, rows, strict=True) if r]  # fmt: skip
        table.append(
            f"| {code} | {name} | {hits} of {trials_} | {' | '.join(cells)} | {'; '.join(near)} |"
        )
    last = " | ".join(small(*p) for p in [spoke, *(p["clean"] for p in ran)])
    table.append(f"| | clean re-splits with a word | {last} | |")
    failed = [f"- {p['name']}, {check}: {text}" for p in ran for check, text in p["errors"].items()]
    if failed:
        failed = ["Checks that ended with an error on some data; they count as silent:\n", *failed]
    parts = [BESIDE.format(data=", ".join(data)), "\n".join(told), "\n".join(table)]
    return "\n\n".join([*parts, *(["\n".join(failed)] if failed else [])])
