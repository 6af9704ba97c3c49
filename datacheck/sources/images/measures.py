"""The columns that a picture becomes, and how they are worked out for some pictures at once.

For a column ``image`` of pictures there are ``image`` itself (a key: equal pictures have equal
keys) and the columns of :data:`MEASURES`, ``image.width`` and so on. None is worked out unless
asked for, and no picture is decoded further than what is asked needs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from datacheck.dataset import EXACT, Kind, Role
from datacheck.sources.images.decoding import (
    Header,
    Item,
    Unreadable,
    deep,
    eight_bits,
    header,
    is_deep,
    upright,
)
from datacheck.sources.images.pictures import pillow
from datacheck.sources.table import Given
from datacheck.types import Floats, Mask

if TYPE_CHECKING:
    import polars as pl


class Depth(IntEnum):
    """How far a picture must be decoded."""

    HEADER = 0
    SCALED = 1
    FULL = 2


@dataclass(frozen=True, slots=True)
class Measure:
    """A column: its kind, its Polars type by name, and what it costs."""

    kind: Kind
    dtype: str
    depth: Depth
    cells: int = 1


_CHANNELS = ("red", "green", "blue")
KEY = ""  # the column of the pictures itself
MEASURES: dict[str, Measure] = {
    "width": Measure(Kind.NUMBER, "Int32", Depth.HEADER),
    "height": Measure(Kind.NUMBER, "Int32", Depth.HEADER),
    "mode": Measure(Kind.CATEGORY, "String", Depth.HEADER),
    "format": Measure(Kind.CATEGORY, "String", Depth.HEADER),
    "bytes": Measure(Kind.NUMBER, "Int64", Depth.HEADER),
    "orientation": Measure(Kind.NUMBER, "UInt8", Depth.HEADER),
    **{f"mean_{c}": Measure(Kind.NUMBER, "Float64", Depth.SCALED) for c in _CHANNELS},
    **{f"std_{c}": Measure(Kind.NUMBER, "Float64", Depth.SCALED) for c in _CHANNELS},
    "min": Measure(Kind.NUMBER, "Float64", Depth.SCALED),
    "max": Measure(Kind.NUMBER, "Float64", Depth.SCALED),
    "blank": Measure(Kind.BOOLEAN, "Boolean", Depth.SCALED),
    "phash": Measure(Kind.NUMBER, "UInt64", Depth.SCALED),
    "grey": Measure(Kind.ARRAY, "List(UInt8)", Depth.SCALED, 32),
    "pixels": Measure(Kind.ARRAY, "List(Float32)", Depth.SCALED, 384),
    EXACT: Measure(Kind.CATEGORY, "String", Depth.FULL),
}
"""By the name after the dot.

``width`` and ``height`` are those stored, before EXIF's ``orientation``; all others that need
pixels are of the picture as it is seen. ``mean_…``, ``std_…``, ``min`` and ``max`` are on the
stored scale (0–255 of 8 bits; 16 bits, integers and floats as they are), the three channels equal
for grey ones; alpha has no part in them. Of a JPEG they and the key are taken from a decode at a
reduced scale that leaves at least 64 × 64 pixels: means agree with the full picture, deviations
and ranges are slightly smaller. ``blank``: no channel deviates by as much as 1 of 255. ``phash``
is of the picture shrunk to 32 × 32 grey levels, ``grey`` its 16 × 16 (256 values, by row),
``pixels`` 16 × 16 × 3 (768 values) on the stored scale. ``exact`` is a hash of all decoded pixels
and their shape, whatever the format and the mode.
"""
BLANK = 1.0  # of 255
_SIDE, _HALF = 32, 16
_STATISTICS = ("mean_", "std_", "min", "max", "blank")


def given(column: str, why: str = "") -> dict[str, Given]:
    """What a table tells of its column of pictures, and of all that is measured of them.

    Raises SourceError where nothing is installed that could decode them.
    """
    pillow()
    out = {column: Given(Kind.IMAGE, Role.FEATURE, why)}
    for name, one in MEASURES.items():
        out[f"{column}.{name}"] = Given(one.kind, Role.MEASURED, computed=True, cells=one.cells)
    return out


class Wanted:
    """What is asked of each picture: names of :data:`MEASURES`, and :data:`KEY`."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        depths = (MEASURES[n].depth if n else Depth.SCALED for n in self.names)
        self.depth = max(depths, default=Depth.HEADER)
        """How far to decode; the key takes the scaled decode."""
        self.key, self.exact = KEY in self.names, EXACT in self.names
        self.statistics = any(n.startswith(_STATISTICS) for n in self.names)
        self.small = bool(self.names & {"phash", "grey"})
        self.pixels = "pixels" in self.names


