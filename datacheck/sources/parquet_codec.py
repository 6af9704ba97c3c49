"""How a Parquet file is compressed, which no Polars function tells.

The footer is a structure in Thrift's compact protocol (Apache Parquet format, ``parquet.thrift``:
``FileMetaData.row_groups[].columns[].meta_data.codec``). Only the way to that field is followed;
what lies beside it is passed over.
"""

from __future__ import annotations

from pathlib import Path

MAGIC = b"PAR1"
MOST = 64 << 20  # bytes of a footer that is looked at
DEPTH = 16  # of nested structures; Parquet has 6
CODECS = {0: "uncompressed", 1: "snappy", 2: "gzip", 4: "brotli", 5: "lz4", 6: "zstd", 7: "lz4"}
_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(
    13
)
_WAY = (4, 1, 3)  # row groups, their columns, those columns' metadata; the first of each
_CODEC = 4


def codec(path: Path) -> str | None:
    """The codec of the file's first column, by Polars' name; None where it cannot be told."""
    try:
        with path.open("rb") as file:
            file.seek(-8, 2)
            tail = file.read(8)
            size = int.from_bytes(tail[:4], "little")
            if tail[4:] != MAGIC or not 0 < size <= MOST:
                return None
            file.seek(-8 - size, 2)
            return CODECS.get(_Compact(file.read(size)).find())
    except (OSError, ValueError, IndexError, RecursionError):
        return None


class _Compact:
    """A cursor over Thrift's compact protocol. Raises ValueError or IndexError for other bytes."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def find(self) -> int:
        """The codec."""
        for field in _WAY:
            form = self._enter(field)
            if form == _LIST:
                size, form = self._list()
                if not size or form != _STRUCT:
                    raise ValueError("no row group, or no column")
        if self._enter(_CODEC) != _I32:
            raise ValueError("no codec")
        return self._zigzag()

    def _enter(self, wanted: int) -> int:
        """Go to a field of the structure that begins here; its type."""
        number = 0
        while True:
            head = self._byte()
            form, step = head & 15, head >> 4
            if form == _STOP:
                raise ValueError(f"no field {wanted}")
            number = number + step if step else self._zigzag()
            if number == wanted:
                return form
            self._skip(form, 0)

    def _skip(self, form: int, depth: int) -> None:
        if depth > DEPTH:
            raise ValueError("nested too deeply")
        if form in (_TRUE, _FALSE):
            return
        if form == _BYTE:
            self._byte()
        elif form in (_I16, _I32, _I64):
            self._varint()
        elif form == _DOUBLE:
            self.at += 8
        elif form == _BINARY:
            size = self._varint()
            self.at += size
        elif form in (_LIST, _SET):
            size, kind = self._list()
            for _ in range(size):
                self._item(kind, depth)
        elif form == _MAP:
            size = self._varint()
            kinds = self._byte() if size else 0
            for _ in range(size):
                self._item(kinds >> 4, depth)
                self._item(kinds & 15, depth)
        elif form == _STRUCT:
            while (head := self._byte()) & 15:
                if not head >> 4:
                    self._varint()
                self._skip(head & 15, depth + 1)
        else:
            raise ValueError(f"type {form}")

    def _item(self, kind: int, depth: int) -> None:
        """Booleans take a byte in a list, and none as a field."""
        if kind in (_TRUE, _FALSE):
            self._byte()
        else:
            self._skip(kind, depth + 1)

    def _list(self) -> tuple[int, int]:
        head = self._byte()
        size = head >> 4
        return (self._varint() if size == 15 else size), head & 15

    def _byte(self) -> int:
        value = self.data[self.at]
        self.at += 1
        return value

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a number too long")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
