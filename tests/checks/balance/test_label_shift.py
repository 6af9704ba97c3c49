"""The distance of class mixes: seldom above the true one, and silent on clean splits."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import datacheck
from datacheck.checks.balance.label_shift import compare, distance
from datacheck.checks.stats import auc, homogeneity_p, ks, ks_p, newcombe
from datacheck.findings import Status


@pytest.mark.parametrize(("k", "n", "m"), [(2, 150, 50), (10, 1_000, 300), (300, 900, 300)])
def test_the_lower_end_is_seldom_above_the_true_distance(k, n, m):
    rng = np.random.default_rng(k)
    above = 0
    for again in range(300):
        p = rng.dirichlet(np.ones(k))
        q = p if again % 2 else rng.dirichlet(np.ones(k)) * 0.2 + p * 0.8
        a, b = rng.multinomial(n, p), rng.multinomial(m, q)
        both = (a > 0) & (b > 0)
        effect = distance(a[both].astype(float), b[both].astype(float))
        here, there = p[both] / p[both].sum(), q[both] / q[both].sum()
        above += effect.low > 0.5 * np.abs(here - there).sum()
        if again % 2:
            alarm = homogeneity_p(a[both], b[both]) < 1e-4 and effect.low >= 0.05
            assert not alarm
    assert above / 300 < 0.04


def test_swapped_splits_have_the_same_distance():
    a, b = np.array([30.0, 50.0, 20.0]), np.array([20.0, 10.0, 40.0])
    there, back = distance(a, b), distance(b, a)
    assert there.value == pytest.approx(back.value)
    assert there.low == pytest.approx(back.low)
    (shape, place), p = compare(a, b)
    (shape2, place2), p2 = compare(b, a)
    assert (shape2.value, place2.value, *p2) == pytest.approx((shape.value, place.value, *p))


def test_a_large_shift_is_found_whatever_the_number_of_classes():
    rng = np.random.default_rng(0)
    p = np.full(50, 1 / 50)
    q = np.concatenate([p[:25] * 1.6, p[25:] * 0.4])
    effect = distance(*(rng.multinomial(2_000, x).astype(float) for x in (p, q)))
    assert 0.15 < effect.low < effect.value < 0.3


def value_of(d: np.ndarray, s: np.ndarray) -> float:
    """½ Σ |d| (2Φ(r) − 1) − 2 s φ(r), r = |d| / s, as the function's page has it."""
    r = np.abs(d) / s
    inside = np.array([math.erf(x / math.sqrt(2)) for x in r])
    density = np.exp(-(r**2) / 2) / math.sqrt(2 * math.pi)
    return 0.5 * float((np.abs(d) * inside - 2 * s * density).sum())


ROWS = st.lists(st.tuples(st.integers(1, 400), st.integers(1, 400)), min_size=2, max_size=8)


@given(ROWS)
@example([(300, 100), (100, 300)])
@example([(100, 300), (300, 100), (9, 9)])
@example([(1, 400), (400, 1)])
@example([(40, 40), (50, 50)])
def test_the_distance_is_that_of_its_formula_and_the_error_that_of_the_delta_method(rows):
    a, b = np.array(rows, dtype=float).T
    n, m = a.sum(), b.sum()
    p, q = a / n, b / m
    pooled = (a + b) / (n + m)
    s = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    plain = max(0.0, value_of(q - p, s))
    step = 1e-6 * np.eye(p.size)
    slope = np.array([value_of(q - p + e, s) - value_of(q - p - e, s) for e in step]) / 2e-6
    var = sum((x @ slope**2 - (x @ slope) ** 2) / k for x, k in ((p, n), (q, m)))
    i = np.abs(q - p).argmax()
    z = NormalDist().inv_cdf(1 - 0.025 / p.size)
    one, other = newcombe(a[i], n, b[i], m, z)
    effect = distance(a, b)
    half = 1.96 * math.sqrt(max(var, 0))
    # at d = 0 the slope jumps, and there Newcombe's end is the better one or all is 0
    rough = 1e-5 if (np.abs(q - p) > 1e-6).all() else 0.05
    low = max(0, plain - half, one, -other)
    assert effect.low == pytest.approx(low, abs=rough)
    assert effect.value == pytest.approx(max(plain, low), abs=rough)
    assert effect.high == pytest.approx(min(1, max(plain, low) + half), abs=rough)


def test_one_class_alone_has_no_distance():
    for rows in ([], [5.0]):
        effect = distance(np.array(rows), np.array(rows) * 2)
        assert (effect.value, effect.low, effect.high) == (0, 0, 1)
    assert distance(np.array([400.0, 2.0]), np.array([2.0, 400.0])).low > 0.9


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30),
       st.lists(st.integers(0, 9), min_size=1, max_size=30))  # fmt: skip
@example(list(range(60)), list(range(40, 100)))
@example(list(range(40, 100)), list(range(60)))
@example(list(range(60)), list(range(90, 150)))
def test_the_place_is_how_often_a_target_of_the_other_split_is_the_higher_one(x, y):
    a, b = np.array(x, dtype=float), np.array(y, dtype=float)
    area = float(((b[:, None] > a) + 0.5 * (b[:, None] == a)).mean())
    (shape, place), (shape_p, place_p) = compare(a, b)
    assert place.value == pytest.approx(abs(area - 0.5))
    spread = math.sqrt((1 / a.size + 1 / b.size) / 12)
    assert place_p == pytest.approx(2 * NormalDist().cdf(-abs(area - 0.5) / spread))
    _, low, high = auc(np.concatenate([a, b]), np.repeat([False, True], [a.size, b.size]))
    assert place.low == pytest.approx(max(0, low - 0.5, 0.5 - high))
    assert place.high == pytest.approx(min(0.5, max(high - 0.5, 0.5 - low)))
    grid = np.unique([*x, *y])
    gaps = [(a <= g).mean() - (b <= g).mean() for g in grid]
    assert shape.value == pytest.approx(np.abs(gaps).max())
    assert (shape.low, shape.high) == ks(a, b)[1:]
    assert shape_p == ks_p(shape.value, a.size, b.size)


