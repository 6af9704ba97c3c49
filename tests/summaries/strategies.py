"""Batches with everything that hurts: NaN, infinities, −0, nulls, huge numbers, NFD text."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from hypothesis import strategies as st

from datacheck.dataset import Batch

FLOATS = st.one_of(
    st.none(),
    st.sampled_from([0.0, -0.0, 1.0, float("nan"), float("inf"), -float("inf"), 1e9 + 0.5, 1e300]),
    st.floats(allow_subnormal=False),
)
WORDS = st.one_of(
    st.none(),
    st.sampled_from(["", " ", "a", "b b", "é", "e\u0301", "NA", "<b>", "\x1b[31m", "x y z"]),
    st.text(max_size=8),
)
SCHEMA: dict[str, Any] = {
    "f": pl.Float64, "i": pl.Int64, "b": pl.Boolean, "s": pl.String, "t": pl.Datetime("us"),
    "l": pl.List(pl.Int64), "y": pl.String,
}  # fmt: skip


@st.composite
def batches(draw: st.DrawFn, max_rows: int = 40) -> Batch:
    """Rows of every kind of column, with raw tokens for some."""
    n = draw(st.integers(0, max_rows))

    def column(of: st.SearchStrategy[object]) -> list[object]:
        return draw(st.lists(of, min_size=n, max_size=n))

    whole = st.one_of(st.none(), st.integers(-(2**40), 2**40), st.integers(-2, 2))
    frame = pl.DataFrame(
        {
            "f": column(FLOATS),
            "i": column(whole),
            "b": column(st.one_of(st.none(), st.booleans())),
            "s": column(WORDS),
            "t": column(st.one_of(st.none(), st.datetimes())),
            "l": column(st.one_of(st.none(), st.lists(st.integers(-3, 3), max_size=5))),
            "y": column(st.sampled_from(["u", "v", "w", None])),
        },
        schema=SCHEMA,
    )
    steps = draw(st.lists(st.integers(1, 3), min_size=n, max_size=n))
    rows = np.cumsum(np.array(steps, dtype=np.int64))
    tokens = {
        "f": pl.Series("f", column(st.sampled_from([None, "?", "x", "1,5"])), dtype=pl.String)
    }
    return Batch(frame, rows, draw(st.integers(0, 3)), tokens)
