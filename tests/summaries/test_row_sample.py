"""The sample is the rows with the smallest hashes, and some of each class: beside sorting all."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from datacheck.dataset import FILE_SHIFT, Batch
from datacheck.summaries.row_sample import ADDRESS, RowSample
from tests.summaries import plain_hashes

CLASSES = st.lists(st.sampled_from(["a", "b", "c", None]), max_size=60)


def batch_of(classes: list[str | None], first: int = 0, file: int = 0) -> Batch:
    rows = np.arange(first, first + len(classes))
    frame = pl.DataFrame({"x": rows * 2, "y": classes}, schema={"x": pl.Int64, "y": pl.String})
    return Batch(frame, rows, file)


def kept(classes: list[str | None], size: int, per_class: int) -> tuple[list[int], list[int]]:
    """Rows of the even sample, and with those of each class besides."""
    order = sorted(range(len(classes)), key=plain_hashes.splitmix)
    even = order[:size]
    if len(classes) <= size:
        return sorted(even), sorted(even)
    rare = [i for i in order if [j for j in order if classes[j] == classes[i]].index(i) < per_class]
    return sorted(even), sorted({*even, *rare})


@given(CLASSES, st.integers(1, 12), st.integers(1, 4), st.lists(st.integers(0, 60), max_size=4))
@settings(max_examples=60, deadline=None)
def test_the_smallest_hashes_of_all_and_of_each_class_stay(classes, size, per_class, cuts):
    edges = [0, *sorted(min(c, len(classes)) for c in cuts), len(classes)]
    found = RowSample(("x",), size=size, label="y", per_class=per_class)
    for a, b in pairwise(edges):
        other = found.fresh()
        other.update(batch_of(classes[a:b], a))
        found = found.merge(other)
        found.frame()  # what is known already is a bound for what comes
    even, rare = kept(classes, size, per_class)
    assert found.frame()[ADDRESS].to_list() == even
    shown = found.frame(with_rare=True)
    assert shown[ADDRESS].to_list() == rare
    assert shown["x"].to_list() == [2 * i for i in rare]
    assert shown["y"].to_list() == [classes[i] for i in rare]
    again = RowSample.from_bytes(found.to_bytes())
    assert again.frame(with_rare=True).equals(shown)
    assert again.frame().equals(found.frame())


@given(st.integers(0, 40), st.integers(1, 45), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_without_a_label_only_the_smallest_hashes_stay(n, size, file):
    found = RowSample(("x",), size=size)
    for start in range(0, n, 7):
        found.update(batch_of(["a"] * min(7, n - start), start, file))
    addresses = [(file << FILE_SHIFT) + i for i in range(n)]
    wanted = sorted(sorted(addresses, key=plain_hashes.splitmix)[:size])
    assert found.frame()[ADDRESS].to_list() == wanted
    assert found.frame(with_rare=True)[ADDRESS].to_list() == wanted
    assert found.frame().columns == ["x", ADDRESS]


def test_what_can_never_enter_is_not_held():
    """A late summary of the same scan holds what is as small as the fourth so far, no more."""
    found = RowSample(("x",), size=4)
    found.update(batch_of(["a"] * 50))
    found.frame()
    late = found.fresh()
    late.update(batch_of(["a"] * 100, 50))
    bound = sorted(map(plain_hashes.splitmix, range(50)))[3]
    below = [i for i in range(50, 150) if plain_hashes.splitmix(i) <= bound]
    assert late.nbytes() == len(below) * found.nbytes() / 4
    again = found.fresh()
    again.update(batch_of(["a"] * 50))
    assert again.frame()[ADDRESS].to_list() == found.frame()[ADDRESS].to_list()


def test_a_sample_has_65536_rows_and_500_of_each_class():
    n = 100_000
    rows = np.arange(n)
    frame = pl.DataFrame({"x": rows, "y": np.where(rows < 600, "rare", "common")})
    found = RowSample(("x",), label="y")
    found.update(Batch(frame, rows))
    assert found.frame().height == 65_536
    assert found.frame(with_rare=True).filter(pl.col("x") < 600).height == 500


def test_the_columns_read_are_those_sampled_and_the_label():
    assert RowSample(("x",), label="y").reads() == ("x", "y")
    assert RowSample(("x", "y"), label="y").reads() == ("x", "y")
    assert RowSample(("x",)).reads() == ("x",)


NESTED: dict[str, Any] = {
    "b": pl.Boolean, "f": pl.Float64, "i": pl.Int32, "s": pl.String, "l": pl.List(pl.String),
    "n": pl.List(pl.Float64), "t": pl.Datetime("us"),
}  # fmt: skip


def test_cells_of_any_kind_come_back_from_bytes():
    moment = datetime(2024, 2, 29, 1, 2, 3)  # noqa: DTZ001 - the summaries hold no zones
    rows = {
        "b": [True, None, False, True],
        "f": [0.5, None, -1.0, float("inf")],
        "i": [1, None, -3, 0],
        "s": ["é", None, "", "ab"],
        "l": [["x", None, "yz"], None, [], [""]],
        "n": [[1.5], None, [], [None, 2.0]],
        "t": [moment, None, moment, moment],
    }
    frame = pl.DataFrame(rows, schema=NESTED)
    found = RowSample(tuple(NESTED), size=10)
    found.update(Batch(frame, np.array([1, 4, 6, 9])))
    again = RowSample.from_bytes(found.to_bytes())
    assert again.frame().drop(ADDRESS).equals(frame)
    assert again.frame().schema == found.frame().schema
    assert again.frame()[ADDRESS].to_list() == [1, 4, 6, 9]
    assert again.equals(found)
    assert found.equals(again)
    other = RowSample(tuple(NESTED), size=10)
    assert not found.equals(other)
    assert not other.equals(found)
    assert other.equals(RowSample(tuple(NESTED), size=10))
    other.update(Batch(frame.with_columns(i=pl.lit(7, pl.Int32)), np.array([1, 4, 6, 9])))
    assert not found.equals(other)
