"""What single transforms make of single values, and what they refuse."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np
import polars as pl
import pytest

from datacheck.errors import UsageError
from datacheck.pipelines.transforms import from_dict, make
from tests.pipelines.transforms.frames import whole


def apply(one, frame, train=None):
    return one.learn(whole(frame if train is None else train)).apply(frame)


@pytest.mark.parametrize(
    ("cell", "parameters", "number"),
    [
        ("36,31", {"decimal": ","}, 36.31),
        ("1.234,5", {"decimal": ",", "thousands": "."}, 1234.5),
        ("1.5", {"decimal": ","}, None),
        ("1 234.5", {"thousands": " "}, 1234.5),
        ("1\u202f234", {"thousands": " "}, 1234.0),
        ("12 kg", {"unit": "kg"}, 12.0),
        ("1e5%", {"unit": "%"}, 1e5),
        ("inf", {}, None),
        ("twelve", {}, None),
        ("", {}, None),
    ],
)
def test_parse(cell, parameters, number):
    frame = pl.DataFrame({"a": [cell]})
    assert apply(make("parse", ("a",), **parameters), frame)["a"].to_list() == [number]


def test_other_takes_no_name_that_train_has():
    train = pl.DataFrame({"a": ["other", "x", "(other)", "x"]})
    one = make("map_to_other", ("a",)).learn(whole(train))
    out = one.apply(pl.DataFrame({"a": ["new", "other", None]}))
    assert out["a"].to_list() == ["(other 2)", "other", None]
    rare = make("map_to_other", ("a",), least=2).learn(whole(train))
    assert rare.apply(train)["a"].to_list() == ["(other 2)", "x", "(other 2)", "x"]
    told = make("map_to_other", ("a",), known={"a": ["x"]}).learn(whole(train))
    assert told.apply(train)["a"].to_list() == ["other", "x", "other", "x"]
    with pytest.raises(UsageError, match="holds Float64"):
        make("map_to_other", ("a",)).learn(whole(pl.DataFrame({"a": [1.0]})))


def test_winsorize_tells_what_it_leaves_and_what_is_a_tail():
    train = pl.DataFrame({"flat": [1.0] * 9 + [99.0], "tail": [1.0, 2, 3, 4, 5, 6, 7, 90, 91, 92]})
    one = make("winsorize", ("flat", "tail")).learn(whole(train))
    out = one.apply(train)
    assert out["flat"].equals(train["flat"])
    assert out["tail"].max() == math.floor(5.5 + 6 * 1.4826 * 3.0)
    assert "half of the values or more are the same: flat" in one.said[0]
    assert "tail clips 30.0% of train" in one.said[1]


def test_whole_numbers_are_clipped_to_whole_numbers():
    train = pl.DataFrame({"n": pl.Series([1, 2, 3, 4, 5, 250], dtype=pl.UInt8)})
    out = apply(make("winsorize", ("n",)), train)
    assert out.schema == train.schema
    assert out["n"].to_list() == [1, 2, 3, 4, 5, 16]


def test_invert_undoes_what_was_done():
    x = np.array([0.0, 1e-12, 0.5, 3.0, 700.0])
    maps = {
        "affine": [{"scale": 2.0, "offset": 1.0}],
        "log1p": [{"function": "expm1"}],
        "expm1": [{"function": "log1p"}],
        "both": [{"scale": 3.0, "offset": 2.0}, {"function": "exp"}],
        "round": [{"function": "round", "digits": 1}],
    }
    frame = pl.DataFrame(
        {
            "affine": (x - 1) / 2,
            "log1p": np.log1p(x),
            "expm1": np.expm1(x),
            "both": (np.log(x + 1) - 2) / 3,
            "round": x + 0.01,
        }
    )
    out = apply(make("invert", tuple(maps), maps=maps), frame)
    for name, least in (("affine", 1e-15), ("log1p", 0.0), ("expm1", 0.0)):
        np.testing.assert_allclose(out[name], x, rtol=1e-9, atol=least)
    np.testing.assert_allclose(out["both"], x + 1, rtol=1e-9)
    np.testing.assert_allclose(out["round"], [0.0, 0.0, 0.5, 3.0, 700.0], atol=1e-12)


def test_invert_makes_missing_what_has_no_value():
    frame = pl.DataFrame({"x": [-1.0, 1.0, math.inf, math.nan, None]})
    out = apply(make("invert", ("x",), maps={"x": [{"function": "log"}]}), frame)
    assert out["x"].to_list()[:3] == [None, 0.0, math.inf]


def test_infinities_and_sentinels_are_met_in_their_own_type():
    frame = pl.DataFrame(
        {
            "f": pl.Series([0.1, math.inf], dtype=pl.Float32),
            "u": pl.Series([255, 1], dtype=pl.UInt8),
        }
    )
    one = make("to_missing", ("f", "u"), values={"f": [0.1], "u": [255, -1, 1e300, "x", True]},
               infinite=True)  # fmt: skip
    out = apply(one, frame)
    assert out.schema == frame.schema
    assert out.rows() == [(None, None), (None, 1)]


def test_imputed_columns_keep_their_type_where_it_holds_the_value():
    frame = pl.DataFrame(
        {
            "even": pl.Series([1, 3, None], dtype=pl.Int16),
            "odd": pl.Series([1, 2, None], dtype=pl.Int16),
            "when": [datetime(2020, 1, 1), datetime(2020, 1, 3), None],  # noqa: DTZ001 - without a zone
            "flag": [True, True, None],
        }
    )
    strategy = {"even": "median", "odd": "median", "when": "median", "flag": "most_frequent"}
    out = apply(make("impute", tuple(frame.columns), strategy=strategy, indicator=True), frame)
    assert out["even"].to_list() == [1, 3, 2]
    assert out["even"].dtype == pl.Int16
    assert out["odd"].to_list() == [1.0, 2.0, 1.5]
    assert out["when"].to_list()[2] == datetime(2020, 1, 2)  # noqa: DTZ001 - as above
    assert out["flag"].to_list() == [True, True, True]
    assert out["flag_missing"].to_list() == [0, 0, 1]
    assert out["flag_missing"].dtype == pl.Int8


def test_columns_that_are_missing_in_train_are_told():
    train = pl.DataFrame({"n": [None, math.nan], "c": pl.Series([None, None], dtype=pl.String)})
    one = make("impute", ("n", "c"), strategy={"n": "mean", "c": "most_frequent"})
    fitted = one.learn(whole(train))
    assert fitted.apply(train).rows() == [(0.0, "missing")] * 2
    assert len(fitted.said) == 2


def test_iterative_imputation_of_huge_numbers_is_the_mean_and_told():
    frame = pl.DataFrame({"a": [1e200, 1e200, None], "b": [1.0, 2.0, 3.0]})
    fitted = make("impute", ("a", "b"), strategy="iterative").learn(whole(frame))
    assert fitted.apply(frame)["a"].to_list() == pytest.approx([1e200] * 3)
    assert "means stand in" in fitted.said[0]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"kind": "scale", "columns": ["a", "a"]}, "names the column 'a' twice"),
        ({"kind": "scale", "columns": ["a"], "method": "zscore"}, "one of standard"),
        ({"kind": "scale", "columns": ["a"], "quantile_range": [75, 25]}, "low < high"),
        ({"kind": "scale", "columns": ["a"], "feature_range": [1, 1]}, "low < high"),
        ({"kind": "scale", "columns": ["a"], "scaling_": {}}, "learned nothing of 'a'"),
        ({"kind": "scale", "columns": ["a"], "scaling_": {"a": {"scale": 0}}}, "divides by 0"),
        ({"kind": "winsorize", "columns": ["a"], "k": -1}, "above 0"),
        ({"kind": "truncate", "columns": ["a"], "length": 0}, "at least 1"),
        ({"kind": "truncate", "columns": ["a"], "length": 1.5}, "a whole number"),
        ({"kind": "truncate", "columns": ["a"], "unit": "bytes"}, "unit"),
        ({"kind": "impute", "columns": ["a"], "strategy": "constant"}, "no constant for 'a'"),
        ({"kind": "impute", "columns": ["a"], "strategy": {"b": "mean"}}, "no strategy for 'a'"),
        ({"kind": "impute", "columns": ["a"], "neighbors": 0}, "1 or more"),
        ({"kind": "impute", "columns": ["a"], "indicator": ["b"]}, "an indicator for 'b'"),
        ({"kind": "to_missing", "columns": ["a"], "values": {"b": [1]}}, "not among its columns"),
        ({"kind": "to_missing", "columns": ["a"], "values": {"a": [10**400]}}, "very large"),
        ({"kind": "map_values", "columns": ["a"], "values": {"a": [["x", 1]]}}, "keep the type"),
        ({"kind": "map_values", "columns": ["a"], "values": {"a": [["x", "y"], ["y", "z"]]}},
         "maps again"),
        ({"kind": "map_values", "columns": ["a"], "values": {"a": [["x", "y"], ["x", "z"]]}},
         "twice"),
        ({"kind": "invert", "columns": ["a"]}, "differ in 'a'"),
        ({"kind": "parse", "columns": ["a"], "thousands": "."}, "both"),
        ({"kind": "map_to_other", "columns": ["a"], "least": 0}, "1 or more"),
        ({"kind": "drop_columns"}, "lacks 'columns'"),
        ({"kind": "drop_columns", "columns": ["a"], "more": 1}, "no field 'more'"),
        ({"kind": "pickle"}, "no transform of kind 'pickle'"),
        ([], "no transform of kind None"),
    ],
)  # fmt: skip
def test_wrong_parameters_are_told_with_a_hint(given, told):
    with pytest.raises(UsageError) as caught:
        from_dict(given)
    assert told in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("strategy", "column"),
    [("mean", "c"), ("median", "b"), ("knn", "c"), ("missing", "x"), ("most_frequent", "s")],
)
def test_strategies_without_a_meaning_are_told(strategy, column):
    frame = pl.DataFrame({"c": ["a"], "b": [True], "x": [1.0], "s": [[1.0]]})
    with pytest.raises(UsageError, match=f"column '{column}' holds"):
        make("impute", (column,), strategy=strategy).learn(whole(frame))


@pytest.mark.parametrize("kind", ["scale", "winsorize", "truncate"])
def test_types_without_a_meaning_are_told(kind):
    learned = make(kind, ("a",)).learn(whole(pl.DataFrame({"a": [1.0, 2.0, 4.0]})))
    with pytest.raises(UsageError, match="column 'a' holds"):
        learned.apply(pl.DataFrame({"a": [True]}))
