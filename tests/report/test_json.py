import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from datacheck.auditing import run_audit
from datacheck.config import Config
from datacheck.report import json_
from tests.reports import HOSTILE, finding, hostile, report

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((files("datacheck.report") / "schema.json").read_text(encoding="utf-8"))


def check(text):
    parsed = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(parsed)
    return parsed


def test_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_report_keeps_the_contract_and_its_order():
    made = report(finding(), finding("MV001", effect=None), suppressed=[(finding(), "known")])
    parsed = check(json_.render(made))
    assert list(parsed) == [*SCHEMA["properties"]]
    assert list(parsed["findings"][0]) == SCHEMA["$defs"]["finding"]["required"]
    assert parsed["not_checked"][0] == {
        "rule": "SL001",
        "status": "not applicable",
        "reason": "no sequences",
    }


@pytest.mark.parametrize("name", ["clinic", "shapes", "reviews", "pairs"])
def test_real_reports_keep_the_contract(name):
    made = run_audit(str(ROOT / "fixtures" / name), Config())
    parsed = check(json_.render(made))
    assert parsed["profile"] == made.profile
    without = check(json_.render(made, timing=False, profile=False))
    assert set(parsed) - set(without) == {"profile", "timing", "versions"}


@pytest.mark.parametrize("code", ["LK005", "LK006", "NM003", "CB003"])
def test_profiles_keep_the_contract(code):
    made = run_audit(str(ROOT / "fixtures" / "rules" / code / "bad"), Config())
    assert check(json_.render(made))["profile"]


def test_without_timing_nothing_differs_between_runs():
    one = json_.render(report(finding()), timing=False)
    two = json_.render(report(finding(), timing={"total": 9.0}, versions={}), timing=False)
    assert one == two
    check(one)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_strings_stay_what_they_are_and_steer_nothing(text):
    shown = json_.render(hostile(text))
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert not any(c in shown for c in "\x1b\x9b\x7f\u202e\u2066\udc80")
    parsed = check(shown)
    assert parsed["dataset"]["name"] == text
    assert parsed["findings"][0]["columns"][0] == text
    assert parsed["findings"][0]["effect"]["high"] is None


def test_page_names_every_field():
    page = (ROOT / "docs" / "report-json.md").read_text(encoding="utf-8")
    fields = {
        *SCHEMA["properties"],
        *SCHEMA["properties"]["dataset"]["properties"],
        *SCHEMA["properties"]["profile"]["properties"],
        *SCHEMA["$defs"]["finding"]["properties"],
        *SCHEMA["$defs"]["shape"]["properties"],
        *SCHEMA["$defs"]["mix"]["properties"],
    }
    missing = [f for f in sorted(fields) if f"`{f}`" not in page]
    assert not missing