@dataclass(slots=True)
class Measured:
    """What came of some pictures: columns over those that could be read, and the others' reasons.

    ``readable`` is of shape (pictures,); ``reasons`` and ``doubts`` go by the place in the list.
    """

    readable: Mask
    headers: list[Header] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    exact: list[str] = field(default_factory=list)
    statistics: list[Floats] = field(default_factory=list)
    grey: list[npt.NDArray[np.float32]] = field(default_factory=list)
    pixels: list[npt.NDArray[np.float32]] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)
    doubts: dict[int, str] = field(default_factory=dict)


def measure(items: Sequence[Item], names: Sequence[str], wanted: Wanted) -> Measured:
    """Decode each picture once, as far as ``wanted`` needs. ``names`` are those of the files."""
    out = Measured(np.zeros(len(items), dtype=np.bool_))
    for i, (item, name) in enumerate(zip(items, names, strict=True)):
        try:
            head = _add(out, item, name, wanted)
        except Unreadable as reason:
            out.reasons[i] = str(reason)
            continue
        out.readable[i] = True
        if head.doubt:
            out.doubts[i] = head.doubt
    return out


def _add(out: Measured, item: Item, name: str, wanted: Wanted) -> Header:
    if wanted.depth is Depth.HEADER:
        head = header(item, name)
        out.headers.append(head)
        return head
    head, image = upright(item, full=wanted.depth is Depth.FULL, name=name)
    values = deep(image) if is_deep(image) else None
    # Made from the full decode where that is there for the exact hash: the key must not depend
    # on what else is asked.
    reduced = image
    if wanted.depth is Depth.FULL and head.format in ("JPEG", "MPO") and len(wanted.names) > 1:
        _, reduced = upright(item, full=False, name=name)
    eight = reduced if values is not None else eight_bits(reduced)
    if wanted.key:
        out.keys.append(_hash(eight, values, (head.width, head.height)))
    if wanted.exact:
        whole = eight if reduced is image else eight_bits(image)
        out.exact.append(_hash(whole, values, (0, 0)))
    if wanted.statistics:
        out.statistics.append(_statistics(eight, values))
    if wanted.small:
        out.grey.append(_small(eight, values, _SIDE, "L"))
    if wanted.pixels:
        out.pixels.append(_small(eight, values, _HALF, "RGB"))
    out.headers.append(head)
    return head


def _hash(eight: Any, values: Floats | None, size: tuple[int, int]) -> str:
    """32 hexadecimal digits for pixels with their shape; grey ones as the RGB that they are."""
    digest = hashlib.blake2b(digest_size=16)
    if values is not None:
        digest.update(f"deep {values.shape} {size}".encode())
        digest.update(values.tobytes())
        return digest.hexdigest()
    rgb = eight.convert("RGB") if eight.mode == "L" else eight
    digest.update(f"{rgb.mode} {rgb.size} {size}".encode())
    digest.update(rgb.tobytes())
    return digest.hexdigest()


def _statistics(eight: Any, values: Floats | None) -> Floats:
    """Means and deviations of the three channels, smallest and largest value, blank: (9,)."""
    if values is not None:
        mean, sd = float(values.mean()), float(values.std())
        low, high = float(values.min()), float(values.max())
        top = max(abs(low), abs(high))
        return np.array([mean] * 3 + [sd] * 3 + [low, high, sd * 255 <= BLANK * top])
    counts = np.array(eight.histogram(), dtype=np.float64).reshape(-1, 256)[:3]
    n = counts[0].sum()
    means = counts @ _LEVELS / n
    # By distances from the mean: the difference of two large sums would lose the small ones.
    sds = np.sqrt((counts * (_LEVELS - means[:, None]) ** 2).sum(axis=1) / n)
    seen = np.flatnonzero(counts.any(axis=0))
    out = np.empty(9)
    out[:3], out[3:6] = means, sds
    out[6:] = seen[0], seen[-1], sds.max() < BLANK
    return out


