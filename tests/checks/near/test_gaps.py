from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.checks.near.gaps import by_nature, expected, few_twins, surprise_asked
from datacheck.findings import Status

ROWS, CUT = 600, 450


def coarse(seed: int, columns: int = 12, values: int = 6) -> np.ndarray:
    """Rows of a few kinds, alike in many columns, (ROWS, columns)."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, values, (40, columns))
    own = rng.integers(0, values, (ROWS, columns))
    return np.where(rng.random((ROWS, columns)) < 0.5, kinds[rng.integers(0, 40, ROWS)], own)


def told(train, test, **options):
    names = [f"c{i}" for i in range(train.shape[1])]
    frames = {s: pl.DataFrame(x, schema=names) for s, x in (("train", train), ("test", test))}
    report = datacheck.audit(frames, settings={"select": ("LK002",), **options})
    assert all(o.status is not Status.FAILED for o in report.outcomes), report.outcomes
    return report.findings


@settings(deadline=None, max_examples=8, derandomize=True)
@given(st.integers(0, 10_000))
def test_copies_with_one_cell_changed_are_told_in_coarse_tables_and_kinds_of_rows_are_not(seed):
    x = coarse(seed)
    train, test = x[:CUT], x[CUT:]
    assert told(train, test) == []
    rng = np.random.default_rng(seed)
    copies = train[rng.permutation(CUT)[:20]].copy()
    at = rng.integers(0, x.shape[1], 20)
    copies[np.arange(20), at] = (copies[np.arange(20), at] + 1) % 6
    (finding,) = told(train, np.concatenate([test, copies]))
    assert 15 <= finding.count <= 22
    assert finding.evidence["cells"] == finding.count


def test_a_grid_of_all_values_is_no_leak():
    x = np.stack(np.meshgrid(*[np.arange(3)] * 6), axis=-1).reshape(-1, 6)
    x = np.random.default_rng(0).permutation(x)
    assert told(x[:500], x[500:]) == []


def test_rows_of_which_one_cell_alone_varies_are_a_kind_of_row():
    x = coarse(1)
    x[:60] = x[0]
    x[:60, 3] = np.arange(60)
    x = np.random.default_rng(0).permutation(x)
    assert told(x[:CUT], x[CUT:]) == []


@given(st.lists(st.integers(0, 400), min_size=2, max_size=12))
def test_what_is_expected_is_no_more_than_there_is_further_out(pairs):
    found = expected(np.array([0, *pairs]), 1)
    further = pairs[1:]
    assert 0 < found <= max(further) + 1
    if further[0]:
        assert found <= further[0] + 1


@given(st.floats(0.05, 0.9), st.integers(1, 300))
def test_numbers_that_fall_evenly_are_gone_on_with(ratio, last):
    pairs = np.array([0, 0, *(last * ratio ** np.arange(8)[::-1])])
    assert expected(pairs, 1) >= 0.9 * last * ratio**8


@pytest.mark.parametrize("degree", [1, 2, 3, 4, 5])
def test_crowds_are_no_twins(degree):
    a, b = np.zeros(degree, dtype=np.int64), np.arange(1, degree + 1)
    assert few_twins(a, b, degree + 1).all() == (degree < 4)


def test_more_rows_ask_for_more_surprise_and_copies_leave_what_is_natural():
    assert surprise_asked(2_000) > surprise_asked(200) > surprise_asked(2) > 4
    x = coarse(3).astype(np.uint64)
    shares = [np.log(ROWS / np.bincount(c.astype(np.int64))[c.astype(np.int64)]) for c in x.T]
    first = by_nature(list(x.T), list(shares), 1, 5.0)
    more = np.concatenate([x, x[:30]])  # the same rows again are no pairs
    again = by_nature(list(more.T), [np.append(s, s[:30]) for s in shares], 1, 5.0)
    assert first == pytest.approx(again, rel=1e-12)
    assert 0 < first < 1e-3


def test_more_values_than_sixteen_bits_hold_stay_apart():
    """No two of these rows share a cell; rows 65,536 apart are compared, too."""
    n, rng = 1 << 17, np.random.default_rng(0)
    codes = [np.arange(n, dtype=np.uint64)] * 2 + [rng.permutation(n).astype(np.uint64)] * 2
    surprise: list[Any] = [np.full(n, 50.0)] * 4
    none = 1.5 * expected(np.zeros(5, dtype=np.int64), 1) / (4_096 * 4_095 / 2)
    assert by_nature(codes, surprise, 1, 60.0) == pytest.approx(none)
