"""LK007: each mark of a fit on its border, and what chance explains."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datacheck
from datacheck.checks.codes import CODES
from datacheck.checks.leakage.fitted_on_everything import (
    _copy,
    _fits,
    _pooled,
    _spans,
    _standard,
)
from datacheck.summaries.moments import Moment

FittedOnEverything: Any = CODES["LK007"].load()


def moment(mean=0.0, sd=1.0, n=400, low=-3.0, high=3.0, at_min=1, at_max=1, fractional=9):
    return Moment(n, 0, 0, 0, 0, n, 0, fractional, mean, sd * sd, low, high, at_min, at_max)


def of(x: np.ndarray) -> Moment:
    low, high = float(x.min()), float(x.max())
    return Moment(
        x.size, 0, 0, 0, 0, x.size, int((x == 0).sum()), int((x % 1 != 0).sum()), float(x.mean()),
        float(x.var()), low, high, int((x == low).sum()), int((x == high).sum()),
    )  # fmt: skip


# -- marks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "fits"),
    [({}, True), ({"finite": 10}, True), ({"finite": 9}, False), ({"fractional": 1}, True),
     ({"fractional": 0}, False), ({"var": 0.0}, False), ({"var": 5e-324}, True),
     ({"var": math.inf}, False), ({"var": math.nan}, False)],
)  # fmt: skip
def test_columns_that_can_show_a_fit(change, fits):
    assert _fits(dataclasses.replace(moment(), **change)) == fits


@pytest.mark.parametrize(
    ("mean", "sd", "n", "standard", "unit"),
    [
        (0.25, 1.0, 1 << 40, True, True), (-0.25, 1.0, 1 << 40, True, True),
        (0.26, 1.0, 1 << 40, False, False),
        (0.3125, 1.25, 1 << 60, True, True),  # the mean counts in deviations
        (0.0, 1.25, 1 << 60, True, True), (0.0, 1.26, 1 << 60, False, False),
        (0.0, 0.75, 1 << 60, True, True), (0.0, 0.74, 1 << 60, False, False),
        (0.0, 0.25, 16, False, True), (0.0, 5 / 16, 16, False, True), (0.0, 0.32, 16, False, False),
        (0.0, 0.5, 3, False, True), (0.0, 0.62, 3, True, True), (0.0, 0.6, 3, False, True),
    ],
)  # fmt: skip
def test_standardized_within_a_quarter(mean, sd, n, standard, unit):
    assert _standard(moment(mean, sd, n), 0.25) == standard
    assert _standard(moment(mean, sd, n), 0.25, unit=True) == unit


@given(st.integers(12, 99))
def test_scalers_of_either_denominator_are_seen(n):
    x = np.random.default_rng(n).gamma(2, size=n)
    off = x - x.mean()
    assert _standard(of(off / x.std()), 1e-9)
    assert _standard(of(off / x.std(ddof=1)), 1e-9)
    length = of(off / np.linalg.norm(off))
    assert _standard(length, 1e-9, unit=True)
    assert not _standard(length, 1e-9)


@pytest.mark.parametrize(
    ("change", "spans"),
    [({}, True), ({"low": 1e-12}, True), ({"low": -1e-12}, True), ({"low": 1.5e-12}, False),
     ({"high": 1 - 2**-40}, True), ({"high": 1 + 2**-39}, False), ({"at_min": 2}, False),
     ({"at_max": 2}, False), ({"at_max": 0}, False), ({"at_min": 0}, False), ({"low": 0.5}, False),
     ({"high": 0.5}, False)],
)  # fmt: skip
def test_ranges_are_exact_and_each_end_is_there_once(change, spans):
    one = moment(**({"low": 0.0, "high": 1.0} | change))
    assert _spans(one, 0.0, 1.0) == spans
    assert not _spans(one, -1.0, 1.0)


@pytest.mark.parametrize(
    ("change", "copy"),
    [({}, True), ({"min": -4.0}, False), ({"max": 4.0}, False), ({"finite": 9}, False),
     ({"var": 1 + 5e-13}, True), ({"var": 1 + 4e-12}, False)],
)  # fmt: skip
def test_copies_have_the_same_figures(change, copy):
    assert _copy(moment(), dataclasses.replace(moment(), **change)) == copy


@given(st.lists(st.lists(st.sampled_from([-1.0, 0.0, 0.25, 2.0, 7.5]), min_size=1, max_size=6),
                min_size=1, max_size=4))  # fmt: skip
def test_parts_together_have_the_figures_of_the_whole(parts):
    pooled = _pooled([of(np.array(p)) for p in parts])
    whole = of(np.concatenate([np.array(p) for p in parts]))
    for name in ("n", "finite", "fractional", "min", "max", "at_min", "at_max"):
        assert getattr(pooled, name) == getattr(whole, name)
    assert (pooled.mean, pooled.var) == pytest.approx((whole.mean, whole.var), abs=1e-12)


# -- chance --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hits", "columns"), [(2, 2), (2, 10), (3, 30)])
def test_chance_is_that_of_a_normal_mean_and_deviation(hits, columns):
    """p = 2/√(2π) · √n t · 2/√π · √n t of a column; the binomial's tail is about its first term."""
    density = 2 / math.sqrt(2 * math.pi) * 2 / math.sqrt(math.pi)
    rule = FittedOnEverything(tolerance=1e-3)

    def tail(rows):
        p = density * 1e-6 * rows
        return 1 - sum(math.comb(columns, k) * p**k * (1 - p) ** (columns - k) for k in range(hits))

    assert tail(100) < 1e-4
    least = next(rows for rows in range(100, 10**6, 100) if tail(rows) >= 1e-4)
    assert rule._sure(hits, columns, round(0.95 * least), False)
    assert not rule._sure(hits, columns, round(1.05 * least), False)


