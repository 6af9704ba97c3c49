"""Laws of samplers and loaders: right ones pass, wrong ones fail and say where."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader, RandomSampler, SequentialSampler, TensorDataset  # noqa: E402

from datacheck import BalancedBatchSampler, BucketBatchSampler, Tokens  # noqa: E402
from datacheck.pipelines.samplers.balanced import RowBatchSampler  # noqa: E402
from datacheck.testing import laws  # noqa: E402

N = 47


def seeded():
    return RandomSampler(range(N), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "make",
    [
        lambda: SequentialSampler(range(N)),
        seeded,
        lambda: RowBatchSampler(N, 8, seed=1),
        lambda: BucketBatchSampler(np.arange(1, N + 1), Tokens(128), seed=1),
    ],
)
def test_right_samplers(make):
    laws.check_sampler(make, N)


def test_ranks_dropped_rows_and_draws_with_weights():
    def rows(rank, world_size):
        return RowBatchSampler(N, 8, seed=1, rank=rank, world_size=world_size)

    laws.every_index_once(rows, N, ranks=3)
    laws.check_sampler(lambda: RowBatchSampler(N, 8, drop_last=True), N, may_drop=7)
    laws.check_sampler(lambda: BalancedBatchSampler([0] * 40 + [1] * 7, 8), N, once=False)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 60), size=st.integers(1, 9), seed=st.integers(0, 99))
def test_rows_in_batches_for_any_size(n, size, seed):
    laws.check_sampler(lambda: RowBatchSampler(n, size, seed=seed), n)


class Stuck(RowBatchSampler):
    """Begins again whatever state it is given."""

    def load_state_dict(self, state):
        self.epoch = int(state["epoch"])


class Unseeded(RowBatchSampler):
    def order(self):
        return np.random.default_rng().permutation(self.n)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: [0, 1, 1, 3], "1 of 4 indices come more than once: 1"),
        (lambda: [[0, 1], [3]], "1 of 4 indices never come: 2"),
        (lambda: [0, 1, 2, 4], r"indices outside 0 … 3: 4"),
        (lambda: Stuck(4, 1), r"after 1 steps and a resume, step 1 should be \[\d\], not \[\d\]"),
        (lambda: Unseeded(4, 2), r"the same epoch differs from step \d: \["),
    ],
)
def test_wrong_samplers(make, said):
    def often():
        for _ in range(20):  # one of them may be right by chance
            laws.check_sampler(make, 4)

    with pytest.raises(AssertionError, match=said):
        often()


def test_ranks_that_share_rows_and_lengths_that_lie():
    with pytest.raises(AssertionError, match="come more than once"):
        laws.every_index_once(lambda rank, ranks: [0, 1, 2], 4, ranks=2)

    class Liar(list):
        def __len__(self):
            return 9

    with pytest.raises(AssertionError, match=r"len\(\) tells 9 of 3 steps"):
        laws.every_index_once(lambda: Liar([0, 1, 2]), 3)


def test_loaders_right_and_wrong():
    data = TensorDataset(torch.arange(64.0))
    laws.check_loader(DataLoader(data, batch_size=8, shuffle=True))
    with pytest.raises(AssertionError, match="DL005 warning: "):
        laws.check_loader(DataLoader(data, batch_size=8))
    laws.check_loader(DataLoader(data, batch_size=8), allow="DL005")
    laws.check_loader(DataLoader(data, batch_size=8), fail_on="error")
    laws.check_loader(DataLoader(data, batch_size=8), train=False)
    one_twice = DataLoader(data, batch_size=8, sampler=[*range(63), 3])
    with pytest.raises(AssertionError, match="DL001 warning: "):
        laws.check_loader(one_twice, allow=["DL002", "DL005"])
