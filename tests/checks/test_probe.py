"""The parts of a probe, held to their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks import probe
from datacheck.summaries.hashing import mix

near = pytest.approx


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), min_size=1, max_size=40))
def test_groups_stay_together_and_each_fold_has_its_share_of_each_class(rows):
    groups = mix(np.array([g for g, _ in rows], dtype=np.uint64))
    codes = np.array([c for _, c in rows])
    fold = probe.folds(codes, groups)
    firsts: dict[int, int] = {}
    for i, g in enumerate(groups.tolist()):
        firsts.setdefault(g, i)
        assert fold[i] == fold[firsts[g]]
    assert set(fold.tolist()) <= set(range(5))
    for k in range(3):
        of_class = [fold[i] for i in firsts.values() if codes[i] == k]
        dealt = np.bincount(of_class, minlength=5)
        assert np.ptp(dealt) <= 1
    dealt = np.bincount([fold[i] for i in firsts.values()], minlength=5)
    assert np.ptp(dealt) <= 1
    assert probe.folds(codes, groups, 2).max() <= 1


def test_random_features_are_those_of_a_gaussian_kernel():
    x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [3.0, 3.0]], dtype=np.float32)
    basis = probe._basis(2, 1.5, 8000)
    assert basis is not None
    assert basis.width == 8001
    found = basis(x)
    assert found.shape == (4, 8001)
    assert (found[:, -1] == 1.0).all()
    inner = found[:, :-1] @ found[:, :-1].T / 8000
    square = ((x[:, None] - x[None]) ** 2).sum(axis=2)
    assert inner == near(np.exp(-square / (2 * 1.5**2)), abs=0.05)


def test_the_features_themselves_are_used_where_they_are_few():
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    basis = probe._basis(3, 0.0, 99)
    assert basis is not None
    assert basis.width == 4
    assert basis(x).tolist() == [[0, 1, 2, 1], [3, 4, 5, 1]]
    assert probe._basis(1024, 0.0, 99) is not None
    assert probe._basis(1025, 0.0, 99) is None


def test_the_median_distance_of_two_rows():
    assert probe._median_distance(np.eye(50, dtype=np.float32) * 3) == near(3 * math.sqrt(2))
    assert probe._median_distance(np.array([[0.0], [2.0]], dtype=np.float32)) == 2.0


@pytest.mark.parametrize("penalty", [1e-4, 0.1])
def test_scores_are_those_of_a_ridge_that_never_saw_the_fold(penalty):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 4)).astype(np.float32)
    codes, fold = rng.integers(0, 3, 60), rng.integers(0, 5, 60)
    ridge = probe._Ridge(probe._Linear(4), x, codes, fold, 3)
    z = np.hstack([x, np.ones((60, 1))])
    for f in range(5):
        scores, rows = ridge.scores(f, penalty)
        assert rows.tolist() == np.flatnonzero(fold == f).tolist()
        others = z[fold != f]
        gram = others.T @ others
        weight = penalty * np.trace(gram) / 5
        sides = others.T @ np.eye(3)[codes[fold != f]]
        exact = z[rows] @ np.linalg.solve(gram + weight * np.eye(5), sides)
        assert scores == near(exact, abs=1e-4)


@pytest.mark.parametrize("half", probe.HALVES)
def test_a_half_is_fitted_to_two_other_folds(half):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 3)).astype(np.float32)
    codes, fold = rng.integers(0, 2, 80), rng.integers(0, 5, 80)
    ridge = probe._Ridge(probe._Linear(3), x, codes, fold, 2)
    (found,) = ridge.all_scores(0.1, [half])
    for f in range(5):
        mine = np.isin(fold, [(f + step) % 5 for step in half])
        assert f not in fold[mine]
        alone = probe._Ridge(probe._Linear(3), x[mine], codes[mine], np.zeros(mine.sum(), int), 2)
        alone.x, alone.rows = x, [np.empty(0, int), np.flatnonzero(fold == f)]
        assert found[fold == f] == near(alone.scores(1, 0.1)[0], abs=1e-4)


def test_halves_share_no_fold_with_each_other_or_with_the_one_that_is_judged():
    (a, b), (c, d) = probe.HALVES
    assert {a, b, c, d} == set(range(1, probe.FOLDS))


def test_probes_of_few_rows_agree_where_the_task_is_easy_only():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, 300)
    groups = np.arange(300).astype(np.uint64)
    easy = (codes[:, None] * 6 + rng.normal(size=(300, 2))).astype(np.float32)
    assert probe.out_of_fold([easy], codes, groups, 2).agreed.mean() > 0.98
    hard = rng.normal(size=(300, 40)).astype(np.float32)
    hard[:, 0] += codes
    assert probe.out_of_fold([hard], codes, groups, 2).agreed.mean() < 0.8


def test_a_fold_without_rows_has_no_scores():
    ridge = probe._Ridge(
        probe._Linear(1), np.ones((4, 1), dtype=np.float32), np.arange(4) % 2, np.arange(4) % 2, 2
    )
    scores, rows = ridge.scores(3, 0.1)
    assert (scores.shape, rows.size) == ((0, 2), 0)


@given(st.integers(0, 10**6), st.floats(1, 64))
def test_probabilities_are_a_softmax(seed, sharp):
    scores = np.random.default_rng(seed).normal(size=(5, 3)).astype(np.float32)
    exact = scipy.special.softmax(scores.astype(np.float64) * sharp, axis=1)
    assert probe._softmax(scores, sharp) == near(exact)


@given(st.integers(0, 10**6), st.floats(0, 3))
def test_the_temperature_is_the_one_with_the_least_log_loss(seed, told):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, 40)
    scores = (rng.normal(size=(40, 3)) * 0.3 + told * np.eye(3)[codes]).astype(np.float32)
    grid = np.geomspace(1, 64, 19)
    losses = []
    for sharp in grid:
        p = scipy.special.softmax(scores.astype(np.float64) * sharp, axis=1)
        losses.append(-np.log(np.maximum(p[np.arange(40), codes], 1e-12)).mean())
    best = int(np.argmin(losses))
    assert probe._sharpness(scores, codes) == near((grid[best], losses[best]))


def test_a_loss_is_bounded():
    scores = np.array([[1000.0, 0.0]], dtype=np.float32)
    assert probe._sharpness(scores, np.array([1])) == near((1.0, 12 * math.log(10)))


def test_of_many_rows_some_tell_the_temperature():
    scores = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (16_384, 1))
    codes = np.arange(16_384) % 2  # each second row is right
    assert probe._sharpness(scores[:-1], codes[:-1])[0] == 1.0
    assert probe._sharpness(scores, codes)[0] > 30
