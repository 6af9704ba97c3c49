"""Padding in closed form, against simulation and against every choice of edges."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacheck.checks import padding
from datacheck.summaries.lengths import Histogram

histograms = st.dictionaries(st.integers(0, 300), st.integers(1, 50), min_size=1, max_size=9).map(
    lambda d: Histogram(
        np.array(sorted(d), dtype=np.int64), np.array([d[k] for k in sorted(d)]), 0
    )
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
