"""Mutation check: small changes to the checks and summaries, and whether the tests notice them.

A map says which tests execute which lines (made once, kept in build/mutation). Of all places where
a comparison, a number or an operator could be another (see mutants.py), a sample is drawn by a
hash, each is changed in a forked process, and the tests that execute the line run until one fails,
those of the same name first. Hypothesis runs as always: the same examples each time.

A mutant counts as killed where a test fails, the package no longer imports, or a test takes ten
times the processor time it should (told apart). It counts as alive where all tests pass, where
``--budget`` seconds of tests passed, or where no test executes the line. What no test could tell
apart is listed with the reason in mutants_equivalent.toml and leaves the count.

A verdict is kept in build/mutation with what it depends on, so that a second run judges again
only what has changed. As a control, unchanged modules run in the same way: none may be killed.

    python benchmarks/mutation.py --sample 400
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import sys
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import Any

import mutant_runs  # type: ignore[import-not-found] # beside this script
from mutants import Mutant, mutants  # type: ignore[import-not-found] # as above
from telling import tell, writable, write  # type: ignore[import-not-found] # as above

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = ROOT / "build" / "mutation"
TARGETS = ("datacheck/checks", "datacheck/summaries")
TESTS = ("tests/checks", "tests/summaries", "tests/engines", "tests/test_specs.py",
         "tests/test_comparing.py", "tests/test_options.py", "tests/test_suppress.py")  # fmt: skip
KILLED = ("killed", "timeout")


def targets() -> list[str]:
    """The modules that are changed."""
    return [str(p.relative_to(ROOT)) for t in TARGETS for p in sorted((ROOT / t).rglob("*.py"))]


def test_files() -> list[str]:
    """The files of tests that may kill."""
    found: list[Path] = []
    for place in TESTS:
        path = ROOT / place
        found += sorted(path.rglob("test_*.py")) if path.is_dir() else [path]
    return [str(p.relative_to(ROOT)) for p in found]


@cache
def digest(file: str) -> str:
    """Of a file; that of the specifications holds the specifications."""
    paths = [ROOT / file]
    if file == "tests/test_specs.py":
        paths += sorted((ROOT / "tests" / "specs").glob("*.md"))
    return hashlib.sha256(b"\0".join(p.read_bytes() for p in paths)).hexdigest()[:16]


@cache
def source(file: str) -> str:
    """The text of a module."""
    return (ROOT / file).read_text(encoding="utf-8")


class Map:
    """Which tests execute which lines, by file of tests, with the text that the lines were of."""

    def __init__(self) -> None:
        self.path = SCRATCH / "map.json"
        self.known: dict[str, Any] = json.loads(self.path.read_text()) if self.path.exists() else {}
        self.seconds: dict[str, float] = {}
        self.lines: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))

    def bring(self, jobs: int) -> None:
        """Run each file of tests that is new or has changed, and note the lines.

        A module that has changed since keeps the lines that it still has: what is missed by that
        can only leave a mutant alive, never kill one.
        """
        stale = [f for f in test_files() if self.known.get(f, {}).get("digest") != digest(f)]
        tasks = [mutant_runs.Task(f, [f], trace=targets()) for f in stale]
        for told in mutant_runs.run_all(tasks, jobs, patience=3600):
            file = told.task.name
            if told.status or told.said("failed") or told.overdue:
                tell(f"{file}: {told.status} {told.said('failed')} {told.said('crashed')}")
            tests = {name: [seconds, lines] for _, name, seconds, lines in told.said("ran")}
            texts = {f: source(f) for _, lines in tests.values() for f in lines}
            self.known[file] = {"digest": digest(file), "tests": tests, "texts": texts}
            self.path.write_text(json.dumps(self.known))
            print(f"map: {file}, {len(tests)} tests", file=sys.stderr, flush=True)
        for file in test_files():
            self._take(self.known[file])

    def _take(self, kept: Mapping[str, Any]) -> None:
        now = {file: _moved(text, source(file)) for file, text in kept["texts"].items()
               if (ROOT / file).exists()}  # fmt: skip
        for name, (seconds, lines_by_file) in kept["tests"].items():
            self.seconds[name] = seconds
            for file, lines in lines_by_file.items():
                for line in lines:
                    if line in now.get(file, ()):
                        self.lines[file][now[file][line]].add(name)

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The tests that execute the changed line, most likely killers first.

        What runs at import has no tests of its own: those count that execute a function of the
        module, or of a module that imports from it.
        """
        if mutant.at_import:
            files = {mutant.file, *importers().get(module_of(mutant.file), ())}
            found = {t for f in files for tests in self.lines[f].values() for t in tests}
        else:
            span = range(mutant.first, mutant.last + 1)
            found = {t for line in span for t in self.lines[mutant.file].get(line, ())}
        stem = Path(mutant.file).stem
        words = {stem, *rule_codes().get(module_of(mutant.file), ())}
        folder = mutant.file.rpartition("/")[0].replace("datacheck", "tests", 1) + "/"

        def order(test: str) -> tuple[int, float, str]:
            tier = 0 if any(word in test for word in words) else 1 + (folder not in test)
            return tier, self.seconds[test], test

        return sorted(found, key=order)


