from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacheck.training.attribution import Cause, attribute
from datacheck.training.causes.associations import RECURRING
from tests.training.recorded_runs import recorded, simulated

BAD = [11, 250, 500]


def test_rows_that_come_back_are_named():
    found = attribute(simulated(0, bad=BAD), locate=lambda row: f"train/a.csv:{row}")
    assert found.cause is Cause.DATA
    assert list(found.rows) == BAD
    event = found.events[0]
    top = event.suspects[0]
    assert top.row in BAD
    assert top.address == f"train/a.csv:{top.row}"
    assert top.share > 0.9
    assert top.chance < 0.2
    assert top.even == 1 / 16
    assert top.named
    assert not any(s.named for s in event.suspects[1:])
    assert found.event(event.step) is event
    assert found.event(event.step + 1) is None


def test_the_rule_behind_spikes_is_named_and_others_are_not():
    named = {"NM005": np.array(BAD), "LB004": np.arange(600, 640), "MV001": np.array([9999])}
    found = attribute(simulated(1, bad=BAD), named=named)
    assert found.rules == ("NM005",)
    rule = next(a for a in found.associations if a.subject == "NM005")
    assert rule.odds.low > 1
    assert rule.events_with == rule.events
    assert rule.others_with == 0
    assert found.events[0].rules["NM005"] == 1
    assert "NM005" in found.events[0].suspects[0].rules
    assert {a.subject for a in found.associations} == {"NM005", "LB004", RECURRING}


def test_a_rule_is_found_without_losses_of_rows():
    run = simulated(2, bad=BAD)
    steps = run.steps["step"].to_list()
    bare = recorded(run.steps["loss"].to_list(), [run.rows(s) for s in steps])
    found = attribute(bare, named={"NM005": np.array(BAD)})
    assert found.cause is Cause.DATA
    assert list(found.rows) == BAD
    assert found.ranking.height == 0
    assert "no losses of rows" in found.notes[0]
    assert attribute(bare).cause is Cause.UNDECIDED


def test_without_rows_nothing_is_decided():
    losses = simulated(2, bad=BAD).steps["loss"].to_list()
    found = attribute(recorded(losses))
    assert found.cause is Cause.UNDECIDED
    assert len(found.events) > 3
    assert "no rows" in found.reason


@pytest.mark.parametrize("hard", [0.0, 0.8])
def test_shocks_from_nowhere_are_not_the_datas(hard):
    """Null: spikes that hit whole batches, hard rows or not, and a rule that names rows."""
    causes, spikes = [], 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        named = {f"R{i}": rng.choice(640, 40, replace=False) for i in range(4)}
        found = attribute(simulated(seed, shocks=0.04, hard=hard), named=named)
        causes.append(found.cause)
        spikes += len(found.events)
        if found.cause is not Cause.DATA:
            assert found.rows == ()
    assert spikes > 300
    assert causes.count(Cause.DATA) <= 6  # 5 % of 60 are 3; more than 6 has a chance of 3 %


def test_concentrated_but_never_again():
    """A run whose rows come once, with one spike: rows alone cannot tell, a replay can."""
    found = attribute(simulated(0, bad=[11], epochs=1))
    assert found.cause is Cause.UNDECIDED
    assert found.events[0].concentrated
    assert found.events[0].suspects[0].row == 11
    assert found.rows == ()
    assert "replay" in found.reason


def test_what_comes_back_with_its_batch_is_not_pinned_on_a_row():
    """Batches that are never mixed: the same company each time."""
    rng = np.random.default_rng(0)
    rows = [list(range(i, i + 8)) for i in range(0, 320, 8)] * 5
    own = rng.lognormal(0, 0.2, (len(rows), 8))
    own[[7, 47, 87, 127, 167], 3] = 500
    found = attribute(recorded(own.mean(1), rows, own, reference=1.0))
    assert len(found.events) >= 4
    assert found.cause is not Cause.DATA


def test_a_row_without_a_finite_loss_is_proof():
    rng = np.random.default_rng(0)
    rows = rng.permutation(320).reshape(40, 8)
    own = rng.lognormal(0, 0.2, (40, 8))
    own[30, 5] = np.nan
    own[31:] = np.nan  # the weights are lost
    found = attribute(recorded(own.mean(1), rows, own, reference=1.0))
    assert found.cause is Cause.DATA
    assert found.rows == (rows[30, 5],)
    assert [e.step for e in found.events] == [30]
    assert found.events[0].kinds == ("not finite",)
    assert found.events[0].suspects[0].share == 1


def test_a_whole_batch_that_is_not_finite_proves_nothing():
    rng = np.random.default_rng(0)
    rows = rng.permutation(320).reshape(40, 8)
    own = rng.lognormal(0, 0.2, (40, 8))
    own[30:] = np.nan
    found = attribute(recorded(own.mean(1), rows, own, reference=1.0))
    assert found.cause is Cause.NONE
    assert found.rows == ()


def test_rows_that_overflow_in_a_batch_that_explodes_are_no_proof():
    rng = np.random.default_rng(0)
    rows = rng.permutation(320).reshape(40, 8)
    own = rng.lognormal(0, 0.2, (40, 8))
    own[30] = 1e20
    own[30, 2] = np.nan
    own[31:] = np.nan
    assert attribute(recorded(own.mean(1), rows, own, reference=1.0)).rows == ()


def test_the_aftermath_of_a_spike_is_no_event():
    losses = [1.0 + 0.01 * (i % 3) for i in range(60)]
    losses[30:36] = [900.0, 700.0, 500.0, 300.0, 100.0, 50.0]
    assert [e.step for e in attribute(recorded(losses)).events] == [30]


def test_a_spike_that_ends_in_nan_is_told_twice_and_counts_once():
    losses = [1.0 + 0.01 * (i % 3) for i in range(40)]
    losses[38:] = [900.0, float("nan")]
    found = attribute(recorded(losses))
    assert [(e.step, e.kinds) for e in found.events] == [(38, ("loss",)), (39, ("not finite",))]


def test_a_calm_run():
    found = attribute(simulated(0))
    assert found.cause is Cause.NONE
    assert found.events == ()
    assert found.reason == "nothing spiked, and all steps are finite"


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.randoms(use_true_random=False))
def test_the_order_within_batches_does_not_matter(seed, random):
    run = simulated(seed, bad=BAD, epochs=3)
    rows, own = [], []
    for step in run.steps["step"].to_list():
        mixed = list(zip(run.rows(step).tolist(), run.row_losses(step).tolist(), strict=True))
        random.shuffle(mixed)
        rows.append([r for r, _ in mixed])
        own.append([v for _, v in mixed])
    again = recorded(run.steps["loss"].to_list(), rows, own, epoch=40, reference=1.0)
    assert attribute(run).to_dict() == attribute(again).to_dict()


def test_it_shows_and_serializes():
    run = simulated(0, bad=BAD)
    found = attribute(run, named={"NM005": np.array(BAD)}, locate=lambda row: f"a\x1b[31m:{row}")
    text = str(found)
    assert text.startswith("Cause: data. ")
    assert "NM005" in text
    assert "\x1b" not in text
    assert "of the batch's (by chance" in text
    json.dumps(found.to_dict(), allow_nan=False)
    assert str(attribute(recorded([1.0] * 20))).startswith("Cause: no data cause. nothing")
