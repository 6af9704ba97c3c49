"""SARIF, JUnit, GitHub's workflow commands and Markdown: valid, complete, and text stays text."""

import json
import os
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from datacheck.checks.codes import CODES
from datacheck.config import Config
from datacheck.findings import Example, Outcome, Severity, Status
from datacheck.report import github, junit, markdown, sarif
from datacheck.report.formats import FORMS, Rendering, form_of
from datacheck.report.where import Place, Where
from tests.reports import HOSTILE, finding, hostile, report

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = Path(os.environ.get("DATACHECK_SARIF_SCHEMA", ROOT / ".venv/share/sarif-2.1.0.json"))


@pytest.fixture(scope="module")
def clinic():
    from datacheck.auditing import run_audit

    return run_audit(str(ROOT / "fixtures" / "clinic"), Config())


@pytest.fixture
def here(monkeypatch):
    monkeypatch.chdir(ROOT)
    return Where.of("fixtures/clinic")


# -- where --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("train/train.csv:12", Place("fixtures/clinic/train.csv", 12)),
        ("train.csv:12", Place("fixtures/clinic/train.csv", 12)),
        ("test/test.csv", Place("fixtures/clinic/test.csv")),
        ("elsewhere/a.csv:3", None),
        ("", None),
    ],
)
def test_address_becomes_a_file_below_the_working_folder(here, address, place):
    assert here.place(address) == place


def test_splits_that_are_named_and_files(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "a:1.csv").write_text("x")
    (tmp_path / "b.parquet").write_text("x")
    where = Where.of({"train": "shards", "test": Path("b.parquet")})
    assert where.place("train/a:1.csv:7") == Place("shards/a:1.csv", 7)
    assert where.place("test/b.parquet:7") == Place("b.parquet", 0)  # a row is no line there
    assert Where.of(tmp_path / "b.parquet").place("data/b.parquet:7") == Place("b.parquet", 0)
    assert Where.of([1, 2]).places(finding()) == []


# -- SARIF --------------------------------------------------------------------------------------


def validated(text):
    told = json.loads(text)
    if SCHEMA.is_file():
        from jsonschema.validators import validator_for

        schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
        errors = list(validator_for(schema)(schema).iter_errors(told))
        assert not errors, errors[0].message
    return told["runs"][0]


def test_the_standard_schema_is_there_to_validate_against():
    if not SCHEMA.is_file():
        pytest.skip("the schema of SARIF is not installed: `make sarif-schema` (needs npm) does")
    assert "2.1.0" in json.loads(SCHEMA.read_text())["title"]


def test_sarif_of_a_real_audit(clinic, here):
    run = validated(sarif.render(clinic, here))
    assert [r["ruleId"] for r in run["results"]] == [f.rule for f in clinic.findings]
    rules = run["tool"]["driver"]["rules"]
    for result, found in zip(run["results"], clinic.findings, strict=True):
        assert rules[result["ruleIndex"]]["id"] == found.rule
        assert result["level"] == {"error": "error", "warning": "warning", "info": "note"}[
            found.severity.value
        ]
        (location,) = result["locations"]
        path = location["physicalLocation"]["artifactLocation"]["uri"]
        assert (ROOT / path).exists()
    rows = [
        r["locations"][0]["physicalLocation"] for r in run["results"] if r["ruleId"] == "LK001"
    ]
    assert rows[0]["artifactLocation"]["uri"].endswith(".csv")
    assert rows[0]["region"]["startLine"] > 1
    prints = [r["partialFingerprints"]["datacheck/v1"] for r in run["results"]]
    assert len(set(prints)) == len({f.key for f in clinic.findings})
    assert sarif.render(clinic, here) == sarif.render(clinic, here)


def test_sarif_tells_baseline_suppressions_and_crashes():
    known, new = finding(), finding("MV001", Severity.WARNING)
    made = report(known, new, suppressed=[(finding("LB004"), "as agreed")])
    run = validated(sarif.render(made, Where(), [known]))
    assert [r.get("baselineState") for r in run["results"][:2]] == ["unchanged", None]
    assert run["results"][2]["suppressions"] == [
        {"kind": "external", "justification": "as agreed"}
    ]
    (failed,) = run["invocations"][0]["toolExecutionNotifications"]
    assert "NM003 failed: ValueError: x" in failed["message"]["text"]


