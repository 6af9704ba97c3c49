from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

import datacheck
from datacheck.findings import Finding


def found(train: list[int], test: list[int], **more: list[list[str]]) -> list[Finding]:
    start = datetime(2024, 1, 1)  # noqa: DTZ001 - as files have it
    frames = {
        name: pl.DataFrame(
            {
                "when": [start + timedelta(hours=h) for h in hours],
                "x": [float(i) + 0.5 for i in range(len(hours))],
                **{c: values[at] for c, values in more.items()},
            }
        )
        for at, (name, hours) in enumerate((("train", train), ("test", test)))
    }
    settings = {"time": "when", "select": ("LK004",), **{c: c for c in more}}
    return list(datacheck.audit(frames, settings=settings).findings)


def test_test_after_train_is_silent():
    assert found(list(range(100)), list(range(100, 130))) == []


def test_a_random_split_is_called_one():
    (finding,) = found(list(range(0, 1000, 2)), list(range(1, 1000, 2)))
    assert finding.count == 499
    assert finding.message.endswith("the split is random in time")


def test_a_test_before_train_is_called_so():
    (finding,) = found(list(range(100, 200)), list(range(50)))
    assert (finding.count, finding.total) == (50, 50)
    assert "all before its first (2024-01-05 04:00:00)" in finding.message


def test_entities_are_told_apart():
    group = [["a", "a", "b", "b"], ["a", "b", "b", "c"]]
    (finding,) = found([1, 10, 2, 20], [5, 15, 30, 18], group=group)
    assert finding.count == 3
    assert finding.evidence["rows_before_their_entity"] == 2
    assert finding.evidence["entities_before_their_entity"] == 2
