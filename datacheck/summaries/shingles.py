"""Texts as sets of hashed shingles: words, 3-grams of words, 5-grams of characters.

All texts of a chunk are one buffer of UTF-8, which is looked at eight bytes at a time: a word or
an n-gram is hashed by its (one or two) pieces of eight bytes, so that it costs a few operations
and no loop. What is longer has the polynomial hash of Karp & Rabin 1987 ("Efficient randomized
pattern-matching algorithms"), modulo 2⁶⁴.

Two normal forms: *plain* is NFKC, lower case, white space collapsed; *letters* has words alone,
that is runs of letters, digits, marks and symbols beyond ASCII, with all punctuation dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from datacheck.summaries.hashing import mix
from datacheck.types import Hashes, Ints, Mask

if TYPE_CHECKING:
    import polars as pl

Shingles = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]

CHUNK = 1 << 19  # bytes at a time: some 800 texts, so that threads rarely wait for each other
JOINED = 1 << 22  # bytes joined at a time
MOST_BYTES = 1 << 20  # of one text; what comes later is not looked at
WORDS, CHARS = 3, 5  # words, or characters, of a shingle
FEW_WORDS = 8  # texts of fewer words are compared by characters
SOME_WORDS = 10  # texts of no more words are near ones of so few
LONG_WORD = 24  # bytes a word from which on words are no words (scripts without spaces)
WORD_FORM, CHAR_FORM = 0, 1
_SPACE = 0x20


@dataclass(frozen=True)
class Text:
    """The texts of a chunk, cut up; everything by position in one buffer.

    ``first`` and ``last`` (texts,) bound each text in its plain form; ``words`` (words,) are
    hashes, of which text i has ``counts[i]`` from ``at[i]`` on.
    """

    buffer: Bytes
    first: Ints
    last: Ints
    words: Hashes
    at: Ints
    counts: Ints

    @property
    def n(self) -> int:
        """How many texts."""
        return int(self.first.size)

    def plain(self) -> Hashes:
        """uint64 of shape (texts,): the plain forms; 0 for blank texts."""
        sizes = self.last - self.first
        counts = (sizes + EIGHT - 1) // EIGHT
        after = np.cumsum(counts)
        before = after - counts
        place = np.repeat(self.first - EIGHT * before, counts)
        place += EIGHT * np.arange(place.size)
        pieces = _eights(self.buffer)[place]
        some = sizes > 0
        pieces[after[some] - 1] &= _MASKS[(sizes[some] - 1) % EIGHT + 1]
        pieces ^= pieces >> _S32  # mixed first: a sum of products alone mixes upward only
        pieces *= _M
        pieces ^= pieces >> _S32
        out = mix(_sums(pieces, before, after) + sizes.astype(np.uint64))
        out[self.first == self.last] = 0
        return out

    def letters(self) -> Hashes:
        """uint64 of shape (texts,): the words alone; where there are none, the plain form."""
        out = mix(_sums(self.words, self.at, self.at + self.counts) ^ _sized(self.counts))
        none = self.counts == 0
        if none.any():
            out[none] = self.plain()[none]
        return out

    def short(self) -> Mask:
        """Which texts are compared by characters: of few words, or of no words with spaces."""
        return (self.counts < FEW_WORDS) | self._unspaced()

    def by_words(self) -> Mask:
        """Which texts have shingles of words: all that are not short."""
        return ~self.short()

    def by_characters(self) -> Mask:
        """Which texts have shingles of characters: short ones, and those little longer."""
        some = (self.counts <= SOME_WORDS) | self._unspaced()
        return some & (self.last > self.first)

    def _unspaced(self) -> Mask:
        return (self.last - self.first) > LONG_WORD * self.counts

    def of_words(self, rows: Ints) -> tuple[Shingles, Ints, Ints]:
        """Hashed 3-grams of words: all of the chunk, and where those of each of ``rows`` begin
        and end among them.
        """
        w = self.words
        if w.size < WORDS:
            return np.zeros(0, dtype=np.uint32), rows * 0, rows * 0
        grams = w[:-2] * _A + w[1:-1] * _B + w[2:] * _C
        return _folded(grams), self.at[rows], self.at[rows] + self.counts[rows] - (WORDS - 1)

    def of_characters(self, rows: Ints) -> tuple[Shingles, Ints, Ints]:
        """Hashed 5-grams of characters of ``rows``, and where each row's begin and end."""
        if not rows.size:
            return np.zeros(0, dtype=np.uint32), rows, rows
        begins = np.flatnonzero((self.buffer & 0xC0) != 0x80)  # not inside a character
        first = np.searchsorted(begins, self.first[rows])
        last = np.searchsorted(begins, self.last[rows])
        counts = np.maximum(last - first - (CHARS - 1), 1)
        ends = np.cumsum(counts)
        place = np.repeat(first - (ends - counts), counts) + np.arange(int(counts.sum()))
        begins = np.append(begins, self.buffer.size)
        stop = np.minimum(place + CHARS, np.repeat(last, counts))
        grams = hashed(self.buffer, begins[place], begins[stop])
        return _folded(grams), ends - counts, ends


