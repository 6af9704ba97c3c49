"""Bytes that no text should hold, counted by line: NUL, marks of byte order, losses."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from datacheck.sources.lines import BOM, REPLACED, Records, Text

ODD = {
    b"\0": "NUL characters; what was cut off or written as UTF-16 looks so",
    BOM: "byte order marks within the text; files were put together",
    REPLACED.encode(): f"{REPLACED!r}, which stands for characters that were lost before",
}
BINARY = 0.01  # share of NUL and control bytes beyond which a file is no text


@dataclass(slots=True)
class Oddities:
    """Lines with such bytes: how many, and the first."""

    lines: dict[bytes, int] = field(default_factory=dict)
    first: dict[bytes, int] = field(default_factory=dict)

    def look(self, records: Records) -> None:
        """Count those of a chunk."""
        for sign in ODD:
            if sign not in records.data:
                continue
            at = _places(records.data, sign)
            of = np.unique(np.searchsorted(records.starts, at, side="right") - 1)
            self.lines[sign] = self.lines.get(sign, 0) + int(of.size)
            self.first.setdefault(sign, int(records.lines[of[0]]))

    def told(self, text: Text) -> list[tuple[int, str]]:
        """(line, what is odd), with what the reader of the file assumed."""
        out = text.odd()
        for sign, n in self.lines.items():
            out.append((self.first[sign], f"{_lines(n)} {ODD[sign]}"))
        return out


def _lines(n: int) -> str:
    return "1 line holds" if n == 1 else f"{n:,} lines hold"


def _places(data: bytes, sign: bytes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Where each begins."""
    buffer = np.frombuffer(data, dtype=np.uint8)
    hit = buffer[: buffer.size - len(sign) + 1] == sign[0]
    for i in range(1, len(sign)):
        hit &= buffer[i : buffer.size - len(sign) + 1 + i] == sign[i]
    return np.flatnonzero(hit).astype(np.int64)


def is_binary(head: bytes) -> bool:
    """Whether bytes are no text; some NUL bytes within text are told, and no reason to refuse."""
    if not head:
        return False
    controls = sum(head.count(bytes([c])) for c in (*range(9), *range(14, 27), 28, 29, 30, 31))
    return controls > BINARY * len(head)
