"""A feed goes on exactly, whatever the loader and wherever it stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch.utils.data import DataLoader

import datacheck
from datacheck.errors import UsageError
from datacheck.training.determinism import keyed, untouched
from datacheck.training.loop.feeding import Feed, to_device
from tests.training.tiny import Data, collate, loader, shuffled


def ready(**options: Any) -> Any:
    random = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "tokens": [random.integers(1, 9, n).tolist() for n in random.integers(1, 20, 60)],
            "y": random.integers(0, 2, 60),
        }
    )
    return datacheck.loaders({"train": frame}, label="y", token_ids=["tokens"], **options)["train"]


def seeded():
    """A plain loader with a generator of its own, which goes on from epoch to epoch."""
    generator = torch.Generator().manual_seed(3)
    return DataLoader(Data(), 16, shuffle=True, collate_fn=collate, generator=generator)


LOADERS: dict[str, Callable[[], Any]] = {
    "list": lambda: list(loader()),
    "keyed": loader,
    "plain": lambda: shuffled(noise=0.1),
    "own generator": seeded,
    "table": lambda: ready(batch_size=8),
    "keyed table": lambda: keyed(ready(batch_size=8), 8, 1, among=np.arange(60)),
    "bucketed": lambda: ready(max_tokens=40, accumulate=3),
    "balanced": lambda: ready(batch_size=8, balance="classes"),
    "workers": lambda: ready(batch_size=8, workers=1),
}


def take(feed, steps):
    """What the steps are made of."""
    out = []
    for _ in range(steps):
        group = feed.next()
        values = [b.x.sum().item() if b.x is not None else 0.0 for b in group]
        out.append((feed.epoch, [b.rows.tolist() for b in group], values))
    return out


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("name", list(LOADERS))
def test_it_goes_on_where_it_stood(name, accumulate):
    make = LOADERS[name]
    with untouched():
        first = Feed(make(), 5, accumulate)
        groups = first.groups()
        assert groups is not None
        steps = 2 * groups + 1
        whole = take(first, steps)
        assert [e for e, _, _ in whole] == [0] * groups + [1] * groups + [2]
        if name != "balanced":
            rows = [r for _, group, _ in whole[:groups] for batch in group for r in batch]
            assert sorted(rows) == list(range(len(rows)))
        for stop in (0, 1, groups - 1, groups, groups + 1, 2 * groups):
            if name == "workers" and stop not in (1, groups):
                continue
            before = Feed(make(), 5, accumulate)
            assert take(before, stop) == whole[:stop]
            assert before.ended == (stop > 0 and stop % groups == 0)
            after = Feed(make(), 5, accumulate)
            after.load_state_dict(before.state_dict())
            assert after.state_dict() is not None
            assert take(after, steps - stop) == whole[stop:]


@pytest.mark.parametrize("name", ["keyed", "plain", "own generator", "bucketed"])
def test_looking_at_a_whole_epoch_changes_nothing(name):
    with untouched():
        make = LOADERS[name]
        whole = take(Feed(make(), 5), 9)
        feed = Feed(make(), 5)
        first = take(feed, 4)
        seen = [b.rows for b in feed.whole(0)]
        assert len(torch.cat(seen)) == len({int(r) for r in torch.cat(seen)})
        assert first + take(feed, 5) == whole


def test_what_is_shorter_than_it_was_is_refused():
    with untouched():
        feed = Feed(list(loader()), 0)
        take(feed, 5)
        other = Feed(list(loader())[:3], 0)
        other.load_state_dict(feed.state_dict())
        with pytest.raises(UsageError, match="gives 3 batches, and 5 were read"):
            other.next()


def test_batches_are_moved_whatever_they_are():
    device = torch.device("meta")
    batch = next(iter(loader()))
    assert to_device(batch, device).x.device == device
    moved = to_device({"a": [torch.ones(1), "text"], "b": (torch.ones(1),)}, device)
    assert moved["a"][0].device == moved["b"][0].device == device
    assert moved["a"][1] == "text"
    assert to_device(batch, torch.device("cpu")) is batch
