"""The screen of predict.py: which rows it looks at, and how well neighbors agree."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks import predict
from datacheck.checks.base import ADDRESS
from datacheck.checks.predict import Target, agreement
from datacheck.dataset import Column, Dataset, Kind, Split
from datacheck.summaries.hashing import hash_column

near = pytest.approx
CODES = st.lists(
    st.tuples(st.integers(0, 2), st.none() | st.integers(0, 9)), min_size=3, max_size=30
)


def target(values, classes=()):
    frame = pl.DataFrame({ADDRESS: np.arange(len(values), dtype=np.int64)})
    return Target(frame, np.asarray(values, dtype=np.float64), tuple(classes))


def neighbors(x):
    """Pairs of rows that are neighbors in a column, ties in the order of rows."""
    order = sorted((v, i) for i, v in enumerate(x) if v is not None)
    return [(a[1], b[1]) for a, b in pairwise(order)]


@given(CODES)
def test_classes_agree_as_often_as_neighbors_do(rows):
    codes, x = [c for c, _ in rows], [v for _, v in rows]
    one = target(codes, "abc")
    weight = [1 / codes.count(c) for c in codes]
    pairs = neighbors(x)
    total = sum(weight[a] for a, _ in pairs)
    same = sum(weight[a] for a, b in pairs if codes[a] == codes[b])
    found = agreement(np.array([x], dtype=np.float64).T, one)
    assert found.tolist() == [near(same / total if total else 0.0)]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(0, 9)), min_size=3, max_size=30)
)
def test_numbers_agree_as_the_ranks_of_neighbors_do(rows):
    y, x = [float(v) for v, _ in rows], [v for _, v in rows]
    ranks = scipy.stats.rankdata(y)
    scale = ranks.std() or 1.0
    pairs = neighbors(x)
    steps = [((ranks[a] - ranks[b]) / scale) ** 2 for a, b in pairs]
    exact = 1 - np.mean(steps) / 2 if len(steps) > 1 else 0.0
    assert agreement(np.array([x], dtype=np.float64).T, target(y)).tolist() == [near(exact)]


@pytest.mark.parametrize(
    ("sizes", "kept"),
    [((5000, 30), (2048, 30)), ((2048, 2049), (2048, 2048)), ((9,), (9,))],
)
def test_the_screen_looks_at_about_as_many_rows_of_each_class(sizes, kept):
    codes = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    one = target(codes, [str(k) for k in range(len(sizes))])
    rows = predict._spread(one)
    assert tuple(np.bincount(codes[rows])) == kept
    assert len(set(rows.tolist())) == rows.size
    halves = np.array_split(codes[rows] == 0, 2)  # in random order, however large the classes
    assert abs(halves[0].mean() - halves[1].mean()) < 0.2


def test_of_many_classes_twenty_rows_each_are_looked_at():
    codes = np.repeat(np.arange(300), 25)
    rows = predict._spread(target(codes, [str(k) for k in range(300)]))
    assert set(np.bincount(codes[rows])) == {20}


def test_of_numbers_4096_rows_are_looked_at():
    rows = predict._spread(target(np.arange(5000.0)))
    assert rows.size == len(set(rows.tolist())) == 4096
    assert abs(np.corrcoef(rows, np.arange(4096))[0, 1]) < 0.1


def context(**kinds):
    columns = {c: Column(c, k) for c, k in kinds.items()}
    return cast(Any, SimpleNamespace(data=Dataset("d", {"train": Split("train", [])}, columns)))


def test_names_are_coded_by_hashes_that_float64_holds_exactly():
    words = [f"w{i}" for i in range(50)] + [None]
    frame = pl.DataFrame({"w": words, "x": np.arange(51.0), "v": words[::-1]})
    made = context(w=Kind.CATEGORY, x=Kind.NUMBER, v=Kind.CATEGORY)
    found = predict.coded(made, frame, ["w", "x", "v"])
    assert found[:, 1].tolist() == frame["x"].to_list()
    assert np.isnan(found[-1, 0])
    assert np.isnan(found[0, 2])
    assert np.array_equal(found[::-1, 2], found[:, 0], equal_nan=True)
    hashes = hash_column(frame["w"])[:-1]
    assert found[:-1, 0].astype(np.uint64).tolist() == [int(h) >> 11 for h in hashes]
    assert 2**52 < found[:-1, 0].max() < 2**53
    assert predict.coded(made, frame, ["x"])[:, 0].tolist() == frame["x"].to_list()


def test_every_column_is_given_once_in_order():
    frame = pl.DataFrame({f"c{j}": np.arange(4.0) + j for j in range(7)})
    made = context(**dict.fromkeys(frame.columns, Kind.NUMBER))
    one = Target(frame.with_columns(pl.int_range(4).alias(ADDRESS)), np.arange(4.0))
    found = dict(predict.vectors(made, one, frame.columns))
    assert list(found) == frame.columns
    assert all(v.tolist() == frame[c].to_list() for c, v in found.items())


def test_columns_whose_neighbors_agree_are_promising():
    rng = np.random.default_rng(0)
    y = np.arange(1000) % 2
    sharp = {f"s{k}": y * k / 10 + rng.normal(size=1000) for k in range(0, 60, 3)}
    frame = pl.DataFrame({**sharp, ADDRESS: np.arange(1000)})
    made = context(**dict.fromkeys(sharp, Kind.NUMBER))
    one = Target(frame, y.astype(np.float64), ("a", "b"))
    agree = {c: float(agreement(x.to_numpy()[:, None], one)[0])
             for c, x in zip(sharp, frame.select(list(sharp)), strict=True)}  # fmt: skip
    found = predict.promising(made, one, list(sharp))
    assert found == [c for c in sharp if agree[c] >= 0.8]
    assert 3 < len(found) < 17


def test_some_rows_of_a_target():
    one = target([0, 1, 1, 0, 2], "abc")
    some = one.take(np.array([4, 1]))
    assert (some.n, some.codes.tolist(), some.sizes.tolist()) == (2, [2, 1], [0, 1, 1])
    assert some.frame[ADDRESS].to_list() == [4, 1]
    assert one.sizes.tolist() == [2, 2, 1]
