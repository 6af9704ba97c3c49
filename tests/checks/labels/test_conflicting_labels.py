from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.findings import Finding


def found(code: str, **splits: pl.DataFrame) -> list[Finding]:
    report = datacheck.audit(splits, settings={"label": "label", "select": (code,)})
    assert all(o.status.value != "failed" for o in report.outcomes), report.outcomes
    return list(report.findings)


def whole(seed: int, copies: int) -> pl.DataFrame:
    """Rows of continuous features; ``copies`` of them repeated, with labels drawn anew."""
    rng = np.random.default_rng(seed)
    rows = pl.DataFrame({"x1": rng.normal(size=150), "x2": rng.normal(size=150)})
    frame = pl.concat([rows, rows.sample(copies, with_replacement=True, seed=seed)])
    label = [None if v == 3 else "abc"[v] for v in rng.integers(0, 4, frame.height)]
    return frame.with_columns(label=pl.Series(label)).sample(
        fraction=1.0, shuffle=True, seed=seed
    )


@settings(deadline=None, max_examples=12, derandomize=True)
@given(seed=st.integers(0, 1000), copies=st.integers(1, 60), cut=st.integers(20, 140))
def test_counts_are_those_of_a_group_by_whatever_the_splits(seed, copies, cut):
    frame = whole(seed, copies)
    features = ["x1", "x2"]
    named = frame.drop_nulls("label")
    several = named.filter(pl.col("label").n_unique().over(features) > 1)
    again = frame.height - frame.unique(["x1", "x2", "label"]).height
    one = found("LB001", train=frame)
    assert [f.count for f in one] == [several.height] * bool(several.height)
    two = found("LB001", train=frame[cut:], test=frame[:cut])
    turned = found("LB001", train=frame[:cut], test=frame[cut:])
    for other in (two, turned):
        assert [f.count for f in other] == [f.count for f in one]
        assert [f.evidence["groups"] for f in other] == [f.evidence["groups"] for f in one]
    assert [f.count for f in found("LB004", train=frame)] == [again] * bool(again)


def test_tags_contradict_each_other_and_translations_do_not():
    rng = np.random.default_rng(0)
    words = [[f"w{v}" for v in rng.integers(0, 500, 6)] for _ in range(200)]
    tags = [["A", "O", "O", "B", "O", "O"] for _ in words]
    text = pl.DataFrame({"words": [*words, words[3]], "label": [*tags, ["O"] * 6]})
    (finding,) = found("LB001", train=text, test=text[:3])
    assert (finding.count, finding.evidence["groups"]) == (2, 1)
    assert finding.splits == ("train",)
    assert found("LB001", train=text[:200], test=text[:3]) == []
    freely = text.with_columns(label=pl.Series([*tags, ["A", "C"]]))
    assert found("LB001", train=freely) == []
