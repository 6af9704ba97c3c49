"""Laws of keyed randomness: what is dropped or added shifts nothing else."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import DataLoader

import datacheck
from datacheck.errors import UsageError
from datacheck.training.determinism import (
    KeyedBatchSampler,
    init,
    key,
    keyed,
    reseed,
    row_keys,
    untouched,
)

ADDRESSES = st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, max_size=60)


def batches(addresses, size, seed, epoch, **options):
    """The addresses of each batch."""
    sampler = KeyedBatchSampler(np.array(addresses, dtype=np.int64), size, seed, **options)
    sampler.set_epoch(epoch)
    found = list(sampler)
    sampler.set_epoch(epoch)
    assert len(sampler) == len(found)
    return [[addresses[i] for i in batch] for batch in found]


def flat(parts):
    return [a for part in parts for a in part]


@given(ADDRESSES, st.integers(1, 9), st.integers(0, 5), st.integers(0, 3), st.data())
def test_dropped_rows_move_no_other(addresses, size, seed, epoch, data):
    kept = [a for a in addresses if data.draw(st.booleans())]
    whole = batches(addresses, size, seed, epoch)
    fewer = batches(kept, size, seed, epoch)
    assert sorted(flat(whole)) == sorted(addresses)
    assert flat(fewer) == [a for a in flat(whole) if a in set(kept)]
    same = batches(kept, size, seed, epoch, among=addresses)
    expected = [[a for a in batch if a in set(kept)] for batch in whole]
    assert same == [batch for batch in expected if batch]


@given(ADDRESSES, st.randoms())
def test_the_order_of_the_file_does_not_matter(addresses, shuffle):
    turned = shuffle.sample(addresses, len(addresses))
    assert batches(addresses, 4, 1, 0) == batches(turned, 4, 1, 0)


@given(ADDRESSES.filter(len), st.integers(1, 5), st.integers(1, 3))
def test_ranks_share_each_step(addresses, size, world):
    world = min(world, len(addresses))
    parts = [batches(addresses, size, 0, 1, rank=r, world_size=world) for r in range(world)]
    assert len({len(p) for p in parts}) == 1
    assert sorted(a for p in parts for batch in p for a in batch) == sorted(addresses)


@given(ADDRESSES, st.integers(1, 9), st.integers(0, 9), st.booleans(), st.data())
def test_it_goes_on_where_it_stood(addresses, size, steps, among, data):
    kept = [a for a in addresses if data.draw(st.booleans())] if among else addresses
    whole = np.array(addresses, dtype=np.int64) if among else None

    def made():
        return KeyedBatchSampler(np.array(kept, dtype=np.int64), size, 3, among=whole)

    first = made()
    first.set_epoch(2)
    order = list(first)
    first.set_epoch(2)
    iterator = iter(first)
    for _ in range(min(steps, len(order))):
        next(iterator)
    second = made()
    second.load_state_dict(first.state_dict())
    assert list(second) == order[min(steps, len(order)) :]
    assert second.epoch == 3


def test_a_state_of_other_rows_is_refused():
    state = KeyedBatchSampler([1, 2, 3], 2).state_dict()
    with pytest.raises(UsageError, match="another sampler"):
        KeyedBatchSampler([1, 2, 4], 2).load_state_dict(state)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 1], 2), "are there twice"),
        (([1.5], 2), "type float64"),
        (([1], 0), "a batch of 0"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        KeyedBatchSampler(*arguments)


def test_among_holds_all_rows_and_is_for_one_rank():
    with pytest.raises(UsageError, match="1 addresses are not in among, such as 3"):
        KeyedBatchSampler([1, 3], 2, among=[1, 2])
    with pytest.raises(UsageError, match="one rank"):
        KeyedBatchSampler([1, 2], 2, among=[1, 2], world_size=2)


def test_orders_are_even_and_unlike():
    n = 2_000
    addresses = np.arange(n)
    orders = []
    for seed, epoch in [(0, 0), (0, 1), (1, 0), (1, 1)]:
        sampler = KeyedBatchSampler(addresses, 10, seed)
        sampler.set_epoch(epoch)
        orders.append(sampler.order())
    for i, a in enumerate(orders):
        assert abs(np.corrcoef(addresses, a)[0, 1]) < 5 / np.sqrt(n)
        for b in orders[:i]:
            assert abs(np.corrcoef(np.argsort(a), np.argsort(b))[0, 1]) < 5 / np.sqrt(n)
    bits = np.unpackbits(row_keys(addresses, 7).view(np.uint8)).reshape(n, 64).mean(axis=0)
    assert (abs(bits - 0.5) < 5 * 0.5 / np.sqrt(n)).all()


def test_in_a_dataloader_and_of_a_loader():
    data: Any = torch.arange(50)
    loader: Any = DataLoader(data, batch_sampler=KeyedBatchSampler(np.arange(50), 8, 1))
    assert sorted(torch.cat(list(loader)).tolist()) == list(range(50))
    ready = datacheck.loaders("fixtures/clinic", missing="keep")["train"]
    table = keyed(ready, 64, seed=5)
    first = [batch.rows for batch in table]
    again = keyed(ready, 64, seed=5, among=ready.table.addresses())
    assert all(torch.equal(a, b.rows) for a, b in zip(first, again, strict=True))
    assert sorted(torch.cat(first).tolist()) == ready.table.addresses().tolist()
    stopped = keyed(ready, 64, seed=5)
    for _, _ in zip(range(3), stopped, strict=False):
        pass
    resumed = keyed(ready, 64, seed=5)
    resumed.load_state_dict(stopped.state_dict())
    assert all(torch.equal(a, b.rows) for a, b in zip(first[3:], resumed, strict=True))


# -- generators -----------------------------------------------------------------------------------


def draws():
    return float(torch.rand(())), float(np.random.rand()), random.random()  # noqa: NPY002 - the one reseed sets


def test_generators_are_keyed_and_left_as_they_were():
    reseed(1, "data", 2)
    first = draws()
    reseed(1, "data", 3)
    assert all(a != b for a, b in zip(first, draws(), strict=True))
    reseed(1, "data", 2)
    with untouched():
        reseed(9)
        draws()
    assert draws() == first


def test_keys_do_not_run_together():
    spelled = [key("a", "b"), key("ab"), key("a"), key("a", ""), key(1), key("1"), key(-1)]
    assert len(set(spelled)) == len(spelled)


# -- initial weights ------------------------------------------------------------------------------


class Positions(nn.Module):
    """A bare parameter of random values, and one of ones."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.randn(40, 8) * 0.02)
        self.scale = nn.Parameter(torch.ones(8))


