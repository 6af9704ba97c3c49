from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from datacheck.training.recording.visits import Visits, loss_shares
from tests.training.recorded_runs import recorded, simulated

LOSSES = st.lists(
    st.lists(st.floats(0, 1e6) | st.just(float("nan")), min_size=1, max_size=9),
    min_size=1,
    max_size=12,
)


def of(losses, rows=None):
    rows = rows or [list(range(len(own))) for own in losses]
    return Visits.of(recorded([1.0] * len(losses), rows, losses, reference=1.0))


@given(LOSSES)
def test_medians_are_those_of_numpy(losses):
    visits = of(losses)
    theirs = [np.median(np.where(np.isfinite(own), own, 1e30)) for own in losses]
    assert np.allclose(visits.medians(visits.finite), theirs)


@given(LOSSES, st.randoms(use_true_random=False))
def test_the_ranking_does_not_depend_on_any_order(losses, random):
    rows = [random.sample(range(20), len(own)) for own in losses]
    steps = [list(zip(r, own, strict=True)) for r, own in zip(rows, losses, strict=True)]
    mixed = [random.sample(step, len(step)) for step in random.sample(steps, len(steps))]
    again = of([[v for _, v in s] for s in mixed], [[r for r, _ in s] for s in mixed])
    assert of(losses, rows).ranking().equals(again.ranking(), null_equal=True)


@given(LOSSES)
def test_all_rows_are_ranked_once(losses):
    rows = [[(7 * i + j) % 11 for j in range(len(own))] for i, own in enumerate(losses)]
    ranked = of(losses, rows).ranking()
    assert sorted(ranked["row"].to_list()) == sorted({r for step in rows for r in step})
    assert np.isfinite(ranked["score"].to_numpy()).all()


@settings(max_examples=20)
@given(st.floats(1e-6, 1e6))
def test_the_unit_of_the_loss_does_not_matter(unit):
    run = simulated(3, bad=[5, 9], hard=0.5, epochs=2)
    steps = run.steps["step"].to_list()
    rows = [run.rows(s) for s in steps]
    scaled = [run.row_losses(s) * unit for s in steps]
    again = recorded([1.0] * len(steps), rows, scaled, reference=unit)
    assert np.allclose(
        Visits.of(run).ranking().sort("row")["score"],
        Visits.of(again).ranking().sort("row")["score"],
        rtol=1e-6,
        atol=1e-9,
    )


def test_rows_without_a_finite_loss_come_first():
    losses = [[1.0, 2.0, float("nan")], [500.0, 1.0, 1.0], [float("nan")] * 3]
    ranked = of(losses).ranking()
    assert ranked["row"].to_list() == [2, 0, 1]
    # Where all of a batch is not finite, it says nothing about a row.
    assert ranked["not_finite"].to_list() == [1, 0, 0]
    assert ranked["visits"].to_list() == [2, 2, 2]


def test_a_loss_of_zero_far_from_its_batch_is_conspicuous():
    early = [2.1, 2.4, 2.2, 2.3, 1.9, 2.0, 2.5, 0.0]
    late = [1e-6, 2e-6, 5e-7, 1e-6, 3e-7, 1e-6, 2e-6, 0.0]
    visits = of([early, late])
    assert visits.saturated.tolist() == [False] * 7 + [True] + [False] * 8
    assert visits.ranking()["row"][0] == 7


def test_losses_below_zero_have_no_margin():
    assert not of([[-1.0, 0.0, 2.0, 2.0]]).saturated.any()


def test_far_off_once_counts_more_than_a_little_hard_always():
    once = [[1.0, 1.0, 1.0, 500.0, 3.0]]
    often = [[1.0, 1.0, 1.0, 1.0, 3.0]] * 19
    assert of(once + often).ranking()["row"].to_list()[:2] == [3, 4]


def test_a_late_tiny_loss_counts_little():
    """In the units of the run, whatever the spread of its own batch."""
    early = [[1.0, 1.1, 0.9, 1.0, 8.0]]
    late = [[1e-9, 1e-9, 1e-9, 1e-4, 1e-9]] * 5
    assert of(early + late).ranking()["row"][0] == 4


def test_rows_without_losses():
    visits = Visits.of(recorded([1.0, 2.0], [[1, 2], [3, 4]]))
    assert visits.rows.tolist() == [1, 2, 3, 4]
    assert visits.losses.size == 0


def test_steps_without_rows_are_left_out():
    run = recorded([1.0, 2.0, 3.0], [[1, 2], [], [3]], [[1.0, 2.0], [], [4.0]])
    assert Visits.of(run).steps.tolist() == [0, 2]
    assert Visits.of(recorded([1.0, 2.0])).rows.size == 0


@pytest.mark.parametrize("seed", range(5))
def test_planted_rows_are_at_the_top(seed):
    bad = [3, 77, 200, 401, 555]
    ranked = Visits.of(simulated(seed, bad=bad, factor=100, hard=0.7)).ranking()
    assert sorted(ranked["row"][:5].to_list()) == bad


ANY = st.one_of(
    st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, -math.inf, 1.7e308, 0.0])
)


def alone(losses):
    return loss_shares(losses, np.array([0, losses.size]))


@given(st.lists(hnp.arrays(np.float64, st.integers(1, 9), elements=ANY), min_size=1, max_size=6))
def test_shares_of_a_batch_are_its_own(batches):
    starts = np.cumsum([0, *map(len, batches)])
    together = loss_shares(np.concatenate(batches), starts)
    np.testing.assert_allclose(together, np.concatenate([*map(alone, batches)]), rtol=1e-12)


@given(hnp.arrays(np.float64, st.integers(1, 40), elements=ANY))
def test_shares_are_shares(losses):
    shares = alone(losses)
    assert shares.sum() == pytest.approx(1)
    assert (shares >= 0).all()
    bad = ~np.isfinite(losses)
    if bad.any():
        assert (shares[bad] == 1 / bad.sum()).all()
    else:
        order = np.argsort(losses, kind="stable")
        assert (np.diff(shares[order]) >= 0).all()


@given(hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 1e6)))
def test_shares_know_no_units(losses):
    np.testing.assert_allclose(alone(8 * losses), alone(losses))


def test_shares_by_hand():
    assert alone(np.array([1.0, 3.0])).tolist() == [0.25, 0.75]
    assert alone(np.zeros(4)).tolist() == [0.25] * 4
    assert alone(np.array([math.nan, 9.0, math.inf])).tolist() == [0.5, 0.0, 0.5]
