"""Laws of the sampler: every index once, the budget kept, steps alike, exact resume."""

from __future__ import annotations

import pickle

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Dataset

from datacheck.errors import UsageError
from datacheck.pipelines.bucketing import BucketBatchSampler
from datacheck.pipelines.samplers.budgets import Budget, Examples, Quadratic, Tokens
from datacheck.pipelines.samplers.length_layout import by_length, cut, halved, lay_out

BUDGETS: list[Budget] = [Examples(1), Examples(7), Tokens(1), Tokens(64), Quadratic(400)]


def lognormal(n: int, seed: int, *, top: int = 4096, mean: float = 40) -> np.ndarray:
    drawn = np.random.default_rng(seed).lognormal(np.log(mean) - 0.5, 1.0, n)
    return np.minimum(drawn.astype(np.int64) + 1, top)


sizes = st.integers(1, 300)
seeds = st.integers(0, 2**20)
budgets = st.sampled_from(BUDGETS)


@given(sizes, seeds, budgets, st.integers(1, 5), st.integers(1, 4), st.booleans())
def test_every_index_once_an_epoch_over_all_ranks(n, seed, budget, accumulate, world, shuffle):
    lengths = lognormal(n, seed) - (seed % 2)  # of length 0 too
    if n < world:
        with pytest.raises(UsageError, match="ranks"):
            BucketBatchSampler(lengths, budget, world_size=world)
        return
    ranks = [
        BucketBatchSampler(
            lengths, budget, seed=seed, accumulate=accumulate, rank=r, world_size=world,
            shuffle=shuffle,
        )
        for r in range(world)
    ]  # fmt: skip
    for _ in range(2):
        batches = [list(sampler) for sampler in ranks]
        assert len({len(b) for b in batches}) == 1, "all ranks take as many batches"
        assert max(map(len, batches[0])) == 1 or not len(batches[0]) % ranks[0].accumulate
        every = [i for mine in batches for batch in mine for i in batch]
        assert sorted(every) == list(range(n))
        for batch in (b for mine in batches for b in mine):
            fit = budget.rows(int(lengths[batch].max()))
            assert 1 <= len(batch) <= (max(fit, 2) if n % world else fit)


@given(sizes, seeds, budgets, st.integers(1, 4), st.data())
def test_resume_goes_on_exactly_where_it_was(n, seed, budget, accumulate, data):
    lengths = lognormal(n, seed)
    whole = BucketBatchSampler(lengths, budget, seed=seed, accumulate=accumulate)
    epoch = data.draw(st.integers(0, 3))
    whole.set_epoch(epoch)
    batches = list(whole)
    at = data.draw(st.integers(0, len(batches)))
    first = BucketBatchSampler(lengths, budget, seed=seed, accumulate=accumulate)
    first.set_epoch(epoch)
    seen = iter(first)
    before = [next(seen) for _ in range(at)]
    again = BucketBatchSampler(lengths, budget, seed=seed, accumulate=accumulate)
    again.load_state_dict(pickle.loads(pickle.dumps(first.state_dict())))
    assert before + list(again) == batches
    later = BucketBatchSampler(lengths, budget, seed=seed, accumulate=accumulate)
    later.set_epoch(epoch + 1)
    assert list(again) == list(later), "the next epoch follows"


@given(st.integers(2, 300), seeds)
def test_the_order_is_of_seed_and_epoch_alone(n, seed):
    lengths = lognormal(n, seed)
    one, two = (BucketBatchSampler(lengths, Tokens(256), seed=seed) for _ in range(2))
    first = list(one)
    assert first == list(two)
    assert pickle.loads(pickle.dumps(one)).plan()[0].tolist() == one.plan()[0].tolist()
    if len({tuple(sorted(b)) for b in first}) > 8:
        assert list(one) != first, "another epoch is another order"


