"""Golden reports: what rules said of the fixtures and specifications, figure by figure.

A change that is meant is written with ``GOLDEN=write pytest tests/test_specs.py
tests/checks/test_battery.py`` and looked at in the diff.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from datacheck.findings import Report

FOLDER = Path(__file__).parent / "golden"
LEFT_OUT = ("why", "name", "share", "repairs")  # the same in all reports of a rule, or in others
HINT = "GOLDEN=write pytest tests/test_specs.py tests/checks/test_battery.py, and look at the diff"
TOLERANCE = 1e-4
"""Relative: figures are rounded to 6 digits, and processors differ in the last bits of sums."""


@cache
def _kept(name: str) -> dict[str, Any]:
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def agrees(name: str, case: str, report: Report) -> None:
    """Hold the findings of a report to those kept for a case."""
    plain = json.loads(report.to_json(timing=False))["findings"]
    found = [{k: v for k, v in finding.items() if k not in LEFT_OUT} for finding in plain]
    kept = _kept(name)
    if os.environ.get("GOLDEN") == "write":
        kept[case] = found
        FOLDER.mkdir(exist_ok=True)
        lines = [
            f"{json.dumps(c)}: {json.dumps(f, ensure_ascii=False)}" for c, f in sorted(kept.items())
        ]
        (FOLDER / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        return
    assert case in kept, f"{case} is new: {HINT}"
    try:
        _same(found, kept[case], case)
    except AssertionError as error:
        error.add_note(f"if that is meant: {HINT}")
        raise


def _same(now: Any, then: Any, where: str) -> None:
    if isinstance(then, dict) and isinstance(now, dict):
        assert sorted(now) == sorted(then), where
        for key in then:
            _same(now[key], then[key], f"{where} {key}")
    elif isinstance(then, list) and isinstance(now, list):
        assert len(now) == len(then), where
        for i, (a, b) in enumerate(zip(now, then, strict=True)):
            _same(a, b, f"{where} [{i}]")
    elif isinstance(then, float) and isinstance(now, int | float):
        assert now == pytest.approx(then, rel=TOLERANCE, abs=1e-9), where
    else:
        assert now == then, where
