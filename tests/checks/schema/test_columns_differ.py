"""SC001: which columns are lacking, where, and under which other name they may be there."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.checks.schema.columns_differ import _renamed
from datacheck.findings import Severity


def audit(splits, **settings):
    rng = np.random.default_rng(0)
    frames = {
        s: pl.DataFrame({c: rng.normal(size=n) for c in columns})
        for s, (n, *columns) in splits.items()
    }
    report = datacheck.audit(frames, settings={"select": ["SC001"], "label": "label", **settings})
    return report.findings, report.outcomes[0].reason


def test_a_column_that_a_split_lacks():
    (one,), _ = audit({"train": (40, "a", "b", "label"), "test": (40, "a", "label")})
    assert one.message == "test lacks 1 column that train has: b"
    assert (one.splits, one.columns, one.count, one.total) == (("test",), ("b",), 1, 3)
    assert one.evidence == {"in": ["train"], "not_in": ["test"], "perhaps_renamed": {}}


def test_columns_that_the_same_splits_lack_are_one_finding():
    found, _ = audit({
        "train": (40, "a", "b", "c", "d", "label"),
        "validation": (40, "a", "d", "label"),
        "test": (40, "a", "label"),
    })  # fmt: skip
    assert [f.message for f in found] == [
        "test lacks 1 column that train and validation have: d"
        if "and validation" in found[0].message
        else "test lacks 1 column that train, validation have: d",
        "validation, test lack 2 columns that train has: b, c",
    ]


def test_a_new_name_is_told_with_the_old_one_and_not_again():
    (one,), _ = audit({"train": (40, "Age", "b", "label"), "test": (40, "age", "b", "label")})
    assert one.message == "test lacks 1 column that train has: Age (age there)"
    assert one.evidence["perhaps_renamed"] == {"Age": "age"}
    found, _ = audit({"train": (40, "Age", "b", "label"), "test": (40, "age", "b", "z", "label")})
    assert [f.message for f in found] == [
        "test lacks 1 column that train has: Age (age there)",
        "train lacks 1 column that test has: z",
    ]


def test_a_label_that_only_the_evaluation_lacks_is_worth_a_note():
    (one,), _ = audit({"train": (40, "a", "label"), "test": (40, "a")})
    assert one.message == "test has no label label: no score can be computed there"
    assert (one.severity, one.columns, one.count, one.total) == (Severity.INFO, ("label",), 1, 2)
    assert one.evidence == {"not_in": ["test"]}
    assert one.repairs == ()
    (one,), _ = audit({"train": (40, "a", "label"), "a": (40, "a"), "test": (40, "a")})
    assert one.message.startswith("a, test have no label label")
    (one,), _ = audit({"train": (40, "a"), "test": (40, "a", "label")})
    assert one.message == "train lacks 1 column that test has: label"
    assert one.severity is not Severity.INFO


def test_ignored_columns_and_their_order_are_no_difference():
    both = {"train": (40, "a", "b", "label"), "test": (40, "label", "a")}
    assert audit(both, ignore_column=("b",))[0] == []
    both = {"train": (40, "a", "b", "label"), "test": (40, "label", "b", "a")}
    assert audit(both) == ([], "")


def test_one_split_has_nothing_to_compare_with():
    assert audit({"train": (40, "a", "label")}) == ([], "needs two splits with rows")


@pytest.mark.parametrize(
    ("one", "other"),
    [("Age", "age"), ("blood pressure", "blood_pressure"), ("x-1", "X1"), ("lactate", "lactat"),
     ("weight", "weights"), ("§", "§")],
)  # fmt: skip
def test_names_are_alike_but_for_case_marks_or_a_letter(one, other):
    assert _renamed([one], ["something", other]) == {one: other}


@pytest.mark.parametrize(("one", "other"), [("age", "sex"), ("abcd", "abxy"), ("§", "$")])
def test_other_names_are_not(one, other):
    assert _renamed([one], [other]) == {}
    assert _renamed([one], []) == {}


def test_names_are_alike_in_four_of_five_letters():
    assert _renamed(["abcde"], ["abcdx"]) == {"abcde": "abcdx"}
    assert _renamed(["abcd"], ["abcx"]) == {}
    assert _renamed(["abcdefgh"], ["abcdefxy"]) == {}


def test_each_name_is_taken_once_the_same_before_the_like():
    assert _renamed(["weight", "weighs"], ["weights"]) == {"weight": "weights"}
    assert _renamed(["weights"], ["weight", "WEIGHTS"]) == {"weights": "WEIGHTS"}


def test_beyond_fifty_columns_the_table_is_another():
    columns = [f"column {i}" for i in range(60)]
    upper = [c.upper() for c in columns]
    assert len(_renamed(columns[:50], upper[:50])) == 50
    assert _renamed(columns[:51], upper[:1]) == {}
    assert _renamed(columns[:1], upper[:51]) == {}
