"""Some rows of a table, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from datacheck.pipelines.storage.ragged import Rows
from datacheck.types import Ints, Mask


class Subset:
    """The rows of ``table`` where ``mask`` is true, in their order; it reads none itself."""

    def __init__(self, table: Any, mask: Mask) -> None:
        self.table = table
        self.at: Ints = np.flatnonzero(mask)

    def __len__(self) -> int:
        return int(self.at.size)

    def __getitem__(self, index: int) -> Rows:
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int] | Ints) -> Rows:
        """Those rows, counted among the subset's."""
        found: Rows = self.table.__getitems__(self.at[np.asarray(indices, dtype=np.int64)])
        return found

    def addresses(self) -> Ints:
        """The addresses of the rows, int64 of shape (rows,)."""
        found: Ints = self.table.addresses()[self.at]
        return found

    def column(self, name: str) -> Any:
        """All values of a column of numbers, shape (rows,) or (rows, width)."""
        return self.table.column(name)[self.at]

    def lengths(self, name: str) -> Ints:
        """Items of each row of a column of lists, shape (rows,)."""
        found: Ints = self.table.lengths(name)[self.at]
        return found
