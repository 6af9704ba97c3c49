"""docs/study-json.md names every field, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from tests.training.study.test_conduct import run

PAGE = Path("docs/study-json.md").read_text(encoding="utf-8")


def documented(section):
    """The fields of the table below that heading."""
    after = PAGE.split(section, 1)[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in after.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_the_page_is_complete(tmp_path):
    told = run(tmp_path / "s").told
    # A study of a dataset tells these besides.
    assert set(told) | {"evaluation", "plan"} == documented("# The outcome")
    (one,) = told["repairs"]
    assert set(one) == documented("## A comparison")
    for control in told["controls"]:
        assert set(control) < set(one)
    for arm in told["arms"]:
        assert set(arm) == documented("## An arm")
