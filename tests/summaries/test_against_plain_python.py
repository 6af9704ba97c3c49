"""What the summaries say, beside plain Python over the same rows."""

from __future__ import annotations

import math
import re
import statistics
import unicodedata
from collections import Counter
from fractions import Fraction
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacheck.dataset import Batch
from datacheck.summaries.keys import Keys
from datacheck.summaries.lengths import DENSE, Histogram, Lengths
from datacheck.summaries.moments import Moments
from datacheck.summaries.nulls import Nulls
from datacheck.summaries.row_hashes import RowHashes
from datacheck.summaries.row_sample import ADDRESS, RowSample
from datacheck.summaries.tokens import Tokens
from datacheck.summaries.values import Values
from tests.summaries.strategies import SCHEMA, batches

near = pytest.approx
# What has the property White_Space, as Polars sees it; str.split() cuts at four controls besides.
WHITE = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)


def words(text):
    return [w for w in re.split(f"[{WHITE}]+", text) if w]


def same(value):
    """What is one text however its accents are written has one hash."""
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


def filled(summary, batch):
    """The summary of a batch that came in two parts, merged."""
    middle = batch.height // 2
    other = summary.fresh()
    for into, rows in ((summary, slice(0, middle)), (other, slice(middle, None))):
        tokens = {c: s[rows] for c, s in batch.tokens.items()}
        into.update(Batch(batch.frame[rows], batch.rows[rows], batch.file, tokens))
    return summary.merge(other)


numbers = st.lists(
    st.one_of(
        st.none(), st.sampled_from([0.0, -0.0, 1.0, math.nan, math.inf, -math.inf]),
        st.integers(-9, 9).map(lambda n: n / 2),
    ),
    max_size=30,
)  # fmt: skip


@given(numbers)
def test_moments(values):
    frame = pl.DataFrame({"x": values, "y": [1.0] * len(values)}, schema={"x": float, "y": float})
    found = filled(Moments(("x", "y")), Batch(frame, np.arange(len(values))))
    x = found["x"]
    known = [v for v in values if v is not None]
    finite = [v for v in known if math.isfinite(v)]
    assert x.n == len(values)
    assert x.null == values.count(None)
    assert x.nan == sum(map(math.isnan, known))
    assert x.missing == x.null + x.nan
    assert (x.posinf, x.neginf) == (known.count(math.inf), known.count(-math.inf))
    assert x.finite == len(finite)
    assert x.zeros == finite.count(0.0)
    assert x.fractional == sum(v != int(v) for v in finite)
    infinite = x.posinf + x.neginf > 0
    assert x.constant == (not infinite and len(set(finite)) <= 1)
    if finite:
        assert (x.min, x.max) == (min(finite), max(finite))
        assert (x.at_min, x.at_max) == (finite.count(min(finite)), finite.count(max(finite)))
        assert x.mean == near(statistics.fmean(finite), abs=1e-12)
        assert x.var == near(statistics.pvariance(finite), abs=1e-12)
        assert x.sd == near(statistics.pstdev(finite), abs=1e-12)
        assert math.copysign(1, x.min) == 1 or x.min < 0
    else:
        assert all(map(math.isnan, (x.mean, x.var, x.min, x.max)))
    assert found["y"].finite == len(values)


def test_moments_of_huge_and_of_far_numbers():
    for values in ([1e308, 1.5e308, -1e308], [1e9 + 0.25, 1e9 + 0.75, 1e9 + 0.5]):
        frame = pl.DataFrame({"x": values * 3})
        x = filled(Moments(("x",)), Batch(frame, np.arange(9)))["x"]
        exact = [Fraction(v) for v in values]
        assert x.mean == near(float(sum(exact) / 3), rel=1e-12)
        mean = sum(exact) / 3
        assert (x.var == math.inf) == (values[0] == 1e308)
        if math.isfinite(x.var):
            assert x.var == near(float(sum((v - mean) ** 2 for v in exact) / 3), rel=1e-6)


