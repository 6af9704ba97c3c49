"""Sequences beyond a limit: those at the limit are not, and the examples are of those beyond."""

from __future__ import annotations

import polars as pl
import pytest

import datacheck


@pytest.mark.parametrize(("longest", "over"), [([10, 10], 0), ([11, 10], 1), ([11, 12], 2)])
def test_the_limit_itself_is_no_excess(longest, over):
    sizes = [3, 4, 5, 4] * 20 + longest
    frame = pl.DataFrame({"s": [[1.5] * n for n in sizes], "label": ["a", "b"] * (len(sizes) // 2)})
    config = {"select": ["SL004"], "label": "label", "rules": {"SL004": {"max_length": 10}}}
    report = datacheck.audit(frame, settings=config)
    assert sum(f.count for f in report.findings) == over
    shown = [e.values["length"] for f in report.findings for e in f.examples]
    assert shown == sorted([n for n in longest if n > 10], reverse=True)
