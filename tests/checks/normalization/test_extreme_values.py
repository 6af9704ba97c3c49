"""NM005: fences, weights and the rows that are told, computed again from the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.checks.normalization import extreme_values as found
from datacheck.errors import UsageError
from datacheck.findings import Status


def audit(sample=None, options=None, **columns):
    n = len(next(iter(columns.values())))
    frame = pl.DataFrame({**columns, "label": [i % 2 for i in range(n)]})
    chosen: dict[str, Any] = {"label": "label", "select": ["NM005"]}
    chosen |= {"rules": {"NM005": options or {}}} | ({"sample": sample} if sample else {})
    report = datacheck.audit({"train": frame}, settings=chosen)
    (outcome,) = report.outcomes
    assert outcome.status is not Status.FAILED, outcome
    return report.findings, outcome.reason


# -- the fence -------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(20, 50), fence=st.sampled_from([1.0, 20.0]))
def test_the_fence_is_so_many_robust_deviations_from_the_lower_median(seed, n, fence):
    rng = np.random.default_rng(seed)
    x = np.sort(np.where(rng.random(n) < rng.random(), 7, rng.integers(-60, 60, n)).astype(float))
    middle = np.quantile(x, 0.5, method="inverted_cdf")
    off = np.abs(x - middle)
    mad = np.quantile(off, 0.5, method="inverted_cdf")
    reach = found._reach(x, fence)
    if mad > 0:
        assert reach == pytest.approx(fence * 1.4826 * mad)
    elif (off > 0).sum() < 0.05 * x.size:
        assert reach is None
    else:
        rest = np.quantile(off[off > 0], 0.5, method="inverted_cdf")
        assert reach == pytest.approx(fence * rest / 2)


def test_where_most_rows_share_a_value_a_twentieth_has_to_differ():
    x = np.zeros(100)
    for count, known in ((5, True), (4, False)):
        y = x.copy()
        y[100 - count :] = 3
        assert (found._reach(y, 20.0) == 30.0) is known


def test_a_fence_in_the_last_digits_is_none():
    x = np.repeat([1e9, 1e9 + 2**-6, 1e9 + 2**-5], 20)
    assert found._reach(x, 20.0) is None
    assert found._reach(x, 60.0) is not None
    assert found._reach(np.repeat([0.0, 1e-300, 2e-300], 20), 20.0) is not None
    assert found._reach(np.repeat([-1e308, 0, 1e308], 20), 20.0) is None


# -- the weight ------------------------------------------------------------------------------------


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 3), far=st.sampled_from([200, 3000]))
def test_the_share_of_the_squared_norm_is_that_of_the_rows_beyond(seed, count, far):
    rng = np.random.default_rng(seed)
    body, far = rng.integers(-20, 21, 180), rng.integers(-far, far, count)
    x = np.array([*body, *far], dtype=np.float64)
    reach = found._reach(np.sort(x), 20.0)
    assume(reach is not None and reach > 0 and x.min() < x.max())
    assert reach is not None
    middle = np.quantile(x, 0.5, method="inverted_cdf")
    beyond = np.abs(x - middle) > reach
    square = (x - x.mean()) ** 2
    share = square[beyond].sum() / square.sum()
    assume(abs(share - 0.75) > 1e-9)
    findings, _ = audit(x=x)
    expected = beyond.any() and beyond.sum() <= max(1, 0.01 * x.size) and share > 0.75
    assert bool(findings) is bool(expected)
    if expected:
        (one,) = findings
        assert (one.count, one.total, one.unit) == (beyond.sum(), x.size, "values")
        assert one.effect is not None
        assert one.effect.value == pytest.approx(share)
        assert one.evidence["norm_shares"] == {"x": pytest.approx(share)}
        low, high = one.evidence["fences"]["x"]
        assert (low, high) == (pytest.approx(middle - reach), pytest.approx(middle + reach))
        furthest = x[np.argmax(np.abs(x - middle))]
        assert f"up to {furthest:,.6g})" in one.message


def body(n, seed=0):
    return np.random.default_rng(seed).normal(0, 1, n).round(2)


@pytest.mark.parametrize(("n", "most"), [(1000, 10), (60, 1)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_hundredth_of_the_rows_or_one_may_be_extreme(n, most, sign):
    for count, told in ((most, True), (most + 1, False)):
        x = body(n)
        x[:count] = sign * 1e4
        findings, _ = audit(x=x)
        assert [f.count for f in findings] == [count] * told


@pytest.mark.parametrize("sign", [1, -1])
def test_what_lies_on_the_fence_is_within(sign):
    x = np.repeat([-2.0, -1, 0, 1, 2], 40)
    reach = found._reach(np.sort(x), 4000.0)
    assert reach is not None
    for at, told in ((reach, False), (np.nextafter(reach, np.inf), True)):
        x[17] = sign * at
        assert bool(audit(x=x, options={"fence": 4000.0})[0]) is told


def test_twenty_values_are_needed():
    x = np.array([*body(19), 1e5])
    (one,), _ = audit(x=x)
    assert one.total == 20
    assert audit(x=x[1:]) == ([], "no number column with 20 values in train")
    assert audit(x=np.array([*x[1:], np.nan]))[1] != ""


def test_one_value_among_many_counts_even_if_the_sample_misses_it():
    n = 4000
    for at in (5, 777, 2999):
        for v in (1e6, -1e6):
            x = body(n)
            x[at] = v
            (one,), _ = audit(x=x, sample=200)
            assert (one.count, one.total) == (1, n)
            assert one.effect is not None
            square = (x - x.mean()) ** 2
            assert one.effect.value == pytest.approx(square[at] / square.sum(), abs=1e-3)
            assert f"up to {v:,.6g})" in one.message


def test_columns_come_by_weight_and_three_are_named():
    columns = {}
    for j in range(5):
        x = body(500, j)
        x[: 1 + j % 2] = [3e3, -2e3, 5e3, 4e2, 4e3][j]
        columns[f"x{j}"] = x
    (one,), _ = audit(**columns)
    shares = {c: ((x - x.mean()) ** 2)[: 1 + int(c[1]) % 2].sum() / ((x - x.mean()) ** 2).sum()
              for c, x in columns.items()}  # fmt: skip
    order = sorted(shares, key=lambda c: -shares[c])
    assert list(one.columns) == order
    assert one.count == 7
    assert one.total == 2500
    said = one.message.partition(": ")[2]
    assert [part.partition(" ")[0] for part in said.split("), ")] == order[:3]
    assert said.endswith(" and 2 more columns")
    assert one.effect is not None
    assert one.effect.value == pytest.approx(shares[order[0]])
    (three,), _ = audit(**{c: columns[c] for c in order[:3]})
    assert "more column" not in three.message


def test_a_share_is_told_to_the_tenth_of_a_percent_unless_it_is_nearly_all():
    assert found._percent(0.75) == "75.0%"
    assert found._percent(0.9994) == "99.9%"
    assert found._percent(0.9995) == "99.9500%"


def test_the_most_extreme_rows_are_shown():
    x = body(900)
    x[[5, 10, 20, 30]] = [400, -900, 700, 700]
    (one,), _ = audit(x=x)
    assert [e.values["x"] for e in one.examples] == [-900, 700, 700, 400]
    assert [e.addresses[0].rpartition(":")[2] for e in one.examples] == ["10", "20", "30", "5"]


@pytest.mark.parametrize(
    "bad",
    [{"fence": 0.0}, {"fence": -1.0}, {"min_share": 0.0}, {"min_share": 1.01}, {"max_rows": 0.0},
     {"max_rows": 0.5}],
)  # fmt: skip
def test_options_out_of_range(bad):
    with pytest.raises(UsageError, match="NM005"):
        found.ExtremeValues(**bad)


def test_options_at_the_ends_of_their_ranges():
    found.ExtremeValues(fence=0.1, min_share=1.0, max_rows=0.49)
