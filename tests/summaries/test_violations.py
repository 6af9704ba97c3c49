"""What breaks a schema, cell by cell: by value, in raw text, the first ones as examples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacheck.dataset import FILE_SHIFT, Batch
from datacheck.errors import UsageError
from datacheck.findings import MAX_EXAMPLES
from datacheck.summaries import schemas
from datacheck.summaries.schemas import load, load_for, name_of
from datacheck.summaries.violations import ROW, Violations, fitted, without_unique


def of(schema: pa.DataFrameSchema, *batches: Batch) -> Violations:
    found = Violations(tuple(batches[0].frame.columns), schema=name_of(schema))
    for batch in batches:
        found.update(batch)
    return found


def batch_of(tokens: dict[str, list[str | None]] | None = None, **columns: Any) -> Batch:
    frame = pl.DataFrame(columns)
    raw = {c: pl.Series(c, t, dtype=pl.String) for c, t in (tokens or {}).items()}
    return Batch(frame, np.arange(1, frame.height + 1), 0, raw)


CELLS = st.lists(st.integers(-4, 4), min_size=1, max_size=9)


@given(st.lists(st.tuples(st.integers(0, 2), CELLS), min_size=1, max_size=5), st.randoms())
@settings(max_examples=20, deadline=None)
def test_counts_and_the_first_cells_whatever_the_order(parts, random):
    schema = pa.DataFrameSchema({"x": pa.Column(pl.Int64, pa.Check.ge(0))})
    bad, filled, start = [], [], 0
    for file, cells in parts:
        rows = np.arange(start, start + len(cells))
        bad += [((file << FILE_SHIFT) + int(r), str(v)) for r, v in zip(rows, cells) if v < 0]  # noqa: B905 - of one length
        filled.append(of(schema, Batch(pl.DataFrame({"x": cells}), rows, file)))
        start += len(cells)
    random.shuffle(filled)
    whole = Violations(("x",), schema=name_of(schema))
    for one in filled:
        whole.merge(Violations.from_bytes(one.to_bytes()))
    key = ("x", "greater_than_or_equal_to(0)")
    assert whole.counts == ({key: len(bad)} if bad else {})
    assert whole.examples == ({key: sorted(bad)[:MAX_EXAMPLES]} if bad else {})


def test_a_cell_of_another_type_breaks_its_type_alone():
    """3.5 is no whole number: it is not held to the bounds besides."""
    schema = pa.DataFrameSchema({"x": pa.Column(pl.Int64, pa.Check.lt(3), nullable=True)})
    found = of(schema, batch_of(x=[1.0, 3.5, 4.0, None, math.nan]))
    assert found.counts == {("x", "dtype(Int64)"): 1, ("x", "less_than(3)"): 1}
    assert found.examples[("x", "dtype(Int64)")] == [(2, "3.5")]
    assert found.examples[("x", "less_than(3)")] == [(3, "4")]


def test_missing_cells_break_what_is_not_nullable():
    schema = pa.DataFrameSchema({"x": pa.Column(pl.Float64)})
    found = of(schema, batch_of(x=[1.0, None, math.nan]))
    assert found.counts == {("x", "not_nullable"): 2}
    assert found.examples[("x", "not_nullable")] == [(2, "missing"), (3, "missing")]


def test_texts_that_could_not_be_read_are_shown_as_they_stand():
    schema = pa.DataFrameSchema({"x": pa.Column(pl.Float64)})
    batch = batch_of({"x": [None, "7 kg", None, "y" * 121]}, x=[1.0, None, 2.0, None])
    found = of(schema, batch)
    assert found.counts == {("x", "dtype(Float64)"): 2}
    assert found.examples[("x", "dtype(Float64)")] == [(2, "7 kg"), (4, "y" * 120)]


def test_checks_of_whole_rows_and_of_the_block():
    whole = pa.DataFrameSchema(
        {"a": pa.Column(pl.Int64), "b": pa.Column(pl.Int64)},
        checks=pa.Check(lambda d: d.lazyframe.select(pl.col("a") < pl.col("b")), name="ordered"),
    )
    found = of(whole, batch_of(a=[1, 5, 3], b=[2, 4, 1]))
    assert found.counts == {(ROW, "ordered"): 2}
    assert [at for at, _ in found.examples[(ROW, "ordered")]] == [2, 3]
    block = pa.DataFrameSchema(
        {"a": pa.Column(pl.Int64, pa.Check(lambda d: d.lazyframe.select(pl.col("a").max() < 4)))}
    )
    (count,) = of(block, batch_of(a=[1, 5, 3])).counts.values()
    assert count == 1


def test_uniqueness_is_left_to_the_whole_split():
    schema = pa.DataFrameSchema(
        {"a": pa.Column(pl.Int64, unique=True), "gone": pa.Column(pl.String)}, unique=["a"]
    )
    assert of(schema, batch_of(a=[1, 1])).counts == {}
    kept = without_unique(schema, ("a",))
    assert list(kept.columns) == ["a"]
    assert not kept.columns["a"].unique
    assert schema.columns["a"].unique, "the schema itself stays as it is"


BY_VALUE: list[tuple[Any, list[Any], list[bool]]] = [
    (pl.Int64, [1.0, 2.5, None], [False, True, False]),
    (pl.Int8, [1, 127, 128], [False, False, True]),
    (pl.Float64, ["1.5", "x", None], [False, True, False]),
    (pl.Boolean, [0, 1, 2], [False, False, True]),
    (pl.String, [1.0, 2.5, None], [False, False, False]),
    (pl.String, [[1], [2], None], [True, True, False]),
    (pl.Date, [0, 1, None], [True, True, False]),
    (pl.Datetime("us"), [True, None, False], [True, False, True]),
    (pl.List(pl.Int64), [1, 2, None], [True, True, False]),
]


@pytest.mark.parametrize(("wanted", "cells", "lost"), BY_VALUE)
def test_types_are_compared_by_value(wanted, cells, lost):
    schema = pa.DataFrameSchema({"x": pa.Column(wanted, nullable=True)})
    frame, found = fitted(batch_of(x=cells), schema)
    mask, said = found.get("x", (np.zeros(3, dtype=np.bool_), []))
    assert mask.tolist() == lost
    assert len(said) == sum(lost)
    assert frame["x"].is_null().to_list() == [
        gone or cell is None for gone, cell in zip(lost, cells, strict=True)
    ]


def test_nothing_is_said_of_no_rows_and_of_no_failure():
    schema = pa.DataFrameSchema({"x": pa.Column(pl.Int64)})
    empty = Batch(pl.DataFrame({"x": []}, schema={"x": pl.Int64}), np.zeros(0, dtype=np.int64))
    found = of(schema, empty, batch_of(x=[1]))
    assert (found.counts, found.examples) == ({}, {})


# -- schemas -------------------------------------------------------------------------------------


def test_schemas_are_held_by_a_name_and_read_once(tmp_path, monkeypatch):
    schema = pa.DataFrameSchema({"x": pa.Column(pl.Int64)})
    assert name_of("file.yaml") == "file.yaml"
    assert load(name_of(schema)) is schema
    assert load_for(name_of(schema), ("x",)) is schema
    path = tmp_path / "s.yaml"
    path.write_text(schema.to_yaml() or "", encoding="utf-8")
    first = load(str(path))
    path.unlink()
    assert load(str(path)) is first


@pytest.mark.parametrize(("more", "read"), [(0, True), (1, False)])
def test_a_schema_file_has_a_largest_size(tmp_path, monkeypatch, more, read):
    text = pa.DataFrameSchema({"x": pa.Column(pl.Int64)}).to_yaml() or ""
    monkeypatch.setattr(schemas, "SIZE", len(text.encode()) - more)
    path = tmp_path / f"s{more}.yml"
    path.write_text(text, encoding="utf-8")
    if read:
        assert list(load(str(path)).columns) == ["x"]
    else:
        with pytest.raises(UsageError, match="is larger than"):
            load(str(path))


def test_a_schema_file_of_16_mebibytes_is_read_and_no_larger_one(tmp_path):
    path = tmp_path / "s.yaml"
    for size, said in ((16 << 20, "is no schema"), ((16 << 20) + 1, "is larger than 16 MiB")):
        with path.open("wb") as file:
            file.truncate(size)  # zeros, which are no YAML
        with pytest.raises(UsageError, match=said):
            load(str(path))


@pytest.mark.parametrize("name", ["module", "module:", ":Model", "", "a.txt"])
def test_what_is_neither_a_file_nor_a_model_is_told(name):
    with pytest.raises(UsageError, match="no such file"):
        load(name)


def test_patterns_become_columns_of_their_own_and_stay_where_none_matches():
    schema = pa.DataFrameSchema(
        {"f_.*": pa.Column(pl.Int64, regex=True), "g_.*": pa.Column(pl.Int64, regex=True),
         "x": pa.Column(pl.Int64)}
    )  # fmt: skip
    found = load_for(name_of(schema), ("f_a", "x", "f_b", "xf_c"))
    assert {c: (v.name, v.regex) for c, v in found.columns.items()} == {
        "f_a": ("f_a", False), "f_b": ("f_b", False), "g_.*": ("g_.*", True), "x": ("x", False),
    }  # fmt: skip