_A, _B, _C = (np.uint64(c) for c in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))
_M = np.uint64(0xFF51AFD7ED558CCD)
_S32 = np.uint64(32)


def _folded(x: Hashes) -> Shingles:
    """32 well mixed bits; the argument is used up."""
    x ^= x >> _S32
    x *= _M
    return np.asarray(x >> _S32).astype(np.uint32)


def hashed(buffer: Bytes, starts: Ints, ends: Ints) -> Hashes:
    """A hash of each piece of a buffer that has ``EIGHT`` bytes more than any piece."""
    sizes = ends - starts
    eights = _eights(buffer)
    out = (eights[starts] & _MASKS[np.minimum(sizes, EIGHT)]) + _sized(sizes)
    out ^= out >> _S32
    out *= _M
    long = np.flatnonzero(sizes > EIGHT)
    for done in range(EIGHT, _LONG, EIGHT):
        long = long[sizes[long] > done]
        if not long.size:
            break
        more = eights[starts[long] + done] & _MASKS[np.minimum(sizes[long] - done, EIGHT)]
        out[long] = mix(out[long] ^ more)
    long = long[sizes[long] > _LONG]
    if long.size:
        out[long] = mix(out[long] ^ _polynomial(buffer, starts[long], ends[long]))
    out ^= out >> _S32
    return np.asarray(out)


def _eights(buffer: Bytes) -> Hashes:
    """The eight bytes from each place on as one number."""
    return np.ndarray((buffer.size - 7,), dtype="<u8", buffer=buffer, strides=(1,))


def _sized(sizes: Ints) -> Hashes:
    return np.asarray(sizes.astype(np.uint64) * _C)


def _polynomial(buffer: Bytes, starts: Ints, ends: Ints) -> Hashes:
    return _sums(buffer.astype(np.uint64), starts, ends)


def _sums(values: Hashes, starts: Ints, ends: Ints) -> Hashes:
    """Σ v_j · base^(j − start) of the values of each piece; pieces ascend and do not overlap."""
    some = ends > starts
    out = np.zeros(starts.size, dtype=np.uint64)
    if some.any():
        terms = values * _powers(values.size)
        edges = np.stack([starts[some], ends[some]], axis=1).ravel()
        edges = edges[: edges.size - int(edges[-1] == terms.size)]
        out[some] = np.add.reduceat(terms, edges)[::2] * _inverses(terms.size)[starts[some]]
    return out