@given(batches())
def test_nulls_are_missing_cells(batch):
    found = filled(Nulls(tuple(SCHEMA)), batch)
    assert found.rows == batch.height
    for column in SCHEMA:
        cells = batch.frame[column].to_list()
        gone = [c is None or (isinstance(c, float) and math.isnan(c)) for c in cells]
        assert found[column] == sum(gone), column


@given(batches())
def test_counts_of_values(batch):
    found = filled(Values(("i", "b", "s")), batch)
    for column, written in (("i", str), ("b", lambda v: str(v).lower()), ("s", str)):
        plain = Counter(written(v) for v in batch.frame[column].to_list() if v is not None)
        assert found[column] == dict(plain), column
        order = list(found[column].items())
        assert order == sorted(order, key=lambda vn: (-vn[1], vn[0]))
        assert found.complete(column)
        assert found.distinct(column) == len(plain)


@pytest.mark.parametrize("cap", [5, 50, 400])
def test_counts_past_their_cap_are_exact_for_those_that_stay(cap):
    texts = [f"v{i % 700}" for i in range(3000)]
    whole = Counter(texts)
    found = Values(("s",), cap=cap)
    for start in range(0, 3000, 100):
        part = pl.DataFrame({"s": texts[start : start + 100]})
        found.update(Batch(part, np.arange(start, start + 100)))
    assert len(found["s"]) == cap
    assert all(whole[v] == n for v, n in found["s"].items())
    assert not found.complete("s")
    assert found.distinct("s") == near(700, rel=4 / math.sqrt(cap))
    exactly = Values(("s",), cap=700)
    exactly.update(Batch(pl.DataFrame({"s": texts}), np.arange(3000)))
    assert exactly.complete("s")
    assert exactly.distinct("s") == 700


def test_a_whole_number_is_one_value_however_it_is_written():
    frame = pl.DataFrame({"x": [1.0, 1.0, -0.0, 0.0, 2.5, math.nan, None]})
    found = Values(("x",))
    found.update(Batch(frame, np.arange(7)))
    assert found["x"] == {"0": 2, "1": 2, "2.5": 1}


@given(batches())
def test_keys(batch):
    found = filled(Keys(("i", "s", "f")), batch)
    for column in ("i", "s", "f"):
        cells = [same(v) for v in batch.frame[column].to_list() if v is not None and v == v]
        plain = Counter(cells)
        assert sorted(found.counts(column).tolist()) == sorted(plain.values()), column
        assert found.complete(column)
        hashes = found.hashes(column).tolist()
        assert hashes == sorted(set(hashes))


def test_keys_past_their_cap():
    for cap, complete in ((299, False), (300, True), (301, True)):
        found = Keys(("i",), cap=cap)
        for start in range(0, 3000, 500):
            part = pl.DataFrame({"i": [i % 300 for i in range(start, start + 500)]})
            found.update(Batch(part, np.arange(start, start + 500)))
        assert found.complete("i") is complete
        assert found.counts("i").tolist() == [10] * min(cap, 300)


@given(batches())
def test_tokens_are_raw_strings(batch):
    found = filled(Tokens(("f",)), batch)
    plain = Counter(t for t in batch.tokens["f"].to_list() if t is not None)
    assert found.total("f") == sum(plain.values())
    assert dict(found["f"]) == dict(plain)


@given(batches())
def test_lengths(batch):
    found = filled(Lengths(("s", "l")), batch)
    letters = filled(Lengths(("s",), unit="characters"), batch)
    for histogram, column, measure in (
        (found["s"], "s", lambda v: len(words(v))),
        (found["l"], "l", len),
        (letters["s"], "s", lambda v: len(v) if words(v) else 0),
    ):
        cells = batch.frame[column].to_list()
        plain = Counter(measure(c) for c in cells if c is not None)
        pairs = zip(histogram.lengths.tolist(), histogram.counts.tolist(), strict=True)
        assert dict(pairs) == dict(plain)
        assert histogram.missing == cells.count(None)
        assert all(a < b for a, b in pairwise(histogram.lengths.tolist()))


