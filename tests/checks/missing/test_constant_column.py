"""A column is constant where the rules that compare rows hold its values for the same."""

from __future__ import annotations

import json

import numpy as np
import polars as pl

import datacheck
from datacheck.pipelines.fixing import fix


def test_whole_numbers_of_64_bits_that_differ_are_not_constant():
    rows = np.arange(300)
    frame = pl.DataFrame({"key": 2**60 + rows % 50, "same": [2**60] * 300, "k": rows % 7})
    (found,) = datacheck.audit(train=frame, test=frame[:50], select="MV005").findings
    assert found.columns == ("same",)


def test_numbers_beyond_float64_are_one_value_for_all_rules(tmp_path):
    """They are one in JSON Lines, where dropping them uncovers no repeated rows."""
    lines = [
        json.dumps({"big": 10**30 + i, "n": None if i % 5 == 0 else i, "label": i % 2})
        for i in range(60)
    ]
    (tmp_path / "data").mkdir()
    (tmp_path / "data/train.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "data/test.jsonl").write_text("\n".join(lines[:27]) + "\n")
    told = datacheck.audit(tmp_path / "data")
    before = {f.rule for f in told.findings}
    assert "MV005" in before
    assert all("big" not in f.columns for f in told.of("NM003")), "what never varies has not moved"
    fix(tmp_path / "data", tmp_path / "clean", unsafe=True)
    after = {f.rule for f in datacheck.audit(tmp_path / "clean").findings}
    assert after <= before - {"MV005", "MV001"}


def audit(**splits):
    return datacheck.audit(splits, settings={"label": "label", "select": ["MV005"]}).findings


def frame(n, **columns):
    return pl.DataFrame({**columns, "label": [i % 2 for i in range(n)]})


def test_what_never_varies_is_told_with_its_value():
    x = np.random.default_rng(0).normal(size=40)
    train = frame(
        40, x=x, a=[3.0] * 40, b=["red"] * 40, c=[None] * 40, d=[None, *[3.0] * 39],
        e=[2.5] * 40, f=[1e15] * 40, g=[np.inf, *[3.0] * 39], h=[True] * 40,
    )  # fmt: skip
    (one,) = audit(train=train, test=train.with_columns(a=pl.lit(4.0)))
    assert one.evidence["values"] == {
        "a": "3", "b": "red", "c": None, "e": "2.5", "f": "1000000000000000.0", "h": "1",
    }  # fmt: skip
    assert one.evidence["empty"] == 1
    assert (one.count, one.total, one.splits) == (6, 9, ("train",))
    assert (
        one.message
        == "6 of 9 features never vary in train: a ('3'), b ('red'), c (no value) and 3 more"
    )
    (one,) = audit(train=train.select("x", "a", "label"))
    assert one.message == "1 of 2 features never varies in train: a ('3')"


def test_without_a_train_split_all_splits_are_taken_together():
    x = np.random.default_rng(0).normal(size=40)
    first = frame(40, x=x, a=[3.0] * 40, b=[3.0] * 40, c=["u"] * 40, d=["u"] * 40)
    second = frame(40, x=x, a=[3.0] * 40, b=[4.0] * 40, c=["u"] * 40, d=["v"] * 40)
    (one,) = audit(first=first, second=second)
    assert one.columns == ("a", "c")
    assert one.splits == ("first", "second")


def test_whole_numbers_beyond_float64_are_compared_in_the_sample():
    edge = 2**53
    for low, differ in ((edge, True), (edge - 2, True)):
        frame_ = frame(40, a=[low, low + 1] * 20, x=np.random.default_rng(0).normal(size=40))
        assert bool(audit(train=frame_)) is not differ
        same = frame(40, a=[low] * 40, x=np.random.default_rng(0).normal(size=40))
        assert audit(train=same)
    down = frame(40, a=[-edge, -edge - 1] * 20, x=np.random.default_rng(0).normal(size=40))
    assert not audit(train=down)
