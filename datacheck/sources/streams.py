"""Files as streams of bytes: what they really are, decompressed in bounded memory."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from datacheck.errors import SourceError

CHUNK = 8 << 20  # bytes of text handled at once; what comes out does not depend on it
PIECE = 1 << 18  # bytes asked of a stream at a time, so that little is lost where it breaks
HEAD = 1 << 20  # bytes that formats, delimiters and headers are told from
LONGEST = 256 << 20  # a record beyond that is no record
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
SKIPPED = b"\x2a\x4d\x18"  # after a first byte of 0x50 to 0x5f: a frame without data
MAGIC = {
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"PK\x03\x04": "zip",
    GZIP: "gzip",
    ZSTD: "zstd",
    b"\x89PNG": "png",
    b"\xff\xd8\xff": "jpeg",
    b"%PDF": "pdf",
    b"SQLite format 3": "sqlite",
    b"\x93NUMPY": "npy",
    b"\x89HDF": "hdf5",
}


def magic(path: Path) -> str:
    """What the first bytes say: ``parquet``, ``gzip``, …; '' where they say nothing."""
    with path.open("rb") as file:
        head = file.read(16)
    return next((name for sign, name in MAGIC.items() if head.startswith(sign)), "")


def fingerprint(path: Path) -> tuple[str, int, int]:
    """(path, size in bytes, mtime in ns); size −1 where the file is gone."""
    try:
        stat = path.stat()
    except OSError:
        return (str(path), -1, 0)
    return (str(path), stat.st_size, stat.st_mtime_ns)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The decompressed bytes of a plain, gzipped or Zstandard file. Raises SourceError."""
    if not path.is_file() and path.exists():
        raise SourceError("is no regular file", "only files and folders are read")
    try:
        with path.open("rb") as raw:
            head = raw.read(4)
            raw.seek(0)
            if head.startswith(GZIP):
                with gzip.open(raw) as unzipped:
                    yield unzipped  # type: ignore[misc] # GzipFile reads as a BinaryIO does
            elif head == ZSTD:
                import zstandard

                reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(raw)
                yield io.BufferedReader(_Whole(reader, path))
            else:
                yield raw
    except OSError as error:
        raise SourceError(
            error.strerror or " ".join(str(error).split()) or "cannot be read"
        ) from None


class _Whole(io.RawIOBase):
    """A Zstandard stream that raises where the file was cut short, instead of just ending."""

    def __init__(self, reader: Any, path: Path) -> None:
        self.reader = reader
        self.path = path

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; 0 at the end. Raises EOFError where the last frame is not whole."""
        got: int = self.reader.readinto(buffer)
        if not got and len(buffer) and not _ends(self.path):
            raise EOFError
        return got


def _ends(path: Path) -> bool:
    """Whether the last Zstandard frame has its last block: walks over the headers of blocks."""
    import zstandard

    size = path.stat().st_size
    at = 0
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            head = file.read(18)
            if head[1:4] == SKIPPED and len(head) >= 8:
                at += 8 + int.from_bytes(head[4:8], "little")
                continue
            if not head.startswith(ZSTD):
                return True  # other bytes after the last frame
            try:
                frame = zstandard.get_frame_parameters(head)
                at += zstandard.frame_header_size(head)
            except zstandard.ZstdError:
                return False
            last = False
            while not last:
                file.seek(at)
                block = int.from_bytes(file.read(3), "little")
                last, once = bool(block & 1), block >> 1 & 3 == 1
                at += 3 + (1 if once else block >> 3)
                if at > size or (at == size and not last):
                    return False
            at += 4 if frame.has_checksum else 0
    return at == size


def read(file: BinaryIO, size: int) -> bytes:
    """Up to ``size`` bytes, less only at the end or where a stream breaks off.

    Raises SourceError where it breaks off and nothing was read before.
    """
    parts: list[bytes] = []
    left = size
    step: Callable[[int], bytes] = getattr(file, "read1", file.read)
    while left > 0:
        try:
            part = step(min(left, PIECE))
        except Exception as error:
            if parts and _broken(error):
                break  # the next call raises again
            raise SourceError(_broken(error) or f"cannot be read: {error}") from None
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _broken(error: Exception) -> str:
    """What to say of an error while reading; '' for a fault of ours."""
    if isinstance(error, EOFError | zlib.error) or type(error).__name__ == "ZstdError":
        return "the compressed stream is broken or cut short"
    if isinstance(error, OSError):
        said = error.strerror or " ".join(str(error).split()) or "cannot be read"
        return "the compressed stream is broken or cut short" if "CRC" in said else said
    return ""


def readable(path: Path) -> None:
    """Raise SourceError unless the file can be opened and holds something."""
    try:
        if not path.is_file():
            raise SourceError("is no regular file")
        if path.stat().st_size == 0:
            raise SourceError("is empty")
        with path.open("rb"):
            pass
    except OSError as error:
        raise SourceError(error.strerror or "cannot be read") from None


def is_binary(head: bytes) -> bool:
    """Whether bytes are no text in any encoding of ASCII's family."""
    if not head:
        return False
    controls = sum(head.count(bytes([c])) for c in (*range(9), *range(14, 27), 28, 29, 30, 31))
    return b"\x00" in head or controls > 0.02 * len(head)


def wide_encoding(head: bytes) -> str:
    """UTF-16 or UTF-32 by its byte order mark; '' otherwise."""
    if head.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return "utf-32"
    return "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else ""
