"""The hashes of ``summaries``, a value at a time in whole numbers of Python: what they have to be.

SplitMix64 as its authors published it (Steele, Lea & Flood 2014); the others as the docstrings of
``hashing.py``, ``shingles.py`` and ``minhash.py`` tell them.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

WHOLE = (1 << 64) - 1
M1, M2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
GOLDEN = 0x9E3779B97F4A7C15
PRIMES = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
FMIX = 0xFF51AFD7ED558CCD
BASE = 0xD1342543DE82EF95


def splitmix(state: int) -> int:
    """The number that the generator gives in that state."""
    z = (state + GOLDEN) & WHOLE
    z = ((z ^ (z >> 30)) * M1) & WHOLE
    z = ((z ^ (z >> 27)) * M2) & WHOLE
    return z ^ (z >> 31)


def seed(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def bits(value: float | None) -> int:
    """The bits of a number: one zero, one NaN, and a missing cell is that NaN."""
    if value is None or value != value:
        return 0x7FF8 << 48
    return int(struct.unpack("<Q", struct.pack("<d", value + 0.0))[0])


def number(value: float | None) -> int:
    return splitmix(bits(value))


def numbers(row: Sequence[float | None], names: Sequence[str]) -> int:
    """The hash of a row: each cell's bits times the column's odd number, folded and mixed."""
    total = 0
    for value, name in zip(row, names, strict=True):
        own = seed(name)
        x = ((bits(value) ^ own) * (own | 1)) & WHOLE
        x ^= x >> 32
        x = (x * M1) & WHOLE
        x ^= x >> 31
        total += (x * M2) & WHOLE
    return total & WHOLE


def listed(items: Sequence[int]) -> int:
    """A list, from the hashes of its items."""
    total = sum(splitmix(item ^ splitmix(place)) for place, item in enumerate(items)) & WHOLE
    return splitmix(total ^ splitmix(len(items)))


def eight(piece: bytes) -> int:
    return int.from_bytes(piece[:8], "little")


def polynomial(values: Sequence[int]) -> int:
    return sum(v * pow(BASE, j, 1 << 64) for j, v in enumerate(values)) & WHOLE


def folded(x: int) -> int:
    x ^= x >> 32
    return ((x * FMIX) & WHOLE) >> 32


def piece(text: bytes) -> int:
    """A word, or an n-gram: eight bytes at a time, and what is longer than 64 as a polynomial."""
    out = (eight(text) + len(text) * PRIMES[2]) & WHOLE
    out ^= out >> 32
    out = (out * FMIX) & WHOLE
    for done in range(8, 64, 8):
        if len(text) > done:
            out = splitmix(out ^ eight(text[done:]))
    if len(text) > 64:
        out = splitmix(out ^ polynomial(text))
    return out ^ (out >> 32)


def plain(form: bytes) -> int:
    """A text in its plain form; 0 for none."""
    if not form:
        return 0
    mixed = []
    for at in range(0, len(form), 8):
        x = eight(form[at:])
        x = ((x ^ (x >> 32)) * FMIX) & WHOLE
        mixed.append(x ^ (x >> 32))
    return splitmix((polynomial(mixed) + len(form)) & WHOLE)


def letters(words: Sequence[bytes], form: bytes) -> int:
    """The words alone; the plain form of a text without words."""
    if not words:
        return plain(form)
    counted = (len(words) * PRIMES[2]) & WHOLE
    return splitmix(polynomial([piece(w) for w in words]) ^ counted)


def of_words(words: Sequence[bytes]) -> list[int]:
    """Hashed 3-grams."""
    hashes = [piece(w) for w in words]
    return [
        folded(sum(h * p for h, p in zip(hashes[k : k + 3], PRIMES, strict=True)) & WHOLE)
        for k in range(len(hashes) - 2)
    ]


def of_characters(form: str) -> list[int]:
    """Hashed 5-grams; a shorter text is one."""
    return [folded(piece(form[k : k + 5].encode())) for k in range(max(len(form) - 4, 1))]


def bands(shingles: Sequence[int]) -> list[int]:
    """Eight keys, each of the least of three products."""
    factors = [splitmix(i ^ seed("minhash")) & 0xFFFFFFFF | 1 for i in range(24)]
    least = [min(s * f & 0xFFFFFFFF for s in shingles) for f in factors]
    out = []
    for band in range(8):
        key = 0
        for row in range(3):
            key = splitmix((key * GOLDEN + least[3 * band + row]) & WHOLE)
        out.append(key >> 32)
    return out
