"""LK005: what its findings say, and which sums and differences are the label."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datacheck
from datacheck.checks.codes import CODES
from datacheck.checks.leakage.target_leak import _candidates, _share
from datacheck.checks.predict import Target
from datacheck.checks.scores import Score
from datacheck.errors import UsageError
from datacheck.findings import Status


def audit(frame, *, task="regression", **options):
    chosen = {"label": "label", "task": task, "select": ("LK005",), "rules": {"LK005": options}}
    report = datacheck.audit({"train": frame}, settings=chosen)
    assert report.outcomes[0].status is not Status.FAILED
    return report.findings


def target(y, **columns):
    frame = pl.DataFrame({"__address__": np.arange(len(y)), **columns})
    return Target(frame, np.asarray(y, dtype=float), ())


# -- what findings say ---------------------------------------------------------------------------


def rule(**options):
    return CODES["LK005"].load()(**options)


def single(found, tested=9, **options):
    return rule(**options)._single(found, "y", "train", tested, "rows")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.99987, "0.9999"), (0.99996, "0.9999"), (1.0, "1.0000"), (0.9915, "0.9915")],
)
def test_what_is_not_one_is_never_shown_as_one(value, shown):
    one = single({"a": Score("AUC", value, 0.99, 1.0, 1234)})
    assert one.message == (
        f"a alone predicts y almost perfectly in train: it has AUC {shown} on 1,234 rows"
    )
    assert (one.count, one.total, one.unit) == (1, 9, "columns")
    assert (one.effect.low, one.effect.threshold) == (0.99, 0.99)


def test_several_columns_are_told_together_the_best_first():
    told = single(
        {
            "c": Score("AUC", 0.995, 0.99, 1.0, 50),
            "b": Score("AUC", 0.998, 0.991, 1.0, 60),
            "a": Score("AUC", 0.998, 0.992, 1.0, 70),
        },
        min_score=0.98,
    )
    assert told.message == (
        "a, b, c each alone predict y almost perfectly in train; a has AUC 0.9980 on 70 rows"
    )
    assert told.columns == ("a", "b", "c")
    assert told.effect.threshold == 0.98
    assert list(told.evidence["score"]) == ["a", "b", "c"]
    assert told.evidence["rows"] == 70
    exact = single({"a": Score("rows told apart", 1.0, 1.0, 1.0, 1500, exact=True)})
    assert exact.message.endswith(": it tells all 1,500 rows apart, without one exception")


def test_near_copies_are_told_together_the_one_that_errs_least_first():
    near = {
        "b": Score("rows told right", 0.997, 0.99, 1.0, 2000, False, True, 6, 900),
        "a": Score("rows told right", 0.998, 0.99, 1.0, 2000, False, True, 4, 900),
    }
    told = rule()._near(near, "y", "train", 5)
    assert told.message == (
        "a, b are near copies of y in train: a alone is wrong in 4 of 2,000 rows, the most "
        "frequent class in 900"
    )
    assert told.effect.threshold == 0.99
    assert (told.count, told.total) == (2, 5)
    assert told.evidence == {"wrong": {"a": 4, "b": 6}, "rows": 2000}
    one = rule()._near({"b": near["b"]}, "y", "train", 5)
    assert one.message.startswith("b is a near copy of y in train: b alone is wrong in 6 of")


def test_a_score_of_the_least_is_enough():
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    frame = pl.DataFrame({"x": x, "label": x + rng.normal(size=600) * 0.02})
    low = audit(frame)[0].effect.low
    assert low > 0.99
    assert audit(frame, min_score=low)
    assert not audit(frame, min_score=math.nextafter(low, 1))


@pytest.mark.parametrize(("value", "good"), [(0.5, False), (0.51, True), (1.0, True), (1.1, False)])
def test_the_least_score_is_above_a_half(value, good):
    if good:
        assert rule(min_score=value).min_score == value
    else:
        with pytest.raises(UsageError, match=r"\(0.5, 1\]"):
            rule(min_score=value)


# -- sums ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "y", "share"),
    [
        ((1e6 - 1, 2.0), 1e6, 1), ((1e6 - 1, 2.6), 1e6, 0), ((1e6, -0.8), 1e6, 1),
        ((1e6, -1.5), 1e6, 0),
        # where the label is small, a thousandth of the terms stands for it: 1e-9 of 1e9 is 1
        ((1e9, -1e9 + 0.75), 0.0, 1), ((1e9, -1e9 + 1.5), 0.0, 0), ((5e8, -5e8 + 0.75), 0.0, 0),
        ((math.inf, -math.inf), 1.0, 0), ((math.nan, 1.0), 1.0, 0),
    ],
)  # fmt: skip
def test_a_sum_holds_within_a_millionth(x, y, share):
    made = target([y], a=[x[0]], b=[x[1]])
    assert _share(made, ("a", "b", 1), 1.0) == share
    minus = target([y], a=[x[0]], b=[-x[1]])
    assert _share(minus, ("a", "b", -1), 1.0) == share
    units = target([y / 4], a=[x[0]], b=[x[1]])
    assert _share(units, ("a", "b", 1), 4.0) == share


def test_the_border_of_a_millionth_belongs_to_it():
    assert _share(target([1e6, 1e6], a=[1e6, 1e6], b=[1.0, -1.0]), ("a", "b", 1), 1.0) == 1


@given(st.integers(0, 999))
def test_the_candidates_are_the_pairs_that_add_up(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(60, 6)).round(4)
    y = x[:, 0] + x[:, 3]
    x[:, 4] = x[:, 1] - y
    x[:, 5] = y + x[:, 2]
    made = target(y, **{f"x{j}": x[:, j] for j in range(6)})
    wanted = {
        (f"x{i}", f"x{j}", sign)
        for i in range(6)
        for j in range(6)
        for sign in (1, -1)
        if i != j and (sign < 0 or i < j) and np.allclose(x[:, i] + sign * x[:, j], y)
    }
    assert set(_candidates(made, tuple(f"x{j}" for j in range(6)), 1.0)) == wanted
    assert {("x0", "x3", 1), ("x5", "x2", -1), ("x1", "x4", -1)} <= wanted


def planted(n=400, wrong=0, seed=0):
    """a + b is the label in all but so many rows, none of them among those that are projected."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n)).round(3)
    y = a + b
    made = target(y)
    y[np.argsort(made.hashes)[32 : 32 + wrong]] += 1
    return pl.DataFrame({"a": a, "b": b, "c": rng.normal(size=n), "label": y})


