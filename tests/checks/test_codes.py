"""THE table has a line and a page for every code that a finding can carry."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from datacheck.checks.base import BaseRule
from datacheck.checks.codes import CODES, FAMILIES, TABLE

PACKAGE = Path(__file__).parents[2] / "datacheck"
CODE = re.compile(r"\b[A-Z]{2}\d{3}\b")


def test_every_code_that_the_package_names_is_in_the_table():
    named = {
        (str(path.relative_to(PACKAGE)), code)
        for path in PACKAGE.rglob("*.py")
        for code in CODE.findall(path.read_text(encoding="utf-8"))
    }
    assert {code for _, code in named} >= set(CODES)
    assert {(path, code) for path, code in named if code not in CODES} == set()


def test_findings_are_made_by_rules_alone():
    """A rule has code, name and severity from the table: so has each of its findings."""
    makers = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Finding"
    }
    assert makers == {"checks/base.py"}


@pytest.mark.parametrize("line", TABLE, ids=lambda line: line.code)
def test_every_line_has_a_rule_and_a_page(line):
    rule = line.load()
    assert issubclass(rule, BaseRule)
    assert (rule.code, rule.name, rule.severity) == (line.code, line.name, line.severity)
    assert line.page().startswith(f"# {line.name} ({line.code})\n")


def test_every_family_has_rules():
    assert {line.code[:2] for line in TABLE} == set(FAMILIES)
    judged = {line.code[:2]: line.judges for line in TABLE}
    assert judged == dict.fromkeys(FAMILIES, "data") | {"ST": "run", "DL": "loader"}
