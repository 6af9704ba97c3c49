"""Sequences beyond a limit: those at the limit are not, and the examples are of those beyond."""

from __future__ import annotations

import polars as pl
import pytest

import datacheck


@pytest.mark.parametrize(("longest", "over"), [([10, 10], 0), ([11, 10], 1), ([11, 12], 2)])
def test_the_limit_itself_is_no_excess(longest, over):
    sizes = [3, 4, 5, 4] * 20 + longest
    frame = pl.DataFrame({"s": [[1.5] * n for n in sizes], "label": ["a", "b"] * (len(sizes) // 2)})
    config = {"select": ["SL004"], "label": "label", "rules": {"SL004": {"max_length": 10}}}
    report = datacheck.audit(frame, settings=config)
    assert sum(f.count for f in report.findings) == over
    shown = [e.values["length"] for f in report.findings for e in f.examples]
    assert shown == sorted([n for n in longest if n > 10], reverse=True)


def lists(lengths):
    return pl.Series([[1.5] * int(n) for n in lengths], dtype=pl.List(pl.Float64))


def judged(frames, **options):
    settings = {"select": ["SL004"], "rules": {"SL004": options}}
    return datacheck.audit(frames, settings=settings)


@pytest.mark.parametrize(("usual", "limit"), [(12, 120), (2, 20), (1, 20), (3, 30)])
def test_the_fence_is_ten_medians_of_two_at_least(usual, limit):
    for longest, over in ((limit, False), (limit + 1, True)):
        frame = pl.DataFrame({"s": lists([usual] * 20 + [longest])})
        assert bool(judged({"train": frame}).findings) is over
    assert judged({"train": frame}, factor=12.0).findings == []


def test_the_median_is_that_of_all_splits():
    train, test = pl.DataFrame({"s": lists([2] * 9)}), pl.DataFrame({"s": lists([50, 50, 501] * 4)})
    assert [f.count for f in judged({"train": train, "test": test}).findings] == [4]
    more = pl.DataFrame({"s": lists([2] * 14)})
    (found,) = judged({"train": more, "test": test}).findings
    assert (found.count, found.evidence["median"], found.splits) == (12, {"s": 2.0}, ("test",))
    assert "no sequence" in judged({"train": pl.DataFrame({"x": [1.0, 2.0]})}).outcomes[0].reason


def test_what_is_told_of_the_worst_column():
    train = pl.DataFrame({"a": lists([10] * 30 + [101, 150]), "b": lists([4] * 31 + [90])})
    test = pl.DataFrame({"a": lists([10] * 8 + [120] * 5), "c": lists([1] * 13)})
    (found,) = judged({"train": train, "test": test}).findings
    assert found.message == (
        "a, b are longer than 10 medians in 8 of 77 cells: the median of b is 4, the longest 90"
    )
    assert (found.count, found.total, found.unit) == (8, 77, "cells")
    assert (found.columns, found.splits) == (("a", "b"), ("train", "test"))
    assert found.evidence == {
        "median": {"a": 10.0, "b": 4.0},
        "limit": {"a": 100.0, "b": 40.0},
        "longest": {"a": 150, "b": 90},
        "beyond": {"a": {"train": 2, "test": 5}, "b": {"train": 1}},
    }
    assert [(e.addresses[0], e.values) for e in found.examples] == [("train:31", {"length": 90})]
    frames = {"train": train.select("a"), "test": test.select("a")}
    (found,) = judged(frames, max_length=100).findings
    assert found.message == (
        "a is longer than the 100 the model takes in 7 of 45 rows (15.56%): the median is 10, the "
        "longest 150"
    )
    assert [(e.addresses[0], e.values["length"]) for e in found.examples] == [
        ("train:31", 150), ("test:8", 120), ("test:9", 120), ("test:10", 120), ("test:11", 120),
    ]  # fmt: skip
    (found,) = judged(frames, max_length=110).findings
    assert "10 medians" in found.message
    assert found.evidence["limit"] == {"a": 100.0}
