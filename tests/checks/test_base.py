"""What rules see of an audit: splits, columns, the label, summaries, samples."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest

from datacheck.checks.base import Context, NotApplicable
from datacheck.checks.codes import CODES
from datacheck.dataset import Column, Dataset, Kind, Role, Split, Task
from datacheck.findings import Repair, Severity


def context(rows, label=True, task: Task | None = Task.CLASSIFICATION, **summaries):
    columns = {"x": Column("x", Kind.NUMBER), "w": Column("w", Kind.CATEGORY)}
    if label:
        columns["y"] = Column("y", Kind.CATEGORY, Role.LABEL)
    splits = {s: Split(s, [], {c: k.kind for c, k in columns.items()}) for s in rows}
    held = {(s, key): cast(Any, v) for s, some in summaries.items() for key, v in some.items()}
    return Context(Dataset("d", splits, columns, task), rows, held)


def test_splits_are_those_with_rows():
    made = context({"train": 4, "val": 0, "test": 2})
    assert (made.train, made.evaluation, made.splits) == ("train", ["test"], ["train", "test"])
    assert made.total == 6
    assert made.pairs() == [("train", "test")]
    made = context({"train": 1, "val": 1, "test": 1})
    assert made.pairs() == [("train", "val"), ("train", "test")]
    assert context({"train": 0, "test": 2, "val": 1}).train is None
    assert context({"a": 3, "b": 2}).train is None
    assert context({"a": 3}).train == "a"


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ({"train": 3, "test": 0}, "two splits with rows"),
        ({"train": 3}, "two splits with rows"),
        ({"train": 0, "test": 3, "val": 3}, "needs a train split"),
        ({"a": 3, "b": 3}, "needs a train split"),
    ],
)
def test_pairs_need_train_and_another_split(rows, reason):
    with pytest.raises(NotApplicable, match=reason):
        context(rows).pairs()


def test_the_label_and_its_task():
    made = context({"train": 1})
    assert made.label().name == made.label(Task.CLASSIFICATION).name == "y"
    with pytest.raises(NotApplicable, match="the label y is not for regression"):
        made.label(Task.REGRESSION)
    assert context({"train": 1}, task=None).label().name == "y"
    with pytest.raises(NotApplicable, match="no label column is known"):
        context({"train": 1}, label=False).label()
    assert made.columns(Kind.NUMBER) == ["x"]
    assert made.columns(roles=(Role.LABEL,), splits=["train"]) == ["y"]


def test_summaries_are_found_by_split_kind_and_parameters():
    made = context(
        {"train": 3, "test": 3},
        train={"row_sample": "plain", "row_sample_more": "other", "moments": "m"},
        test={"row_sample(label='y')": "labeled", "values": "v"},
    )
    assert made.row_sample("train") == "plain"
    assert made.row_sample("test") == "labeled"
    assert made.get("row_sample", "test", (("label", "y"),)) == "labeled"
    assert made.moments("train") == "m"
    for missing in (lambda: made.row_hashes("train"), lambda: made.moments("test"),
                    lambda: made.row_sample("val")):  # fmt: skip
        with pytest.raises(KeyError):
            missing()
    only = context({"train": 3}, train={"row_samples": "x"})
    with pytest.raises(KeyError):
        only.row_sample("train")


def test_samples_are_made_once_and_known_to_be_samples():
    made = []

    def frame(with_rare=False):
        made.append(with_rare)
        return pl.DataFrame({"x": range(3 + with_rare)})

    rows = {"train": 3, "test": 4}
    held = {"row_sample": SimpleNamespace(frame=frame)}
    one = context(rows, train=held, test=held)
    assert one.sample("train") is one.sample("train")
    assert one.class_sample("train").height == 4
    assert one.class_sample("train") is one.class_sample("train")
    assert made == [False, True]
    assert (one.sampled("train"), one.sampled("test")) == (False, True)


def test_a_finding_has_what_its_rule_has_unless_told():
    rule = CODES["SL003"].load()()
    plain = rule.finding("said")
    assert (plain.rule, plain.name, plain.severity) == ("SL003", "empty-sequences", Severity.ERROR)
    assert (plain.count, plain.total, plain.unit, plain.why) == (0, 0, "rows", rule.why)
    assert (plain.repairs, plain.examples, plain.evidence) == (rule.repairs, (), {})
    own = [Repair("review-rows", "manual")]
    told = rule.finding(
        "said", count=2, total=7, severity=Severity.INFO, repairs=own, why="so", splits=["a"]
    )
    assert (told.count, told.total, told.severity, told.why) == (2, 7, Severity.INFO, "so")
    assert (told.repairs, told.splits) == (tuple(own), ("a",))
    assert rule.finding("said", repairs=[]).repairs == ()