def test_paths_are_escaped(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "100%é.csv").write_text("x")
    shown = finding(examples=(Example(("train/100%é.csv:3",)),))
    (result,) = validated(sarif.render(report(shown), Where("a b")))["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20b/100%25%C3%A9.csv"
    assert place["region"] == {"startLine": 3}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_in_every_form(text, tmp_path):
    made = hostile(text)
    where = Where(str(tmp_path))
    for name, form in FORMS.items():
        shown = form(made, Rendering(where))
        assert "\x1b" not in shown or name == "json", name
    validated(sarif.render(made, where))
    ET.fromstring(junit.render(made).encode("utf-8", "replace"))
    lines = github.render(made, where).splitlines()
    assert all(re.match(r"::(error|warning|notice) |datacheck: ", line) for line in lines)
    assert "<script" not in markdown.render(made)
    assert "<img" not in markdown.render(made)


def test_a_file_name_does_not_reach_the_terminal_of_a_log(tmp_path):
    path = tmp_path / "a\x1b[31m.csv"
    path.write_text("x\n1\n")
    made = report(finding(examples=(Example(("train/a\x1b[31m.csv:2",), {}),)))
    line = github.render(made, Where(str(path)))
    assert "\x1b" not in line
    assert "\\x1b[31m.csv,line=2," in line


# -- JUnit --------------------------------------------------------------------------------------


def cases(text):
    root = ET.fromstring(text.encode())
    return root, {c.attrib["name"].split()[0]: c for c in root.iter("testcase")}


def test_junit_has_a_case_for_each_rule(clinic):
    root, by_code = cases(junit.render(clinic))
    assert set(by_code) == {o.rule for o in clinic.outcomes}
    failed = {c for c, case in by_code.items() if case.find("failure") is not None}
    assert failed == {f.rule for f in clinic.at_least(Severity.ERROR)}
    skipped = {c for c, case in by_code.items() if case.find("skipped") is not None}
    assert skipped == {o.rule for o in clinic.outcomes if o.status is Status.NOT_APPLICABLE}
    for suite in (root, *root):
        for what, tag in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
            assert int(suite.get(what)) == len(suite.findall(f".//{tag}"))
    assert by_code["LK001"].get("classname") == f"datacheck.{CODES['LK001'].family}"


def test_junit_fails_as_the_exit_code_does():
    outcomes = [Outcome("LK001", Status.FOUND), Outcome("MV001", Status.FOUND)]
    made = report(finding(), finding("MV001", Severity.WARNING), outcomes=outcomes)

    def failures(**how):
        _, by_code = cases(junit.render(made, **how))
        return {c for c, case in by_code.items() if case.find("failure") is not None}

    assert failures() == {"LK001"}
    assert failures(fail_on="warning") == {"LK001", "MV001"}
    assert failures(fail_on="never") == set()
    assert failures(fail_on="warning", known=[finding()]) == {"MV001"}
    _, by_code = cases(junit.render(made))
    assert "warning: " in by_code["MV001"].find("system-out").text


# -- GitHub, Markdown ---------------------------------------------------------------------------


def test_annotations_name_file_and_line(clinic, here):
    lines = github.render(clinic, here).splitlines()
    assert len(lines) == len(clinic.findings) + 1
    assert re.match(r"::error file=fixtures/clinic/\w+\.csv,line=\d+,title=LB001 ", lines[0])
    assert lines[-1].startswith("datacheck: 6 errors")
    known = github.render(clinic, here, clinic.findings)
    assert known == f"datacheck: no findings, {len({f.key for f in clinic.findings})} known\n"


def test_summary_goes_where_the_job_says(monkeypatch, tmp_path, clinic):
    monkeypatch.delenv(github.SUMMARY, raising=False)
    assert github.summarize(clinic) is None
    target = tmp_path / "summary.md"
    target.write_text("before\n")
    monkeypatch.setenv(github.SUMMARY, str(target))
    assert github.summarize(clinic) == target
    assert target.read_text().startswith("before\n## datacheck · clinic\n")
    monkeypatch.setenv(github.SUMMARY, str(tmp_path / "no" / "such"))
    assert github.summarize(clinic) is None


def test_markdown_table_has_a_row_for_each_new_finding(clinic):
    text = markdown.render(clinic)
    rows = [line for line in text.splitlines() if re.match(r"\| (error|warning|info) \|", line)]
    assert len(rows) == len(clinic.findings)
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 5 for row in rows)
    known = markdown.render(clinic, clinic.findings)
    assert "known by the baseline" in known
    assert "| error |" not in known


# -- names --------------------------------------------------------------------------------------


def test_form_by_suffix():
    assert form_of("out/a.SARIF") == "sarif"
    assert {form_of(f"x{s}") for s in (".json", ".xml", ".md", ".txt")} == {
        "json", "junit", "markdown", "terminal",
    }  # fmt: skip