def test_a_deviation_is_never_more_than_sure():
    """0.95 tolerances: the deviation is within one for certain, and the mean in 76 of 100."""
    rule = FittedOnEverything(tolerance=0.095)
    assert rule._sure(34, 34, 100, False)
    assert not rule._sure(30, 34, 100, False)
    assert not FittedOnEverything(tolerance=0.5)._sure(34, 34, 100, False)


def test_one_column_is_enough_if_it_fits_exactly():
    rule = FittedOnEverything()
    assert rule._sure(1, 5, 100, True)
    assert not rule._sure(1, 5, 100, False)
    assert rule._sure(2, 5, 100, False)
    assert not rule._sure(0, 5, 100, True)
    assert not FittedOnEverything(min_columns=3)._sure(2, 5, 100, False)


# -- findings ------------------------------------------------------------------------------------

ODD = {"mean": 5.0, "sd": 2.0}


def each(table, others=("test",), **options):
    return list(FittedOnEverything(**options)._each("train", list(others), table))


def together(table, others=("test",), **options):
    return list(FittedOnEverything(**options)._together("train", list(others), table))


def test_the_finding_of_splits_fitted_by_themselves():
    table = {
        "a": {"train": moment(**ODD), "test": moment(), "more": moment(**ODD)},
        "b": {"train": moment(**ODD), "test": moment(), "more": moment(**ODD)},
        "c": {"train": moment(**ODD), "test": moment(0.1), "more": moment(0.1)},
    }
    (one,) = each(table, ("test", "more"))
    assert one.message == (
        "2 columns (a, b) of test have mean 0 and deviation 1 to within 1e-05: test was "
        "standardized on itself, not with the figures of train"
    )
    assert (one.splits, one.columns) == (("train", "test"), ("a", "b"))
    assert (one.count, one.total, one.unit) == (2, 3, "columns")
    assert one.evidence["of_a"]["train"] == {"mean": 5.0, "sd": 2.0, "min": -3.0, "max": 3.0}
    copied = {c: t | {"train": t["test"]} for c, t in table.items()}
    assert each(copied) == []


@pytest.mark.parametrize(("mean", "found"), [(0.8e-9, 1), (1.5e-9, 0)])
def test_one_column_within_a_ten_thousandth_of_the_tolerance(mean, found):
    table = {
        "a": {"train": moment(**ODD), "test": moment(mean)},
        "b": {"train": moment(**ODD), "test": moment(**ODD)},
    }
    told = each(table)
    assert len(told) == found
    if told:
        assert told[0].message.startswith("a of test has mean 0 and deviation 1 to within 1e-05")
    whole = {
        "a": {"train": moment(0.5 + mean, 0.8), "test": moment(-0.5 + mean, 1)},
        "b": {"train": moment(**ODD), "test": moment(**ODD)},
    }
    sd = math.sqrt((0.64 + 1) / 2 + 0.25)
    whole["a"] = {s: moment(m.mean / sd, m.sd / sd) for s, m in whole["a"].items()}
    assert len(together(whole)) == found


