"""Faults of sequences and of pairs of texts (SL).

Each is called ``fault(train, test, label, severity, rng)``, as told in the package's docstring.
Sequences are a column ``events`` of lists of numbers; pairs are the columns ``source`` and
``translation``.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from datacheck.testing.faults.planting import Planted, Touched, at, planted, whole
from datacheck.testing.faults.tools import as_numbers, mask
from datacheck.types import Floats, Mask

USUAL = 40


def _sequences(frame: pl.DataFrame, lengths: Floats, rng: np.random.Generator) -> pl.DataFrame:
    """Add a column ``events`` of lists of numbers with the given lengths."""
    counts = np.maximum(np.asarray(lengths, dtype=np.float64).round().astype(np.int64), 0)
    flat = pl.DataFrame(
        {"row": np.repeat(np.arange(frame.height), counts), "x": rng.normal(size=counts.sum())}
    )
    lists = flat.group_by("row", maintain_order=True).agg(pl.col("x").round(3))
    rows = pl.DataFrame({"row": np.arange(frame.height)}).join(lists, on="row", how="left")
    empty = pl.lit([], dtype=pl.List(pl.Float64))
    return frame.with_columns(rows.select(pl.coalesce("x", empty).alias("events")).to_series())


def _both(
    train: pl.DataFrame,
    test: pl.DataFrame,
    first: Floats,
    second: Floats,
    rng: np.random.Generator,
    *touched: Touched,
) -> Planted:
    frames = _sequences(train, first, rng), _sequences(test, second, rng)
    return planted(*frames, *(touched or whole(*frames, "events")))


def _usual(frame: pl.DataFrame, rng: np.random.Generator, mean: float = USUAL) -> Floats:
    return np.maximum(rng.normal(mean, mean / 8, frame.height), 1)


def skewed_lengths(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Sequences with log-normal lengths, sigma up to 1.7."""
    draws = [1 + np.exp(rng.normal(2.5, 0.9 + 0.8 * severity, f.height)) for f in (train, test)]
    return _both(train, test, draws[0], draws[1], rng)


def length_shift(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Sequences up to twice as long in test."""
    longer = _usual(test, rng, USUAL * (1 + severity))
    touched = at("test", np.arange(test.height), "events")
    return _both(train, test, _usual(train, rng), longer, rng, touched)


def empty_sequences(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Sequences, 10 % of them empty in train at severity 1."""
    lengths = _usual(train, rng)
    empty = mask(train.height, 0.1 * severity, rng).to_numpy()
    lengths[empty] = 0
    return _both(train, test, lengths, _usual(test, rng), rng, at("train", empty, "events"))


def overlong_sequences(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Sequences, one of them in train up to 100 times as long as most."""
    lengths = _usual(train, rng)
    row = int(rng.integers(train.height))
    lengths[row] = USUAL * (11 + 89 * severity)
    return _both(train, test, lengths, _usual(test, rng), rng, at("train", [row], "events"))


def length_label_confounding(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Sequences whose length depends on the label: 1 to 4 deviations between two classes."""
    lengths, touched = [], []
    for split, frame in (("train", train), ("test", test)):
        codes = np.nan_to_num(as_numbers(frame, label).to_numpy(), nan=0.0)
        top = codes > np.median(codes) if np.median(codes) < codes.max() else codes == codes.max()
        lengths.append(rng.normal(60, 5, frame.height) + 5 * (1 + 3 * severity) * top)
        touched.append(at(split, top, "events"))
    return _both(train, test, lengths[0], lengths[1], rng, *touched)


# -- pairs ---------------------------------------------------------------------------------------


def _pairs(frame: pl.DataFrame, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Sentences of made-up words, and their translations word by word."""
    draws = [rng.integers(0, 2000, int(k)) for k in rng.integers(4, 24, frame.height)]
    sides = ([" ".join(f"{letter}{v}" for v in d) for d in draws] for letter in "wv")
    first, second = sides
    return first, second


def _with_pairs(frame: pl.DataFrame, source: pl.Series, target: pl.Series) -> pl.DataFrame:
    return frame.with_columns(source.alias("source"), target.alias("translation"))


def _bad_pairs(
    train: pl.DataFrame,
    test: pl.DataFrame,
    severity: float,
    rng: np.random.Generator,
    *,
    copied: bool,
) -> Planted:
    """Columns of pairs, some translations of train the source itself, or five times as long."""
    source, target = (pl.Series(side) for side in _pairs(train, rng))
    hit = mask(train.height, 0.05 * severity, rng)
    repeated = pl.select(pl.concat_str([target] * 5, separator=" ")).to_series()
    first = _with_pairs(train, source, (source if copied else repeated).zip_with(hit, target))
    other = (pl.Series(side) for side in _pairs(test, rng))
    wrong: Mask = hit.to_numpy()
    return planted(first, _with_pairs(test, *other), at("train", wrong, "translation"))


def mispaired(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Columns of source and translation, up to 5 % of the latter of train five times as long."""
    return _bad_pairs(train, test, severity, rng, copied=False)


def untranslated(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Columns of source and translation, up to 5 % of the latter of train the source itself."""
    return _bad_pairs(train, test, severity, rng, copied=True)
