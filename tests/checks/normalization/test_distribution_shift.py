"""NM003: how far columns have moved, with intervals from SciPy and from the definition."""

from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import polars as pl
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.checks.normalization import distribution_shift as found
from datacheck.checks.stats import homogeneity_p, total_variation
from datacheck.findings import Effect

near = pytest.approx
OFF = {"min_mean_shift": 9.0, "min_distance": 0.99, "min_variation": 0.99}


def audit(train, test, **options):
    frames = {}
    for split, columns in (("train", train), ("test", test)):
        n = len(next(iter(columns.values())))
        frames[split] = pl.DataFrame({**columns, "label": [i % 2 for i in range(n)]})
    chosen = {"label": "label", "select": ["NM003"], "rules": {"NM003": options}}
    report = datacheck.audit(frames, settings=chosen)
    (outcome,) = report.outcomes
    assert outcome.status is not datacheck.findings.Status.FAILED, outcome
    return report.findings


def numbers(n, seed=0, move=0.0, width=1.0):
    return np.random.default_rng(seed).gamma(3, 1, n) * width + move


def test_a_mean_is_told_in_deviations_of_train():
    x, y = numbers(900), numbers(700, 1, move=1.2)
    (one,) = audit({"x": x}, {"x": y})
    value = (y.mean() - x.mean()) / x.std()
    ratio = max(y.var() / x.var(), 1)
    spread = 1 / 900 + ratio / 700
    z = scipy.stats.norm.isf(0.005)
    z += (z**3 + z) / (4 * 699)
    half = z * math.sqrt(spread + value**2 / 1800)
    assert one.effect is not None
    assert (one.effect.metric, one.effect.threshold) == ("smd", 0.1)
    assert one.effect.value == near(value)
    assert (one.effect.low, one.effect.high) == (
        near(value - half, rel=1e-4), near(value + half, rel=1e-4)
    )  # fmt: skip
    assert one.message == (
        f"1 of 1 features is distributed differently in test than in train: x ({value:+.2f} sd)"
    )
    assert one.evidence["shifts"] == [["x", "smd", near(value), one.effect.low]]
    (down,) = audit({"x": -x}, {"x": -y})
    assert down.effect is not None
    assert down.effect.value == near(value)
    assert f"({-value:+.2f} sd)" in down.message


def test_a_distance_is_told_where_the_mean_has_not_moved():
    x, y = numbers(900), numbers(700, 1)
    x, y = x - x.mean(), (y - y.mean()) * 2.4
    (one,) = audit({"x": x}, {"x": y})
    d = scipy.stats.ks_2samp(x, y).statistic
    half = math.sqrt(math.log(200) / 2) / math.sqrt(900 * 700 / 1600)
    assert one.effect is not None
    assert list(astuple(one.effect)) == ["ks", *map(near, (d, d - half, d + half)), 0.05]
    assert f"x (KS distance {d:.2f})" in one.message


def words(**counts):
    return [w for w, n in counts.items() for _ in range(n)]


def test_categories_are_told_by_those_that_train_has():
    train, test = words(a=1500, b=1500, c=900), words(a=300, b=900, c=300, new=200)
    (one,) = audit({"w": train}, {"w": test})
    a, b = np.array([1500.0, 1500, 900]), np.array([300.0, 900, 300])
    assert one.effect == Effect("tv", *total_variation(a, b), 0.05)
    assert f"w (total variation {one.effect.value:.2f})" in one.message
    assert audit({"w": train}, {"w": test}, min_variation=one.effect.low)
    above = math.nextafter(one.effect.low, 1)
    assert not audit({"w": train}, {"w": test}, min_variation=above)


@pytest.mark.parametrize(
    ("option", "y"),
    [("min_mean_shift", numbers(700, 1, 1.2)), ("min_distance", numbers(700, 1, 1.2))],
)
def test_the_lower_end_reaches_the_threshold(option, y):
    x = {"x": numbers(900)}
    (one,) = audit(x, {"x": y}, **{**OFF, option: 0.05})
    assert one.effect is not None
    assert audit(x, {"x": y}, **{**OFF, option: one.effect.low})
    assert not audit(x, {"x": y}, **{**OFF, option: math.nextafter(one.effect.low, 9)})


