"""Drift is no forgotten scaler: scaled train looks scaled wherever the other split lies."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.checks.normalization.drift import forgotten, stayed
from datacheck.checks.normalization.maps import Figures
from datacheck.pipelines.fixing import fix


def found(train, test):
    return datacheck.audit(train=train, test=test, select="NM001").findings


def scaled(train, frame, columns, how="standard"):
    out = []
    for c in columns:
        x = train[c].to_numpy()
        place, width = (x.mean(), x.std()) if how == "standard" else (x.min(), np.ptp(x))
        out.append(((pl.col(c) - place) / width).alias(c))
    return frame.with_columns(out)


def drifting(seed, kind, amount, rows=1000):
    """(train, test) with one column that drifts and two that do not."""
    rng = np.random.default_rng(seed)
    x, t = rng.normal(size=rows), np.arange(rows) / rows
    late = np.arange(rows) >= rows * 4 // 5
    if kind == "trend":
        x = x + 3 * amount * t
    elif kind == "step":
        x = x + np.where(late, amount, 0)
    elif kind == "wider":
        x = np.where(late, x * (1 + amount), x)
    else:
        x = np.cumsum(x)
    frame = pl.DataFrame(
        {"x": 50 + 7 * x, "z": rng.normal(size=rows) * 1e6, "w": rng.normal(size=rows)}
    )
    return frame.filter(pl.Series(~late)), frame.filter(pl.Series(late))


def test_a_counter_that_is_standardized_with_train_is_no_mismatch():
    rng = np.random.default_rng(1)
    n = 1000
    x = np.arange(n) * 1e4 + rng.normal(size=n) * 1e5
    data = {"x": x, "z": rng.normal(size=n) * 1e6, "w": rng.normal(size=n)}
    frame = pl.DataFrame({**data, "label": rng.integers(0, 2, n)})
    splits = {"train": frame[:800], "test": frame[800:]}
    before = datacheck.audit(splits)
    assert {f.rule for f in before.findings} >= {"NM002", "NM003"}
    done = fix(splits)
    after = datacheck.audit(done.frames, settings=done.settings)
    assert {f.rule for f in after.findings} <= {f.rule for f in before.findings} - {"NM002"}


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    kind=st.sampled_from(["trend", "step", "wider", "walk"]),
    amount=st.floats(0.1, 30),
)
def test_a_scaler_that_both_splits_share_makes_no_mismatch_of_a_drift(seed, kind, amount):
    train, test = drifting(seed, kind, amount)
    plain = sum(f.count for f in found(train, test))
    one = scaled(train, train, train.columns), scaled(train, test, train.columns)
    assert sum(f.count for f in found(*one)) <= plain


@pytest.mark.parametrize("how", ["standard", "min-max"])
@pytest.mark.parametrize("seed", range(3))
def test_a_scaler_that_one_split_missed_is_found(seed, how):
    rng = np.random.default_rng(seed)
    place, width = [170.0, 70, 36.6, 4.5], [9.0, 14, 0.5, 1.2]
    whole = pl.DataFrame({f"x{i}": rng.normal(place[i], width[i], 700) for i in range(4)})
    train, test = whole[:500], whole[500:]
    (one,) = found(scaled(train, train, train.columns, how), test)
    assert one.evidence["mapped"] == "train"
    assert set(one.columns) == set(whole.columns)
    done = fix(train=scaled(train, train, train.columns, how), test=test, select="NM001")
    assert not found(done.frames["train"], done.frames["test"])
    assert abs(done.frames["test"].to_numpy().mean(axis=0) - (
        0 if how == "standard" else done.frames["train"].to_numpy().mean(axis=0)
    )).max() < 0.25  # fmt: skip


def test_what_has_no_place_of_its_own_has_no_unit():
    rng = np.random.default_rng(4)
    train = pl.DataFrame({"x": rng.normal(size=2000)})
    calmer = pl.DataFrame({"x": rng.normal(size=800) * 1.94384})
    assert not found(train, calmer)
    (knots,) = found(train + 20, calmer + 20 * 1.94384)
    assert "knots" in knots.message


def test_no_line_is_ever_unknown():
    """Columns that are brought in by the others have a scale, so that it can be undone."""
    rng = np.random.default_rng(7)
    place, width = [12.0, 1.1, 6.0, 30.0], [3.0, 0.8, 2.9, 8.0]
    whole = pl.DataFrame({f"x{i}": rng.normal(place[i], width[i], 900) for i in range(4)})
    train, test = whole[:600], whole[600:]
    for one in found(scaled(train, train, train.columns), test):
        assert np.isfinite(list(one.evidence["lines"].values())).all()


def test_a_forgotten_scaler_gives_back_places_and_scales_of_their_own():
    scale, offset = np.array([9.0, 14.0, 0.5]), np.array([170.0, 70.0, 36.6])
    assert forgotten("not-standardized", scale, offset, 0)
    assert not forgotten("not-standardized", scale[:1], offset[:1], 0)  # one column may drift
    assert not forgotten("not-standardized", np.full(3, 1.01), offset, 0)  # no scale of its own
    assert not forgotten("not-standardized", scale, np.zeros(3), 0)  # no place of its own
    half = np.array([170.0, 70.0, 0.0, 0.0])
    assert forgotten("not-standardized", np.array([9.0, 14, 0.5, 3]), half, 0)
    assert not forgotten("not-standardized", np.array([9.0, 14, 0.5, 3]), half * [1, 0, 1, 1], 0)
    assert forgotten("not-min-max", scale[:1], np.zeros(1), 0)
    for kept in range(40):  # the more scaled columns have stayed, the less
        if not forgotten("not-standardized", scale, offset, kept):
            assert kept >= 1
            assert not forgotten("not-min-max", scale, offset, kept)
            assert not forgotten("not-standardized", scale, offset, kept + 1)
            break
    else:
        pytest.fail("it never matters how many have stayed")


def test_a_scaled_column_has_stayed_if_place_and_width_are_near():
    def figures(mean, sd):
        one = np.array([mean]), np.array([sd])
        return Figures(np.zeros((49, 1)), *one, np.array([-9.0]), np.array([9.0]))

    train = figures(0.0, 1.0)
    for place, width, near in (
        (0.0, 1.0, True), (0.49, 1.0, True), (-0.49, 1.0, True), (0.51, 1.0, False),
        (0.0, 1.49, True), (0.0, 1.51, False), (0.0, 1 / 1.49, True), (0.0, 1 / 1.51, False),
        (0.51, 1.51, False),
    ):  # fmt: skip
        assert stayed("not-standardized", train, figures(place, width))[0] == near, (place, width)
    ends = ((0.09, 1.0, True), (0.11, 1.0, False), (0, 1.09, True), (0, 1.11, False))
    for mean, sd, like in ends:
        assert stayed("not-standardized", figures(mean, sd), figures(0, 1))[0] == like, (mean, sd)
