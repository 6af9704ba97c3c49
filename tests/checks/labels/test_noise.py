"""How many labels are wrong where a probe is sure, and when it cannot be told from a hard task."""

from __future__ import annotations

import numpy as np
import pytest

from datacheck.checks.noise import EACH, GUESSING, HARD, MOST, OWN, RECALL, estimate, hard, reliable

near = pytest.approx


def judged(truth, codes, rng, *, sure=None):
    """The estimate for a model that tells the truth, with a sureness that means nothing."""
    n, classes = truth.size, int(truth.max()) + 1
    sure = rng.uniform(0.7, 0.99, n) if sure is None else sure
    p = np.repeat(((1 - sure) / (classes - 1))[:, None], classes, axis=1)
    p[np.arange(n), truth] = sure
    return estimate(p, codes)


def turned(truth, share, rng):
    classes = int(truth.max()) + 1
    wrong = rng.random(truth.size) < share
    return np.where(wrong, (truth + rng.integers(1, classes, truth.size)) % classes, truth)


@pytest.mark.parametrize("n", [300, 2000])
@pytest.mark.parametrize("weights", [(1, 1), (8, 1), (1, 1, 1), (6, 3, 1), (1,) * 8])
def test_a_share_of_wrong_labels_is_estimated(n, weights):
    rng = np.random.default_rng(0)
    truth = rng.choice(len(weights), n * len(weights), p=np.array(weights) / sum(weights))
    codes = turned(truth, 0.12, rng)
    found = judged(truth, codes, rng)
    assert found is not None
    assert found.told
    assert found.errors == near((codes != truth).mean())
    assert 0.01 < found.low < found.value <= found.high
    assert found.low < 0.12 < found.high
    assert found.value >= OWN * found.errors


def test_twice_as_many_are_found_too():
    rng = np.random.default_rng(0)
    truth = rng.choice(3, 1500, p=[0.6, 0.3, 0.1])
    one, two = (judged(truth, turned(truth, share, rng), rng) for share in (0.1, 0.2))
    assert one is not None
    assert two is not None
    assert one.told
    assert two.told
    assert two.value > one.value


def test_errors_where_the_probe_is_unsure_are_no_wrong_labels():
    rng = np.random.default_rng(1)
    n = 2000
    truth = rng.integers(0, 2, n)
    sure = rng.uniform(0.5, 1.0, n)
    said = np.where((sure < 0.6) & (rng.random(n) < 0.5), 1 - truth, truth)
    p = np.empty((n, 2))
    p[np.arange(n), said], p[np.arange(n), 1 - said] = sure, 1 - sure
    found = estimate(p, truth)
    assert found is not None
    assert not found.told
    assert found.value < 0.01 < found.errors


def test_the_order_of_sureness_can_be_given():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 2000)
    codes = turned(truth, 0.1, rng)
    p = np.full((2000, 2), 0.2)
    p[np.arange(2000), truth] = 0.8
    found = estimate(p, codes, np.where(codes == truth, 0.9, 0.1))
    assert found is not None
    assert found.value == 0
    assert not found.told


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("classes", [2, 5])
def test_a_class_of_which_a_part_looks_like_another_is_not_full_of_wrong_labels(share, classes):
    rng = np.random.default_rng(3)
    codes = rng.integers(0, classes, 3000)
    seen = np.where((codes == 1) & (rng.random(3000) < share), 0, codes)
    found = judged(seen, codes, rng)
    assert found is None or not found.told


def test_more_wrong_labels_than_are_believed():
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 5, 3000)
    found = judged(truth, turned(truth, MOST + 0.04, rng), rng)
    assert found is not None
    assert not found.told


def test_classes_of_few_rows_each():
    rng = np.random.default_rng(5)
    for rows, told in ((EACH + 4, True), (EACH - 4, False)):
        truth = np.arange(rows * 12) % 12
        found = judged(truth, turned(truth, 0.15, rng), rng)
        assert found is not None
        assert found.told == told


def test_of_few_rows_nothing_is_said():
    p = np.array([[0.9, 0.1], [0.2, 0.8]] * 20)
    assert estimate(p, np.arange(40) % 2) is None


def test_how_much_a_probe_has_to_know():
    assert hard(2) == near(GUESSING / 2)
    assert hard(100) == HARD


def test_a_class_of_which_half_is_missed_is_not_reliable():
    codes = np.arange(3000) % 3
    sure = np.linspace(0, 1, 3000)
    for recall, trusted in ((RECALL - 0.1, False), (RECALL + 0.1, True)):
        predicted = codes.copy()
        mine = np.flatnonzero(codes == 0)
        predicted[mine[round(recall * mine.size) :]] = 1
        assert reliable(predicted, codes, sure, 3).tolist() == [trusted, True, True]


def test_a_rare_class_that_wrong_labels_fill_is_reliable():
    rng = np.random.default_rng(6)
    truth = rng.choice(2, 3000, p=[0.88, 0.12])
    codes = turned(truth, 0.12, rng)
    assert (truth[codes == 1] == 1).mean() < RECALL
    assert reliable(truth, codes, rng.random(3000), 2).all()