_LEVELS = np.arange(256, dtype=np.float64)


def _small(eight: Any, values: Floats | None, side: int, mode: str) -> npt.NDArray[np.float32]:
    """The picture of ``side`` × ``side``; grey levels of 0–255, or RGB on the stored scale."""
    image_of = pillow()
    filter_ = image_of.Resampling.BILINEAR
    if values is None:
        return np.asarray(eight.convert(mode).resize((side, side), filter_), dtype=np.float32)
    shrunk = image_of.fromarray(values.astype(np.float32)).resize((side, side), filter_)
    grey = np.asarray(shrunk, dtype=np.float32)
    if mode == "RGB":
        return np.repeat(grey[:, :, None], 3, axis=2)
    low, high = float(values.min()), float(values.max())
    return (grey - np.float32(low)) * np.float32(255 / (high - low) if high > low else 0.0)


# -- to columns --------------------------------------------------------------------------------


def columns(parts: Sequence[Measured], column: str, wanted: Wanted) -> list[pl.Series]:
    """The columns asked for, over the readable pictures of all parts, in their order."""
    import polars as pl

    heads = [h for p in parts for h in p.headers]
    made: dict[str, Any] = {
        KEY: lambda: [k for p in parts for k in p.keys],
        EXACT: lambda: [k for p in parts for k in p.exact],
        "width": lambda: [h.width for h in heads],
        "height": lambda: [h.height for h in heads],
        "mode": lambda: [h.mode for h in heads],
        "format": lambda: [h.format for h in heads],
        "bytes": lambda: [h.bytes for h in heads],
        "orientation": lambda: [h.orientation for h in heads],
    }
    figures = _stacked((s for p in parts for s in p.statistics), (9,), np.float64)
    order = [*(f"mean_{c}" for c in _CHANNELS), *(f"std_{c}" for c in _CHANNELS), "min", "max"]
    for i, name in enumerate(order):
        made[name] = lambda i=i: figures[:, i]
    made["blank"] = lambda: figures[:, 8] > 0
    grey = _stacked((g for p in parts for g in p.grey), (_SIDE, _SIDE), np.float32)
    made["phash"] = lambda: _phash(grey)
    made["grey"] = lambda: _halved(grey)
    pixels = _stacked((x for p in parts for x in p.pixels), (_HALF, _HALF, 3), np.float32)
    made["pixels"] = lambda: pixels.reshape(-1, _HALF * _HALF * 3)
    out: list[pl.Series] = []
    for name in sorted(wanted.names):
        dtype = dtype_of(name)
        values = made[name]()
        if isinstance(values, np.ndarray) and values.ndim == 2:
            series = pl.Series(values).arr.to_list() if len(values) else pl.Series([], dtype=dtype)
        else:
            series = pl.Series(values, dtype=dtype)
        out.append(series.alias(named(column, name)))
    return out


def dtype_of(name: str) -> pl.DataType:
    """The Polars type of a column of :data:`MEASURES`, or of the key."""
    import polars as pl

    told = MEASURES[name].dtype if name else "String"
    if told.startswith("List("):
        return pl.List(getattr(pl, told[5:-1]))
    return getattr(pl, told)()  # type: ignore[no-any-return] # by the table above


def named(column: str, name: str) -> str:
    """What the column is called in the table."""
    return f"{column}.{name}" if name else column


def _stacked(
    parts: Iterable[npt.NDArray[Any]], shape: tuple[int, ...], dtype: npt.DTypeLike
) -> npt.NDArray[Any]:
    listed = list(parts)
    return np.stack(listed) if listed else np.zeros((0, *shape), dtype=dtype)


def _phash(grey: npt.NDArray[np.float32]) -> npt.NDArray[np.uint64]:
    from datacheck.summaries.perceptual import phash

    return phash(grey)


def _halved(grey: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """(n, 256): means of 2 × 2 pixels."""
    blocks = grey.reshape(-1, _HALF, 2, _HALF, 2).mean(axis=(2, 4))
    return np.asarray(np.clip(np.rint(blocks), 0, 255), dtype=np.uint8).reshape(-1, _HALF * _HALF)
