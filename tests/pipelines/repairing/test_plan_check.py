"""A plan that does not fit the data is told in one line, before anything is read or written."""

from __future__ import annotations

import math

import polars as pl
import pytest

from datacheck.errors import UsageError
from datacheck.pipelines.fixing import fix
from datacheck.pipelines.plan import Plan, Step

DATA = {
    "train": pl.DataFrame(
        {
            "name": ["ann", "bob", "cy", "dee"] * 10,
            "x": [float(i) for i in range(40)],
            "label": [0, 1] * 20,
        }
    ),
    "test": pl.DataFrame({"name": ["ann"] * 5, "x": [1.5] * 5, "label": [0, 1, 0, 1, 0]}),
}


def step(repair: str, *columns: str, splits: tuple[str, ...] = (), **params: object) -> Step:
    return Step(repair, columns=columns, splits=splits, params=params)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (step("standardize", "name"), "no meaning for 'name', a column of kind category"),
        (step("robust-scale", "name"), "no meaning"),
        (step("min-max-scale", "name"), "no meaning"),
        (step("winsorize", "name"), "no meaning"),
        (step("parse", "name"), "no meaning"),
        (step("invert-transform", "name", scale={"name": 2.0}), "no meaning"),
        (step("truncate", "x", length=3), "no meaning for 'x', a column of kind number"),
        (step("token-budget", "x"), "no meaning"),
        (step("standardize"), "names no column"),
        (step("drop-column"), "names no column"),
        (step("length-bucketing"), "names no column"),
        (step("drop-duplicates", "x"), "works on whole rows"),
        (step("drop-from-train", splits=("test",)), "out of train alone"),
        (step("quarantine-unreadable", splits=("test",)), "out of train alone"),
        (step("drop-column", "x", splits=("test",)), "different columns"),
        (step("impute-with-indicator", "x", splits=("test",)), "different columns"),
        (step("winsorize", "x", k=math.nan), "k is nan"),
        (step("winsorize", "x", k=math.inf), "k is inf"),
        (step("impute-with-indicator", "x", number="constant", constant=math.nan), "is nan"),
        (step("invert-transform", "x", scale={"x": "y"}), "scale of 'x' is 'y'"),
        (step("invert-transform", "x", scale={"x": math.nan}), "scale of 'x' is nan"),
        (step("invert-transform", "x", scale={"x": 0.0}), "makes all values the same"),
        (step("invert-transform", "x", scale={"x": True}), "is True"),
        (step("length-bucketing", "name", edges=["a"]), "edges are"),
        (step("length-bucketing", "name", edges=[-1, 5]), "edges are"),
        (step("length-bucketing", "name", edges=[8, 5]), "edges are"),
        (step("token-budget", "name", tokens=-5), "tokens is -5"),
        (step("token-budget", "name", tokens=10**30), "tokens is"),
    ],
    ids=str,
)
def test_a_step_without_a_meaning_is_told(one, said):
    with pytest.raises(UsageError, match=said) as caught:
        fix(DATA, plan=Plan((one,)), unsafe=True, settings={"label": "label"})
    assert caught.value.hint


@pytest.mark.parametrize("neighbors", [math.nan, math.inf, 2.5])
def test_a_count_is_a_whole_number(neighbors):
    with pytest.raises(UsageError, match="neighbors is"):
        step("impute-with-indicator", "x", neighbors=neighbors)


def test_hints_name_what_would_do():
    with pytest.raises(UsageError) as caught:
        fix(DATA, plan=Plan((step("standardize", "name"),)), settings={"label": "label"})
    assert caught.value.hint == "it could be: x"


def test_one_split_may_be_filled_alone(tmp_path):
    holed = pl.DataFrame({"x": [1.0, None] * 20, "label": [0, 0, 1, 1] * 10})
    holed = holed.with_columns(fold=pl.Series(["train", "test"] * 20))
    holed = holed.with_columns(x=pl.when(pl.int_range(40) % 4 > 0).then("x").otherwise(3.0))
    holed.write_csv(tmp_path / "all.csv")
    one = step("impute-with-indicator", "x", splits=("test",), indicator=False)
    fix(tmp_path / "all.csv", tmp_path / "clean", plan=Plan((one,)), settings={"label": "label"})
    mended = pl.read_csv(tmp_path / "clean/all.csv")
    assert mended.columns == holed.columns
    assert mended.filter(fold="test")["x"].null_count() == 0


@pytest.mark.parametrize("taken", ["originals", "quarantine"])
def test_folders_that_the_result_keeps(tmp_path, taken):
    source = tmp_path / "data" / taken
    source.mkdir(parents=True)
    for split, frame in DATA.items():
        frame.write_csv(source / f"{split}.csv")
    with pytest.raises(UsageError, match="keeps for itself"):
        fix(tmp_path / "data", tmp_path / "clean", plan=Plan((step("standardize", "x"),)))
    assert not (tmp_path / "clean").exists()
    fix(source, tmp_path / "clean", plan=Plan((step("standardize", "x"),)))
    assert (tmp_path / "clean/train.csv").is_file()