def test_padding_is_near_that_of_sorted_batches_and_steps_are_alike():
    lengths = lognormal(60_000, 0, mean=200)
    sampler = BucketBatchSampler(lengths, Tokens(16_384))
    indices, bounds = sampler.plan()
    rows = bounds[:, 1] - bounds[:, 0]
    longest = np.array([lengths[indices[a:b]].max() for a, b in bounds])
    down = lengths[by_length(lengths)]
    cuts, _ = cut(down, Tokens(16_384))
    plain = (np.diff(cuts) * down[cuts[:-1]]).sum()
    assert (rows * longest).sum() <= 1.05 * plain
    real = np.add.reduceat(lengths[indices], bounds[np.argsort(bounds[:, 0]), 0])
    assert real.sum() == lengths.sum()
    held = np.array([lengths[indices[a:b]].sum() for a, b in bounds]).reshape(-1, 4).sum(axis=1)
    assert held.std() / held.mean() < 0.05
    mean = np.array([lengths[indices[a:b]].mean() for a, b in bounds])
    steps = mean.reshape(-1, 4).mean(axis=1)
    assert abs(np.corrcoef(steps[1:], steps[:-1])[0, 1]) < 0.25
    assert steps.std() < 0.4 * mean.std(), "a step has short and long rows"


@given(sizes, seeds, st.integers(1, 4), st.integers(1, 3), st.sampled_from(["tokens", "rows"]))
def test_weights_make_the_mean_of_a_step(n, seed, accumulate, world, by):
    if n < world:
        return
    lengths = lognormal(n, seed)
    loss = np.random.default_rng(seed).normal(size=n)  # of a token (or row) of each index
    ranks = [
        BucketBatchSampler(lengths, Tokens(300), accumulate=accumulate, rank=r, world_size=world)
        for r in range(world)
    ]
    unit = lengths if by == "tokens" else np.ones(n)
    weighted, step_of = [], []
    for sampler in ranks:
        batches = list(sampler)
        sampler.set_epoch(0)
        k = sampler.accumulate
        means = np.array([(loss[b] * unit[b]).sum() / unit[b].sum() for b in batches])
        weighted.append(np.add.reduceat(sampler.weights(by) * means, np.arange(0, len(means), k)))
        step_of.append([np.concatenate(batches[i : i + k]) for i in range(0, len(batches), k)])
    ours = np.mean(weighted, axis=0)  # what DistributedDataParallel makes of the ranks
    rows = [np.concatenate([s[i] for s in step_of]) for i in range(len(step_of[0]))]
    true = [(loss[r] * unit[r]).sum() / unit[r].sum() for r in rows]
    np.testing.assert_allclose(ours, true, atol=1e-9)


class Items(Dataset[torch.Tensor]):
    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> torch.Tensor:
        return torch.tensor(i)


@pytest.mark.parametrize("workers", [0, 2])
def test_in_a_plain_dataloader(workers):
    lengths = lognormal(200, 1)
    sampler = BucketBatchSampler(lengths, Tokens(512), accumulate=3)
    loader = DataLoader(Items(200), batch_sampler=sampler, num_workers=workers)
    expected = list(BucketBatchSampler(lengths, Tokens(512), accumulate=3))
    assert len(loader) == len(expected)
    assert [b.tolist() for b in loader] == expected
    sampler.set_epoch(0)
    steps = [[(b.tolist(), w) for b, w in step] for step in sampler.steps(loader)]
    assert [b for step in steps for b, _ in step] == expected
    assert {len(step) for step in steps} == {3}
    assert all(abs(sum(w for _, w in step) - 1) < 1e-12 for step in steps)
    left = sampler.epoch
    for step in sampler.steps(loader):  # a step that is left is passed over
        next(step)
    assert sampler.epoch == left + 1


def test_steps_after_a_resume_begin_where_it_stopped():
    lengths = lognormal(300, 2)
    sampler = BucketBatchSampler(lengths, Tokens(512), accumulate=4)
    loader = DataLoader(Items(300), batch_sampler=sampler)
    whole = [[b.tolist() for b, _ in step] for step in sampler.steps(loader)]
    again = BucketBatchSampler(lengths, Tokens(512), accumulate=4)
    again.load_state_dict(again.state_dict(batches=8))
    rest = [[b.tolist() for b, _ in step]
            for step in again.steps(DataLoader(Items(300), batch_sampler=again))]  # fmt: skip
    assert rest == whole[2:]


