"""Junk is what no other row looks like; what is odd in a common way is none."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datacheck.pipelines.storage.ragged import Ragged
from datacheck.training.samples.junk import SHORTEST, junk

SEEDS = st.integers(0, 2**20)


def ragged(rows):
    lengths = np.array([len(r) for r in rows], dtype=np.int64)
    offsets = np.concatenate([[0], lengths.cumsum()])
    return Ragged(np.concatenate([*rows, np.zeros(0, dtype=np.int64)]), offsets)


def documents(rng, n=400, words=500):
    """Words by Zipf's law, as in a text."""
    share = 1 / np.arange(1, words + 1)
    return [rng.choice(words, int(rng.integers(5, 60)), p=share / share.sum()) for _ in range(n)]


@given(SEEDS, st.integers(1, 15))
def test_rows_drawn_evenly_are_found_and_no_others(seed, k):
    rng = np.random.default_rng(seed)
    rows = documents(rng)
    planted = rng.choice(len(rows), k, replace=False)
    for at in planted.tolist():
        rows[at] = rng.integers(0, 500, int(rng.integers(40, 80)))
    found = np.flatnonzero(junk(ragged(rows)))
    assert set(planted.tolist()) <= set(found.tolist())
    assert len(found) <= k + 2


@given(SEEDS)
def test_clean_texts_have_next_to_none(seed):
    assert junk(ragged(documents(np.random.default_rng(seed)))).sum() <= 2


@given(SEEDS)
def test_one_word_again_and_again_is_junk(seed):
    rng = np.random.default_rng(seed)
    rows = documents(rng)
    rows[7] = np.full(80, 499)
    assert junk(ragged(rows))[7]


@given(SEEDS)
def test_neither_order_nor_names_of_tokens_matter(seed):
    rng = np.random.default_rng(seed)
    rows = documents(rng, n=60)
    rows[3] = rng.integers(0, 500, 60)
    before = junk(ragged(rows))
    order, other = rng.permutation(len(rows)), rng.permutation(500)
    after = junk(ragged([other[rows[i]] for i in order]))
    np.testing.assert_array_equal(after, before[order])


def test_short_and_empty_rows_are_left_alone():
    assert not junk(ragged([])).any()
    assert not junk(ragged([np.zeros(0, dtype=np.int64)] * 3)).any()
    short = [np.arange(i, i + SHORTEST - 1) for i in range(50)]
    assert not junk(ragged(short)).any()
    assert not junk(ragged([np.arange(20)] * 30)).any()
