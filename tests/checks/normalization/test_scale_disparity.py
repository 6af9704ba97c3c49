"""NM002: scales, their ratio with its interval, and which columns are far from the others."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

import datacheck
from datacheck.checks.normalization.scale_disparity import ScaleDisparity
from datacheck.errors import UsageError


def audit(max_ratio=1000.0, **columns):
    n = len(next(iter(columns.values())))
    frame = pl.DataFrame({**columns, "label": [i % 2 for i in range(n)]})
    report = datacheck.audit(
        {"train": frame},
        settings={
            "label": "label",
            "select": ["NM002"],
            "rules": {"NM002": {"max_ratio": max_ratio}},
        },
    )
    (outcome,) = report.outcomes
    return report.findings, outcome.reason


def bell(n, scale, seed=0):
    """Quantiles of a normal distribution, in some order."""
    x = norm.ppf((np.arange(n) + 0.5) / n) * scale
    return x[np.random.default_rng(seed).permutation(n)] + 7 * scale


def quartiles(x):
    return np.sort(x)[[int(0.25 * x.size), int(0.75 * x.size)]]


def test_the_ratio_is_that_of_interquartile_ranges_with_a_log_normal_interval():
    a, b = bell(400, 1e5), bell(400, 2.0, 1)
    b[:100] = np.nan
    (one,), _ = audit(a=a, b=b)
    scales = [np.diff(quartiles(x))[0] / 1.349 for x in (a, b[100:])]
    assert scales[0] == pytest.approx(1e5, rel=0.02)
    ratio = scales[0] / scales[1]
    half = norm.isf(5e-5) * 1.5 * math.sqrt(1 / 400 + 1 / 300)
    assert one.effect is not None
    assert one.effect.value == pytest.approx(ratio)
    assert one.effect.low == pytest.approx(ratio * math.exp(-half), rel=1e-4)
    assert one.effect.high == pytest.approx(ratio * math.exp(half), rel=1e-4)
    assert one.evidence["largest"] == ["a", pytest.approx(scales[0])]
    assert one.evidence["smallest"] == ["b", pytest.approx(scales[1])]
    assert one.evidence["middle"] == pytest.approx(scales[1])
    assert audit(one.effect.low, a=a, b=b)[0]
    assert not audit(math.nextafter(one.effect.low, math.inf), a=a, b=b)[0]


def test_where_half_of_the_rows_share_a_value_the_scale_is_the_deviation():
    a = bell(400, 1e5)
    b = np.where(np.arange(400) < 320, 0.0, bell(400, 3.0))
    (one,), _ = audit(a=a, b=b)
    assert one.evidence["smallest"] == ["b", pytest.approx(b.std())]


def test_columns_beyond_the_root_of_the_ratio_from_the_middle_are_told():
    sizes = {"a": 1.0, "b": 3.0, "c": 100.0, "d": 2900.0, "e": 3400.0, "f": 4e4, "g": 100.5}
    columns = {c: bell(2000, s, j) for j, (c, s) in enumerate(sizes.items())}
    (one,), _ = audit(**columns)
    # The middle one is 100.5, and the root 31.6.
    assert one.columns == ("a", "b", "e", "f")  # b is 33.5 times less, d 28.9 times more
    assert (one.count, one.total, one.unit) == (4, 7, "columns")
    assert one.evidence["middle"] == pytest.approx(100.5, rel=0.01)


def test_the_middle_scale_of_an_even_number_is_the_lower():
    columns = {c: bell(2000, s, j) for j, (c, s) in enumerate(
        {"a": 1.0, "b": 10.0, "c": 2e4, "d": 4e4}.items())}  # fmt: skip
    (one,), _ = audit(**columns)
    assert one.evidence["middle"] == pytest.approx(10, rel=0.01)
    assert one.columns == ("c", "d")


def test_codes_flags_and_columns_of_two_values_have_no_scale():
    n = 400
    order = np.random.default_rng(0).permutation(n)
    wide, own = bell(n, 1e5), bell(n, 1.0, 1)
    codes, amounts = order % 10, order % 11
    two = np.where(order < 200, 0.25, 1.75)
    three = np.where(order < 200, 0.25, np.where(order < 300, 1.0, 1.75))
    digits = 1e6 + 1e-4 * own
    nothing = "train has no two number columns with scales to compare"
    assert audit(wide=wide, codes=codes) == ([], nothing)
    assert audit(wide=wide, amounts=amounts)[0]
    assert audit(wide=wide, two=two) == ([], nothing)
    assert audit(wide=wide, three=three)[0]
    assert audit(wide=wide, digits=digits) == ([], nothing)
    assert audit(wide=wide, digits=1e6 + 1e-2 * own)[0]
    assert audit(wide=wide, digits=-1e6 + 1e-4 * own) == ([], nothing)
    assert audit(wide=wide, x=np.full(n, 5.0))[1] == nothing


@pytest.mark.parametrize("bad", [1.0, 0.5, math.nan])
def test_the_ratio_that_passes_is_above_one(bad):
    with pytest.raises(UsageError, match="above 1"):
        ScaleDisparity(max_ratio=bad)
    ScaleDisparity(max_ratio=1.01)
