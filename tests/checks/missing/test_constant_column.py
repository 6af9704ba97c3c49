"""A column is constant where the rules that compare rows hold its values for the same."""

from __future__ import annotations

import json

import numpy as np
import polars as pl

import datacheck
from datacheck.pipelines.fixing import fix


def test_whole_numbers_of_64_bits_that_differ_are_not_constant():
    rows = np.arange(300)
    frame = pl.DataFrame({"key": 2**60 + rows % 50, "same": [2**60] * 300, "k": rows % 7})
    (found,) = datacheck.audit(train=frame, test=frame[:50], select="MV005").findings
    assert found.columns == ("same",)


def test_numbers_beyond_float64_are_one_value_for_all_rules(tmp_path):
    """They are one in JSON Lines, where dropping them uncovers no repeated rows."""
    lines = [
        json.dumps({"big": 10**30 + i, "n": None if i % 5 == 0 else i, "label": i % 2})
        for i in range(60)
    ]
    (tmp_path / "data").mkdir()
    (tmp_path / "data/train.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "data/test.jsonl").write_text("\n".join(lines[:27]) + "\n")
    told = datacheck.audit(tmp_path / "data")
    before = {f.rule for f in told.findings}
    assert "MV005" in before
    assert all("big" not in f.columns for f in told.of("NM003")), "what never varies has not moved"
    fix(tmp_path / "data", tmp_path / "clean", unsafe=True)
    after = {f.rule for f in datacheck.audit(tmp_path / "clean").findings}
    assert after <= before - {"MV005", "MV001"}
