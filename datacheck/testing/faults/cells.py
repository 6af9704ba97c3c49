"""Faults of cells: missing and corrupt values (MV), and columns that differ (SC).

Each is called ``fault(train, test, label, severity, rng)``, as told in the package's docstring.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from datacheck.testing.faults.planting import Planted, at, planted, whole
from datacheck.testing.faults.tools import deviation, mask, numbers, one, put, some

SITES = ("north", "south", "east", "west")


def missing_values(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A feature that is NaN in 40 % of the rows of both splits at severity 1."""
    return _both(train, test, one(train, label, rng), 0.4 * severity, math.nan, rng)


def _both(
    train: pl.DataFrame,
    test: pl.DataFrame,
    column: str,
    share: float,
    value: float | None,
    rng: np.random.Generator,
) -> Planted:
    """A value in a share of the rows of each split."""
    masks = [mask(f.height, share, rng) for f in (train, test)]
    return planted(
        put(train, column, masks[0], value),
        put(test, column, masks[1], value),
        at("train", masks[0], column),
        at("test", masks[1], column),
    )


def missing_not_at_random(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A feature whose largest values are missing, in 40 % of the rows of both splits at severity 1:
    what is missing depends on the value that is missing.
    """
    column = one(train, label, rng)
    frames, touched = [], []
    for split, frame in (("train", train), ("test", test)):
        values = np.nan_to_num(frame[column].cast(pl.Float64).to_numpy(), nan=-math.inf)
        gone = np.zeros(frame.height, dtype=bool)
        gone[np.argsort(-values, kind="stable")[: max(1, round(0.4 * severity * len(gone)))]] = True
        frames.append(put(frame, column, pl.Series(gone), None))
        touched.append(at(split, gone, column))
    return planted(frames[0], frames[1], *touched)


def infinite_values(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A feature that is infinite in 5 % of the rows of train at severity 1."""
    column = one(train, label, rng)
    hit = mask(train.height, 0.05 * severity, rng)
    return planted(put(train, column, hit, math.inf), test, at("train", hit, column))


def sentinel(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A feature that is -999 in 20 % of the rows of both splits at severity 1.

    It is one with twelve values or more, where there is one: -999 among a few codes is a code.
    """
    many = [c for c in numbers(train, label) if train[c].n_unique() >= 12]
    some_of = train.select(*many, label) if many else train
    return _both(train, test, one(some_of, label, rng), 0.2 * severity, -999.0, rng)


def text_sentinel(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A category ``site`` that is "?" in 20 % of the rows of both splits at severity 1."""
    frames, touched = [], []
    for split, frame in (("train", train), ("test", test)):
        site = pl.Series(np.array(SITES)[rng.integers(0, 4, frame.height)])
        gone = mask(frame.height, 0.2 * severity, rng)
        shown = pl.when(gone).then(pl.lit("?")).otherwise(site).alias("site")
        frames.append(frame.with_columns(shown))
        touched.append(at(split, gone, "site"))
    return planted(frames[0], frames[1], *touched)


def missingness_shift(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A feature empty in 2 % of train, and in up to 52 % of test."""
    column = one(train, label, rng)
    first = mask(train.height, 0.02, rng)
    second = mask(test.height, 0.02 + 0.5 * severity, rng)
    return planted(
        put(train, column, first, None),
        put(test, column, second, None),
        at("train", first, column),
        at("test", second, column),
    )


def constant_column(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A share of the features (20 % at severity 1) set to one value in both splits."""
    columns = some(numbers(train, label), 0.2 * severity, rng)
    fill = [pl.lit(1.0).alias(c) for c in columns]
    frames = train.with_columns(fill), test.with_columns(fill)
    return planted(*frames, *whole(*frames, *columns))


def mixed_types(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A feature written as text, with decimal commas in 20 % of train at severity 1."""
    column = one(train, label, rng)
    text = pl.col(column).cast(pl.Float64).round(4).cast(pl.String)
    odd = mask(train.height, 0.2 * severity, rng)
    comma = pl.when(odd).then(text.str.replace(".", ",", literal=True)).otherwise(text)
    frames = train.with_columns(comma.alias(column)), test.with_columns(text.alias(column))
    return planted(*frames, *whole(*frames, column))


# -- schema --------------------------------------------------------------------------------------


def column_missing(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A share of the features (30 % at severity 1) taken out of test."""
    gone = some(numbers(train, label), 0.3 * severity, rng)
    return planted(train, test.drop(gone), at("test", np.arange(test.height), *gone))


def column_renamed(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A share of the features of test (30 % at severity 1) under another name."""
    names = {c: f"{c}_v2" for c in some(numbers(train, label), 0.3 * severity, rng)}
    touched = at("test", np.arange(test.height), *names, *names.values())
    return planted(train, test.rename(names), touched)


def type_changed(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A share of the features of test (30 % at severity 1) turned into words."""
    words = np.array(["low", "middle", "high"])
    chosen = some(numbers(train, label), 0.3 * severity, rng)
    turned = [pl.Series(c, words[rng.integers(0, 3, test.height)]) for c in chosen]
    return planted(train, test.with_columns(turned), at("test", np.arange(test.height), *chosen))


def schema_violation(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """A contract that train keeps, and a feature that breaks it in 10 % of test at severity 1.

    The contract is a ``pandera.polars`` schema with the range of one feature of train, in
    ``settings["schema"]``; the cells that break it lie up to a deviation above it.
    """
    from pandera.polars import Check, Column, DataFrameSchema

    column = one(train, label, rng)
    values = pl.concat([train.select(column), test.select(column)], how="vertical_relaxed")
    finite = values[column].cast(pl.Float64).drop_nulls().drop_nans()
    low, high = float(finite.min() or 0.0), float(finite.max() or 0.0)  # type: ignore[arg-type] # floats
    hit = mask(test.height, 0.1 * severity, rng)
    step = max(deviation(values, column), abs(high) * 1e-6)
    above = pl.Series(high + rng.uniform(0.1, 1.0, test.height) * step)
    own = pl.col(column).cast(pl.Float64)
    broken = test.with_columns(pl.when(hit).then(above).otherwise(own).alias(column))
    schema = DataFrameSchema({column: Column(checks=Check.in_range(low, high), nullable=True)})
    same = train.with_columns(pl.col(column).cast(pl.Float64))
    return planted(same, broken, at("test", hit, column), schema=schema)


def unused_suppression(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Settings with up to 5 suppressions that match nothing; the data stay as they are.

    They are in ``settings["suppress"]``: of constant columns, which vary.
    """
    from datacheck.config import Suppression

    columns = numbers(train, label)
    chosen = tuple(
        Suppression("MV005", (columns[int(k)],), reason="was constant once")
        for k in rng.integers(0, len(columns), max(1, round(5 * severity)))
    )
    return planted(train, test, suppress=chosen)
