"""Writes what the documentation repeats from the program; ``--check`` says whether it still agrees.

* ``docs/rules/<CODE>.md``: the page of each rule, which is the docstring of its module, and its row
  of the detection benchmark, from ``docs/detection.json`` (``make bench-detection``),
* ``docs/rules/README.md``: the table of rules,
* ``docs/cli.md``: the help of every command,
* ``docs/api``: the reference of what the packages export, from signatures and docstrings,
* the blocks of ``README.md`` and of the pages in ``BY_HAND`` between ``<!-- generated: NAME -->``
  and ``<!-- end -->``: those of pictures from ``docs/images/pathologies.json`` (``make images``),
  those of the studies from ``docs/studies.md`` (``benchmarks/studies.py --write``), what things
  cost from the pages of the benchmarks, faults from their table.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

import click

from datacheck.auditing import run_audit
from datacheck.checks.codes import FAMILIES, TABLE, Code
from datacheck.cli.app import VERBS, cli
from datacheck.config import Config
from datacheck.findings import Report
from datacheck.pipelines.fixing import run_fix
from datacheck.pipelines.repairs import TABLE as REPAIRS
from datacheck.report import fixed, terminal
from datacheck.testing.faults import FAULTS

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # the folder docs, where this is run as a script
from docs import api_pages  # noqa: E402 - after the line above

NOTE = "<!-- Written by docs/generate.py; edit {source} instead. -->"
BY_HAND = ("stability", "how-it-works", "testing")
BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
TITLES = {
    "LK": "leakage",
    "LB": "labels",
    "CB": "class balance",
    "MV": "missing and corrupt values",
    "NM": "normalization and shift",
    "SL": "sequence length",
    "SC": "schema",
    "ST": "stability of training",
    "DL": "loaders",
    "DC": "datacheck itself",
}


def rule_page(code: Code) -> str:
    """The page of one rule, with its severity below the heading."""
    source = f"the docstring of {code.module.replace('.', '/')}.py"
    heading, _, rest = code.page().partition("\n")
    severity = f"Severity: {code.severity.value}. Family: {TITLES[code.code[:2]]}."
    note = NOTE.format(source=source)
    return f"{note}\n{heading}\n\n{severity}\n\n{rest.strip()}\n{detected(code)}"


def detected(code: Code) -> str:
    """What the detection benchmark found of the rule's faults; empty where it has not been run."""
    path = ROOT / "docs" / "detection.json"
    if not path.exists():
        return ""
    told = json.loads(path.read_text(encoding="utf-8"))
    rule = told["rules"].get(code.code)
    heading = "\n## Detection\n"
    if rule is None:
        where = {
            "run": "not part of [the benchmark](../detection.md) of data, but of "
            "[that of training](../../benchmarks/run_rules.md)",
            "loader": "not part of [the benchmark](../detection.md) of data; tests plant its fault",
            "data": "not measured yet (`make bench-detection`)",
        }[code.judges]
        return f"{heading}\n{where[0].upper()}{where[1:]}.\n"
    levels = sorted({row[0] for fault in rule["faults"] for row in fault["levels"]})
    lines = [
        f"| planted fault | {' | '.join(f'{s:g}' for s in levels)} |",
        "|---|" + "---|" * len(levels),
    ]
    for fault in rule["faults"]:
        by = {row[0]: f"{row[1]} of {row[2]}" + (f" + {row[3]}" if row[3] else "")
              for row in fault["levels"] if row[2] or row[3]}  # fmt: skip
        cells = " | ".join(by.get(s, "—") for s in levels)
        lines.append(f"| {fault['name']} | {cells} |")
    refused = any(row[3] for fault in rule["faults"] for row in fault["levels"])
    if refused:
        lines += ["", "Behind a plus: data that the rule said it could not judge."]
    alarms = f"False alarms: {rule['alarms']} in {told['audits']} audits of clean re-splits."
    severe = ["What a severity (0 to 1) means:", ""]
    severe += [f"- {fault['name']}: {fault['says']}" for fault in rule["faults"]]
    return "\n".join(
        [heading, "Found by the rule, at each severity, on real data:", "", *lines, "", alarms,
         "All figures, with intervals: [the benchmark](../detection.md).", "", *severe, ""]
    )  # fmt: skip


