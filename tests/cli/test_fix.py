"""The verbs fix, undo and repairs as a person meets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from datacheck.pipelines.repairs import TABLE

CLINIC = Path(__file__).parents[2] / "fixtures" / "clinic"


def test_dry_run_writes_nothing(run, here):
    done = run("fix", str(CLINIC), "--dry-run")
    assert done.exit_code == 0
    assert "nothing is written" in done.stdout
    assert "158 values would change: lactate 158 (MV001" in done.stdout
    assert "--unsafe" in done.stdout
    assert list(here.iterdir()) == []


def test_plan_fix_undo(run, here):
    assert run("fix", str(CLINIC), "--write-plan", "plan.toml").exit_code == 0
    assert 'repair = "drop-from-train"' in (here / "plan.toml").read_text()
    done = run("fix", str(CLINIC), "-o", "clean", "--plan", "plan.toml")
    assert done.exit_code == 0, done.stderr
    assert "10 rows left (LK001, NM001)" in done.stdout
    assert "next: datacheck audit" in done.stdout
    audit = run("audit", "clean", "--select", "LK001,MV001,MV004,NM001,NM006,SL")
    assert audit.exit_code == 0, audit.stdout
    done = run("undo", "clean", "-o", "restored")
    assert done.exit_code == 0, done.stderr
    for name in ("train.csv", "test.csv"):
        assert (here / "restored" / name).read_bytes() == (CLINIC / name).read_bytes()


def test_select_takes_a_list(run):
    done = run("fix", str(CLINIC), "--dry-run", "--select", "MV001, LK001")
    assert done.exit_code == 0, done.stderr
    assert "(MV001" in done.stdout
    assert "(LK001" in done.stdout
    assert "NM006" not in done.stdout


def test_select_limits_the_plan(run):
    done = run("fix", str(CLINIC), "--dry-run", "--select", "MV")
    assert "impute-with-indicator" in done.stdout
    assert "drop-from-train" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fix"], "nothing to fix"),
        (["fix", str(CLINIC)], "say what to do"),
        (["fix", str(CLINIC), "--dry-run", "-o", "x"], "say what to do"),
        (["fix", str(CLINIC), "-o", "no/such/x"], "no folder"),
        (["fix", str(CLINIC), "-o", "."], "is there already"),
        (["fix", str(CLINIC), "-o", "x", "--plan", "nope.toml"], "cannot read nope.toml"),
        (["fix", str(CLINIC), "-o", "x", "--select", "QQ9"], "QQ9"),
        (["fix", "nowhere", "-o", "x"], "no such file"),
        (["undo", str(CLINIC), "-o", "x"], "manifest.json"),
        (["undo", "nowhere", "-o", "x"], "manifest.json"),
    ],
)
def test_mistakes_are_one_line_and_a_hint(run, here, arguments, said):
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    assert list(here.iterdir()) == []


def test_all_repairs_are_listed(run):
    done = run("repairs")
    assert [k.name for k in TABLE] == [
        line.split()[0] for line in done.stdout.splitlines() if not line.startswith(" ")
    ]
