"""Rare classes: a count is a fact, over all splits together."""

from __future__ import annotations

import polars as pl

import datacheck


def audit(train, test, **options):
    frames = {
        s: pl.DataFrame({"x": 0.5, "label": [c for c, n in y.items() for _ in range(n)]})
        for s, y in (("train", train), ("test", test))
    }
    chosen = {"label": "label", "task": "classification", "select": ("CB002",)}
    return datacheck.audit(frames, settings={**chosen, "rules": {"CB002": options}}).findings


def test_ten_rows_in_all_splits_together_are_enough_and_nine_are_not():
    rest = {"a": 50, "b": 50}
    assert not audit({**rest, "c": 5}, {**rest, "c": 5})
    (one,) = audit({**rest, "d": 2, "c": 5}, {**rest, "c": 4})
    assert one.evidence["rows"] == {"c": 9, "d": 2}
    assert one.message == "2 of 4 classes of label have fewer than 10 rows: 'c' (9), 'd' (2)"
    assert (one.count, one.total, one.unit) == (2, 4, "classes")
    assert not audit({**rest, "c": 5}, {**rest, "c": 4}, min_rows=9)
