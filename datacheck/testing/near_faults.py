"""Faults of rows that are nearly the same, for the table in ``faults.py``."""

from __future__ import annotations

import numpy as np
import polars as pl

WORDS = 1_500
LENGTH = 24


def near_copies_across(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A column of texts; rows of train in test in hardly other words: 20 % at severity 1."""
    train, test = _with_texts(train, rng), _with_texts(test, rng)
    copies = _altered(_drawn(train, round(0.2 * severity * test.height), rng), rng)
    return train, _drawn(pl.concat([test, copies]), test.height + copies.height, rng)


def near_copies_within(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A column of texts; rows of train again in hardly other words: 20 % more at severity 1."""
    train, test = _with_texts(train, rng), _with_texts(test, rng)
    copies = _altered(_drawn(train, round(0.2 * severity * train.height), rng), rng)
    return _drawn(pl.concat([train, copies]), train.height + copies.height, rng), test


def _drawn(frame: pl.DataFrame, count: int, rng: np.random.Generator) -> pl.DataFrame:
    """So many rows (at least one), each at most once, in random order."""
    rows = rng.permutation(frame.height)[: max(1, min(count, frame.height))]
    return frame.select(pl.all().gather(pl.Series(rows)))


def _with_texts(frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    words = np.array([f"w{k:x}" for k in range(WORDS)])
    drawn = words[rng.integers(0, WORDS, (frame.height, LENGTH))].tolist()
    return frame.with_columns(pl.Series("text", [" ".join(row) for row in drawn]))


def _altered(frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Each text in one of four ways: in capitals, with punctuation, a word less, a word more."""
    way = pl.Series(rng.integers(0, 4, frame.height))
    text = pl.col("text")
    return frame.with_columns(
        pl.when(way == 0)
        .then(text.str.to_uppercase())
        .when(way == 1)
        .then(text.str.replace(" ", ", ", literal=True) + ".")
        .when(way == 2)
        .then(text.str.replace(r"^\S+ ", ""))
        .otherwise(text + " moreover")
        .alias("text")
    )


def one_cell_off_across(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of train in test with one number changed: 20 % of test at severity 1."""
    copies = _one_off(_drawn(train, round(0.2 * severity * test.height), rng), label, rng)
    return train, _drawn(pl.concat([test, copies]), test.height + copies.height, rng)


def one_cell_off_within(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of train again with one number changed: 20 % more at severity 1."""
    copies = _one_off(_drawn(train, round(0.2 * severity * train.height), rng), label, rng)
    return _drawn(pl.concat([train, copies]), train.height + copies.height, rng), test


def _one_off(frame: pl.DataFrame, label: str, rng: np.random.Generator) -> pl.DataFrame:
    """In each row one number takes that of another row, and half of what is between on top."""
    numbers = [c for c in frame.columns if c != label and frame[c].dtype.is_numeric()]
    which = rng.integers(0, max(len(numbers), 1), frame.height)
    other = pl.Series(np.roll(np.arange(frame.height), 1))
    new = []
    for k, name in enumerate(numbers):
        own = frame[name].cast(pl.Float64)
        moved = (own + own.gather(other)) / 2 + 0.1234567
        if frame[name].dtype.is_integer():
            moved = moved.round()
        new.append(own.zip_with(pl.Series(which != k), moved).cast(frame[name].dtype).alias(name))
    return frame.with_columns(new)
