"""When an extreme is a stand-in, at each of the bounds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks.missing import isolated as found
from datacheck.checks.missing.isolated import Sides, _Range, _Tail
from tests.checks.contexts import context_of

SIDES = Sides(min_share=0.01, max_zeros=0.3)


# -- figures of a column ---------------------------------------------------------------------------


@given(
    st.lists(st.integers(-40, 40), min_size=30, max_size=80),
    st.integers(1, 20),
    st.booleans(),
)
def test_figures_are_those_of_numpy_of_the_column_without_the_value(values, times, low):
    others = np.array(values, dtype=np.float64) / 4
    v = -60.0 if low else 60.0
    tail = found._tail(np.concatenate([others, np.full(times, v)]), v, low=low)
    distinct = np.unique(others)
    if distinct.size < 10:
        assert tail is None
        return
    edge, q1, q2, q3 = np.quantile(
        others, [0.05 if low else 0.95, 0.25, 0.5, 0.75], method="inverted_cdf"
    )
    nearest, farthest = (others.min(), others.max())[:: 1 if low else -1]
    near = distinct[:5] if low else distinct[-5:]
    assert tail == _Tail(
        gap=abs(nearest - v),
        tail=abs(edge - nearest),
        iqr=q3 - q1,
        median=q2,
        step=float(np.median(np.diff(distinct))),
        near=int(np.isin(others, near).sum()),
        at=times,
        range=farthest - nearest if low else nearest - farthest,
    )


def test_a_tail_is_known_from_thirty_values_and_ten_distinct_ones():
    def known(others):
        return found._tail(np.array([*others, -500.0]), -500.0, low=True) is not None

    assert known(range(30))
    assert not known(range(29))
    assert known([i % 10 for i in range(40)])
    assert not known([i % 9 for i in range(40)])


def test_a_gap_is_more_than_a_hundredth_of_the_range():
    others = [float(i) for i in range(101)]
    for gap, wide in ((1.0, False), (1.25, True)):
        low, high = np.array([*others, -gap]), np.array([*others, 100 + gap])
        assert (found._tail(low, -gap, low=True) is not None) is wide
        assert (found._tail(high, 100 + gap, low=False) is not None) is wide


# -- usual numbers and dates -----------------------------------------------------------------------


def test_the_limits_of_types_are_usual():
    limits = {float(f(np.iinfo(t))) for t in (np.int16, np.int32, np.int64)
              for f in (lambda i: i.min, lambda i: i.max)}  # fmt: skip
    limits |= {float(np.iinfo(t).max) for t in (np.uint16, np.uint32, np.uint64)}
    limits |= {float(s * np.finfo(np.float32).max) for s in (-1, 1)}
    for v in limits:
        assert found._usual(v, low=v < 0), v
    for v in (32766, 32768, 65534, 65536, 2147483646, 2147483648, 4294967294, 4294967296, 127, 255,
              128, 256, 1 << 62):  # fmt: skip
        assert not found._usual(float(v), low=False), v
    assert found._usual(-32767.0, low=True)
    assert not found._usual(-32769.0, low=True)


def test_so_is_what_no_measurement_reaches():
    assert found._usual(1e20, low=False)
    assert found._usual(-1e20, low=False)
    assert not found._usual(0.99e20, low=False)


@pytest.mark.parametrize("v", [99, 999, 9999999, 88, 888, 77, 7777, -99, -888])
def test_so_are_repeated_digits_on_either_side(v):
    assert found._usual(float(v), low=True)
    assert found._usual(float(v), low=False)


@pytest.mark.parametrize("v", [9, 8, 66, 98, 9.9, 99.5, 11, 0, 979])
def test_other_digits_are_not(v):
    assert not found._usual(float(v), low=True)


@pytest.mark.parametrize(
    ("v", "usual"),
    [(-1, True), (-9, True), (-100, True), (-900, True), (-5000, True), (-50, False), (-2, False),
     (-101, False), (100, False), (0, False)],
)  # fmt: skip
def test_negative_hundreds_one_and_nine_are_usual_below_the_others(v, usual):
    assert found._usual(float(v), low=True) is usual
    assert not found._usual(float(v), low=False)


def microseconds(year, month, day, hour=0, minute=0, second=0):
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp() * 1e6


def test_usual_dates_are_at_midnight():
    assert found._known(microseconds(1900, 1, 1), low=True, dated=True)
    assert not found._known(microseconds(1900, 1, 1, 12), low=True, dated=True)
    assert not found._known(microseconds(1900, 1, 2), low=True, dated=True)
    assert found._known(microseconds(9999, 12, 31), low=False, dated=True)
    assert not found._known(999.0, low=False, dated=True)
    assert found._known(999.0, low=False, dated=False)


def test_dates_in_words():
    assert found.dates_said(microseconds(1969, 12, 31)) == "1969-12-31"
    assert found.dates_said(microseconds(2001, 2, 3, 4, 5, 6)) == "2001-02-03 04:05:06"
    assert found.dates_said(3e17) == "3e+17 µs"


# -- verdicts --------------------------------------------------------------------------------------

SPAN = _Range(min=-5000.0, max=100.0, at_min=40, at_max=1, finite=2000, whole=False)
TAIL = _Tail(gap=1000, tail=10, iqr=10, median=50, step=1, near=5, at=40, range=100)


def stands_out(v=-77.5, n=40, low=True, dated=False, span=SPAN, **tail):
    return found._stands_out(replace(TAIL, **tail), v, n, span, SIDES, low=low, dated=dated)


def test_a_stand_in_fills_a_hundredth_of_the_rows_or_a_thousandth_if_usual():
    assert stands_out(n=20)
    assert not stands_out(n=19)
    assert stands_out(-999.0, n=2)
    assert not stands_out(-999.0, n=1)


def test_it_is_more_frequent_than_the_five_nearest_values():
    assert stands_out(at=6, near=5)
    assert not stands_out(at=5, near=5)
    # A usual one, than two in five of them ...
    assert stands_out(-999.0, at=21, near=50, range=2000)
    assert not stands_out(-999.0, at=20, near=50, range=2000)
    # ... unless it is farther away than all others reach.
    assert stands_out(-999.0, at=20, near=50, range=999.0)
    assert not stands_out(-999.0, at=20, near=50, range=1000)
    assert not stands_out(at=5, near=5, range=0)


def test_the_gap_is_more_than_four_steps():
    assert stands_out(gap=41, step=10)
    assert not stands_out(gap=40, step=10)


def test_the_gap_is_three_tails_wide_and_of_a_usual_value_one():
    for v, factor in ((-77.5, 3), (-999.0, 1)):
        assert not stands_out(v, gap=factor * 20, tail=20)
        assert stands_out(v, gap=factor * 20 + 0.5, tail=20)
        assert not stands_out(v, gap=factor * 20, iqr=40)
        assert stands_out(v, gap=factor * 20 + 0.5, iqr=40)


def test_minus_one_among_counts_needs_no_gap():
    counts = replace(SPAN, min=-1.0, whole=True)
    small = {"gap": 1.0, "step": 1, "tail": 5, "iqr": 30}
    assert stands_out(-1.0, span=counts, at=11, near=5, **small)
    assert not stands_out(-1.0, span=counts, at=10, near=5, **small)
    assert not stands_out(-1.0, span=replace(counts, whole=False), at=11, near=5, **small)
    assert not stands_out(-1.0, span=replace(counts, min=-2.0), at=11, near=5, **small)
    assert not stands_out(-1.0, span=counts, at=11, near=5, **{**small, "gap": 0.5})
    assert not stands_out(-9.0, span=replace(counts, min=-9.0), at=11, near=5, **small)


def test_a_date_stands_out_as_a_number_does():
    v = microseconds(1900, 1, 1)
    assert stands_out(v, n=2, dated=True)
    assert not stands_out(microseconds(1900, 1, 2), n=2, dated=True)


ZERO = _Tail(gap=40, tail=0, iqr=0, median=0, step=0, near=5, at=40, range=100)


def zero(n=40, **tail):
    return found._is_zero(replace(ZERO, **tail), n, replace(SPAN, finite=1000), SIDES)


def maybe(n=40, **tail):
    return found._may_be_zero(replace(ZERO, **tail), n, replace(SPAN, finite=1000))


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ({"n": 300}, {"n": 301}),
        ({"n": 1}, {"n": 0}),
        ({"median": 200}, {"median": 201}),
        ({"step": 10}, {"step": 10.5}),
        ({"tail": 80}, {"tail": 81}),
        ({"iqr": 100}, {"iqr": 101}),
        ({"at": 3}, {"at": 2.5}),
    ],
)
def test_a_zero_is_a_stand_in_far_below_what_are_sizes(inside, outside):
    assert zero(**inside)
    assert not zero(**outside)


@pytest.mark.parametrize(
    ("inside", "outside"),
    [({"n": 600}, {"n": 601}), ({"step": 19.5}, {"step": 20}), ({"at": 6}, {"at": 5})],
)
def test_a_zero_may_be_one_in_the_rows_of_another(inside, outside):
    assert maybe(**inside)
    assert not maybe(**outside)


# -- zeros that fall together ----------------------------------------------------------------------


def rows(*places, n=40):
    mask = np.zeros(n, dtype=np.bool_)
    mask[[p for some in places for p in (some if isinstance(some, range) else [some])]] = True
    return mask


def companions(*zeros):
    return list(found._companions(list(zeros)))


def test_certain_zeros_come_by_name():
    sure = rows(range(10))
    assert companions(("b", sure, True), ("a", sure, True)) == ["a", "b"]
    assert companions(("b", sure, False), ("a", sure, False)) == []


def test_four_of_five_certain_zeros_are_shared():
    sure = ("a", rows(range(10)), True)
    assert companions(sure, ("b", rows(range(8), 30), False)) == ["a", "b"]
    assert companions(sure, ("b", rows(range(7), 30), False)) == ["a"]


def test_six_certain_zeros_are_needed():
    for count, follows in ((6, True), (5, False)):
        mask = rows(range(count))
        assert (companions(("a", mask, True), ("b", mask, False)) == ["a", "b"]) is follows


def test_more_are_shared_than_by_chance():
    sure = ("a", rows(range(10), n=20), True)
    assert companions(sure, ("b", rows(range(8), range(10, 18), n=20), False)) == ["a"]
    assert companions(sure, ("b", rows(range(9), range(10, 17), n=20), False)) == ["a", "b"]


def test_a_companion_is_certain_and_has_companions():
    a, b = ("a", rows(range(10)), True), ("b", rows(range(20)), False)
    c = ("c", rows(range(4, 20)), False)
    assert companions(a, c) == ["a"]
    assert companions(a, b, c) == ["a", "b", "c"]


def test_a_column_may_follow_any_of_many():
    other = [(f"a{i:03}", rows(range(20, 30)), True) for i in range(149)]
    own = ("a149", rows(range(10)), True)
    assert "z" in companions(*other, own, ("z", rows(range(10)), False))


# -- columns of frames -----------------------------------------------------------------------------


def stand_ins(settings=None, **splits):
    frames = {s: pl.DataFrame({"x": np.asarray(x, dtype=float)}).with_columns(
        label=pl.Series([i % 2 for i in range(len(x))])) for s, x in splits.items()}  # fmt: skip
    context = context_of("MV003", frames, label="label")
    out = list(found.isolated(context, SIDES))
    return [v for _, v in out], context


def body(n, seed=0):
    return np.random.default_rng(seed).normal(500, 10, n).round(2)


def test_three_rows_at_least():
    assert stand_ins(train=[*body(500), -999, -999, -999])[0] == [-999]
    assert stand_ins(train=[*body(500), -999, -999])[0] == []
    assert stand_ins(train=[*body(500), 999, 999, 999])[0] == [999]


def test_either_extreme_or_both():
    x = [*body(500), *[-999] * 9, *[9999] * 9]
    assert stand_ins(train=x)[0] == [-999, 9999]


def test_minus_one_among_ten_whole_numbers():
    counts = np.arange(400) % 10
    assert stand_ins(train=[*counts, *[-1] * 420])[0] == [-1]
    assert stand_ins(train=[*(counts % 9), *[-1] * 420])[0] == []


def test_a_usual_value_may_be_of_one_split_only():
    few = [*body(100, 1), *[-999] * 3]
    assert stand_ins(train=body(9000), test=few)[0] == [-999]
    odd = [*body(100, 1), *[-77.5] * 40]
    assert stand_ins(train=body(9000), test=odd)[0] == []
    assert stand_ins(train=body(900), test=odd)[0] == [-77.5]


def test_splits_are_taken_together_where_that_says_more():
    x = [*body(500), -999, -999]
    assert stand_ins(train=x)[0] == []
    assert stand_ins(train=x, test=x)[0] == [-999]


def test_zeros_are_told_for_sizes_and_not_for_what_has_two_signs():
    assert stand_ins(train=[*body(500), *[0] * 40])[0] == [0]
    assert stand_ins(train=[*(body(500) - 500), *[0] * 40])[0] == []


def test_cells_are_counted_wherever_the_value_lies():
    _, context = stand_ins(train=[*body(100), *[-9] * 4, *[9999] * 3, 7, 7])
    numbers = {-9: 4, 9999: 3, 7: 2, 8: 0, -10: 0, 10_000: 0}
    assert {v: found.cells(context, "train", "x", float(v)) for v in numbers} == numbers


def test_extremes_are_those_of_all_splits():
    _, context = stand_ins(train=[*body(50), 1, 1, 9999], test=[*body(50), 1, 5, 9998])
    span = found._range(context, "x", ["train", "test"])
    assert span == _Range(min=1, max=9999, at_min=3, at_max=1, finite=106, whole=False)
    span = found._range(context, "x", ["test"])
    assert span == _Range(min=1, max=9998, at_min=1, at_max=1, finite=53, whole=False)
