"""The chance of unseen categories, against drawing lots."""

from __future__ import annotations

import numpy as np
import pytest

from datacheck.checks.normalization.unseen_categories import chance


def lots(counts, share, rng):
    """Rows of each category in train and in the other split, of one random split."""
    whole = np.repeat(np.arange(len(counts)), counts)
    other = rng.permutation(whole)[: int(share * whole.size)]
    seen = np.bincount(other, minlength=len(counts)).astype(float)
    return np.asarray(counts) - seen, seen


@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("counts", [[40, 30, 5, 3], [1] * 60 + [2] * 30 + [50]])
def test_expected_and_p_are_those_of_random_splits(counts, share):
    rng = np.random.default_rng(1)
    rows, small, tiny = [], 0, 0
    for _ in range(400):
        known, seen = lots(counts, share, rng)
        expected, p, hardly = chance(known, seen, 2)
        rows.append(seen[known == 0].sum())
        small += p <= 0.1
        tiny += hardly.min() <= 0.1
    assert np.mean(rows) == pytest.approx(expected, rel=0.15, abs=0.15)
    assert small <= 0.25 * 400  # two looks of 10 % each, both of them bounds
    assert tiny <= 0.2 * 400


def test_what_a_new_ward_would_be():
    expected, p, _ = chance(np.array([300.0, 290, 0]), np.array([80.0, 90, 16]), 2)
    assert expected < 1e-6
    assert p < 1e-8


def test_one_row_in_train_is_hardly_known():
    _, p, hardly = chance(np.array([300.0, 290, 1]), np.array([80.0, 90, 16]), 2)
    assert p == 1.0
    assert hardly[2] < 1e-6
    assert list(hardly[:2]) == [1.0, 1.0]
