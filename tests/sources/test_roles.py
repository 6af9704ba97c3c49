"""Kinds and roles are inferred, said aloud, and overridden."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.dataset import Kind, Role, Task
from datacheck.sources import SourceOptions, open_source

N = 200
RNG = np.random.default_rng(0)


def frame(**columns):
    return pl.DataFrame(columns)


X = RNG.normal(size=N)
FEW = RNG.integers(0, 3, N)
COLORS = RNG.choice(["red", "green"], N)
DAYS = pl.Series(np.arange(N) * 86_400_000_000).cast(pl.Datetime("us"))


def roles(data):
    return {c.name: c.role for c in data.columns.values() if c.role is not Role.FEATURE}


@pytest.mark.parametrize(
    ("columns", "label", "task"),
    [
        ({"x": X, "target": FEW, "z": X}, "target", Task.CLASSIFICATION),
        ({"x": X, "color": COLORS}, "color", Task.CLASSIFICATION),
        ({"color": COLORS, "x": X, "z": X * 2}, "color", Task.CLASSIFICATION),
        ({"x": X, "count": RNG.integers(0, 5000, N)}, "count", Task.REGRESSION),
        ({"x": X, "count": RNG.integers(0, 5000, N), "day": DAYS}, None, None),
        ({"x": X, "color": COLORS, "day": DAYS}, "color", Task.CLASSIFICATION),
        ({"x": X, "z": X * 2}, None, None),
        ({"x": X, "y": X * 2}, "y", Task.REGRESSION),
        ({"x": X, "ok": FEW == 1}, "ok", Task.CLASSIFICATION),
    ],
)
def test_label_and_task(columns, label, task):
    data = open_source(frame(**columns))
    assert (data.label.name if data.label else None) == label
    assert data.task is task
    assert data.assumptions[0].startswith(f"label: {label}, assumed: " if label else "label: none")
    assert "--label" in data.assumptions[0]


def test_ids_groups_times_and_weights():
    data = open_source(
        frame(
            record_id=[f"r{i}" for i in range(N)],
            row=np.arange(N),
            patient_id=RNG.integers(0, 40, N),
            seen=pl.Series(np.arange(N) * 86_400_000_000).cast(pl.Datetime("us")),
            sample_weight=RNG.random(N),
            x=X,
            label=FEW,
        )
    )
    assert roles(data) == {
        "record_id": Role.ID, "row": Role.ID, "patient_id": Role.GROUP, "seen": Role.TIME,
        "sample_weight": Role.WEIGHT, "label": Role.LABEL,
    }  # fmt: skip
    for name in roles(data):
        assert data.columns[name].assumed
        assert any(name in said for said in data.assumptions), name
    assert data.columns["seen"].unique
    assert not data.columns["patient_id"].unique


def test_what_the_user_says_wins_and_is_no_assumption():
    source = frame(a=X, b=FEW, c=COLORS, d=RNG.integers(0, 40, N), label=FEW)
    options = SourceOptions(label="c", group="d", id=("b",), ignore=("label",))
    data = open_source(source, options)
    assert roles(data) == {
        "b": Role.ID, "c": Role.LABEL, "d": Role.GROUP, "label": Role.IGNORE,
    }  # fmt: skip
    assert not any(data.columns[c].assumed for c in "bcd")
    assert not any(said.startswith("label: c") for said in data.assumptions)


@pytest.mark.parametrize("flag", ["label", "group", "time", "split_column"])
def test_a_column_that_is_not_there(flag):
    wrong: dict[str, Any] = {flag: "incme"}
    with pytest.raises(datacheck.UsageError) as error:
        open_source(frame(income=X, color=COLORS), SourceOptions(**wrong))
    assert "did you mean income?" in error.value.hint
    assert "'color'" in error.value.hint


def test_one_column_has_one_role():
    with pytest.raises(datacheck.UsageError, match="both --time and --label"):
        open_source(frame(x=X, z=X), SourceOptions(label="x", time="x"))


def test_kinds_of_text(tmp_path):
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "ran", "off"]
    rows = []
    for i in range(120):
        sentence = " ".join(RNG.choice(words, 7)) + f" {i}"
        rows.append(
            f"{i * 0.5},{'true' if i % 2 else 'False'},{sentence},{'abc'[i % 3]}"
            f",2024-01-{i % 28 + 1:02d}"
            f",0{i:04d},{i}|{i + 1}|{i % 7},{i} {i + 2},1{i:017d}"
        )
    path = tmp_path / "x.csv"
    path.write_text("num,flag,text,cat,day,zip,piped,spaced,big\n" + "\n".join(rows))
    kinds = {c.name: c.kind for c in open_source(path).columns.values()}
    assert kinds == {
        "num": Kind.NUMBER, "flag": Kind.BOOLEAN, "text": Kind.TEXT, "cat": Kind.CATEGORY,
        "day": Kind.DATETIME, "zip": Kind.CATEGORY, "piped": Kind.SEQUENCE,
        "spaced": Kind.SEQUENCE, "big": Kind.CATEGORY,
    }  # fmt: skip


def test_splits_that_disagree_take_the_kind_of_train():
    train, test = frame(a=X, b=COLORS), frame(a=COLORS, b=COLORS)
    data = open_source({"train": train, "test": test})
    assert data.columns["a"].kind is Kind.NUMBER
    assert data.splits["test"].kinds["a"] is Kind.CATEGORY
    data = open_source({"train": frame(a=[None] * 5), "test": frame(a=["x"] * 5)})
    assert data.columns["a"].kind is Kind.CATEGORY