def test_the_finding_of_a_sum_in_full():
    (one,) = audit(planted(wrong=3))
    assert one.message == "label equals a + b in 397 of 400 rows of train"
    assert (one.count, one.total, one.columns) == (397, 400, ("a", "b"))
    assert one.effect.value == one.effect.low == one.effect.high == 397 / 400
    assert one.effect.threshold == 0.99
    assert one.evidence == {"sums": ["a + b"]}
    assert not audit(planted(wrong=3), pairs=False)


@pytest.mark.parametrize(("wrong", "found"), [(4, 1), (5, 0)])
def test_a_sum_holds_in_99_rows_of_a_hundred(wrong, found):
    assert len(audit(planted(wrong=wrong))) == found


def test_only_the_rows_that_are_projected_have_to_hold_at_once():
    """Of the first 32 rows by hash each has to add up, of the others hardly any."""
    frame = planted(wrong=368)
    made = target(frame["label"], **frame.drop("label").to_dict())
    assert _candidates(made, ("a", "b", "c"), 1.0) == [("a", "b", 1)]
    first = int(np.argsort(made.hashes)[31])
    y = frame["label"].to_numpy().copy()
    y[first] += 1
    assert _candidates(target(y, **frame.drop("label").to_dict()), ("a", "b", "c"), 1.0) == []


