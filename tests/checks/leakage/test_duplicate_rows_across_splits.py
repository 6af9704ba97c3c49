from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.checks import duplicates
from datacheck.checks.base import Context
from datacheck.findings import Finding
from datacheck.types import Hashes


def found(splits: dict[str, pl.DataFrame], code: str = "LK001") -> list[Finding]:
    report = datacheck.audit(splits, settings={"label": "label", "select": (code,)})
    assert all(o.status.value != "failed" for o in report.outcomes), report.outcomes
    return list(report.findings)


def rows(n: int, rng: np.random.Generator) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "x1": rng.normal(size=n).round(9),
            "x2": rng.normal(size=n).round(9),
            "c": np.array(["a", "b", "ü"])[rng.integers(0, 3, n)],
            "label": rng.integers(0, 2, n),
        }
    )


@settings(deadline=None, max_examples=15, derandomize=True)
@given(seed=st.integers(0, 1000), copied=st.integers(1, 40), twice=st.booleans())
def test_counts_are_those_of_a_join_whatever_the_order(seed, copied, twice):
    rng = np.random.default_rng(seed)
    train, test = rows(200, rng), rows(60, rng)
    copies = train.sample(copied, seed=seed)
    test = pl.concat([test, copies, copies] if twice else [test, copies])
    features = ["x1", "x2", "c"]
    joined = test.join(train.unique(features), on=features, how="semi")
    (finding,) = found({"train": train, "test": test})
    assert finding.count == joined.height
    moved = {
        "train": train.sample(fraction=1.0, shuffle=True, seed=seed),
        "test": test.sample(fraction=1.0, shuffle=True, seed=seed).select(
            "label", "c", "x2", "x1"
        ),
    }
    (again,) = found(moved)
    assert (again.count, again.total) == (finding.count, finding.total)
    assert again.evidence == finding.evidence


@pytest.mark.parametrize("seed", range(20))
def test_coarse_tables_are_silent(seed):
    """Columns that depend on one another and on a class: accidents only, at any size."""
    rng = np.random.default_rng(seed)
    kinds, levels = int(rng.integers(3, 12)), int(rng.integers(2, 6))

    def table(n: int) -> pl.DataFrame:
        label = rng.integers(0, 2, n)
        hidden = rng.integers(0, 3, n) + label
        columns = {
            f"c{i}": np.minimum(hidden + rng.integers(0, levels, n), 5) for i in range(kinds)
        }
        return pl.DataFrame({**columns, "label": label})

    splits = {"train": table(900), "test": table(300)}
    assert [f.message for code in ("LK001", "LB004", "LB001") for f in found(splits, code)] == []


def test_hash_collisions_are_not_reported(monkeypatch):
    """Rows that only share their hash are read again and found to differ."""
    rng = np.random.default_rng(0)
    train, test = rows(50, rng), rows(20, rng)
    real = duplicates._tables

    def collide(context: Context) -> dict[str, duplicates.Table]:
        out = {}
        for split in real(context):
            hashes = context.row_hashes(split)
            forged: Hashes = hashes.features()[:5] * np.uint64(0) + np.uint64(7)
            out[split] = duplicates.Table(hashes.addresses()[:5], forged, hashes.labels()[:5])
        return out

    monkeypatch.setattr(duplicates, "_tables", collide)
    assert found({"train": train, "test": test}) == []


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"x": [None, None, None], "label": [0, 1, 0]}).cast({"x": pl.Float64}),
        pl.DataFrame({"x": [float("nan"), float("inf"), -0.0], "label": [0, 1, 0]}),
        pl.DataFrame({"x": [1.0], "label": [0]}),
        pl.DataFrame({"x": ["<b>\x1b[31m\n"] * 3, "label": [0, 1, 0]}),
        pl.DataFrame({"x": [[1, 2], [], None], "label": [0, 1, 0]}),
    ],
)
def test_odd_frames_end_without_failure(frame):
    for code in ("LK001", "LB004", "LB001", "LK003", "LK004", "LK007"):
        found({"train": frame, "test": frame}, code)
        found({"train": frame, "test": frame.clear()}, code)


def test_all_repeats_are_told_on_request_and_chance_explains_no_more_than_all():
    rng = np.random.default_rng(0)
    coarse = pl.DataFrame({c: rng.integers(0, 3, 900) for c in ("x1", "x2", "label")})
    splits = {"train": coarse[:600], "test": coarse[600:]}
    assert found(splits) == []
    asked = {"label": "label", "select": ("LK001",), "rules": {"LK001": {"chance": False}}}
    (finding,) = datacheck.audit(splits, settings=asked).findings
    assert finding.count == finding.total == 300
    assert finding.message.endswith("by chance all would")
