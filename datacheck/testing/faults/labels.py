"""Faults of labels (LB) and of the balance of classes (CB).

Each is called ``fault(train, test, label, severity, rng)``, as told in the package's docstring.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl

from datacheck.errors import UsageError
from datacheck.testing.faults.planting import Planted, Touched, at, planted, whole
from datacheck.testing.faults.tools import (
    classes,
    codes,
    deviation,
    drawn,
    mask,
    mean,
    take,
    with_copies,
)
from datacheck.types import Ints


def duplicates_within(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Rows of train repeated in train: 20 % more rows at severity 1."""
    rows = drawn(train, round(0.2 * severity * train.height), rng)
    return _repeated(train, test, rows, take(train, rows), train.columns, rng)


def _repeated(
    train: pl.DataFrame,
    test: pl.DataFrame,
    rows: Ints,
    copies: pl.DataFrame,
    columns: list[str],
    rng: np.random.Generator,
) -> Planted:
    joined, order = with_copies(train, copies, rng)
    origin = {"train": np.concatenate([np.arange(train.height), rows])[order]}
    return planted(joined, test, at("train", order >= train.height, *columns), origin=origin)


def conflicting_labels(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Rows of train repeated with another label: 10 % more rows at severity 1."""
    rows = drawn(train, round(0.1 * severity * train.height), rng)
    known = classes(train, label)
    copies = take(train, rows)
    old = pl.Series(known, dtype=train[label].dtype)
    following = old.gather(pl.Series(np.roll(np.arange(len(old)), -1)))
    turned = copies.with_columns(copies[label].replace(old, following))
    return _repeated(train, test, rows, turned, [label], rng)


def suspect_labels(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Labels of train turned into another class: 20 % at severity 1."""
    known = classes(train, label)
    places = codes(train, label, known).to_numpy().astype(np.float64)
    turned = mask(train.height, 0.2 * severity, rng).to_numpy()
    places[turned] += rng.integers(1, len(known), int(turned.sum()))
    at_last = pl.Series(places % len(known), nan_to_null=True).cast(pl.Int64)
    labels = pl.Series(label, known, dtype=train[label].dtype).gather(at_last)
    there = turned & train[label].is_not_null().to_numpy()
    return planted(train.with_columns(labels), test, at("train", there, label))


def missing_labels(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Labels of train emptied: 20 % at severity 1."""
    gone = mask(train.height, 0.2 * severity, rng)
    emptied = pl.when(gone).then(None).otherwise(pl.col(label)).alias(label)
    return planted(train.with_columns(emptied), test, at("train", gone, label))


# -- balance -------------------------------------------------------------------------------------


def imbalance(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """The rarest class thinned in both splits to a part of a fair share (1/K of the rows) of
    10^(−2 · severity): a tenth of it at severity 0.5, a hundredth at 1. One row at least stays, and
    one goes, however rare the class is already.
    """
    known = classes(train, label)
    share = 0.01**severity / len(known)
    gone = []
    for frame in (train, test):
        found = rng.permutation(_is(frame, label, known[-1]))
        others = frame[label].count() - found.size
        kept = min(int(others * share / (1 - share)), found.size - 1)
        gone.append(found[max(1, kept) :])
    return _thinned(train, test, label, gone[0], gone[1])


def _is(frame: pl.DataFrame, label: str, chosen: Any) -> Ints:
    return np.flatnonzero((frame[label] == chosen).fill_null(value=False).to_numpy())


def _thinned(
    train: pl.DataFrame, test: pl.DataFrame, label: str, first: Ints, second: Ints
) -> Planted:
    """Both frames without some of their rows."""
    frames, touched, origin = [], [], {}
    for split, frame, gone in (("train", train, first), ("test", test, second)):
        kept = np.ones(frame.height, dtype=bool)
        kept[gone] = False
        frames.append(frame.filter(pl.Series(kept)))
        origin[split] = np.flatnonzero(kept)
        if gone.size:
            touched.append(Touched(split, np.zeros(0, np.int64), (label,), np.sort(gone)))
    if not touched:
        raise UsageError("the class has too few rows to lose some", "give more rows")
    return planted(frames[0], frames[1], *touched, origin=origin)


def rare_class(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A class left with 8 rows at severity 0.1, with 2 at severity 1; one of them is in test."""
    chosen = classes(train, label)[-1]
    left = max(1, round(8 - 7 * severity))
    first = rng.permutation(_is(train, label, chosen))[left:]
    return _thinned(train, test, label, first, rng.permutation(_is(test, label, chosen))[1:])


def class_missing_from_test(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """All rows of some classes taken out of test: one class, or half of them at severity 1."""
    known = classes(train, label)
    count = max(1, round(severity * len(known) / 2))
    last = test[label].is_in(pl.Series(known[-count:], dtype=test[label].dtype).implode())
    gone = np.flatnonzero(last.fill_null(value=False).to_numpy())
    return _thinned(train, test, label, np.zeros(0, np.int64), gone)


def label_shift(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Rows swapped between the splits until their class mixes are 0.8 · severity apart (total
    variation distance): of the most frequent classes into train, of the others into test.

    Every class keeps a row in each split, which may end it sooner.
    """
    known = classes(train, label)
    sizes = np.array([(train[label] == c).sum() for c in known])
    many = 1 + int(np.searchsorted(np.cumsum(sizes)[:-2], sizes.sum() / 2))
    places = [codes(f, label, known).fill_null(-1).to_numpy() for f in (train, test)]
    rare = [float((p >= many).sum() / max((p >= 0).sum(), 1)) for p in places]
    off = 0.8 * severity - (rare[1] - rare[0])
    count = math.ceil(off / (1 / train.height + 1 / test.height))
    leaving = []
    few, often = places[0] >= many, (places[1] >= 0) & (places[1] < many)
    for place, some in zip(places, (few, often), strict=True):
        order = rng.permutation(place.size)
        _, stays = np.unique(place[order], return_index=True)
        movable = np.setdiff1d(np.arange(order.size), stays)
        leaving.append(order[movable[some[order[movable]]]])
    count = min(count, leaving[0].size, leaving[1].size)
    if count < 1:
        raise UsageError("the classes have too few rows to swap some", "give more rows")
    both = pl.concat([train, test.select(train.columns)], how="vertical_relaxed")
    first, second = np.arange(train.height), np.arange(test.height) + train.height
    here, there = leaving[0][:count], leaving[1][:count]
    first[here], second[there] = there + train.height, here
    origin = {"train": np.where(first < train.height, first, -1),
              "test": np.where(second >= train.height, second - train.height, -1)}  # fmt: skip
    touched = [at(split, rows, *train.columns, gone=rows)
               for split, rows in (("train", here), ("test", there))]  # fmt: skip
    return planted(take(both, first), take(both, second), *touched, origin=origin)


def skewed_target(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A regression label with a tail: exp of up to 4 times its standard score."""
    both = pl.concat([train.select(label), test.select(label)], how="vertical_relaxed")
    score = (pl.col(label).cast(pl.Float64) - mean(both, label)) / deviation(both, label)
    turned = (score * (1 + 3 * severity)).exp().alias(label)
    frames = train.with_columns(turned), test.with_columns(turned)
    return planted(*frames, *whole(*frames, label))
