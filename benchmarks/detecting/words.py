"""Faults of texts and of pairs of texts: each alters the column of texts that a dataset has."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import polars as pl

from benchmarks.detecting.cases import Case, Planted, Spot
from benchmarks.detecting.data import Data, Pair, take
from datacheck.types import Mask

LEAST = 6  # words of a text that is altered: less of it would be another text
Change = Callable[[Spot, float, np.random.Generator], Pair]


def chosen(n: int, share: float, rng: np.random.Generator) -> Mask:
    """True in round(share * n) of n rows, at least one."""
    mask = np.zeros(n, dtype=np.bool_)
    mask[rng.permutation(n)[: max(1, round(share * n))]] = True
    return mask


def shuffled(frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The rows in random order."""
    return take(frame, rng.permutation(frame.height))


def _where(frame: pl.DataFrame, column: str, mask: Mask, value: pl.Expr) -> pl.DataFrame:
    new = pl.when(pl.Series(mask)).then(value).otherwise(pl.col(column))
    return frame.with_columns(new.alias(column))


def _column(spot: Spot) -> str:
    return spot.data.column or "source"


def _altered(frame: pl.DataFrame, column: str, rng: np.random.Generator) -> pl.DataFrame:
    """Each text in capitals, with other punctuation, a word less, or a word more."""
    way = pl.Series(rng.integers(0, 4, frame.height))
    text = pl.col(column)
    new = (
        pl.when(way == 0)
        .then(text.str.to_uppercase())
        .when(way == 1)
        .then(text.str.replace(" ", ", ", literal=True) + "!")
        .when(way == 2)
        .then(text.str.replace(r"^\s*\S+\s+", ""))
        .otherwise(text + " indeed")
    )
    return frame.with_columns(new.alias(column))


def _copies(spot: Spot, share: float, of: int, rng: np.random.Generator) -> pl.DataFrame:
    """Rows of train whose texts are long enough, altered: ``share`` of ``of`` rows."""
    column = _column(spot)
    long = spot.train.filter(pl.col(column).str.count_matches(r"\S+") >= LEAST)
    rows = rng.permutation(long.height)[: max(1, round(share * of))]
    return _altered(take(long, rows), column, rng)


def near_across(spot: Spot, severity: float, rng: np.random.Generator) -> Pair:
    """Texts of train in test in hardly other words: 20 % of test at severity 1."""
    copies = _copies(spot, 0.2 * severity, spot.test.height, rng)
    return spot.train, shuffled(pl.concat([spot.test, copies]), rng)


def near_within(spot: Spot, severity: float, rng: np.random.Generator) -> Pair:
    """Texts of train again in hardly other words: 20 % more rows at severity 1."""
    copies = _copies(spot, 0.2 * severity, spot.train.height, rng)
    return shuffled(pl.concat([spot.train, copies]), rng), spot.test


def missing(spot: Spot, severity: float, rng: np.random.Generator) -> Pair:
    """Texts that are missing in 40 % of the rows of both splits at severity 1."""
    column = _column(spot)
    none = pl.lit(None, dtype=pl.String)
    out = [
        _where(f, column, chosen(f.height, 0.4 * severity, rng), none)
        for f in (spot.train, spot.test)
    ]
    return out[0], out[1]


def empty(spot: Spot, severity: float, rng: np.random.Generator) -> Pair:
    """Texts of train that are blank (a missing cell is MV001's): 10 % at severity 1."""
    at = chosen(spot.train.height, 0.1 * severity, rng)
    return _where(spot.train, _column(spot), at, pl.lit(" ")), spot.test


def longer(spot: Spot, severity: float, rng: np.random.Generator) -> Pair:
    """Texts of test twice in a row: in all of test at severity 1."""
    column = _column(spot)
    at = chosen(spot.test.height, severity, rng)
    twice = pl.concat_str(pl.col(column), pl.lit(" "), pl.col(column))
    return spot.train, _where(spot.test, column, at, twice)


