"""What pictures of columns are drawn from, held to counting."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks.shapes import length_edges, most_frequent, shape

near = pytest.approx
LEVELS = [0.005, *(np.arange(1, 40) / 40), 0.995]


def one(values):
    made = shape({"train": np.asarray(values, dtype=np.float64)})
    return made["low"], made["high"], made["splits"]["train"]


def counted(values, edges):
    """Values in each bin; the last bin is closed on both sides."""
    bins = list(pairwise(edges))
    return [int(sum((a <= v < b) or (v == b == edges[-1]) for v in values)) for a, b in bins]


def test_bins_are_shared_and_reach_from_the_least_quantile_to_the_greatest():
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=400), rng.normal(2, 3, size=300)
    made = shape({"train": train, "test": test})
    low = min(np.quantile(v, 0.005) for v in (train, test))
    high = max(np.quantile(v, 0.995) for v in (train, test))
    assert (made["low"], made["high"]) == near((low, high), rel=1e-5)
    edges = np.linspace(low, high, 41)
    for name, values in (("train", train), ("test", test)):
        told = made["splits"][name]
        assert told["n"] == values.size
        assert told["counts"] == counted(values, edges)
        assert (told["below"], told["above"]) == ((values < low).sum(), (values > high).sum())
        assert told["quantiles"] == near(np.quantile(values, LEVELS), rel=1e-5, abs=1e-5)
    assert made["splits"]["test"]["below"] > 0
    assert made["splits"]["test"]["above"] > 0


@pytest.mark.parametrize("shift", [0, -20, 2**50 - 40])
def test_whole_numbers_have_a_bin_each_over_a_range_below_40(shift):
    low, high, told = one([shift] * 50 + [shift + 1] * 7 + [shift + 39] * 50)
    assert (low, high) == near((shift - 0.5, shift + 39.5))
    assert told["counts"] == [50, 7, *[0] * 37, 50]
    if shift < 40:
        low, high, told = one([shift] * 50 + [shift + 40] * 50)
        assert (low, high) == (shift, shift + 40)
        assert told["counts"] == [50, *[0] * 38, 50]
    else:
        told = one([shift] * 50 + [shift + 40] * 50)[2]
        assert told["counts"] == [100]  # 2 ** 50 is too large for halves to be exact


def test_whole_numbers_may_be_negative_and_large():
    told = one([-(2.0**50)] * 9 + [3 - 2.0**50] * 9)[2]
    assert told["counts"] == [18]
    told = one([1 - 2.0**50] * 9 + [3 - 2.0**50] * 9)[2]
    assert told["counts"] == [9, 0, 9]
    assert one([0.5] * 9 + [1.5] * 9)[0] == 0.5


def test_what_lies_too_close_or_too_far_apart_is_one_bin():
    for step, bins in ((1.5e-12, 40), (0.7e-12, 1)):
        told = one([1.0] * 90 + [1 + 40 * step] * 90)[2]
        assert len(told["counts"]) == bins
        assert sum(told["counts"]) == 180
        told = one([-1.0] * 90 + [-1 - 40 * step] * 90)[2]
        assert len(told["counts"]) == bins
    assert one([-1.5e308] * 9 + [1.5e308] * 9)[2]["counts"] == [18]
    assert one([0.25] * 5)[2]["counts"] == [5]
    low, high, told = one([7.0] * 5)
    assert (low, high, told["counts"]) == (6.5, 7.5, [5])


COUNTS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 9), max_size=6)


@given(COUNTS, COUNTS, st.integers(1, 9))
def test_the_most_frequent_in_any_split(one, other, most):
    found = {"x": one, "y": other}
    shares = {
        v: max(c.get(v, 0) / max(sum(c.values()), 1) for c in found.values())
        for v in {*one, *other}
    }
    kept = sorted(shares, key=lambda v: (-shares[v], v))[:most]
    made = most_frequent(found, most)
    assert made["values"] == kept
    assert made["splits"] == {s: [c.get(v, 0) for v in kept] for s, c in found.items()}
    assert made["left_out"] == len(shares) - len(kept)


def test_lengths_have_a_bin_each_up_to_48_and_even_ratios_beyond():
    assert list(length_edges(0)) == [0]
    assert list(length_edges(48)) == list(range(49))
    assert len(length_edges(49)) < 49
    edges = np.array(length_edges(10**9))
    assert edges[:2].tolist() == [0, 1]
    assert edges[-1] == 10**9
    ratios = edges[1:][20:] / edges[:-1][20:]
    assert ratios == near(np.full(ratios.size, 10 ** (9 / 47)), rel=1e-3)
