"""Of each picture its perceptual hash and 16 × 16 grey levels, as the source measured them.

264 bytes a picture; past ``SPILL`` bytes they lie in an unlinked scratch file. Both come of one
decoding, so that what is like what is verified on pixels without decoding a picture again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from datacheck.dataset import Batch
from datacheck.summaries.base import State, Summary
from datacheck.summaries.spilling import Arrays, spilled
from datacheck.types import Hashes, Ints

SIDE = 16
CELLS = SIDE * SIDE


class Thumbnails(Summary):
    """Over two columns: the hash (uint64), and a list of 256 grey levels (0–255) by row.

    Rows in which either is missing are not held.
    """

    columnwise: ClassVar[bool] = False
    SPILL: ClassVar[int] = 256 << 20

    def __init__(
        self, columns: Sequence[str] = (), phash: str = "", grey: str = "", **params: Any
    ) -> None:
        super().__init__(columns, phash=phash, grey=grey, **params)
        self.phash, self.grey = phash, grey
        self._chunks: list[Arrays] = []
        self._held = 0

    def addresses(self) -> Ints:
        """int64 of shape (pictures,), ascending."""
        return self._joined("at")

    def hashes(self) -> Hashes:
        """uint64 of shape (pictures,), in order of address."""
        return self._joined("hash")

    def levels(self, which: Ints) -> npt.NDArray[np.uint8]:
        """uint8 of shape (n, 16, 16): those of some pictures, by their places."""
        self._order()
        ends = np.cumsum([c["at"].size for c in self._chunks])
        out = np.empty((which.size, CELLS), dtype=np.uint8)
        home = np.searchsorted(ends, which, side="right")
        for k in np.unique(home).tolist():
            mine = home == k
            chunk = self._chunks[k]["grey"]
            out[mine] = chunk[which[mine] - (int(ends[k]) - chunk.shape[0])]
        return out.reshape(which.size, SIDE, SIDE)

    def update(self, batch: Batch) -> None:
        """Absorb the rows of a batch."""
        hashes, grey = batch.frame[self.phash], batch.frame[self.grey]
        known = (hashes.is_not_null() & (grey.list.len() == CELLS)).fill_null(value=False)
        if not known.any():
            return
        levels = grey.filter(known).explode(empty_as_null=False, keep_nulls=False).to_numpy()
        at = batch.addresses[known.to_numpy()]
        self._add({
            "at": at,
            "hash": hashes.filter(known).to_numpy().astype(np.uint64),
            "grey": levels.astype(np.uint8).reshape(at.size, CELLS),
        })  # fmt: skip

    def merge(self, other: Self) -> Self:
        """The pictures of both."""
        for chunk in other._chunks:
            self._add(chunk)
        return self

    def _add(self, chunk: Arrays) -> None:
        self._chunks.append(chunk)
        self._held += sum(a.nbytes for a in chunk.values() if not isinstance(a, np.memmap))
        if self._held > self.SPILL:
            self._chunks, self._held = spilled(self._chunks), 0

    def _order(self) -> None:
        self._chunks.sort(key=lambda c: int(c["at"][0]))

    def _joined(self, part: str) -> npt.NDArray[Any]:
        self._order()
        none = {"at": np.zeros(0, np.int64), "hash": np.zeros(0, np.uint64),
                "grey": np.zeros((0, CELLS), np.uint8)}[part]  # fmt: skip
        return np.concatenate([none, *(c[part] for c in self._chunks)])

    def nbytes(self) -> int:
        """What is held in memory."""
        return self._held

    def state(self) -> State:
        """All arrays, in order of address."""
        order = np.argsort(self._joined("at"), kind="stable")
        return {part: self._joined(part)[order] for part in ("at", "hash", "grey")}

    def restore(self, state: State) -> None:
        """Take over a state."""
        self._chunks, self._held = [], 0
        if state["at"].size:
            self._add(dict(state))
