"""Random numbers that depend on names, not on what was drawn before.

A pair of runs is to differ in one thing only. So the order of rows is keyed by (seed, epoch, row
address), initial weights by (seed, parameter name) and what a step draws (dropout) by (seed,
step): a row that is dropped or a layer that is added shifts nothing else, and a run that goes on
after a stop needs no history.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from datacheck.errors import UsageError
from datacheck.pipelines.loader import Loader
from datacheck.pipelines.samplers.balanced import RowBatchSampler
from datacheck.training.loop.initial import init
from datacheck.training.loop.keys import key, reseed, row_keys, untouched
from datacheck.types import Ints

__all__ = ["KeyedBatchSampler", "init", "key", "keyed", "reseed", "row_keys", "untouched"]


class KeyedBatchSampler(RowBatchSampler):
    """Batches of rows in the order of a 64-bit hash of (seed, epoch, row address).

    ``addresses`` is int64 of shape (n,), no two alike: those of ``Batch.rows``, or any numbers
    that name rows. Yields positions in them. Dropping rows leaves the order of all others as it
    is. With ``among``, the addresses of all rows that ever were, batches are also cut as if those
    were still there: a dropped row makes its own batch smaller, and all other batches stay the
    same to the row (a batch that loses all its rows is left out). ``among`` is for one rank.

    Every row comes once an epoch, over all ranks together; ``set_epoch``, ``state_dict`` and
    ``load_state_dict`` are those of the other samplers: resuming iterates nothing. Raises
    UsageError for addresses that are not distinct whole numbers, or not in ``among``.
    """

    def __init__(
        self,
        addresses: Any,
        batch_size: int,
        seed: int = 0,
        *,
        among: Any = None,
        rank: int = 0,
        world_size: int = 1,
        drop_last: bool = False,
    ) -> None:
        self.addresses = _distinct(addresses, "addresses")
        self.among = None if among is None else _distinct(among, "among")
        if self.among is not None:
            lacking = np.setdiff1d(self.addresses, self.among)
            if lacking.size:
                raise UsageError(
                    f"{lacking.size:,} addresses are not in among, such as {lacking[0]}",
                    f"among holds {self.among.size:,} rows; it has to hold them all",
                )
            if world_size > 1 or drop_last:
                raise UsageError(
                    "among is for one rank that drops no batch",
                    f"world_size is {world_size}, drop_last is {drop_last}",
                )
        self._content = _content(self.addresses) + ("" if among is None else _content(self.among))
        self._cut: tuple[int, Ints] | None = None
        super().__init__(
            int(self.addresses.size),
            batch_size,
            seed=seed,
            rank=rank,
            world_size=world_size,
            drop_last=drop_last,
        )

    def __len__(self) -> int:
        self._cut_batches()
        return super().__len__()

    def __iter__(self) -> Iterator[list[int]]:
        self._cut_batches()
        yield from super().__iter__()

    def order(self) -> Ints:
        """Positions in ``addresses`` of this epoch, of all ranks, int64 of shape (n,)."""
        keys = row_keys(self.addresses, self.seed, self.epoch)
        return np.argsort(keys, kind="stable").astype(np.int64)

    def _cut_batches(self) -> None:
        """Set where this epoch's batches begin and end."""
        if self.among is None or (self._cut is not None and self._cut[0] == self.epoch):
            return
        mine = np.sort(row_keys(self.addresses, self.seed, self.epoch))
        everyone = np.sort(row_keys(self.among, self.seed, self.epoch))
        ends = everyone[self.batch_size - 1 :: self.batch_size]
        edges = np.searchsorted(mine, ends, side="right")
        self._edges = np.unique(np.concatenate([[0], edges, [mine.size]])).astype(np.int64)
        self._cut = (self.epoch, self._edges)

    def _identity(self) -> dict[str, Any]:
        return {**super()._identity(), "rows": self._content}


def keyed(loader: Loader, batch_size: int, seed: int = 0, *, among: Any = None) -> Loader:
    """A loader of the same table, its rows in the order of :class:`KeyedBatchSampler`."""
    sampler = KeyedBatchSampler(loader.table.addresses(), batch_size, seed, among=among)
    return Loader(
        loader.table,
        sampler,
        collate_fn=loader.collate_fn,
        num_workers=loader.num_workers,
        persistent_workers=loader.persistent_workers,
        generator=torch.Generator().manual_seed(seed),
    )


def _distinct(given: Any, name: str) -> Ints:
    found = np.asarray(given)
    if found.ndim != 1 or (found.size and found.dtype.kind not in "iu"):
        raise UsageError(
            f"{name} of shape {found.shape} and type {found.dtype}", "one whole number for each row"
        )
    found = found.astype(np.int64)
    twice = found.size - np.unique(found).size
    if twice:
        raise UsageError(f"{twice:,} of {name} are there twice", "each row has its own address")
    return found


def _content(addresses: Any) -> str:
    return hashlib.blake2b(addresses.tobytes(), digest_size=8).hexdigest()
