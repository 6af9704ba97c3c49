"""Rounded rows: candidates, what is close, and what is rare, against plain loops."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks.near import rounded
from datacheck.checks.near.rounded import _candidates, _near, _rare, significant

NAN, INF = math.nan, math.inf


def near(x, y, *, rare=3, columns=3, others=()):
    """Whether two rows are near whose first cells are those and whose others are equal."""
    matrix = np.array([[x, *range(1, columns)], [y, *range(1, columns)]], dtype=float)
    some = np.arange(columns) < rare
    found = _near(matrix, list(others), np.stack([some, some]), np.array([0]), np.array([1]))
    return found.tolist() == [0]


@pytest.mark.parametrize(
    ("x", "y", "close"),
    [
        (1000.0, 994.0, True), (994.0, 1000.0, True), (-1000.0, -994.0, True),  # 0.006 exactly
        (1000.0, 993.0, False), (1000.0, 989.0, False), (1000.0, 996.5, True),
        (1000.0, -1000.0, False), (INF, INF, False), (INF, -INF, False), (INF, 5.0, False),
        (NAN, NAN, False), (NAN, 5.0, False), (5.0, 5.0, False),
    ],
)  # fmt: skip
def test_rounding_changes_a_number_by_six_in_a_thousand(x, y, close):
    """Rows of which all cells are equal are the same and not near."""
    assert near(x, y) == close


def test_cells_that_are_missing_or_infinite_in_both_are_equal():
    row = np.array([[1000.0, NAN, INF, 7.0], [997.0, NAN, INF, 7.0]])
    some = np.ones((2, 4), dtype=bool)
    found = _near(row, [], some, np.array([0]), np.array([1]))
    assert found.tolist() == [0]


def test_three_columns_are_rare_in_both_rows_and_all_else_is_equal():
    assert near(1000.0, 997.0, columns=5, rare=3)
    assert not near(1000.0, 997.0, columns=5, rare=2)
    matrix = np.array([[1000.0, 1, 2, 3], [997.0, 1, 2, 3]])
    rare = np.array([[True, True, True, False], [False, True, True, True]])
    assert _near(matrix, [], rare, np.array([0]), np.array([1])).size == 0
    same, other = np.array([5, 5], dtype=np.uint64), np.array([5, 6], dtype=np.uint64)
    assert near(1000.0, 997.0, others=[same])
    assert not near(1000.0, 997.0, others=[same, other])


@pytest.mark.parametrize("cells", [1, 8, 1 << 22])
def test_pairs_are_compared_some_at_a_time(cells, monkeypatch):
    monkeypatch.setattr(rounded, "CELLS", cells)
    matrix = np.array([[100.0 + 0.1 * i, 5, 6] for i in range(12)])
    a, b = (np.array(p) for p in zip(*combinations(range(12), 2), strict=True))
    found = _near(matrix, [], np.ones((12, 3), dtype=bool), a, b)
    close = np.abs(matrix[a, 0] - matrix[b, 0]) <= 0.006 * np.maximum(matrix[a, 0], matrix[b, 0])
    assert found.tolist() == np.flatnonzero(close).tolist()


@given(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=2, max_size=20))
def test_values_of_at_most_four_rows_are_rare_and_so_is_agreement_in_three(rows):
    codes = np.array(rows, dtype=np.uint64)
    rare, accident = _rare(codes)
    n = len(rows)
    chances = []
    for k, column in enumerate(zip(*rows, strict=True)):
        counts = {v: column.count(v) for v in column}
        assert rare[:, k].tolist() == [counts[v] <= 4 for v in column]
        pairs = sum(c * (c - 1) for c in counts.values() if c <= 4)
        chances.append((pairs + 3) / (n * (n - 1)))
    wanted = sum(math.prod(some) for some in combinations(chances, 3))
    assert accident == pytest.approx(5 * wanted)


@given(st.lists(st.lists(st.integers(0, 2), min_size=7, max_size=7), min_size=2, max_size=16),
       st.lists(st.lists(st.integers(0, 2), min_size=7, max_size=7), min_size=16,
                max_size=16))  # fmt: skip
def test_candidates_agree_in_one_of_three_parts_at_some_number_of_digits(fine, rough):
    n = len(fine)
    codes = {3: np.array(fine, dtype=np.uint64), 2: np.array(rough[:n], dtype=np.uint64)}
    wanted = {
        (i, j)
        for i, j in combinations(range(n), 2)
        for c in codes.values()
        for part in range(3)
        if (c[i, part::3] == c[j, part::3]).all()
    }
    a, b = _candidates(codes, n)
    assert list(zip(a.tolist(), b.tolist(), strict=True)) == sorted(wanted)


@pytest.mark.parametrize(
    ("value", "digits", "wanted"),
    [(1.25e-299, 2, 1.2e-299), (9.99, 2, 10.0), (0.012345, 3, 0.0123), (-98765.0, 2, -99000.0),
     (1e300, 3, 1e300), (1e-300, 2, 1e-300), (5e-301, 1, 5e-301)],
)  # fmt: skip
def test_numbers_are_rounded_to_significant_digits(value, digits, wanted):
    assert significant(np.array([value]), digits)[0] == pytest.approx(wanted, rel=1e-12)
