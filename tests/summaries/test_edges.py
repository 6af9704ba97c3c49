"""Summaries at their edges: rounding, caps, budgets of memory, and what is equal to what."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacheck.dataset import Batch, Measure
from datacheck.summaries.base import Need, Summary, summary_key
from datacheck.summaries.keys import Keys
from datacheck.summaries.lengths import Histogram, Lengths, lengths_of
from datacheck.summaries.nulls import Nulls
from datacheck.summaries.pairs import KEPT, Pairs, copies, rounded
from datacheck.summaries.ratios import Proportion
from datacheck.summaries.spilling import spilled
from datacheck.summaries.thumbnails import CELLS, Thumbnails
from datacheck.summaries.values import Values, canonical_strings
from tests.summaries import plain_hashes


def frame_of(**columns: Any) -> Batch:
    frame = pl.DataFrame(columns)
    return Batch(frame, np.arange(frame.height))


def filled(summary: Summary, *batches: Batch) -> Any:
    for batch in batches:
        summary.update(batch)
    return summary


# -- lengths -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("over", "reached"), [(0.75e-9, 3.0), (1.5e-9, 9.0), (0.0, 3.0), (-0.5, 3.0), (0.5, 9.0)]
)
def test_a_quantile_is_reached_but_for_the_rounding_of_a_billionth_row(over, reached):
    h = Histogram(np.array([3, 9]), np.array([1, 1]), 0)
    assert h.quantile((1 + over) / 2) == reached


def test_figures_of_a_known_histogram():
    h = Histogram(np.array([0, 2, 5]), np.array([2, 1, 1]), 7)
    assert (h.n, h.max, h.empty, h.missing) == (4, 5, 2, 7)
    assert h.mean == 7 / 4
    assert h.cdf().tolist() == [0.5, 0.75, 1.0]
    off = np.array([0, 0, 2, 5]) - 1.75
    assert h.skewness == pytest.approx((off**3).mean() / (off**2).mean() ** 1.5, rel=1e-12)
    nothing = Histogram(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), 0)
    assert nothing.cdf().tolist() == []


def test_lengths_of_lists_arrays_and_texts_in_every_unit():
    lists = pl.Series([[1, 2], [], None], dtype=pl.List(pl.Int64))
    assert lengths_of(lists).to_list() == [2, 0, None]
    arrays = pl.Series([[1, 2], None], dtype=pl.Array(pl.Int64, 2))
    assert lengths_of(arrays).to_list() == [2, None]
    texts = pl.Series("t", [" a bc\n", "", " \t", None, "é"])
    assert lengths_of(texts).to_list() == [2, 0, 0, None, 1]
    characters = lengths_of(texts, Measure("characters"))
    assert characters.to_list() == [6, 0, 0, None, 1]
    assert characters.name == "t"
    assert characters.dtype == pl.Int64


@given(st.lists(st.lists(st.integers(0, 9), max_size=12), min_size=1, max_size=4))
@settings(max_examples=30, deadline=None)
def test_lengths_add_up_on_both_sides_of_the_table(parts):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("datacheck.summaries.lengths.DENSE", 4)
        whole = Lengths(("s",))
        for sizes in parts:
            texts = pl.Series("s", ["w " * n for n in sizes], dtype=pl.String)
            other = filled(Lengths(("s",)), Batch(texts.to_frame(), np.arange(len(sizes))))
            whole.merge(Lengths.from_bytes(other.to_bytes()))
    every = [n for sizes in parts for n in sizes]
    lengths, counts = np.unique(every, return_counts=True)
    assert whole["s"].lengths.tolist() == lengths.tolist()
    assert whole["s"].counts.tolist() == counts.tolist()
    assert "s" in whole
    assert "t" not in whole


# -- pairs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "kept"),
    [
        (0, 0), (1, 1), (255, 255), (256, 256), (257, 256), (258, 258), (511, 510), (512, 512),
        (515, 512), (516, 516), (1023, 1020), (2**31 - 1, 255 << 23),
    ],
)  # fmt: skip
def test_lengths_keep_their_eight_highest_bits(length, kept):
    assert rounded(np.array([length])).tolist() == [kept]


def test_what_is_longer_still_fits_into_half_a_key():
    found = rounded(np.array([2**31, 2**40, 2**62]))
    assert (found < 2**31).all()
    assert (found >= 0).all()


@given(st.lists(st.integers(0, 2**31 - 1), max_size=20))
def test_rounding_is_that_of_the_bits(lengths):
    wanted = [n >> max(n.bit_length() - 8, 0) << max(n.bit_length() - 8, 0) for n in lengths]
    assert rounded(np.array(lengths, dtype=np.int64)).tolist() == wanted


def test_pairs_with_a_missing_side_are_left_aside():
    pairs = Pairs(("a", "b"), source="a", target="b", least=2)
    batch = frame_of(a=["x y", None, "u v w", "", None], b=["x y", "z", None, "", None])
    for found in (filled(pairs, batch), Pairs.from_bytes(pairs.to_bytes())):
        of, to, n = found.table()
        assert list(zip(of.tolist(), to.tolist(), n.tolist(), strict=True)) == [
            (0, 0, 1), (2, 2, 1),
        ]  # fmt: skip
        assert (found.whole, found.copied, found.first.tolist()) == (2, 1, [0])
    with_more = Pairs(("a", "b"), source="a", target="b", least=2).merge(pairs)
    with_more.merge(filled(Pairs(("a", "b"), source="a", target="b", least=2), batch))
    assert (with_more.whole, with_more.copied) == (4, 2)
    assert with_more.table()[2].tolist() == [2, 2]


def test_tables_hold_long_sources_and_long_targets():
    batch = frame_of(a=[[0] * 70_000, [0], [0], []], b=[[0], [0] * 70_000, [0], []])
    found = filled(Pairs(("a", "b"), source="a", target="b"), batch)
    of, to, n = found.table()
    long = 70_000 >> 9 << 9
    assert of.tolist() == [0, 1, 1, long]
    assert to.tolist() == [0, 1, long, 1]
    assert n.tolist() == [1] * 4
    assert found.first.tolist() == [2]  # one item is enough, none is not


def test_the_first_copies_are_named_whatever_the_order():
    texts = [f"word {i}" for i in range(2 * KEPT)]
    whole = Pairs(("a", "b"), source="a", target="b")
    for start in range(2 * KEPT - 8, -1, -8):
        part = pl.DataFrame({"a": texts[start : start + 8], "b": texts[start : start + 8]})
        whole.update(Batch(part, np.arange(start, start + 8)))
    assert whole.first.tolist() == list(range(KEPT))
    assert whole.copied == 2 * KEPT


@pytest.mark.parametrize(("least", "named"), [(1, [0, 1, 2]), (2, [1, 2]), (3, [2]), (4, [])])
def test_copies_say_at_least_so_many_words(least, named):
    texts = pl.Series(["a", "a b", "a b c"])
    assert np.flatnonzero(copies(texts, texts, least)).tolist() == named


def test_the_bounds_of_a_proportion_are_usual_and_the_difference_is_enough():
    off = Proportion(2.0, 1.0, 4.0, 16.0).off
    of = np.array([8, 8, 8, 16, 16, 16, 1, 4, 0])
    to = np.array([32, 34, 36, 16, 15, 14, 18, 17, 20])
    # 8→32 and 16→16 are on the bounds; 16→15 is 17 from usual; 1→18 exactly 16; 4→17 only 9.
    assert off(of, to).tolist() == [False, True, True, False, True, True, True, False, False]
    assert not off(np.array([17]), np.array([0])).any()


# -- keys, values, nulls -------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(0, 30), max_size=20), max_size=5), st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_the_smallest_key_hashes_stay_with_their_counts(parts, cap):
    whole = Keys(("i",), cap=cap)
    for part in parts:
        whole.merge(filled(Keys(("i",), cap=cap), frame_of(i=pl.Series(part, dtype=pl.Int64))))
    every = [i for part in parts for i in part]
    plain = sorted((plain_hashes.number(float(i)), every.count(i)) for i in set(every))[:cap]
    assert whole.hashes("i").tolist() == [h for h, _ in plain]
    assert whole.counts("i").tolist() == [n for _, n in plain]
    assert whole.complete("i") == (len(set(every)) <= cap)


@pytest.mark.parametrize("kind", [Keys, Values])
def test_what_is_no_longer_complete_never_is_again(kind):
    for other in (frame_of(s=["a"]), frame_of(s=[None])):
        for swapped in (False, True):
            some, more = kind(("s",), cap=2), filled(kind(("s",), cap=2), other)
            some.update(frame_of(s=["a", "b", "c"]))
            assert not some.complete("s")
            assert more.complete("s")
            both = more.merge(some) if swapped else some.merge(more)
            assert not both.complete("s")
            assert not kind.from_bytes(both.to_bytes()).complete("s")


def test_all_of_four_million_keys_and_of_fifty_thousand_values_are_there():
    for kind, most in ((Keys, 4_000_000), (Values, 50_000)):
        whole = pl.DataFrame({"i": np.arange(most)})
        found = filled(kind(("i",)), Batch(whole, np.arange(most)))
        assert found.complete("i")
        found.update(Batch(pl.DataFrame({"i": [most]}), np.zeros(1, dtype=np.int64)))
        assert not found.complete("i")


def test_missing_cells_are_no_key():
    batch = frame_of(f=[1.0, None, math.nan, 1.0], s=["a", None, "b", None])
    found = filled(Keys(("f", "s")), batch)
    assert found.counts("f").tolist() == [2]
    assert found.counts("s").tolist() == [1, 1]


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(2, 30))
@settings(max_examples=40, deadline=None)
def test_values_past_the_cap_are_a_sample_and_their_number_an_estimate(values, cap):
    every = pl.Series([f"v{i}" for i in values], dtype=pl.String)
    found = filled(Values(("s",), cap=cap), frame_of(s=every))
    distinct = len(set(values))
    assert len(found["s"]) == min(cap, distinct)
    assert found.complete("s") == (distinct <= cap)
    if distinct <= cap:
        assert found.distinct("s") == distinct
    else:  # (k − 1) over the k-th smallest hash, as a share of all hashes
        hashes = sorted(every.unique().hash(0x5EED))
        assert found.distinct("s") == pytest.approx((cap - 1) / (hashes[cap - 1] / 2**64))


def test_a_number_is_one_value_however_it_is_written():
    floats = pl.Series([1.0, -0.0, 0.0, 2.5, math.nan, None, 10.0])
    assert canonical_strings(floats).to_list() == ["1", "0", "0", "2.5", None, None, "10"]
    assert canonical_strings(pl.Series([1, 10])).to_list() == ["1", "10"]
    assert canonical_strings(pl.Series([True, None])).to_list() == ["true", None]
    found = filled(Values(("f", "b")), frame_of(f=[1.0, 0.0, -0.0], b=[True, False, True]))
    assert found["f"] == {"0": 2, "1": 1}
    assert found["b"] == {"true": 2, "false": 1}
    assert "f" in found
    assert "g" not in found


def test_nulls_add_up():
    batch = frame_of(f=[1.0, None, math.nan, math.nan], s=["a", None, "b", "c"])
    found = filled(Nulls(("f", "s")), batch, batch).merge(filled(Nulls(("f", "s")), batch))
    assert (found["f"], found["s"], found.rows) == (9, 3, 12)
    alone = filled(Nulls(()), batch)
    assert alone.rows == 4


# -- what is equal, what is held -----------------------------------------------------------------


class Kept(Summary):
    """Holds a state as it is given."""

    state_: dict[str, Any]

    def update(self, batch: Batch) -> None:
        del batch

    def merge(self, other: Kept) -> Kept:
        del other
        return self

    def state(self) -> dict[str, Any]:
        return self.state_

    def restore(self, state: dict[str, Any]) -> None:
        self.state_ = state


def kept(**state: Any) -> Kept:
    out = Kept(("c",))
    out.state_ = state
    return out


@pytest.mark.parametrize(
    ("a", "b", "rtol", "equal"),
    [
        (np.array([1.0, np.nan]), np.array([1.0, np.nan]), 0.0, True),
        (np.array([1.0]), np.array([1.0 + 1e-6]), 0.0, False),
        (np.array([1.0]), np.array([1.0 + 1e-6]), 1e-5, True),
        (np.array([0.0]), np.array([1e-12]), 1e-5, False),
        (np.array([1.0]), np.array([1.0, 1.0]), 1.0, False),
        (np.array([1]), np.array([2]), 9.0, False),
        (np.array([1]), np.array([1]), 0.0, True),
        (np.array([1]), np.array([[1]]), 0.0, False),
        (3, 3, 0.0, True),
        (3, 4, 9.0, False),
        (["a"], ["a"], 0.0, True),
        (["a"], ["b"], 0.0, False),
    ],
)
def test_states_are_equal_within_the_scale_of_their_floats(a, b, rtol, equal):
    assert kept(x=a).equals(kept(x=b), rtol) is equal
    assert not kept(x=a).equals(kept(y=a), 1.0)
    assert not kept(x=a, y=a).equals(kept(x=a), 1.0)


def test_a_summary_is_bytes_and_back_and_says_its_size():
    one = kept(x=np.arange(5), y=np.array([0.5]), z=["a", "b"], n=3)
    again = Kept.from_bytes(one.to_bytes())
    assert again.columns == ("c",)
    assert again.equals(one)
    assert one.nbytes() == 5 * 8 + 8 + 2 * 64
    assert one.reads() == ("c",)
    assert summary_key("kind", (("cap", 3), ("label", "y"))) == "kind(cap=3, label='y')"
    assert summary_key("kind") == "kind"
    assert Need("a") < Need("b") < Need("b", ("c",))


def test_arrays_that_go_to_a_file_come_back_each_as_it_was():
    chunks = [
        {"a": np.arange(5), "b": np.zeros((0, 3)), "c": np.array([[1.5, 2.5]])},
        {"a": np.array([7], dtype=np.int64), "b": np.ones((2, 3)), "c": np.zeros((0, 2))},
    ]
    moved = spilled(chunks)
    again = spilled([*moved, {"a": np.arange(2), "b": np.ones((1, 3)), "c": np.zeros((1, 2))}])
    for found in (moved, again[:2]):
        for one, other in zip(chunks, found, strict=True):
            assert one.keys() == other.keys()
            for name in one:
                assert np.array_equal(one[name], other[name])
                assert isinstance(other[name], np.memmap) == bool(one[name].size)
    assert again[0]["a"] is moved[0]["a"]  # what is in a file already stays there
    assert np.array_equal(again[2]["a"], np.arange(2))


@pytest.mark.parametrize(("less", "held"), [(0, True), (1, False)])
def test_thumbnails_leave_memory_past_their_budget(less, held, monkeypatch):
    size = 2 * (8 + 8 + CELLS)
    monkeypatch.setattr(Thumbnails, "SPILL", size - less)
    schema: dict[str, Any] = {"p": pl.UInt64, "g": pl.List(pl.UInt8)}
    rows = {"p": [5, 6, 7, None], "g": [[1] * CELLS, [2] * CELLS, [3] * (CELLS - 1), [4] * CELLS]}
    batch = Batch(pl.DataFrame(rows, schema=schema), np.array([4, 5, 8, 9]))
    found = filled(Thumbnails(("p", "g"), phash="p", grey="g"), batch)
    assert found.nbytes() == (size if held else 0)
    assert found.addresses().tolist() == [4, 5]
    assert found.hashes().tolist() == [5, 6]
    assert found.levels(np.array([1, 0, 1])).reshape(3, -1).tolist() == [
        [n] * CELLS for n in (2, 1, 2)
    ]
    assert found.levels(np.array([0])).shape == (1, 16, 16)
