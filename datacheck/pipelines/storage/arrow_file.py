"""Where the numbers of an Arrow IPC file lie, so that NumPy can map them without a copy.

Polars maps such files as well, but its thread pool does not survive ``fork``, which is how
DataLoader starts its workers on Linux; so workers read with NumPy alone. The layout is that of
the Arrow columnar format 1.x (https://arrow.apache.org/docs/format/Columnar.html).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from datacheck.errors import SourceError
from datacheck.pipelines.storage.flatbuffers import MOST, FlatTable
from datacheck.types import Ints, Mask

MAGIC = b"ARROW1"
_FLOATS = {0: "f2", 1: "f4", 2: "f8"}
_OFFSETS = {12: "i4", 21: "i8"}  # List, LargeList
_BUFFERS = {4: 3, 5: 3, 19: 3, 20: 3}  # validity, offsets, bytes; 2 for all fixed widths
_VIEWS = (23, 24)
_NAMES = {
    1: "null", 4: "binary", 5: "text", 7: "decimal", 8: "date", 9: "time", 10: "datetime",
    13: "struct", 14: "union", 18: "duration", 19: "binary", 20: "text", 23: "binary", 24: "text",
}  # fmt: skip

Form = Literal["number", "boolean", "list", "matrix", ""]


@dataclass(frozen=True, slots=True)
class Field:
    """A column: ``form`` is '' for what NumPy cannot map, then ``said`` is its Arrow type.

    ``dtype`` is that of the (inner) numbers, ``width`` the items of a fixed-size list.
    """

    name: str
    form: Form
    dtype: str = ""
    width: int = 0
    offsets: str = ""
    said: str = ""


@dataclass(slots=True, eq=False)
class Column:
    """One column of one record batch, as views of the map.

    ``values`` has shape (rows,), (rows, width) or, with ``offsets`` of shape (rows + 1,), all
    items after each other. ``bits`` is the validity bitmap, None where nothing is missing;
    ``inner`` that of the items. ``packed`` says that ``values`` is a bitmap itself.
    """

    values: np.ndarray[Any, Any]
    offsets: np.ndarray[Any, Any] | None = None
    bits: np.ndarray[Any, Any] | None = None
    inner: np.ndarray[Any, Any] | None = None
    packed: bool = False


@dataclass(slots=True, eq=False)
class Chunk:
    """A record batch: its number of rows, and its columns."""

    rows: int
    columns: dict[str, Column]


def bits_at(bitmap: np.ndarray[Any, Any], at: Ints) -> Mask:
    """The bits of an Arrow bitmap (least significant first) at positions ``at``."""
    found: Mask = ((bitmap[at >> 3] >> (at & 7).astype(np.uint8)) & 1).astype(np.bool_)
    return found


def fields_of(path: Path) -> list[Field]:
    """The columns of an Arrow IPC file. Raises SourceError where it is none, or is compressed."""
    return open_arrow(path)[0]


def open_arrow(path: Path) -> tuple[list[Field], list[Chunk]]:
    """The columns of a file and its record batches, mapped and not read.

    Raises SourceError for what is no Arrow IPC file, for compressed record batches and for one
    that ends early.
    """
    try:
        with path.open("rb") as file:
            map_ = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot map {path}: {error}", "check that the file is there") from None
    if map_[:6] != MAGIC or map_[-6:] != MAGIC:
        raise SourceError(
            f"{path.name} is no Arrow IPC file, or was not written to its end",
            "Arrow streams, Parquet and CSV are converted by datacheck.loaders",
        )
    try:
        return _parse(map_)
    except SourceError:
        raise
    except (struct.error, LookupError, ArithmeticError, ValueError, RecursionError) as error:
        raise SourceError(
            f"{path.name} is a broken Arrow file: {error}", "write it again"
        ) from None


def _parse(map_: mmap.mmap) -> tuple[list[Field], list[Chunk]]:
    size = struct.unpack_from("<i", map_, len(map_) - 10)[0]
    start = len(map_) - 10 - size
    if not 8 <= start < len(map_) - 10:
        raise ValueError("the footer lies outside")
    footer = FlatTable(map_, start + struct.unpack_from("<I", map_, start)[0])
    raw = footer.child(1).children(1)
    if len(raw) > MOST:
        raise ValueError(f"{len(raw):,} columns")
    if footer.child(1).number(0, "h"):
        raise ValueError("numbers are big-endian")
    plan = [_field(one) for one in raw]
    chunks: list[Chunk] = []
    for at in footer.structs(3, 24):
        offset, length = struct.unpack_from("<qi", map_, at)
        message = offset + (8 if map_[offset : offset + 4] == b"\xff\xff\xff\xff" else 4)
        batch = FlatTable(map_, message + struct.unpack_from("<I", map_, message)[0]).child(2)
        if batch.place(3):
            raise SourceError(
                "the Arrow file is compressed, which cannot be mapped",
                "write it uncompressed, or let datacheck.loaders convert it",
            )
        chunks.append(_chunk(map_, batch, offset + length, plan))
    return [field for field, _ in plan], chunks


def _field(raw: FlatTable) -> tuple[Field, Callable[[_Cursor], Column | None]]:
    """What a column is, and how to take its buffers, in the order that the format gives them."""
    name, kind, type_ = raw.text(0), raw.number(2, "B"), raw.child(3)
    children = raw.children(5) if kind in (12, 13, 14, 16, 17, 21, 22) else []
    if raw.place(4):  # dictionary-encoded: the numbers are codes of strings
        return Field(name, "", said="categories"), lambda cursor: cursor.leave(2)
    if kind in (2, 3):
        dtype = _dtype(kind, type_)
        return Field(name, "number", dtype), lambda cursor: cursor.numbers(dtype)
    if kind == 6:
        return Field(name, "boolean", "u1"), lambda cursor: cursor.booleans()
    if kind in (12, 16, 21) and len(children) == 1 and not children[0].place(4):
        inner = children[0].number(2, "B")
        if inner in (2, 3):
            dtype = _dtype(inner, children[0].child(3))
            if kind == 16:
                width = type_.number(0, "i")
                field = Field(name, "matrix", dtype, width)
                return field, lambda cursor: cursor.matrix(dtype, width)
            offsets = _OFFSETS[kind]
            field = Field(name, "list", dtype, offsets=offsets)
            return field, lambda cursor: cursor.lists(dtype, offsets)
    said = "nested" if children else _NAMES.get(kind, f"type {kind}")
    inner_skips = [_field(child)[1] for child in children]
    own = {1: 0, 13: 1, 16: 1, 14: 1, 22: 0}.get(kind, _BUFFERS.get(kind, 2))

    def skip(cursor: _Cursor) -> None:
        cursor.leave(own + (cursor.variadic() if kind in _VIEWS else 0))
        for one in inner_skips:
            one(cursor)

    return Field(name, "", said=said), skip


def _dtype(kind: int, type_: FlatTable) -> str:
    if kind == 3:
        return f"<{_FLOATS[type_.number(0, 'h')]}"
    bits, signed = type_.number(0, "i"), type_.number(1, "B")
    if bits not in (8, 16, 32, 64):
        raise ValueError(f"whole numbers of {bits} bits")
    return f"<{'i' if signed else 'u'}{bits // 8}"


def _chunk(
    map_: mmap.mmap,
    batch: FlatTable,
    body: int,
    plan: list[tuple[Field, Callable[[_Cursor], Column | None]]],
) -> Chunk:
    cursor = _Cursor(map_, batch, body)
    columns: dict[str, Column] = {}
    for field, take in plan:
        column = take(cursor)
        if column is not None:
            columns[field.name] = column
    return Chunk(batch.number(0, "q"), columns)


class _Cursor:
    """Takes the nodes and buffers of a record batch one after the other."""

    def __init__(self, map_: mmap.mmap, batch: FlatTable, body: int) -> None:
        self._map, self._body = map_, body
        self._nodes: Iterator[int] = iter(batch.structs(1, 16))
        self._buffers: Iterator[int] = iter(batch.structs(2, 16))
        self._variadic: Iterator[int] = iter(batch.structs(4, 8))

    def _pair(self, at: int) -> tuple[int, int]:
        a, b = struct.unpack_from("<qq", self._map, at)
        return int(a), int(b)

    def _next(self, of: Iterator[int]) -> int:
        at = next(of, None)
        if at is None:
            raise ValueError("a buffer is missing")
        return at

    def _view(self, dtype: str, count: int) -> np.ndarray[Any, Any]:
        offset, length = self._pair(self._next(self._buffers))
        kind = np.dtype(dtype)
        if count and (count < 0 or count * kind.itemsize > length):
            raise ValueError("a buffer is too short")
        return np.frombuffer(self._map, kind, count, self._body + offset if count else 0)

    def _valid(self, rows: int, nulls: int) -> np.ndarray[Any, Any] | None:
        if nulls:
            return self._bitmap(rows)
        self._next(self._buffers)
        return None

    def _bitmap(self, rows: int) -> np.ndarray[Any, Any]:
        return self._view("u1", (rows + 7) // 8)

    def variadic(self) -> int:
        return int(struct.unpack_from("<q", self._map, self._next(self._variadic))[0])

    def leave(self, buffers: int) -> None:
        """Pass over a column that cannot be mapped."""
        self._next(self._nodes)
        for _ in range(buffers):
            self._next(self._buffers)

    def numbers(self, dtype: str) -> Column:
        rows, nulls = self._pair(self._next(self._nodes))
        bits = self._valid(rows, nulls)
        return Column(self._view(dtype, rows), bits=bits)

    def booleans(self) -> Column:
        rows, nulls = self._pair(self._next(self._nodes))
        bits = self._valid(rows, nulls)
        return Column(self._bitmap(rows), bits=bits, packed=True)

    def lists(self, dtype: str, offsets: str) -> Column:
        rows, nulls = self._pair(self._next(self._nodes))
        bits = self._valid(rows, nulls)
        edges = self._view(f"<{offsets}", rows + 1 if rows else 0)
        inner = self.numbers(dtype)
        if rows and (int(edges[0]) < 0 or int(edges[-1]) > inner.values.size):
            raise ValueError("a list goes past its items")
        return Column(inner.values, edges, bits, inner.bits)

    def matrix(self, dtype: str, width: int) -> Column:
        rows, nulls = self._pair(self._next(self._nodes))
        bits = self._valid(rows, nulls)
        inner = self.numbers(dtype)
        return Column(inner.values[: rows * width].reshape(rows, width), None, bits, inner.bits)