def halves(mean=0.5, **more):
    """Train and test that have mean 0 and deviation 1 together only."""
    sd = math.sqrt(1 - mean * mean)
    return {"train": moment(mean, sd, **more), "test": moment(-mean, sd, **more)}


def test_the_finding_of_splits_fitted_together():
    table = {"a": halves(), "b": halves(0.25), "c": {"train": moment(**ODD), "test": moment()}}
    table["d"] = {"train": moment(), "test": moment()}  # train has it alone
    (one,) = together(table)
    assert one.message == (
        "2 columns (a, b) have mean 0 and the same deviation to within 1e-05 over train, test "
        "together, but not in train alone: the scaling was fitted on everything"
    )
    assert (one.splits, one.columns, one.total) == (("train", "test"), ("a", "b"), 4)
    assert one.evidence["fitted_on"] == "all splits together"
    assert together({"a": halves(), "c": table["c"]}, tolerance=1e-17) == []


def test_columns_of_unit_length_over_all_splits():
    n = 400
    table = {c: {s: moment(m.mean / math.sqrt(2 * n), m.sd / math.sqrt(2 * n), n)
                 for s, m in halves().items()} for c in "ab"}  # fmt: skip
    assert len(together(table)) == 1
    assert each(table) == []


def test_train_and_one_other_may_have_been_fitted_together():
    table = {c: halves() | {"more": moment(**ODD)} for c in "ab"}
    (one,) = together(table, ("test", "more"))
    assert one.splits == ("train", "test")
    every = {c: {"train": moment(0.5, 0.6), "test": moment(), "more": moment()} for c in "ab"}
    three = list(every["a"].values())
    mean = sum(m.mean for m in three) / 3
    sd = math.sqrt(sum(m.var + (m.mean - mean) ** 2 for m in three) / 3)
    every = {c: {s: moment((m.mean - mean) / sd, m.sd / sd) for s, m in t.items()}
             for c, t in every.items()}  # fmt: skip
    (one,) = together(every, ("test", "more"))
    assert one.splits == ("train", "test", "more")


def test_four_splits_are_named_and_how_many_more_there_are():
    others = ("e1", "e2", "e3", "e4", "e5")
    table = {c: {"train": moment(**ODD), **dict.fromkeys(others, moment())} for c in "ab"}
    (one,) = each(table, others)
    assert "of e1, e2, e3, e4 and 1 more have mean 0" in one.message
    parts = [0.25, -0.25, 0.5, -0.5, 0.125, -0.125]
    sd = math.sqrt(1 - np.mean(np.square(parts)))
    together_ = dict(zip(("train", *others), (moment(m, sd) for m in parts), strict=True))
    (two,) = together(dict.fromkeys("ab", together_), others)
    assert "over train, e1, e2, e3 and 2 more together, but" in two.message
    own_ = {s: moment(0.5, 0.2 + i / 99, **RANGE) for i, s in enumerate(("train", *others))}
    (three,) = ranges(dict.fromkeys("abc", own_), others=others)
    assert "in each of train, e1, e2, e3 and 2 more: each" in three.message
    end = {"train": moment(low=0.25, high=0.75)} | dict.fromkeys(others, moment(low=0.5, high=0.75))
    end |= {"e1": moment(low=0.0, high=0.5), "e2": moment(low=0.5, high=1.0)}
    (four,) = ranges(dict.fromkeys("abc", end), others=others)
    assert "over train, e1, e2, e3 and 2 more together, but" in four.message


