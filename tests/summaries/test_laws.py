"""The law harness over every summary in the table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacheck.dataset import Batch
from datacheck.summaries import TABLE, Summary, summary_class
from datacheck.summaries.schemas import name_of
from datacheck.testing import laws
from tests.summaries.strategies import SCHEMA, batches

ALL = tuple(SCHEMA)
SMALL = pa.DataFrameSchema(
    {
        "f": pa.Column(pl.Int64, pa.Check.in_range(-1, 1)),
        "i": pa.Column(pl.Float64, pa.Check.ge(0), nullable=True, unique=True),
        "s": pa.Column(pl.String, pa.Check.isin(["", "a"])),
    }
)
CASES: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
    ("joint_hashes", ("i", "s"), {}),
    ("keys", ALL, {}),
    ("keys", ("s", "i"), {"cap": 3}),
    ("lengths", ("s", "l", "y"), {}),
    ("lengths", ("s", "l"), {"unit": "characters"}),
    ("pairs", ("s", "y"), {"source": "s", "target": "y", "least": 1}),
    ("pairs", ("l", "s"), {"source": "l", "target": "s", "unit": "characters"}),
    ("moments", ("f", "i", "b", "t"), {}),
    ("nulls", ALL, {}),
    ("row_hashes", ("f", "i", "b", "s", "l"), {"label": "y"}),
    ("row_hashes", ("s",), {}),
    ("row_hashes", ("f", "i", "b", "s", "l"), {"label": "y", "parts": "01201"}),
    ("row_sample", ALL, {}),
    ("row_sample", ("f", "s"), {"size": 5, "label": "y", "per_class": 2}),
    ("text_sketches", ("s", "l"), {}),
    ("text_sketches", ("s",), {"shingles": "characters"}),
    ("thumbnails", ("i", "l"), {"phash": "i", "grey": "l"}),
    ("tokens", ("f",), {}),
    ("tokens", ("f", "i"), {"cap": 2}),
    ("values", ("f", "i", "b", "s", "y"), {}),
    ("values", ("s", "f"), {"cap": 3}),
    ("values", ("s", "f"), {"cap": 3, "firsts": 2}),
    ("violations", ("f", "i", "s"), {"schema": name_of(SMALL)}),
]


def test_every_summary_is_under_the_laws() -> None:
    assert {kind for kind, _, _ in CASES} == set(TABLE)


def make(case: tuple[str, tuple[str, ...], dict[str, Any]]) -> Summary:
    kind, columns, params = case
    return summary_class(kind)(columns, **params)


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}-{len(c[1])}-{len(c[2])}")
@given(batch=batches(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)  # each is cut and put together in several ways
def test_laws_and_a_summary_never_changes_its_batch(
    case: tuple[str, tuple[str, ...], dict[str, Any]], batch: Batch, seed: int
) -> None:
    before, rows = batch.frame.clone(), batch.rows.copy()
    laws.check_summary(make(case), batch, seed)
    assert batch.frame.equals(before)
    assert np.array_equal(batch.rows, rows)


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}-{len(c[1])}-{len(c[2])}")
@pytest.mark.parametrize("rows", [0, 7])
def test_laws_on_empty_and_all_null(
    case: tuple[str, tuple[str, ...], dict[str, Any]], rows: int
) -> None:
    frame = pl.DataFrame({c: [None] * rows for c in SCHEMA}, schema=SCHEMA)
    laws.check_summary(make(case), Batch(frame, np.arange(rows)), 1)
