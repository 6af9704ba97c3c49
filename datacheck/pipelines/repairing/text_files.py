"""Text files written as others are: in an encoding, packed, with their line ends."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from datacheck.sources import streams
from datacheck.sources.lines import BOM


@contextmanager
def text_file(target: Path, like: Path, encoding: str) -> Iterator[Callable[[bytes], None]]:
    """A function that takes UTF-8 and writes it as another file is: in an encoding, packed, with
    its line ends and its byte order mark.
    """
    encode = _encoder(encoding)
    mark, newline = _manner(like, encoding)
    with _packed(target, streams.magic(like)) as file:
        if mark:
            file.write(mark)

        def write(data: bytes) -> None:
            file.write(encode(data if newline == b"\n" else data.replace(b"\n", newline)))

        yield write


def _manner(path: Path, encoding: str) -> tuple[bytes, bytes]:
    """(byte order mark of UTF-8, if there; line end) as the first line of a file has them."""
    with streams.opened(path) as file:
        head = streams.read(file, streams.CHUNK)
    mark = BOM if head.startswith(BOM) else b""
    if encoding and codecs.lookup(encoding).name not in ("utf-8", "ascii"):
        decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        head = decoder.decode(head).encode("utf-8", "replace")
    at = head.find(b"\n")
    if at < 0:
        return mark, b"\r" if b"\r" in head[:-1] else b"\n"
    return mark, b"\r\n" if head[:at].endswith(b"\r") else b"\n"


@contextmanager
def _packed(target: Path, form: str) -> Iterator[IO[bytes]]:
    with target.open("wb") as raw:
        if form == "gzip":
            with gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
                yield packed  # type: ignore[misc] # GzipFile writes as an IO[bytes] does
        elif form == "zstd":
            import zstandard

            with zstandard.ZstdCompressor().stream_writer(raw, closefd=False) as packed:
                yield packed
        else:
            yield raw


def _encoder(encoding: str) -> Callable[[bytes], bytes]:
    if not encoding or codecs.lookup(encoding).name in ("utf-8", "ascii"):
        return lambda data: data
    made = codecs.getincrementalencoder(encoding)(errors="replace")
    return lambda data: made.encode(data.decode("utf-8"))