def overlong(spot: Spot, severity: float, rng: np.random.Generator) -> Pair:
    """One text of train up to 100 times as long as the middle one."""
    column, size = _column(spot), pl.col(_column(spot)).str.count_matches(r"\S+")
    middle = spot.train.sort(size, maintain_order=True)[column][spot.train.height // 2]
    at = np.zeros(spot.train.height, dtype=np.bool_)
    at[int(rng.integers(at.size))] = True
    text = " ".join([middle] * round(11 + 89 * severity))
    return _where(spot.train, column, at, pl.lit(text)), spot.test


def told_by_length(spot: Spot, severity: float, rng: np.random.Generator) -> Pair:
    """Texts of one half of the classes three times in a row: in 60 to 100 % of their rows."""
    assert spot.data.label is not None
    column, label = _column(spot), spot.data.label
    middle = spot.data.frame[label].median()
    out = []
    for frame in (spot.train, spot.test):
        upper = (frame[label] > middle if frame[label].n_unique() > 2 else frame[label] == 1)
        at = upper.to_numpy() & (rng.random(frame.height) < 0.6 + 0.4 * severity)
        thrice = pl.concat_str([pl.col(column), pl.lit(" ")] * 2 + [pl.col(column)])
        out.append(_where(frame, column, at, thrice))
    return out[0], out[1]


# -- pairs -------------------------------------------------------------------------------------


def pairs_conflicting(spot: Spot, severity: float, rng: np.random.Generator) -> Pair:
    """Sources of train again with the target of another row: 10 % more rows at severity 1."""
    rows = np.flatnonzero(chosen(spot.train.height, 0.1 * severity, rng)).astype(np.int64)
    again = take(spot.train, rows)
    others = take(spot.train, (rows + 1) % spot.train.height)["target"]
    return shuffled(pl.concat([spot.train, again.with_columns(others)]), rng), spot.test


def pairs_out_of_proportion(spot: Spot, severity: float, rng: np.random.Generator) -> Pair:
    """Targets of train five times in a row, or as often as is eight deviations of the logarithm of
    the usual proportion (1.4826 times the median absolute one): 5 % of the rows at severity 1.
    """
    at = chosen(spot.train.height, 0.05 * severity, rng)
    words = [spot.train[c].str.count_matches(r"\S+").to_numpy() for c in ("source", "target")]
    ratio = np.log(words[1] / words[0])
    spread = 1.4826 * float(np.median(np.abs(ratio - np.median(ratio))))
    times = max(5, math.ceil(math.exp(8 * spread)))
    often = pl.concat_str([pl.col("target")] * times, separator=" ")
    return _where(spot.train, "target", at, often), spot.test


def pairs_copied(spot: Spot, severity: float, rng: np.random.Generator) -> Pair:
    """Targets of train that are their source: 5 % of the rows at severity 1."""
    at = chosen(spot.train.height, 0.05 * severity, rng)
    return _where(spot.train, "target", at, pl.col("source")), spot.test


def _case(rule: str, name: str, change: Change, *kinds: str) -> Case:
    def plant(spot: Spot, severity: float, rng: np.random.Generator) -> Planted:
        return spot.put(change(spot, severity, rng))

    def fits(data: Data) -> bool:
        return data.kind in kinds

    return Case(rule, name, plant, fits, " ".join((change.__doc__ or "").split()))


CASES = (
    _case("LK002", "near-texts-across", near_across, "texts", "pairs"),
    _case("LB005", "near-texts-within", near_within, "texts", "pairs"),
    _case("LB001", "sources-with-two-targets", pairs_conflicting, "pairs"),
    _case("MV001", "missing-texts", missing, "texts"),
    _case("SL002", "longer-texts", longer, "texts", "pairs"),
    _case("SL003", "empty-texts", empty, "texts", "pairs"),
    _case("SL004", "overlong-text", overlong, "texts", "pairs"),
    _case("SL005", "texts-told-by-length", told_by_length, "texts"),
    _case("SL006", "pairs-out-of-proportion", pairs_out_of_proportion, "pairs"),
    _case("SL007", "pairs-copied", pairs_copied, "pairs"),
)
