"""What mutation.py remembers: which tests execute which lines, and verdicts of earlier runs."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import Any

import mutant_runs  # type: ignore[import-not-found] # beside this script
from mutants import Mutant  # type: ignore[import-not-found] # as above

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = ROOT / "build" / "mutation"
KILLED = ("killed", "timeout")
TARGETS = ("datacheck/checks", "datacheck/summaries")
TESTS = ("tests/checks", "tests/summaries", "tests/engines", "tests/test_specs.py",
         "tests/testing/test_faults.py", "tests/test_peeking.py", "tests/test_fixtures.py",
         "tests/test_comparing.py", "tests/test_options.py", "tests/test_suppress.py")  # fmt: skip


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
                said = f"{told.status} {told.said('failed')} {told.said('crashed')}"
                print(f"map: {file} fails: {said}", file=sys.stderr, flush=True)
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

        What runs at import, a function that makes a constant too, has no tests of its own: those
        count that execute a function of the module, or of a module that imports from it.
        """
        if mutant.at_import or called_at_import(mutant.file, mutant.scope):
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
def called_at_import(file: str, scope: str) -> bool:
    """Whether a statement of the module itself calls the function."""
    lines = [line for line in source(file).splitlines() if line[:1].isalpha() or line[:1] == "_"]
    return any(f"{scope}(" in line and not line.startswith("def ") for line in lines)


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


class Verdicts:
    """Verdicts of earlier runs, valid while the module is the same.

    A killed mutant stays killed while the file of the test that killed it is the same. One that
    is alive has to pass what is new: the tests of files that have changed since.
    """

    def __init__(self, fresh: bool) -> None:
        self.path = SCRATCH / "verdicts.json"
        kept = self.path.exists() and not fresh
        self.known: dict[str, Any] = json.loads(self.path.read_text()) if kept else {}

    def get(self, mutant: Mutant) -> Verdict | None:
        """The kept verdict, if it still holds for the tests that it was made with."""
        kept = self.known.get(mutant.key)
        if kept is None or kept["source"] != digest(mutant.file):
            return None
        outcome, by = kept["outcome"], kept["by"]
        if outcome in KILLED and by != "import" and kept["killer"] != digest(file_of(by)):
            return None
        return Verdict(mutant, outcome, by, kept["ran"], kept["of"])

    def new(self, mutant: Mutant, tests: Sequence[str]) -> list[str]:
        """The tests that the kept verdict does not know."""
        files = self.known[mutant.key]["files"]
        return [t for t in tests if files.get(file_of(t)) != digest(file_of(t))]

    def put(self, v: Verdict, tests: Sequence[str]) -> None:
        """Keep one."""
        by_test = v.by not in ("", "import")
        self.known[v.mutant.key] = {
            "outcome": v.outcome, "by": v.by, "ran": v.ran, "of": v.of,
            "source": digest(v.mutant.file), "change": str(v.mutant),
            "files": {f: digest(f) for f in sorted({file_of(t) for t in tests})},
            "killer": digest(file_of(v.by)) if by_test else "",
        }  # fmt: skip
        self.path.write_text(json.dumps(self.known, indent=1))


def file_of(test: str) -> str:
    """The file of a test."""
    return test.partition("::")[0]
