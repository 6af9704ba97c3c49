"""Texts cut by characters: never longer, a piece of the text, and no word in two."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from datacheck.pipelines.transforms import from_dict, make
from tests.pipelines.transforms.frames import whole

TEXTS = st.text(st.sampled_from("ab \n\tä漢👩"), max_size=40)


def cut(text, n, keep):
    one = make("truncate", ("t",), length=n, keep=keep, unit="characters")
    frame = pl.DataFrame({"t": [text]}, schema={"t": pl.String})
    learned = one.learn(whole(frame))
    assert from_dict(learned.to_dict()) == learned
    return learned.apply(frame)["t"][0]


@given(TEXTS, st.integers(1, 20), st.sampled_from(["head", "tail"]))
def test_laws(text, n, keep):
    out = cut(text, n, keep)
    assert len(out) <= max(n, 0)
    if len(text) <= n:
        assert out == text
        return
    inner = text.lstrip() if keep == "head" else text.rstrip()
    assert inner.startswith(out) if keep == "head" else inner.endswith(out)
    assert bool(out.strip()) == bool(text.strip())
    words = text.split()
    kept = out.split()
    if len(kept) > 1:  # a single word may be longer than what is left
        assert kept == (words[: len(kept)] if keep == "head" else words[-len(kept) :])
    assert cut(out, n, keep) == out


def test_examples():
    assert cut("the quick brown fox", 12, "head") == "the quick"
    assert cut("the quick brown fox", 15, "head") == "the quick brown"
    assert cut("the quick brown fox", 12, "tail") == "brown fox"
    assert cut("unbreakable", 4, "head") == "unbr"
    assert cut(None, 4, "head") is None
