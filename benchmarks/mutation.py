"""Mutation check: small changes to the checks and summaries, and whether the tests notice them.

A map says which tests execute which lines (made once, kept in build/mutation). Of all places where
a comparison, a number or an operator could be another (see mutants.py), a sample is drawn by a
hash, each is changed in a forked process, and the tests that execute the line run until one fails,
those of the same name first. Hypothesis runs as always: the same examples each time.

A mutant counts as killed where a test fails, the package no longer imports, or a test takes ten
times the processor time it should (told apart). It counts as alive where all tests pass, where
``--budget`` seconds of tests passed, or where no test executes the line. What no test could tell
apart is listed with the reason in mutants_equivalent.toml and leaves the count.

A verdict is kept in build/mutation with what it depends on, so that a second run judges only
what has changed, and gives mutants that are alive only the tests that are new. As a control,
unchanged modules run in the same way: none may be killed.

    python benchmarks/mutation.py --sample 400
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import mutant_runs  # type: ignore[import-not-found] # beside this script
from mutant_records import (  # type: ignore[import-not-found] # as above
    KILLED,
    ROOT,
    SCRATCH,
    Map,
    Verdict,
    Verdicts,
    file_of,
    module_of,
    source,
    targets,
)
from mutants import Mutant, mutants  # type: ignore[import-not-found] # as above
from telling import tell, writable, write  # type: ignore[import-not-found] # as above


def task_of(mutant: Mutant, tests: Sequence[str], seconds: Mapping[str, float], budget: float,
            same: bool = False) -> Any:  # fmt: skip
    """The run of a mutant, or with ``same`` of its module as it is."""

    def changed() -> Any:
        path = str(ROOT / mutant.file)
        text = source(mutant.file)
        code = compile(text, path, "exec", dont_inherit=True) if same else mutant.code(text, path)
        return mutant_runs.Changed(module_of(mutant.file), code)

    some = within(tests, seconds, budget)
    files = list(dict.fromkeys(file_of(t) for t in some))
    limits = {t: 10 + 10 * seconds[t] for t in some}
    return mutant_runs.Task(mutant.key, files, some, changed, budget, limits)


def within(tests: Sequence[str], seconds: Mapping[str, float], budget: float) -> list[str]:
    """As many of the tests as fit the budget, so that no others are collected.

    The map's seconds are those under a tracer, which takes about half as long again.
    """
    total = 0.0
    for i, test in enumerate(tests):
        total += seconds[test]
        if total > 1.5 * budget and i:
            return list(tests[:i])
    return list(tests)


def judged(told: Any, mutant: Mutant, tests: Sequence[str]) -> Verdict:
    """The verdict that follows from how the process ended."""
    ran, of = len(told.said("begins")), len(tests)
    failed = told.said("failed")
    if failed:
        return Verdict(mutant, "killed", failed[0][1], ran, of)
    last = told.said("begins")[-1][1] if ran else ""
    if told.overdue or os.WTERMSIG(told.status) == signal.SIGPROF:
        return Verdict(mutant, "timeout", last, ran, of)
    if told.said("budget"):
        return Verdict(mutant, "budget", "", ran, of)
    if told.status == 0 or os.waitstatus_to_exitcode(told.status) == 5:
        return Verdict(mutant, "survived" if ran == of else "budget", "", ran, of)
    return Verdict(mutant, "killed", last or "import", ran, of)


def sampled(seed: int, size: int, only: str) -> tuple[list[Mutant], int]:
    """Of all mutants the ``size`` with the smallest keys, and how many there are."""
    every = [m for file in targets() if only in file for m in mutants(source(file), file, seed)]
    return sorted(every, key=lambda m: m.key)[:size], len(every)


def equivalents() -> list[dict[str, str]]:
    """What is declared to be no change of behavior; each entry is of a line that there is."""
    path = Path(__file__).with_name("mutants_equivalent.toml")
    declared = tomllib.loads(path.read_text(encoding="utf-8")).get("mutant", [])
    for entry in declared:
        if entry["on"] not in source(entry["file"]):
            raise SystemExit(f"{path.name}: {entry['file']} has no line with {entry['on']!r}")
    return list(declared)


def reason_of(mutant: Mutant, declared: Iterable[Mapping[str, str]]) -> str:
    """Why a mutant is declared equivalent, if it is."""
    line = source(mutant.file).splitlines()[mutant.line - 1]
    for e in declared:
        here = e["file"] == mutant.file and e["on"] in line
        if here and e["was"] in ("*", mutant.was) and e["now"] in ("*", mutant.now):
            return e["reason"]
    return ""


def check(chosen: Sequence[Mutant], args: argparse.Namespace) -> Iterator[Verdict]:
    """Verdicts, as they come."""
    lines = Map()
    lines.bring(args.jobs)
    kept = Verdicts(args.fresh)
    tests = {m.key: lines.tests_of(m) for m in chosen}
    by_key = {m.key: m for m in chosen}
    waiting, before = [], {}
    for m in chosen:
        run = tests[m.key]
        if not run:
            yield Verdict(m, "untested")
            continue
        known = kept.get(m)
        if known is not None:
            run = [] if known.outcome in KILLED else kept.new(m, run)
            if not run:
                yield known
                continue
            before[m.key] = known
        waiting.append(task_of(m, run, lines.seconds, args.budget))
    end = time.monotonic() + 60 * args.minutes
    for told in mutant_runs.run_all(until(waiting, end), args.jobs):
        m = by_key[told.task.name]
        verdict = judged(told, m, tests[m.key])
        was = before.pop(m.key, None)
        if was is not None and verdict.outcome not in KILLED:
            ran = min(was.ran + verdict.ran, verdict.of)
            verdict = Verdict(m, was.outcome, "", ran, verdict.of)
        kept.put(verdict, tests[m.key])
        yield verdict
    yield from before.values()  # what time did not allow to judge again stays what it was
    same = [m for m in chosen if tests[m.key]][: args.controls]
    tasks = [task_of(m, tests[m.key], lines.seconds, args.budget, same=True) for m in same]
    for told in mutant_runs.run_all(tasks, args.jobs):
        m = by_key[told.task.name]
        yield Verdict(m, "control-" + judged(told, m, tests[m.key]).outcome)


def until(tasks: Iterable[Any], end: float) -> Iterator[Any]:
    """Tasks as long as there is time: in the order of the keys, so what is judged is a sample."""
    for task in tasks:
        if time.monotonic() > end:
            return
        yield task


def report(verdicts: Sequence[Verdict], everything: int, args: argparse.Namespace) -> float:
    """Print the tables and what has survived; the share killed."""
    from datacheck.checks.stats import wilson

    declared = equivalents()
    controls = [v for v in verdicts if v.outcome.startswith("control-")]
    mine = [v for v in verdicts if not v.outcome.startswith("control-")]
    alive = [v for v in mine if v.outcome not in KILLED]
    reasons = {v.mutant.key: reason_of(v.mutant, declared) for v in alive}
    same = [v for v in alive if reasons[v.mutant.key]]
    counted = [v for v in mine if v not in same]
    alive = [v for v in alive if v not in same]

    def share(some: Sequence[Verdict]) -> str:
        killed = sum(v.outcome in KILLED for v in some)
        low, high = wilson(killed, len(some), 1.96)
        return f"{killed} of {len(some)} | {killed / max(len(some), 1):.1%} [{low:.1%}, {high:.1%}]"

    tell("# Mutation check\n")
    tell(
        f"{len(mine)} of {everything:,} mutants of datacheck/checks and datacheck/summaries, "
        f"drawn with seed {args.seed}; {len(same)} are declared equivalent and left out.\n"
    )
    tell("| what is changed | killed | share [95 %] |\n|---|---|---|")
    tell(f"| **all** | {share(counted)} |")
    for kind in sorted({v.mutant.kind for v in counted}):
        tell(f"| {kind} | {share([v for v in counted if v.mutant.kind == kind])} |")
    for place in sorted({_place(v.mutant) for v in counted}):
        tell(f"| {place} | {share([v for v in counted if _place(v.mutant) == place])} |")
    told = Counter(v.outcome for v in counted)
    tell(
        f"\nKilled by a failing test: {told['killed']}; by taking too long: {told['timeout']}. "
        f"Alive: {told['survived']} passed all tests that execute the line, {told['budget']} "
        f"passed {args.budget:g} s of them, {told['untested']} are on lines that no test executes."
    )
    clean = sum(v.outcome in ("control-survived", "control-budget") for v in controls)
    tell(f"Control: {clean} of {len(controls)} unchanged modules survived, as they must.")
    tell("\n## Alive\n\n| place | was | became | tests |\n|---|---|---|---|")
    for v in sorted(alive, key=lambda v: (v.mutant.file, v.mutant.line)):
        m = v.mutant
        tell(f"| {m.file}:{m.line} | `{_cell(m.was)}` | `{_cell(m.now)}` | {v.ran} of {v.of} |")
    tell("\n## Declared equivalent\n\n| place | was | became | why |\n|---|---|---|---|")
    for v in sorted(same, key=lambda v: (v.mutant.file, v.mutant.line)):
        m = v.mutant
        why = reasons[m.key]
        tell(f"| {m.file}:{m.line} | `{_cell(m.was)}` | `{_cell(m.now)}` | {why} |")
    killed = sum(v.outcome in KILLED for v in counted)
    return killed / max(len(counted), 1)


def _place(mutant: Mutant) -> str:
    folder = mutant.file.split("/")[1:-1]
    return "/".join(folder)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("`", "'")


def main() -> int:
    """Draw, run, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sample", type=int, default=400, help="mutants (400)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="only of files whose path holds this")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--budget", type=float, default=10, help="seconds of tests each (10)")
    parser.add_argument("--minutes", type=float, default=1e6, help="begin none after (no limit)")
    parser.add_argument("--controls", type=int, default=10, help="unchanged modules (10)")
    parser.add_argument("--fresh", action="store_true", help="judge again what was judged before")
    parser.add_argument("--least", type=float, default=0.0, help="fail below this share killed")
    writable(parser)
    args = parser.parse_args()
    start = time.monotonic()
    SCRATCH.mkdir(parents=True, exist_ok=True)
    chosen, everything = sampled(args.seed, args.sample, args.only)
    mutant_runs.ready()
    verdicts = []
    for verdict in check(chosen, args):
        verdicts.append(verdict)
        spent = time.monotonic() - start
        line = f"{spent:6.0f} s  {verdict.outcome:9} {verdict.mutant}  {verdict.by}"
        print(line, file=sys.stderr, flush=True)
    share = report(verdicts, everything, args)
    write(args.write, markdown=True)
    killed_control = any(v.outcome in ("control-killed", "control-timeout") for v in verdicts)
    return int(share < args.least or killed_control)


if __name__ == "__main__":
    sys.exit(main())
