"""The detection benchmark: its faults cover every rule, and its page says what was counted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.detecting import page, peers, tools
from benchmarks.detecting.cases import MIDDLE, SEVERITIES, Spot, cases, enough, lacking
from benchmarks.detecting.data import Data, split
from benchmarks.detecting.loading import BUNDLED, load
from benchmarks.detecting.trials import audit, is_true, planted_once, seeded
from datacheck.checks.codes import CODES, TABLE

ROOT = Path(__file__).resolve().parent.parent
NOWHERE = Path("nowhere")


def trial(rule, fault, severity, hit, data="iris", refused=""):
    others = ["MV001"] if severity == MIDDLE else None
    return {"rule": rule, "fault": fault, "severity": severity, "hit": hit, "data": data,
            "again": 0, "refused": refused, "others": others}  # fmt: skip


@pytest.fixture(scope="module")
def told():
    chosen = [c for c in cases() if c.rule in ("LK001", "CB004")]
    trials = [trial("LK001", "duplicates-across-splits", s, s > 0.1) for s in SEVERITIES]
    trials += [trial("CB004", "label-shift", s, s > 0.5) for s in SEVERITIES]
    clean = [{"data": "iris", "audits": 5, "alarms": [[], ["LK001"], [], [], []],
              "told": ["iris, re-split 1: LK001 rows"], "true": ["NM002"]}]  # fmt: skip
    left = [("too few rows", "CB004", "iris"), ("too few rows", "CB004", "wine")]
    return page.figures(trials, clean, chosen, left)


def test_every_rule_of_data_has_a_fault():
    assert {c.rule for c in cases()} == {c.code for c in TABLE if c.judges == "data"}


def test_names_of_faults_differ():
    names = [c.name for c in cases()]
    assert len(names) == len(set(names))
    assert all(c.says for c in cases())


def test_every_fault_fits_something_that_is_bundled():
    held = [load(name, NOWHERE) for name in BUNDLED]
    left = [c.name for c in cases() if not any(enough(c, d) for d in held)]
    assert left == ["texts-told-by-length"]  # which wants more texts than fixtures/reviews has


@pytest.mark.parametrize("kind", ["table", "texts", "pairs", "pictures"])
def test_every_fault_can_be_planted(kind, tmp_path):
    name = {"table": "wine", "texts": "reviews", "pairs": "pairs", "pictures": "shapes"}[kind]
    data = load(name, NOWHERE)
    train, test = split(data, 0)
    before = train.clone(), test.clone()
    spot = Spot(data, train, test, tmp_path)
    for case in cases():
        if enough(case, data) and case.rule != "NM004":
            assert case.plant(spot, MIDDLE, seeded(case.name)).source is not None
    assert train.equals(before[0])
    assert test.equals(before[1])


def test_a_fault_is_planted_alike_each_time(tmp_path):
    data = load("iris", NOWHERE)
    spot = Spot(data, *split(data, 0), tmp_path)
    case = next(c for c in cases() if c.name == "duplicates-across-splits")
    first, second = (case.plant(spot, 0.5, seeded(7, "iris")).source for _ in range(2))
    assert first["test"].equals(second["test"])


def test_what_a_dataset_lacks_is_told_from_it_alone():
    known = {c.name: c for c in cases()}
    x = np.arange(200) / 7
    frame = pl.DataFrame({"x": x, "y": x % 3, "z": -x, "label": np.arange(200) % 7})
    grades = Data("made", "table", frame, "label", classes=False)
    assert "fewer than 20 values" in lacking(known["skewed-target"], grades)
    assert lacking(known["one-cell-off-across"], grades) == ""
    n = np.arange(200)
    grid = pl.DataFrame({"x": n // 10, "y": n % 10, "label": n % 2})
    coarse = Data("made", "table", grid, "label")
    assert "by nature" in lacking(known["one-cell-off-across"], coarse)
    few = Data("made", "table", frame[:50], "label")
    assert lacking(known["label-shift"], few) == "fewer than 100 rows"
    assert lacking(known["duplicates-across-splits"], few) == ""


def test_what_is_true_of_the_whole_is_no_false_alarm():
    x = pl.Series(np.where(np.arange(80) % 4, np.arange(80) / 7, np.nan))
    data = Data("made", "table", pl.DataFrame({"x": x, "label": [0, 1] * 40}), "label")
    spot = Spot(data, data.frame[:50], data.frame[50:], NOWHERE)
    finding = audit(spot.put((spot.train, spot.test)), data).of("MV001")[0]
    assert is_true(finding, [finding], duplicated=False)
    assert not is_true(finding, [], duplicated=False)


def test_the_page_counts(told):
    assert told["audits"] == 5
    assert told["bad"] == 1
    assert page.middle_of(told["rules"]["LK001"]) == (1, 1)
    assert page.middle_of(told["rules"]["CB004"]) == (0, 1)
    text = page.page(told, "how")
    assert "1 of 5 (3.6–62.4 %) audits of clean re-splits raise a false alarm" in text
    assert "| LK001 | duplicates-across-splits | 0 of 1" in text
    assert "Not reached by CB004: see below." in text
    assert "- iris, wine: too few rows (CB004)" in text
    assert "ST001 to ST009" in text


def test_data_that_a_rule_says_it_cannot_judge_counts_apart():
    chosen = [c for c in cases() if c.name == "suspect-labels"]
    few = "train has 112 rows; 200 are needed"
    trials = [trial("LB002", "suspect-labels", MIDDLE, False, refused=few),
              trial("LB002", "suspect-labels", MIDDLE, True, "wine"),
              trial("LB002", "suspect-labels", MIDDLE, False, "adult")]  # fmt: skip
    counted = page.figures(trials, [], chosen)
    fault = counted["rules"]["LB002"]["faults"][0]
    assert fault["levels"] == [[MIDDLE, 1, 2, 1]]
    assert fault["missed"] == {"adult": 1}
    text = page.page(counted, "how")
    assert "| LB002 | suspect-labels | 1 of 2 (9–91 %) + 1 | adult 1 |" in text
    assert f"- LB002 suspect-labels, iris: {few}" in text
    assert "1 of 2 (9–91 %) | **no** | 1 | 0 of 0 |" in text
    assert "LB002 could not judge 1 of 3 datasets and said so; were they misses" in text
    assert "its recall would be 1 of 3 (6–79 %)." in text


def test_a_rule_refuses_too_few_rows(tmp_path):
    case = next(c for c in cases() if c.name == "suspect-labels")
    data = load("iris", NOWHERE)
    spot = Spot(data, *split(data, 0), tmp_path)
    untouched = audit(spot.put((spot.train, spot.test)), data, select=("LB002",))
    told = planted_once(case, spot, 0, MIDDLE, seeded("iris"), untouched)
    assert not told.hit
    assert told.refused == "train has 112 rows; 200 are needed"


def test_other_tools_are_named_with_reasons(told):
    peer = {"name": "cleanlab", "version": "1.0", "note": "as it is", "clean": [1, 4],
            "faults": {"LK001 duplicates-across-splits": [2, 3]}, "errors": {},
            "nearest": {"LK001": ["near_duplicate"]}}  # fmt: skip
    broken = {"name": "evidently", "problem": "does not install: no network"}
    trials = [trial("LK001", "duplicates-across-splits", MIDDLE, True)]
    text = page.beside([peer, broken], trials, [], ("iris",))
    row = "| LK001 | duplicates-across-splits | 1 of 1 | 2 of 3 | cleanlab: near_duplicate |"
    assert row in text
    assert "- **evidently** does not install: no network." in text
    assert page.beside([], trials, [], ("iris",)) == ""


def test_tools_are_asked_about_rules_that_there_are():
    for peer in tools.PEERS:
        assert set(peer.checks) == set(peer.hits) <= set(CODES)
        assert (peers.DRIVERS / f"of_{peer.name}.py").exists()


def test_a_piece_is_done_once(tmp_path):
    command = [sys.executable, "benchmarks/detection.py", "--bundled", "--only", "iris", "--rules",
               "LK001", "--resplits", "2", "--workers", "1", "--keep", str(tmp_path)]  # fmt: skip
    first, second = (
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        for _ in range(2)
    )
    assert "0 of 2 pieces are there" in first.stderr
    assert "2 of 2 pieces are there" in second.stderr
    assert first.stdout == second.stdout
    assert "**0 of 2 (0.0–65.8 %) audits" in first.stdout


def test_the_kept_figures_are_of_all_rules():
    told = json.loads((ROOT / "docs" / "detection.json").read_text(encoding="utf-8"))
    assert set(told["rules"]) == {c.code for c in TABLE if c.judges == "data"}
