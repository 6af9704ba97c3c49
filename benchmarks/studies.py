"""The studies of planted faults, in one table: what each repair did, and what was expected.

    python benchmarks/studies.py                         # all, with 10 seeds
    python benchmarks/studies.py --only NaN outliers --seeds 6
    python benchmarks/studies.py --write docs/studies.md

Results are kept below ``-o`` (default: studies/): a study that was stopped goes on, and the pages
with curves are there.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datacheck.training.study import words
from datacheck.training.study.planted import EXPECTED
from datacheck.training.study.planted.tables import TABLES
from datacheck.training.study.planted.texts import TEXTS

STUDIES = {s.name: s for s in (*TABLES, *TEXTS)}
HEAD = ("study", "metric", "without → with", "effect [95 %]", "p", "verdict", "expected", "so?")


def rows_of(name: str, told: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """A line for each claim."""
    for claim in EXPECTED[name]:
        one = next(
            r for r in told["repairs"] if r["key"] == claim.repair or not claim.repair
        )
        own = claim.metric == one["metric"]
        effect = one if own else one["beside"].get(claim.metric)
        holds = claim.holds(effect)
        yield (
            f"{name}: {claim.repair}" if claim.repair else name,
            words.metric(claim.metric),
            words.levels(claim.metric, one["levels"].get(claim.metric, {})),
            words.effect(effect) if effect else "not measured",
            words.probability(one["p"]) if own else "",
            one["verdict"] if own else "",
            claim.said,
            {True: "yes", False: "**no**", None: "no interval"}[holds],
        )


def page(found: dict[str, dict[str, Any]], seeds: int) -> str:
    """The Markdown page."""
    lines = [
        "# Studies of planted faults",
        "",
        "`make study` prints this table, `python benchmarks/studies.py --write docs/studies.md`",
        f"writes it. Each study plants one fault, trains {seeds} pairs of runs with and without",
        "the repair, and takes the metric that was declared for that kind of defect. More than 1×,",
        "or more than 0 points, means that the repair helps; the interval is over the seeds.",
        "“Expected” is what small runs before this project gave; “so?” says whether the interval",
        "agrees with it in direction.",
        "",
        "Told before you believe it: sizes, rates and numbers of steps of several studies were",
        "chosen after looking at a few runs, so that the fault shows; the metric",
        "of the padding mask was declared after such a look too. Its loss volatility is that of",
        "each arm's own loss, which counts padding in one arm and not in the other: the",
        "probe-set volatility is the one that compares like with like.",
        *(["", f"Not run for this page: {', '.join(left)}."] if (left := _left(found)) else []),
        "",
        "| " + " | ".join(HEAD) + " |",
        "|" + "---|" * len(HEAD),
    ]
    for name, told in found.items():
        lines += ["| " + " | ".join(row) + " |" for row in rows_of(name, told)]
    lines += ["", "## What was changed, and what it is compared with", ""]
    for name, told in found.items():
        one, setup = STUDIES[name], told["setup"]
        lines.append(
            f"- **{name}**: {one.change}. Control: {one.control}. {setup['model']} with "
            f"{setup['parameters']:,} parameters, {setup['optimizer']} at {setup['lr']:g}, "
            f"{len(told['seeds'])} seeds of {setup['steps']:,} steps of {setup['batch']} rows."
        )
    lines += ["", "## Controls", "", "| study | control | metric | effect [95 %] |"]
    lines.append("|---|---|---|---|")
    for name, told in found.items():
        lines += [
            f"| {name} | {c['words']} | {words.metric(c['metric'])} | {words.effect(c)} |"
            for c in told["controls"]
            if c["words"] != "all repairs together"
        ]
    return "\n".join(lines) + "\n"


def _left(found: dict[str, Any]) -> list[str]:
    return [name for name in STUDIES if name not in found]


def main() -> int:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(STUDIES), default=list(STUDIES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("-o", "--output", type=Path, default=Path("studies"))
    parser.add_argument("--write", type=Path)
    chosen = parser.parse_args()
    found = {}
    for name in chosen.only:
        began = time.monotonic()
        folder = chosen.output / re.sub(r"\W+", "-", name)
        study = STUDIES[name].run(folder, seeds=chosen.seeds, workers=chosen.workers)
        found[name] = study.told
        print(f"{name}: {words.duration(time.monotonic() - began)}", file=sys.stderr)
        for row in rows_of(name, study.told):
            print("  " + " · ".join(filter(None, row[1:])), flush=True)
    if chosen.write:
        chosen.write.write_text(page(found, chosen.seeds), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
