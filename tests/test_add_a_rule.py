"""The eight steps of docs/add-a-rule.md, taken in a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "add-a-rule.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"^(?P<fence>`{3,})\w+ (?P<how>new|more|after): (?P<file>[^\s:]+)(?:: (?P<line>[^\n]+))?\n"
    r"(?P<text>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
# Where each rule has a test; to collect all of tests/checks would take longer than these.
BATTERY = (
    "tests/checks/test_battery.py", "tests/test_specs.py", "tests/checks/test_codes.py",
    "tests/checks/test_pages.py", "tests/checks/test_what_rules_need.py",
    "tests/testing/test_faults.py",
)  # fmt: skip


@pytest.fixture
def copy(tmp_path):
    """What the steps and the battery need of the repository."""
    for name in ("datacheck", "docs", "fixtures", "tests"):
        skipped = shutil.ignore_patterns("__pycache__", "images", "api")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=skipped if name == "docs" else None)
    for name in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def take(folder: Path, how: str, file: str, line: str | None, text: str) -> None:
    """Do what one block of the page says."""
    path = folder / file
    if how == "new":
        assert not path.exists(), file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return
    before = path.read_text(encoding="utf-8")
    if how == "more":
        path.write_text(before + text, encoding="utf-8")
        return
    assert line is not None
    assert before.count(f"{line}\n") == 1, line
    path.write_text(before.replace(f"{line}\n", f"{line}\n{text}"), encoding="utf-8")


def test_there_are_eight_steps():
    assert re.findall(r"^### (\d)\. ", PAGE, re.MULTILINE) == [str(i) for i in range(1, 9)]


def test_the_steps_make_a_rule_that_passes_the_battery(copy):
    blocks = [m.groupdict() for m in BLOCK.finditer(PAGE)]
    assert len(blocks) == 9
    for b in blocks:
        take(copy, b["how"], b["file"], b["line"], b["text"])

    def run(*arguments: str, golden: str = "") -> str:
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy), "COLUMNS": "100", "GOLDEN": golden},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    chosen = "MV099 or every_code or every_rule_has or every_fixture or codes_are or mostly-zeros"
    assert "GOLDEN=write" in PAGE
    run("pytest", "-q", "-p", "no:cacheprovider", "-k", "MV099", *BATTERY[:2], golden="write")
    said = run("pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", chosen, *BATTERY)
    passed = re.search(r"(\d+) passed", said)
    assert passed is not None
    assert int(passed[1]) >= 15, said
    page = run("datacheck", "rule", "MV099")
    assert "mostly-zeros (MV099)" in page
    said = run("datacheck", "audit", "fixtures/rules/MV099/bad", "--select", "MV099")
    assert "WARNING MV099 mostly-zeros" in said
    assert "dose (95.8%)" in said
    run("ruff", "check", "--no-cache", "datacheck/checks/missing/mostly_zeros.py")
