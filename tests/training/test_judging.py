"""``judge``: options, severities, suppressions, choice of rules, and whom an audit had named."""

from __future__ import annotations

import numpy as np
import pytest

import datacheck
from datacheck.config import Config, Suppression
from datacheck.errors import ConfigError
from datacheck.findings import Example, Finding, Report, Severity, Status
from datacheck.training import judge
from tests.training.rules.planted import guilty, healthy, recorded


@pytest.fixture(scope="module")
def bad():
    """Spikes by rows 4711 and 4712, and clipping on every step."""
    run = guilty(healthy("adam", 5), [300, 500], 40.0, row=4711)
    return guilty(run, [700, 900], 900.0, row=4712)


def codes(report):
    return [f.rule for f in report.findings]


def test_the_report_is_that_of_an_audit(bad):
    report = judge(bad, name="a.jsonl")
    assert isinstance(report, Report)
    assert codes(report) == ["ST002"]
    assert report.dataset["runs"] == [
        {"name": "a.jsonl", "steps": 1000, "evaluations": 20, "splits": ["val"], "ended": True}
    ]
    assert {o.rule for o in report.outcomes} == {f"ST00{i}" for i in range(1, 10)}
    assert report.assumptions == []
    assert report.to_json(timing=False) == judge(bad, name="a.jsonl").to_json(timing=False)
    assert "ST002" in report._repr_html_()
    assert report.plan().steps == ()


def test_what_had_to_be_assumed_is_told():
    run = recorded({"loss": np.ones(100)})
    other = type(run)({}, run.steps, run.evaluations, run.dead, ended=False)
    assert judge(run).assumptions == []
    told = judge(other).assumptions
    assert len(told) == 2
    assert "not come to its end" in told[0]
    assert "no reference loss" in told[1]


def test_rules_are_chosen(bad):
    report = judge(bad, config=Config(select=("ST002", "ST009"), ignore=("clipping-always",)))
    assert [o.rule for o in report.outcomes] == ["ST002"]
    assert judge(bad, config=Config(ignore=("ST",))).outcomes == []


def test_severity_and_options_of_the_configuration(bad):
    config = Config(rules={"loss-spike": {"severity": "error"}})
    assert judge(bad, config=config).findings[0].severity is Severity.ERROR
    config = Config(rules={"ST002": {"z": 1e9, "share": 0.5}})
    assert codes(judge(bad, config=config)) == []
    with pytest.raises(ConfigError, match="no option 'zz'"):
        judge(bad, config=Config(rules={"ST002": {"zz": 1.0}}))
    with pytest.raises(datacheck.UsageError, match="z is 1"):
        judge(bad, config=Config(rules={"ST002": {"z": 1.0}}))


def test_a_finding_is_suppressed_and_an_unused_suppression_is_told(bad):
    accepted = Suppression("ST", reason="a known outlier")
    unused = Suppression("ST001", reason="it was mended")
    elsewhere = Suppression("MV001", reason="of the data, which is not judged here")
    report = judge(bad, config=Config(suppress=(accepted, unused, elsewhere)))
    assert codes(report) == ["DC001"]
    assert [(f.rule, r) for f, r in report.suppressed] == [("ST002", "a known outlier")]
    assert report.findings[0].evidence["unused"] == ["ST001"]
    assert Status.FOUND in [o.status for o in report.outcomes if o.rule == "DC001"]
    alone = Config(suppress=(accepted, unused), select=("ST",))
    assert codes(judge(bad, config=alone)) == []


def test_a_rule_that_crashes_ends_nothing(bad, monkeypatch):
    from datacheck.training.rules.loss_spike import LossSpike

    monkeypatch.setattr(LossSpike, "judge_run", lambda self, run: 1 / 0)
    report = judge(bad)
    failed = [o for o in report.outcomes if o.status is Status.FAILED]
    assert [(o.rule, o.reason) for o in failed] == [
        ("ST002", "ZeroDivisionError: division by zero")
    ]
    assert len(report.outcomes) == 9


def spell(row):
    return f"train/a.csv:{row}"


def test_an_audit_had_named_the_rows(bad):
    def finding(rule, *rows):
        examples = tuple(Example((spell(r),)) for r in rows)
        return Finding(rule, rule.lower(), Severity.WARNING, "…", "…", examples=examples)

    audit = Report(
        {"name": "x"},
        [finding("NM005", 4711, 4712, 1), finding("LB004", 4712), finding("MV001", 2)],
    )
    found = judge(bad, audit=audit, locate=spell).of("ST002")[0]
    assert found.evidence["named"] == {"NM005": 2, "LB004": 1}
    assert found.evidence["suspects"] == [spell(4712), spell(4711)], "the worst first"
    assert "already named by rules: NM005 2, LB004 1; cause: data (" in found.message
    # Without a spelling there is no telling which rows those are.
    assert "named" not in judge(bad, audit=audit).of("ST002")[0].evidence


def test_an_audit_of_data_does_not_know_the_rules_of_runs():
    frame = {"train": {"x": [1.0, 2.0], "label": [0, 1]}}
    import pandas as pd

    report = datacheck.audit(train=pd.DataFrame(frame["train"]), label="label")
    assert not [o for o in report.outcomes if o.rule.startswith("ST")]
    with pytest.raises(datacheck.UsageError, match="only a recorded training run"):
        datacheck.audit(train=pd.DataFrame(frame["train"]), select=("ST",))
