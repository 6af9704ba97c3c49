"""Rows that are the same but for rounding: what is close, how many rare values it takes."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datacheck
from datacheck.checks.near.rounded import significant


@given(st.floats(-1e12, 1e12).filter(lambda v: abs(v) > 1e-9), st.sampled_from([2, 3]))
def test_significant_digits_are_those_of_decimal_writing(value, digits):
    found = float(significant(np.array([value]), digits)[0])
    exact = float(f"{value:.{digits - 1}e}")
    unit = 10.0 ** (Decimal(repr(abs(value))).adjusted() - digits + 1)
    halfway = abs(abs(value) / unit % 1 - 0.5) < 1e-6
    assert found == pytest.approx(exact, rel=1e-9) or halfway


def test_what_is_not_finite_and_zero_stay():
    x = np.array([math.nan, math.inf, -math.inf, 0.0, 1e-305])
    assert significant(x, 2)[:3].tolist()[1:] == [math.inf, -math.inf]
    assert math.isnan(significant(x, 2)[0])
    assert significant(x, 2)[3:].tolist() == [0.0, 1e-305]


def table(n, columns, seed=0):
    rng = np.random.default_rng(seed)
    frame = {f"x{j}": rng.normal(50, 20, n) for j in range(columns)}
    frame["site"] = rng.choice(["a", "b"], n)
    return pl.DataFrame(frame | {"label": rng.choice(["u", "v"], n)})


def near_rows(test, train):
    report = datacheck.audit(
        {"train": train, "test": test}, settings={"select": ["LK002"], "label": "label"}
    )
    return sum(f.count for f in report.of("LK002"))


def changed(rows, by):
    numbers = [c for c in rows.columns if c.startswith("x")]
    return rows.with_columns(by(pl.col(c)).alias(c) for c in numbers)


TRAIN, FRESH = table(300, 5), table(120, 5, seed=1)


@pytest.mark.parametrize(
    ("by", "near"),
    [
        (lambda c: c.round(1), 40),
        (lambda c: c * 1.002, 40),
        (lambda c: c * 1.05, 0),
        (lambda c: c + 3, 0),
    ],
)
def test_copies_are_near_if_they_were_rounded_and_not_if_they_were_moved(by, near):
    copies = changed(TRAIN.head(40), by)
    found = near_rows(pl.concat([copies, FRESH]), TRAIN)
    assert abs(found - near) <= near / 10


def test_all_that_is_no_number_has_to_be_equal():
    copies = changed(TRAIN.head(40), lambda c: c.round(1))
    other = copies.with_columns(
        pl.when(pl.col("site") == "a").then(pl.lit("b")).otherwise(pl.lit("a")).alias("site")
    )
    assert near_rows(pl.concat([other, FRESH]), TRAIN) == 0


def test_one_number_that_is_another_is_too_many():
    copies = changed(TRAIN.head(40), lambda c: c.round(1)).with_columns(x0=pl.col("x0") * 3 + 7)
    assert near_rows(pl.concat([copies, FRESH]), TRAIN) == 0


@pytest.mark.parametrize(("columns", "near"), [(2, 0), (3, 30)])
def test_it_takes_three_numbers(columns, near):
    train = table(200, columns)
    copies = changed(train.head(30), lambda c: c.round(2))
    found = near_rows(pl.concat([copies, table(90, columns, seed=2)]), train)
    assert abs(found - near) <= near / 10


def test_missing_numbers_are_alike():
    gap = pl.when(pl.int_range(pl.len()) % 2 == 0).then(None).otherwise(pl.col("x0")).alias("x0")
    train = TRAIN.with_columns(gap)
    copies = changed(train.head(40), lambda c: c.round(1))
    assert near_rows(pl.concat([copies, FRESH]), train) >= 36
