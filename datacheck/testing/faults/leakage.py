"""Faults of leakage (LK): rows, entities, times, features and scales that tell what they may not.

Each is called ``fault(train, test, label, severity, rng)``, as told in the package's docstring.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from datacheck.testing.faults.planting import Planted, at, planted, whole
from datacheck.testing.faults.tools import (
    add,
    as_numbers,
    classes,
    codes,
    deviation,
    drawn,
    mask,
    mean,
    numbers,
    one,
    put,
    some,
    take,
    with_copies,
)
from datacheck.types import Ints


def duplicates_across_splits(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Rows of train copied into test: 20 % of test at severity 1."""
    copies = take(train, drawn(train, round(0.2 * severity * test.height), rng))
    joined, order = with_copies(test, copies, rng)
    new = order >= test.height
    origin = {"test": np.where(new, -1, order)}
    return planted(train, joined, at("test", new, *test.columns), origin=origin)


def group_leak(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A column ``patient`` of about 4 rows each; a share of test rows (half at severity 1) has
    patients of train.
    """
    first = rng.integers(0, max(train.height // 4, 1), train.height)
    second = rng.integers(0, max(test.height // 4, 1), test.height) + train.height
    known = mask(test.height, 0.5 * severity, rng).to_numpy()
    second[known] = rng.choice(first, int(known.sum()))
    frames = add(train, test, "patient", [_ids("p", first), _ids("p", second)])
    return planted(*frames, at("test", known, "patient"))


def _ids(prefix: str, numbers: Ints) -> pl.Series:
    return pl.select(pl.lit(prefix) + pl.Series(numbers).cast(pl.String)).to_series()


def time_overlap(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A column ``time``: test follows train, but for a share of its rows (half at severity 1)."""
    start, day = np.int64(1_700_000_000), 86_400
    first = np.sort(rng.integers(0, 300 * day, train.height))
    second = np.sort(rng.integers(301 * day, 400 * day, test.height))
    early = mask(test.height, 0.5 * severity, rng).to_numpy()
    second[early] = rng.integers(0, 290 * day, int(early.sum()))
    as_time = [pl.Series((s + start) * 1_000_000).cast(pl.Datetime("us")) for s in (first, second)]
    return planted(*add(train, test, "time", as_time), at("test", early, "time"))


def target_leak(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A column ``outcome_code`` that is the label, with noise: none at severity 1."""
    made = [_near_copy(f, label, severity, rng) for f in (train, test)]
    frames = add(train, test, "outcome_code", made)
    return planted(*frames, *whole(*frames, "outcome_code"))


def _near_copy(
    frame: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> pl.Series:
    values = as_numbers(frame, label).to_numpy()
    spread = float(np.nanstd(values)) or 1.0 if np.isfinite(values).any() else 1.0
    noise = rng.normal(size=frame.height) * spread * 0.05 * (1 - severity)
    return pl.Series(values * 3.0 + 11.0 + noise, nan_to_null=True)


def missingness_leak(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A feature empty in the rows of one class, and in a few others (none at severity 1)."""
    column, chosen = one(train, label, rng), classes(train, label)[0]
    frames, touched = [], []
    for split, frame in (("train", train), ("test", test)):
        hit = (frame[label] == chosen).fill_null(value=False).to_numpy()
        empty = hit ^ (rng.random(frame.height) < 0.05 * (1 - severity))
        frames.append(put(frame, column, pl.Series(empty), None))
        touched.append(at(split, empty, column))
    return planted(frames[0], frames[1], *touched)


def fitted_on_both(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A share of the features (all at severity 1) standardized with the mean and deviation of both
    splits together.
    """
    columns = some(numbers(train, label), severity, rng)
    pooled = pl.concat([train.select(columns), test.select(columns)], how="vertical_relaxed")
    scale = [(pl.col(c).cast(pl.Float64) - mean(pooled, c)) / deviation(pooled, c) for c in columns]
    frames = train.with_columns(scale), test.with_columns(scale)
    return planted(*frames, *whole(*frames, *columns))


def fitted_on_each(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A share of the features (all at severity 1) standardized in each split on itself."""
    columns = some(numbers(train, label), severity, rng)
    first, second = (
        f.with_columns((pl.col(c).cast(pl.Float64) - mean(f, c)) / deviation(f, c) for c in columns)
        for f in (train, test)
    )
    return planted(first, second, *whole(first, second, *columns))


def order_leak(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Train sorted by its label; a share of the rows (none at severity 1, 10 % near 0) then moved
    anywhere. Nothing but the order changes: all rows count as touched.
    """
    order = np.argsort(as_numbers(train, label).to_numpy(), kind="stable")
    loose = np.flatnonzero(rng.random(train.height) < 0.1 * (1 - severity))
    order[loose] = order[rng.permutation(loose)]
    touched = at("train", np.arange(train.height))
    return planted(take(train, order), test, touched, origin={"train": order})


def metadata_leak(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Texts ``notes`` of twelve words whose length in letters is that of the class in 92 to 100 %
    of the rows (96 % at severity 0.5), and that of any class in the others.
    """
    known = classes(train, label)
    texts, touched = [], []
    for split, frame in (("train", train), ("test", test)):
        place = codes(frame, label, known).fill_null(0).to_numpy().copy()
        other = rng.random(frame.height) > 0.92 + 0.08 * severity
        place[other] = rng.integers(0, len(known), int(other.sum()))
        words = rng.integers(1000, 10_000, (frame.height, 12))
        letters = pl.Series(["s" * k for k in range(len(known))]).gather(pl.Series(place))
        columns = [letters + pl.Series(words[:, j]).cast(pl.String) for j in range(words.shape[1])]
        texts.append(pl.select(pl.concat_str(columns, separator=" ")).to_series())
        touched.append(at(split, ~other, "notes"))
    return planted(*add(train, test, "notes", texts), *touched)
