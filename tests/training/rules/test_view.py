"""Shares of the loss, intervals, and the rows behind a step."""

from __future__ import annotations

import math

import numpy as np
import pytest

from datacheck.checks.base import NotApplicable
from datacheck.training.rules.spread import blocks, log_ratio, median_interval
from datacheck.training.rules.view import View
from tests.training.rules.planted import BATCH, changed, guilty, healthy


def test_the_interval_of_a_median_holds_it():
    """At 1e-4 outside, two hundred samples hold it all; a tenth of the width would not."""
    rng = np.random.default_rng(0)
    held = thin = 0
    for _ in range(200):
        x = rng.lognormal(0, 1.5, 101)
        median, low, high = median_interval(x)
        assert low <= median <= high
        held += low <= 1 <= high
        thin += median / (median / low) ** 0.1 <= 1 <= median * (high / median) ** 0.1
    assert held == 200
    assert thin < 180


def test_the_interval_of_a_ratio_of_medians_holds_it():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        ratio, low, high = log_ratio(rng.lognormal(1, 0.5, 60), rng.lognormal(0, 0.5, 90))
        assert low < ratio < high
        held += low <= math.e <= high
    assert held >= 198
    assert all(math.isnan(v) for v in log_ratio(np.zeros(5), np.ones(5)))
    assert log_ratio(np.array([4.0]), np.full(9, 2.0)) == pytest.approx((2.0, 2.0, 2.0))


def test_blocks_are_all_of_it_in_order():
    assert [b.tolist() for b in blocks(np.arange(5.0), 2)] == [[0, 1, 2], [3, 4]]
    assert len(blocks(np.arange(3.0))) == 3


def test_the_row_to_blame_comes_first_step_by_step():
    run = guilty(guilty(healthy("sgd", 0), [400], 90.0, row=1), [500], 50.0, row=2)
    blame = View(run).blame([400, 500], {"z": [9.0, 8.0]})
    assert [e.addresses for e in blame.examples[:2]] == [("1",), ("2",)]
    assert [e.values["step"] for e in blame.examples] == [400, 500, 400, 500, 400]
    assert blame.evidence["suspects"] == ["1", "2"]
    assert blame.evidence["suspects_in_all"] == 2
    assert blame.evidence["steps"] == [400, 500]


def test_rows_without_losses_are_shown_and_nobody_is_blamed():
    run = healthy("sgd", 0)
    bare = changed(run, row_loss=[None] * run.steps.height)
    blame = View(bare).blame([7], {})
    rows = run.rows(7)
    assert [e.addresses for e in blame.examples] == [(str(r),) for r in rows[:5]]
    assert "suspects" not in blame.evidence
    nothing = changed(bare, rows=[None] * run.steps.height)
    assert View(nothing).blame([7, 8], {}).examples[1].values == {"step": 8}


def test_a_row_stands_out_from_three_equal_shares_on():
    run = healthy("sgd", 0)
    for times, named in ((2.5, []), (3.5, ["7"])):
        losses = run.steps["row_loss"].to_list()
        rows = run.steps["rows"].to_list()
        losses[9] = [1.0] * BATCH
        rows[9][3] = 7
        # x / (x + 31) = times / 32
        losses[9][3] = 31 * times / (BATCH - times)
        blame = View(changed(run, row_loss=losses, rows=rows)).blame([9], {})
        assert blame.evidence.get("suspects", []) == named


def test_series():
    run = healthy("sgd", 0)
    series = View(run).series("update_ratio")
    assert series.steps.tolist() == list(range(0, 1000, 7))
    assert len(series.late()) == 143 - 14
    with pytest.raises(NotApplicable, match="fewer than 2000 steps"):
        View(run).series("loss", least=2000)
    assert View(run).when(812) == "step 812 (epoch 16)"
    assert View(changed(run, epoch=[None] * 1000)).when(1) == "step 1"
