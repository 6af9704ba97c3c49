"""Raw strings that could not be read: their counts and first rows, beside plain Python."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacheck.dataset import FILE_SHIFT, Batch
from datacheck.findings import MAX_EXAMPLES
from datacheck.summaries.tokens import Tokens
from datacheck.summaries.values import Values
from tests.summaries.strategies import batches


def batch_of(texts: list[str | None], first: int = 0, file: int = 0) -> Batch:
    """Rows whose cells of ``x`` could not be read, where there is a text."""
    rows = np.arange(first, first + len(texts), dtype=np.int64)
    raw = pl.Series("x", texts, dtype=pl.String)
    return Batch(pl.DataFrame({"x": [None] * len(texts)}), rows, file, {"x": raw})


def firsts(summary: Tokens, column: str = "x") -> dict[str, list[int]]:
    return {text: list(at) for text, at in summary.first(column).items()}


@settings(deadline=None)
@given(
    parts=st.lists(
        st.tuples(
            st.integers(0, 2),
            st.lists(st.sampled_from([None, "?", "x", "x ", "é", "1,5"]), max_size=20),
        ),
        max_size=6,
    ),
    order=st.randoms(use_true_random=False),
)
def test_the_first_rows_of_each_text_are_those_with_the_smallest_addresses(parts, order):
    """Whatever the order in which the blocks of files are merged."""
    plain: dict[str, list[int]] = defaultdict(list)
    filled = []
    for i, (file, texts) in enumerate(parts):
        batch = batch_of(texts, 100 * i, file)
        for row, text in enumerate(texts, 100 * i):
            if text is not None:
                plain[text].append((file << FILE_SHIFT) + row)
        filled.append(Tokens(("x",)))
        filled[-1].update(batch)
    order.shuffle(filled)
    whole = Tokens(("x",))
    for one in filled:
        whole = whole.merge(one)
    assert firsts(whole) == {t: sorted(a)[:MAX_EXAMPLES] for t, a in plain.items()}
    assert dict(whole["x"]) == {t: len(a) for t, a in plain.items()}
    again = Tokens.from_bytes(whole.to_bytes())
    assert firsts(again) == firsts(whole)


@pytest.mark.parametrize("cap", [1, 7, 39, 40, 41])
def test_texts_that_stay_past_the_cap_keep_their_very_first_rows(cap):
    texts: list[str | None] = [f"t{(i * i) % 40}" for i in range(900)]
    found = Tokens(("x",), cap=cap)
    backwards = Tokens(("x",), cap=cap)
    for start in range(0, 900, 50):
        found.update(batch_of(texts[start : start + 50], start))
    for start in range(850, -1, -50):
        backwards.update(batch_of(texts[start : start + 50], start))
    known = Counter(texts)
    assert len(found["x"]) == min(cap, len(known))
    for text, at in firsts(found).items():
        assert at == [i for i, t in enumerate(texts) if t == text][:MAX_EXAMPLES]
        assert found["x"][text] == known[text]
    assert found.total("x") == 900
    assert backwards.equals(found)
    assert backwards.to_bytes() == found.to_bytes()


def test_memory_is_bounded_by_the_cap_whatever_comes():
    found = Tokens(("x",), cap=10)
    for start in range(0, 20_000, 1_000):
        found.update(batch_of([f"t{i}" for i in range(start, start + 1_000)], start))
    assert len(firsts(found)) == 10
    assert found.total("x") == 20_000
    held = sum(len(v) for k, v in found.state().items() if k.startswith(("v", "n", "a")))
    assert held <= 10 * (2 + MAX_EXAMPLES)


def test_two_thousand_texts_of_a_column_are_told_apart():
    found = Tokens(("x",))
    found.update(batch_of([f"t{i}" for i in range(2_000)]))
    assert len(found["x"]) == 2_000
    found.update(batch_of(["one more"], 2_000))
    assert len(found["x"]) == 2_000
    assert found.total("x") == 2_001


def test_a_column_without_such_cells_has_none():
    found = Tokens(("x", "y"))
    found.update(batch_of(["?", None], 7))
    assert firsts(found) == {"?": [7]}
    assert firsts(found, "y") == {}
    assert dict(found["y"]) == {}
    assert found.total("y") == 0


@given(batches(), st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_first_rows_of_values_of_any_kind(batch, most):
    found = Values(("s", "b", "i"), firsts=most)
    found.update(batch)
    for column, said in (("s", str), ("b", lambda v: str(v).lower()), ("i", str)):
        plain: dict[str, list[int]] = defaultdict(list)
        for address, value in zip(batch.addresses.tolist(), batch.frame[column], strict=True):
            if value is not None:
                plain[said(value)].append(address)
        assert found.first(column) == {v: a[:most] for v, a in plain.items()}
        assert found[column] == {v: len(a) for v, a in plain.items()}