@cache
def _moved(before: str, after: str) -> dict[int, int]:
    """Lines of a text, and where they are in another version of it."""
    if before == after:
        return {i: i for i in range(1, before.count("\n") + 2)}
    out = {}
    matched = SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    for a, b, n in matched.get_matching_blocks():
        out.update({a + i + 1: b + i + 1 for i in range(n)})
    return out


def module_of(file: str) -> str:
    """The name a file is imported by."""
    return file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


@cache
def importers() -> dict[str, set[str]]:
    """For each module, the changed files that import from it."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in targets():
        for line in source(file).splitlines():
            words = line.split()
            if len(words) > 1 and words[0] in ("from", "import"):
                found[words[1]].add(file)
    return found


@cache
def rule_codes() -> dict[str, set[str]]:
    """For each module of a rule, its code: it is in the names of the tests that are run for all."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in targets():
        first = source(file).partition("\n")[0]
        if "(" in first and file.count("/") == 3:
            found[module_of(file)].add(first.rpartition("(")[2].partition(")")[0])
    return found


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant."""

    mutant: Mutant
    outcome: str
    """``killed``, ``timeout``, ``survived``, ``budget`` or ``untested``."""
    by: str = ""
    ran: int = 0
    of: int = 0


def task_of(mutant: Mutant, tests: Sequence[str], seconds: Mapping[str, float], budget: float,
            same: bool = False) -> Any:  # fmt: skip
    """The run of a mutant, or with ``same`` of its module as it is."""

    def changed() -> Any:
        path = str(ROOT / mutant.file)
        text = source(mutant.file)
        code = compile(text, path, "exec", dont_inherit=True) if same else mutant.code(text, path)
        return mutant_runs.Changed(module_of(mutant.file), code)

    some = within(tests, seconds, budget)
    files = list(dict.fromkeys(t.partition("::")[0] for t in some))
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


class Verdicts:
    """Verdicts of earlier runs, valid while what they depend on is the same."""

    def __init__(self, fresh: bool) -> None:
        self.path = SCRATCH / "verdicts.json"
        kept = self.path.exists() and not fresh
        self.known: dict[str, Any] = json.loads(self.path.read_text()) if kept else {}

    def get(self, mutant: Mutant, tests: Sequence[str], budget: float) -> Verdict | None:
        """The kept verdict, if it still holds."""
        kept = self.known.get(mutant.key)
        if kept is None or kept["source"] != digest(mutant.file):
            return None
        outcome, by = kept["outcome"], kept["by"]
        if outcome in KILLED:
            if by != "import" and kept["killer"] != digest(by.partition("::")[0]):
                return None
        elif kept["tests"] != self._of(tests) or (outcome == "budget" and kept["cap"] < budget):
            return None
        return Verdict(mutant, outcome, by, kept["ran"], kept["of"])

    def put(self, v: Verdict, tests: Sequence[str], budget: float) -> None:
        """Keep one."""
        by_test = v.by not in ("", "import")
        self.known[v.mutant.key] = {
            "outcome": v.outcome, "by": v.by, "ran": v.ran, "of": v.of, "cap": budget,
            "source": digest(v.mutant.file), "tests": self._of(tests), "change": str(v.mutant),
            "killer": digest(v.by.partition("::")[0]) if by_test else "",
        }  # fmt: skip
        self.path.write_text(json.dumps(self.known, indent=1))

    def _of(self, tests: Sequence[str]) -> str:
        files = sorted({t.partition("::")[0] for t in tests})
        told = [f"{f} {digest(f)}" for f in files]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


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
    waiting = []
    for m in chosen:
        known = kept.get(m, tests[m.key], args.budget)
        if not tests[m.key]:
            yield Verdict(m, "untested")
        elif known:
            yield known
        else:
            waiting.append(task_of(m, tests[m.key], lines.seconds, args.budget))
    for told in mutant_runs.run_all(waiting, args.jobs):
        m = by_key[told.task.name]
        verdict = judged(told, m, tests[m.key])
        kept.put(verdict, tests[m.key], args.budget)
        yield verdict
    same = [m for m in chosen if tests[m.key]][: args.controls]
    tasks = [task_of(m, tests[m.key], lines.seconds, args.budget, same=True) for m in same]
    for told in mutant_runs.run_all(tasks, args.jobs):
        m = by_key[told.task.name]
        yield Verdict(m, "control-" + judged(told, m, tests[m.key]).outcome)


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
