"""A reader of FlatBuffers tables, as much of it as the footers of Arrow files need."""

from __future__ import annotations

import mmap
import struct

MOST = 100_000  # tables in a vector


class FlatTable:
    """A FlatBuffers table: fields by number, absent ones 0."""

    def __init__(self, map_: mmap.mmap, at: int) -> None:
        self.map, self.at = map_, at
        self._table = at - struct.unpack_from("<i", map_, at)[0]
        self._size = struct.unpack_from("<H", map_, self._table)[0]

    def place(self, field: int) -> int:
        """Where the field lies; 0 if it is absent."""
        slot = 4 + 2 * field
        if slot >= self._size:
            return 0
        offset = struct.unpack_from("<H", self.map, self._table + slot)[0]
        return self.at + int(offset) if offset else 0

    def number(self, field: int, form: str) -> int:
        """A number of that struct format; 0 if it is absent."""
        at = self.place(field)
        return int(struct.unpack_from("<" + form, self.map, at)[0]) if at else 0

    def _follow(self, at: int) -> int:
        return at + int(struct.unpack_from("<I", self.map, at)[0])

    def child(self, field: int) -> FlatTable:
        """The table that the field refers to. Raises ValueError if it is absent."""
        at = self.place(field)
        if not at:
            raise ValueError("a part of the metadata is missing")
        return FlatTable(self.map, self._follow(at))

    def _vector(self, field: int) -> tuple[int, int]:
        at = self.place(field)
        if not at:
            return 0, 0
        start = self._follow(at)
        return start + 4, int(struct.unpack_from("<I", self.map, start)[0])

    def children(self, field: int) -> list[FlatTable]:
        """The tables of a vector."""
        start, n = self._vector(field)
        if n > MOST:
            raise ValueError(f"{n:,} columns")
        return [FlatTable(self.map, self._follow(start + 4 * i)) for i in range(n)]

    def structs(self, field: int, size: int) -> range:
        """Where the structs of a vector lie."""
        start, n = self._vector(field)
        if start + n * size > len(self.map):
            raise ValueError("a list goes past the end")
        return range(start, start + n * size, size) if n else range(0)

    def text(self, field: int) -> str:
        """A string."""
        start, n = self._vector(field)
        return bytes(self.map[start : start + n]).decode("utf-8")
