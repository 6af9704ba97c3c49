"""What is told of empty sequences: each column, each split, the first rows."""

from __future__ import annotations

import polars as pl

import datacheck


def lists(lengths):
    values = [None if n is None else [1.5] * n for n in lengths]
    return pl.Series(values, dtype=pl.List(pl.Float64))


def found(**frames):
    return datacheck.audit(frames, settings={"select": ["SL003"]}).findings


def test_one_column():
    train = pl.DataFrame({"s": lists([2, 0, None, 1, 0, 0, 3]), "full": lists([1] * 7)})
    test = pl.DataFrame({"s": lists([2, 0]), "full": lists([1] * 2)})
    one, other = sorted(found(train=train, test=test), key=lambda f: -f.count)
    assert one.message == "s is empty in 3 of 7 rows of train"
    assert (one.count, one.total, one.unit, one.columns) == (3, 7, "rows", ("s",))
    assert one.evidence == {"empty": {"s": 3}}
    assert [e.addresses[0] for e in one.examples] == ["train:1", "train:4", "train:5"]
    assert [r.name for r in one.repairs] == ["quarantine-rows"]
    assert (other.count, other.splits) == (1, ("test",))
    assert [r.name for r in other.repairs] == ["review-rows"]
    assert found(train=train.select("full")) == []


def test_several_columns_count_cells():
    frame = pl.DataFrame({
        "a": lists([0, 1, 1, 1]), "b": lists([1, 0, 0, 1]), "c": lists([0, 1, 1, 1]),
        "d": lists([1, 1, 1, 0]), "e": lists([1] * 4),
    })  # fmt: skip
    (one,) = found(train=frame)
    assert one.message == "5 cells of 4 columns of train are empty: a (1), b (2), c (1) and 1 more"
    assert (one.count, one.total, one.unit) == (5, 16, "cells")
    assert one.columns == ("a", "b", "c", "d")
    # Examples show three columns at most, and rows in which one of those is empty.
    assert [e.addresses[0] for e in one.examples] == ["train:0", "train:1", "train:2"]
    assert set(one.examples[0].values) == {"a", "b", "c"}