def chunks(texts: pl.Series) -> Iterator[tuple[int, Text]]:
    """(number of its first text, chunk) for a series of strings; null is a blank text."""
    import polars as pl

    texts = _normalized(texts.fill_null(""))
    sizes = texts.str.len_bytes().to_numpy().astype(np.int64)
    if sizes.size and sizes.max() > MOST_BYTES:
        texts = texts.cast(pl.Binary).bin.slice(0, MOST_BYTES)
        sizes = np.minimum(sizes, MOST_BYTES)
    ends = np.cumsum(sizes + 1)
    start = 0
    while start < sizes.size:
        before = int(ends[start - 1]) if start else 0
        stop = max(int(np.searchsorted(ends, before + JOINED, side="right")), start + 1)
        whole = _joined(texts[start:stop])
        while start < stop:
            begin = int(ends[start - 1]) if start else 0
            until = int(np.searchsorted(ends[:stop], begin + CHUNK, side="right"))
            until = max(until, start + 1)
            size = int(ends[until - 1]) - begin
            raw = np.full(size + 1 + EIGHT, _SPACE, dtype=np.uint8)
            raw[1:size] = whole[begin - before :][: size - 1]
            yield start, _cut(raw, sizes[start:until])
            start = until


def _normalized(texts: pl.Series) -> pl.Series:
    """NFKC and lower case where a text is not ASCII; its punctuation and spaces as ASCII has it."""
    import polars as pl

    other = texts.str.len_bytes() != texts.str.len_chars()
    if not other.any():
        return texts
    some = (
        texts.filter(other)
        .str.normalize("NFKC")
        .str.to_lowercase()
        .str.replace_all(r"[\p{Z}\x{85}]", " ")
        .str.replace_all(r"[^\P{P}\x00-\x7F]", "\u0001")
        .str.replace_all(r"[\x{80}-\x{9F}]", "\u0002")
        .str.replace_all(r"\p{Cf}", "")
    )
    where = pl.Series(np.flatnonzero(other.to_numpy()))
    return texts.clone().scatter(where, some)


def _joined(texts: pl.Series) -> Bytes:
    """One buffer of the texts, with a space between any two."""
    import polars as pl

    if texts.dtype != pl.Binary:
        texts = texts.str.join(" ").cast(pl.Binary)
    return np.frombuffer(b" ".join(texts.to_list()), dtype=np.uint8)


def _cut(raw: Bytes, sizes: Ints) -> Text:
    """The texts of a buffer, with a space before the first and behind each, and eight more."""
    buffer = _lower(raw)
    last = np.cumsum(sizes + 1)
    first = last - sizes
    blank = buffer == _SPACE
    again = blank[1:] & blank[:-1]
    if again[: -EIGHT].any():
        kept = np.append(True, ~again)
        kept[-EIGHT:] = True
        place = np.cumsum(kept) - kept
        buffer = buffer[kept]
        first, last = place[first], place[last]
        last -= (last > first) & (buffer[last - 1] == _SPACE)
    inside = (buffer - np.uint8(97) < 26) | (buffer - np.uint8(48) < 10) | (buffer >= 128)
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    starts = edges[::2]
    words = hashed(buffer, starts, edges[1::2])
    at = np.searchsorted(starts, first)
    return Text(buffer, first, last, words, at, np.searchsorted(starts, last) - at)


def _lower(raw: Bytes) -> Bytes:
    """Lower case for ASCII, and any white space or separator a plain space."""
    small = raw + ((raw - np.uint8(65) < 26).view(np.uint8) << np.uint8(5))
    small[(raw - np.uint8(9) < 5) | (raw - np.uint8(28) < 4)] = _SPACE
    return np.asarray(small)


EIGHT = 8
_LONG = 64  # bytes from which on a piece is hashed as a polynomial too
_MASKS: Hashes = np.array([(1 << 8 * k) - 1 for k in range(EIGHT + 1)], dtype=np.uint64)
_BASE = 0xD1342543DE82EF95  # odd, so that it has an inverse


def _powers(n: int) -> Hashes:
    """The first n powers of the base."""
    return _series(_BASE, n)


def _inverses(n: int) -> Hashes:
    """The first n powers of its inverse."""
    return _series(pow(_BASE, -1, 1 << 64), n)


def _series(base: int, n: int) -> Hashes:
    size = CHUNK + (1 << 10)
    while size < n:
        size *= 2
    return _held(base, size)[:n]


@lru_cache(maxsize=8)
def _held(base: int, n: int) -> Hashes:
    factors = np.full(n, base, dtype=np.uint64)
    factors[0] = 1
    return np.multiply.accumulate(factors)
