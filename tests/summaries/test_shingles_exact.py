"""Hashes of texts, value by value beside whole numbers of Python; who is compared by what."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datacheck.dataset import Batch
from datacheck.summaries import shingles
from datacheck.summaries.minhash import bands
from datacheck.summaries.shingles import CHAR_FORM, WORD_FORM, Text, chunks
from datacheck.summaries.text_sketches import CHARACTERS, TextSketches, as_text, forms
from tests.summaries import plain_hashes
from tests.summaries.test_shingles import TEXTS, quotes_alike, words

LONG = [
    "abcdefgh", "abcdefghi", "a" * 16, "b" * 17, "c" * 63, "d" * 64, "e" * 65, "f" * 72 + "g",
    "x" * 200, "one two three", "one two three four five six seven eight nine",
]  # fmt: skip


def cut(*texts: str | None) -> list[Text]:
    return [t for _, t in chunks(pl.Series(texts, dtype=pl.String))]


def of(text: str | None) -> list[bytes]:
    return [w.encode() for w in words(text or "")]


@given(TEXTS)
@example([*LONG, None, "", " ", "!", "  a  ", "\u2028x"])
@example([" ".join(LONG)])
@settings(max_examples=40, deadline=None)
def test_each_text_has_the_hashes_of_its_own_bytes(texts: list[str | None]) -> None:
    plain = np.concatenate([t.plain() for t in cut(*texts)]).tolist()
    letters = np.concatenate([t.letters() for t in cut(*texts)]).tolist()
    forms_ = [quotes_alike(t or "").encode() for t in texts]
    assert plain == [plain_hashes.plain(f) for f in forms_]
    assert letters == [
        plain_hashes.letters(of(t), f) for t, f in zip(texts, forms_, strict=True)
    ]


@given(TEXTS)
@example([*LONG, "日本語日本語", "é" * 5, "ab", "abcd", "abcde", "abcdef"])
@settings(max_examples=40, deadline=None)
def test_shingles_are_those_of_each_text_alone(texts: list[str | None]) -> None:
    start = 0
    for text in cut(*texts):
        own = texts[start : start + text.n]
        start += text.n
        some = np.array([i for i, t in enumerate(own) if len(of(t)) >= 3], dtype=np.int64)
        found, begins, ends = text.of_words(some)
        assert [
            found[a:b].tolist() for a, b in zip(begins.tolist(), ends.tolist(), strict=True)
        ] == [plain_hashes.of_words(of(own[i])) for i in some]
        filled = np.array([i for i, t in enumerate(own) if quotes_alike(t or "")], dtype=np.int64)
        found, begins, ends = text.of_characters(filled)
        assert [
            found[a:b].tolist() for a, b in zip(begins.tolist(), ends.tolist(), strict=True)
        ] == [plain_hashes.of_characters(quotes_alike(own[i] or "")) for i in filled]
        assert found.size == ends[-1] if filled.size else not found.size


@pytest.mark.parametrize("code", range(128))
def test_every_ascii_character_is_a_letter_a_space_or_neither(code: int) -> None:
    text = f"Aq{chr(code)}{chr(code)}Zz"
    (found,) = cut(text)
    form = " ".join(text.lower().split())
    apart = "".join(c if c.isalnum() else " " for c in form)
    assert found.plain().tolist() == [plain_hashes.plain(form.encode())]
    assert found.letters().tolist() == [
        plain_hashes.letters([w.encode() for w in apart.split()], form.encode())
    ]
    assert found.counts.tolist() == [len(apart.split())]


@given(TEXTS, st.integers(1, 60), st.integers(1, 60))
@settings(max_examples=30, deadline=None)
def test_where_a_buffer_ends_changes_nothing(texts: list[str | None], n: int, m: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shingles, "CHUNK", n)
        patch.setattr(shingles, "JOINED", m)
        parts = list(chunks(pl.Series(texts, dtype=pl.String)))
    starts = np.cumsum([0, *(t.n for _, t in parts)]).tolist()
    assert [s for s, _ in parts] == starts[:-1]
    assert starts[-1] == len(texts)
    assert np.concatenate([t.plain() for _, t in parts]).tolist() == [
        plain_hashes.plain(quotes_alike(t or "").encode()) for t in texts
    ]


def test_long_texts_are_cut_after_so_many_bytes_and_no_sooner(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shingles, "MOST_BYTES", 10)
    found = np.concatenate([t.plain() for t in cut("abcdefghij", "abcdefghijk", "abcdefghi")])
    ten, nine = plain_hashes.plain(b"abcdefghij"), plain_hashes.plain(b"abcdefghi")
    assert found.tolist() == [ten, ten, nine]


def test_a_mebibyte_of_a_text_is_looked_at() -> None:
    texts = ["q" * ((1 << 20) - 1) + end for end in ("cx", "cy", "dx")]
    found = np.concatenate([t.plain() for t in cut(*texts)])
    assert found[0] == found[1] != found[2]


def sized(n: int, size: int) -> str:
    """A text of n words in so many bytes."""
    return " ".join(["x"] * (n - 1) + ["y" * (size - 2 * (n - 1))])


@pytest.mark.parametrize(
    ("n", "size", "by_words", "by_characters"),
    [
        (7, 100, False, True),
        (8, 100, True, True),  # eight words are enough for shingles of words
        (10, 100, True, True),  # up to ten are compared by characters besides
        (11, 100, True, False),
        (8, 8 * 24, True, True),
        (8, 8 * 24 + 1, False, True),  # more than 24 bytes a word: no words with spaces
        (11, 11 * 24, True, False),
        (11, 11 * 24 + 1, False, True),
    ],
)
def test_what_a_text_is_compared_by(
    n: int, size: int, by_words: bool, by_characters: bool
) -> None:
    (text,) = cut(sized(n, size))
    assert text.counts.tolist() == [n]
    assert (text.last - text.first).tolist() == [size]
    assert text.by_words().tolist() == [by_words]
    assert text.by_characters().tolist() == [by_characters]
    assert text.short().tolist() == [not by_words]


def test_blank_texts_are_compared_by_nothing() -> None:
    (text,) = cut("", "!?", None, "a b c d e f g h", " ")
    assert [rows.tolist() for rows in forms(text, "auto")] == [[3], [1, 3]]
    assert [rows.tolist() for rows in forms(text, CHARACTERS)] == [[], [1, 3]]


@given(
    st.lists(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=6), max_size=6),
    st.integers(0, 3),
    st.integers(0, 3),
)
@settings(max_examples=40, deadline=None)
def test_bands_are_the_least_products_of_each_set(
    sets: list[list[int]], before: int, after: int
) -> None:
    """Whatever lies between the sets, and around them."""
    whole = [7] * before
    starts, ends = [], []
    for one in sets:
        starts.append(len(whole))
        ends.append(len(whole) + len(one))
        whole += [*one, *[0] * after]
    found = bands(
        np.array(whole, np.uint32), np.array(starts, np.int64), np.array(ends, np.int64)
    )
    assert found.shape == (len(sets), 8)
    assert found.tolist() == [plain_hashes.bands(s) for s in sets]


def test_sketches_of_rows_are_held_by_address_words_first() -> None:
    both, short = "a b c d e f g h", "a b"
    long = " ".join("abcdefghijk")
    frame = pl.DataFrame({"s": [short, both, None, long, both]})
    sketches = TextSketches(("s",))
    sketches.update(Batch(frame, np.array([3, 5, 6, 8, 9])))
    at, form, found = sketches.sketched()
    assert at.tolist() == [3, 5, 5, 8, 9, 9]
    assert form.tolist() == [CHAR_FORM, WORD_FORM, CHAR_FORM, WORD_FORM, WORD_FORM, CHAR_FORM]
    texts = [short, both, both, long, both, both]
    assert found.tolist() == [
        plain_hashes.bands(
            plain_hashes.of_words(of(t)) if f == WORD_FORM else plain_hashes.of_characters(t)
        )
        for t, f in zip(texts, form, strict=True)
    ]
    assert sketches.rows().tolist() == [3, 5, 6, 8, 9]
    assert sketches.letters().tolist() == [
        plain_hashes.letters(of(t), (t or "").encode()) for t in frame["s"]
    ]
    assert sketches.plain().tolist() == [
        plain_hashes.plain((t or "").encode()) for t in frame["s"]
    ]


def test_the_texts_of_a_row_are_one() -> None:
    frame = pl.DataFrame(
        {"a": ["x y", None, None], "n": [1.5, 2.5, 3.5], "b": [["u", "v"], ["w"], None],
         "i": [[1, 2], [3, None], []]},
        schema_overrides={"i": pl.List(pl.Int64)},
    )  # fmt: skip
    assert as_text(frame, ("a", "n", "b", "i")).to_list() == ["x y u v 1 2", "w 3", ""]
    assert as_text(frame, ("b",)).to_list() == ["u v", "w", None]
    assert as_text(frame, ("n",)).to_list() == [None] * 3


@pytest.mark.parametrize(("more", "held"), [(0, True), (-1, False)])
def test_sketches_leave_memory_past_their_budget(
    more: int, held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Batch(pl.DataFrame({"s": ["a b", "c"]}), np.array([0, 1]))
    size = 2 * (8 + 8 + 8) + 2 * (8 + 1 + 4 * 8)  # both have one sketch, of characters
    monkeypatch.setattr(TextSketches, "SPILL", size + more)
    sketches = TextSketches(("s",))
    sketches.update(rows)
    assert sketches.nbytes() == (size if held else 0)
    assert sketches.rows().tolist() == [0, 1]
    again = TextSketches(("s",)).merge(sketches)
    assert again.nbytes() == (size if held else 0)
