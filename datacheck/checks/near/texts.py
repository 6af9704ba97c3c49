"""Texts that are near each other: candidates from sketches, verified on the texts themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from datacheck.checks.base import ADDRESS, Context
from datacheck.checks.duplicates import distinct
from datacheck.checks.near.alike import FETCHED, differing, others
from datacheck.checks.near.buckets import PAIRS, best, counted, shared
from datacheck.checks.near.items import Edges, How, Items, edges
from datacheck.checks.near.shingle_sets import ShingleSets, joined, overlap, shingle_sets
from datacheck.checks.support import hash_columns
from datacheck.dataset import Dataset, Kind, Role
from datacheck.summaries.base import Need
from datacheck.summaries.hashing import hash_column
from datacheck.summaries.minhash import BANDS
from datacheck.summaries.shingles import CHAR_FORM, WORD_FORM
from datacheck.summaries.text_sketches import AUTO, TextSketches, as_text
from datacheck.types import Hashes, Ints

FREE = 0.1  # share of texts that are distinct, at least, where a repeat is no accident


@dataclass(frozen=True, slots=True)
class TextOptions:
    """From when on two texts are near.

    ``cells`` is how many of the other features of two rows may differ.
    """

    jaccard: float = 0.8
    containment: float = 0.9
    shingles: str = AUTO
    cells: int = 1


def text_columns(data: Dataset) -> tuple[str, ...]:
    """Texts and sequences that are features, as far as all splits have them."""
    kept = hash_columns(data)
    return tuple(
        c for c in data.select(Kind.TEXT, Kind.SEQUENCE, roles=(Role.FEATURE,)) if c in kept
    )


def need_texts(data: Dataset, options: TextOptions) -> list[Need]:
    """Sketches of the texts, where there are any."""
    columns = text_columns(data)
    params = (("shingles", options.shingles),)
    return [Need("text_sketches", columns, params)] if columns else []


def text_edges(context: Context, known: Items, options: TextOptions) -> Edges | None:
    """Pairs of items whose texts are near and whose other features hardly differ.

    None where there is no text, or few texts that repeat over and over.
    """
    if not text_columns(context.data):
        return None
    held = _Held(context, known, options)
    if not held.free():
        return None
    a, b, form = held.candidates()
    return held.verified(a, b, form)


class _Held:
    """The sketches of the first row of each item."""

    def __init__(self, context: Context, known: Items, options: TextOptions) -> None:
        self.context, self.known, self.options = context, known, options
        params = (("shingles", options.shingles),)
        sketches = [context.get("text_sketches", s, params) for s in context.splits]
        assert all(isinstance(s, TextSketches) for s in sketches)
        own: list[TextSketches] = sketches  # type: ignore[assignment] # as asserted
        rows = np.concatenate([s.rows() for s in own])
        ranked = np.argsort(rows, kind="stable")
        order = ranked[np.searchsorted(rows, known.addresses[known.first], sorter=ranked)]
        self.plain = np.concatenate([s.plain() for s in own])[order]
        self.letters = np.concatenate([s.letters() for s in own])[order]
        parts = zip(*(s.sketched() for s in own), strict=True)
        at, form, found = (np.concatenate(p) for p in parts)
        place = known.places(at)
        at = np.flatnonzero(place >= 0)
        at = at[known.first[known.item[place[at]]] == place[at]]  # the rows that stand for items
        self.who, self.form, self.bands = known.item[place[at]], form[at], found[at]

    def free(self) -> bool:
        """Whether many texts differ from each other, be it in case or punctuation alone."""
        letters = self.letters[self.plain != 0]
        # Without other features, distinct rows are distinct texts, and those tell.
        alone = not others(self.context.data, text_columns(self.context.data))
        many = letters.size if alone else distinct(letters).size
        return many > FREE * self.known.addresses.size

    def candidates(self) -> tuple[Ints, Ints, Ints]:
        """Pairs, and by which form each is to be compared (−1: equal letters, no comparison)."""
        n = self.known.n
        filled = np.flatnonzero(self.plain != 0)
        a, b, crowded = shared(self.letters[filled], filled)
        a, b, _ = counted(a, b, n)
        found = [(a, b, np.full(a.size, -1))]
        by_words = np.zeros(n, dtype=np.bool_)
        by_words[self.who[self.form == WORD_FORM]] = True
        for form in (WORD_FORM, CHAR_FORM):
            a, b, counts, more = self._banded(form)
            crowded = max(crowded, more)
            if form == CHAR_FORM:  # two texts that both have enough words are told by those
                some = ~(by_words[a] & by_words[b])
                a, b, counts = a[some], b[some], counts[some]
            total = a.size
            a, b = best(a, b, counts)
            if a.size < total:
                self.say(
                    f"of {total:,} pairs of texts that may be near, the {PAIRS:,} with the most "
                    "in common were compared"
                )
            found.append((a, b, np.full(a.size, form)))
        if crowded:
            self.say(
                f"{crowded:,} texts share much with so many others that each was compared with "
                "some of those only"
            )
        x, y, forms = zip(*found, strict=True)
        return np.concatenate(x), np.concatenate(y), np.concatenate(forms)

    def say(self, what: str) -> None:
        """A note for the report, once."""
        note = f"near-duplicates: {what}"
        if note not in self.context.notes:
            self.context.notes.append(note)

    def _banded(self, form: int) -> tuple[Ints, Ints, Ints, int]:
        """Pairs whose sketches share a band, how many each shares, and how many are crowded."""
        mine, crowded = self.form == form, 0
        parts = []
        for band in range(BANDS):
            a, b, more = shared(self.bands[mine, band].astype(np.uint64), self.who[mine])
            crowded = max(crowded, more)
            other = self.letters[a] != self.letters[b]  # equal letters are known already
            parts.append((a[other], b[other]))
        x, y = zip(*parts, strict=True)
        return (*counted(np.concatenate(x), np.concatenate(y), self.known.n), crowded)

    def verified(self, a: Ints, b: Ints, form: Ints) -> Edges:
        """The pairs that are near on the texts themselves."""
        if not a.size:
            return edges([])
        texts = text_columns(self.context.data)
        columns = others(self.context.data, texts)
        wanted = [np.unique(np.concatenate([a[form == f], b[form == f]])) for f in (0, 1)]
        compared = form >= 0 if not columns else np.ones(form.size, dtype=np.bool_)
        needed = np.unique(np.concatenate([a[compared], b[compared]]))
        sets: list[list[ShingleSets]] = [[], []]
        codes: list[list[Hashes]] = [[] for _ in columns]
        for start in range(0, needed.size, FETCHED):
            part = needed[start : start + FETCHED]
            addresses = self.known.addresses[self.known.first[part]]
            frame = self.context.fetch(addresses, [*texts, *columns])
            assert np.array_equal(frame[ADDRESS].to_numpy(), addresses)
            whole = as_text(frame, texts)
            for f in (WORD_FORM, CHAR_FORM):
                own = pl.Series(np.isin(part, wanted[f]))
                sets[f].append(shingle_sets(whole.filter(own), f))
            for column, hashed in zip(columns, codes, strict=True):
                hashed.append(hash_column(frame[column]))
        how = np.full(a.size, 255, dtype=np.uint8)
        value = np.ones(a.size)
        same = form == -1
        how[same] = np.where(
            self.plain[a[same]] == self.plain[b[same]], How.SPACES, How.PUNCTUATION
        )
        for f in (WORD_FORM, CHAR_FORM):
            mine = np.flatnonzero(form == f)
            x, y = (np.searchsorted(wanted[f], i[mine]) for i in (a, b))
            how[mine], value[mine] = self._near(joined(sets[f]), x, y, f)
        kept = how < 255
        if columns:
            x, y = np.searchsorted(needed, a), np.searchsorted(needed, b)
            apart = differing([np.concatenate(c) for c in codes], x, y)
            kept &= apart <= self.options.cells
        return edges([Edges(a[kept], b[kept], how[kept], value[kept])])

    def _near(
        self, sets: ShingleSets, a: Ints, b: Ints, form: int
    ) -> tuple[np.ndarray, np.ndarray]:
        jaccard, containment = overlap(sets, a, b)
        similar = jaccard >= self.options.jaccard - 1e-9
        # A short text is soon part of another: that says something of words alone.
        inside = (containment >= self.options.containment - 1e-9) & (form == WORD_FORM)
        how = np.where(similar, How.SIMILAR, np.where(inside, How.CONTAINED, 255))
        return how.astype(np.uint8), np.where(similar, jaccard, containment)
