"""What the audit of loaders knows of one split, and how its findings are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from datacheck.findings import Effect, Example, Finding, Repair, Severity
from datacheck.pipelines.recording import Epoch, unwrapped
from datacheck.types import Ints

CODES = {
    "DL001": "rows-missing-from-epoch",
    "DL002": "rows-repeated-in-epoch",
    "DL003": "rows-shared-by-ranks",
    "DL004": "cloned-worker-seeds",
    "DL005": "same-order-each-epoch",
    "DL006": "padded-batches",
    "DL007": "classes-missing-from-batches",
    "DL008": "last-batch-dropped",
}
WHY = {
    "DL001": "the model never sees these rows, or the score leaves them out",
    "DL002": "these rows weigh more than the others, in the loss or in the score",
    "DL003": "ranks that train on the same rows do work twice, and skip what no rank has",
    "DL004": "workers that draw the same random numbers augment different rows alike, and what "
    "looks like variety is a copy",
    "DL005": "batches that are the same each epoch let the loss swing in a cycle, and rows in the "
    "order of a file often come class by class",
    "DL006": "time and memory go into items that say nothing, and a loss over them is diluted",
    "DL007": "a batch without some classes pulls the model towards the others: the loss saw-tooths",
    "DL008": "rows that are left out at the end; in evaluation the score does not count them",
}


@dataclass(slots=True)
class Seen:
    """One split: its loaders (one a rank), and their epochs, by rank and number."""

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
        inner = unwrapped(one)
        batch = getattr(inner, "batch_sampler", None)
        sampler = getattr(batch, "sampler", None)
        holder: Any
        for holder in (inner, batch, sampler):
            if getattr(holder, "drop_last", False) is True and hasattr(holder, "budget"):
                return len(holder.lengths)  # batches of any size
            if getattr(holder, "drop_last", False) is True:
                size = getattr(batch, "batch_size", None) or getattr(inner, "batch_size", None) or 0
                ranks = getattr(batch, "world_size", getattr(sampler, "num_replicas", 1))
                total = max(total, int(size) * max(int(ranks), len(split.loaders)) - 1)
    return total


def by_chance(split: Seen) -> bool:
    """Whether rows are drawn with weights or with replacement, on purpose."""
    sampler = sampler_of(unwrapped(split.loaders[0]))
    balance = getattr(sampler, "balance", getattr(sampler, "_draws", None))
    return getattr(sampler, "replacement", False) is True or balance is not None


def evened(split: Seen, extra: int) -> bool:
    """Whether so few rows came again that evening out the ranks explains it."""
    sampler = sampler_of(unwrapped(split.loaders[0]))
    ranks = int(getattr(sampler, "num_replicas", 1))
    return ranks > 1 and extra < ranks and split.train


def finding(
    code: str,
    severity: Severity,
    message: str,
    split: Seen,
    *,
    count: int,
    total: int,
    unit: str = "rows",
    effect: Effect | None = None,
    examples: tuple[Example, ...] = (),
    evidence: Mapping[str, Any] | None = None,
    repairs: tuple[Repair, ...] = (),
) -> Finding:
    """A finding of the code, with its name and why."""
    return Finding(
        rule=code,
        name=CODES[code],
        severity=severity,
        message=message,
        why=WHY[code],
        splits=split.splits,
        count=int(count),
        total=int(total),
        unit=unit,
        effect=effect,
        evidence=evidence or {},
        examples=examples,
        repairs=repairs,
    )


def examples_of(rows: Ints, split: Seen) -> tuple[Example, ...]:
    """Some of the rows, by index or address."""
    if split.keyed == "content":
        return ()
    return tuple(Example((str(int(row)),)) for row in rows[:5])
