"""Laws of every transform in the table, over drawn frames."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from datacheck.errors import UsageError
from datacheck.pipelines.transforms import TRANSFORMS, from_dict, make
from tests.pipelines.transforms.frames import (
    HOSTILE,
    IDEMPOTENT,
    blocks,
    examples,
    frames,
    whole,
)

EXAMPLES = examples()
FEW = settings(max_examples=20)


def same(a: pl.DataFrame, b: pl.DataFrame) -> bool:
    """Equal to the last bit, NaN included."""
    return a.schema == b.schema and a.equals(b)


def test_every_kind_of_the_table_has_an_example():
    assert {t.kind for t in EXAMPLES.values()} == set(TRANSFORMS)
    assert all(TRANSFORMS[kind].kind == kind for kind in TRANSFORMS)


@pytest.mark.parametrize("name", EXAMPLES)
@FEW
@given(train=frames(), other=frames())
def test_rows_stay_and_nothing_is_changed_in_place(name, train, other):
    fitted = EXAMPLES[name].learn(whole(train))
    assert fitted.fitted
    before = other.clone()
    out = fitted.apply(other)
    assert same(other, before)
    assert out.height == other.height or not out.width
    untouched = [c for c in other.columns if c not in fitted.columns]
    assert same(out.select(untouched), other.select(untouched))
    assert set(out.columns) == (set(other.columns) | set(fitted.added)) - set(fitted.dropped)


@pytest.mark.parametrize("name", EXAMPLES)
@FEW
@given(train=frames(), other=frames())
def test_json_round_trip_gives_the_same_bits(name, train, other):
    for one in (EXAMPLES[name], EXAMPLES[name].learn(whole(train))):
        text = json.dumps(one.to_dict(), allow_nan=False)
        again = from_dict(json.loads(text))
        assert again == one
        assert json.dumps(again.to_dict(), allow_nan=False) == text
    assert same(again.apply(other), one.apply(other))


@pytest.mark.parametrize("name", IDEMPOTENT)
@FEW
@given(train=frames(), other=frames())
def test_applied_twice_is_applied_once(name, train, other):
    fitted = EXAMPLES[name].learn(whole(train))
    once = fitted.apply(other)
    assert_frame_equal(fitted.apply(once), once, check_exact=True)


@pytest.mark.parametrize("name", EXAMPLES)
@FEW
@given(train=frames(huge=False), other=frames(), size=st.integers(1, 9))
def test_the_cut_of_blocks_does_not_matter(name, train, other, size):
    fitted = EXAMPLES[name].learn(whole(train))
    cut = EXAMPLES[name].learn(blocks(train, size))
    out = fitted.apply(other)
    # Means of blocks are summed in another order; all else is the same to the last bit.
    assert_frame_equal(cut.apply(other), out, rel_tol=1e-9, abs_tol=1e-9)
    if other.height:
        pieces = [fitted.apply(other.slice(at, size)) for at in range(0, other.height, size)]
        assert_frame_equal(pl.concat(pieces), out, check_exact=True)


@pytest.mark.parametrize("name", EXAMPLES)
@FEW
@given(train=frames())
def test_narrowed_gives_the_same_columns(name, train):
    fitted = EXAMPLES[name].learn(whole(train))
    out = fitted.apply(train)
    for column in out.columns:
        some = fitted.narrow([column])
        if some is None:
            assert same(out.select(column), train.select(column))
            continue
        read = [c for c in train.columns if c in (*some.columns, column)]
        assert same(some.apply(train.select(read)).select(column), out.select(column))


@pytest.mark.parametrize("name", EXAMPLES)
def test_train_without_a_row_and_without_a_block(name):
    empty = pl.DataFrame(
        schema={"x": pl.Float64, "y": pl.Float64, "z": pl.Float64, "i": pl.Int64, "c": pl.String,
                "b": pl.Boolean, "s": pl.List(pl.Float64)}
    )  # fmt: skip
    full = pl.DataFrame(
        {"x": [1.0, None], "y": [2.0, 3.0], "z": [None, 1.0], "i": [1, None], "c": ["a", None],
         "b": [True, None], "s": [[1.0], None]}
    )  # fmt: skip
    fitted = EXAMPLES[name].learn(whole(empty))
    assert fitted.apply(full).height == 2
    assert fitted.apply(empty).height == 0
    if EXAMPLES[name].kind == "impute":
        with pytest.raises(UsageError, match="no rows"):
            EXAMPLES[name].learn(lambda columns: iter(()))
    else:
        assert EXAMPLES[name].learn(lambda columns: iter(())).apply(full).height == 2


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_names(name):
    train = pl.DataFrame({name: [1.0, None, 3.0], "a": [None, 5.0, 6.0]})

    def read(columns):
        yield pl.DataFrame({c: train.get_column(c) for c in columns})

    made = [
        make("to_missing", (name,), values={name: [3.0]}),
        make("scale", (name,)),
        make("winsorize", (name,)),
        make("impute", (name,), indicator=True),
        make("impute", (name, "a"), strategy="knn"),
        make("drop_columns", (name,)),
    ]
    for one in made:
        fitted = one.learn(read)
        out = fitted.apply(train)
        assert "a" in out.columns
        if "a" not in fitted.columns:
            assert out.get_column("a").equals(train.get_column("a"))
        assert from_dict(json.loads(json.dumps(fitted.to_dict()))) == fitted
    assert fitted.apply(train).columns == ["a"]


def test_a_missing_column_is_told_unless_allowed():
    frame = pl.DataFrame({"b": [1.0]})
    one = make("to_missing", ("a",), infinite=True)
    with pytest.raises(UsageError, match="needs a, which the frame lacks"):
        one.apply(frame)
    assert make("to_missing", ("a",), allow_missing=True, infinite=True).apply(frame) is frame


def test_unfitted_is_told():
    with pytest.raises(UsageError, match="not fitted"):
        make("scale", ("a",)).apply(pl.DataFrame({"a": [1.0]}))


@pytest.mark.parametrize(
    "dtype", [pl.Int8, pl.UInt8, pl.Int32, pl.UInt32, pl.Int64, pl.Float32, pl.Float64]
)
def test_stored_types_give_the_same_numbers(dtype):
    frame = pl.DataFrame({"x": pl.Series([1, 2, 3, 3, 4, 5, 99, None], dtype=dtype)})
    wide = frame.cast(pl.Float64)
    for one in (
        make("winsorize", ("x",)),
        make("impute", ("x",)),
        make("impute", ("x",), strategy="most_frequent"),
        make("scale", ("x",)),
        make("to_missing", ("x",), values={"x": [3, -1, 300, 2.5]}),
        make("map_values", ("x",), values={"x": [[1, 7], [99, 98]]}),
        make("invert", ("x",), maps={"x": [{"function": "log1p"}, {"function": "expm1"}]}),
    ):
        a, b = one.learn(whole(frame)), one.learn(whole(wide))
        assert a == b
        left = a.apply(frame)["x"].cast(pl.Float64).to_numpy()
        np.testing.assert_allclose(left, b.apply(wide)["x"].to_numpy(), rtol=1e-12)
