"""The pytest plugin: a test for each rule and split, fixtures, markers, and nothing unless used."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
CLINIC = ROOT / "fixtures" / "clinic"
NAME = "datacheck.testing.pytest_plugin"
INSTALLED = any(e.value == NAME for e in entry_points(group="pytest11"))
FLAGS = () if INSTALLED else ("-p", NAME)


@pytest.fixture
def inner(pytester, monkeypatch):
    """``inner(*arguments)`` runs pytest in a process of its own, without our settings."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run(*arguments):
        return pytester.runpytest_subprocess(*FLAGS, "-p", "no:cacheprovider", *map(str, arguments))

    return run


def test_the_distribution_names_the_plugin():
    import tomllib

    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert told["project"]["entry-points"]["pytest11"] == {"datacheck": NAME}


def test_a_test_for_each_rule_and_split(inner):
    done = inner("--datacheck", CLINIC, "-rA")
    text = done.stdout.str()
    outcomes = done.parseoutcomes()
    assert outcomes["failed"] == 9  # of six errors, three concern both splits
    assert "clinic::LK001 duplicate-rows-across-splits[test]" in text
    assert "LK001 error: 10 of 400 rows of test" in text
    assert "train/train.csv:1192" in text
    assert "Traceback" not in text
    assert done.ret == 1
    skipped = inner("--datacheck", CLINIC, "--datacheck-select", "SC003", "-rs")
    assert skipped.parseoutcomes() == {"skipped": 3}
    assert "no schema is named" in skipped.stdout.str()


def test_the_level_that_fails_and_selection_by_name(inner):
    warnings = ("--datacheck", CLINIC, "--datacheck-select", "MV001")
    assert inner(*warnings).parseoutcomes() == {"passed": 3}
    strict = inner(*warnings, "--datacheck-fail-on", "warning").parseoutcomes()
    assert strict == {"failed": 2, "passed": 1}
    some = ("--datacheck", CLINIC, "--datacheck-select", "LK001,LK003,MV001")
    one = inner(*some, "-k", "LK003 and train").parseoutcomes()
    assert one["failed"] == 1
    assert one["deselected"] > 3
    assert "passed" not in one


def test_xdist_workers_audit_once_and_say_the_same(inner):
    some = ("--datacheck", CLINIC, "--datacheck-select", "MV,LK001,SC003")
    alone = inner(*some).parseoutcomes()
    spread = inner(*some, "-n", "2").parseoutcomes()
    assert {k: alone[k] for k in ("passed", "failed", "skipped")} == {
        k: spread[k] for k in ("passed", "failed", "skipped")
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--datacheck", "nowhere"], "no such file or folder"),
        (["--datacheck", CLINIC, "--datacheck-select", "XX9"], "XX9"),
    ],
)
def test_what_cannot_be_is_one_line(inner, arguments, said):
    done = inner(*arguments)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert said in done.stderr.str()
    assert "Traceback" not in done.stderr.str() + done.stdout.str()


FRAMES = """
import numpy as np
import polars as pl
import pytest

def table(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    return pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": rng.integers(0, 2, n)})


train, fresh = table(400, 0), table(100, 1)
leaky = train[:40]
"""


def test_fixtures_and_markers(pytester, inner):
    pytester.makepyfile(
        FRAMES
        + """
def test_no_leak(no_leakage):
    no_leakage(train, fresh, label="y")

def test_leak(no_leakage):
    no_leakage(train, leaky, label="y")

def test_leak_allowed(no_leakage):
    no_leakage(train, leaky, label="y", allow=["LK001"])

def test_report(datacheck_report):
    assert datacheck_report(train=train, test=leaky, label="y").of("LK001")

@pytest.mark.datacheck(expect=["LK001"], allow="LB")
def test_expected(datacheck_report):
    datacheck_report(train=train, test=leaky, label="y")

@pytest.mark.datacheck(expect=["LK003"])
def test_expected_in_vain(datacheck_report):
    datacheck_report(train=train, test=fresh, label="y")

@pytest.mark.datacheck(allow=["MV"])
def test_held(datacheck_report):
    datacheck_report(train=train, test=leaky, label="y")
"""
    )
    done = inner("-rf", "--strict-markers")
    failed = {line.split("::")[1].split(" ")[0] for line in done.outlines if "FAILED" in line}
    assert failed == {"test_leak", "test_expected_in_vain", "test_held"}
    text = done.stdout.str()
    assert "LK001 error: " in text
    assert "expected, and not found: LK003" in text


def test_what_is_wrong_with_a_request_is_a_line(pytester, inner):
    pytester.makepyfile(
        FRAMES
        + """
def test_no_such_label(datacheck_report):
    datacheck_report(train=train, test=fresh, label="lable")

@pytest.mark.datacheck(allow=["LK01"])
def test_no_such_rule(datacheck_report):
    datacheck_report(train=train, test=fresh, label="y")

@pytest.mark.datacheck(expect=["LK003"])
def test_both_are_told(datacheck_report):
    datacheck_report(train=train, test=leaky, label="y")
"""
    )
    done = inner("-rf")
    text = done.stdout.str()
    assert "Traceback" not in text
    assert "pytest_plugin.py" not in text
    assert "no column 'lable'" in text
    assert "LK01" in text
    assert "LK001 error: " in text
    assert "expected, and not found: LK003" in text


def test_inert_unless_used(pytester, inner):
    pytester.makepyfile(
        """
import sys

def test_nothing_is_loaded():
    heavy = {"polars", "numpy", "datacheck.auditing", "datacheck.findings"}
    assert not heavy & set(sys.modules)
"""
    )
    assert inner().parseoutcomes() == {"passed": 1}


def test_help_tells_the_options():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *FLAGS, "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    for option in ("--datacheck=PATH", "--datacheck-select", "--datacheck-fail-on"):
        assert option in done.stdout
