"""The small changes of the mutation check: one at a time, where they mean something."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MUTANTS = runpy.run_path(str(ROOT / "benchmarks" / "mutants.py"))["mutants"]


def changes(source):
    return {(m.was, m.now) for seed in range(40) for m in MUTANTS(source, "a.py", seed)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", {("a < b", "a <= b")}),
        ("a >= b", {("a >= b", "a > b")}),
        ("a < b != c", {("a < b != c", "a <= b != c"), ("a < b != c", "a < b == c")}),
        ("x is None", {("x is None", "x is not None")}),
        ("x in y", {("x in y", "x not in y")}),
        ("a and b", {("a and b", "a or b")}),
        ("m & n", {("m & n", "m | n")}),
        ("a + b", {("a + b", "a - b")}),
        ("not a", {("not a", "a")}),
        ("~mask", {("~mask", "mask")}),
        ("min(a)", {("min", "max")}),
        ("x.max()", {("x.max", "x.min")}),
        ("3", {("3", "4"), ("3", "2")}),
        ("100", {("100", "200"), ("100", "50")}),
        ("0.5", {("0.5", "1.0"), ("0.5", "0.25")}),
        ("0.0", set()),
        ("True", set()),
        ("'a' + b", set()),
        ("f'{a}' + b", set()),
        ("x: int | None", set()),
        ("isinstance(x, int | float)", set()),
        ("def f(a: tuple[int, 3]) -> list[4]: ...", set()),
    ],
)
def test_what_is_changed_into_what(source, expected):
    assert changes(source) == expected


SOURCE = '''
"""Text with 3 < 4."""
LIMIT = 10

class A:
    """Doc."""
    share: float = 0.5

    def f(self, n=7):
        if n > LIMIT:
            return [k + 1 for k in range(n)]
        return n - 2
'''


def test_where_a_mutant_is_and_when_its_line_runs():
    found = {m.was: m for m in MUTANTS(SOURCE, "a.py", 0)}
    told = {w: (m.line, m.scope, m.at_import) for w, m in found.items()}
    assert told == {
        "10": (3, "", True),
        "0.5": (7, "A", True),
        "7": (9, "A", True),
        "n > LIMIT": (10, "A.f", False),
        "k + 1": (11, "A.f", False),
        "1": (11, "A.f", False),
        "n - 2": (12, "A.f", False),
        "2": (12, "A.f", False),
    }
    assert (found["n > LIMIT"].first, found["n > LIMIT"].last) == (10, 10)


@pytest.mark.parametrize("file", ["checks/stats.py", "summaries/moments.py"])
def test_each_mutant_is_one_change_that_compiles(file):
    path = ROOT / "datacheck" / file
    source = path.read_text(encoding="utf-8")
    found = MUTANTS(source, file, 0)
    assert len({m.key for m in found}) == len(found)
    assert [m.key for m in found] == [m.key for m in MUTANTS(source, file, 0)]
    for mutant in found[::10]:
        assert mutant.was != mutant.now
        mutant.code(source, str(path))
    moved = MUTANTS("X = 5 < 6\n" + source, file, 0)
    assert {m.key for m in moved} >= {m.key for m in found}
