"""Findings and reports: their order, their numbers, and what they give away."""

import json
import math
from importlib.resources import files

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacheck.checks.codes import TABLE
from datacheck.findings import (
    MAX_EXAMPLES,
    MAX_VALUE_CHARS,
    Effect,
    Example,
    Finding,
    Outcome,
    Repair,
    Report,
    Severity,
    Status,
    clip,
    names,
    plain,
    tidy,
)
from tests.reports import HOSTILE, finding, report

SCHEMA = json.loads((files("datacheck.report") / "schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

# -- anything that a rule could say -----------------------------------------------------------

TEXT = st.text(max_size=5) | st.sampled_from(HOSTILE)
TEXTS = st.lists(TEXT, max_size=2).map(tuple)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.dates()
    | st.floats(width=32).map(np.float32) | st.integers(-9, 9).map(np.int64)
    | st.booleans().map(np.bool_)
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=5,
)
COUNTS = st.integers(0, 10**12)
EFFECTS = st.builds(Effect, TEXT, st.floats(), st.floats(), st.floats(), st.floats())
EXAMPLES = st.builds(Example, TEXTS, st.dictionaries(TEXT, VALUES, max_size=2))
REPAIRS = st.builds(Repair, TEXT, st.sampled_from(["safe", "unsafe", "manual"]))
LINES = st.sampled_from(TABLE)
FINDINGS = st.builds(
    lambda line, **rest: Finding(line.code, line.name, **rest),
    LINES,
    severity=st.sampled_from(Severity),
    message=st.text(min_size=1, max_size=20),
    why=TEXT,
    splits=TEXTS,
    columns=TEXTS,
    count=COUNTS | COUNTS.map(np.int64),
    total=COUNTS,
    effect=st.none() | EFFECTS,
    evidence=st.dictionaries(TEXT, VALUES, max_size=2),
    examples=st.lists(EXAMPLES, max_size=2).map(tuple),
    repairs=st.lists(REPAIRS, max_size=2).map(tuple),
)
OUTCOMES = st.builds(
    lambda line, *rest: Outcome(line.code, *rest), LINES, st.sampled_from(Status), TEXT
)
REPORTS = st.builds(
    lambda findings, **rest: report(*findings, **rest),
    st.lists(FINDINGS, max_size=2),
    outcomes=st.lists(OUTCOMES, max_size=2),
    assumptions=TEXTS,
    suppressed=st.lists(st.tuples(FINDINGS, st.text(min_size=1, max_size=5)), max_size=1),
)

SHORT = st.builds(  # where only what is sorted by matters
    lambda line, severity, splits, columns: finding(
        line.code, severity, splits=splits, columns=columns
    ),
    LINES, st.sampled_from(Severity), TEXTS, TEXTS,
)  # fmt: skip

# -- order ------------------------------------------------------------------------------------


@given(st.lists(SHORT, max_size=6), st.randoms())
def test_the_order_of_a_report_does_not_depend_on_the_order_of_arrival(findings, random):
    shuffled = random.sample(findings, len(findings))
    keys = [
        [(f.severity.rank, f.rule, f.splits, f.columns, f.message) for f in report(*some).findings]
        for some in (findings, shuffled)
    ]
    assert keys[0] == keys[1] == sorted(keys[0])


@given(st.lists(SHORT, max_size=6))
def test_at_least_and_of_choose_and_keep_the_order(findings):
    made = report(*findings)
    for severity in Severity:
        worse = made.at_least(severity)
        assert worse == list(made.findings)[: len(worse)]
        assert all(f.severity.rank > severity.rank for f in list(made.findings)[len(worse) :])
    assert made.of("LK", "MV001") == [
        f for f in made.findings if f.rule[:2] == "LK" or f.rule == "MV001"
    ]


def test_severities_are_ordered():
    assert sorted(Severity, key=lambda s: s.rank) == ["error", "warning", "info"]


# -- JSON -------------------------------------------------------------------------------------


@given(REPORTS)
def test_json_keeps_the_contract_whatever_a_rule_says(made):
    parsed = json.loads(made.to_json(), parse_constant=pytest.fail)
    VALIDATOR.validate(parsed)
    assert len(parsed["findings"]) == len(made.findings)
    short = json.loads(made.to_json(timing=False))
    assert {**parsed, "timing": None, "versions": None} == {
        **short, "timing": None, "versions": None,
    }  # fmt: skip
    assert "timing" not in short
    assert "versions" not in short


@given(REPORTS)
def test_the_same_report_is_the_same_text(made):
    again = Report(
        made.dataset,
        list(reversed(list(made.findings))),
        made.outcomes,
        made.assumptions,
        suppressed=made.suppressed,
    )
    if len({(*f.key, f.severity, f.message) for f in made.findings}) == len(made.findings):
        assert again.to_json(timing=False) == made.to_json(timing=False)


def test_not_checked_is_what_failed_or_could_not_apply():
    made = report()
    assert [o.rule for o in made.not_checked] == ["SL001", "SL002", "NM003"]
    assert {line["status"] for line in made.to_dict()["not_checked"]} == {
        "failed",
        "not applicable",
    }


def test_examples_are_few():
    many = tuple(Example((f"a:{i}",)) for i in range(20))
    assert len(finding(examples=many).to_dict()["examples"]) == MAX_EXAMPLES


# -- frame ------------------------------------------------------------------------------------

COLUMNS = [
    "rule", "name", "severity", "splits", "columns", "count", "total", "share", "unit",
    "metric", "value", "low", "high", "threshold", "message", "repairs",
]  # fmt: skip


@given(st.lists(FINDINGS, max_size=2))
def test_a_frame_has_a_row_for_each_finding(findings):
    made = report(*findings)
    frame = made.to_frame()
    assert list(frame.columns) == COLUMNS
    assert list(frame["rule"]) == [f.rule for f in made.findings]
    for message, one in zip(frame["message"], made.findings, strict=True):
        assert message == one.message.encode("utf-8", "backslashreplace").decode("utf-8")
    assert list(frame["count"]) == [f.count for f in made.findings]


def test_what_a_frame_holds():
    (row,) = report(finding(columns=("a", "b"))).to_frame().to_dict("records")
    assert row["splits"] == "train, test"
    assert row["columns"] == "a, b"
    assert row["metric"] == "share"
    assert row["threshold"] == 0.0
    assert row["repairs"] == "drop-from-train, resplit"


# -- a finding --------------------------------------------------------------------------------


@given(COUNTS, COUNTS)
def test_share(count, total):
    share = finding(count=count, total=total).share
    assert share == (count / total if total else 0)


@given(TEXTS, TEXTS)
def test_the_key_knows_no_order(splits, columns):
    one = finding(splits=splits, columns=columns)
    other = finding(splits=splits[::-1], columns=columns[::-1], count=1, message="x")
    assert one.key == other.key


# -- values -----------------------------------------------------------------------------------


@given(VALUES | st.lists(SCALARS, min_size=20, max_size=22))
def test_clip_gives_json_and_is_done_once(value):
    once = clip(value)
    assert json.loads(json.dumps(once, allow_nan=False)) == once
    assert clip(once) == once or _lists_were_cut(once)


def _lists_were_cut(value):
    """A list that was cut says so in one more item, which is cut again."""
    if isinstance(value, dict):
        return any(_lists_were_cut(v) for v in value.values())
    return isinstance(value, list) and (len(value) > 20 or any(_lists_were_cut(v) for v in value))


@given(st.text())
def test_clip_cuts_text(text):
    cut = clip(text)
    assert len(cut) <= MAX_VALUE_CHARS
    assert cut == text if len(text) <= MAX_VALUE_CHARS else text.startswith(cut[:-1])


def test_clip_says_what_it_left_out():
    assert clip(list(range(25)))[-2:] == [19, "… 5 more"]
    assert clip("x" * 81) == "x" * 79 + "…"
    assert clip((1, (2.0, None))) == [1, [2.0, None]]


@given(st.floats())
def test_tidy_keeps_six_digits_and_no_more(value):
    short = tidy(value)
    if not math.isfinite(value):
        assert short is None
    else:
        assert isinstance(short, float)
        assert short == pytest.approx(value, rel=5e-6, abs=0) or abs(value) < 1e-300
        assert tidy(short) == short


@given(st.text() | st.sampled_from(HOSTILE))
def test_plain_steers_no_terminal_and_changes_nothing_else(text):
    shown = plain(text)
    assert shown.isprintable()
    assert plain(shown) == shown
    assert shown.encode("utf-8").decode("utf-8") == shown
    if text.isprintable():
        assert shown == text


@given(st.lists(st.text(max_size=3), max_size=8), st.integers(1, 5))
def test_names_lists_a_few_and_counts_the_rest(items, limit):
    text = names(items, limit)
    assert text.startswith(", ".join(items[:limit]))
    assert text.endswith(f" and {len(items) - limit} more") is (len(items) > limit)


# -- how a report shows itself ----------------------------------------------------------------


def test_repr():
    made = report(finding(), finding("MV005", Severity.INFO, message="a\x1b[31m"))
    assert repr(made).splitlines() == [
        "Report(adult: 1 error, 1 info)",
        "  LK001 error   23 of 16,281 test rows have the same features as a train row",
        "  MV005 info    a\\x1b[31m",
    ]
    assert repr(report()) == "Report(adult: clean)"
    assert repr(report(*[finding()] * 25)).splitlines()[-1] == "  … and 5 more"


@settings(max_examples=40, deadline=None)
@given(REPORTS)
def test_every_report_can_be_shown(made):
    from datacheck.report import terminal

    assert repr(made)
    assert made._repr_html_().startswith('<div class="dc notebook">')
    assert made.to_html().endswith("</html>\n")
    shown = terminal.render(made, width=60)
    assert all(c.isprintable() or c == "\n" for c in shown)