def test_a_split_without_values_is_at_no_distance():
    effects, p = compare(np.zeros(0), np.arange(9.0))
    assert [e.low for e in effects] == [0, 0]
    assert p == [1, 1]


def audit(task, *, more=None, low=0.05, **splits):
    frames = {s: pl.DataFrame({"x": 0.5, "label": y}) for s, y in splits.items()}
    chosen = {"label": "label", "task": task, "select": ("CB004",)}
    rules = {"CB004": {"min_distance": low}}
    report = datacheck.audit(frames | (more or {}), settings={**chosen, "rules": rules})
    assert report.outcomes[0].status is not Status.FAILED
    return report


def mix(**rows):
    return [c for c, n in rows.items() for _ in range(n)]


TRAIN, TEST = mix(a=500, b=300, c=150, d=50), mix(a=100, b=290, c=60, d=50)


def test_the_finding_of_a_shift_of_classes_in_full():
    (one,) = audit("classification", train=TRAIN, test=TEST).findings
    effect = distance(np.array([500.0, 300, 150, 50]), np.array([100.0, 290, 60, 50]))
    assert (one.effect.value, one.effect.low, one.effect.high) == (
        effect.value, effect.low, effect.high,
    )  # fmt: skip
    assert one.effect.threshold == 0.05
    assert one.message == (
        "the class mix of label differs between train and test: 'a' is 50.0% of train and 20.0% "
        "of test, 'b' is 30.0% of train and 58.0% of test, 'd' is 5.0% of train and 10.0% of test"
    )
    assert (one.count, one.total) == (round(effect.value * 500), 500)
    assert one.evidence["classes"] == 4
    assert one.evidence["shares"] == {"a": [0.5, 0.2], "b": [0.3, 0.58], "d": [0.05, 0.1]}


@pytest.mark.parametrize(
    ("task", "train", "test"),
    [("classification", TRAIN, TEST),
     ("regression", [i / 7 for i in range(900)], [i / 7 for i in range(300, 1000)])],
)  # fmt: skip
def test_a_shift_of_the_least_distance_matters(task, train, test):
    border = audit(task, train=train, test=test).findings[0].effect.low
    assert audit(task, train=train, test=test, low=border).findings
    assert not audit(task, train=train, test=test, low=math.nextafter(border, 1)).findings


def test_a_distance_of_a_twentieth_is_what_matters():
    """Surely there in both, but not as large in one."""
    train = mix(a=25_000, b=25_000)
    assert not audit("classification", train=train, test=mix(a=23_000, b=27_000)).findings
    assert audit("classification", train=train, test=mix(a=21_000, b=29_000)).findings


def test_what_may_be_chance_is_no_finding_however_small_the_distance_asked_for():
    splits = {"train": mix(a=50, b=50), "test": mix(a=40, b=60)}
    assert not audit("classification", **splits, low=0).findings
    rng = np.random.default_rng(0)
    numbers = {"train": rng.normal(size=200), "test": rng.normal(0.2, 1, size=200)}
    assert not audit("regression", **numbers, low=0).findings


def test_a_class_that_one_split_lacks_does_not_count():
    train, test = mix(a=300, b=300, c=900), mix(a=300, b=300)
    assert not audit("classification", train=train, test=test).findings


def test_splits_without_labels_are_left_out():
    bare = {"valid": pl.DataFrame({"x": [0.5] * 9, "label": [None] * 9})}
    bare["valid"] = bare["valid"].cast({"label": pl.String})
    found = audit("classification", more=bare, train=TRAIN, test=TEST).findings
    assert [f.splits for f in found] == [("train", "test")]
    outcome = audit("classification", more=bare, train=TRAIN).outcomes[0]
    assert outcome.reason == "needs labels in train and in another split"
    none = {"valid": pl.DataFrame({"x": [0.5] * 9})}
    assert audit("classification", more=none, train=TRAIN).outcomes[0].reason == outcome.reason


def test_the_finding_of_a_shift_of_numbers_in_full():
    """Three splits: two are shifted, one in place and one in shape alone."""
    train = np.arange(801.0)
    moved, wide = train + 300, np.concatenate([train[:400] - 500, train[400:] + 500])
    one, two = audit("regression", train=train, test=moved, valid=wide, same=train).findings
    assert {f.splits for f in (one, two)} == {("train", "test"), ("train", "valid")}
    one, two = sorted((one, two), key=lambda f: f.splits)
    assert one.message == (
        "label is distributed otherwise in test than in train: median 700 against 400, "
        "5 % to 95 % from 340 to 1060 against 40 to 760"
    )
    assert one.evidence["quantiles"] == {"train": [40, 400, 760], "test": [340, 700, 1060]}
    best = max(compare(train, moved)[0], key=lambda e: e.low)
    assert (one.effect.metric, one.effect.low) == (best.metric, best.low)
    assert one.count == round(best.value * 801)
    assert two.effect.metric == "Kolmogorov–Smirnov distance"
    assert two.effect.value == pytest.approx(float(compare(train, wide)[0][0].value))


def test_labels_that_are_neither_are_not_judged():
    train = pl.DataFrame({"x": 0.5, "label": [[1, 2]] * 60})
    chosen = {"label": "label", "select": ("CB004",)}
    (outcome,) = datacheck.audit({"train": train, "test": train}, settings=chosen).outcomes
    assert "neither a class nor a number" in outcome.reason
