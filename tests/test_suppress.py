"""Findings that are accepted: which, and which not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.config import Suppression
from datacheck.errors import UsageError
from datacheck.suppress import apply_suppressions, matches
from tests.reports import finding

COLUMNS = st.lists(st.sampled_from("abcd"), unique=True).map(tuple)
SPLITS = st.lists(st.sampled_from(["train", "test"]), unique=True).map(tuple)
RULES = st.sampled_from([("LK001", "duplicate-rows-across-splits"), ("MV001", "missing-values")])
FINDINGS = st.builds(
    lambda rule, columns, splits: finding(rule[0], name=rule[1], columns=columns, splits=splits),
    RULES, COLUMNS, SPLITS,
)  # fmt: skip
SUPPRESSIONS = st.builds(
    Suppression,
    st.sampled_from(["LK001", "lk001", "MV", "missing-values", "SL001"]),
    COLUMNS,
    SPLITS,
    st.sampled_from(["known", "allowed"]),
)


@pytest.mark.parametrize("rule", ["LK001", " lk001 ", "LK", "duplicate-rows-across-splits"])
def test_a_rule_by_code_family_or_name(rule):
    assert matches(Suppression(rule, reason="x"), finding())


@pytest.mark.parametrize("rule", ["LK005", "MV", "L", "LK00", "duplicate-rows"])
def test_not_another_rule(rule):
    assert not matches(Suppression(rule, reason="x"), finding())


@pytest.mark.parametrize(
    ("allowed", "present", "hit"),
    [
        ((), ("a",), True),
        ((), (), True),
        (("a",), ("a",), True),
        (("a", "b"), ("a",), True),
        (("a",), ("a", "b"), False),  # one of thirty columns does not hide the thirty
        (("a",), ("b",), False),
        (("a",), (), False),  # a finding about whole rows is not about that column
    ],
)
def test_no_further_columns_and_no_further_splits(allowed, present, hit):
    by_column = Suppression("LK001", columns=allowed, reason="x")
    assert matches(by_column, finding(columns=present)) is hit
    by_split = Suppression("LK001", splits=allowed, reason="x")
    assert matches(by_split, finding(splits=present)) is hit


@given(st.lists(FINDINGS, max_size=6), st.lists(SUPPRESSIONS, max_size=4))
def test_every_finding_is_kept_or_suppressed_with_a_reason(findings, suppressions):
    kept, suppressed, unused = apply_suppressions(findings, suppressions)
    assert sorted(map(id, [*kept, *(f for f, _ in suppressed)])) == sorted(map(id, findings))
    assert [f for f in findings if f in kept] == kept  # in the order they came
    for one, reason in suppressed:
        assert reason == next(s.reason for s in suppressions if matches(s, one))
    assert not any(matches(s, f) for s in suppressions for f in kept)
    assert unused == [str(s) for s in suppressions if not any(matches(s, f) for f in findings)]


@given(st.lists(FINDINGS, max_size=6), st.lists(SUPPRESSIONS, max_size=4))
def test_suppressing_twice_changes_nothing(findings, suppressions):
    kept, _, _ = apply_suppressions(findings, suppressions)
    assert apply_suppressions(kept, suppressions)[0] == kept


def test_two_suppressions_of_one_finding_are_both_used():
    both = [Suppression("LK", reason="a"), Suppression("LK001", reason="b")]
    kept, suppressed, unused = apply_suppressions([finding()], both)
    assert (kept, suppressed, unused) == ([], [(finding(), "a")], [])


def test_a_rule_that_did_not_run_leaves_no_suppression_unused():
    some = [Suppression("MV001", reason="a"), Suppression("LK", reason="b")]
    assert apply_suppressions([], some)[2] == ["MV001", "LK"]
    assert apply_suppressions([], some, ran={"LK005"})[2] == ["LK"]
    assert apply_suppressions([], some, ran=())[2] == []


def test_a_rule_that_does_not_exist():
    with pytest.raises(UsageError, match="no rule 'XX1'"):
        apply_suppressions([], [Suppression("XX1", reason="x")], ran={"LK001"})
