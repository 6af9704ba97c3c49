"""What may be imported, from where, and what that costs."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import datacheck

ROOT = Path(__file__).parents[1]

# -- names ------------------------------------------------------------------------------------


def test_public_names_are_sorted_and_there():
    assert datacheck.__all__ == sorted(set(datacheck.__all__))
    for name in datacheck.__all__:
        assert getattr(datacheck, name) is not None
    assert dir(datacheck) == datacheck.__all__


def test_a_name_is_the_same_object_as_at_home():
    for name, home in datacheck._HOMES.items():
        module = importlib.import_module(f"datacheck.{home}")
        assert getattr(datacheck, name) is getattr(module, name)
    assert set(datacheck._HOMES) == set(datacheck.__all__)


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        datacheck.nope  # noqa: B018 - looking is the test


def test_audit_stays_callable_whatever_was_imported():
    importlib.import_module("datacheck.auditing")
    importlib.import_module("datacheck.cli.audit")
    assert callable(datacheck.audit)


# -- what an import costs ---------------------------------------------------------------------

HEAVY = ("altair", "pandas", "pandera", "pyarrow", "ray", "scipy", "sklearn", "torch")


def loaded(code: str, *suspects: str, cwd: Path = ROOT) -> list[str]:
    """Which of the suspected modules a new process has loaded after ``code``."""
    script = f"{code}\nimport sys\nprint('\\nLOADED', *sorted(set(sys.modules) & {set(suspects)}))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.rpartition("LOADED")[2].split()


COMMAND = """
from datacheck.cli.app import main
import sys
sys.argv = ["datacheck", *{arguments}]
try:
    main()
except SystemExit as done:
    assert done.code in (0, 1), done.code
