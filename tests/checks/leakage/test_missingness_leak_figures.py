"""LK006: its figures against plain counting, and the borders of what it tells."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datacheck
from datacheck.checks.leakage import missingness_leak
from datacheck.checks.leakage.missingness_leak import (
    _difference,
    _far,
    _Gap,
    _number,
    _repeated,
    _told,
)
from datacheck.checks.predict import Target
from datacheck.checks.scores import critical
from datacheck.checks.stats import newcombe
from datacheck.errors import UsageError
from datacheck.findings import Status

Z = 3.8906


def audit(columns, label, *, task="classification", **options):
    frame = pl.DataFrame({**columns, "label": label})
    chosen = {"label": "label", "task": task, "select": ("LK006",), "rules": {"LK006": options}}
    (outcome,) = (report := datacheck.audit({"train": frame}, settings=chosen)).outcomes
    assert outcome.status is not Status.FAILED
    return report.findings


def gapped(*shares, n=100):
    """A number that is missing in so many of the n rows of each class, and the classes."""
    x = [None if i < k else i / 7 for k in shares for i in range(n)]
    return {"x": x}, [c for c, _ in zip("abcd", shares, strict=False) for _ in range(n)]


def target(y, classes=0):
    frame = pl.DataFrame({"__address__": np.arange(len(y))})
    return Target(frame, np.asarray(y, dtype=float), tuple("abcdefgh"[:classes]))


# -- functions against plain counting ------------------------------------------------------------

ROWS = st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.booleans()), min_size=4, max_size=40)


@given(ROWS, st.integers(1, 6))
def test_the_screen_is_the_area_of_the_class_told_best(rows, least):
    codes = np.array([*(r[0] for r in rows), 0, 1, 2])
    gaps = np.array([*(r[1:] for r in rows), (True, False), (False, False), (True, True)])
    wanted = []
    for j in (0, 1):
        areas = [0.5]
        for k in range(3):
            mine = codes == k
            if mine.sum() >= least:
                areas.append((1 + abs(gaps[mine, j].mean() - gaps[~mine, j].mean())) / 2)
        wanted.append(max(areas))
    assert _told(gaps, target(codes, 3), least) == pytest.approx(np.array(wanted))


@given(st.lists(st.tuples(st.integers(-9, 9), st.booleans()), min_size=3, max_size=30))
def test_of_numbers_it_is_the_share_of_the_variance_between_the_two_sides(rows):
    y = np.array([*(r[0] for r in rows), 10.5, 11])
    gap = np.array([*(r[1] for r in rows), True, False])
    off = y - y.mean()
    left = np.where(gap, y[gap].mean(), y[~gap].mean()) - y
    r2 = 1 - (left @ left) / (off @ off)
    assert _told(gap[:, None], target(y), 1)[0] == pytest.approx(r2, abs=1e-12)
    nothing = np.zeros((y.size, 1), dtype=bool)
    assert _told(nothing, target(y), 1)[0] == 0
    assert _told(~nothing, target(y), 1)[0] < 1e-20
    judged = _number(_Gap("x", "missing", gap), target(y), Z)
    assert judged is not None
    where, score, inside, outside = judged
    assert where is None
    assert (inside, outside) == pytest.approx((y[gap].mean(), y[~gap].mean()))
    ratio = left**2 - (1 - r2) * off**2  # the delta method for a ratio of two means
    half = Z * float(ratio.std()) / math.sqrt(y.size) / float((off**2).mean())
    assert score.value == pytest.approx(r2)
    assert score.low == pytest.approx(r2 - half)
    assert score.high == pytest.approx(min(1, r2 + half))
    assert (score.metric, score.n) == ("R²", y.size)


@pytest.mark.parametrize("middle", [1e300, np.inf])
def test_means_that_overflow_say_nothing(middle):
    y = np.array([1e308, -1e308, 1.7e308, middle, 5.0])
    gap = _Gap("x", "missing", np.array([1, 0, 1, 0, 1], dtype=bool))
    assert _number(gap, target(y), Z) is None


@given(st.lists(st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, math.nan, math.inf]), min_size=6,
                         max_size=6), min_size=1, max_size=4), st.integers(1, 4))  # fmt: skip
def test_columns_with_an_extreme_that_is_repeated_so_often(columns, least):
    wanted = []
    for j, column in enumerate(columns):
        known = [v for v in column if math.isfinite(v)]
        ends = {min(known), max(known)} if known else set()
        if len(ends) == 2 and any(known.count(v) >= least for v in ends):
            wanted.append(j)
    assert _repeated(np.array(columns).T, least).tolist() == wanted


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("rest", "least", "found"),
    [
        (np.arange(10.0), 3, True),
        (np.arange(9.0), 3, False),  # fewer than ten values are codes
        (np.arange(10.0) * 1.125, 3, False),  # further from each other than from the stand-in
        (np.arange(10.0), 4, False),  # three rows of the stand-in are too few
        (np.append(np.arange(10.0), [np.nan, np.inf, -np.inf]), 3, True),
        (np.repeat(np.arange(10.0), 200), 3, True),  # sorted, as a file may be
    ],
)
def test_a_stand_in_is_as_far_as_the_others_are_wide(sign, rest, least, found):
    x = np.concatenate([[-9.0] * 3, rest])  # 9 below the least, and the others are 9 wide
    assert _far(sign * x, least) == [sign * -9.0] * found
    assert _far(sign * np.concatenate([x, [30.0]]), 3) == []  # 39 wide, but 30 is not repeated


@pytest.mark.parametrize(("others", "found"), [(12, 1), (11, 0)])
def test_as_many_other_rows_are_needed_as_rows_of_a_stand_in(others, found):
    x = np.concatenate([[-99.0] * 12, np.arange(float(others))])
    assert len(_far(x, 12)) == found


def test_both_ends_may_be_stand_ins():
    x = np.concatenate([[-1e9] * 3, np.arange(-10.0, 11.0), [1e9] * 3])
    assert _far(x, 3) == []  # each is wide of the other: neither stands alone
    assert _far(np.concatenate([[-1.7e308] * 3, np.arange(20.0)]), 3) == [-1.7e308]


@given(st.integers(0, 20), st.integers(0, 30))
def test_the_area_of_a_gap_is_half_of_one_and_the_difference_of_shares(k1, k2):
    area, low, high = _difference(k1, 20, k2, 30, Z)
    d = k1 / 20 - k2 / 30
    assert area == pytest.approx((1 + abs(d)) / 2)
    ends = newcombe(k2, 30, k1, 20, Z) if d >= 0 else newcombe(k1, 20, k2, 30, Z)
    assert (low, high) == pytest.approx(((1 + ends[0]) / 2, (1 + ends[1]) / 2))
    assert low <= area <= high


# -- findings ------------------------------------------------------------------------------------


def test_the_finding_of_a_class_in_full():
    columns, label = gapped(97, 4, 2)
    (one,) = audit(columns, label)
    low, high = newcombe(6, 200, 97, 100, Z)
    area = (1 + 0.97 - 0.03) / 2
    assert (one.effect.value, one.effect.low, one.effect.high) == pytest.approx(
        (area, (1 + low) / 2, (1 + high) / 2)
    )
    assert (one.effect.metric, one.effect.threshold) == ("AUC", 0.75)
    assert one.message == (
        "the gaps of x give label away in train: x is missing in 97.0% of the rows of class 'a' "
        "and in 3.0% of all others (AUC 0.970)"
    )
    assert (one.count, one.total, one.unit) == (1, 1, "columns")
    assert one.evidence == {
        "gap": {"x": "missing"}, "score": {"x": pytest.approx(area)}, "class": "a",
    }  # fmt: skip


@pytest.mark.parametrize(("stray", "shown"), [(1, "AUC 0.999"), (0, "AUC 1.000")])
def test_what_is_not_one_is_never_shown_as_one(stray, shown):
    columns, label = gapped(2000 - stray, 0, n=2000)
    assert shown in audit(columns, label)[0].message


def test_of_two_classes_the_one_with_the_gaps_is_named():
    for shares in ((97, 3), (3, 97)):
        columns, label = gapped(*shares)
        assert audit(columns, label)[0].evidence["class"] == "ab"[shares[0] < shares[1]]
    # Of two that are told as well, the first.
    columns, label = gapped(100, 100, 0, 0)
    assert audit(columns, label, min_auc=0.8, min_low=0.5)[0].evidence["class"] == "a"


def test_the_class_that_is_told_best_is_named():
    gap = np.array([1] * 30 + [1] * 15 + [0] * 15 + [0] * 30, dtype=bool)
    codes = np.repeat([0, 1, 2], 30)
    best = missingness_leak.MissingnessLeak()._class(_Gap("x", "", gap), target(codes, 3), Z)
    assert best is not None
    assert best[0] == "a"
    assert best[2:] == (1.0, 0.25)
    turned = missingness_leak.MissingnessLeak()._class(_Gap("x", "", ~gap), target(codes, 3), Z)
    assert turned is not None
    assert turned[0] == "c"


@pytest.mark.parametrize(("option", "value"), [("min_low", "low"), ("min_auc", "value")])
def test_what_reaches_the_least_is_told(option, value):
    columns, label = gapped(95, 3, 2)
    other = {"min_low": 0.5, "min_auc": 1.0 if option == "min_low" else 0.5}
    border = getattr(audit(columns, label)[0].effect, value)
    lower = {"min_low": 0.5, "min_auc": 0.9} | {option: border}
    assert audit(columns, label, **lower)
    assert not audit(columns, label, **(lower | {option: math.nextafter(border, 1)}))
    assert other


@pytest.mark.parametrize(("inside", "found"), [(90, 1), (89, 0)])
def test_an_area_of_nine_tenths_is_asked_for(inside, found):
    columns, label = gapped(inside, 10)
    assert len(audit(columns, label)) == found


def test_and_a_lower_end_of_three_quarters():
    lows = {k: (1 + newcombe(0, 40, k, 40, Z)[0]) / 2 for k in range(32, 41)}
    least = min(k for k, low in lows.items() if low >= 0.75)
    assert least > 33  # with fewer the area itself is below 0.9
    for inside in (least, least - 1):
        columns, label = gapped(inside, 0, n=40)
        assert len(audit(columns, label)) == (inside == least)


@pytest.mark.parametrize("where", ["gap", "rest", "class"])
@pytest.mark.parametrize(("few", "found"), [(20, 1), (19, 0)])
def test_it_takes_twenty_rows_of_each_kind(where, few, found):
    row = np.arange(100)
    first = few if where == "class" else 21  # rows of the first class
    y = np.where(row < first, "a", np.where(row < 60, "b", "c"))
    gap = (row < few) | ((row == 99) & (where == "class"))
    x = [None if g else i / 7 for i, g in enumerate(~gap if where == "rest" else gap)]
    told = audit({"x": x}, y, min_low=0.5)
    assert len(told) == found
    assert not found or told[0].evidence["class"] == "a"


def test_the_interval_holds_for_all_columns_tested():
    """Three have gaps enough, one has not, and one has none."""
    columns, label = gapped(97, 3)
    rng = np.random.default_rng(0)
    few = {f"u{j}": [None if g else 0.5 for g in rng.random(200) < 0.3] for j in range(2)}
    bare = {"w": [None, *np.arange(199) / 7], "v": np.arange(200) / 7}
    (one,) = audit({**bare, **few, **columns}, label)
    low, high = newcombe(3, 100, 97, 100, critical(3))
    assert one.effect.low == pytest.approx((1 + low) / 2)
    assert one.effect.high == pytest.approx((1 + high) / 2)
    assert one.total == 5


def test_columns_are_ranked_and_classes_apart():
    x, label = gapped(97, 3, 2)
    y = {"y": [None if i < 100 else i / 3 for i in range(300)]}
    z = {"z": [None if i >= 200 else i / 3 for i in range(300)]}
    first, second = audit({**x, **y, **z}, label)
    if first.evidence["class"] == "c":
        first, second = second, first
    assert first.message.startswith("the gaps of y, x give label away in train: y is missing in")
    assert first.columns == ("x", "y")
    assert list(first.evidence["gap"]) == ["y", "x"]
    assert (second.columns, second.evidence["class"]) == (("z",), "c")


def test_stand_ins_of_numbers_and_of_names_are_gaps():
    label = np.repeat(["a", "b"], 100)
    inside = label == "a"
    values = np.arange(200) / 7
    columns = {
        "number": np.where(inside, -999.5, values),
        "above": np.where(inside, 1e6, values),
        "name": np.where(inside, "unknown", np.array(["red", "blue"])[np.arange(200) % 2]),
        "fine": values,
    }
    (one,) = audit(columns, label)
    assert one.evidence["gap"] == {"above": "1000000", "name": "'unknown'", "number": "-999.5"}
    assert set(one.evidence["score"].values()) == {1.0}


def test_the_finding_of_a_number_in_full():
    y = np.concatenate([np.arange(60) / 60 + 9, np.arange(60) / 60])
    x = [None if v >= 9 else i / 7 for i, v in enumerate(y)]
    (one,) = audit({"x": x}, y, task="regression")
    r2 = 1 - np.r_[y[:60] - y[:60].mean(), y[60:] - y[60:].mean()].var() / y.var()
    assert one.effect.value == pytest.approx(r2)
    assert one.message == (
        "the gaps of x give label away in train: the mean of label is 9.4917 where x is missing "
        f"and 0.49167 elsewhere (R² {r2:.3f})"
    )
    assert "class" not in one.evidence
    assert not audit({"x": x}, y, task="regression", min_auc=math.nextafter(r2 + 1e-9, 1))


def test_columns_are_looked_at_some_at_a_time_with_the_same_outcome(monkeypatch):
    label = np.repeat(["a", "b"], 60)
    inside = label == "a"
    columns: dict[str, Any] = {}
    columns |= {f"x{j}": np.where(inside, -999.5, np.arange(120) / 7 + j) for j in range(3)}
    columns |= {f"g{j}": [None if i else 0.5 * j for i in inside] for j in range(3)}
    whole = audit(columns, label)
    assert whole[0].count == 6
    monkeypatch.setattr(missingness_leak, "CELLS", 240)
    assert audit(columns, label) == whole


def test_nan_is_a_gap_and_a_label_of_few_rows_is_not_judged():
    label = np.repeat(["a", "b"], 100)
    x = pl.Series(np.where(label == "a", math.nan, np.arange(200) / 7))
    mixed = pl.concat([x[:50], pl.Series([None] * 50, dtype=pl.Float64), x[100:]])
    assert audit({"x": x}, label)[0].effect == audit({"x": mixed}, label)[0].effect


@pytest.mark.parametrize(
    ("low", "auc", "good"),
    [(0.5, 0.5, True), (0.5, 1.0, True), (1.0, 1.0, True), (0.49, 0.9, False), (0.9, 0.89, False),
     (0.9, 1.01, False)],
)  # fmt: skip
def test_options_are_areas_in_order(low, auc, good):
    if good:
        assert missingness_leak.MissingnessLeak(min_low=low, min_auc=auc).min_rows == 20
    else:
        with pytest.raises(UsageError, match="LK006"):
            missingness_leak.MissingnessLeak(min_low=low, min_auc=auc)
