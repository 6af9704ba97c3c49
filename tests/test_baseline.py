"""A baseline: what an earlier report had does not fail again."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.baseline import divide, load
from datacheck.errors import UsageError
from datacheck.findings import Severity
from datacheck.report import json_
from tests.reports import HOSTILE, finding, hostile, report

TEXTS = st.lists(st.text(max_size=6) | st.sampled_from(HOSTILE), max_size=3).map(tuple)
FINDINGS = st.builds(
    lambda rule, splits, columns: finding(rule, splits=splits, columns=columns),
    st.sampled_from(["LK001", "MV001"]), TEXTS, TEXTS,
)  # fmt: skip


def written(made):
    """The keys that come back from the report as the command writes it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "known.json"
        path.write_text(json_.render(made, timing=False), encoding="utf-8")
        return load(path)


@given(st.lists(FINDINGS, max_size=5))
def test_a_report_is_known_to_itself(findings):
    made = report(*findings)
    known = written(made)
    assert set(known) == {f.key for f in made.findings}
    assert divide(made.findings, known) == ([], list(made.findings))


@given(st.lists(FINDINGS, max_size=5), st.lists(FINDINGS, max_size=5))
def test_new_and_known_make_up_the_whole(before, now):
    new, old = divide(now, written(report(*before)))
    assert [f for f in now if any(f is o for o in old)] == old
    assert [f for f in now if any(f is n for n in new)] == new
    assert len(new) + len(old) == len(now)
    assert not {f.key for f in new} & {f.key for f in before}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_known_again(text):
    made = hostile(text)
    assert divide(made.findings, written(made))[0] == []


def test_the_same_finding_is_told_by_rule_splits_and_columns():
    known = written(report(finding(columns=("a", "b"))))
    same = finding(
        columns=("b", "a"),
        splits=("test", "train"),
        message="other words",
        severity=Severity.INFO,
    )
    others = [
        finding("LK005", columns=("a", "b")),
        finding(columns=("a",)),
        finding(columns=("a", "b"), splits=("train",)),
    ]
    assert divide([same, *others], known) == (others, [same])


@given(st.integers(0, 300), st.integers(1, 300), st.integers(0, 300), st.integers(1, 300))
def test_what_has_grown_in_count_and_share_is_new(count, rows, later, later_rows):
    count, later = min(count, rows), min(later, later_rows)
    known = written(report(finding(count=count, total=rows)))
    now = finding(count=later, total=later_rows)
    grown = later > 1.1 * count and later / later_rows > 1.1 * (count / rows)
    assert divide([now], known) == (([now], []) if grown else ([], [now]))


def test_a_higher_severity_is_new_and_of_two_the_worse_was_accepted():
    mild, severe = (finding(severity=s) for s in (Severity.WARNING, Severity.ERROR))
    assert divide([severe], written(report(mild))) == ([severe], [])
    assert divide([mild], written(report(severe))) == ([], [mild])
    assert divide([severe], written(report(mild, severe))) == ([], [severe])


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("", "is not JSON"),
        ("x,y\n1,2\n", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is not a datacheck report"),
        ("{}", "is not a datacheck report"),
        ('{"version": 1, "findings": {}}', "is not a datacheck report"),
        ('{"version": 99, "findings": []}', "report of version 99"),
        ('{"findings": []}', "report of version None"),
        ('{"version": 1, "findings": [1]}', "holds what is no finding"),
        ('{"version": 1, "findings": [{"rule": "LK001"}]}', "holds what is no finding"),
        (
            json.dumps({"version": 1, "findings": [{"rule": "LK001", "splits": 3, "columns": []}]}),
            "holds what is no finding",
        ),
    ],
)
def test_what_is_no_baseline(tmp_path, content, part):
    path = tmp_path / "known.json"
    path.write_text(content)
    with pytest.raises(UsageError) as caught:
        load(path)
    assert part in caught.value.message
    assert "--write-baseline" in caught.value.hint


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "known.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="is not JSON"):
        load(path)
    with pytest.raises(UsageError, match="cannot read"):
        load(tmp_path)
