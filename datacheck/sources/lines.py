"""Text files as chunks of whole records in UTF-8, with the line on which each record begins."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from datacheck.errors import SourceError
from datacheck.sources import streams
from datacheck.types import Ints, Mask

BOM = b"\xef\xbb\xbf"
FALLBACK = "cp1252"


@dataclass(slots=True)
class Records:
    """Whole records of a chunk: ``data`` is UTF-8, each record ends with a newline.

    ``starts`` are byte offsets into ``data``, ``lines`` the 1-based line numbers in the file;
    both int64 of shape (records,). Blank lines are no records.
    """

    data: bytes
    starts: Ints
    lines: Ints
    quoted: bool


@dataclass(slots=True)
class Text:
    """One pass over a text file. ``odd_lines`` counts lines that were no UTF-8, ``open_quote``
    is the line of a quote that is never closed (0 if there is none).
    """

    path: Path
    encoding: str = ""
    quotes: bool = True
    odd_lines: int = 0
    first_odd: int = 0
    open_quote: int = 0
    _line: int = field(default=1)

    def records(self) -> Iterator[Records]:
        """Chunks of whole records. Raises SourceError where the file breaks off (after them)."""
        rest = b""
        with streams.opened(self.path) as file:
            for chunk, last in self._decoded(file):
                data = rest + chunk
                if last and data and not data.endswith(b"\n"):
                    data += b"\n"
                cut = self._end(data, last)
                if cut:
                    found = self._split(data[:cut])
                    if found.starts.size:
                        yield found
                rest = data[cut:]
                if len(rest) > streams.LONGEST:
                    raise SourceError(f"line {self._line} does not end within 256 MiB")

    def _decoded(self, file: BinaryIO) -> Iterator[tuple[bytes, bool]]:
        """UTF-8 bytes with line feeds only, chunk by chunk, and whether it is the last."""
        decoder = None
        if self.encoding and codecs.lookup(self.encoding).name not in ("utf-8", "ascii"):
            decoder = codecs.getincrementaldecoder(self.encoding)(errors="replace")
        first, held = True, b""
        broken: SourceError | None = None
        while True:
            try:
                chunk = streams.read(file, streams.CHUNK)
            except SourceError as error:
                chunk, broken = b"", error
            last = not chunk
            if decoder is not None:
                chunk = decoder.decode(chunk, final=last).encode()
            if first:
                chunk = chunk.removeprefix(BOM)
                first = False
            if b"\r" in chunk or held:
                # A carriage return at the very end may belong to a newline of the next chunk.
                chunk, held = held + chunk, b""
                if chunk.endswith(b"\r") and not last:
                    chunk, held = chunk[:-1], b"\r"
                chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            yield chunk, last
            if broken is not None:
                raise broken
            if last:
                return

    def _end(self, data: bytes, last: bool) -> int:
        """Where the last whole record ends."""
        if last:
            return len(data)
        if not self.quotes or b'"' not in data:
            return data.rfind(b"\n") + 1
        ends = np.flatnonzero(_newlines(data) & ~_inside(data))
        return int(ends[-1]) + 1 if ends.size else 0

    def _split(self, data: bytes) -> Records:
        quoted = self.quotes and b'"' in data
        newlines = _newlines(data)
        ends = np.flatnonzero(newlines)
        if quoted:
            inside = _inside(data)
            closed = ends[~inside[ends]]
            total = ends.size
            if closed.size == 0 or closed[-1] != len(data) - 1:
                closed = np.append(closed, len(data) - 1)  # the file ends within quotes
            at = np.searchsorted(ends, closed)  # ordinal of the newline that ends each record
            starts = np.concatenate(([0], closed[:-1] + 1))
            lines = self._line + np.concatenate(([0], at[:-1] + 1))
            if inside[-1]:
                self.open_quote = int(lines[-1])
            ends_of = closed
        else:
            starts = np.concatenate(([0], ends[:-1] + 1))
            lines = self._line + np.arange(ends.size)
            total, ends_of = ends.size, ends
        self._line += int(total)
        lengths = ends_of - starts
        blank = lengths == 0
        if blank.any():
            keep = ~blank
            # Polars drops blank lines too, except in a file of one column: drop them here.
            data = _without(data, starts[blank])
            shift = np.cumsum(blank)[keep]
            starts, lines = starts[keep] - shift, lines[keep]
        data, starts = self._utf8(data, starts, lines)
        return Records(data, starts.astype(np.int64), lines.astype(np.int64), quoted)

    def _utf8(self, data: bytes, starts: Ints, lines: Ints) -> tuple[bytes, Ints]:
        """Records that are no UTF-8 are read as Windows-1252, one by one."""
        if data.isascii():
            return data, starts
        try:
            data.decode()
            return data, starts
        except UnicodeDecodeError:
            pass
        bounds = [*starts.tolist(), len(data)]
        out: list[bytes] = []
        for i in range(len(bounds) - 1):
            record = data[bounds[i] : bounds[i + 1]]
            try:
                record.decode()
            except UnicodeDecodeError:
                record = record.decode(FALLBACK, "replace").encode()
                self.odd_lines += 1
                self.first_odd = self.first_odd or int(lines[i])
            out.append(record)
        sizes = np.array([len(r) for r in out], dtype=np.int64)
        return b"".join(out), np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)


def _newlines(data: bytes) -> Mask:
    return np.asarray(np.frombuffer(data, dtype=np.uint8) == 10)


def _inside(data: bytes) -> Mask:
    """Whether each byte is inside quotes: an odd number of quotes up to it."""
    quotes = np.frombuffer(data, dtype=np.uint8) == 34
    return np.asarray(np.logical_xor.accumulate(quotes), dtype=np.bool_)


def _without(data: bytes, offsets: Ints) -> bytes:
    keep = np.ones(len(data), dtype=np.bool_)
    keep[offsets] = False
    return np.frombuffer(data, dtype=np.uint8)[keep].tobytes()


def head(path: Path, size: int = streams.HEAD) -> bytes:
    """The first bytes, decompressed. Raises SourceError for a file that cannot be read."""
    with streams.opened(path) as file:
        return streams.read(file, size)
