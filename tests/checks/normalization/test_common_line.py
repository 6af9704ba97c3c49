"""One line behind a whole mismatch: when columns share it, and what it explains besides."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datacheck
from datacheck.checks.normalization.common_line import CLOSE, LEAST, common_line


@given(st.floats(0.001, 1000), st.floats(-100, 100), st.integers(LEAST, 30))
def test_columns_that_agree_share_their_line(scale, offset, n):
    found = common_line(np.full(n, scale), np.full(n, offset))
    assert found == pytest.approx((scale, offset))


def test_half_of_the_columns_and_eight_have_to_agree():
    same, others = np.full(LEAST, 255.0), 300.0 + 10 * np.arange(40)
    assert common_line(same[1:], same[1:] * 0) is None
    assert common_line(same, same * 0) == (255.0, 0.0)
    for more, shared in ((LEAST - 1, True), (LEAST, True), (LEAST + 1, False)):
        scale = np.concatenate([same, others[:more]])
        assert (common_line(scale, scale * 0) is not None) is shared, more


def test_lines_are_one_within_a_thousandth():
    """A third stands a little off: it belongs to the line, or leaves it below half."""
    third = np.arange(12) % 3 == 0
    for off, count in ((0.9 * CLOSE, 12), (1.1 * CLOSE, 8)):
        scale, offset = (np.where(third, v * (1 + off), v) for v in (10.0, 50.0))
        for line in ((scale, np.full(12, 50.0)), (np.full(12, 10.0), offset)):
            assert common_line(*line) == pytest.approx((10.0, 50.0), rel=1e-3)
        seven = np.flatnonzero(~third)[:7].tolist() + np.flatnonzero(third).tolist()
        fewer = common_line(scale[seven], np.full(11, 50.0))
        assert (fewer is not None) is (count == 12)
    apart = np.asarray(10.0 * (1 + 3 * CLOSE * np.arange(20)), dtype=np.float64)
    assert common_line(apart, np.zeros(20)) is None
    assert common_line(np.full(20, 2.0), 5 * np.arange(20.0)) is None


def pixels(n, seed):
    """Twelve pixels that reach black and white, two that stay dark, and one that never varies."""
    rng = np.random.default_rng(seed)
    data = {f"p{j}": rng.integers(0, 256, n).astype(float) for j in range(12)}
    data |= {f"dark{j}": rng.integers(0, 90, n).astype(float) for j in range(2)}
    data["still"] = np.full(n, 40.0)
    return pl.DataFrame(data | {"label": rng.choice(["a", "b"], n)})


def test_dark_and_still_pixels_are_divided_by_the_same_number():
    features = pl.exclude("label")
    train, test = pixels(800, 0), pixels(500, 1).with_columns(features / 255)
    report = datacheck.audit({"train": train, "test": test}, settings={"select": ["NM001"]})
    (found,) = report.of("NM001")
    assert set(found.columns) >= {"dark0", "dark1", "still", *(f"p{j}" for j in range(12))}
    assert found.count == 15
    assert "255" in found.message


def test_a_column_that_was_left_alone_is_not_taken_along():
    features = pl.exclude("label", "dark0")
    train, test = pixels(800, 0), pixels(500, 1).with_columns(features / 255)
    (found,) = datacheck.audit(
        {"train": train, "test": test}, settings={"select": ["NM001"]}
    ).of("NM001")
    assert "dark0" not in found.columns
    assert found.count == 14
