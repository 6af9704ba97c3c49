"""What transforms learn from, besides spreads and quantiles: frequent values, sampled rows."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import polars as pl

from datacheck.pipelines.transforms.base import Frames, Value, cells, pick
from datacheck.summaries.hashing import hash_addresses, mix_int
from datacheck.types import Hashes

MOST_PARTS = 64
MOST_VALUES = 4_000_000  # distinct values counted at once; beyond, by parts, a pass each


def value_counts(
    frames: Frames, columns: Sequence[str], *, most: int = MOST_VALUES
) -> dict[str, pl.DataFrame] | None:
    """Per column a frame ``v`` (values; NaN, ±∞ and null left out) and ``n``, sorted by value.

    None where more than ``most`` values in all would have to be held.
    """
    return _count(frames, tuple(columns), 0, 1, most)


def most_frequent(
    frames: Frames, columns: Sequence[str], *, most: int = MOST_VALUES
) -> dict[str, Value | None]:
    """The most frequent value of each column, the smallest of several; None without any.

    Exact: where more than ``most`` values would have to be held, they are counted in parts by
    their hash, with a pass over the rows for each (at most 64, which then hold what there is).
    """
    parts = 1
    while True:
        best: dict[str, tuple[int, Value]] = {}
        for part in range(parts):
            limit = most if parts < MOST_PARTS else sys.maxsize
            counted = _count(frames, tuple(columns), part, parts, limit)
            if counted is None:
                break
            for column, frame in counted.items():
                top = frame.sort(["n", "v"], descending=[True, False]).head(1)
                for value, n in top.iter_rows():
                    old = best.get(column)
                    if old is None or n > old[0] or (n == old[0] and value < old[1]):
                        best[column] = (n, value)
        else:
            return {c: best[c][1] if c in best else None for c in columns}
        parts *= 4


def _count(
    frames: Frames, columns: tuple[str, ...], part: int, parts: int, most: int
) -> dict[str, pl.DataFrame] | None:
    pieces: dict[str, list[pl.DataFrame]] = {c: [] for c in columns}
    for frame in frames(columns):
        for column in columns:
            x = _present(cells(frame, column)).alias("v")
            if parts > 1:
                x = x.filter(x.hash(0x5EED) % parts == part)
            if len(x):
                own = pieces[column]
                own.append(x.value_counts(name="n"))
                if sum(p.height for p in own[1:]) > max(own[0].height, 65_536):
                    pieces[column] = [_sum(own)]
        if sum(p.height for own in pieces.values() for p in own) > most:
            pieces = {c: [_sum(own)] if own else [] for c, own in pieces.items()}
            if sum(own[0].height for own in pieces.values() if own) > most:
                return None
    empty = pl.DataFrame(schema={"v": pl.String, "n": pl.UInt32})
    return {c: _sum(own).sort("v") if own else empty for c, own in pieces.items()}


def _sum(pieces: Sequence[pl.DataFrame]) -> pl.DataFrame:
    if len(pieces) == 1:
        return pieces[0]
    return (
        pl.concat(pieces, how="vertical_relaxed")
        .with_columns(pl.col("n").cast(pl.UInt64))
        .group_by("v")
        .agg(pl.col("n").sum())
    )


def _present(x: pl.Series) -> pl.Series:
    x = x.drop_nulls()
    if x.dtype.is_float():
        x = x.cast(pl.Float64) + 0.0  # −0 → 0
        return x.filter(x.is_finite())
    if x.dtype.is_temporal():
        return x.cast(pl.Datetime("us")).to_physical()
    return x


def sample_rows(
    frames: Frames, columns: Sequence[str], most: int, seed: int
) -> tuple[pl.DataFrame, int]:
    """At most ``most`` rows in their order, and how many there are.

    Those whose row number has the smallest hash: the same rows however the blocks are cut.
    """
    kept: list[pl.DataFrame] = []
    keys: list[Hashes] = []
    total = 0
    salt = np.uint64(mix_int(seed))
    limit = np.uint64(2**64 - 1)
    for frame in frames(tuple(columns)):
        rows = np.arange(total, total + frame.height, dtype=np.int64)
        total += frame.height
        key = hash_addresses(rows) ^ salt
        below = key <= limit
        if below.any():
            kept.append(pick(frame, columns).filter(pl.Series(below)))
            keys.append(key[below])
        if sum(k.size for k in keys) > 2 * most:
            kept, keys, limit = _smallest(kept, keys, most)
    if not kept:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.Float64)), total
    kept, keys, _ = _smallest(kept, keys, most)
    return kept[0], total


def _smallest(
    kept: list[pl.DataFrame], keys: list[Hashes], most: int
) -> tuple[list[pl.DataFrame], list[Hashes], np.uint64]:
    frame = pl.concat(kept, how="vertical_relaxed") if len(kept) > 1 else kept[0]
    key = np.concatenate(keys)
    if key.size <= most:
        return [frame], [key], np.uint64(2**64 - 1)
    limit = np.partition(key, most - 1)[most - 1]
    below = key <= limit
    return [frame.filter(pl.Series(below))], [key[below]], limit
