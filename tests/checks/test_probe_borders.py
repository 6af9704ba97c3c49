"""Which rows, features and folds a probe takes, at the exact borders."""

from __future__ import annotations

import math

import numpy as np
import pytest

from datacheck.checks import probe

near = pytest.approx


def test_the_median_distance_is_that_of_differences():
    x = 100 + np.arange(2049, dtype=np.float32)[:, None] % 2  # 100 and 101: 0 or 1 apart
    rows = np.random.default_rng(1).permutation(2049)[:2048]
    apart = [abs(float(x[a, 0] - x[b, 0])) for a, b in zip(rows[1:], rows[:-1], strict=True)]
    assert probe._median_distance(x) == np.median(apart)
    far = np.random.default_rng(0).normal(size=(4000, 3)).astype(np.float32) + 50
    rows = np.random.default_rng(1).permutation(4000)[:2048]
    apart = [math.dist(far[a], far[b]) for a, b in zip(rows[1:], rows[:-1], strict=True)]
    assert probe._median_distance(far) == near(np.median(apart), rel=1e-5)


def test_a_scale_of_nothing_means_the_features_themselves():
    assert isinstance(probe._basis(3, 0.0, 9), probe._Linear)
    assert isinstance(probe._basis(3, 1e-9, 9), probe._Fourier)
    wide = probe._basis(1025, 1.0, 9)
    assert wide is not None
    assert wide.width == 10


def test_waves_begin_anywhere():
    """The mean of √2 cos(b) over all beginnings b is 0, its mean square 1."""
    basis = probe._Fourier(2, 20_000, 1.0)
    at_zero = basis(np.zeros((1, 2), dtype=np.float32))[0, :-1]
    assert at_zero.mean() == near(0, abs=0.03)
    assert (at_zero**2).mean() == near(1, abs=0.03)
    assert basis.shift.max() == near(2 * math.pi, abs=0.01)


def test_equal_features_still_give_scores():
    """The penalty is never 0, where all features are."""
    x = np.zeros((40, 2), dtype=np.float32)
    ridge = probe._Ridge(probe._Linear(2), x, np.arange(40) % 2, np.arange(40) // 2 % 5, 2)
    assert ridge.scores(0, 0.0)[0] == near(0.5, abs=1e-6)


@pytest.mark.parametrize("penalty", [0.01, 1.0])
def test_the_penalty_is_a_share_of_the_mean_square(penalty):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3)).astype(np.float32)
    codes = rng.integers(0, 2, 50)
    ridge = probe._Ridge(probe._Linear(3), x, codes, np.arange(50) % 5, 2)
    for some in ((0, 1), (1, 2, 3), (0, 1, 2, 3)):
        mine = np.isin(np.arange(50) % 5, some)
        z = np.hstack([x, np.ones((50, 1))])[mine]
        gram = z.T @ z
        gram += penalty * np.trace(gram) / 4 * np.eye(4)
        exact = np.linalg.solve(gram, z.T @ np.eye(2)[codes[mine]])
        assert ridge.weights(some, penalty) == near(exact, abs=1e-4)


def test_rows_that_are_left_out_leave_no_trace():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 2)).astype(np.float32)
    codes, fold = rng.integers(0, 2, 60), np.arange(60) % 5
    ridge = probe._Ridge(probe._Linear(2), x, codes, fold, 2)
    ridge.scores(0, 0.1)
    gone = np.arange(0, 60, 7)
    ridge.without(gone)
    kept = np.setdiff1d(np.arange(60), gone)
    other = probe._Ridge(probe._Linear(2), x[kept], codes[kept], fold[kept], 2)
    for folds in ((1, 2, 3, 4), (1, 3)):
        assert ridge.weights(folds, 0.1) == near(other.weights(folds, 0.1), abs=1e-4)


def rings(n, seed):
    """Two classes, one around the other: a kernel tells them, a line does not."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2, n)
    angle = rng.uniform(0, 2 * math.pi, n)
    x = (1 + 2 * codes)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return (x + rng.normal(size=(n, 2)) * 0.1).astype(np.float32), codes


def test_the_better_model_of_the_better_view_is_taken():
    x, codes = rings(400, 0)
    noise = np.random.default_rng(1).normal(size=(400, 2)).astype(np.float32)
    groups = np.arange(400).astype(np.uint64)
    for views in ([x], [noise, x], [x, noise]):
        found = probe.out_of_fold(views, codes, groups, 2)
        assert "kernel" in found.model
        assert (found.probabilities.argmax(axis=1) == codes).mean() > 0.99
