"""Hashes are typed canonically: what a person calls the same value has the same hash."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from datacheck.summaries.hashing import hash_column, hash_numbers


def test_one_value_in_many_types():
    types = (pl.Int8, pl.UInt32, pl.Int64, pl.UInt64, pl.Float32, pl.Float64)
    one = [pl.Series([1], dtype=t) for t in types]
    assert len({int(hash_column(s)[0]) for s in [*one, pl.Series([True])]}) == 1


def test_the_largest_whole_numbers_that_a_float_holds():
    for v in (2**53, -(2**53), 2**53 - 1, 1 - 2**53):
        whole, floating = pl.Series([v], dtype=pl.Int64), pl.Series([float(v)])
        assert hash_column(whole).tolist() == hash_column(floating).tolist()
    beyond = pl.Series([2**53, 2**53 + 1, None], dtype=pl.Int64)
    assert len(set(hash_column(beyond).tolist())) == 3


def test_zeros_and_missing():
    plus, minus, nan, null = hash_column(pl.Series([0.0, -0.0, float("nan"), None])).tolist()
    assert plus == minus
    assert nan == null != plus
    assert hash_column(pl.Series([None], dtype=pl.String)).tolist() == [null]


def test_text_is_compared_after_nfc():
    a, b, c = hash_column(pl.Series(["\u00e9", "e\u0301", "e"])).tolist()
    assert a == b != c


@given(st.lists(st.integers(2**53 + 1, 2**63 - 1), min_size=2, max_size=20, unique=True))
def test_keys_of_64_bits_are_told_apart(keys):
    assert np.unique(hash_column(pl.Series(keys, dtype=pl.Int64))).size == len(keys)
    signed = [-k for k in keys]
    assert np.unique(hash_column(pl.Series(signed, dtype=pl.Int64))).size == len(keys)


@given(st.lists(st.lists(st.integers(0, 2), max_size=4), min_size=2, max_size=10))
def test_lists_are_told_apart_by_order_and_length(lists):
    hashes = hash_column(pl.Series(lists, dtype=pl.List(pl.Int64))).tolist()
    for a, x in zip(lists, hashes, strict=True):
        for b, y in zip(lists, hashes, strict=True):
            assert (a == b) == (x == y)


def test_row_hash_does_not_depend_on_the_order_of_columns():
    x = np.random.default_rng(0).normal(size=(50, 3))
    there = hash_numbers(x, ("a", "b", "c"))
    back = hash_numbers(x[:, ::-1].copy(), ("c", "b", "a"))
    assert np.array_equal(there, back)
    assert not np.array_equal(there, hash_numbers(x, ("b", "a", "c")))
