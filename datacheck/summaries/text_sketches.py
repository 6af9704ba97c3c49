"""What texts are told alike by: hashes of two normal forms, and MinHash bands of their shingles.

The text columns of a row are read as one text, in the order of the columns. Of each row are held
the hash of its plain form and that of its letters (``shingles.py``), and one sketch or two: of
3-grams of words, unless it has fewer than eight, and of 5-grams of characters, where it has no
more than ten. Some 60 bytes a row; past ``SPILL`` bytes they lie in an unlinked scratch file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from datacheck.dataset import Batch
from datacheck.summaries.base import State, Summary
from datacheck.summaries.minhash import BANDS, bands
from datacheck.summaries.shingles import CHAR_FORM, WORD_FORM, Text, chunks
from datacheck.summaries.spilling import spilled
from datacheck.types import Ints

if TYPE_CHECKING:
    import polars as pl

AUTO, CHARACTERS = "auto", "characters"
_Arrays = dict[str, npt.NDArray[Any]]
_PARTS: dict[str, tuple[Any, int]] = {  # type, and the second dimension (0 for none)
    "rows": (np.int64, 0),
    "plain": (np.uint64, 0),
    "letters": (np.uint64, 0),
    "at": (np.int64, 0),
    "form": (np.uint8, 0),
    "bands": (np.uint32, BANDS),
}


class TextSketches(Summary):
    """Sketches of the texts of each row.

    ``shingles`` is ``auto``, or ``characters`` for sketches of 5-grams of characters alone.
    """

    columnwise: ClassVar[bool] = False
    SPILL: ClassVar[int] = 256 << 20

    def __init__(
        self, columns: Sequence[str] = (), shingles: str = AUTO, **params: Any
    ) -> None:
        super().__init__(columns, shingles=shingles, **params)
        self.shingles = shingles
        self._chunks: list[_Arrays] = []
        self._held = 0

    def rows(self) -> npt.NDArray[Any]:
        """int64 of shape (rows,): all addresses, ascending."""
        return self._joined("rows")

    def plain(self) -> npt.NDArray[Any]:
        """uint64 of shape (rows,), in order of address: the plain form; 0 for blank texts."""
        return self._joined("plain")

    def letters(self) -> npt.NDArray[Any]:
        """uint64 of shape (rows,): the words alone."""
        return self._joined("letters")

    def sketched(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
        """Of each sketch the address (int64), the form (uint8: 0 words, 1 characters) and the
        bands (uint32, 8 columns); in order of address, words first.
        """
        return self._joined("at"), self._joined("form"), self._joined("bands")

    def update(self, batch: Batch) -> None:
        """Absorb the rows of a batch."""
        if not batch.height:
            return
        addresses = batch.addresses
        parts: list[_Arrays] = []
        for start, text in chunks(as_text(batch.frame, self.columns)):
            own = addresses[start : start + text.n]
            at, form, found = _sketches(text, own, self.shingles)
            parts.append({
                "rows": own, "plain": text.plain(), "letters": text.letters(),
                "at": at, "form": form, "bands": found,
            })  # fmt: skip
        self._add({k: np.concatenate([p[k] for p in parts]) for k in _PARTS})

    def merge(self, other: Self) -> Self:
        """The rows of both."""
        for chunk in other._chunks:
            self._add(chunk)
        return self

    def _add(self, chunk: _Arrays) -> None:
        self._chunks.append(chunk)
        self._held += sum(a.nbytes for a in chunk.values() if not isinstance(a, np.memmap))
        if self._held > self.SPILL:
            self._chunks, self._held = spilled(self._chunks), 0

    def _joined(self, part: str) -> npt.NDArray[Any]:
        self._chunks.sort(key=lambda c: int(c["rows"][0]))
        dtype, width = _PARTS[part]
        none = np.zeros((0, width) if width else 0, dtype=dtype)
        return np.concatenate([none, *(c[part] for c in self._chunks)])

    def nbytes(self) -> int:
        """What is held in memory."""
        return self._held

    def state(self) -> State:
        """All arrays, in order of address."""
        out = {part: self._joined(part) for part in _PARTS}
        order = np.argsort(out["rows"], kind="stable")
        for part in ("rows", "plain", "letters"):
            out[part] = out[part][order]
        order = np.lexsort((out["form"], out["at"]))
        for part in ("at", "form", "bands"):
            out[part] = out[part][order]
        return dict(out)

    def restore(self, state: State) -> None:
        """Take over a state."""
        self._chunks, self._held = [], 0
        if state["rows"].size:
            self._add(dict(state))


def as_text(frame: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """The texts of each row as one: strings, and lists of strings or whole numbers; what is
    missing or of another type is no text.
    """
    import polars as pl

    parts = []
    for name in columns:
        dtype = frame.schema[name]
        if dtype == pl.String:
            parts.append(pl.col(name))
        elif isinstance(dtype, pl.List) and (dtype.inner == pl.String or dtype.inner.is_integer()):
            parts.append(pl.col(name).cast(pl.List(pl.String)).list.join(" ", ignore_nulls=True))
    if not parts:
        return pl.repeat(None, frame.height, dtype=pl.String, eager=True)
    if len(parts) == 1:
        return frame.select(parts[0]).to_series()
    return frame.select(pl.concat_str(parts, separator=" ", ignore_nulls=True)).to_series()


def _sketches(text: Text, rows: Ints, shingles: str) -> tuple[npt.NDArray[Any], ...]:
    words, characters = forms(text, shingles)
    of_words = bands(*text.of_words(words))
    of_characters = bands(*text.of_characters(characters))
    at = np.concatenate([rows[words], rows[characters]])
    form = np.repeat(
        np.array([WORD_FORM, CHAR_FORM], dtype=np.uint8), [words.size, characters.size]
    )
    order = np.lexsort((form, at))
    found = np.concatenate([of_words, of_characters])
    return at[order], form[order], found[order]


def forms(text: Text, shingles: str) -> tuple[Ints, Ints]:
    """The texts of a chunk that have shingles of words, and of characters."""
    if shingles == CHARACTERS:
        filled = np.flatnonzero(text.last > text.first)
        return filled[:0], filled
    return np.flatnonzero(text.by_words()), np.flatnonzero(text.by_characters())
