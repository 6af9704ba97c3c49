"""Hashes of cells and rows are those of their definition, the same on every machine."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacheck.dataset import Batch
from datacheck.summaries.hashing import (
    add_numbers,
    hash_addresses,
    hash_column,
    hash_numbers,
    hash_other,
    hash_strings,
    mix,
    mix_int,
    nfc,
    seed,
)
from datacheck.summaries.row_hashes import RowHashes
from tests.summaries import plain_hashes

FLOATS = st.one_of(st.none(), st.sampled_from([0.0, -0.0, np.nan, np.inf, 1.0]), st.floats())


def test_the_generator_gives_what_its_authors_published():
    """The first numbers of SplitMix64 from state 1234567 (the reference implementation in C)."""
    states = [(1234567 + i * plain_hashes.GOLDEN) & plain_hashes.WHOLE for i in range(5)]
    published = [
        6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431,
        16408922859458223821,
    ]  # fmt: skip
    assert mix(np.array(states, dtype=np.uint64)).tolist() == published
    assert [plain_hashes.splitmix(s) for s in states] == published
    assert [mix_int(s) for s in states] == published


@given(st.lists(st.integers(0, 2**63 - 1), max_size=20))
def test_addresses(addresses):
    found = hash_addresses(np.array(addresses, dtype=np.int64))
    assert found.tolist() == [plain_hashes.splitmix(a) for a in addresses]


@given(st.lists(FLOATS, max_size=20))
def test_numbers(values):
    found = hash_column(pl.Series(values, dtype=pl.Float64))
    assert found.tolist() == [plain_hashes.number(v) for v in values]


@pytest.mark.parametrize("dtype", [pl.Int64, pl.UInt64])
@pytest.mark.parametrize("beyond", [1, 2, 3, 2**20])
def test_whole_numbers_past_those_of_a_float_by_all_bits(dtype: Any, beyond: int):
    large = 2**53 + beyond
    values = [large, 2**53, 5, None] + ([-large, -(2**53)] if dtype == pl.Int64 else [])
    found = hash_column(pl.Series(values, dtype=dtype)).tolist()
    whole = {
        v: plain_hashes.splitmix((v & plain_hashes.WHOLE) ^ plain_hashes.GOLDEN)
        for v in (large, -large)
    }
    assert found == [
        whole[v] if v in whole else plain_hashes.number(None if v is None else float(v))
        for v in values
    ]


@given(st.lists(st.lists(st.integers(-5, 5), max_size=5) | st.none(), max_size=8))
def test_lists(lists):
    found = hash_column(pl.Series(lists, dtype=pl.List(pl.Int64))).tolist()
    none = plain_hashes.splitmix(plain_hashes.bits(None))
    assert found == [
        none if one is None else plain_hashes.listed([plain_hashes.number(v) for v in one])
        for one in lists
    ]
    wide = [one for one in lists if one is not None and len(one) == 3]
    arrays = hash_column(pl.Series(wide, dtype=pl.Array(pl.Int64, 3))).tolist()
    assert arrays == [plain_hashes.listed([plain_hashes.number(v) for v in one]) for one in wide]


def test_texts_and_what_is_no_text_yet():
    texts = pl.Series(["a", "b", None, "a", ""])
    found = hash_column(texts).tolist()
    assert found[0] == found[3]
    assert len(set(found)) == 4
    assert found[2] == plain_hashes.number(None)
    assert hash_column(texts.cast(pl.Categorical)).tolist() == found
    assert found[:2] == hash_strings(texts).to_list()[:2]
    other = hash_other(texts, "s").tolist()
    odd = plain_hashes.seed("s") | 1
    assert other == [plain_hashes.splitmix(h * odd & plain_hashes.WHOLE) for h in found]


def test_only_texts_are_normalized():
    whole, ascii_ = pl.Series([1, 2]), pl.Series(["a", None])
    assert nfc(whole) is whole
    assert nfc(ascii_) is ascii_
    assert nfc(pl.Series(["e\u0301", None])).to_list() == ["\u00e9", None]


def test_the_numbers_of_names_use_all_64_bits():
    seeds = [seed(f"column {i}") for i in range(200)]
    assert np.bitwise_or.reduce(np.array(seeds, dtype=np.uint64)) == np.uint64(2**64 - 1)
    assert np.bitwise_and.reduce(np.array(seeds, dtype=np.uint64)) == 0
    assert max(seeds) < 2**64


@given(st.lists(st.tuples(FLOATS, FLOATS, FLOATS), min_size=1, max_size=10))
@settings(max_examples=40)
def test_rows(rows):
    names = ("a", "b", "label")
    matrix = np.array([[np.nan if v is None else v for v in r] for r in rows], dtype=np.float64)
    whole = [plain_hashes.numbers(r, names) for r in rows]
    assert hash_numbers(matrix, names).tolist() == whole
    parts = np.zeros((2, len(rows)), dtype=np.uint64)
    add_numbers(parts, matrix, names, (1, 0, 1))
    assert parts[0].tolist() == [plain_hashes.numbers(r[1:2], names[1:2]) for r in rows]
    assert parts.sum(axis=0, dtype=np.uint64).tolist() == whole


def rows_of(n: int, start: int = 0, step: int = 1) -> Batch:
    """n rows of three numbers and a text."""
    x = np.arange(start, start + n)
    frame = pl.DataFrame(
        {"a": x * 0.5, "b": x % 3, "s": [f"t{i % 4}" for i in x.tolist()], "y": x % 2 == 0}
    )
    return Batch(frame, x * step)


@pytest.mark.parametrize("parts", ["", "021", "000", "120"])
def test_a_row_hash_is_the_sum_over_columns_and_each_part_that_over_its_own(parts):
    batch = rows_of(9)
    hashes = RowHashes(("a", "b", "s"), label="y", parts=parts)
    hashes.update(batch)
    columns = {
        "a": [plain_hashes.numbers([v], ["a"]) for v in batch.frame["a"]],
        "b": [plain_hashes.numbers([float(v)], ["b"]) for v in batch.frame["b"]],
        "s": hash_other(batch.frame["s"], "s").tolist(),
    }
    total = [sum(cells) & plain_hashes.WHOLE for cells in zip(*columns.values(), strict=True)]
    assert hashes.features().tolist() == total
    for part in range(3) if parts else ():
        own = [columns[c] for c, p in zip("abs", parts, strict=True) if int(p) == part]
        wanted = [sum(cells) & plain_hashes.WHOLE for cells in zip(*own, strict=True)] or [0] * 9
        assert hashes.part(part).tolist() == wanted
    assert hashes.labels().tolist() == [
        plain_hashes.splitmix(plain_hashes.number(float(v))) for v in batch.frame["y"]
    ]
    assert hashes.sorted_features().tolist() == sorted(total)


@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from([1, 2])), min_size=1, max_size=5))
def test_runs_of_rows_and_rows_with_gaps_keep_their_addresses(sizes):
    """A run of consecutive rows is held as its first address."""
    hashes, known, start = RowHashes(("a",)), [], 0
    parts = []
    for n, step in sizes:
        batch = rows_of(n, start, step)
        parts.append(batch)
        known += batch.addresses.tolist()
        start = 2 * (start + n)
    for batch in reversed(parts):
        hashes.update(batch)
    assert hashes.addresses().tolist() == known
    assert hashes.rows == len(known)
    x = [v / 2 for batch in parts for v in (batch.frame["a"] * 2).to_list()]
    assert hashes.features().tolist() == [plain_hashes.numbers([v], ["a"]) for v in x]
    state = hashes.state()
    assert state["addresses"].tolist() == known
    assert RowHashes.from_bytes(hashes.to_bytes()).features().tolist() == hashes.features().tolist()


def test_consecutive_rows_take_sixteen_bytes_each_and_eight_for_the_first(monkeypatch):
    for step, addresses in ((1, 1), (2, 6)):
        size = 16 * 6 + 8 * addresses
        for spill, held in ((size, size), (size - 1, 0)):
            monkeypatch.setattr(RowHashes, "SPILL", spill)
            hashes = RowHashes(("a",), label="y")
            hashes.update(rows_of(6, 1, step))
            assert hashes.nbytes() == held
            assert hashes.addresses().tolist() == [step * i for i in range(1, 7)]
            two = RowHashes(("a",), label="y").merge(hashes)
            two.update(rows_of(6, 20, step))
            assert two.rows == 12
            assert two.features().size == 12
