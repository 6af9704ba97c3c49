"""Thumbnails keep the laws with real grey levels too, in memory and in a scratch file."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacheck.dataset import Batch
from datacheck.summaries.thumbnails import CELLS, Thumbnails
from datacheck.testing import laws

PARAMS = {"phash": "p", "grey": "g"}


def batch(seed: int, n: int, file: int = 0) -> Batch:
    rng = np.random.default_rng(seed)
    grey = [None if rng.random() < 0.2 else rng.integers(0, 256, CELLS).tolist() for _ in range(n)]
    drawn = rng.integers(0, 2**62, n).tolist()
    hashes = [None if g is None else h for g, h in zip(grey, drawn, strict=True)]
    schema: dict[str, Any] = {"p": pl.UInt64, "g": pl.List(pl.UInt8)}
    frame = pl.DataFrame({"p": hashes, "g": grey}, schema=schema)
    return Batch(frame, np.cumsum(rng.integers(1, 4, n)), file)


@given(st.integers(0, 2**32 - 1), st.integers(0, 12), st.booleans())
@settings(max_examples=20, deadline=None)
def test_laws(seed: int, n: int, spilling: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Thumbnails, "SPILL", 600 if spilling else 1 << 30)
        laws.check_summary(Thumbnails(("p", "g"), **PARAMS), batch(seed, n), seed)


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=20, deadline=None)
def test_levels_are_found_again(seed: int, spilling: bool) -> None:
    parts = [batch(seed, 9, 1), batch(seed + 1, 7, 0), batch(seed + 2, 1, 2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Thumbnails, "SPILL", 600 if spilling else 1 << 30)
        held = Thumbnails(("p", "g"), **PARAMS)
        for part in parts:
            held.update(part)
    known = {
        int(a): (h, g)
        for part in parts
        for a, h, g in zip(part.addresses, part.frame["p"], part.frame["g"], strict=True)
        if g is not None
    }
    addresses = held.addresses()
    assert addresses.tolist() == sorted(known)
    assert held.hashes().tolist() == [known[a][0] for a in sorted(known)]
    which = np.random.default_rng(seed).permutation(addresses.size)
    levels = held.levels(which).reshape(-1, CELLS)
    assert levels.tolist() == [known[a][1].to_list() for a in addresses[which].tolist()]