def rule_table(folder: str) -> str:
    """All rules by family, with links to their pages."""
    out = []
    for family in FAMILIES:
        out += [
            f"\n**{family} · {TITLES[family]}**\n",
            "| code | severity | name |",
            "|---|---|---|",
        ]
        out += [
            f"| [{c.code}]({folder}{c.code}.md) | {c.severity.value} | {c.name} |"
            for c in TABLE
            if c.code.startswith(family)
        ]
    return "\n".join(out).strip() + "\n"


def command_help() -> str:
    """The help of every command."""
    parts = [NOTE.format(source="the commands in datacheck/cli"), "# Commands"]
    for names in ([], *([verb] for verb in VERBS)):
        command: click.Command = cli
        context = click.Context(cli, info_name="datacheck", terminal_width=88)
        for word in names:
            found = cli.get_command(context, word)
            if found is None:
                raise SystemExit(f"no command {word}")
            command = found
            context = click.Context(command, context, info_name=word, terminal_width=88)
        title = " ".join(["datacheck", *names])
        lines = [line.rstrip() for line in command.get_help(context).splitlines()]
        parts.append(f"## `{title}`\n\n```text\n" + "\n".join(lines) + "\n```")
    return "\n\n".join(parts) + "\n"


def clinic(*select: str, quiet: bool) -> str:
    """What an audit of the sample dataset prints, less the seconds it took."""
    here = Path.cwd()
    os.chdir(ROOT)
    try:
        report: Report = run_audit("fixtures/clinic", Config(select=select))
    finally:
        os.chdir(here)
    report.timing = {}
    text = terminal.render(report, width=98, quiet=quiet)
    return f"```text\n{text.rstrip()}\n```\n"


def dry_run() -> str:
    """What repairing fixtures/clinic would do."""
    done = run_fix("fixtures/clinic", None, Config(), dry_run=True, unsafe=True)
    return f"```text\n{fixed.render(done).rstrip()}\n```\n"


def repair_table() -> str:
    """All repairs, in the order they run in."""
    rows = [f"| {k.name} | {k.safety} | {k.does} |" for k in REPAIRS]
    return "\n".join(["| repair | safety | what it does |", "|---|---|---|", *rows]) + "\n"


def fault_table() -> str:
    """All faults that can be planted, with the severity at which their rules find them."""
    rows = ["| fault | rule | severity | what it does |", "|---|---|---|---|"]
    for rule, faults in FAULTS.items():
        for fault in faults:
            does = " ".join((fault.plant.__doc__ or "").split())
            rows.append(
                f"| {fault.name} | [{rule}](rules/{rule}.md) | {fault.severity:g} "
                f"| {api_pages.markdown(does)} |"
            )
    return "\n".join(rows) + "\n"


def stability_rules() -> str:
    """The rules of training, and what each finds, as its page says."""
    rows = ["| rule | severity | finds |", "|---|---|---|"]
    for code in TABLE:
        if code.code.startswith("ST"):
            finds = code.page().partition("## What it finds")[2].partition("##")[0]
            first = " ".join(finds.split())
            rows.append(
                f"| [{code.code}](rules/{code.code}.md) {code.name} | {code.severity.value} "
                f"| {first} |"
            )
    return "\n".join(rows) + "\n"


def pathologies() -> dict[str, str]:
    """The picture of each pathology, with the figures of its two runs and what rules say."""
    path = ROOT / "docs" / "images" / "pathologies.json"
    return {name: _pathology(name, told) for name, told in json.loads(path.read_text()).items()}


def _pathology(name: str, told: Mapping[str, Any]) -> str:
    keys = dict.fromkeys(key for figures in told["figures"] for key in figures)
    rows = [f"| | {' | '.join(keys)} |", "|---" * (len(keys) + 1) + "|"]
    for called, figures in zip(told["names"], told["figures"], strict=True):
        rows.append(f"| {called} | {' | '.join(figures.get(k, '') for k in keys)} |")
    said = []
    for called, findings in zip(told["names"], told["findings"], strict=True):
        said.append(f"{called}:{'' if findings else ' no finding'}")
        for text in findings:
            said += wrap(text, 110, initial_indent="  ", subsequent_indent="    ")
    parts = [
        f"![{told['title']}. {told['alt']}](images/{name}.svg)",
        told["what"],
        "\n".join(rows),
        "```text\n" + "\n".join(said) + "\n```",
    ]
    return "\n\n".join(parts) + "\n"


