"""Rows of tables that differ in a cell or by rounding, and tables whose rows are alike anyway."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.checks.near import cells
from datacheck.checks.near.rounded import significant
from datacheck.findings import Finding


def table(rng: np.random.Generator, n: int, columns: int = 6) -> pl.DataFrame:
    x = rng.normal(size=(n, columns)) * 10.0 ** rng.integers(-2, 4, columns)
    named = {f"x{k}": x[:, k] for k in range(columns)}
    return pl.DataFrame({**named, "kind": rng.choice(["a", "b", "c"], n), "y": np.arange(n) % 2})


def found(
    code: str, train: pl.DataFrame, test: pl.DataFrame, **options: object
) -> Sequence[Finding]:
    given = {"select": (code,), "label": "y", "rules": {code: options}}
    report = datacheck.audit({"train": train, "test": test}, settings=given)
    assert not [o for o in report.outcomes if o.status == "failed"]
    return report.findings


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2]))
@settings(max_examples=10, deadline=None)
def test_rows_that_differ_in_so_many_cells_are_told(seed: int, cells: int) -> None:
    rng = np.random.default_rng(seed)
    train, test = table(rng, 300), table(rng, 100)
    copies = train.sample(30, seed=1)
    for name in rng.choice([f"x{k}" for k in range(6)] + ["kind"], cells, replace=False).tolist():
        new = pl.lit("d") if name == "kind" else pl.col(name) * 3 + 1
        copies = copies.with_columns(new.alias(name))
    test = pl.concat([test, copies])
    (one,) = found("LK002", train, test, differing=cells)
    assert (one.count, one.evidence["cells"], one.evidence["with_same_label"]) == (30, 30, 30)
    assert found("LK002", train, test, differing=cells - 1) == []
    assert found("LK002", train, table(rng, 100), differing=cells) == []


@pytest.mark.parametrize("digits", [2, 3, 4, 6])
def test_copies_that_were_rounded_are_told(digits: int) -> None:
    rng = np.random.default_rng(digits)
    train, test = table(rng, 400), table(rng, 100)
    copies = train.sample(40, seed=2)
    rounded = copies.with_columns(
        pl.Series(c, significant(copies[c].to_numpy(), digits))
        for c in train.columns
        if c[0] == "x"
    )
    told = found("LK002", train, pl.concat([test, rounded]))
    if digits == 2:  # up to 5 % off
        assert not told or told[0].count < 40
    else:
        assert told[0].count >= 38
        assert told[0].evidence["rounded"] == told[0].count


def test_tables_whose_rows_are_alike_anyway_are_left_alone() -> None:
    rng = np.random.default_rng(4)
    frame = pl.DataFrame({c: rng.integers(0, 9, 4000) for c in "abcdef"} | {"y": [0, 1] * 2000})
    for code in ("LK002", "LB005"):
        assert found(code, frame[:3000], frame[3000:]) == []


def test_one_sensor_in_two_units_is_one_column() -> None:
    rng = np.random.default_rng(5)
    celsius = rng.normal(20, 5, 600).round(1)
    base = {"c": celsius, "f": celsius * 1.8 + 32, "k": celsius + 273.15, "r": celsius * 4}
    frame = pl.DataFrame({**base, "z": rng.normal(size=600), "y": [0, 1] * 300})
    assert found("LK002", frame[:400], frame[400:]) == []


@given(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False), st.integers(1, 6))
def test_significant_digits(x: float, digits: int) -> None:
    if 1e-290 < abs(x) < 1e290:
        got = float(significant(np.array([x]), digits)[0])
        assert abs(got - x) <= 0.51 * abs(x) * 10.0 ** (1 - digits)
        assert float(f"{got:.{digits - 1}e}") == pytest.approx(got, rel=1e-12)


def test_what_is_not_finite_stays() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0])
    assert np.array_equal(significant(odd, 3), odd, equal_nan=True)


def test_rows_beyond_what_is_compared_are_told(monkeypatch):
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"x{j}": rng.normal(size=200).round(6) for j in range(6)})
    copies = frame.head(30).with_columns(x0=pl.col("x0") + 1)

    def note(rows):
        monkeypatch.setattr(cells, "ROWS", rows)
        report = datacheck.audit(
            {"train": frame, "test": copies}, settings={"select": ["LK002"]}
        )
        told = [n for n in report.assumptions if "compared cell by cell" in n]
        return told[0] if told else "", sum(f.count for f in report.findings)

    said, found = note(10)
    number = int(said.partition("of ")[2].partition(" rows")[0].replace(",", ""))
    assert number >= 60
    assert found < 30
    assert note(number) == ("", 30)
    assert note(number - 1)[0]
