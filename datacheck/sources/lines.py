"""Text files as chunks of whole records in UTF-8, with the line on which each record begins."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from datacheck.errors import SourceError, UsageError
from datacheck.sources import streams
from datacheck.types import Ints, Mask

BOM = b"\xef\xbb\xbf"
FALLBACK = "cp1252"
REPLACED = "\ufffd"


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

    def keep(self, good: Mask) -> Records:
        """Only those records, byte for byte."""
        sizes = np.diff(np.append(self.starts, len(self.data)))
        data = np.frombuffer(self.data, dtype=np.uint8)[np.repeat(good, sizes)].tobytes()
        starts = np.concatenate(([0], np.cumsum(sizes[good])))[:-1].astype(np.int64)
        return Records(data, starts, self.lines[good], self.quoted)


@dataclass(frozen=True, slots=True)
class Bad:
    """A record that cannot be read: its line, why, and its bytes (UTF-8).

    ``side`` tells the file, where several go together.
    """

    line: int
    reason: str
    text: bytes
    side: int = 0


@dataclass(slots=True)
class Text:
    """One pass over a text file. ``odd_lines`` counts lines that were no UTF-8, ``lost``
    characters that the given encoding could not read, ``open_quote`` is the line of a quote that
    is never closed (0 if there is none). With ``blank``, blank lines are records too.
    """

    path: Path
    encoding: str = ""
    quotes: bool = True
    odd_lines: int = 0
    first_odd: int = 0
    open_quote: int = 0
    lost: int = 0
    blank: bool = False
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

    def odd(self) -> list[tuple[int, str]]:
        """(line, what was assumed) of text that is not in the encoding it should be in."""
        out = []
        if self.odd_lines:
            what = "1 line is" if self.odd_lines == 1 else f"{self.odd_lines:,} lines are"
            out.append((self.first_odd, f"{what} not UTF-8; read as Windows-1252"))
        if self.lost:
            what = "1 character is" if self.lost == 1 else f"{self.lost:,} characters are"
            out.append((1, f"{what} not in the encoding {self.encoding}; read as {REPLACED!r}"))
        return out

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
                chunk = self._decode(decoder, chunk, last)
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

    def _decode(self, decoder: codecs.IncrementalDecoder, chunk: bytes, last: bool) -> bytes:
        try:
            text = decoder.decode(chunk, final=last)
        except UnicodeError:
            raise SourceError(f"is not in the encoding {self.encoding}") from None
        self.lost += text.count(REPLACED)
        return text.encode("utf-8", "replace")

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
        if not self.blank and blank.any():
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


def check_encoding(encoding: str) -> None:
    """Raises UsageError for codecs that turn bytes into anything but text (``hex``, say)."""
    try:
        b"a".decode(encoding or "utf-8", "replace")
        decoder = codecs.getincrementaldecoder(encoding or "utf-8")("replace")
        decoder.decode(b"", final=False)
    except (LookupError, UnicodeError, AssertionError):  # hex asserts that errors are strict
        raise UsageError(
            f"{encoding!r} is no encoding of text", "such as utf-8, latin-1, cp1252 or utf-16"
        ) from None


def head(path: Path, size: int = streams.HEAD) -> bytes:
    """The first bytes, decompressed. Raises SourceError for a file that cannot be read."""
    with streams.opened(path) as file:
        return streams.read(file, size)
