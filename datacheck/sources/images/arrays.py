"""Arrays of pixels, as archives and tensors hold pictures: each picture is a cell of one column."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from datacheck.dataset import Batch, Fragment
from datacheck.sources.images.fragments import Raw, WithImages
from datacheck.sources.images.measures import given
from datacheck.sources.images.pictures import MAX_PIXELS
from datacheck.sources.table import Readings, Table, to_batch

LEAST = 8  # pixels of a side: less is a small table, a window of a series, a board
CHANNELS = (1, 3, 4)
FORMS = (
    "uint8 of shape (N, H, W), (N, H, W, C) or (N, C, H, W), 1, 3 or 4 channels, 8 pixels a side "
    "or more"
)
STEP = 64 << 20  # bytes of cells in a batch


def is_stack(shape: Sequence[int], dtype: np.dtype[Any]) -> bool:
    """Whether an array holds pictures, by what its header tells: see :data:`FORMS`.

    Floats are none: they have been prepared for a model, so that each pixel is a feature with a
    scale of its own that has to agree in all splits, and that can be mended.
    """
    if dtype != np.uint8:
        return False
    sides = _sides(shape)
    return sides is not None and min(sides) >= LEAST and math.prod(sides) <= MAX_PIXELS


def channels_first(shape: Sequence[int]) -> bool:
    """Whether the channels of pictures stand before their sides: sides are longer."""
    return len(shape) == 4 and shape[3] not in CHANNELS


def _sides(shape: Sequence[int]) -> tuple[int, int] | None:
    if len(shape) == 3:
        return shape[1], shape[2]
    if len(shape) == 4 and shape[3] in CHANNELS:
        return shape[1], shape[2]
    if len(shape) == 4 and shape[1] in CHANNELS:
        return shape[2], shape[3]
    return None


def agreed(splits: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Names of arrays that are pictures in every split that has them.

    Bytes in one split and floats in another have to be compared: as columns.
    """
    verdicts: dict[str, bool] = {}
    for arrays in splits:
        for name, value in arrays.items():
            mine = isinstance(value, np.ndarray) and is_stack(value.shape, value.dtype)
            verdicts[name] = verdicts.get(name, True) and mine
    return frozenset(name for name, all_ in verdicts.items() if all_)


@dataclass(frozen=True, slots=True)
class ArrayFragment:
    """Rows of arrays: ``stacks`` (pictures, by column) and a frame of all other columns.

    ``order`` is that of the columns, ``path`` the archive that they were read from, if one was. A
    cell of a picture is the bytes of its pixels as the array holds them.
    """

    split: str
    file: str
    stacks: Mapping[str, np.ndarray[Any, Any]] = field(repr=False)
    frame: pl.DataFrame = field(repr=False)
    order: tuple[str, ...]
    readings: Readings = field(repr=False)
    path: Path | None = None

    @property
    def rows(self) -> int:
        """How many."""
        return int(next(iter(self.stacks.values())).shape[0])

    def fingerprint(self) -> tuple[str, int, int]:
        """(name, bytes, 0): memory has no history."""
        size = sum(s.nbytes for s in self.stacks.values()) + self.frame.estimated_size()
        return (self.file, int(size), 0)

    def read(self, columns: Sequence[str], batch_rows: int) -> Iterator[Batch]:
        for frame, at in self.frames(columns, batch_rows):
            rows = np.arange(at, at + frame.height, dtype=np.int64)
            yield to_batch(frame, rows, columns, self.readings)

    def frames(self, columns: Sequence[str], batch_rows: int) -> Iterator[tuple[pl.DataFrame, int]]:
        """Slices of the stored columns, and the number of each one's first row."""
        widest = max((_size(self.stacks[c]) for c in columns if c in self.stacks), default=1)
        step = max(1, min(batch_rows, STEP // widest))
        for at in range(0, self.rows, step):
            height = min(step, self.rows - at)
            made = [
                _cells(name, self.stacks[name][at : at + height])
                if name in self.stacks
                else self.frame[name].slice(at, height)
                for name in columns
                if name in self.order
            ]
            yield pl.DataFrame(made) if made else pl.DataFrame(height=height), at


def _size(stack: np.ndarray[Any, Any]) -> int:
    return math.prod(stack.shape[1:])


def _cells(name: str, stack: np.ndarray[Any, Any]) -> pl.Series:
    data, size = np.ascontiguousarray(stack).tobytes(), _size(stack)
    return pl.Series(
        name, [data[at : at + size] for at in range(0, len(data), size)], dtype=pl.Binary
    )


def from_cells(cells: pl.Series, like: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Pictures again as an array of the form of another."""
    data = np.frombuffer(b"".join(cells.to_list()), dtype=like.dtype)
    return data.reshape(len(cells), *like.shape[1:])


def open_stacks(
    stacks: Mapping[str, np.ndarray[Any, Any]],
    frame: pl.DataFrame,
    order: Sequence[str],
    file: str,
    path: Path | None = None,
) -> Table:
    """A table of which some columns are pictures; ``frame`` has the others, as many rows."""
    height = min(len(next(iter(stacks.values()))), 10_000)
    known = {k: v for name in stacks for k, v in given(name).items()}
    picture = pl.Series(["picture"], dtype=pl.String).new_from_index(0, height)
    peek = pl.DataFrame(
        [picture.alias(n) if n in stacks else frame[n].head(height) for n in order]
    )

    def fragments(split: str, readings: Readings) -> Sequence[Fragment]:
        one: Fragment = ArrayFragment(split, file, stacks, frame, tuple(order), readings, path)
        for name, stack in stacks.items():
            form = Raw(stack.shape[1:], channels_first(stack.shape))
            one = WithImages(one, name, form)
        return [one] if height else []

    said = [f"{name} of shape {stack.shape} is read as pictures" for name, stack in stacks.items()]
    return Table(file, peek, fragments, said=said, given=known)
