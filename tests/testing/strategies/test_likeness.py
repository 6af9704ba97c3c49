"""Datasets like a real one: its columns, kinds and habits, and none of its rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.errors import SourceError, UsageError
from datacheck.findings import Status
from datacheck.testing.strategies import datasets, like

ROOT = Path(__file__).resolve().parents[3]
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def smallest(strategy, condition=lambda d: True):
    quiet = settings(max_examples=1_000, database=None, phases=[Phase.generate, Phase.shrink])
    return find(strategy, condition, settings=quiet)


def real(n=3000, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.lognormal(3, 0.5, n)
    words = np.array([f"w{k}" for k in range(99)])
    y = (x + rng.normal(size=n) * 5 > 22).astype(int)
    frame = pl.DataFrame(
        {
            "x": x,
            "z": -2 * x + rng.normal(size=n),
            "age": rng.integers(18, 90, n),
            "site": np.array(["north", "south", "east"])[rng.choice(3, n, p=[0.7, 0.2, 0.1])],
            "note": [" ".join(words[rng.integers(0, 99, 12)]) for _ in range(n)],
            "y": y,
        }
    )
    gone = pl.Series(rng.random(n) < 0.3)
    return frame.with_columns(pl.when(gone).then(None).otherwise(pl.col("age")).alias("age"))


def test_habits_are_kept():
    frame = real()
    source = {"train": frame[:2000], "test": frame[2000:]}
    strategy = like(source, rows=(2000, 2000), label="y")
    data = smallest(strategy, lambda d: d.train["age"].null_count() > 560)
    assert data.settings["label"] == "y"
    assert data.train.columns == frame.columns
    made = data.train
    for share in (0.1, 0.5, 0.9):
        assert made["x"].quantile(share) == pytest.approx(frame["x"].quantile(share), rel=0.1)
    assert made["site"].value_counts(sort=True)["site"].to_list() == ["north", "south", "east"]
    assert made["y"].mean() == pytest.approx(frame["y"].mean(), abs=0.05)
    assert made["age"].drop_nulls().is_between(18, 89).all()
    assert (made["age"].drop_nulls() % 1 == 0).all()
    assert pl.DataFrame(made).select(pl.corr("x", "z", method="spearman")).item() < -0.95
    told = pl.DataFrame(made).select(pl.corr("x", "y", method="spearman")).item()
    assert told > 0.5
    assert not set(made["note"]) & set(frame["note"])


def test_it_shrinks_to_one_row_without_holes():
    data = smallest(like(real(), label="y"))
    assert data.train.height == 1
    assert data.train["age"].null_count() == 0
    grown = smallest(like(real(), label="y"), lambda d: d.train.height >= 40)
    assert grown.train.height == 40


@QUICK
@given(like(ROOT / "fixtures" / "clinic", rows=(1, 60)))
def test_the_clinic(data):
    assert data.settings["group"] == "patient_id"
    assert data.settings["time"] == "admitted_at"
    assert [f.height <= 60 for f in data] == [True, True]
    assert data.train["encounter_id"].n_unique() == data.train.height


def test_a_clinic_like_the_clinic_has_its_illnesses():
    data = smallest(like(ROOT / "fixtures" / "clinic", rows=1000))
    found = {f.rule for f in data.audit().findings}
    assert {"NM001", "LK003", "LK004", "SL001", "CB001", "MV005"} <= found


@QUICK
@given(original=datasets(rows=(1, 30), columns=(1, 5), missing=1.0, group="across", ids=True),
       draw=st.data())  # fmt: skip
def test_whatever_it_is_like(original, draw):
    copy = draw.draw(like(dict(original.frames), rows=(0, 20), **original.settings))
    assert set(copy.train.columns) <= set(original.train.columns)
    if copy.train.height:
        report = datacheck.audit(dict(copy.frames), settings=copy.settings)
        assert [o for o in report.outcomes if o.status is Status.FAILED] == []


def test_what_cannot_be_imitated():
    with pytest.raises(SourceError, match="no rows"):
        like(pl.DataFrame({"x": [], "y": []}, schema={"x": pl.Float64, "y": pl.Int64}))
    with pytest.raises(UsageError, match="rows is"):
        like(real(), rows=(5, 1), label="y")
