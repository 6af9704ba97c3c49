from __future__ import annotations

import itertools
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.errors import UsageError
from datacheck.pipelines.samplers.balanced import (
    BalancedBatchSampler,
    RowBatchSampler,
    class_weights,
)
from datacheck.pipelines.samplers.ordered import OrderedBatchSampler

SIZES = st.tuples(st.integers(1, 60), st.integers(1, 9), st.integers(1, 4))


@given(SIZES, st.booleans(), st.integers(0, 5))
def test_every_row_once_an_epoch_over_all_ranks(sizes, shuffle, epoch):
    n, size, world = sizes
    if n < world:
        return
    ranks = [
        RowBatchSampler(n, size, shuffle=shuffle, seed=3, rank=r, world_size=world)
        for r in range(world)
    ]
    for sampler in ranks:
        sampler.set_epoch(epoch)
    batches = [list(sampler) for sampler in ranks]
    assert len({len(b) for b in batches}) == 1, "ranks take the same number of steps"
    assert all(len(b) == len(s) for b, s in zip(batches, ranks, strict=True))
    flat = [list(itertools.chain(*b)) for b in batches]
    assert sorted(itertools.chain(*flat)) == list(range(n))
    every = [len(b) for rank in batches for b in rank]
    assert min(every) >= 1
    assert max(every) <= max(size, 2)
    if not shuffle:
        steps = zip(*batches, strict=True)
        assert list(itertools.chain(*(i for step in steps for i in step))) == list(range(n))


def make(kind, world=1, rank=0):
    labels = np.array([0] * 40 + [1] * 7 + [2] * 3)
    ranks = {"rank": rank, "world_size": world, "seed": 1}
    return {
        "rows": lambda: RowBatchSampler(50, 4, **ranks),
        "dropped": lambda: RowBatchSampler(50, 4, drop_last=True, **ranks),
        "balanced": lambda: BalancedBatchSampler(labels, 4, **ranks),
        "weighted": lambda: BalancedBatchSampler(None, 4, weights=labels + 0.5, **ranks),
        "ordered": lambda: OrderedBatchSampler(labels + 1, 9, rank=rank, world_size=world),
    }[kind]()


KINDS = ["rows", "dropped", "balanced", "weighted", "ordered"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rank", [0, 1])
def test_a_run_goes_on_where_it_was(kind, rank):
    whole = make(kind, 2, rank)
    wanted = [list(whole), list(whole), list(whole)]
    assert kind == "ordered" or wanted[0] != wanted[1], "each epoch has its own order"
    for epoch, step in itertools.product(range(2), range(len(whole) + 1)):
        stopped, later = make(kind, 2, rank), make(kind, 2, rank)
        stopped.set_epoch(epoch)
        assert list(itertools.islice(stopped, step)) == wanted[epoch][:step]
        later.load_state_dict(stopped.state_dict())
        assert later.state_dict() == stopped.state_dict()
        rest = list(later)
        assert rest == wanted[epoch][step:]
        assert list(later) == wanted[epoch + 1]
    again = make(kind, 2, rank)
    assert list(itertools.islice(again, 2)) == wanted[0][:2]
    assert list(again) == wanted[0], "a loop that was left begins its epoch anew"


@pytest.mark.parametrize("kind", ["balanced", "weighted"])
def test_ranks_share_the_draws(kind):
    one = [i for b in make(kind) for i in b]
    two = [list(make(kind, 2, rank)) for rank in range(2)]
    assert sorted(one) == sorted(i for rank in two for b in rank for i in b)


def test_classes_come_alike_in_each_batch():
    labels = np.repeat([0, 1, 2, -1], [900, 80, 20, 10])
    sampler = BalancedBatchSampler(labels, 30, seed=1)
    batches = [labels[b] for b in sampler]
    counts = np.array([np.bincount(b, minlength=3) for b in batches if len(b) == 30])
    assert (counts.sum(0) / counts.sum()).round(2).tolist() == pytest.approx([1 / 3] * 3, abs=0.01)
    # Binomial draws would have a deviation of 2.6.
    assert counts.std(axis=0).max() < 1.2
    drawn = np.bincount([i for b in sampler for i in b], minlength=labels.size)
    assert drawn[labels == -1].sum() == 0
    for label in range(3):
        times = drawn[labels == label]
        assert times.max() - times.min() <= 1, "a class is gone through before it comes again"


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=80),
    st.sampled_from(["classes", "sqrt"]),
    st.integers(1, 9),
)
def test_shares_are_met_to_within_a_row(labels, balance, size):
    sampler = BalancedBatchSampler(labels, size, balance=balance)
    drawn = [i for b in sampler for i in b]
    assert len(drawn) == len(labels)
    counts = np.bincount(labels)
    wanted = (counts > 0) * 1.0 if balance == "classes" else np.sqrt(counts)
    wanted = wanted / wanted.sum() * len(labels)
    got = np.bincount(np.array(labels)[drawn], minlength=counts.size)
    assert (np.abs(got - wanted) < 1).all()