"""


def test_import_is_light():
    assert loaded("import datacheck", "polars", "numpy", "click", "rich", *HEAVY) == []


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["audit", "--help"], ["rules"]])
def test_help_is_light(arguments):
    code = COMMAND.format(arguments=arguments)
    assert loaded(code, "polars", "numpy", "rich", *HEAVY) == []


def test_the_audit_of_a_csv_is_light():
    # With a label, groups, times and sequences, so that nearly all rules judge.
    code = COMMAND.format(arguments=["audit", "fixtures/clinic", "--fail-on", "never"])
    suspects = ("altair", "pandas", "pandera", "ray", "scipy.stats", "sklearn", "torch")
    assert loaded(code, "polars", *suspects) == ["polars"]


# -- layers -----------------------------------------------------------------------------------

BASE = {"types", "errors"}
BELOW_CLI = {
    "auditing", "baseline", "checks", "comparing", "config", "config_files", "config_values",
    "contract", "dataset", "engines", "findings", "options", "peeking", "pipelines", "report",
    "sources", "summaries", "suppress", "testing", "training",
}  # fmt: skip
ALLOWED: dict[str, set[str]] = {
    # what flows, from left to right
    "types": set(),
    "errors": set(),
    "dataset": BASE,
    "sources": BASE | {"dataset"},
    "summaries": BASE | {"dataset"},
    "engines": BASE | {"dataset", "sources", "summaries"},
    "findings": BASE,
    "checks": BASE | {"dataset", "summaries", "findings"},
    "pipelines": BASE
    | {
        "auditing", "checks", "config", "dataset", "engines", "findings", "sources", "summaries",
        "suppress",
    },
    "training": BASE
    | {
        "auditing", "checks", "config", "dataset", "findings", "pipelines", "sources", "suppress",
    },
    "report": {"findings", "pipelines"},
    "peeking": BASE | {"config", "dataset", "engines", "sources"},
    # settings
    "config": BASE | {"config_files", "config_values", "dataset", "findings"},
    "config_files": BASE | {"config", "config_values"},
    "config_values": BASE,
    "options": BASE | {"checks", "config", "config_values", "findings"},
    "suppress": {"checks", "config", "findings"},
    "baseline": BASE | {"findings"},
    "comparing": BASE
    | {"auditing", "checks", "config", "dataset", "engines", "findings", "sources", "summaries"},
    "contract": BASE
    | {"auditing", "checks", "config", "dataset", "engines", "findings", "summaries"},
    # what puts it together
    "auditing": BASE | BELOW_CLI - {"comparing", "contract", "pipelines", "testing", "training"},
    "testing": BASE | BELOW_CLI,
    "cli": BASE | BELOW_CLI,
    "__init__": BASE | BELOW_CLI,
    "__main__": {"cli"},
}
EXCEPTIONS = {
    # (who, whom, what): why, all of it
    ("findings", "report", "render"): "a report shows itself in a notebook",
    ("findings", "pipelines", "make_plan"): "a report plans its repairs",
    ("findings", "pipelines", "Plan"): "as make_plan",
    ("pipelines", "report", "bar"): "a repair shows its progress as an audit does",
    ("training", "report", "steps"): "so does a run",
    ("training", "report", "Steps"): "as steps",
    ("pipelines", "report", "render"): "what a repair did shows itself",
    ("report", "checks", "CODES"): "machine formats name rules and families, and carry their pages",
    ("report", "checks", "Code"): "as CODES",
    ("report", "errors", "UsageError"): "a file name may ask for a form that there is not",
    ("report", "errors", "DatacheckError"): "a report made by hand may allow no plan",
    ("auditing", "pipelines", "compare"): "only where transforms are named",
    ("auditing", "pipelines", "loaded"): "as compare",
    ("options", "summaries", "name_of"): "a schema goes to its rule by its name",
    ("config", "options", "checked"): "a Config answers for the options of its rules",
    ("config", "options", "severities"): "as checked",
    ("sources", "findings", "names"): "lists in sentences read alike everywhere",
    ("sources", "summaries", "phash"): "what LK002 searches by is worked out where pictures are",
    ("sources", "summaries", "canonical_strings"): "a cell has one spelling, read or counted",
}
THIRD_PARTY = {
    # may be imported when the module is; all else inside functions
    "checks": {"numpy", "polars"},
    "cli": {"click"},
    "comparing": {"numpy"},
    "dataset": {"numpy"},
    "peeking": {"numpy"},
    "engines": {"numpy", "polars"},
    # torch and scikit-learn only in modules that make their objects, imported when asked for
    "pipelines": {"numpy", "polars", "sklearn", "torch"},
    "sources": {"numpy", "polars"},
    "summaries": {"numpy", "polars"},
    # pytest only in the plugin, which pytest itself imports; Hypothesis only in the strategies
    "testing": {"hypothesis", "numpy", "polars", "pytest"},
    # torch only in modules that train; metrics and records are read without it
    "training": {"numpy", "polars", "torch"},
    "types": {"numpy"},
}


class Imports(ast.NodeVisitor):
    """(module, name, when) of each import; when is "import", "function" or "typing"."""

    def __init__(self, path: Path) -> None:
        self.found: list[tuple[str, str, str]] = []
        self.when = "import"
        self.visit(ast.parse(path.read_text(encoding="utf-8")))

    def visit_Import(self, node: ast.Import) -> None:
        self.found += [(a.name, "", self.when) for a in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        assert node.level == 0, "imports are absolute"
        self.found += [(node.module or "", a.name, self.when) for a in node.names]

    def visit_If(self, node: ast.If) -> None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            self._within("typing", node)
        else:
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._within("function", node)

    def _within(self, when: str, node: ast.AST) -> None:
        before, self.when = self.when, when
        self.generic_visit(node)
        self.when = before


@cache
def imports() -> tuple[tuple[str, str, str, str, str], ...]:
    """(file, unit, module, name, when) of all imports in the package."""
    return tuple(_walk())


def _walk() -> Iterator[tuple[str, str, str, str, str]]:
    for path in sorted((ROOT / "datacheck").rglob("*.py")):
        inner = path.relative_to(ROOT / "datacheck")
        unit = inner.parts[0].removesuffix(".py")
        for module, name, when in Imports(path).found:
            yield str(inner), unit, module, name, when


def test_every_part_has_its_place():
    parts = {p.name.removesuffix(".py") for p in (ROOT / "datacheck").iterdir()}
    assert parts - {"__pycache__", "py.typed"} == set(ALLOWED)


def test_imports_point_left():
    wrong, used = [], set()
    for file, unit, module, name, _ in imports():
        if module.split(".")[0] != "datacheck":
            continue
        target = module.split(".")[1] if "." in module else name
        if target == unit or target in ALLOWED[unit]:
            continue
        if (unit, target, name) in EXCEPTIONS:
            used.add((unit, target, name))
        else:
            wrong.append(f"{file} imports {name} from {module}")
    assert wrong == []
    assert used == set(EXCEPTIONS), "an exception that nobody needs"


def test_a_rule_sees_neither_files_nor_scans():
    for file, unit, module, _, _ in imports():
        if unit in ("checks", "summaries"):
            assert not module.startswith(("datacheck.sources", "datacheck.engines")), file


def test_what_is_heavy_is_imported_inside_functions():
    wrong = defaultdict(set)
    for file, unit, module, _, when in imports():
        package = module.split(".")[0]
        if when != "import" or package in sys.stdlib_module_names or package == "datacheck":
            continue
        if package not in THIRD_PARTY.get(unit, set()):
            wrong[file].add(package)
    assert dict(wrong) == {}


def test_no_rule_or_summary_needs_what_only_training_needs():
    for file, unit, module, _, when in imports():
        if unit in ("checks", "summaries", "engines", "sources") and when != "typing":
            assert module.split(".")[0] not in ("sklearn", "ray", "altair", "rich"), file
            assert not module.startswith("scipy.stats"), file


def test_test_tools_are_imported_only_where_they_are_the_point():
    for file, _, module, _, _ in imports():
        package = module.split(".")[0]
        if package == "hypothesis":
            assert file.startswith("testing/strategies/"), file
        if package == "pytest":
            assert file in ("testing/pytest_plugin.py", "testing/verdicts.py"), file


def test_nothing_calls_home():
    """No telemetry: nothing that opens a connection is imported anywhere."""
    network = {
        "ftplib",
        "http",
        "httpx",
        "requests",
        "smtplib",
        "socket",
        "ssl",
        "urllib",
        "urllib3",
    }
    assert [f for f, _, module, _, _ in imports() if module.split(".")[0] in network] == []


def test_nothing_from_the_data_can_run():
    """No pickles, no eval: data is hostile."""
    for file, _, module, _, _ in imports():
        assert module.split(".")[0] not in ("pickle", "shelve", "marshal", "dill", "joblib"), file
    for path in (ROOT / "datacheck").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec"), path
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant), path
                assert node.value.value is False, path
