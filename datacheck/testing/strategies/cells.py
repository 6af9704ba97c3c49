"""Cells from integers: columns made with NumPy from a seed, one draw a row.

Row i of a column depends on the seed and on i alone, never on how many rows there are: shorter
columns are beginnings of longer ones, and fewer holes are some of many holes. That is what lets
Hypothesis shrink.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from datacheck.types import Floats, Ints, Mask

Generator: TypeAlias = np.random.Generator
LONGEST = 1_000  # items of one sequence or words of one text
START = np.datetime64("2024-01-01", "us").astype(np.int64)
DAY = 86_400_000_000  # microseconds
SYLLABLES = ("ba", "ko", "mi", "ru", "ta", "ne", "lo", "shi", "po", "da", "ve", "zu")
WORDS = tuple(a + b for a in SYLLABLES for b in SYLLABLES)
_WORDS = pl.Series(WORDS)
PATTERNS = ("scattered", "runs", "largest", "label")


def stream(seed: int, *place: int) -> Generator:
    """A generator of its own for each column of each split."""
    return np.random.Generator(np.random.PCG64([seed, *place]))


def mix(classes: int, ratio: float) -> Floats:
    """Shares of classes, shape (classes,): geometric, the first ``ratio`` times the last."""
    powers = np.arange(classes) / max(classes - 1, 1)
    weights = ratio**-powers
    shares: Floats = weights / weights.sum()
    return shares


def number(flavor: int, signal: Floats, rng: Generator, place: int) -> pl.Series:
    """Normal, uniform, log-normal or heavy-tailed numbers that go along with ``signal`` in part."""
    n = signal.size
    scale, shift = 10.0 ** (place % 3), float(place % 5)
    if flavor == 0:
        values = 0.5 * signal + rng.normal(size=n)
    elif flavor == 1:
        values = rng.random(n)
    elif flavor == 2:
        values = np.exp(rng.normal(size=n) * 0.5)
    else:
        values = rng.normal(size=n) / np.sqrt(1 - 0.9 * rng.random(n))
    return pl.Series(shift + scale * values)


def whole(flavor: int, signal: Floats, rng: Generator, place: int) -> pl.Series:
    """Whole numbers: few, many, counts, or with a sign."""
    u = rng.random(signal.size)
    if flavor == 0:
        values = np.floor(u * 10)
    elif flavor == 1:
        values = np.floor(u * 100_000)
    elif flavor == 2:
        values = np.floor(-3 * np.log1p(-u))
    else:
        values = np.floor(u * 201) - 100
    return pl.Series(values.astype(np.int64))


def category(flavor: int, signal: Floats, rng: Generator, place: int) -> pl.Series:
    """One of 2 to 12 words, the first the most frequent."""
    shares = np.cumsum(mix(2 + 3 * flavor + place % 2, 1 + 2 * flavor))
    codes = np.minimum(np.searchsorted(shares, rng.random(signal.size)), shares.size - 1)
    return _WORDS[codes + 7 * (place % 11)]


def boolean(flavor: int, signal: Floats, rng: Generator, place: int) -> pl.Series:
    """True in a half to a fifth of the rows."""
    return pl.Series(rng.random(signal.size) < 0.5 - 0.1 * flavor)


def datetime(flavor: int, signal: Floats, rng: Generator, place: int) -> pl.Series:
    """Moments of a day, a month, a year or ten years, to the second."""
    span = DAY * (1, 30, 365, 3650)[flavor]
    seconds = np.floor(rng.random(signal.size) * span / 1e6).astype(np.int64)
    return pl.Series(START + seconds * 1_000_000).cast(pl.Datetime("us"))


def counts(n: int, median: int, tail: float, rng: Generator) -> Ints:
    """Lengths of sequences, int64 of shape (n,): log-normal, at least 1, at most 1,000."""
    lengths = np.round(median * np.exp(tail * rng.normal(size=n)))
    return np.clip(lengths, 1, LONGEST).astype(np.int64)


def _grid(lengths: Ints, rng: Generator) -> Ints:
    """For each row as many pseudo-random numbers as the longest has, shape (rows, longest)."""
    first, step = rng.integers(1, 1 << 31, (lengths.size, 2)).T
    grid: Ints = first[:, None] + step[:, None] * np.arange(int(lengths.max(initial=1)))
    return grid


@dataclass(frozen=True, slots=True)
class Ragged:
    """Lists before they are cut: ``cells`` holds rows × longest cells, ``words`` joins them."""

    cells: pl.Series
    lengths: Ints
    words: bool = False


def cut(columns: Mapping[str, Ragged]) -> dict[str, pl.Series]:
    """Lists of their lengths, or texts of so many words, all columns in one go."""
    wide, chosen = [], []
    for name, one in columns.items():
        shape = (one.lengths.size, int(one.lengths.max(initial=1)))
        wide.append(one.cells.reshape(shape).cast(pl.List(one.cells.dtype)).alias(name))
        wide.append(pl.Series(f"{name} items", one.lengths))
        part = pl.col(name).list.head(pl.col(f"{name} items"))
        chosen.append(part.list.join(" ") if one.words else part)
    return pl.DataFrame(wide).select(chosen).to_dict() if wide else {}


def sequence(lengths: Ints, rng: Generator) -> Ragged:
    """Lists of whole numbers below 1,000."""
    return Ragged(pl.Series((_grid(lengths, rng) >> 8).ravel() % 1_000), lengths)


def text(lengths: Ints, rng: Generator) -> Ragged:
    """Texts of made-up words."""
    picked = (_grid(lengths, rng) >> 8).ravel() % len(WORDS)
    return Ragged(_WORDS[picked], lengths, words=True)


Make: TypeAlias = Callable[[int, Floats, Generator, int], pl.Series]
SIMPLE: dict[str, Make] = {
    "number": number, "whole": whole, "category": category, "boolean": boolean,
    "datetime": datetime,
}  # fmt: skip
KINDS = (*SIMPLE, "text", "sequence")


def holes(
    pattern: str, rate: float, values: pl.Series, codes: Ints, rng: Generator
) -> tuple[pl.Series, Mask]:
    """The column with cells missing at about ``rate``, and where.

    ``scattered``: at random. ``runs``: eight rows in a row. ``largest``: the more likely the
    larger the value (not at random). ``label``: in the first class only, at twice the rate.
    """
    n = values.len()
    u = rng.random(n)
    if pattern == "runs":
        u = np.repeat(u[: n // 8 + 1], 8)[:n]
    elif pattern == "label":
        u = np.where(codes == 0, u / 2, 1.0)
    elif pattern == "largest" and values.dtype.is_numeric():
        order = np.argsort(np.argsort(-values.to_numpy(), kind="stable"), kind="stable")
        u = (order + u) / max(n, 1)
    gone: Mask = u < rate
    if not gone.any():
        return values, gone
    return values.zip_with(pl.Series(~gone), pl.Series([None], dtype=values.dtype)), gone


def picked(pool: Sequence[Any], dtype: Any, u: Floats, shares: Floats | None = None) -> pl.Series:
    """For each u in [0, 1) one of the pool, by its share (all alike if none are given)."""
    if shares is None:
        at = np.floor(u * len(pool)).astype(np.int64)
    else:
        at = np.searchsorted(np.cumsum(shares), u, side="right")
    return pl.Series(pool, dtype=dtype)[np.minimum(at, len(pool) - 1)]