class Old(nn.Module):
    """A module that draws through .data, until a draw fits."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(5, 5))
        self.other = nn.Parameter(torch.empty(5, 5))
        self.reset_parameters()

    def reset_parameters(self):
        self.weight.data.normal_()
        nn.init.trunc_normal_(self.other, std=1.0, a=-0.5, b=0.5)


PARTS = {
    "linear": lambda: nn.Linear(6, 8),
    "convolution": lambda: nn.Conv2d(2, 4, 3),
    "normalization": lambda: nn.BatchNorm1d(8),
    "layer norm": lambda: nn.LayerNorm(8),
    "recurrent": lambda: nn.LSTM(4, 5, num_layers=2, bidirectional=True),
    "cell": lambda: nn.GRUCell(4, 5),
    "embedding": lambda: nn.Embedding(9, 4, padding_idx=0),
    "attention": lambda: nn.MultiheadAttention(8, 2),
    "transformer": lambda: nn.Transformer(8, 2, 1, 1, 16, batch_first=True),
    "bilinear": lambda: nn.Bilinear(3, 4, 5),
    "prelu": lambda: nn.PReLU(3),
    "old": Old,
    "positions": Positions,
    "reparametrized": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(6, 8)),
}


def standard(value):
    return (value - value.mean()) / value.std()


def drawn(parts, seed=3, *, before=0):
    torch.manual_seed(before)
    return init(nn.ModuleDict({name: PARTS[name]() for name in parts}), seed)


@pytest.mark.parametrize("name", list(PARTS))
def test_a_module_depends_on_its_name_and_the_seed_alone(name):
    alone = drawn([name]).state_dict()
    among = drawn(["linear", "cell", name, "prelu"] if name != "linear" else ["cell", name])
    for path, value in alone.items():
        other = among.state_dict()[path]
        if "table" in path or "original" in path:
            # A bare parameter: mean and deviation are those of the values found.
            torch.testing.assert_close(standard(other), standard(value), msg=path)
        else:
            assert torch.equal(other, value), path
    state = torch.get_rng_state()
    again = {path: value.clone() for path, value in among.state_dict().items()}
    init(among, 3)
    assert torch.equal(torch.get_rng_state(), state)
    for path, value in among.state_dict().items():
        torch.testing.assert_close(again[path], value)
    unlike = drawn([name], seed=4).state_dict()
    random_ones = [p for p, v in alone.items() if v.is_floating_point() and v.std() > 0]
    assert all(not torch.allclose(alone[p], unlike[p]) for p in random_ones)
    assert random_ones or name in ("normalization", "layer norm", "prelu")


def test_weights_are_distributed_as_the_module_says():
    linear = init(nn.Linear(100, 300), 0).requires_grad_(False)
    bound = 1 / 10
    assert linear.weight.abs().max() <= bound
    assert linear.weight.std() == pytest.approx(bound / np.sqrt(3), rel=0.02)
    embedding = init(nn.Embedding(500, 20, padding_idx=3), 0).requires_grad_(False)
    assert not embedding.weight[3].any()
    assert embedding.weight.std() == pytest.approx(1, rel=0.02)
    attention = init(nn.MultiheadAttention(16, 2), 0)
    assert not attention.out_proj.bias.any()
    reset = Old()
    assert init(reset, 0).other.abs().max() <= 0.5
    bare = Positions().requires_grad_(False)
    before = bare.table.std()
    assert init(bare, 0).table.std() == pytest.approx(float(before), rel=1e-4)
    assert torch.equal(bare.scale, torch.ones(8))


def test_equal_layers_differ_and_shared_weights_stay_shared():
    model: Any = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    init(model, 0)
    assert not torch.allclose(model[0].weight, model[1].weight)
    model[1].weight = model[0].weight
    init(model, 1)
    assert model[1].weight is model[0].weight


def test_a_function_can_draw():
    def orthogonal(module):
        if isinstance(module, nn.Linear):
            nn.init.orthogonal_(module.weight)
            nn.init.zeros_(module.bias)

    small: Any = init(nn.Sequential(nn.Linear(5, 5)), 2, draw=orthogonal)
    large: Any = init(nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 5)), 2, draw=orthogonal)
    assert torch.equal(small[0].weight, large[0].weight)
    torch.testing.assert_close(small[0].weight @ small[0].weight.T, torch.eye(5))
    assert not torch.allclose(large[0].weight, large[1].weight)


def test_an_added_column_shifts_no_other():
    few, more = ["age", "income"], ["age", "zip", "income"]
    a: Any = init(nn.Sequential(nn.Linear(2, 7)), 0, columns={"0.weight": few})
    b: Any = init(nn.Sequential(nn.Linear(3, 7)), 0, columns={"0.weight": more})
    scale = np.sqrt(2 / 3)  # the bound is 1/√columns
    torch.testing.assert_close(a[0].weight * scale, b[0].weight[:, [0, 2]])
    torch.testing.assert_close(a[0].bias * scale, b[0].bias)
    assert not torch.allclose(b[0].weight[:, 0], b[0].weight[:, 1])


@pytest.mark.parametrize(
    "columns", [{"1.weight": ["a"]}, {"0.weight": ["a"]}, {"0.weight": ["a", "a"]}]
)
def test_columns_that_do_not_fit_are_refused(columns):
    with pytest.raises(UsageError, match=r"no parameter|columns \("):
        init(nn.Sequential(nn.Linear(2, 3)), 0, columns=columns)


def test_a_lazy_model_is_refused():
    with pytest.raises(UsageError, match="no shape yet"):
        init(nn.LazyLinear(3), 0)
