"""Pairs: exact up to 255, then to 8 bits; copies need some words; what is out of proportion."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from datacheck.dataset import Batch
from datacheck.summaries.pairs import Pairs, copies, rounded
from datacheck.summaries.ratios import Proportion


@given(st.lists(st.integers(0, 1 << 40), min_size=1))
def test_lengths_are_rounded_down_by_less_than_one_in_128(lengths):
    given_ = np.array(lengths, dtype=np.int64)
    capped = np.minimum(given_, (1 << 31) - 1)
    found = rounded(given_)
    assert (found <= capped).all()
    assert (
        capped[given_ < 1 << 31] - found[given_ < 1 << 31] <= capped[given_ < 1 << 31] / 128
    ).all()
    assert (found[given_ < 256] == given_[given_ < 256]).all()
    assert (rounded(found) == found).all()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=60))
def test_a_table_of_lengths(sizes):
    frame = pl.DataFrame(
        {"a": ["x " * a for a, _ in sizes], "b": ["y " * b for _, b in sizes]},
        schema={"a": pl.String, "b": pl.String},
    )
    found = Pairs(("a", "b"), source="a", target="b")
    found.update(Batch(frame, np.arange(len(sizes))))
    of, to, n = found.table()
    assert dict(zip(zip(of.tolist(), to.tolist(), strict=True), n.tolist(), strict=True)) == {
        pair: sizes.count(pair) for pair in set(sizes)
    }
    assert found.whole == len(sizes)


def test_copies_need_some_words_and_both_sides():
    a = pl.Series(["one two three four", " one two three four", "OK", None, ""])
    b = pl.Series(["one two three four", "one two three four\t", "OK", None, ""])
    assert copies(a, b, 4).tolist() == [True, True, False, False, False]
    lists = pl.Series([["a"] * 5, ["a"] * 5, None])
    assert copies(lists, pl.Series([["a"] * 5, ["b"] * 5, None]), 4).tolist() == [
        True,
        False,
        False,
    ]
    assert copies(a, lists.extend(lists)[:5], 1).tolist() == [False] * 5


def test_what_is_out_of_proportion():
    usual = Proportion(1.0, 0.5, 2.0, 8.0)
    of, to = np.array([10, 10, 10, 2, 0, 40]), np.array([10, 25, 4, 9, 30, 15])
    ends = np.array([20, 20, 20, 1, 40, 8, 9]), np.array([40, 41, 10, 40, 1, 0, 1])
    # The bounds themselves are usual; a difference of 8 is enough; one word is a length.
    assert usual.off(*ends).tolist() == [False, True, False, True, True, False, True]
    # Of (10, 4) and (2, 9) the difference is too small; an empty side is no ratio.
    assert usual.off(of, to).tolist() == [False, True, False, False, False, True]


def test_all_copies_are_counted_and_the_first_are_named():
    frame = pl.DataFrame({"a": ["one two"] * 200, "b": ["one two", "x"] * 100})
    found = Pairs(("a", "b"), source="a", target="b")
    for start in range(0, 200, 50):
        found.update(Batch(frame[start : start + 50], np.arange(start, start + 50)))
    assert (found.copied, found.whole) == (100, 200)
    assert found.first.tolist() == list(range(0, 128, 2))
