"""Sentinels: none in clean columns however they are split, and planted ones counted exactly."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.checks.na_tokens import is_na_text, is_na_token, na_values

CLEAN = {
    "normal": lambda r, n: r.normal(50, 10, n),
    "rounded": lambda r, n: r.normal(50, 10, n).round(),
    "lognormal": lambda r, n: r.lognormal(3, 1, n),
    "heavy": lambda r, n: r.standard_t(2, n),
    "counts": lambda r, n: r.poisson(2, n),
    "zero_inflated": lambda r, n: np.where(r.random(n) < 0.3, 0, r.exponential(30, n)),
    "spent": lambda r, n: np.where(r.random(n) < 0.7, 0, r.gamma(9, 3, n)),
    "flag": lambda r, n: r.random(n) < 0.05,
    "sign": lambda r, n: r.choice([-1, 1], n),
    "codes": lambda r, n: r.choice([1, 2, 3, 10, 999], n),
    "pixel": lambda r, n: np.clip(r.normal(4, 6, n), 0, 16).round(),
    "clipped": lambda r, n: np.clip(r.normal(50, 30, n), 0, 100),
    "standardized": lambda r, n: (x := r.gamma(2, 3, n), (x - x.mean()) / x.std())[1],
}


def audit(frames: dict[str, pl.DataFrame]) -> list[datacheck.Finding]:
    report = datacheck.audit(frames, settings={"label": "label", "select": ["MV003"]})
    assert [o.status.value for o in report.outcomes] in (["clean"], ["found"])
    return list(report.findings)


def clean(seed: int, n: int) -> pl.DataFrame:
    r = np.random.default_rng(seed)
    columns = {name: make(r, n) for name, make in CLEAN.items()}
    return pl.DataFrame({**columns, "label": r.integers(0, 2, n)})


@pytest.mark.parametrize("seed", range(12))
def test_clean_columns_hold_none_however_they_are_split(seed: int):
    frame = clean(seed, 900)
    order = np.random.default_rng(seed).permutation(900)
    cut = [60, 225, 450][seed % 3]
    test, train = frame[order[:cut].tolist()], frame[order[cut:].tolist()]
    assert audit({"train": train, "test": test}) == []


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    value=st.sampled_from([-999.0, -9999.0, 99999.0, -200.0, 1e20]),
    k=st.integers(8, 60),
    cut=st.integers(100, 300),
)
def test_planted_sentinels_are_counted_exactly_whatever_the_order(seed, value, k, cut):
    r = np.random.default_rng(seed)
    frame = clean(seed, 400).select("normal", "lognormal", "counts", "label")
    at = r.permutation(400)
    hit = pl.Series(np.isin(np.arange(400), at[:k]))
    frame = frame.with_columns(
        pl.when(hit).then(value).otherwise(pl.col(c)).alias(c) for c in ("normal", "lognormal")
    )
    first = audit({"train": frame[:cut], "test": frame[cut:]})
    assert [(f.columns, f.count) for f in first] == [(("lognormal", "normal"), 2 * k)]
    mixed = frame.select(reversed(frame.columns))[r.permutation(400).tolist()]
    second = audit({"train": mixed[cut:], "test": mixed[:cut]})
    assert [(f.columns, f.count, f.message) for f in second] == [
        (f.columns, f.count, f.message) for f in first
    ]


def test_zeros_that_fall_together_with_certain_ones():
    r = np.random.default_rng(5)
    n = 768
    pressure, insulin = r.normal(72, 12, n).clip(24), np.exp(r.normal(4.8, 0.7, n)).clip(14)
    pressure[:35], insulin[:300] = 0, 0
    frame = pl.DataFrame({"pressure": pressure, "insulin": insulin, "label": r.integers(0, 2, n)})
    (found,) = audit({"train": frame})
    assert found.columns == ("insulin", "pressure")
    assert found.count == 335
    alone = audit({"train": frame.drop("pressure")})
    assert alone == []


@pytest.mark.parametrize("text", ["?", "N/A", " n/a ", "NULL", "None", "unknown", "--"])
def test_texts_that_stand_for_nothing(text):
    assert is_na_text(text)
    assert is_na_token(text)


@pytest.mark.parametrize("text", ["none", "other", "no", "0", "nancy", "", "x-"])
def test_texts_that_are_values(text):
    assert not is_na_text(text)


@pytest.mark.parametrize("text", ["0000-00-00", "none", "0000-00-00 00:00:00", ""])
def test_further_texts_among_numbers_and_dates(text):
    assert is_na_token(text)


def test_codes_and_marks_are_values():
    assert na_values({"EU": 3, "NA": 2, "AS": 1}) == {}
    assert na_values({"yes": 3, "NA": 2, "no": 1}) == {"NA": 2}
    assert na_values({".": 3, ",": 2, "the": 1}) == {}
    assert na_values({".": 3, "the": 1}) == {".": 3}


@pytest.mark.parametrize(("rows", "found"), [(4, 0), (5, 5)])
def test_a_stand_in_among_free_texts_has_to_be_there_five_times(rows, found):
    rng = np.random.default_rng(0)
    words = ["lorem", "ipsum", "dolor", "sit", "amet", "elit", "sed", "tempor"]
    texts = [" ".join(rng.choice(words, 9)) + f" {i}" for i in range(120)]
    texts[:rows] = ["N/A"] * rows
    train = pl.DataFrame({"note": texts, "label": ["a", "b"] * 60})
    report = datacheck.audit(train, settings={"select": ["MV003"], "label": "label"})
    assert sum(f.count for f in report.findings) == found, report


def stand_ins(value, rows, n=2000):
    """The stand-ins found in a column of numbers around 500 that holds a value in some rows."""
    x = np.random.default_rng(0).normal(500, 10, n).round(2)
    x[:rows] = value
    train = pl.DataFrame({"x": x, "label": ["a", "b"] * (n // 2)})
    report = datacheck.audit(train, settings={"select": ["MV003"], "label": "label"})
    return [f.count for f in report.findings]


USUAL = [
    32767, -32768, 65535, 2147483647, -2147483648, 4294967295, 9.223372036854775807e18,
    3.4028234663852886e38, 99999, 777, 888, -100, -900, -9, 1e20, 1e35, -99,
]  # fmt: skip
UNUSUAL = [32768, 65536, 12345, 999.5, 7777.5, 979, 1e19, -37, -101.5, 200, 300, 5000]


@pytest.mark.parametrize("value", USUAL)
def test_isolated_values_that_programs_write_for_nothing_are_found_in_few_rows(value):
    assert stand_ins(value, 5) == [5]
    assert stand_ins(value, 2) == []  # but not in fewer than three


@pytest.mark.parametrize("value", UNUSUAL)
def test_any_other_number_has_to_be_frequent(value):
    assert stand_ins(value, 5) == []
    assert stand_ins(value, 40) == [40]


@pytest.mark.parametrize(("rows", "found"), [(19, []), (20, [20])])
def test_a_number_that_is_not_usual_takes_a_hundredth_of_the_rows(rows, found):
    assert stand_ins(5000, rows) == found


def test_of_fewer_than_thirty_other_values_nothing_is_known():
    assert stand_ins(-999, 4, 34) == [4]
    assert stand_ins(-999, 5, 34) == []


def test_isolated_zeros_in_the_rows_of_a_certain_one_are_stand_ins():
    rng = np.random.default_rng(2)
    n = 1000
    gone = rng.random(n) < 0.2
    pressure = np.where(gone, 0, rng.normal(72, 8, n))
    often = np.where(gone | (rng.random(n) < 0.25), 0, rng.normal(30, 4, n))
    other = np.where(~gone & (rng.random(n) < 0.5), 0, rng.normal(30, 4, n))
    small = np.where(gone, 0, rng.exponential(5, n))
    train = pl.DataFrame(
        {"p": pressure, "often": often, "other": other, "small": small, "label": ["a", "b"] * 500}
    )
    report = datacheck.audit(train, settings={"select": ["MV003"], "label": "label"})
    assert {c for f in report.findings for c in f.columns} == {"p", "often"}
