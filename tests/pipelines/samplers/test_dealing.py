"""Laws of dealing: one batch of each stratum, never less even than chance, classes spread."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datacheck.pipelines.bucketing import BucketBatchSampler
from datacheck.pipelines.samplers.budgets import Tokens
from datacheck.pipelines.samplers.dealing import deal, features, spread
from datacheck.pipelines.samplers.length_layout import lay_out, shuffled_within

seeds = st.integers(0, 2**20)


def lengths_of(n: int, seed: int, mean: float = 40, sigma: float = 0.8) -> np.ndarray:
    drawn = np.random.default_rng(seed).lognormal(np.log(mean) - 0.5, sigma, n)
    return np.minimum(drawn.astype(np.int64) + 1, 400)


@given(st.integers(1, 8), st.integers(0, 40), st.integers(1, 4), seeds)
def test_one_batch_of_each_stratum_and_no_less_even_than_chance(strata, steps, width, seed):
    even = np.random.default_rng(seed).normal(size=(strata * steps, width)) ** 3
    dealt = deal(even, strata, np.random.default_rng(seed))
    assert dealt.shape == (strata, steps)
    assert np.sort(dealt, axis=1).tolist() == np.arange(strata * steps).reshape(strata, -1).tolist()
    keys = np.random.default_rng(seed).random((strata, steps))
    chance = np.argsort(keys, axis=1) + np.arange(strata)[:, None] * steps
    assert unevenness(even, dealt) <= unevenness(even, chance) * (1 + 1e-9) + 1e-9


def unevenness(even: np.ndarray, dealt: np.ndarray) -> float:
    steps = even[dealt].sum(axis=0)
    return float(((steps - steps.mean(axis=0)) ** 2).sum()) if steps.size else 0.0


@given(st.integers(40, 400), seeds)
def test_what_is_mirrored_is_evened_out(steps, seed):
    even = np.random.default_rng(seed).normal(size=(4 * steps, 1))
    dealt = deal(even, 4, np.random.default_rng(seed))
    chance = np.arange(4 * steps).reshape(4, steps)
    assert unevenness(even, dealt) < 0.02 * unevenness(even, chance)


@given(seeds, st.sampled_from([(1, 2), (2, 1)]))
def test_steps_of_all_ranks_are_even_in_what_is_mirrored(seed, shape):
    world, accumulate = shape
    lengths = lengths_of(4_000, seed, sigma=0.4)
    rng = np.random.default_rng(seed)
    mirror = 4 * lengths + np.sqrt(lengths) * rng.normal(size=lengths.size)  # of each token

    def spread_of(values: np.ndarray, given: np.ndarray | None) -> float:
        ranks = [
            BucketBatchSampler(
                lengths, Tokens(512), seed=seed, mirror=given,
                accumulate=accumulate, rank=r, world_size=world,
            )
            for r in range(world)
        ]  # fmt: skip
        per_batch = [[values[b].sum() / lengths[b].sum() for b in s] for s in ranks]
        weights = [s.weights() for s in ranks]
        held = np.mean([w * p for w, p in zip(weights, per_batch, strict=True)], axis=0)
        return float(held.reshape(-1, accumulate).sum(axis=1).std())

    assert spread_of(mirror, mirror) < 0.75 * spread_of(mirror, None)


def test_rows_of_one_length_are_not_batched_in_the_order_of_the_file():
    lengths = np.repeat([5, 6], 1_000)
    for pooled in (Tokens(60), Tokens(6_000)):
        layout = lay_out(lengths, pooled)
        order = layout.order(np.random.default_rng(0))
        first = order[layout.edges[0] : layout.edges[1]]
        assert np.ptp(first) > 5 * first.size or first.size > 500
        assert sorted(order.tolist()) == list(range(2_000))
        assert (np.diff(lengths[order]) <= 0).all() or layout.runs.size < layout.edges.size - 1


@given(st.lists(st.integers(0, 5), max_size=60), seeds)
def test_a_shuffle_within_groups_keeps_groups(groups, seed):
    group = np.array(groups, dtype=np.int64)
    order = shuffled_within(group, np.random.default_rng(seed))
    assert group[order].tolist() == sorted(groups)
    assert sorted(order.tolist()) == list(range(group.size))


def test_a_shuffle_within_groups_is_uniform():
    rng = np.random.default_rng(0)
    first = [int(shuffled_within(np.zeros(4, np.int64), rng)[0]) for _ in range(4_000)]
    assert (np.abs(np.bincount(first) - 1_000) < 150).all()
    huge = np.array([1 << 40, 0, 1 << 40])  # no room for chance beside the group: two sorts
    assert shuffled_within(huge, rng)[0] == 1


@given(st.integers(1, 200), st.integers(1, 4), seeds)
def test_classes_come_evenly_within_a_block(n, classes, seed):
    rng = np.random.default_rng(seed)
    labels, blocks = rng.integers(0, classes, n), np.sort(rng.integers(0, 3, n))
    order = rng.permutation(n)
    out = spread(order, blocks, labels, rng)
    for block in range(3):
        at = blocks == block
        assert sorted(out[at].tolist()) == sorted(order[at].tolist())
        held = labels[out[at]]
        for c in range(classes):
            got = np.cumsum(held == c)
            due = (np.arange(held.size) + 1) * ((held == c).sum() / max(held.size, 1))
            assert (np.abs(got - due) <= classes + 0.5).all()


def test_labels_make_steps_alike_in_classes():
    lengths = lengths_of(6_000, 0)
    labels = (np.random.default_rng(0).random(6_000) < 0.02 * np.sqrt(lengths)).astype(np.int64)

    def spread_of(given: np.ndarray | None) -> float:
        sampler = BucketBatchSampler(lengths, Tokens(1_024), labels=given)
        batches = list(sampler)
        steps = [np.concatenate(batches[i : i + 4]) for i in range(0, len(batches), 4)]
        return float(np.std([labels[s].mean() for s in steps]))

    assert spread_of(labels) < 0.5 * spread_of(None)


def test_features_of_batches_that_are_all_alike():
    flat = features(np.full(8, 10.0), np.full(8, 2.0), np.ones((8, 1)), np.ones((8, 2)))
    assert np.isfinite(flat).all()
    assert (flat == 0).all()
