from __future__ import annotations

import numpy as np
import pytest

import datacheck.training.judging as judging
from datacheck.training.judging import judge
from tests.training.recorded_runs import recorded, simulated

BAD = [11, 250, 500]


def spell(row):
    return f"train/a.csv:{row}"


def test_a_finding_about_spikes_says_what_is_behind_them():
    asked = []

    def rows():
        asked.append(1)
        return {"NM005": np.array(BAD), "LB004": np.arange(300, 320)}

    found = judge(simulated(0, bad=BAD), locate=spell, rows=rows).of("ST002")[0]
    assert "; cause: data (" in found.message
    assert found.evidence["cause"] == "data"
    assert found.evidence["cause_rows"] == [spell(r) for r in BAD]
    assert found.evidence["associations"]["NM005"]["low"] > 1
    assert found.evidence["associations"]["LB004"]["low"] < 1
    assert found.evidence["named"] == {"NM005": 3}
    assert asked


def test_spikes_of_whole_batches_have_no_data_cause():
    found = judge(simulated(4, shocks=0.04)).of("ST002")[0]
    assert found.evidence["cause"] == "no data cause"
    assert "cause_rows" not in found.evidence
    assert "; cause: no data cause (" in found.message


def test_a_calm_run_asks_for_no_rows():
    def rows():
        raise AssertionError("nobody has to read the data")

    assert not judge(simulated(0), rows=rows).of("ST002")


def test_without_rows_nothing_is_said():
    run = simulated(0, bad=BAD)
    found = judge(recorded(run.steps["loss"].to_list(), reference=1.0)).of("ST002")[0]
    assert "cause" not in found.evidence
    assert "cause" not in found.message


def test_a_crash_is_a_note_and_not_the_end(monkeypatch: pytest.MonkeyPatch):
    def crash(*_, **__):
        raise ValueError("no such thing")

    monkeypatch.setattr(judging, "with_causes", crash)
    report = judge(simulated(0, bad=BAD))
    assert report.of("ST002")
    assert any("could not be told: ValueError: no such thing" in a for a in report.assumptions)
