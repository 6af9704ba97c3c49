"""What can be learned from: labels that vary, in rows enough."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.checks.predict import LEAST


def reason(label, task, rows=200, kept=None):
    """Why LK005 was not judged; empty if it was."""
    x = np.random.default_rng(0).normal(size=rows)
    frame = pl.DataFrame({"x": x, "label": label})
    report = datacheck.audit(
        {"train": frame}, settings={"select": ["LK005"], "label": "label", "task": task}
    )
    (outcome,) = report.outcomes
    return outcome.reason


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_a_label_that_never_varies_teaches_nothing(task):
    assert "the same label" in reason([2.0] * 200, task)
    assert reason([2.0] * 120 + [5.0] * 80, task) == ""


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_rows_without_a_label_are_no_rows(task):
    nothing = reason(pl.Series([None] * 200, dtype=pl.Float64), task)
    assert "0 rows with a label" in nothing
    for n, enough in ((LEAST - 1, False), (LEAST, True)):
        some = [float(i % 2) for i in range(n)] + [None] * (200 - n)
        assert (reason(some, task) == "") is enough
    infinite = [float("inf")] * 100 + [float("nan")] * 60 + [1.0, 2.0] * 20
    assert "40 rows with a label" in reason(infinite, "regression")


def test_classes_have_to_repeat():
    for classes, enough in ((100, True), (101, False)):
        told = reason([f"c{i % classes}" for i in range(200)], "classification")
        assert ("hardly repeat" not in told) is enough
