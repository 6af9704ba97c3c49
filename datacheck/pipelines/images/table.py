"""Pictures as the rows of a table: decoded when a batch asks for them, by some threads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import get_worker_info

from datacheck.errors import UsageError
from datacheck.pipelines.collate import Batch, Y
from datacheck.pipelines.shared_transform import SharedTransform
from datacheck.sources.images.decoding import Item, Unreadable, decode, quiet
from datacheck.types import Ints

GROUP = 4  # pictures that a thread takes at a time


@dataclass(slots=True, eq=False)
class Pixels:
    """Some rows: ``images`` uint8 of shape (rows, height, width[, 3]), ``y`` and ``addresses``.

    ``left_out`` are those that could not be decoded (address, reason).
    """

    images: npt.NDArray[np.uint8]
    y: npt.NDArray[Any] | None
    addresses: Ints
    left_out: tuple[tuple[int, str], ...] = ()


class PictureTable:
    """A map-style dataset of pictures; ``table.__getitems__(indices)`` decodes those of a batch.

    ``items`` are paths (strings), bytes of files, or arrays of pixels; ``y`` and ``addresses``
    have shape (rows,). All are decoded to the mode and size of ``transform``; ``shrink`` lets
    large JPEG be decoded at ½, ¼ or ⅛ where that is not smaller. In a worker of a DataLoader one
    thread decodes, else one for each core.
    """

    keep: object = None

    def __init__(
        self,
        items: Sequence[str | Item],
        y: npt.NDArray[Any] | None,
        addresses: Ints,
        told: Sequence[str],
        transform: SharedTransform,
        *,
        shrink: bool = True,
    ) -> None:
        if transform.size is None or not transform.mode:
            raise UsageError("this transform is for arrays", "fit one on pictures, or leave it out")
        self.items, self.y, self._addresses, self.told = items, y, addresses, told
        self.transform, self.shrink = transform, shrink
        self.fields: dict[str, Any] = {}
        self._pool: tuple[int, ThreadPoolExecutor] | None = None

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Pixels:
        return self.__getitems__([index])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pool": None}

    def __repr__(self) -> str:
        return f"PictureTable({len(self):,} pictures)"

    def __getitems__(self, indices: Sequence[int] | Ints) -> Pixels:
        """The pictures at ``indices``, in that order, without those that cannot be decoded.

        Raises IndexError for a row that is not there.
        """
        at = np.asarray(indices, dtype=np.int64)
        if at.size and (at.min() < 0 or at.max() >= len(self)):
            raise IndexError(f"row {int(at.max()):,} of a table of {len(self):,} rows")
        size, mode = self.transform.size, self.transform.mode
        assert size is not None
        shape = (at.size, *size, 3) if mode == "RGB" else (at.size, *size)
        images = np.empty(shape, dtype=np.uint8)
        reasons: dict[int, str] = {}

        def some(start: int) -> None:
            for place in range(start, min(start + GROUP, at.size)):
                item = self.items[int(at[place])]
                source: Item = Path(item) if isinstance(item, str) else item
                try:
                    images[place] = decode(source, size, mode, shrink=self.shrink)
                except Unreadable as reason:
                    reasons[place] = str(reason)

        starts = range(0, at.size, GROUP)
        with quiet():
            if get_worker_info() is not None or at.size <= GROUP:
                for start in starts:
                    some(start)
            else:
                list(self._threads().map(some, starts))
        addresses = self._addresses[at]
        y = None if self.y is None else self.y[at]
        if not reasons:
            return Pixels(images, y, addresses)
        good = np.ones(at.size, dtype=np.bool_)
        good[list(reasons)] = False
        lost = tuple((int(addresses[i]), reasons[i]) for i in sorted(reasons))
        return Pixels(images[good], None if y is None else y[good], addresses[good], lost)

    def addresses(self) -> Ints:
        """The addresses of all rows, int64 of shape (rows,)."""
        return self._addresses

    def column(self, name: str) -> npt.NDArray[Any]:
        """The labels, shape (rows,). Raises UsageError for any other column."""
        if name != Y or self.y is None:
            raise UsageError(f"no column {name!r}", "a table of pictures has labels at most")
        return self.y

    def spell(self, address: int) -> str:
        """What the picture of a row is called."""
        at = np.flatnonzero(self._addresses == address)
        return self.told[int(at[0])] if at.size else str(address)

    def _threads(self) -> ThreadPoolExecutor:
        # Threads do not survive a fork: each process has its own.
        if self._pool is None or self._pool[0] != os.getpid():
            pool = ThreadPoolExecutor(os.cpu_count() or 1, "datacheck-pictures")
            self._pool = (os.getpid(), pool)
        return self._pool[1]


class PictureCollate:
    """Makes a :class:`Batch` of pictures: ``x`` float32 of shape (batch, channels, height, width).

    Pixels are divided by 255 and normalized as ``transform`` says; equal to its ``evaluation``.
    """

    classes: tuple[float, ...] = ()

    def __init__(self, transform: SharedTransform, *, labeled: bool) -> None:
        self.label = Y if labeled else ""
        self.transform = transform
        std = torch.tensor(transform.std, dtype=torch.float64).view(-1, 1, 1)
        mean = torch.tensor(transform.mean, dtype=torch.float64).view(-1, 1, 1)
        white = 255.0 if transform.scale else 1.0
        self._factor = (1 / (white * std)).to(torch.float32)
        self._offset = (-mean / std).to(torch.float32)

    def __call__(self, pixels: Pixels | Sequence[Pixels]) -> Batch:
        """One batch."""
        got = pixels if isinstance(pixels, Pixels) else together(pixels)
        images = torch.from_numpy(got.images)
        planes = images.permute(0, 3, 1, 2) if images.ndim == 4 else images[:, None]
        x = torch.empty(planes.shape, dtype=torch.float32)
        torch.mul(planes, self._factor, out=x)
        return self.batch(got, x.add_(self._offset))

    def batch(self, got: Pixels, x: torch.Tensor) -> Batch:
        """The batch with images that are ready."""
        y = None
        if self.label and got.y is not None:
            kind = np.float32 if got.y.dtype.kind == "f" else np.int64
            y = torch.from_numpy(got.y.astype(kind, copy=False))
        rows, n = torch.from_numpy(got.addresses), got.addresses.size
        return Batch(rows=rows, x=x, y=y, tokens=n, padded=n, left_out=got.left_out)


def together(parts: Sequence[Pixels]) -> Pixels:
    """Rows that were fetched one by one. Raises UsageError if there are none."""
    if not parts:
        raise UsageError("no rows to put together", "a batch has at least one row")
    known = [p.y for p in parts if p.y is not None]
    return Pixels(
        np.concatenate([p.images for p in parts]),
        np.concatenate(known) if known else None,
        np.concatenate([p.addresses for p in parts]),
        tuple(one for p in parts for one in p.left_out),
    )
