"""How many labels are wrong where a probe is sure, and when it cannot be told from a hard task."""

from __future__ import annotations

import numpy as np
import pytest

from datacheck.checks.noise import (
    CALM,
    DIFFER,
    EACH,
    FEW,
    FEW_HARD,
    FREE,
    GUESSING,
    HARD,
    MOST,
    OWN,
    RECALL,
    estimate,
    hard,
    reliable,
)  # fmt: skip

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
    assert hard(2, FEW) == near(GUESSING / 2)
    assert hard(100, FEW) == HARD
    assert hard(2, FEW - 1) == hard(100, FEW - 1) == FEW_HARD


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


def certain(n, share, seed=0):
    """A model that tells the truth of two classes, and codes of which a share is turned."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    p = np.full((n, 2), 0.1)
    p[np.arange(n), truth] = 0.9
    return p, turned(truth, share, rng), rng.random(n)


def test_contradictions_that_a_committee_does_not_share_do_not_count():
    p, codes, sure = certain(3000, 0.1)
    wrong = p.argmax(axis=1) != codes
    alone = wrong & (np.cumsum(wrong) % 2 == 0)
    every = estimate(p, codes, sure)
    some = estimate(p, codes, sure, ~alone)
    assert every is not None
    assert some is not None
    assert every.told
    assert some.errors == every.errors
    assert some.value < 0.6 * every.value


@pytest.mark.parametrize("n", [400, 600, 1500])
def test_a_committee_that_differs_too_often_tells_nothing(n):
    most = max(DIFFER, (n - CALM) / FREE)
    p, codes, sure = certain(n, 0.1)
    for share, told in ((most - 0.02, True), (most + 0.02, False)):
        agreed = np.ones(n, dtype=bool)
        agreed[np.flatnonzero(p.argmax(axis=1) == codes)[: round(share * n)]] = False
        found = estimate(p, codes, sure, agreed)
        assert found is not None
        assert found.told == told
        assert ("says something else" in found.lacks) is not told


@pytest.mark.parametrize(("n", "told"), [(400, False), (2000, True)])
def test_of_few_rows_the_surest_half_must_have_half_of_all_contradictions(n, told):
    rng = np.random.default_rng(1)
    p, codes, sure = certain(n, 0.08, seed=1)
    unsure = np.flatnonzero(sure < 0.5)
    more = rng.permutation(unsure)[: round(0.14 * n)]
    codes[more] = 1 - codes[more]
    found = estimate(p, codes, sure, sure > 0.06)
    assert found is not None
    assert not found.lacks
    assert found.told == told


def test_why_nothing_can_be_told():
    p, codes, sure = certain(3000, 0.1)
    fine = estimate(p, codes, sure)
    assert fine is not None
    assert fine.lacks == ""
    coin = estimate(p, np.random.default_rng(9).integers(0, 2, 3000), sure)
    assert coin is not None
    assert coin.lacks == f"it contradicts {coin.errors:.0%} of the labels"
    few = estimate(p[:50], codes[:50], sure[:50])
    assert few is not None
    assert few.lacks == f"it has fewer than {EACH} rows for each of 2 classes"
    said = np.where(np.arange(3000) % 20 == 0, 1, 0)  # one class is hardly ever predicted
    one = np.stack([1.0 - said, said], axis=1) * 0.8 + 0.1
    given = np.where(np.arange(3000) % 20 < 5, 1, 0)
    poor = estimate(one, given, sure)
    assert poor is not None
    assert poor.lacks == "it tells fewer than two classes well enough"
