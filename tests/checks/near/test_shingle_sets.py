"""Sets of shingles and what two of them have in common, against Python's own sets."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks.near import shingle_sets as module
from datacheck.checks.near.shingle_sets import joined, overlap, shingle_sets
from datacheck.summaries.shingles import CHAR_FORM, WORD_FORM

TEXTS = st.lists(st.lists(st.sampled_from("abcd"), max_size=12).map(" ".join), min_size=1,
                 max_size=6)  # fmt: skip


def grams(text: str, form: int) -> set:
    if form == WORD_FORM:
        words = text.split()
        return {tuple(words[k : k + 3]) for k in range(len(words) - 2)}
    return {text[k : k + 5] for k in range(max(len(text) - 4, 1))} if text else set()


@given(TEXTS, TEXTS, st.sampled_from([WORD_FORM, CHAR_FORM]), st.sampled_from([1, 5, 1 << 22]))
def test_overlap_is_that_of_sets(one, other, form, at_once):
    texts = [*one, *other]
    sets = joined([shingle_sets(pl.Series(one), form), shingle_sets(pl.Series(other), form)])
    wanted = [grams(t, form) for t in texts]
    assert sets.sizes.tolist() == [len(s) for s in wanted]
    n = len(texts)
    a, b = np.repeat(np.arange(n), n), np.tile(np.arange(n), n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CELLS", at_once)
        jaccard, containment = overlap(sets, a, b)
    for i, j, got, inside in zip(a, b, jaccard, containment, strict=True):
        x, y = wanted[i], wanted[j]
        assert got == pytest.approx(len(x & y) / max(len(x | y), 1))
        assert inside == pytest.approx(len(x & y) / max(min(len(x), len(y)), 1))


def test_of_no_texts_there_are_no_sets():
    empty = shingle_sets(pl.Series([], dtype=pl.String), WORD_FORM)
    assert empty.sizes.size == 0
    assert joined([]).sizes.size == 0
    assert joined([empty, shingle_sets(pl.Series(["a b c d"]), WORD_FORM)]).sizes.tolist() == [2]
