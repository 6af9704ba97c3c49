"""Whatever holds a table in memory is audited as that table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import datacheck
from datacheck.dataset import Kind
from datacheck.sources import open_source

RNG = np.random.default_rng(1)
N = 90
FRAME = pl.DataFrame(
    {
        "x": RNG.normal(size=N),
        "k": RNG.integers(0, 40, N),
        "c": [["u", "v", None][i] for i in RNG.integers(0, 3, N)],
        "label": RNG.integers(0, 2, N),
    }
)


def as_pandas(**dtypes):
    data = {c: FRAME[c].to_list() for c in FRAME.columns}
    return pd.DataFrame(data).astype(dtypes)


SAME = {
    "lazy": FRAME.lazy(),
    "pandas": as_pandas(),
    "nullable": as_pandas(k="Int64", label="Int64", c="string"),
    "categorical": as_pandas(c="category"),
    "arrow": pa.table({c: FRAME[c].to_list() for c in FRAME.columns}),
    "mapping": {c: FRAME[c].to_numpy() if c != "c" else FRAME[c].to_list() for c in FRAME.columns},
    "lists": FRAME.to_dict(as_series=False),
}


@pytest.mark.parametrize("name", sorted(SAME))
def test_every_holder_gives_the_same_report(name):
    expected = datacheck.audit(FRAME).to_dict(timing=False)
    assert datacheck.audit(SAME[name]).to_dict(timing=False) == expected
    assert expected["findings"]


def test_splits_by_name_or_mapping():
    there = datacheck.audit(train=FRAME, test=FRAME.tail(30), label="label")
    back = datacheck.audit({"train": as_pandas(), "test": FRAME.tail(30)}, label="label")
    assert there.to_json(timing=False) == back.to_json(timing=False)
    assert there.of("LK001")[0].count == 30


def test_columns_of_python_objects_are_read_by_what_they_hold():
    odd = np.array(["u", "v", None, "u"] * 20, dtype=object)
    mixed = np.array([1, "a", None, 2.5] * 20, dtype=object)
    data = open_source(pl.DataFrame({"odd": odd, "mixed": mixed}))
    assert {c.kind for c in data.columns.values()} == {Kind.CATEGORY}


def test_arrays():
    x, y = RNG.normal(size=(N, 3)), RNG.integers(0, 2, N)
    data = open_source({"train": (x, y), "test": (x[:9], y[:9])})
    assert list(data.columns) == ["x0", "x1", "x2", "y"]
    assert data.label is not None
    assert data.label.name == "y"
    images = open_source(RNG.integers(0, 255, (20, 4, 4)).astype(np.uint8))
    assert len(images.columns) == 16
    assert any("(20, 4, 4)" in said for said in images.assumptions)
    odd = np.array(
        [(1, 2.5, "a"), (2, 3.5, "b")] * 9, dtype=[("i", ">i4"), ("f", "f2"), ("s", "U2")]
    )
    kinds = {c.name: c.kind for c in open_source(odd).columns.values()}
    assert kinds == {"i": Kind.NUMBER, "f": Kind.NUMBER, "s": Kind.CATEGORY}


def test_time_zones_are_compared_in_utc():
    there = pd.date_range("2024-01-01", periods=50, freq="h", tz="Asia/Tokyo")
    (fragment,) = open_source(pd.DataFrame({"t": there, "x": 1.5})).splits["data"].fragments
    (batch,) = fragment.read(["t"], 100)
    assert batch.frame["t"][0].isoformat() == "2023-12-31T15:00:00"


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (5, "cannot audit"),
        ([1, 2], "cannot audit"),
        ({}, "empty mapping"),
        (pl.DataFrame(), "no rows"),
        (pl.DataFrame({"a": []}), "no rows"),
        (np.array([1j, 2j]), "complex"),
        ((np.zeros((4, 2)), np.zeros(3)), "rows"),
        (pd.DataFrame(np.zeros((3, 2)), columns=["a", "a"]), "two columns are named"),
        ({"": FRAME}, "empty name"),
    ],
)
def test_what_cannot_be_audited_is_one_line_with_a_hint(thing, message):
    with pytest.raises(datacheck.DatacheckError, match=message) as error:
        datacheck.audit(thing)
    assert "\n" not in str(error.value)
    assert error.value.hint


def test_the_caller_s_frame_is_never_changed():
    before, pandas = FRAME.clone(), as_pandas()
    copy = pandas.copy()
    datacheck.audit(FRAME)
    datacheck.audit(pandas)
    assert FRAME.equals(before)
    assert pandas.equals(copy)


@pytest.mark.parametrize("empty", ["train", "test"])
def test_a_split_without_rows_is_told_in_memory_as_in_files(empty):
    full = pl.DataFrame({"x": [1.0, 2.0, 3.0] * 20, "y": [0, 1, 0] * 20})
    splits = {"train": full, "test": full.with_columns(pl.col("x") + 7)}
    splits[empty] = full.clear()
    report = datacheck.audit(splits, label="y")
    (one,) = [f for f in report.findings if f.rule == "MV006"]
    assert one.severity == datacheck.Severity.ERROR
    assert "no rows" in one.message
    assert one.splits == (empty,)
