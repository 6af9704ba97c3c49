"""When lengths count as skewed: each threshold, and the figures that are told."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.stats

import datacheck
from datacheck.checks import padding
from datacheck.checks.lengths.skewed_lengths import LEVEL, SkewedLengths
from datacheck.summaries.lengths import Histogram

near = pytest.approx
NEVER = {"max_skewness": 1e9, "heavy_padding": 1.0, "tail": 1e9}


def of(pairs):
    lengths = sorted(pairs)
    return Histogram(np.array(lengths), np.array([pairs[n] for n in lengths]), 0)


def judged(histogram, **options):
    """Whether it counts as skewed by its own figures, without an interval."""
    return SkewedLengths(**options)._padding(histogram, 0.0, 0.0) is not None


def test_short_sequences_need_no_care():
    assert not judged(of({1: 95, 8: 5}))
    assert judged(of({1: 95, 9: 5}))
    assert judged(of({1: 95, 8: 5}), short=7)


def test_padding_that_is_accepted():
    histogram = of({10: 95, 90: 5})
    lengths, counts = histogram.lengths, histogram.counts
    share = padding.waste(lengths, counts, 32)
    assert not judged(histogram, max_padding=share)
    assert judged(histogram, max_padding=np.nextafter(share, 0))
    effect = SkewedLengths()._padding(histogram, 0.0, 0.0)
    assert effect is not None
    assert (effect.value, effect.low, effect.high, effect.threshold) == (share, share, share, 0.3)
    assert effect.metric == "padding of random batches of 32"
    at_8 = padding.waste(lengths, counts, 8)
    effect = SkewedLengths(batch_size=8)._padding(histogram, 0.0, 0.0)
    assert effect is not None
    assert effect.value == at_8 != share


def test_each_sign_of_a_tail_suffices():
    histogram = of({10: 95, 90: 5})
    share = padding.waste(histogram.lengths, histogram.counts, 32)
    skewness = float(scipy.stats.skew(np.repeat([10, 90], [95, 5])))
    assert not judged(histogram, **NEVER)
    assert not judged(histogram, **NEVER | {"tail": 9.0})
    assert judged(histogram, **NEVER | {"tail": 8.99})
    assert not judged(histogram, **NEVER | {"max_skewness": skewness + 1e-9})
    assert judged(histogram, **NEVER | {"max_skewness": skewness - 1e-9})
    assert not judged(histogram, **NEVER | {"heavy_padding": share})
    assert judged(histogram, **NEVER | {"heavy_padding": np.nextafter(share, 0)})


def test_a_median_of_0_counts_as_1():
    histogram = of({0: 60, 9: 40})
    assert not judged(histogram, **NEVER | {"tail": 9.0})
    assert judged(histogram, **NEVER | {"tail": 8.99})


def test_the_defaults_are_those_of_the_page():
    assert judged(of({100: 89, 401: 2}), max_padding=0.1, max_skewness=1e9)
    assert not judged(of({100: 89, 400: 2}), max_padding=0.1, max_skewness=1e9)
    two = of({10: 6, 13: 20, 40: 1})  # skewness 4.1, and the tail is three medians
    assert judged(two, max_padding=0.1)
    assert not judged(of({10: 6, 13: 20, 40: 20}), max_padding=0.1)


def audited(frame):
    return datacheck.audit({"train": frame}, settings={"select": ["SL001"]}).findings


def lists(lengths):
    return [[1.5] * int(n) for n in lengths]


def test_what_is_told_of_the_worst_column():
    rng = np.random.default_rng(0)
    tail = np.round(np.exp(rng.normal(1.5, 0.9, 400))).astype(int)
    long = np.concatenate([np.round(np.exp(rng.normal(2, 1.1, 398))).astype(int), [300, 400]])
    frame = pl.DataFrame({"a": lists(tail), "b": lists(long), "c": lists([5] * 400)})
    (found,) = audited(frame)
    assert found.columns == ("a", "b")
    assert (found.count, found.total, found.unit, found.splits) == (2, 3, "columns", ("train",))
    kept = np.sort(long[long <= 10 * np.quantile(long, 0.5, method="inverted_cdf")])
    lengths, counts = np.unique(kept, return_counts=True)
    z = float(scipy.stats.norm.isf(LEVEL / 3))
    value, low, high = padding.waste_interval(Histogram(lengths, counts, 0), 32, z)
    assert (found.effect.value, found.effect.low) == near((value, low))
    assert found.effect.high == near(high)
    told = found.evidence
    assert told["aside"] == 400 - kept.size >= 2
    assert told["mean"] == near(kept.mean())
    assert (told["median"], told["p99"]) == tuple(
        np.quantile(kept, [0.5, 0.99], method="inverted_cdf")
    )
    assert told["longest"] == 400
    assert told["skewness"] == near(float(scipy.stats.skew(kept)))
    assert told["padding_at"] == {
        b: near(padding.waste(lengths, counts, int(b))) for b in ("8", "32", "128", "512")
    }
    assert len(told["bucket_edges"]) == 8
    assert told["padding_in_buckets"] == near(
        padding.bucketed_waste(lengths, counts, np.array(told["bucket_edges"]), 32)
    )
    assert set(told["padding"]) == {"a", "b"}
    assert found.message == (
        f"lengths of a, b (worst: b) in train have a long tail (median {told['median']:.0f}, 99th "
        f"percentile {told['p99']:.0f}, longest 400): {value:.0%} of random batches of 32 is "
        f"padding, even without the {told['aside']} longest, "
        f"{told['padding_in_buckets']:.0%} in 8 buckets"
    )
    (alone,) = audited(frame.select("a"))
    assert alone.message.startswith("lengths of a in train have")
    z = float(scipy.stats.norm.isf(LEVEL))
    kept = tail[tail <= 10 * np.quantile(tail, 0.5, method="inverted_cdf")]
    lengths, counts = np.unique(kept, return_counts=True)
    assert alone.effect.low == near(padding.waste_interval(Histogram(lengths, counts, 0), 32, z)[1])


def test_at_most_twenty_columns_are_listed():
    rng = np.random.default_rng(1)
    tail = lists(np.exp(rng.normal(2, 1.3, 300)))
    frame = pl.DataFrame({f"c{j}": tail for j in range(22)})
    (found,) = audited(frame)
    assert found.count == 22
    assert list(found.evidence["padding"]) == [f"c{j}" for j in range(20)]


@pytest.mark.parametrize("rows", [1, 4, 16, 64, 256])
def test_heavy_padding_alone_has_to_be_surer(rows):
    """One level for padding beside another sign, a stricter one for padding that is the only."""
    histogram = of({4: 40 * rows, 9: 30 * rows, 20: 20 * rows, 30: 10 * rows})
    value, _, _ = padding.waste_interval(histogram, 32, 0.0)
    z, sure = 1.645, 3.09
    low = padding.waste_interval(histogram, 32, sure)[1]
    for threshold, told in ((low - 1e-6, True), (low + 1e-6, False)):
        rule = SkewedLengths(tail=1e9, max_skewness=1e9, heavy_padding=threshold)
        found = rule._padding(histogram, z, sure)
        assert (found is not None) == told
        if found is not None:
            assert (found.value, found.low) == (value, low)
    beside = SkewedLengths(tail=1.0)._padding(histogram, z, sure)
    assert beside is not None
    assert beside.low == padding.waste_interval(histogram, 32, z)[1]
