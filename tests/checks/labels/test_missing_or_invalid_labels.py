"""LB003: what is no label, and what is one under two spellings."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.checks.labels.missing_or_invalid_labels import _is_nothing, _plain, _stray
from datacheck.findings import Status


def audit(*, task="classification", **splits):
    frames = {
        s: pl.DataFrame({"x": np.arange(len(y)) / 7, "label": y}, strict=False)
        for s, y in splits.items()
    }
    chosen = {"label": "label", "task": task, "select": ("LB003",)}
    report = datacheck.audit(frames, settings=chosen)
    assert report.outcomes[0].status is not Status.FAILED
    return list(report.findings)


# -- missing -------------------------------------------------------------------------------------


def test_the_finding_of_missing_labels_in_full():
    y: list[str | None] = ["a", "b"] * 500
    for i in range(3, 1000, 100):
        y[i] = None
    one, two = sorted(audit(train=y, test=[None, "a", "b", "a"]), key=lambda f: f.total)[::-1]
    assert one.message == "10 of 1,000 labels (1.0%) are missing in train"
    assert (one.count, one.total, one.severity.value) == (10, 1000, "error")
    assert [e.addresses for e in one.examples] == [("train:3",)]
    assert [(r.name, r.safety) for r in one.repairs] == [("quarantine", "safe")]
    assert two.message == "1 of 4 labels (25.0%) is missing in test"
    assert [(r.name, r.safety) for r in two.repairs] == [("quarantine", "manual")]


def test_a_test_without_labels_is_a_note_and_a_train_is_an_error():
    some, none = ["a", "b"] * 9, [None] * 9
    (one,) = audit(train=some, test=none)
    assert one.message == "test has no label: all 9 cells of label are empty"
    assert (one.severity.value, one.count, one.total, one.repairs) == ("info", 9, 9, ())
    (two,) = audit(train=none, test=some)
    assert two.severity.value == "error"
    assert two.message == "9 of 9 labels (100%) are missing in train"
    (three,) = audit(train=some, test=[*none, "a"])
    assert three.severity.value == "error"


def test_nan_among_numbers_is_missing_and_infinity_is_none():
    y = [1.5, math.nan, math.inf, -math.inf, math.inf, 2.5, None, 3.5] * 3
    missing, infinite = sorted(audit(task="regression", train=y), key=lambda f: f.count)
    assert missing.message == "6 of 24 labels (25.0%) are missing in train"
    assert [e.addresses for e in missing.examples] == [("train:1",)]
    (early,) = audit(task="regression", train=[1.5, 2.5, None, 3.5, math.nan] * 9)
    assert [e.addresses for e in early.examples] == [("train:2",)]
    assert infinite.message == "9 of 24 labels (37.5%) of train are infinite"
    assert infinite.evidence == {"positive": 6, "negative": 3, "rows": 24}
    assert infinite.repairs[0].safety == "safe"


def test_a_label_of_texts_has_no_infinities():
    assert audit(train=["inf", "-inf"] * 20) == []


def test_texts_among_numbers_are_told_apart_from_missing_ones(tmp_path):
    (tmp_path / "train").mkdir()
    odd = ["?!", "?!", "?!", "abc", "x" * 60, "d", "e", "f", "", ""]
    lines = ["x,label", *(f"{i / 7},{i / 3:.3f}" for i in range(290))]
    lines += [f"{i / 7},{t}" for i, t in enumerate(odd)]
    (tmp_path / "train" / "a.csv").write_text("\n".join(lines) + "\n")
    chosen = {"label": "label", "task": "regression", "select": ("LB003",)}
    found = sorted(datacheck.audit(tmp_path, settings=chosen).findings, key=lambda f: f.count)
    missing, texts = found
    assert missing.message == "2 of 300 labels (0.67%) are missing in train"
    said = "8 of 300 labels (2.7%) of train cannot be read as numbers: '?!', "
    assert texts.message.startswith(said)
    assert texts.message.endswith(" and 2 more")
    assert "x" * 41 not in texts.message
    assert next(iter(texts.evidence["texts"].items())) == ("?!", 3)
    assert len(texts.evidence["texts"]) == 5


def test_without_a_label_there_is_nothing_to_judge():
    frame = pl.DataFrame({"x": [0.5] * 9})
    labeled = frame.with_columns(label=pl.lit("a"))
    chosen = {"label": "label", "select": ("LB003",)}
    report = datacheck.audit({"train": frame, "test": labeled.clear()}, settings=chosen)
    assert report.outcomes[0].reason == "no split with rows has the label label"


# -- what stands for nothing ---------------------------------------------------------------------


def test_texts_that_say_that_there_is_none():
    y = ["cat", "dog"] * 20 + ["nan", "?", "nan"] + ["none", "unknown"]
    (one,) = audit(train=y, test=["cat", "dog"] * 9)
    assert one.message == (
        "3 of 45 labels (6.7%) of train say that there is none: 'nan' (2), '?' (1)"
    )
    assert one.evidence == {"texts": {"nan": 2, "?": 1}}
    assert one.splits == ("train",)


@pytest.mark.parametrize(
    ("text", "nothing"),
    [("nan", True), (" NaN ", True), ("None", True), ("none", False), ("na", False), ("NA", False),
     ("n/a", True), ("", True), ("nana", False)],
)  # fmt: skip
def test_small_none_and_na_may_be_classes(text, nothing):
    assert _is_nothing(text) == nothing


# -- indices -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "stray"),
    [
        ([-1, 0, 1, 2], "-1"), ([0, 1, 2, 255], "255"), ([1, 2, 3, 255], "255"),
        ([-1, 1, 2, 3], "-1"),
        ([-1, 0, 1], None),  # of three classes nothing is far from the others
        ([0, 1, 2, 14], None), ([0, 1, 2, 15], "15"),  # more than twice the last and ten
        ([1, 2, 3, 16], None), ([1, 2, 3, 17], "17"),
        ([0, 1, 2, 3], None), ([0, 1, 3, 255], None), ([2, 3, 4, 255], None),
        ([0, 2, 3, 4], None), ([-9, -1, 0, 1], None), ([-1, 0, 1, 3], None),
    ],
)  # fmt: skip
def test_an_index_far_from_a_run_of_classes(values, stray):
    assert _stray({str(v) for v in values}) == stray


def test_what_is_no_index_is_never_stray():
    assert _stray({"-1", "0", "1", "2", "x"}) is None
    assert _stray({"-1.0", "0", "1", "2"}) is None
    assert _stray(set()) is None


def test_the_finding_of_a_stray_index_in_full():
    (one,) = audit(train=[0, 1, 2] * 20 + [255] * 4, test=[0, 1, 2] * 9)
    assert one.message == "4 of 64 labels (6.2%) of train are 255, far from all other class indices"
    assert one.evidence == {"index": 255}
    assert one.splits == ("train",)


# -- spellings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [(">50K", ">50K.", True), (" Dog", "dog!", True), ("ab", "AB", False), ("abc", "ABC", True),
     ("a.", "a", True), ("+", "-", False), (".", ",", False), ("+1", "-1", False)],
)  # fmt: skip
def test_spellings_of_one_class(one, other, same):
    assert (_plain(one) == _plain(other)) == same


def test_the_finding_of_spellings_in_full():
    train = ["dog"] * 30 + ["cat"] * 30 + ["Dog"] * 2 + ["CAT"] * 30
    test = ["dog"] * 5 + ["dog."] * 4
    (one,) = audit(train=train, test=test)
    assert one.message == (
        "2 classes of label have two spellings (in train, test): 'Dog' for 'dog', 'cat' for 'CAT', "
        "'dog.' for 'dog'"
    )
    assert (one.count, one.total) == (2 + 30 + 4, 92 + 9)
    assert one.evidence["spellings"] == {
        "cat": {"cat": 30, "CAT": 30}, "dog": {"dog": 35, "Dog": 2, "dog.": 4},
    }  # fmt: skip
    assert [e.values["label"] for e in one.examples] == ["Dog", "cat", "dog."]
    (two,) = audit(train=["dog"] * 30 + ["cat"] * 30, test=["dog."] * 9)
    assert two.message == "1 class of label has two spellings (in test): 'dog.' for 'dog'"
    assert (two.count, two.total, two.splits) == (9, 9, ("test",))


def test_twenty_classes_are_listed():
    train = [f"name{i:02}" for i in range(25) for _ in range(4)]
    (one,) = audit(train=train, test=[f"Name{i:02}" for i in range(25) for _ in range(2)])
    assert list(one.evidence["spellings"]) == [f"name{i:02}" for i in range(20)]
