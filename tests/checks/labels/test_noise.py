"""Which classes a probe tells well enough, and how many labels are wrong where it is sure."""

from __future__ import annotations

import numpy as np
import pytest

from datacheck.checks.noise import ABOVE, OWN, RECALL, ROWS, estimate, recalls, reliable

near = pytest.approx


def codes_with(recall, classes, n=1000):
    """(predicted, codes) of balanced classes, class 0 told with this recall, the others always."""
    codes = np.arange(n * classes) % classes
    predicted = codes.copy()
    mine = np.flatnonzero(codes == 0)
    predicted[mine[round(recall * n) :]] = 1
    return predicted, codes


def test_the_recall_of_each_class():
    predicted, codes = np.array([0, 1, 1, 2, 0]), np.array([0, 1, 0, 2, 2])
    assert recalls(predicted, codes, 4).tolist() == near([0.5, 1.0, 0.5, 0.0])


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_a_class_is_told_well_if_its_recall_is_far_above_guessing(classes):
    least = max(RECALL, ABOVE + (1 - ABOVE) / classes)
    for off, trusted in ((0.002, True), (-0.002, False)):
        predicted, codes = codes_with(least + off, classes)
        assert reliable(predicted, codes, classes)[0] == trusted
        assert reliable(predicted, codes, classes)[2:].all()


def test_classes_that_are_absent_make_guessing_no_harder():
    predicted, codes = codes_with(ABOVE + (1 - ABOVE) / 2 - 0.01, 2)
    assert not reliable(predicted, codes, 9)[0]


def test_a_share_of_wrong_labels_is_estimated():
    rng = np.random.default_rng(0)
    n = 20 * ROWS
    truth = rng.integers(0, 3, n)
    wrong = rng.random(n) < 0.06
    codes = np.where(wrong, (truth + 1) % 3, truth)
    sure = rng.uniform(0.7, 0.99, n)
    p = np.repeat(((1 - sure) / 2)[:, None], 3, axis=1)
    p[np.arange(n), truth] = sure
    found = estimate(p, codes)
    assert found is not None
    assert found.told
    assert found.errors == near(wrong.mean())
    assert found.low < found.value <= found.high
    assert found.low < 0.06 < found.high
    assert found.value >= OWN * found.errors


def test_errors_where_the_probe_is_unsure_are_no_wrong_labels():
    rng = np.random.default_rng(1)
    n = 20 * ROWS
    truth = rng.integers(0, 2, n)
    sure = rng.uniform(0.5, 1.0, n)
    said = np.where((sure < 0.6) & (rng.random(n) < 0.5), 1 - truth, truth)
    p = np.empty((n, 2))
    p[np.arange(n), said], p[np.arange(n), 1 - said] = sure, 1 - sure
    found = estimate(p, truth)
    assert found is not None
    assert not found.told
    assert found.value < 0.01 < found.errors


def test_of_few_rows_nothing_is_said():
    p = np.array([[0.9, 0.1], [0.2, 0.8]] * ROWS)[:ROWS]
    assert estimate(p[: ROWS // 4], np.arange(ROWS // 4) % 2) is None
