"""Moments at the edges: blocks of columns, merges of nothing, equality within a tolerance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacheck.dataset import Batch
from datacheck.summaries import moments
from datacheck.summaries.moments import Moments

CELLS = st.one_of(
    st.none(),
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.5, math.nan, math.inf, -math.inf]),
)
ROWS = st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), max_size=12)
NAMES = ("a", "b", "c", "d")


def batch_of(rows: Sequence[Sequence[float | None]], names: Sequence[str] = NAMES) -> Batch:
    columns = {c: [r[i] for r in rows] for i, c in enumerate(names)}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(names, pl.Float64))
    return Batch(frame, np.arange(len(rows)))


def of(*values: float | None) -> Moments:
    found = Moments(("x",))
    found.update(batch_of([(v,) for v in values], ("x",)))
    return found


def check(found: Moments, rows: Sequence[Sequence[float | None]]) -> None:
    """All figures of all columns beside plain Python."""
    for i, name in enumerate(NAMES):
        cells = [r[i] for r in rows]
        known = [v for v in cells if v is not None]
        finite = [v for v in known if math.isfinite(v)]
        m = found[name]
        assert (m.n, m.null) == (len(rows), cells.count(None))
        assert m.nan == sum(map(math.isnan, known))
        assert (m.posinf, m.neginf) == (known.count(math.inf), known.count(-math.inf))
        assert (m.finite, m.zeros) == (len(finite), finite.count(0.0))
        assert m.fractional == finite.count(2.5)
        assert m.missing == m.null + m.nan
        infinite = len(known) - m.nan - len(finite)
        assert m.constant == (not infinite and len(set(finite)) <= 1)
        if not finite:
            assert all(map(math.isnan, (m.mean, m.var, m.min, m.max)))
            continue
        mean = sum(finite) / len(finite)
        assert m.mean == pytest.approx(mean, abs=1e-12)
        assert m.var == pytest.approx(sum((v - mean) ** 2 for v in finite) / len(finite), abs=1e-12)
        assert (m.min, m.max) == (min(finite), max(finite))
        assert (m.at_min, m.at_max) == (finite.count(min(finite)), finite.count(max(finite)))


@given(ROWS, st.sampled_from([1, 8, 24, 1 << 17]))
@settings(max_examples=60, deadline=None)
def test_columns_are_counted_alike_however_many_at_a_time(rows, cells):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moments, "CELLS", cells)
        found = Moments(NAMES)
        found.update(batch_of(rows))
    check(found, rows)


@given(st.lists(ROWS, max_size=4))
@settings(max_examples=40, deadline=None)
def test_merges_of_any_parts_count_all_rows(parts):
    found = Moments(NAMES)
    for rows in parts:
        other = Moments(NAMES)
        other.update(batch_of(rows))
        found.merge(other)
    check(found, [r for rows in parts for r in rows])


def test_rows_are_counted_without_columns():
    found = Moments(())
    found.update(batch_of([(1.0,)] * 3, ("x",)))
    found.update(batch_of([], ("x",)))
    assert found.rows == 3


def test_what_is_empty_changes_no_bit():
    """A mean of 0.1 + 0.2 stays as it is, whichever side is empty."""
    full, before = of(0.1, 0.2, 0.4), of(0.1, 0.2, 0.4).to_bytes()
    assert of(None, math.nan).merge(full)["x"].mean == of(0.1, 0.2, 0.4)["x"].mean
    assert full.merge(Moments(("x",))).to_bytes() == before
    assert Moments(("x",)).merge(of(0.1, 0.2, 0.4)).to_bytes() == before


@pytest.mark.parametrize("values", [(1.5e308, 1.6e308, 1.7e308), (-1.5e308, -1.7e308, -1.6e308)])
def test_a_mean_near_the_largest_float_is_within_its_values(values):
    for found in (of(*values), of(values[0]).merge(of(*values[1:]))):
        m = found["x"]
        assert min(values) <= m.mean <= max(values)
        assert m.mean == pytest.approx(sum(v / 3 for v in values), rel=1e-12)
        assert m.finite == 3
    beyond = of(1.7e308, -1.7e308)["x"]
    assert (beyond.mean, beyond.var, beyond.sd) == (0.0, math.inf, math.inf)
    joined = of(1.7e308).merge(of(-1.7e308))["x"]
    assert (joined.mean, joined.var) == (0.0, math.inf)
    same = of(1.7e308, 1.7e308).merge(of(1.7e308))["x"]
    assert same.mean == 1.7e308
    assert same.var == 0.0


def test_extremes_of_both_sides_are_counted_where_they_are_equal():
    a, b = of(1.0, 1.0, 5.0), of(1.0, 4.0, 4.0)
    m = a.merge(b)["x"]
    assert (m.min, m.at_min, m.max, m.at_max) == (1.0, 3, 5.0, 1)
    m = of(3.0, 3.0).merge(of(2.0, 4.0, 4.0))["x"]
    assert (m.min, m.at_min, m.max, m.at_max) == (2.0, 1, 4.0, 2)


def changed(**to: float) -> Moments:
    """Four values of scale 8 (finite 4, m2 40), with the state changed a little."""
    out = of(8.0, 0.0, 4.0, 4.0)
    for name, value in to.items():
        setattr(out, name, getattr(out, name) + value)
    return out


@pytest.mark.parametrize(
    ("change", "rtol", "equal"),
    [
        ({"mean": 0.25}, 0.25 / 8, True),  # the scale of the column is 8
        ({"mean": 0.25}, 0.24 / 8, False),
        ({"m2": 4.0}, 4 / (4 * 64), True),  # of m2, 4 values of 8 squared
        ({"m2": 4.0}, 3.9 / (4 * 64), False),
        ({"min": 0.5}, 1.0, False),
        ({"rows": 1}, 1.0, False),
        ({"at_max": 1}, 1.0, False),
    ],
)
def test_equality_is_exact_but_for_mean_and_m2_within_the_scale(change, rtol, equal):
    assert changed().equals(changed(**change), rtol) is equal
    assert changed(**change).equals(changed(), rtol) is equal
    assert changed().equals(changed())


def test_a_billionth_of_the_scale_is_rounding():
    for off, equal in ((0.9e-9, True), (1.5e-9, False)):
        assert changed().equals(changed(mean=8 * off)) is equal
        assert changed().equals(changed(m2=4 * 64 * off)) is equal


def test_no_extreme_is_a_negative_zero():
    for m in (of(-1.0, -0.0)["x"], of(-0.0, 1.0)["x"], of(-0.0, -0.0)["x"]):
        assert math.copysign(1.0, m.max) == 1.0
        assert math.copysign(1.0, m.min) == 1.0 or m.min == -1.0
    assert of(-1.0, -0.0)["x"].zeros == 1


def test_infinite_m2_are_equal_and_need_no_tolerance():
    a, b = of(1.7e308, -1.7e308), of(1.7e308, -1.7e308)
    assert a.equals(b)
    negative = of(-8.0, -7.0)
    other = of(-8.0, -7.0)
    other.mean = other.mean + 0.5
    assert negative.equals(other, 0.5 / 8)  # the scale is that of the extreme farther from 0
    assert not negative.equals(other, 0.5 / 7.9 * 0.9)
