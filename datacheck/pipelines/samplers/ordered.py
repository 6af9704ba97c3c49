"""Evaluation by length: rows in their order, in batches of a budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from datacheck.pipelines.samplers.balanced import RowBatchSampler, check_ranks, cut_in_order
from datacheck.types import Ints


class OrderedBatchSampler(RowBatchSampler):
    """Rows in their order, cut where ``tokens`` would be passed: for evaluation.

    A batch holds as many rows as fit with padding (rows × longest ≤ ``tokens``), at least one, and
    at most ``batch_size`` (0: any number). ``lengths`` is int64 of shape (n,). Rank r takes each
    ``world_size``-th batch: every row comes once, ranks may differ by one batch.
    """

    def __init__(
        self,
        lengths: Sequence[int] | Ints,
        tokens: int,
        *,
        batch_size: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        check_ranks(tokens, rank, world_size)
        known = np.asarray(lengths, dtype=np.int64)
        self.n, self.batch_size, self.tokens = int(known.size), batch_size, tokens
        self.rank, self.world_size, self.seed, self.shuffle = rank, world_size, 0, False
        self.drop_last = False
        self.epoch = self._step = self._from = 0
        self._edges = cut_in_order(known, tokens, batch_size or self.n or 1)

    def __len__(self) -> int:
        return len(range(self.rank, int(self._edges.size) - 1, self.world_size))

    def __iter__(self) -> Iterator[list[int]]:
        start = self._start()
        for step in range(start, len(self)):
            k = self.rank + step * self.world_size
            self._step = step + 1
            yield list(range(int(self._edges[k]), int(self._edges[k + 1])))
        self.epoch, self._step = self.epoch + 1, 0