def studies() -> str:
    """What the studies of planted faults came to, as they wrote it, below another heading."""
    path = ROOT / "docs" / "studies.md"
    if not path.exists():
        return "No studies have been recorded for this version; `make study` runs them.\n"
    body = path.read_text(encoding="utf-8").partition("\n")[2].strip()
    return re.sub(r"^##", "###", body, flags=re.MULTILINE) + "\n"


BRIEF = ("study", "metric", "without → with", "effect [95 %]", "verdict")


def study_table() -> str:
    """The first table of the studies, in its most telling columns."""
    path = ROOT / "docs" / "studies.md"
    if not path.exists():
        return "No studies have been recorded for this version; `make study` runs them.\n"
    rows: list[list[str]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            break
    kept = [rows[0].index(name) for name in BRIEF]
    return "".join("| " + " | ".join(row[i] for i in kept) + " |\n" for row in rows)


def quoted(page: str) -> str:
    """What a benchmark printed, and the command, from the page that it wrote."""
    text = (ROOT / "benchmarks" / page).read_text(encoding="utf-8")
    command = re.findall(r"^Written by (`[^`]+`)", text, re.MULTILINE)[0]
    fence = re.findall(r"^```text\n.*?^```\n", text, re.MULTILINE | re.DOTALL)[0]
    return f"{fence}\n({command}, kept in [{page}](../benchmarks/{page}).)\n"


def mutation() -> str:
    """The share of changes to checks and summaries that the tests noticed, as it was written."""
    path = ROOT / "benchmarks" / "mutation.md"
    if not path.exists():
        return "`make mutation` has not been run for this version.\n"
    text = path.read_text(encoding="utf-8")
    drawn = re.findall(r"^\d[\d,]* of [\d,]+ mutants[^\n]*", text, re.MULTILINE)[0]
    killed, share = re.findall(r"^\| \*\*all\*\* \| ([^|]+) \| ([^|]+) \|", text, re.MULTILINE)[0]
    return (
        f"{drawn} Of the others the tests noticed {killed}: {share}. "
        "([mutation.md](../benchmarks/mutation.md) lists what they did not.)\n"
    )


def blocks() -> dict[str, str]:
    """What the pages repeat that are written by hand, by name."""
    return {
        "findings": clinic(quiet=True),
        "detail": clinic("LK001", "NM001", quiet=False),
        "fix": dry_run(),
        "repairs": repair_table(),
        "rules": rule_table("docs/rules/"),
        "faults": fault_table(),
        "st_rules": stability_rules(),
        "studies": studies(),
        "study_table": study_table(),
        "fix_cost": quoted("fix_speed.md"),
        "guard_cost": quoted("guard.md"),
        "mutation": mutation(),
        **pathologies(),
    }


def pages() -> Iterator[tuple[Path, str]]:
    """Every generated page and what belongs there."""
    folder = ROOT / "docs" / "rules"
    for code in TABLE:
        yield folder / f"{code.code}.md", rule_page(code)
    note = NOTE.format(source="datacheck/checks/codes.py")
    yield folder / "README.md", f"{note}\n# Rules\n\n{rule_table('')}"
    yield ROOT / "docs" / "cli.md", command_help()
    yield from api_pages.pages(NOTE)
    known = blocks()
    for path in (ROOT / "README.md", *(ROOT / "docs" / f"{n}.md" for n in BY_HAND)):
        text = path.read_text(encoding="utf-8")
        yield path, BLOCK.sub(lambda m: m[1] + known[m[2]] + m[3], text)


def main() -> int:
    """Write the pages, or with ``--check`` compare them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="compare only, and write nothing")
    check = parser.parse_args().check
    stale = []
    for path, content in pages():
        if path.exists() and path.read_text(encoding="utf-8") == content:
            continue
        stale.append(path.relative_to(ROOT))
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    for path in stale:
        print(f"{path} {'is out of date; run `make docs`' if check else 'written'}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