def test_several_sums_are_told_together():
    frame = planted().with_columns(d=pl.col("c") - pl.col("label"))
    (one,) = audit(frame)
    assert one.message == "label equals a + b in 400 of 400 rows of train; so do 1 more pairs"
    assert one.evidence["sums"] == ["a + b", "c - d"]
    assert one.columns == ("a", "b", "c", "d")


@pytest.mark.parametrize(("distinct", "found"), [(5, 1), (4, 0)])
def test_a_label_of_four_values_is_no_sum(distinct, found):
    a = np.random.default_rng(0).normal(size=64).round(3)
    y = np.arange(64) % distinct
    assert len(_candidates(target(y, a=a, b=y - a), ("a", "b"), 1.0)) == found


@pytest.mark.parametrize(("size", "found"), [(2e-6, 1), (0.7e-6, 0)])
def test_a_column_that_hardly_varies_beside_the_label_is_no_term(size, found):
    y = np.random.default_rng(0).normal(size=64)
    b = (np.arange(64) % 2) * np.ptp(y[np.argsort(target(y).hashes)[:32]]) * size
    assert len(_candidates(target(y, a=y - b, b=b), ("a", "b"), 1.0)) == found


def test_what_is_not_finite_or_huge_is_no_term():
    rng = np.random.default_rng(0)
    a, y = rng.normal(size=(2, 64))
    odd = target(y, a=a, b=y - a, c=np.full(64, np.nan), d=rng.normal(size=64) * 1e301)
    assert _candidates(odd, ("a", "b", "c", "d"), 1.0) == [("a", "b", 1)]
    assert _candidates(target(y, a=a), ("a",), 1.0) == []
    for scale, found in ((1e299, 1), (1e301, 0)):
        made = target(y * scale / 8, a=a * scale / 8, b=(y - a) * scale / 8)
        assert len(_candidates(made, ("a", "b"), 1.0)) == found


def test_a_small_difference_of_large_numbers_is_found():
    rng = np.random.default_rng(0)
    y, a = rng.normal(size=64), rng.normal(size=64) * 1e9
    assert ("a", "b", -1) in _candidates(target(y, a=a, b=a - y), ("a", "b"), 1.0)


def test_numbers_have_no_units():
    frame = planted()
    assert not audit(frame.with_columns(label=pl.col("label") / 1000))


def test_of_columns_that_are_all_the_same_some_pairs_are_enough():
    """Every pair of seventy ones and seventy others adds up: 4 of each of 64 are looked at."""
    rng = np.random.default_rng(0)
    a, y = rng.normal(size=(2, 40))
    columns = {f"a{j:02}": a for j in range(70)} | {f"b{j:02}": y - a for j in range(70)}
    pairs = _candidates(target(y, **columns), tuple(columns), 1.0)
    assert len(pairs) == 64 * 4
    assert {sign for *_, sign in pairs} == {1}


@pytest.mark.parametrize("unit", ["microseconds", "milliseconds", "seconds", "minutes", "hours",
                                  "days"])  # fmt: skip
def test_a_span_of_time_in_any_unit_is_a_difference(unit):
    rng = np.random.default_rng(0)
    began = datetime(2024, 1, 1)  # noqa: DTZ001 - as files have it
    size = {"microseconds": 10**9, "milliseconds": 10**8}.get(unit, 500)
    spans = rng.integers(1, size, 100)
    starts = [began + timedelta(hours=int(h)) for h in rng.integers(0, 5000, 100)]
    ends = [s + timedelta(**{unit: int(v)}) for s, v in zip(starts, spans, strict=True)]
    frame = pl.DataFrame({"start": starts, "end": ends, "x": rng.normal(size=100), "label": spans})
    (one,) = audit(frame.with_columns(pl.col("start", "end").cast(pl.Datetime("us"))))
    assert one.evidence["sums"] == ["end - start"]
    assert one.count == 100