@given(st.lists(st.integers(0, 12), min_size=1, max_size=40))
def test_figures_of_a_histogram(sizes):
    lengths, counts = np.unique(sizes, return_counts=True)
    h = Histogram(lengths.astype(np.int64), counts.astype(np.int64), 3)
    assert (h.n, h.max, h.empty) == (len(sizes), max(sizes), sizes.count(0))
    assert h.mean == near(statistics.fmean(sizes))
    off = [s - statistics.fmean(sizes) for s in sizes]
    m2, m3 = (statistics.fmean(o**k for o in off) for k in (2, 3))
    assert h.skewness == near(m3 / m2**1.5 if len(set(sizes)) > 1 else 0.0, abs=1e-9)
    for q in (0.0, 0.25, 0.5, 0.9, 1.0):
        below = [v for v in sorted(set(sizes)) if sum(s <= v for s in sizes) >= q * len(sizes)]
        assert h.quantile(q) == below[0]
    assert h.cdf().tolist() == near([sum(s <= v for s in sizes) / len(sizes) for v in lengths])


def test_a_histogram_of_nothing():
    h = Histogram(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), 2)
    assert (h.n, h.max, h.empty, h.skewness) == (0, 0, 0, 0.0)
    assert math.isnan(h.mean)
    assert math.isnan(h.quantile(0.5))


def test_lengths_on_both_sides_of_the_dense_table():
    sizes = [0, 1, DENSE - 1, DENSE, DENSE + 1, DENSE]
    frame = pl.DataFrame({"s": ["x" * n for n in sizes]})
    found = filled(Lengths(("s",), unit="characters"), Batch(frame, np.arange(6)))
    again = Lengths.from_bytes(found.to_bytes())
    for h in (found["s"], again["s"]):
        assert h.lengths.tolist() == [0, 1, DENSE - 1, DENSE, DENSE + 1]
        assert h.counts.tolist() == [1, 1, 1, 2, 1]


@given(batches(), st.randoms())
@settings(max_examples=25)
def test_row_hashes_are_the_same_if_and_only_if_the_rows_are(batch, random):
    doubled = Batch(pl.concat([batch.frame, batch.frame]), np.arange(2 * batch.height))
    columns = ("i", "b", "s", "l")
    found = filled(RowHashes(columns, label="y", parts="0120"), doubled)
    rows = [str([same(v) for v in r]) for r in doubled.frame.select(columns).rows()]
    for hashes, of in ((found.features(), rows), (found.labels(), doubled.frame["y"].to_list())):
        assert len(set(hashes.tolist())) == len(set(of))
        assert len(set(zip(hashes.tolist(), of, strict=True))) == len(set(of))
    total = found.part(0) + found.part(1) + found.part(2)
    assert (total == found.features()).all()
    assert found.addresses().tolist() == doubled.addresses.tolist()
    assert found.rows == doubled.height
    assert found.sorted_features().tolist() == sorted(found.features().tolist())


def test_row_sample_is_even_and_has_enough_of_each_class():
    n, size = 20_000, 1_000
    label = np.where(np.arange(n) % 1000 == 7, "rare", "common")
    found = RowSample(("x",), size=size, label="label", per_class=15)
    for start in range(0, n, 1_500):
        rows = np.arange(start, min(start + 1_500, n))
        part = pl.DataFrame({"x": rows * 2.0, "label": label[rows]})
        found.update(Batch(part, rows))
    even, rare = found.frame(), found.frame(with_rare=True)
    assert even.height == size
    assert even[ADDRESS].is_sorted()
    assert (even["x"] == even[ADDRESS] * 2.0).all()
    # Tenths of the rows: each has about a tenth of the sample (6 deviations).
    tenths = np.bincount(even[ADDRESS].to_numpy() // (n // 10), minlength=10)
    assert abs(tenths - size / 10).max() < 6 * math.sqrt(size / 10)
    assert (rare["label"] == "rare").sum() >= 15
    assert (rare["label"] == "common").sum() == (even["label"] == "common").sum()
    assert set(even[ADDRESS]) <= set(rare[ADDRESS])
    whole = RowSample(("x",), size=n)
    whole.update(Batch(pl.DataFrame({"x": np.arange(n) * 1.0}), np.arange(n)))
    assert whole.frame().height == n
