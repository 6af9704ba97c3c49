"""The tables of the detection benchmark: figures as plain data, and the page made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.detecting.cases import MIDDLE, Case
from datacheck.checks.codes import TABLE
from datacheck.checks.stats import wilson

Z95 = 1.96
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

All else is a false alarm, whatever the reason."""

LITTLE = """\
### Where recall is low, or little is promised

- LB001: the features of iris are coarse (0.1 cm), so that rows agree by accident; five
  contradictions among 112 rows are no more than chance explains.
- LK002, LB005 one-cell-off: the pages ask for three rows of which three cells that agree hold rare
  values. Tables of coarse columns (digits, letter, adult, …) have none, and wine's four copies have
  hardly three.
- LK009: with fewer than 93 rows of a class in train no lower end at 1e-4 reaches an AUC of 0.9 (the
  rule of three), and at severity 0.5 a tenth of the rows has a length or size that tells nothing.
- LB002: promised are classes of like size, 500 rows, and a task of which a random forest gets more
  right than labels were turned. The page tells what uneven classes cost.
- CB001: where classes are few and the rows, too, half a fair share is not told from chance.
- CB004: taking 45 % of one class of ten out of test moves 4 % of its rows; the page asks for 5 % at
  the lower end. The fault's own documented severity is 1.
- CB005, MV003: labels of fewer than 20 values and columns of fewer than ten are left alone.
- NM001 of pictures: half of the test split of `photo_tiles` is 65 pictures. Inverted ones are found
  from 98 on; with red and blue swapped they are less than 0.2 from train's at the lower end.
- NM003, NM006, NM007: test splits of 38 to 45 rows (iris, wine).
- NM005: 1 % of 256 rows are 3, which is more than the `max_rows` of 1 %.
- SL006: where commands and their actions differ widely in length (SCAN), the fence is wide."""

RECALL = """\
Trials in which the fault's own rule says what the same split without the fault does not say; in
brackets Wilson's interval at 95 %, as if trials were independent (those in one dataset are not
quite). A dataset of which the rule speaks anyway is left out. *As promised* counts only trials in
which what was planted is as much as the rule's page asks for, counted without the rule
(`benchmarks/detecting/promised.py`): a share of a small split may be one row, or less than the
option `min_…` of the rule. What a severity means is told on each rule's page."""


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
    trials: Iterable[Mapping[str, Any]], clean: Iterable[Mapping[str, Any]], cases: Iterable[Case]
) -> dict[str, Any]:
    """What was counted, by rule: ``[severity, hits, trials]``, and for the middle severity hits and
    trials as promised besides.
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
            kept = [t for t in at if t["promised"]]
            counts = [sum(t["hit"] for t in some) for some in (at, kept)]
            more = [counts[1], len(kept)] if level == MIDDLE else []
            levels.append([level, counts[0], len(at), *more])
        middle = [t for t in own if t["severity"] == MIDDLE]
        missed = Counter(t["data"] for t in middle if t["promised"] and not t["hit"])
        others = Counter(code for t in middle for code in t["others"] or ())
        asked = sum(t["others"] is not None for t in middle)
        rules.setdefault(case.rule, {"faults": []})["faults"].append(
            {"name": case.name, "says": case.says, "levels": levels, "missed": dict(missed),
             "others": dict(others.most_common()), "asked": asked}
        )  # fmt: skip
    for code, rule in rules.items():
        rule["alarms"], rule["true"] = alarms[code], true[code]
    return {
        "audits": sum(p["audits"] for p in clean),
        "bad": sum(bool(one) for p in clean for one in p["alarms"]),
        "datasets": {p["data"]: p["audits"] for p in clean},
        "told": [line for p in clean for line in p["told"]],
        "rules": rules,
    }


def middle_of(rule: Mapping[str, Any], *, promised: bool) -> tuple[int, int]:
    """Hits and trials at the middle severity over all faults of a rule."""
    rows = [level for f in rule["faults"] for level in f["levels"] if level[0] == MIDDLE]
    at = 3 if promised else 1
    return sum(r[at] for r in rows), sum(r[at + 1] for r in rows)


def overview(told: Mapping[str, Any]) -> list[str]:
    """One line per rule."""
    lines = [
        f"| rule | name | recall at severity {MIDDLE:g} | as promised | ≥ 0.95 | false alarms |",
        "|---|---|---|---|---|---|",
    ]
    for code in TABLE:
        rule = told["rules"].get(code.code)
        if rule is None:
            continue
        every, kept = middle_of(rule, promised=False), middle_of(rule, promised=True)
        met = "—" if not kept[1] else "yes" if kept[0] >= 0.95 * kept[1] else "**no**"
        lines.append(
            f"| [{code.code}](rules/{code.code}.md) | {code.name} | {interval(*every)} "
            f"| {interval(*kept)} | {met} | {rule['alarms']} of {told['audits']} |"
        )
    return lines


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
            cells = [interval(*by[s][1:3]) if s in by else "—" for s in levels]
            missed = ", ".join(f"{d} {n}" for d, n in fault["missed"].items())
            lines.append(f"| {code} | {fault['name']} | {' | '.join(cells)} | {missed} |")
    return lines


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
    unmet = [
        code
        for code, rule in told["rules"].items()
        if (kept := middle_of(rule, promised=True))[1] and kept[0] < 0.95 * kept[1]
    ]
    datasets = ", ".join(told["datasets"])
    named = f"Not reached, as promised, by {', '.join(unmet)}: see below."
    reached = named if unmet else "All rules reach it as promised."
    few = small(told["bad"], told["audits"])
    severe = (
        "### Errors of other rules\n\nErrors of other rules that came with a fault of severity "
        f"{MIDDLE:g}. Some are right: a column that is empty in one class is missing, too."
    )
    parts = [
        "<!-- Written by benchmarks/detection.py --write. -->\n# Detection benchmark",
        how,
        f"Data: {datasets}.",
        "## In short",
        f"Wanted is a recall of 0.95 at severity {MIDDLE:g} for every rule. {reached}",
        f"**{few} audits of clean re-splits raise a false alarm** of any rule; wanted is 1 %.",
        "\n".join(overview(told)),
        f"## Recall by fault and severity\n\n{RECALL}",
        "\n".join(faults(told)),
        LITTLE,
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
