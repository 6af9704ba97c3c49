"""Chance as an explanation: no alarm on random splits with a long tail, and one when it is none."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import datacheck
from datacheck.checks.balance.class_missing_from_split import unlikely
from datacheck.findings import Status


def counts(values: Any) -> dict[str, int]:
    return {str(k): n for k, n in Counter(values.tolist()).items()}


def test_random_splits_of_a_long_tail_raise_no_alarm():
    rng = np.random.default_rng(0)
    for again in range(300):
        labels = rng.zipf(1.5, 400) % 200
        rng.shuffle(labels)
        cut = (100, 200, 350)[again % 3]
        for has, lacks in ((labels[:cut], labels[cut:]), (labels[cut:], labels[:cut])):
            assert unlikely(counts(has), counts(lacks), tests=2)[1] > 0.005


def test_two_classes_together_are_unlikely_where_each_alone_is_not():
    missing, chance = unlikely({"a": 38, "b": 37, "c": 37}, {"a": 12})
    assert set(missing) == {"b", "c"}
    assert chance < 1e-4
    assert unlikely({"a": 75, "b": 37}, {"a": 12})[1] > 0.005


def test_tail_classes_are_not_blamed_beside_a_large_one():
    has = {"a": 500, "b": 400, **{f"rare{i}": 1 for i in range(20)}}
    missing, chance = unlikely(has, {"a": 200})
    assert set(missing) == {"b"}
    assert chance < 1e-10


def union_bound(has, lacks, tests):
    """Of each number of largest missing classes: the chance by counting all ways to deal."""
    missing = sorted((n for c, n in has.items() if c not in lacks), reverse=True)
    m, total = sum(lacks.values()), sum(has.values()) + sum(lacks.values())
    k = len(set(has) | set(lacks))
    return [
        Fraction(math.comb(total - sum(missing[:size]), m), math.comb(total, m))
        * math.comb(k, size) * k * tests
        for size in range(1, len(missing) + 1)
    ]  # fmt: skip


COUNTS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 30), min_size=1)


MANY = {f"s{i}": 3 for i in range(12)}


@given(COUNTS, COUNTS, st.integers(1, 6))
@example({"a": 30, "b": 2, "s0": 4, "s1": 4}, MANY, 2)  # b too would be no accident, but a is less
def test_the_chance_is_that_of_counting_all_ways_to_deal_the_rows(has, lacks, tests):
    named, chance = unlikely(has, lacks, tests)
    bounds = union_bound(has, lacks, tests)
    if not bounds:
        assert (named, chance) == ({}, 1.0)
        return
    assert chance == pytest.approx(float(min(*bounds, 1, 1)), rel=1e-9)
    missing = sorted((c for c in has if c not in lacks), key=lambda c: (-has[c], c))
    chosen = missing[: bounds.index(min(bounds)) + 1]
    share = Fraction(sum(has.values()), sum(has.values()) + sum(lacks.values()))
    unlikely_alone = [c for c in chosen if share ** has[c] < Fraction(1, 2)]
    assert named == {c: has[c] for c in unlikely_alone or chosen}


def test_classes_that_may_well_be_absent_alone_are_named_only_where_there_are_no_others():
    """Half of the rows are here, so that a class of one row is absent there half of the time."""
    tail = {f"t{i}": 1 for i in range(30)}
    named, chance = unlikely({"two": 2, **tail}, {"z": 32})
    assert named == {"two": 2}
    assert chance < 1e-10
    assert unlikely(tail, {"z": 30})[0] == tail
    # With one row more here than there, one row is absent there a little more than half the time.
    assert unlikely({"two": 2, **tail}, {"z": 31})[0] == {"two": 2}
    assert unlikely({"two": 2, **tail}, {"z": 33})[0] == {"two": 2, **tail}


def audit(train, test, *, more=None, **options):
    splits = {"train": train, "test": test, **(more or {})}
    frames = {
        s: pl.DataFrame({"x": 0.5, "label": [c for c, n in y.items() for _ in range(n)]})
        for s, y in splits.items()
    }
    chosen = {"label": "label", "task": "classification", "select": ("CB003",)}
    report = datacheck.audit(frames, settings={**chosen, "rules": {"CB003": options}})
    assert report.outcomes[0].status is not Status.FAILED
    return report.findings


def test_the_finding_of_a_missing_class_in_full():
    train, test = {"a": 60, "b": 30, "c": 30}, {"a": 30, "d": 12}
    (one,) = audit(train, test)
    p = float(min(union_bound(train, test, 2)))
    q = float(min(union_bound(test, train, 2)))
    assert one.effect.value == one.effect.high == pytest.approx(min(p, q))
    assert (one.effect.low, one.effect.threshold) == (0, 0.005)
    assert one.message == (
        "test lacks 2 of 3 classes of label: 'b' (30 rows in train), 'c' (30 rows in train); "
        "train lacks 1 of 2 classes of label: 'd' (12 rows in test)"
    )
    assert (one.count, one.total, one.unit) == (3, 4, "classes")
    assert one.evidence["missing"] == {"test": ["b", "c"], "train": ["d"]}
    assert one.evidence["rows"] == {"test": 60, "train": 12}
    assert one.evidence["spellings"] == []
    assert [r.name for r in one.repairs] == ["stratified-resplit"]


def test_more_splits_are_more_tests_and_the_border_itself_is_chance():
    train, test = {"a": 100, "b": 30}, {"a": 40}
    p = unlikely(train, test, 2)[1]
    assert not audit(train, test, chance=p)
    assert len(audit(train, test, chance=math.nextafter(p, 1))) == 1
    same = {"valid": {"a": 40, "b": 12}}
    again = audit(train, test, more=same, chance=1.0)
    assert [f.splits for f in again] == [("train", "test")]
    assert again[0].effect.value == pytest.approx(2 * p)


def test_spellings_are_told_and_what_is_none_beside_them():
    train, test = {"Red": 60, "green-ish": 50, "blue": 40}, {"red.": 30, "green ish": 30}
    (one,) = audit(train, test)
    assert one.message == (
        "train and test share no class of label; classes of label look like two spellings of one: "
        "'Red' and 'red.', 'green-ish' and 'green ish'; test lacks 3 of 3 classes of label: 'Red' "
        "(60 rows in train), 'green-ish' (50 rows in train), 'blue' (40 rows in train)"
    )
    assert one.evidence["spellings"] == [["Red", "red."], ["green-ish", "green ish"]]
    assert [r.name for r in one.repairs] == ["unify-class-names"]
    (two,) = audit({"Red": 60, "blue": 60}, {"red.": 30, "blue": 30})
    assert two.message == "classes of label look like two spellings of one: 'Red' and 'red.'"
    (three,) = audit({"Red": 60, "blue": 60}, {"red.": 60, "grey": 60})
    assert [said.partition(" ")[0] for said in three.message.split("; ")] == [
        "train", "classes", "test", "train",
    ]  # fmt: skip


def test_a_split_without_labels_is_left_out():
    train, test = {"a": 60, "b": 60}, {"a": 60}
    unlabeled = pl.DataFrame({"x": np.arange(9) * 0.5})
    for bare in (unlabeled, unlabeled.with_columns(label=pl.lit(None, pl.String))):
        frame = {
            s: pl.DataFrame({"x": 0.5, "label": [c for c, n in y.items() for _ in range(n)]})
            for s, y in (("train", train), ("test", test))
        }
        chosen = {"label": "label", "task": "classification", "select": ("CB003",)}
        found = datacheck.audit({**frame, "valid": bare}, settings=chosen).findings
        assert [f.splits for f in found] == [("train", "test")]
        two = {"train": frame["train"], "test": bare}
        (outcome,) = datacheck.audit(two, settings=chosen).outcomes
        assert outcome.reason == "needs labels in train and in another split"
