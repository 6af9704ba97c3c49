"""What length shift says of clean splits, and that it says the same both ways."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.stats

import datacheck
from datacheck.checks.lengths.length_shift import compare
from datacheck.checks.stats import Z, auc, ks, ks_p
from datacheck.summaries.lengths import Histogram


def histogram(values: Any) -> Histogram:
    lengths, counts = np.unique(values, return_counts=True)
    return Histogram(lengths, counts, 0)


def test_the_figures_are_those_of_the_raw_lengths_and_symmetric():
    rng = np.random.default_rng(0)
    a, b = rng.poisson(9, 300), rng.poisson(12, 120)
    (shape, place), p = compare(histogram(a), histogram(b))
    assert shape.value == pytest.approx(ks(a.astype(float), b.astype(float))[0])
    area = auc(np.concatenate([a, b]).astype(float), np.arange(420) >= 300)[0]
    assert place.value == pytest.approx(abs(area - 0.5))
    (shape2, place2), p2 = compare(histogram(b), histogram(a))
    assert (shape2.value, place2.low) == pytest.approx((shape.value, place.low))
    assert p2 == pytest.approx(p)


def test_clean_splits_raise_no_alarm():
    rng = np.random.default_rng(1)
    for again in range(900):
        tail, few = np.exp(rng.normal(2, 1.5, 200)), rng.poisson(3, 200)
        drawn = (tail, few, rng.choice([5, 500], 200))
        lengths = drawn[again % 3].astype(np.int64)
        effects, p = compare(histogram(lengths[:150]), histogram(lengths[150:]))
        assert not any(e.low >= 0.05 and x < 1e-4 for e, x in zip(effects, p, strict=True))


def test_the_intervals_are_kolmogorov_s_and_delong_s():
    rng = np.random.default_rng(2)
    a, b = rng.poisson(9, 800), rng.poisson(10, 600)
    (shape, place), (p_shape, p_place) = compare(histogram(a), histogram(b))
    d, low, high = ks(a.astype(float), b.astype(float))
    assert (shape.value, shape.low, shape.high) == pytest.approx((d, low, high))
    assert low > 0 or d < 0.14
    over = np.array([(a < v).mean() + (a == v).mean() / 2 for v in b])
    under = np.array([(b > v).mean() + (b == v).mean() / 2 for v in a])
    half = Z * math.sqrt(over.var() / b.size + under.var() / a.size)
    off = abs(over.mean() - 0.5)
    assert off > half
    assert (place.value, place.low, place.high) == pytest.approx((off, off - half, off + half))
    assert p_shape == pytest.approx(ks_p(d, 800, 600))
    null = math.sqrt((1 / 800 + 1 / 600) / 12)
    assert p_place == pytest.approx(2 * float(scipy.stats.norm.sf(off / null)))


def test_lengths_that_lie_apart_have_an_interval_all_the_same():
    (shape, place), _ = compare(histogram([1] * 60), histogram([2] * 90))
    eps = math.sqrt(math.log(4e4) / 120) + math.sqrt(math.log(4e4) / 180)
    assert (shape.value, shape.low, shape.high) == pytest.approx((1.0, 1 - eps, 1.0))
    assert (place.value, place.high) == (0.5, 0.5)
    assert place.low == pytest.approx(0.5 - math.log(1e4) / 120)
    (shape, place), _ = compare(histogram([3] * 90), histogram([3] * 60))
    assert (shape.value, shape.low, place.value, place.low) == (0.0, 0.0, 0.0, 0.0)
    assert shape.high == pytest.approx(eps)


def lists(lengths):
    return pl.Series([[1.5] * int(n) for n in lengths], dtype=pl.List(pl.Float64))


def shifted(frames, **options):
    settings = {"select": ["SL002"], "rules": {"SL002": options}}
    return datacheck.audit(frames, settings=settings)


def test_what_is_told_of_a_shift():
    rng = np.random.default_rng(3)
    a, b = rng.poisson(9, 300) + 1, rng.poisson(20, 200) + 1
    same = rng.poisson(5, 500) + 1
    train = pl.DataFrame({"s": lists(a), "t": lists(a), "u": lists(same[:300])})
    test = pl.DataFrame({"s": lists(b), "t": lists(b + 2), "u": lists(same[300:])})
    (found,) = shifted({"train": train, "test": test}).findings
    assert (found.columns, found.splits) == (("s", "t"), ("train", "test"))
    assert (found.count, found.total, found.unit) == (2, 3, "columns")
    effects, _ = compare(histogram(a), histogram(b + 2))
    best = max(effects, key=lambda e: e.low)
    told = found.effect
    assert (told.metric, told.value, told.low, told.high, told.threshold) == (
        best.metric, best.value, best.low, best.high, 0.05)  # fmt: skip
    beyond = int((b + 2 > a.max()).sum())
    assert found.evidence["mean"] == {"train": a.mean(), "test": pytest.approx((b + 2).mean())}
    assert found.evidence["longest"] == {"train": a.max(), "test": (b + 2).max()}
    assert found.evidence["beyond_train"] == beyond
    assert set(found.evidence["distance"]) == {"s", "t"}

    def at(x, q):
        return f"{np.quantile(x, q, method='inverted_cdf'):.0f}"

    c = b + 2
    assert found.message == (
        f"lengths of s, t (most: t) differ between train and test: median {at(c, 0.5)} in test "
        f"against {at(a, 0.5)}, 5 % to 95 % from {at(c, 0.05)} to {at(c, 0.95)} against "
        f"{at(a, 0.05)} to {at(a, 0.95)}; {beyond} of its rows are longer than any of train"
    )
    (one,) = shifted({"train": test.select("s"), "test": train.select("s")}).findings
    assert one.message.startswith("lengths of s differ")
    assert "longer than any" not in one.message


def test_the_least_distance_is_the_lower_end():
    rng = np.random.default_rng(4)
    a, b = rng.poisson(9, 300), rng.poisson(14, 300)
    low = max(e.low for e in compare(histogram(a), histogram(b))[0])
    frames = {"train": pl.DataFrame({"s": lists(a)}), "test": pl.DataFrame({"s": lists(b)})}
    assert shifted(frames, min_distance=low).findings
    assert not shifted(frames, min_distance=float(np.nextafter(low, 1))).findings


def test_columns_of_one_split_alone_and_empty_ones_are_left_out():
    lengths = lists([2, 3] * 40)
    none = pl.Series([None] * 80, dtype=pl.List(pl.Float64))
    train = pl.DataFrame({"s": lengths, "only": lengths, "e": none, "f": lengths})
    test = pl.DataFrame({"s": lists([9] * 80), "e": lengths, "f": none, "g": lengths})
    (found,) = shifted({"train": train, "test": test}).findings
    assert (found.columns, found.total) == (("s",), 1)
    (outcome,) = shifted({"train": train.select("only"), "test": test.select("g")}).outcomes
    assert "no sequence or text column has rows" in outcome.reason


def test_each_pair_of_splits_is_told_apart():
    plain, long = pl.DataFrame({"s": lists([4, 5] * 60)}), pl.DataFrame({"s": lists([9] * 90)})
    found = shifted({"train": plain, "val": plain, "test": long}).findings
    assert [f.splits for f in found] == [("train", "test")]
    assert found[0].total == 1


def test_at_most_twenty_distances_are_listed():
    train = pl.DataFrame({f"c{j:02}": lists([4, 5] * 40) for j in range(22)})
    test = pl.DataFrame({f"c{j:02}": lists([9] * 80) for j in range(22)})
    (found,) = shifted({"train": train, "test": test}).findings
    assert len(found.columns) == 22
    assert list(found.evidence["distance"]) == [f"c{j:02}" for j in range(20)]
