"""How many cells are missing, for columns of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from datacheck.dataset import Batch
from datacheck.summaries.base import State, Summary


class Nulls(Summary):
    """Null cells; in float columns NaN is missing too."""

    def __init__(self, columns: Sequence[str] = (), **params: Any) -> None:
        super().__init__(columns, **params)
        self.rows = 0
        self.counts = np.zeros(len(self.columns), dtype=np.int64)
        self._index = {c: i for i, c in enumerate(self.columns)}

    def __getitem__(self, column: str) -> int:
        return int(self.counts[self._index[column]])

    def update(self, batch: Batch) -> None:
        """Absorb the rows of a batch."""
        import polars as pl
        import polars.selectors as cs

        self.rows += batch.height
        if not self.columns or not batch.height:
            return
        frame = batch.frame.select(self.columns)
        counts = frame.null_count().to_numpy().ravel().astype(np.int64)
        floats = frame.select(cs.float())
        if floats.width:
            nan = floats.select(pl.all().is_nan().sum()).to_numpy().ravel()
            counts[[self._index[name] for name in floats.columns]] += nan
        self.counts = self.counts + counts

    def merge(self, other: Self) -> Self:
        """Sums."""
        self.rows += other.rows
        self.counts = self.counts + other.counts
        return self

    def state(self) -> State:
        """Rows, and the missing cells of each column."""
        return {"rows": self.rows, "counts": self.counts}

    def restore(self, state: State) -> None:
        """Take over a state."""
        self.rows, self.counts = int(state["rows"]), state["counts"]
