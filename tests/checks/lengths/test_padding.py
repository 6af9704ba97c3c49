"""Padding in closed form, against simulation and against every choice of edges."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from datacheck.checks import padding
from datacheck.checks.base import NotApplicable
from datacheck.dataset import Column, Dataset, Kind, Role, Split, Task
from datacheck.summaries.lengths import Histogram

histograms = st.dictionaries(st.integers(0, 300), st.integers(1, 50), min_size=1, max_size=9).map(
    lambda d: Histogram(np.array(sorted(d), dtype=np.int64), np.array([d[k] for k in sorted(d)]), 0)
)


def padded_to_edges(histogram: Histogram, edges: np.ndarray) -> int:
    return int((edges[np.searchsorted(edges, histogram.lengths)] * histogram.counts).sum())


def test_waste_is_that_of_simulated_batches():
    rng = np.random.default_rng(0)
    drawn = np.exp(rng.normal(3, 1, 20_000)).astype(np.int64)
    lengths, counts = np.unique(drawn, return_counts=True)
    batches = rng.choice(drawn, (20_000, 32))
    simulated = 1 - batches.sum() / (32 * batches.max(axis=1)).sum()
    histogram = Histogram(lengths, counts, 0)
    assert padding.waste(lengths, counts, 32) == pytest.approx(simulated, abs=0.005)
    assert padding.waste_interval(histogram, 32, 1.0)[0] == padding.waste(lengths, counts, 32)


@settings(max_examples=50)
@given(histograms, st.integers(1, 64))
def test_waste_is_a_share_and_buckets_never_need_more(histogram, batch):
    lengths, counts = histogram.lengths, histogram.counts
    value, low, high = padding.waste_interval(histogram, batch, 1.6)
    assert 0 <= low <= value <= high <= 1
    edges = padding.bucket_edges(lengths, counts, 4)
    assert edges[-1] == lengths[-1]
    assert 0 <= padding.bucketed_waste(lengths, counts, edges, batch) <= 1
    assert padding.bucketed_waste(lengths, counts, lengths, batch) == pytest.approx(0)
    alone = padding.bucketed_waste(lengths, counts, lengths[-1:], batch)
    assert alone == pytest.approx(padding.waste(lengths, counts, batch))


@settings(max_examples=50)
@given(histograms, st.integers(1, 4))
def test_no_other_edges_pad_less(histogram, k):
    lengths = histogram.lengths
    edges = padding.bucket_edges(lengths, histogram.counts, k)
    assert edges.size <= k
    best = min(
        padded_to_edges(histogram, np.array([*some, lengths[-1]]))
        for j in range(min(k, lengths.size))
        for some in combinations(lengths[:-1].tolist(), j)
    )
    assert padded_to_edges(histogram, edges) == best


def test_the_interval_of_waste_covers():
    rng = np.random.default_rng(1)
    values = []
    for _ in range(300):
        drawn = np.exp(rng.normal(3, 0.7, 1_000)).astype(np.int64)
        lengths, counts = np.unique(drawn, return_counts=True)
        values.append(padding.waste_interval(Histogram(lengths, counts, 0), 32, 1.96))
    drawn = np.exp(rng.normal(3, 0.7, 400_000)).astype(np.int64)
    lengths, counts = np.unique(drawn, return_counts=True)
    true = padding.waste(lengths, counts, 32)
    assert np.mean([low <= true <= high for _, low, high in values]) > 0.85


def test_many_lengths_are_coarsened_and_the_longest_stays():
    lengths = np.arange(1, 5_000)
    edges = padding.bucket_edges(lengths, np.ones(lengths.size, dtype=np.int64), 8)
    assert edges.size == 8
    assert edges[-1] == 4_999
    assert np.abs(np.diff(edges, prepend=0) - 625).max() < 40  # even lengths, even edges


def of(**counts):
    """A histogram of lengths, as l3=2: two of length 3."""
    lengths = sorted(int(k[1:]) for k in counts)
    return Histogram(np.array(lengths), np.array([counts[f"l{n}"] for n in lengths]), 0)


NOTHING = Histogram(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), 3)
small = st.dictionaries(st.integers(0, 9), st.integers(1, 2), min_size=1, max_size=3).map(
    lambda d: Histogram(np.array(sorted(d)), np.array([d[k] for k in sorted(d)]), 0)
)


@given(small, st.integers(1, 4))
def test_the_mean_of_the_longest_is_that_over_all_draws(histogram, batch):
    every = np.repeat(histogram.lengths, histogram.counts).tolist()
    drawn = list(product(every, repeat=min(batch, len(every))))
    exact = sum(map(max, drawn)) / len(drawn)
    lengths, counts = histogram.lengths, histogram.counts
    assert padding.expected_max(lengths, counts, batch) == pytest.approx(exact)
    share = 1 - np.mean(every) / exact if exact else 0.0
    assert padding.waste(lengths, counts, batch) == pytest.approx(share, abs=1e-12)


def test_nothing_is_padded_where_there_is_nothing():
    none = NOTHING.lengths, NOTHING.counts
    assert padding.expected_max(*none, 8) == padding.waste(*none, 8) == 0.0
    assert padding.waste_interval(NOTHING, 8, 1.0) == (0.0, 0.0, 1.0)
    assert padding.waste_interval(of(l5=1), 8, 1.0) == (0.0, 0.0, 1.0)
    assert padding.waste_interval(of(l0=9), 8, 1.0) == (0.0, 0.0, 1.0)
    assert padding.waste_interval(of(l1=1, l3=1), 2, 0.0) == pytest.approx((0.2, 0.2, 0.2))
    assert padding.bucket_edges(*none, 3).size == 0
    assert padding.bucketed_waste(*none, np.zeros(0, dtype=np.int64), 8) == 0.0
    assert padding.bucketed_waste(np.array([0]), np.array([4]), np.array([0]), 8) == 0.0
    assert np.isnan(padding.quantile_interval(NOTHING, 0.5, 2.0)).all()


def error_of(figure, histogram):
    """The standard error of a figure of a distribution, by its numerical derivative."""
    p = histogram.counts / histogram.n
    step = 1e-6
    effects = []
    for at in np.eye(p.size):
        up, down = (figure(histogram.lengths, p + s * (at - p)) for s in (step, -step))
        effects.append((up - down) / (2 * step))
    return np.sqrt((np.array(effects) ** 2 * p).sum() / histogram.n)


@given(histograms, st.integers(2, 12))
@settings(max_examples=25)
def test_the_error_of_waste_follows_from_each_row_s_influence(histogram, batch):
    if histogram.n < 2 or histogram.lengths[-1] == 0:
        return
    b = min(batch, histogram.n)

    def wasted(lengths, p):
        longest = (lengths * np.diff(np.cumsum(p) ** b, prepend=0.0)).sum()
        return 1 - (lengths * p).sum() / longest

    z = 0.01  # a narrow interval is not cut off at 0 and 1
    value, low, high = padding.waste_interval(histogram, batch, z)
    half = z * error_of(wasted, histogram)
    assert low == pytest.approx(max(value - half, 0), abs=1e-7)
    assert high == pytest.approx(min(value + half, 1), abs=1e-7)


@given(histograms)
@settings(max_examples=25)
def test_the_error_of_skewness_follows_from_each_row_s_influence(histogram):
    every = np.repeat(histogram.lengths, histogram.counts)
    if every.size < 3 or np.ptp(every) == 0:
        assert padding.skewness_low(histogram, 2.0) == 0.0
        return

    def skewness(lengths, p):
        off = lengths - (lengths * p).sum()
        return (off**3 * p).sum() / (off**2 * p).sum() ** 1.5

    exact = float(scipy.stats.skew(every)) - 2 * error_of(skewness, histogram)
    assert padding.skewness_low(histogram, 2.0) == pytest.approx(exact, rel=1e-4, abs=1e-4)


def test_the_skewness_of_two_rows_is_not_known():
    assert padding.skewness_low(of(l1=1, l9=1), 0.0) == 0.0
    assert padding.skewness_low(of(l1=2, l9=1), 0.0) == pytest.approx(0.5**0.5)


def test_quantiles_lie_between_order_statistics():
    even = Histogram(np.arange(1, 101), np.ones(100, dtype=np.int64), 0)
    assert padding.quantile_interval(even, 0.5, 2.0) == (40.0, 60.0)
    assert padding.quantile_interval(even, 0.9, 1.0) == (87.0, 93.0)
    assert padding.quantile_interval(even, 0.99, 99.0) == (1.0, 100.0)


@given(histograms, st.integers(1, 9), st.sets(st.integers(0, 300), min_size=1, max_size=4))
def test_batches_within_buckets_are_padded_to_their_own_longest(histogram, batch, edges):
    held = padded = 0.0
    edges = np.array(sorted(edges))
    rest = histogram
    for edge in [*edges, np.inf]:
        own = padding.within(rest, edge)
        keep = rest.lengths > edge
        rest = Histogram(rest.lengths[keep], rest.counts[keep], 0)
        held += (own.lengths * own.counts).sum()
        padded += own.n * padding.expected_max(own.lengths, own.counts, batch)
    exact = 1 - held / padded if padded else 0.0
    found = padding.bucketed_waste(histogram.lengths, histogram.counts, edges, batch)
    assert found == pytest.approx(exact, abs=1e-12)


@given(histograms, st.integers(1, 300))
def test_within_a_limit_are_those_that_do_not_exceed_it(histogram, limit):
    found = padding.within(histogram, limit)
    assert found.n == sum(c for n, c in zip(histogram.lengths, histogram.counts, strict=True)
                          if n <= limit)  # fmt: skip
    assert padding.fence(float(limit), 3.0) == 3 * max(limit, 2)
    assert padding.fence(7.5) == 75.0


@pytest.mark.parametrize("size", [512, 513, 700])
def test_edges_are_sought_at_even_steps_of_rows_and_of_items(size):
    rng = np.random.default_rng(size)
    lengths = np.cumsum(rng.integers(1, 5, size))
    counts = rng.integers(1, 99, size)
    found = padding._candidates(lengths, counts)
    if size <= 512:
        assert found.tolist() == list(range(512))
        return
    wanted = set()
    for mass in (counts, counts * lengths):
        total = np.cumsum(mass)
        wanted |= {int(np.flatnonzero(total * 256 >= i * total[-1])[0]) for i in range(1, 257)}
    assert found.tolist() == sorted(wanted)
    assert found[-1] == size - 1


def dataset(task, *columns, splits=("train",)):
    made = {c.name: c for c in columns}
    kinds = {c.name: c.kind for c in columns}
    return Dataset("d", {s: Split(s, [], dict(kinds)) for s in splits}, made, task)


def test_lengths_are_those_of_lists_and_texts_and_of_a_label_that_is_no_class():
    columns = (
        Column("s", Kind.SEQUENCE), Column("t", Kind.TEXT), Column("n", Kind.NUMBER),
        Column("w", Kind.CATEGORY), Column("id", Kind.TEXT, Role.ID),
        Column("y", Kind.TEXT, Role.LABEL),
    )  # fmt: skip
    assert padding.length_columns(dataset(None, *columns)) == ["s", "t", "y"]
    assert padding.length_columns(dataset(Task.REGRESSION, *columns)) == ["s", "t", "y"]
    data = dataset(Task.CLASSIFICATION, *columns, splits=("train", "test"))
    assert padding.length_columns(data) == ["s", "t"]
    del data.splits["test"].kinds["s"]
    assert padding.length_columns(data, "test") == ["t"]
    assert [(n.kind, n.columns) for n in padding.need_lengths(data)] == [("lengths", ("s", "t"))]
    with pytest.raises(NotApplicable):
        padding.need_lengths(dataset(None, *columns[2:5]))
