"""What the rules of loaders see of one split, and what several of them ask of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from datacheck.findings import Example
from datacheck.types import Ints

if TYPE_CHECKING:  # pages and options of the rules are read without torch
    from datacheck.pipelines.watching.recording import Epoch

DRAWN = ": rows are drawn at random, with replacement or weights"
FILLED = ": the sampler fills up the ranks with rows that came before"


@dataclass(slots=True)
class Seen:
    """One split: its loaders (one a rank), and their epochs, by rank and number.

    ``loaders`` are those within guards. ``expected`` are the rows that should come, and ``keyed``
    what they are known by: their ``index``, ``address`` or ``content``.
    """

    name: str
    train: bool
    loaders: list[Any]
    epochs: list[list[Epoch]] = field(default_factory=list)
    expected: Ints | None = None
    keyed: str = ""

    @property
    def first(self) -> list[Epoch]:
        """The first epoch of each rank."""
        return [e[0] for e in self.epochs]

    @property
    def splits(self) -> tuple[str, ...]:
        """Its name, if it has one."""
        return (self.name,) if self.name else ()


def sampler_of(loader: Any) -> Any:
    """The sampler of rows within a DataLoader."""
    batch = getattr(loader, "batch_sampler", None)
    batch = getattr(batch, "sampler", batch) if type(batch).__name__ == "Noted" else batch
    inner = getattr(batch, "sampler", None)
    found = inner if inner is not None else batch
    return getattr(loader, "sampler", None) if found is None else found


def rows_of(split: Seen, epoch: Epoch) -> Ints:
    """The rows of an epoch, by what is expected of them."""
    if split.keyed == "address":
        return np.concatenate(epoch.addresses)
    return epoch.order


def absent(split: Seen) -> Ints:
    """Expected rows that did not come."""
    assert split.expected is not None
    came = np.concatenate([rows_of(split, e) for e in split.first])
    return np.setdiff1d(split.expected, came)


def dropped(split: Seen) -> int:
    """How many rows ``drop_last`` can explain: less than a batch of each rank."""
    total = 0
    for one in split.loaders:
        batch = getattr(one, "batch_sampler", None)
        sampler = getattr(batch, "sampler", None)
        holder: Any
        for holder in (one, batch, sampler):
            if getattr(holder, "drop_last", False) is True and hasattr(holder, "budget"):
                return len(holder.lengths)  # batches of any size
            if getattr(holder, "drop_last", False) is True:
                size = getattr(batch, "batch_size", None) or getattr(one, "batch_size", None) or 0
                ranks = getattr(batch, "world_size", getattr(sampler, "num_replicas", 1))
                total = max(total, int(size) * max(int(ranks), len(split.loaders)) - 1)
    return total


def by_chance(split: Seen) -> bool:
    """Whether rows are drawn with weights or with replacement, on purpose."""
    sampler = sampler_of(split.loaders[0])
    balance = getattr(sampler, "balance", getattr(sampler, "_draws", None))
    return getattr(sampler, "replacement", False) is True or balance is not None


def evened(split: Seen, extra: int) -> bool:
    """Whether so few rows came again that evening out the ranks explains it."""
    sampler = sampler_of(split.loaders[0])
    ranks = int(getattr(sampler, "num_replicas", 1))
    return ranks > 1 and extra < ranks and split.train


def examples_of(rows: Ints, split: Seen) -> tuple[Example, ...]:
    """Some of the rows, by index or address."""
    if split.keyed == "content":
        return ()
    return tuple(Example((str(int(row)),)) for row in rows[:5])
