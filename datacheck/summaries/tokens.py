"""Raw strings that could not be read as their column's kind, with counts and first rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from datacheck.dataset import Batch
from datacheck.summaries.base import State, Summary
from datacheck.summaries.values import Values

CAP = 2_000
FIRSTS = 5  # as many rows as an example of a finding can show


class Tokens(Summary):
    """Counts and smallest addresses per raw string, and the total, by column.

    The list of strings is exact up to a cap, then a uniform sample of them, as in
    :class:`~datacheck.summaries.values.Values`; the total is always exact.
    """

    def __init__(self, columns: Sequence[str] = (), cap: int = CAP, **params: Any) -> None:
        super().__init__(columns, cap=cap, **params)
        self._values = Values(self.columns, cap=cap, firsts=FIRSTS)
        self.totals = np.zeros(len(self.columns), dtype=np.int64)
        self._index = {c: i for i, c in enumerate(self.columns)}

    def __getitem__(self, column: str) -> Mapping[str, int]:
        return self._values[column] if self.total(column) else {}

    def first(self, column: str) -> Mapping[str, Sequence[int]]:
        """string → the smallest addresses of its cells, ascending; at most :data:`FIRSTS`."""
        return self._values.first(column) if self.total(column) else {}

    def total(self, column: str) -> int:
        """How many cells of the column could not be read."""
        return int(self.totals[self._index[column]])

    def update(self, batch: Batch) -> None:
        """Absorb the tokens of a batch."""
        for column, series in batch.tokens.items():
            i = self._index.get(column)
            if i is not None and len(series):
                self.totals[i] += len(series) - series.null_count()
                self._values.push(column, series, batch)

    def merge(self, other: Self) -> Self:
        """Sums per string."""
        self.totals = self.totals + other.totals
        self._values.merge(other._values)
        return self

    def state(self) -> State:
        """As for values, with the totals."""
        return {"totals": self.totals, **self._values.state()}

    def restore(self, state: State) -> None:
        """Take over a state."""
        self.totals = state["totals"]
        self._values.restore(state)
