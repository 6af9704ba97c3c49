"""The search in Hamming space finds exactly what comparing all pairs finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacheck.checks.near.hamming import near
from datacheck.checks.near.joins import equal_pairs, expanded, matching_pairs
from datacheck.summaries.perceptual import ORIENTATIONS, hamming, variants

KEYS = st.lists(st.integers(0, 4), max_size=30).map(lambda x: np.array(x, np.uint64))


def planted(seed: int) -> np.ndarray:
    """Hashes of which some are near others, turned in one of eight ways."""
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 2**63, 60, dtype=np.uint64) << np.uint64(1)
    turned = variants(base[:40])[np.arange(40), rng.integers(0, 8, 40)]
    for k in range(40):
        for place in rng.choice(np.arange(1, 64), int(rng.integers(0, 9)), replace=False):
            turned[k] ^= np.uint64(1) << np.uint64(place)
    return np.unique(np.concatenate([base, turned, base[:3] ^ np.uint64(2)]))


@given(st.integers(0, 2**32 - 1), st.integers(0, 6))
@settings(max_examples=30, deadline=None)
def test_the_search_is_complete_and_exact(seed: int, within: int) -> None:
    hashes = planted(seed)
    i, j, orientation, distance = near(hashes, within)
    least = hamming(variants(hashes)[:, None, :], hashes[None, :, None]).min(axis=2)
    wanted = {(a, b) for a, b in np.argwhere(least <= within).tolist() if a < b}
    assert set(zip(i.tolist(), j.tolist(), strict=True)) == wanted
    assert i.size == len(wanted)
    assert ((orientation >= 0) & (orientation < ORIENTATIONS)).all()
    turned = variants(hashes)[i, orientation]
    assert np.array_equal(hamming(turned, hashes[j]), distance)
    assert np.array_equal(distance, least[i, j])


def test_what_cannot_be_searched_is_refused() -> None:
    with pytest.raises(ValueError, match="0 to 6 bits"):
        near(np.zeros(1, np.uint64), 7)
    with pytest.raises(ValueError, match="not distinct"):
        near(np.zeros(2, np.uint64))
    assert all(x.size == 0 for x in near(np.zeros(0, np.uint64)))


@given(KEYS, KEYS, st.integers(1, 9))
def test_joins_give_each_pair_once(a: np.ndarray, b: np.ndarray, most: int) -> None:
    pairs = [(i, j) for x, y in matching_pairs(a, b, most) for i, j in zip(x, y, strict=True)]
    assert sorted(pairs) == [
        (i, j) for i in range(a.size) for j in range(b.size) if a[i] == b[j]
    ]
    own = [tuple(sorted(p)) for x, y in equal_pairs(a, most) for p in zip(x, y, strict=True)]
    assert sorted(own) == [
        (i, j) for i in range(a.size) for j in range(i + 1, a.size) if a[i] == a[j]
    ]


@given(st.lists(st.integers(0, 5), max_size=20), st.integers(1, 8))
def test_blocks_hold_no_more_than_asked(counts: list[int], most: int) -> None:
    n = np.array(counts, np.int64)
    blocks = list(expanded(np.zeros_like(n), n, most))
    assert sum(left.size for left, _ in blocks) == n.sum()
    assert all(left.size <= most or np.unique(left).size == 1 for left, _ in blocks)
