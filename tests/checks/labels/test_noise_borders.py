"""From which counts on wrong labels are told, to the row; counted in plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks import noise
from datacheck.checks.stats import wilson

near = pytest.approx
PLAUSIBLE = 1.645


# -- what a probe has to know ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "classes", "most"),
    [(400, 2, 0.31), (401, 2, 0.31), (400, 3, 0.38), (9000, 9, 0.38), (399, 2, 0.25),
     (399, 9, 0.25), (60, 2, 0.25)],
)  # fmt: skip
def test_a_probe_may_contradict_so_many_labels(rows, classes, most):
    assert noise.hard(classes, rows) == near(most)
    rows = max(rows, 30 * classes)
    most = noise.hard(classes, rows)
    assert noise._lacks(rows, classes, most, 2, 0.0) == ""
    assert "contradicts" in noise._lacks(rows, classes, math.nextafter(most, 1), 2, 0.0)


@pytest.mark.parametrize("classes", [2, 3, 40])
def test_of_each_class_thirty_rows_are_needed(classes):
    assert noise._lacks(30 * classes, classes, 0.0, 2, 0.0) == ""
    told = noise._lacks(30 * classes - 1, classes, 0.0, 2, 0.0)
    assert told == f"it has fewer than 30 rows for each of {classes} classes"


@pytest.mark.parametrize(
    ("rows", "most"), [(100, 0.1), (500, 0.1), (700, 0.1), (1000, 0.25), (1500, 0.5)]
)
def test_a_committee_may_differ_so_often(rows, most):
    assert noise._lacks(rows, 2, 0.0, 2, most) == ""
    assert "halves" in noise._lacks(rows, 2, 0.0, 2, math.nextafter(most, 1))


def test_two_classes_have_to_be_told():
    assert noise._lacks(900, 3, 0.0, 2, 0.0) == ""
    assert "two classes" in noise._lacks(900, 3, 0.0, 1, 0.0)


def test_labels_of_one_class_only():
    p = np.tile([0.9, 0.1], (100, 1))
    p[::20] = 0.2, 0.8
    found = noise.estimate(p, np.zeros(100, dtype=np.int64))
    assert found is not None
    assert found.lacks == "it tells fewer than two classes well enough"
    assert noise.estimate(p[:0], np.zeros(0, dtype=np.int64)) is None


# -- classes that are told well enough -------------------------------------------------------------


def recalls(predicted, codes, sure, classes):
    """The share of each class that is told, less what wrong labels alone would have missed."""
    rank = [sum(predicted[j] == predicted[i] and (sure[j], -j) >= (sure[i], -i)
                for j in range(len(codes))) / predicted.count(predicted[i])
            for i in range(len(codes))]  # fmt: skip
    half = [i for i in range(len(codes)) if rank[i] <= 0.5]
    hits = [sum(predicted[i] == k != codes[i] for i in half) for k in range(classes)]
    rows = [sum(predicted[i] == k for i in half) for k in range(classes)]
    beyond = [h - n * sum(hits) / max(sum(rows), 1) for h, n in zip(hits, rows, strict=True)]
    top = max(range(classes), key=lambda k: (beyond[k], -k))
    few = [(sum(hits), sum(rows)), (sum(hits) - hits[top], sum(rows) - rows[top]),
           (hits[top], rows[top])]  # fmt: skip
    share = min(wilson(k, n, PLAUSIBLE)[1] for k, n in few)
    out = []
    for k in range(classes):
        own = sum(a == b == k for a, b in zip(predicted, codes, strict=True))
        missed = 0.0
        for other in set(range(classes)) - {k}:
            here = sum(a == other and b == k for a, b in zip(predicted, codes, strict=True))
            spilled = share * predicted.count(other) / (max(2, len(set(codes))) - 1)
            missed += max(here - spilled, 0.0)
        out.append(own / max(own + missed, 1))
    return out


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(2, 5), st.floats(0, 0.6))
def test_recall_is_that_of_plain_counting(seed, n, classes, errors):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, rng.integers(1, classes + 1), n)
    predicted = np.where(rng.random(n) < errors, rng.integers(0, classes, n), codes)
    sure = rng.integers(0, 9, n) / 8
    exact = recalls(predicted.tolist(), codes.tolist(), sure.tolist(), classes)
    bar = max(0.6, 0.4 + 0.6 / max(2, len(set(codes.tolist()))))
    found = noise.reliable(predicted, codes, sure, classes)
    assert found.tolist() == [r >= bar for r in exact]


def missing(classes, kept):
    """Of a class of 1,000 rows ``kept`` are told, of the others all; sure of what is right."""
    codes = np.arange(1000 * classes) % classes
    predicted = codes.copy()
    predicted[np.flatnonzero(codes == 0)[kept:]] = 1
    return noise.reliable(predicted, codes, (predicted == codes) * 1.0, classes)[0]


@pytest.mark.parametrize(("classes", "bar"), [(2, 0.7), (3, 0.6), (9, 0.6)])
def test_so_much_of_a_class_has_to_be_told(classes, bar):
    assert missing(classes, round(1000 * bar))
    assert not missing(classes, round(1000 * bar) - 20)


def test_only_classes_that_are_given_count():
    codes = np.arange(2000) % 2
    for kept in (670, 700):
        predicted = codes.copy()
        missed = np.flatnonzero(codes == 0)[kept:]
        predicted[missed], predicted[missed[:5]] = 1, 2
        found = noise.reliable(predicted, codes, (predicted == codes) * 1.0, 4)
        assert found.tolist() == [kept == 700, True, False, False]


def test_half_of_two_rows_is_one():
    predicted = np.array([0] * 6 + [1, 2, 3, 4, 5] * 2)
    codes = np.array([0] * 6 + [1, 2, 3, 4, 5] + [0] * 5)
    sure = -np.arange(16.0)
    share = wilson(0, 3 + 5, PLAUSIBLE)[1]  # no surest row is contradicted
    assert 6 / (6 + 5 * (1 - 2 * share / 5)) < 0.6
    assert noise.reliable(predicted, codes, sure, 6).tolist() == [False, *[True] * 5]


def test_the_class_with_the_most_contradictions_beyond_its_share():
    assert noise._top(np.array([9, 8]), np.array([100, 20])) == 1
    assert noise._top(np.array([5, 8]), np.array([20, 100])) == 0
    assert noise._top(np.array([0, 0]), np.array([0, 0])) == 0


# -- without the class that contradicts the most ---------------------------------------------------


def spread(others, wrong, part=0.0, top=(100, range(50))):
    """Of a class of ``others`` rows those of the places ``wrong`` are contradicted, beside a class
    that is so more often; the surest rows first.
    """
    n = top[0]
    predicted = np.repeat([0, 1], [n, others])
    mask = np.zeros(n + others, dtype=bool)
    mask[[*top[1], *(n + i for i in wrong)]] = True
    sure = -np.concatenate([np.arange(n), np.arange(others)]).astype(float)
    return noise._spread(predicted, sure, mask, 2, part)


def test_other_classes_need_thirty_rows_in_the_surest_half():
    assert spread(60, (0, 8, 20))
    assert not spread(59, (0, 8, 20))
    assert not spread(40, (0, 8, 19))


def test_other_classes_need_two_contradictions_in_the_surest_half():
    assert spread(60, (0, 29))
    assert not spread(60, (0, 30))
    assert not spread(60, (29,))


def test_of_a_depth_with_few_rows_nothing_is_asked():
    second = range(26, 50)  # none in the surest quarter
    assert not spread(100, second, 1.0)
    assert spread(99, second, 1.0)
    third = range(26, 50)  # … or in the surest eighth
    assert not spread(200, third, 1.0)
    assert spread(199, third, 1.0)
    assert spread(200, third, 0.5)


@pytest.mark.parametrize(("others", "wrong"), [(128, 32), (256, 64), (400, 100)])
def test_a_part_of_all_contradictions_must_be_plausible(others, wrong):
    places = [*range(8), *range(others - wrong + 8, others)]  # eight are sure
    border = wilson(8, others // 2, PLAUSIBLE)[1] / 0.25
    assert spread(others, places, border)
    assert not spread(others, places, math.nextafter(border, 2))


def first(rows, above):
    """So few contradictions that 0.005 of the rows are possible, or one more."""
    return next(k for k in range(2, rows) if wilson(k, rows, PLAUSIBLE)[0] > 0.005) - 1 + above


@pytest.mark.parametrize("half", [100, 140, 240, 400])
def test_a_share_of_other_classes_is_more_than_nothing(half):
    for above in (False, True):
        k = first(half, above)
        if k >= 2:
            assert spread(2 * half, range(k), top=(2 * half, range(half))) == above


def test_a_share_of_the_surest_counts_from_150_rows_on():
    few = first(150, False)
    assert few < 2 or wilson(few, 150, PLAUSIBLE)[0] <= 0.005
    places = [*range(1), *range(152, 200)]
    assert not spread(600, places, top=(600, range(300)))
    assert spread(599, places, top=(600, range(300)))


# -- the share -------------------------------------------------------------------------------------


def shares(predicted, counts, sure, classes):
    """(share, low, high, rows) at each depth in each order, counted in plain loops."""
    n = predicted.size
    by_sure = sorted(range(n), key=lambda i: (-sure[i], i))
    of = np.bincount(predicted, minlength=classes)
    within, total, weighed = [0] * classes, 0.0, [0.0] * n
    orders = [[0.0] * n, weighed, [0.0] * n]
    whole = sum(1 / of[predicted[i]] for i in range(n))
    for place, i in enumerate(by_sure, start=1):
        k = predicted[i]
        within[k] += 1
        total += 1 / of[k]
        orders[0][i], weighed[i], orders[2][i] = within[k] / of[k], total / whole, place / n
    for rank in orders:
        for depth in (0.5, 0.25, 0.125):
            some = [i for i in range(n) if rank[i] <= depth]
            if len(some) < 25:
                break
            if len(some) >= 150 or depth == 0.5:
                k = int(sum(counts[i] for i in some))
                yield k / len(some), *wilson(k, len(some)), len(some)


# Numbers of rows of which no two classes have the same weight, to the last digit, at any depth.
@pytest.mark.parametrize("n", [49, 61, 401, 598, 604, 1199, 1204, 1501])
@pytest.mark.parametrize("shape", [(0.2, 0.1, 0.1, 0.1), (0.1, 0.2, 0.3, 0.1), (0.3, 0.02, 0.1, 0)])
def test_the_share_is_the_least_of_those_at_several_depths_in_several_orders(n, shape):
    rng = np.random.default_rng(n)
    predicted = np.arange(n) % 3 // 2  # two of three rows are of the first class
    place = rng.permutation(n) / n
    # In the surest eighth, in the next, in the next quarter, and in the rest.
    errors = np.select([place < 0.125, place < 0.25, place < 0.5], shape[:3], shape[3])
    wrong = rng.random(n) < errors
    sure = 1 - place / 4
    p = np.stack([np.where(predicted == k, 0.9, 0.1) for k in range(2)], axis=1)
    codes = np.where(wrong, 1 - predicted, predicted)
    exact = list(shares(predicted, wrong, sure, 2))
    found = noise.estimate(p, codes, sure)
    if not exact:
        assert found is None
        return
    assert found is not None
    if noise.reliable(predicted, codes, sure, 2).all():
        best = min(exact, key=lambda s: s[0])
        assert (found.value, found.high, found.rows) == near((best[0], best[2], best[3]))
        assert found.low == near(min(s[1] for s in exact))
    assert found.errors == near(wrong.mean())


def test_more_than_half_of_the_surest_labels_may_be_wrong():
    p, codes, sure = placed(4000, [k for k in range(1000) if k % 8 < 5])
    found = noise.estimate(p, codes, sure)
    assert found is not None
    assert 0.52 < found.low < found.value == near(0.625, abs=0.01)
    assert not found.told


def placed(n, wrong):
    """Two classes, of each of which the labels of some places are wrong, the surest first."""
    truth = np.arange(n) % 2
    codes = truth.copy()
    for place in wrong:
        codes[2 * place : 2 * place + 2] = 1 - codes[2 * place : 2 * place + 2]
    p = np.full((n, 2), 0.1)
    p[np.arange(n), truth] = 0.9
    return p, codes, -np.arange(n).astype(float)


def every(k, of, start=0):
    """``k`` places of ``of``, evenly."""
    return [start + i * of // k for i in range(k)]


@pytest.mark.parametrize("n", [512, 1600])
def test_so_many_of_all_contradictions_are_in_the_surest_half(n):
    """Half of them, of many rows 400 ÷ rows."""
    k = n // 64
    most = round(k / min(0.5, 400 / n))  # half as many rows are surest, of which k are wrong
    found = []
    for all_wrong in (2 * most, 2 * most + 1):
        wrong = [*every(k, n // 4), *every(all_wrong - k, n // 4, n // 4)]
        assert len(set(wrong)) == all_wrong
        p, codes, sure = placed(n, wrong)
        agreed = (p.argmax(axis=1) == codes) | (np.arange(n) < n // 2)
        found.append(noise.estimate(p, codes, sure, agreed))
    told = [f is not None and not f.lacks and f.told for f in found]
    assert told == [True, False]


@pytest.mark.parametrize(
    ("n", "part", "k"), [(512, 0.5, 2), (1024, 400 / 1024, 4), (1600, 0.35, 2), (4000, 0.35, 8)]
)
def test_such_a_part_must_be_plausible_among_the_surest_eighth(n, part, k):
    eighth = n // 8  # of the rows, of which 2 k are wrong
    upper = wilson(2 * k, eighth, PLAUSIBLE)[1]
    most = int(upper / part * n / 2)  # places, of two rows each
    told = []
    for all_wrong in (most, most + 1):
        wrong = [*every(k, eighth // 2), *every(all_wrong - k, n // 2 - eighth // 2, eighth // 2)]
        p, codes, sure = placed(n, wrong)
        found = noise.estimate(p, codes, sure)
        assert found is not None
        assert not found.lacks
        told.append(found.told)
    assert told == [True, False]


def test_from_one_wrong_label_to_three_in_ten():
    """At three in ten a share is believed, beyond it not."""
    told = []
    for more in (0, 1):
        wrong = [i for i in range(1000) if i % 10 < 3]
        wrong += [i for i in range(500) if i % 10 == 5][: 50 * more]
        p, codes, sure = placed(2000, sorted(wrong))
        found = noise.estimate(p, codes, sure, np.ones(2000, dtype=bool))
        assert found is not None
        assert found.value == near(0.3) if not more else found.value > 0.3
        told.append(found.told)
        assert found.rows == 1000  # as many are wrong in the surest quarter: the most rows count
    assert told == [True, False]


def test_no_wrong_label_among_the_surest_is_none():
    p, codes, sure = placed(600, [*every(5, 75, 75), *every(5, 150, 150)])
    found = noise.estimate(p, codes, sure)
    assert found is not None
    assert (found.value, found.rows, found.told) == (0.0, 150, False)
    p, codes, sure = placed(596, [*every(5, 74, 75), *every(5, 149, 149)])
    found = noise.estimate(p, codes, sure)
    assert found is not None
    assert found.value > 0
    assert found.told