@given(
    st.lists(st.floats(0, 9), max_size=59).map(lambda w: [1.0, *w]),
    st.integers(0, 3),
)
def test_weights_are_met_to_within_a_draw(weights, epoch):
    sampler = BalancedBatchSampler(None, 7, weights=weights)
    sampler.set_epoch(epoch)
    drawn = np.bincount([i for b in sampler for i in b], minlength=len(weights))
    expected = np.array(weights) / np.sum(weights) * len(weights)
    assert (np.abs(drawn - expected) < 1 + 1e-9).all()


@given(st.lists(st.integers(0, 30), min_size=0, max_size=60), st.integers(1, 90), st.integers(1, 3))
def test_evaluation_is_in_order_and_within_its_budget(lengths, tokens, world):
    ranks = [OrderedBatchSampler(lengths, tokens, rank=r, world_size=world) for r in range(world)]
    batches = [list(r) for r in ranks]
    assert [len(r) for r in ranks] == [len(b) for b in batches]
    every = [b for step in itertools.zip_longest(*batches) for b in step if b is not None]
    assert list(itertools.chain(*every)) == list(range(len(lengths)))
    for batch in every:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= tokens


def test_frequencies_by_class():
    sampler = BalancedBatchSampler([0] * 50 + [1] * 50, 10, balance={0: 3, 1: 1})
    drawn = [i for b in sampler for i in b]
    assert sum(i < 50 for i in drawn) == 75


def test_class_weights_are_those_of_scikit_learn():
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.array([0] * 90 + [2] * 9 + [3])
    wanted = compute_class_weight("balanced", classes=np.array([0, 2, 3]), y=labels)
    assert class_weights(labels, 4).tolist() == pytest.approx([wanted[0], 0, *wanted[1:]])


@pytest.mark.parametrize(
    ("make_it", "said"),
    [
        (lambda: RowBatchSampler(9, 0), "batch of 0"),
        (lambda: RowBatchSampler(9, 2, rank=2, world_size=2), "rank 2 of 2"),
        (lambda: RowBatchSampler(1, 2, world_size=2), "1 rows for 2 ranks"),
        (lambda: BalancedBatchSampler(None, 2), "labels or weights"),
        (lambda: BalancedBatchSampler([-1], 2), "no row has a class"),
        (lambda: BalancedBatchSampler([0, 1], 2, balance={0: 1}), "no frequency for the class 1"),
        (lambda: BalancedBatchSampler([0, 1], 2, balance=cast(Any, "most")), "balance is 'most'"),
        (lambda: BalancedBatchSampler(None, 2, weights=[0.0, -1.0]), "no shares"),
        (lambda: RowBatchSampler(9, 2).load_state_dict({"epoch": 1}), "another sampler.*n was"),
    ],
)
def test_mistakes_are_told(make_it, said):
    with pytest.raises(UsageError, match=said):
        make_it()
