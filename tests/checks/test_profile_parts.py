"""Which columns the profile shows, and what of each: caps, classes, gaps, lengths."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest

from datacheck.checks import profile as module
from datacheck.checks.profile import profile, shapes_of
from datacheck.dataset import Column, Dataset, Kind, Role, Split, Task
from datacheck.summaries.lengths import Histogram


def finding(rule, *columns, **evidence):
    return cast(Any, SimpleNamespace(rule=rule, columns=columns, evidence=evidence))


def context(frames, kinds, rows=None, label="y", task=Task.CLASSIFICATION, **summaries):
    """What an audit has gathered: samples, counts of values and lengths, by split."""
    columns = {
        c: Column(c, k, Role.LABEL if c == label else Role.FEATURE,
                  distinct=summaries.get("distinct", 2))
        for c, k in kinds.items()
    }  # fmt: skip
    splits = {s: Split(s, [], {c: kinds[c] for c in f.columns}) for s, f in frames.items()}
    data = Dataset("d", splits, columns, task)

    def held(kind):
        def get(split):
            return summaries[kind][split]

        return get

    return cast(Any, SimpleNamespace(
        data=data, splits=list(frames), train="train", notes=[], sample=lambda s: frames[s],
        rows=rows or {s: f.height for s, f in frames.items()},
        values=held("values"), lengths=held("lengths"), nulls=held("nulls"),
        moments=held("moments"),
    ))  # fmt: skip


NUMBER, CATEGORY = Kind.NUMBER, Kind.CATEGORY


def test_eight_columns_of_a_finding_and_forty_in_all():
    names = [f"c{j:02}" for j in range(60)]
    made = context({"train": pl.DataFrame({c: [1.0] for c in names})}, dict.fromkeys(names, NUMBER))
    named = module._named
    assert named(made, [finding("NM003", *names[:9])], ("NM",)) == names[:8]
    first = finding("NM003", *names[:9], worst="c08")
    assert named(made, [first], ("NM",)) == ["c08", *names[:7]]
    assert named(made, [finding("NM003", "c01", "gone", worst="c09")], ("NM",)) == ["c01"]
    assert named(made, [finding("NM003", "c01", worst=3)], ("NM",)) == ["c01"]
    assert named(made, [finding("MV001", "c01")], ("NM", "CB005")) == []
    many = [finding("NM001", *names[8 * i : 8 * i + 8]) for i in range(7)]
    assert named(made, [*many, many[0]], ("NM",)) == names[:40]


def test_a_failure_is_a_note_of_bounded_length():
    made = context({"train": pl.DataFrame({"x": [1.0]})}, {"x": NUMBER})
    assert profile(made, [cast(Any, SimpleNamespace(rule="NM" + "x" * 999))]) == {}
    (note,) = made.notes
    assert "they could not be made: AttributeError: " in note
    assert len(note.partition("made: ")[2]) <= 200


def told(made, *findings):
    return shapes_of(made, list(findings))


def test_numbers_of_a_sample():
    frames = {
        "train": pl.DataFrame({"x": [1.0, 2.0, None, float("inf")], "w": ["a", "a", "b", None]}),
        "test": pl.DataFrame({"x": [None, float("nan")], "w": ["c", "c"]}),
    }
    values = {"train": {"w": {"a": 20, "b": 10}}, "test": {"w": {"c": 2}}}
    rows = {"train": 40, "test": 2}
    made = context(frames, {"x": NUMBER, "w": CATEGORY}, rows, values=values)
    out = told(made, finding("NM003", "x", "w"))
    assert set(out) == {"levels", "numbers", "categories", "sampled"}
    assert list(out["numbers"]["x"]["splits"]) == ["train"]
    assert out["numbers"]["x"]["splits"]["train"]["n"] == 2
    assert out["categories"]["w"]["values"] == ["c", "a", "b"]
    assert out["categories"]["w"]["splits"] == {"train": [0, 20, 10], "test": [2, 0, 0]}
    assert out["sampled"] == {"train": 4}
    out = told(made, finding("NM006", "w"))
    assert set(out) == {"categories"}
    assert told(made, finding("SL001", "x")) == {}
    assert told(made, finding("LK001")) == {}


def test_twelve_values_of_a_category_and_24_classes():
    counts = {f"v{i:02}": 100 - i for i in range(30)}
    frames = {"train": pl.DataFrame({"w": ["v00"], "y": ["v00"]})}
    kinds = {"w": CATEGORY, "y": CATEGORY}
    made = context(frames, kinds, values={"train": {"w": counts, "y": counts}})
    out = told(made, finding("NM006", "w"))["categories"]["w"]
    assert out["values"] == [f"v{i:02}" for i in range(12)]
    assert out["left_out"] == 18
    out = told(made, finding("CB001"))["classes"]
    assert (out["column"], len(out["values"]), out["left_out"]) == ("y", 24, 6)
    assert told(made, finding("LB003"))["classes"] == out
    assert "classes" not in told(made, finding("MV001", "w"), finding("NM006", "w"))
    made.data.task = Task.REGRESSION
    assert told(made, finding("CB001")) == {}
    made.data.task = Task.CLASSIFICATION
    assert told(context(frames, kinds, values={}), finding("CB001")) == {}
    assert told(context(frames, kinds, label="", values={}), finding("CB001")) == {}


def gaps(distinct=3, **frame):
    frame = {"y": ["b"] * 3 + ["a"] * 3 + ["c", None], **frame}
    kinds = {c: CATEGORY if c in "yw" else NUMBER for c in frame}
    made = context({"train": pl.DataFrame(frame, strict=False)}, kinds, distinct=distinct)
    return module._by_class(made, [c for c in frame if c != "y"] + ["y"])


def test_gaps_by_class():
    nan = float("nan")
    out = gaps(x=[None, nan, 1.0, 1.0, nan, 3.0, None, None], w=["a", None] * 4)
    assert out == {
        "x": {"train": {"a": [1, 3], "b": [2, 3], "c": [1, 1]}},
        "w": {"train": {"a": [2, 3], "b": [1, 3], "c": [0, 1]}},
    }
    assert list(out["x"]["train"]) == ["a", "b", "c"]
    assert set(gaps(distinct=24, x=[1.0] * 8)) == {"x"}
    assert gaps(distinct=25, x=[1.0] * 8) == {}
    classes = [f"k{i:02}" for i in range(30)]
    out = gaps(y=classes, x=[1.0] * 30)
    assert list(out["x"]["train"]) == classes[:24]


def test_gaps_by_class_need_classes_and_the_column():
    frame = pl.DataFrame({"x": [1.0], "y": ["a"]})
    kinds = {"x": NUMBER, "y": CATEGORY, "z": NUMBER}
    assert module._by_class(context({"train": frame}, kinds), ["x", "z"]) == {
        "x": {"train": {"a": [0, 1]}}
    }
    made = context({"train": frame}, kinds, task=Task.REGRESSION)
    assert module._by_class(made, ["x"]) == {}
    assert module._by_class(context({"train": frame}, kinds, label=""), ["x"]) == {}


def test_columns_that_tell_the_label_by_class():
    y = np.repeat(list("abcdef"), [9, 8, 7, 6, 5, 4])
    frame = pl.DataFrame({
        "y": y, "x": np.arange(39.0), "w": [f"v{i % 14:02}" for i in range(39)],
        "s": ["t"] * 39, "e": [None] * 39,
    }, schema_overrides={"e": pl.Float64})  # fmt: skip
    kinds = {"y": CATEGORY, "x": NUMBER, "w": CATEGORY, "s": Kind.TEXT, "e": NUMBER, "z": NUMBER}
    made = context({"train": frame, "test": frame}, kinds)
    out = told(made, finding("LK005", "x", "w", "s", "e", "z", "y"))["by_class"]
    assert set(out) == {"x", "w"}
    assert out["x"]["label"] == "y"
    splits = out["x"]["numbers"]["splits"]
    assert {k: s["n"] for k, s in splits.items()} == {"a": 9, "b": 8, "c": 7, "d": 6, "e": 5}
    assert splits["b"]["quantiles"][20] == 12.5
    assert len(out["w"]["categories"]["values"]) == 12
    assert out["w"]["categories"]["left_out"] == 2
    assert out["w"]["categories"]["rows"] == {"a": 9, "b": 8, "c": 7, "d": 6, "e": 5}
    made.data.task = None
    assert module._told_by_class(made, ["x"]) == {}
    assert module._told_by_class(context({"train": frame.drop("y")}, kinds), ["x"]) == {}
    made = context({"train": frame}, kinds)
    made.train = None
    assert module._told_by_class(made, ["x"]) == {}


@pytest.mark.parametrize(("kind", "unit"), [(Kind.SEQUENCE, "items"), (Kind.TEXT, "words")])
def test_lengths_in_bins(kind, unit):
    def of(pairs):
        return Histogram(np.array(sorted(pairs)), np.array([pairs[k] for k in sorted(pairs)]), 0)

    frames = {s: pl.DataFrame({"s": [[1]]}) for s in ("train", "test", "none")}
    lengths = {
        "train": {"s": of({0: 2, 3: 5, 60: 1})}, "test": {"s": of({1: 4, 40: 3})},
        "none": {"s": of({})},
    }  # fmt: skip
    made = context(frames, {"s": kind}, label="", lengths=lengths)
    out = told(made, finding("SL001", "s"))["lengths"]["s"]
    assert out["unit"] == unit
    edges = [*out["edges"], np.inf]
    assert edges[-2] == 60
    assert set(out["splits"]) == {"train", "test"}
    for split, n, median, longest in (("train", 8, 3.0, 60), ("test", 7, 1.0, 40)):
        of_split = out["splits"][split]
        assert (of_split["n"], of_split["median"], of_split["longest"]) == (n, median, longest)
        held = np.repeat(lengths[split]["s"].lengths, lengths[split]["s"].counts)
        assert of_split["counts"] == [
            int(((held >= a) & (held < b)).sum()) for a, b in pairwise(edges)
        ]
    assert told(made, finding("LK009", "s"))["lengths"] == {"s": out}
    assert told(context(frames, {"s": kind}, lengths={}), finding("SL001", "s")) == {}