def test_rows_are_those_of_all_splits_of_the_pool():
    """So many that two of ten columns within 0.01 may be an accident of the whole, not of half."""
    table: dict[str, Any] = {c: halves(n=40) for c in "ab"}
    table |= {c: {"train": moment(**ODD, n=40), "test": moment(**ODD, n=40)} for c in "cdefghij"}
    rule = FittedOnEverything(tolerance=0.01)
    limit = next(n for n in range(1, 10**5) if not rule._sure(2, 10, n, False))
    for n, found in ((limit // 2 - 1, 1), (limit // 2 + 1, 0)):
        rows = {c: {s: dataclasses.replace(m, n=n, finite=n) for s, m in t.items()}
                for c, t in table.items()}  # fmt: skip
        assert len(together(rows, tolerance=0.01)) == found


RANGE = {"low": 0.0, "high": 1.0}


def ranges(table, distinct=50, peeked=100, others=("test",), **options):
    columns = {c: SimpleNamespace(distinct=distinct, peeked=peeked) for c in table}
    context: Any = SimpleNamespace(data=SimpleNamespace(columns=columns))
    return list(FittedOnEverything(**options)._ranges(context, "train", list(others), table))


def own(n, odd=0):
    """Columns of which each split has the range by itself, and some that have none."""
    a, b = moment(0.5, 0.2, **RANGE), moment(0.4, 0.25, **RANGE)
    table = {f"r{i}": {"train": a, "test": b} for i in range(n)}
    return table | {f"o{i}": {"train": moment(**ODD), "test": moment(**ODD)} for i in range(odd)}


def shared(n, train=0):
    """Columns of which both together have the range, and some of which train has it alone."""
    part, rest = moment(0.5, 0.2, low=0.125, high=1.0), moment(0.4, 0.2, low=0.0, high=0.5)
    table = {f"s{i}": {"train": part, "test": rest} for i in range(n)}
    inner = moment(0.5, 0.1, low=0.25, high=0.75)
    alone = {"train": moment(0.5, 0.2, **RANGE), "test": inner}
    return table | {f"t{i}": alone for i in range(train)}


def test_the_findings_of_ranges():
    (one,) = ranges(own(3))
    assert one.message == (
        "3 columns (r0, r1, r2) have a range of exactly 0 to 1 in each of train, test: each split "
        "was scaled on itself"
    )
    assert one.evidence["fitted_on"] == "each split on itself"
    (two,) = ranges(shared(3))
    assert two.message == (
        "3 columns (s0, s1, s2) have a range of exactly 0 to 1 over train, test together, but not "
        "in train alone: the scaling was fitted on everything"
    )
    assert two.evidence["fitted_on"] == "all splits together"
    wide = {c: {s: dataclasses.replace(m, min=-1.0) for s, m in t.items()}
            for c, t in own(3).items()}  # fmt: skip
    (three,) = ranges(wide)
    assert "a range of exactly -1 to 1 in each" in three.message


@pytest.mark.parametrize(
    ("table", "options", "found"),
    [
        (own(3), {}, 1), (own(2), {}, 0), (shared(3), {}, 1), (shared(2), {}, 0),
        (own(3, 3), {}, 1), (own(3, 4), {}, 0),  # half of all such columns
        (own(3), {"min_columns": 4}, 0), (own(4), {"min_columns": 4}, 1),
        (shared(2, 1), {}, 1), (shared(1, 2), {}, 0),  # of three that span, two not in train alone
        (own(3), {"distinct": 49}, 0), (own(3), {"distinct": 1, "peeked": 2}, 1),
        (own(3), {"distinct": 0, "peeked": 0}, 0),
    ],
)  # fmt: skip
def test_how_many_columns_it_takes(table, options, found):
    assert len(ranges(table, **options)) == found


def test_copies_and_a_split_without_the_range_are_no_fit():
    copies = {c: {"train": t["train"], "test": t["train"]} for c, t in own(3).items()}
    assert ranges(copies) == []
    more = {c: t | {"more": moment(**ODD)} for c, t in own(3).items()}
    assert ranges(more, others=("test", "more")) == []


def test_what_is_not_judged():
    def reason(**splits):
        frames = {s: pl.DataFrame(c) for s, c in splits.items()}
        (outcome,) = datacheck.audit(frames, settings={"select": ("LK007",)}).outcomes
        return outcome.reason

    x = np.arange(40) / 7
    assert reason(train={"x": x}, test={"x": x + 1}) == ""
    assert reason(train={"x": x}) == "needs two splits with rows"
    whole = np.arange(40) % 7
    none = "no column of numbers with fractions in every split"
    assert reason(train={"x": whole}, test={"x": whole}) == none
    assert reason(train={"x": x}, test={"x": whole}) == none
    no_numbers = "no feature column of numbers that all splits have"
    assert reason(train={"c": ["a", "b"] * 9}, test={"c": ["a", "b"] * 9}) == no_numbers