def test_a_state_of_other_data_is_refused():
    state = BucketBatchSampler(lognormal(100, 0), Tokens(64)).state_dict()
    for other in (
        BucketBatchSampler(lognormal(100, 1), Tokens(64)),
        BucketBatchSampler(lognormal(100, 0), Tokens(65)),
        BucketBatchSampler(lognormal(100, 0), Tokens(64), seed=1),
    ):
        with pytest.raises(UsageError, match="another sampler") as caught:
            other.load_state_dict(state)
        assert caught.value.hint
    sampler = BucketBatchSampler(lognormal(100, 0), Tokens(64))
    with pytest.raises(UsageError, match="batch 99999"):
        sampler.load_state_dict({**state, "step": 99_999})


def test_balance_draws_classes_evenly():
    rng = np.random.default_rng(0)
    labels = (rng.random(2_000) < 0.05).astype(np.int64)
    sampler = BucketBatchSampler(lognormal(2_000, 3), Tokens(512), labels=labels, balance="classes")
    drawn = np.array([i for batch in sampler for i in batch])
    assert drawn.size == 2_000
    assert abs(labels[drawn].mean() - 0.5) < 0.01
    with pytest.raises(UsageError, match="labels"):
        BucketBatchSampler([1, 2], 8, balance="classes")


def test_drop_last_leaves_out_no_more_than_a_step():
    lengths = lognormal(500, 4)
    sampler = BucketBatchSampler(lengths, Tokens(256), accumulate=4, drop_last=True)
    whole = lay_out(lengths, Tokens(256)).edges.size - 1
    assert len(sampler) == whole // 4 * 4
    drawn = [i for batch in sampler for i in batch]
    assert len(drawn) == len(set(drawn))


@pytest.mark.parametrize(
    "lengths", [[3, 1, 2], np.array([3.0, 1.0, 2.0]), torch.tensor([3, 1, 2]), pl.Series([3, 1, 2])]
)
def test_lengths_come_as_they_are(lengths):
    batches = list(BucketBatchSampler(lengths, 4, accumulate=1))
    assert sorted(i for b in batches for i in b) == [0, 1, 2]


@pytest.mark.parametrize("lengths", [[-1], [1.5], [[[1]]], ["a"], [np.nan]])
def test_what_are_no_lengths(lengths):
    with pytest.raises(UsageError) as caught:
        BucketBatchSampler(lengths, 4)
    assert caught.value.hint


def test_edges_of_the_domain():
    assert list(BucketBatchSampler([], 4)) == []
    assert list(BucketBatchSampler([0], 4)) == [[0]]
    assert sorted(map(tuple, BucketBatchSampler([9, 1, 1], Tokens(4)))) == [(0,), (1,), (2,)]
    assert len(BucketBatchSampler([5] * 64, Tokens(40), accumulate=2)) == 8
    with pytest.raises(UsageError, match="accumulate"):
        BucketBatchSampler([1], 4, accumulate=0)
    with pytest.raises(UsageError, match="by"):
        BucketBatchSampler([1], 4).weights("chars")  # type: ignore[arg-type] # that is the test
    for budget in (Tokens, Examples, Quadratic):
        with pytest.raises(UsageError, match="holds nothing"):
            budget(0)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.integers(0, 20))
def test_halving_keeps_every_row(sizes, more):
    edges = np.cumsum([0, *sizes])
    bounds = np.stack([edges[:-1], edges[1:]], axis=1)
    out = halved(bounds, more)
    assert out.shape[0] == min(len(sizes) + more, sum(sizes))
    assert out[0, 0] == 0
    assert out[-1, 1] == edges[-1]
    assert (out[1:, 0] == out[:-1, 1]).all()
    assert (out[:, 1] > out[:, 0]).all()
