"""LK004: its figures and its borders."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.checks.stats import wilson
from datacheck.findings import Status


def audit(train, test, *, low=0.01, sample=None, more=None, **columns):
    frames = {}
    for s, values in (("train", train), ("test", test)):
        x = np.arange(len(values)) + 0.5
        own = {c: v[s] for c, v in columns.items()}
        frames[s] = pl.DataFrame({"when": np.asarray(values, dtype=float), "x": x, **own})
    chosen = {"time": "when", "select": ("LK004",), "rules": {"LK004": {"min_share": low}}}
    chosen |= {"sample": sample} if sample else {}
    chosen |= {c: c for c in columns}
    report = datacheck.audit(frames, settings=chosen)
    assert report.outcomes[0].status is not Status.FAILED
    return report.findings


def test_the_finding_in_full():
    train, test = [*range(10, 20), 100], [5, 8, 12, 99, 100, 101, 250, 300]
    (one,) = audit(train, test)
    assert one.message == "4 of 8 rows of test (50.0%) lie before the last row of train (100)"
    assert (one.count, one.total) == (4, 8)
    assert (one.effect.value, one.effect.low, one.effect.high) == (0.5, 0.5, 0.5)
    assert one.effect.threshold == 0.01
    assert one.evidence == {
        "first_of_train": "10", "last_of_train": "100", "first_of_test": "5", "last_of_test": "300",
        "share_before_first_train_row": 0.25,
        "share_of_train_after_first_evaluation_row": 1.0,
    }  # fmt: skip
    assert [e.addresses for e in one.examples] == [(f"test:{i}",) for i in range(4)]


def test_a_row_at_the_same_moment_as_the_last_is_not_before_it():
    assert audit([1, 2, 9], [9, 10, 11]) == []
    (one,) = audit([1, 2, 9], [8, 9, 10])
    assert one.count == 1


def test_the_shares_of_the_evidence_are_strict():
    (one,) = audit([4, 5, 6, 9], [4, 5, 3, 2])
    assert one.evidence["share_before_first_train_row"] == 0.5
    (two,) = audit([4, 5, 6, 9], [4, 5, 20])
    assert two.evidence["share_of_train_after_first_evaluation_row"] == 0.75


@pytest.mark.parametrize(("rows", "found"), [(100, 1), (101, 0)])
def test_one_row_in_a_hundred_matters(rows, found):
    assert len(audit([1, 5, 10], [3, *range(20, 19 + rows)])) == found


def test_all_rows_may_be_early_and_before_all_of_train():
    (one,) = audit(range(20, 40), [*range(5), 19])
    assert one.message == (
        "all rows of test (100.0%) lie before the last row of train (39), and all before its "
        "first (20)"
    )
    (two,) = audit(range(20, 40), [*range(5), 20])
    assert "all before" not in two.message


@pytest.mark.parametrize(
    ("train", "test", "random"),
    [
        (range(25), [0.5, 1.5, *range(2, 25)], True),  # apart by 0.08
        (range(10), [0.5, *range(1, 10)], False),  # by 0.1 exactly
        (range(20), [2.1, 2.2, 2.3, *range(3, 20)], False),
    ],
)
def test_times_that_are_distributed_alike_are_a_random_split(train, test, random):
    (one,) = audit(train, test)
    assert one.message.endswith(": the split is random in time") == random


def test_what_is_no_time_does_not_count():
    nan = math.nan
    (one,) = audit([10, nan, 20, math.inf], [nan, 5, 15, math.inf, 25, 30])
    assert one.message.startswith("2 of 4 rows of test (50.0%) lie before the last row of train")
    assert audit([nan, nan, nan], [1, 2, 3]) == []
    assert audit([1, 2, 3], [nan, nan, nan]) == []


def test_at_most_five_examples():
    (one,) = audit([0, 100], range(50, 60))
    assert [e.addresses for e in one.examples] == [(f"test:{i}",) for i in range(5)]


def test_of_a_sample_the_lower_end_counts():
    rng = np.random.default_rng(0)
    train, test = rng.permutation(np.arange(4000.0)), rng.permutation(np.arange(2000.0, 6000))
    (one,) = audit(train, test, sample=400)
    k = round(one.effect.value * 400)
    assert one.effect.value == k / 400
    low, high = wilson(k, 400)
    assert (one.effect.low, one.effect.high) == (low, high)
    assert one.count == round(k / 400 * 4000)
    assert one.message.startswith(f"about {one.count:,} of 4,000 rows of test")
    assert audit(train, test, sample=400, low=low)
    assert not audit(train, test, sample=400, low=math.nextafter(low, 1))
    early = audit(train + 9000, test, sample=400)
    assert early[0].message.startswith("about 4,000 of 4,000 rows of test (100.0%)")


def test_rows_before_their_own_entity():
    """At the same moment is not before; who has no entity, or one that train lacks, is not."""
    users = {"train": ["a", "a", "b", None, "b"], "test": ["a", "a", "b", None, "c", "a"]}
    (one,) = audit([1, 8, 5, 90, math.nan], [7, 8, 6, 3, 4, 2], group=users)
    assert one.evidence["rows_before_their_entity"] == 2
    assert one.evidence["entities_before_their_entity"] == 1
    assert one.message.endswith("; 2 lie before the last train row of their own group")
    none = {"train": ["a"] * 3, "test": ["b"] * 3}
    (two,) = audit([1, 5, 9], [2, 3, 4], group=none)
    assert "their own" not in two.message
    rng = np.random.default_rng(0)
    many = {"train": ["a", "b"] * 200, "test": ["a", "b"] * 50}
    times = rng.permutation(np.arange(400.0)), rng.permutation(np.arange(100.0))
    (three,) = audit(*times, sample=150, group=many)
    assert "; 100 of the sampled rows lie before" in three.message
