"""Shingles and normal forms, against Python's own strings and sets."""

from __future__ import annotations

import re
import unicodedata
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datacheck.checks.near.shingle_sets import joined, overlap, shingle_sets
from datacheck.summaries import shingles
from datacheck.summaries.minhash import BANDS, ROWS, bands
from datacheck.summaries.shingles import CHAR_FORM, WORD_FORM, chunks

LETTERS = st.sampled_from(list("abAB  .,-_'\t\n09é日\u00a0\u3000“”ﬁ²🙂\u0301\u200b£"))
TEXTS = st.lists(st.one_of(st.text(LETTERS, max_size=40), st.none()), min_size=1, max_size=12)


def plain(text: str) -> str:
    whole = unicodedata.normalize("NFKC", text).lower()
    spaced = "".join(" " if unicodedata.category(c).startswith("Z") else c for c in whole)
    kept = "".join(c for c in spaced if c.isascii() or unicodedata.category(c) != "Cf")
    return " ".join(kept.split())


def words(text: str) -> list[str]:
    apart = "".join(
        " " if (c.isascii() and not c.isalnum()) or unicodedata.category(c)[0] == "P" else c
        for c in plain(text)
    )
    return apart.split()


def quotes_alike(text: str) -> str:
    """Punctuation beyond ASCII is one mark in the plain form."""
    return "".join("\x01" if not c.isascii() and unicodedata.category(c)[0] == "P" else c
                   for c in plain(text))  # fmt: skip


def hashes(texts: list[str | None]) -> tuple[np.ndarray, np.ndarray]:
    found = [(t.plain(), t.letters()) for _, t in chunks(pl.Series(texts, dtype=pl.String))]
    return np.concatenate([p for p, _ in found]), np.concatenate([w for _, w in found])


@given(TEXTS)
@example(["a", None, "", " ", "A ", " a", "b" * 70, "b" * 71, "ab", "a b"])
@settings(max_examples=60, deadline=None)
def test_hashes_are_equal_where_the_forms_are(texts: list[str | None]) -> None:
    forms, letters = hashes(texts)
    filled = [t or "" for t in texts]
    for i, j in combinations(range(len(texts)), 2):
        one, other = filled[i], filled[j]
        assert (forms[i] == forms[j]) == (quotes_alike(one) == quotes_alike(other))
        if words(one) and words(other):
            assert (letters[i] == letters[j]) == (words(one) == words(other))
    assert [bool(h) for h in forms] == [bool(plain(t)) for t in filled]


@given(TEXTS, st.sampled_from([1, 30, 1 << 17]))
@settings(max_examples=40, deadline=None)
def test_chunks_change_nothing(texts: list[str | None], size: int) -> None:
    whole = hashes(texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shingles, "CHUNK", size)
        parts = hashes(texts)
    assert all(np.array_equal(a, b) for a, b in zip(whole, parts, strict=True))


@given(TEXTS)
@settings(max_examples=40, deadline=None)
def test_sets_have_what_python_sets_have(texts: list[str | None]) -> None:
    series = pl.Series(texts, dtype=pl.String)
    grams = [[w[k : k + 3] for k in range(len(w) - 2)] for w in (words(t or "") for t in texts)]
    by_words = [{tuple(g) for g in one} for one in grams]
    forms = [quotes_alike(t or "") for t in texts]
    by_chars = [{f[k : k + 5] for k in range(max(len(f) - 4, 1))} if f else set() for f in forms]
    pairs = np.array(list(combinations(range(len(texts)), 2)), dtype=np.int64).reshape(-1, 2)
    for form, real in ((WORD_FORM, by_words), (CHAR_FORM, by_chars)):
        sets = joined([shingle_sets(series[:1], form), shingle_sets(series[1:], form)])
        assert sets.sizes.tolist() == [len(s) for s in real]
        jaccard, containment = overlap(sets, pairs[:, 0], pairs[:, 1])
        for (i, j), a, b in zip(pairs.tolist(), jaccard, containment, strict=True):
            both = len(real[i] & real[j])
            assert a == pytest.approx(both / max(len(real[i] | real[j]), 1))
            assert b == pytest.approx(both / max(min(len(real[i]), len(real[j])), 1))


def test_a_text_is_cut_after_a_mebibyte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shingles, "MOST_BYTES", 20)
    forms, _ = hashes(["one two three four x", "one two three four xyz", "one two three four yz"])
    assert forms[0] == forms[1] != forms[2]


@pytest.mark.parametrize("jaccard", [0.3, 0.8])
def test_as_many_pairs_share_a_band_as_the_formula_says(jaccard: float) -> None:
    rng = np.random.default_rng(5)
    n, size = 4_000, 90
    both = round(2 * size * jaccard / (1 + jaccard))
    items = rng.integers(0, 2**32, (n, 2 * size - both), dtype=np.uint32)
    ends = np.arange(1, n + 1) * size
    one = bands(np.ascontiguousarray(items[:, :size]).ravel(), ends - size, ends)
    other = bands(np.ascontiguousarray(items[:, -size:]).ravel(), ends - size, ends)
    seen = (one == other).any(axis=1).mean()
    j = both / (2 * size - both)
    assert seen == pytest.approx(1 - (1 - j**ROWS) ** BANDS, abs=0.03)


def test_underscores_and_hyphens_separate_words() -> None:
    _, letters = hashes(["snake_case-name", "snake case name", "snakecasename"])
    assert letters[0] == letters[1] != letters[2]
    assert re.split(r"[\W_]+", "snake_case-name") == words("snake_case-name")
