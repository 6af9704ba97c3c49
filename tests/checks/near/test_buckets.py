"""Laws of the buckets: what shares a key is found, and what stands alone never is."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks.near.buckets import repeated, shared
from datacheck.checks.near.items import _numbered

WIDE = st.integers(0, 2**64 - 1)
KEYS = st.one_of(
    st.lists(st.integers(0, 5), max_size=60),
    st.lists(WIDE, max_size=60),
    # many that stand once, few twice, some with the low bits of those
    st.builds(
        lambda once, n: [*range(100, 100 + n), *once, *once, *(k ^ (1 << 40) for k in once)],
        st.lists(st.integers(0, 99), max_size=4, unique=True),
        st.integers(40, 90),
    ),
)


def hashes(keys: list[int]) -> np.ndarray:
    """As an array of hashes."""
    return np.array(keys, dtype=np.uint64)


@given(KEYS)
def test_repeated_are_the_keys_that_stand_more_than_once(keys: list[int]) -> None:
    counts = Counter(keys)
    assert repeated(hashes(keys)).tolist() == [counts[k] > 1 for k in keys]


@given(KEYS)
def test_items_are_numbered_by_their_first_place(keys: list[int]) -> None:
    number, first = _numbered(hashes(keys))
    order = list(dict.fromkeys(keys))
    assert number.tolist() == [order.index(k) for k in keys]
    assert first.tolist() == [keys.index(k) for k in order]


@given(st.lists(st.integers(0, 20), max_size=32))
def test_small_buckets_give_every_pair(keys: list[int]) -> None:
    who = np.arange(len(keys))
    a, b, crowded = shared(hashes(keys), who)
    found = sorted(zip(a.tolist(), b.tolist(), strict=True))
    assert found == [(i, j) for i, j in combinations(range(len(keys)), 2) if keys[i] == keys[j]]
    assert crowded == 0


def test_a_large_bucket_gives_some_pairs_of_each() -> None:
    who = np.arange(500)
    a, b, crowded = shared(np.zeros(500, dtype=np.uint64), who)
    assert crowded == 500
    assert set(np.concatenate([a, b]).tolist()) == set(range(500))
    assert a.size < 500 * 9
    assert not shared(np.zeros(500, dtype=np.uint64), who, crowds=False)[0].size
