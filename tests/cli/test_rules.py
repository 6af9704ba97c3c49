"""``datacheck rules`` and ``datacheck rule CODE``."""

import json

import pytest

from datacheck.checks.codes import FAMILIES, TABLE

HEADINGS = [
    "## What it finds", "## Why it hurts training", "## How it is measured", "## Example",
    "## Repair and repair safety", "## Options", "## Known limits", "## References",
]  # fmt: skip


def test_the_table(run):
    done = run("rules")
    assert done.exit_code == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines == [[c.code, c.severity.value, c.name] for c in TABLE]


def test_the_table_as_json(run):
    listed = json.loads(run("rules", "--format", "json").stdout)
    assert [line["rule"] for line in listed] == [c.code for c in TABLE]
    assert {line["family"] for line in listed} == set(FAMILIES.values())
    assert listed[0] == {
        "rule": "LK001",
        "severity": "error",
        "name": "duplicate-rows-across-splits",
        "family": "leakage",
    }


@pytest.mark.parametrize("code", [c.code for c in TABLE])
def test_every_rule_has_its_page(run, code):
    done = run("rule", code)
    assert done.exit_code == 0
    first, blank, heading = done.stdout.splitlines()[:3]
    line = next(c for c in TABLE if c.code == code)
    assert first == f"{code} · {line.severity.value}"
    assert not blank
    assert heading == f"# {line.name} ({code})"
    assert [h for h in done.stdout.splitlines() if h.startswith("## ")] == HEADINGS


@pytest.mark.parametrize("said", ["lk001", " LK001 ", "duplicate-rows-across-splits"])
def test_a_rule_by_name_or_in_small_letters(run, said):
    assert run("rule", said).stdout == run("rule", "LK001").stdout
