from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from datacheck.pipelines.fitting.gathering import (
    most_frequent,
    sample_rows,
    value_counts,
)
from tests.pipelines.transforms.frames import blocks, drawn


@settings(max_examples=25)
@given(
    st.integers(0, 10_000), st.integers(0, 60), st.integers(5, 30), st.sampled_from([3, 30, 10**6])
)
def test_the_most_frequent_value_is_exact_whatever_may_be_held(seed, rows, size, most):
    frame = drawn(seed, rows)
    found = most_frequent(blocks(frame, size), ("x", "i", "c", "b"), most=most)
    for column, value in found.items():
        cells = [v for v in frame[column].drop_nulls().to_list() if v == v and abs(v) < np.inf] \
            if column in ("x", "i") else frame[column].drop_nulls().to_list()  # fmt: skip
        counts = Counter(cells)
        want = min(counts, key=lambda v: (-counts[v], v)) if counts else None
        assert value == want


def test_value_counts_are_none_past_what_may_be_held():
    frame = pl.DataFrame({"c": ["a", "b", "c", "a"]})
    counted = value_counts(blocks(frame, 2), ("c",))
    assert counted is not None
    assert counted["c"].rows() == [("a", 2), ("b", 1), ("c", 1)]
    assert value_counts(blocks(frame, 2), ("c",), most=2) is None


@given(st.integers(0, 80), st.integers(1, 30), st.integers(1, 40), st.integers(0, 3))
def test_the_sample_does_not_depend_on_blocks(rows, size, most, seed):
    frame = pl.DataFrame({"n": np.arange(rows)})
    got, total = sample_rows(blocks(frame, size), ("n",), most, seed)
    again, _ = sample_rows(blocks(frame, rows + 1), ("n",), most, seed)
    assert total == rows
    assert got["n"].to_list() == again["n"].to_list() == sorted(got["n"].to_list())
    assert got.height == min(rows, most)
