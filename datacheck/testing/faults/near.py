"""Faults of rows that are nearly the same (LK002, LB005).

Each is called ``fault(train, test, label, severity, rng)``, as told in the package's docstring.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from datacheck.testing.faults.planting import Planted, at, planted
from datacheck.testing.faults.tools import drawn, take, with_copies
from datacheck.types import Ints

WORDS = 1_500
LENGTH = 24


def near_copies_across(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A column ``text``; rows of train in test in hardly other words: 20 % at severity 1."""
    train, test = _with_texts(train, rng), _with_texts(test, rng)
    copies = _altered(take(train, drawn(train, round(0.2 * severity * test.height), rng)), rng)
    return _across(train, test, copies, rng)


def near_copies_within(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A column ``text``; rows of train again in hardly other words: 20 % more at severity 1."""
    train, test = _with_texts(train, rng), _with_texts(test, rng)
    rows = drawn(train, round(0.2 * severity * train.height), rng)
    return _within(train, test, rows, _altered(take(train, rows), rng), rng)


def one_cell_off_across(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Rows of train in test with one number changed: 20 % of test at severity 1."""
    rows = drawn(train, round(0.2 * severity * test.height), rng)
    return _across(train, test, _one_off(take(train, rows), label, rng), rng)


def one_cell_off_within(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Rows of train again with one number changed: 20 % more at severity 1."""
    rows = drawn(train, round(0.2 * severity * train.height), rng)
    return _within(train, test, rows, _one_off(take(train, rows), label, rng), rng)


def _across(
    train: pl.DataFrame, test: pl.DataFrame, copies: pl.DataFrame, rng: np.random.Generator
) -> Planted:
    """Copies put among test."""
    joined, order = with_copies(test, copies, rng)
    new = order >= test.height
    origin = {"test": np.where(new, -1, order)}
    return planted(train, joined, at("test", new, *test.columns), origin=origin)


def _within(
    train: pl.DataFrame,
    test: pl.DataFrame,
    rows: Ints,
    copies: pl.DataFrame,
    rng: np.random.Generator,
) -> Planted:
    """Copies put among train."""
    joined, order = with_copies(train, copies, rng)
    origin = {"train": np.concatenate([np.arange(train.height), rows])[order]}
    return planted(joined, test, at("train", order >= train.height, *train.columns), origin=origin)


def _with_texts(frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    words = np.array([f"w{k:x}" for k in range(WORDS)])
    drawn_words = words[rng.integers(0, WORDS, (frame.height, LENGTH))].tolist()
    return frame.with_columns(pl.Series("text", [" ".join(row) for row in drawn_words]))


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


def _one_off(frame: pl.DataFrame, label: str, rng: np.random.Generator) -> pl.DataFrame:
    """In each row one number takes that of another row, and half of what is between on top."""
    names = [c for c in frame.columns if c != label and frame[c].dtype.is_numeric()]
    which = rng.integers(0, max(len(names), 1), frame.height)
    other = pl.Series(np.roll(np.arange(frame.height), 1))
    new = []
    for k, name in enumerate(names):
        own = frame[name].cast(pl.Float64)
        moved = (own + own.gather(other)) / 2 + 0.1234567
        if frame[name].dtype.is_integer():
            moved = moved.round()
        new.append(own.zip_with(pl.Series(which != k), moved).cast(frame[name].dtype).alias(name))
    return frame.with_columns(new)