def test_the_farthest_columns_come_first_and_three_are_named():
    moves = {"a": 0.6, "b": 1.5, "c": 0.9, "d": 2.0, "e": 0.0}
    train = {c: numbers(900, j) for j, c in enumerate(moves)}
    test = {c: numbers(900, 10 + j, m) for j, (c, m) in enumerate(moves.items())}
    (one,) = audit(train, test)
    assert one.columns == ("d", "b", "c", "a")
    assert (one.count, one.total, one.unit, one.evidence["worst"]) == (4, 5, "columns", "d")
    assert one.message.startswith("4 of 5 features")
    assert one.message.endswith(" and 1 more")
    assert [s[0] for s in one.evidence["shifts"]] == ["d", "b", "c", "a"]
    some = ("b", "c", "d")
    (one,) = audit({c: train[c] for c in some}, {c: test[c] for c in some})
    assert "more" not in one.message


def test_twenty_columns_are_listed():
    train = {f"x{j:02}": numbers(300, j) for j in range(23)}
    (one,) = audit(train, {c: numbers(300, 50 + j, 1.5) for j, c in enumerate(train)})
    assert len(one.columns) > 20
    assert len(one.evidence["shifts"]) == 20


def test_one_category_or_one_row_tells_nothing():
    two = words(a=300, b=300)
    assert audit({"w": two, "x": numbers(600)}, {"w": words(b=300), "x": numbers(300, 1)})
    for test in (words(new=300), [*words(new=300), "b"]):
        x = numbers(len(test), 1)
        assert not audit({"w": two, "x": numbers(600)}, {"w": test, "x": x})
    mostly = [*words(new=300), "b", "b"]
    assert not audit({"w": two, "x": numbers(600)}, {"w": mostly, "x": numbers(302, 1)})


def test_an_effect_that_is_not_known_is_none():
    assert found._interval(math.nan, 1.0) == (0.0, 0.0, 0.0)
    assert found._interval(math.inf, 1.0) == (0.0, 0.0, 0.0)
    assert list(found._interval(-0.5, 0.2)) == near([0.5, 0.3, 0.7])
    assert list(found._interval(0.1, 0.2)) == near([0.1, 0.0, 0.3])


def test_a_threshold_of_zero_is_exceeded_by_far():
    def excess(threshold):
        return found.Shift("x", Effect("ks", 0.5, 0.4, 0.6, threshold), 0.0, 0.5).excess

    assert excess(0.2) == 2.0
    assert excess(0.0) == math.inf


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=9))
def test_rare_categories_are_counted_as_one(pairs):
    a, b = (np.array(side, dtype=np.float64) for side in zip(*pairs, strict=True))
    if a.sum() < 2 or b.sum() < 2:
        return
    total = a.sum() + b.sum()
    smaller = min(a.sum(), b.sum())
    rare = [i for i in range(len(pairs)) if (a[i] + b[i]) * smaller / total < 5]
    x, y = found._pooled(a, b)
    kept = [i for i in range(len(pairs)) if i not in rare]
    assert x.tolist() == [*a[kept], *([a[rare].sum()] if rare else [])]
    assert y.tolist() == [*b[kept], *([b[rare].sum()] if rare else [])]


def test_five_expected_rows_are_enough():
    a, b = np.array([40.0, 40, 5, 15]), np.array([40.0, 40, 5, 15])
    assert [len(x) for x in found._pooled(a, b)] == [4, 4]
    b[2] = 4
    assert [len(x) for x in found._pooled(a, b)] == [4, 4]
    assert found._pooled(a, b)[0].tolist() == [40, 40, 15, 5]


def test_chance_is_held_over_both_looks_at_a_column():
    """A column whose smaller p is between half of the bound and the bound is not told."""
    x = np.concatenate([np.zeros(50), np.ones(50)])

    def p(k):
        y = np.concatenate([np.zeros(100 - k), np.ones(k)])
        value = (y.mean() - 0.5) / 0.5
        spread = 1 / 100 + max(y.var() / 0.25, 1) / 100
        mean = 2 * scipy.stats.t.sf(value / math.sqrt(spread), 99)
        size, d = 50, k / 100 - 0.5
        root = math.sqrt(size)
        return min(mean, scipy.stats.kstwobign.sf((root + 0.12 + 0.11 / root) * d)), y

    told = {}
    for k in range(70, 82):
        small, y = p(k)
        order = np.random.default_rng(k).permutation(100)
        told[k] = (small, bool(audit({"x": x[order]}, {"x": y[order]}, min_distance=0.0)))
    assert all(said == (2 * small <= found.LEVEL) for small, said in told.values())
    assert any(found.LEVEL / 2 < small <= found.LEVEL for small, _ in told.values())


def test_homogeneity_is_judged_on_pooled_counts():
    train = words(a=100, b=100, **{f"r{i}": 2 for i in range(40)})
    test = words(a=100, b=100, **{f"r{i}": 1 + i % 3 for i in range(40)})
    assert not audit({"w": train}, {"w": test})
    assert homogeneity_p(np.array([1.0, 1]), np.array([1.0, 1])) == 1.0
