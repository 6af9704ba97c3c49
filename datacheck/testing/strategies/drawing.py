"""Cells that a wanted column accepts, from a seed and a few integers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl

from datacheck.errors import UsageError
from datacheck.testing.strategies.cells import WORDS, Generator, picked
from datacheck.testing.strategies.wanted import VALUES, Wanted, limits
from datacheck.types import Floats, Ints

LETTERS = "abcdefghijklmnopqrstuvwxyz"
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - Polars counts from here in any time zone
MICROSECOND = dt.timedelta(microseconds=1)
RECENT = 1_704_067_200_000_000  # 2024, in microseconds
YEARS = 10 * 365 * 86_400_000_000


def pool(column: Wanted) -> list[Any] | None:
    """The values a column may have, where they can be listed. Raises UsageError for none."""
    if column.allowed is None:
        return None
    kept = [v for v in column.allowed if v not in column.forbidden and _fits(v, column)]
    if not kept:
        raise UsageError(f"the checks of {column.name} leave no value", "look at them again")
    return kept


def _fits(value: Any, column: Wanted) -> bool:
    if isinstance(value, str):
        return (
            column.shortest <= len(value) <= (column.longest or 1 << 30)
            and value.startswith(column.starts)
            and value.endswith(column.ends)
            and column.contains in value
        )
    return (column.low is None or value >= column.low) and (
        column.high is None or value <= column.high
    )


def cells(column: Wanted, n: int, scale: int, rng: Generator, pooled: Sequence[Any]) -> pl.Series:
    """``n`` cells; numbers without bounds lie within 10^``scale`` of 0.

    ``pooled`` are texts that Hypothesis drew for a pattern. Raises UsageError where the checks
    leave too little.
    """
    values = pool(column) or (list(pooled) if column.pattern else None)
    if values is not None:
        if column.unique:
            order = rng.permutation(len(values))[:n]
            return pl.Series(values, dtype=column.dtype)[order]
        return picked(values, column.dtype, rng.random(n))
    if isinstance(column.dtype, pl.List):
        lengths = np.floor(rng.random(n) * (1 + scale * 2)).astype(np.int64)
        dtype = pl.Series(dtype=column.dtype.inner).dtype
        low, high = limits(dtype) if dtype.is_integer() else (None, None)
        inner = Wanted(column.name, dtype, low=low, high=high)
        flat = cells(inner, int(lengths.sum()), scale, rng, ())
        rows = pl.DataFrame({"row": np.repeat(np.arange(n), lengths), "x": flat})
        lists = rows.group_by("row", maintain_order=True).agg("x")
        index = pl.DataFrame({"row": np.arange(n)}).join(lists, on="row", how="left")
        return index["x"].fill_null(pl.Series([[]], dtype=column.dtype)).cast(column.dtype)
    made = _maker(column.dtype)(column, n, scale, rng)
    return made.cast(column.dtype) if made.dtype != column.dtype else made


Maker = Callable[[Wanted, int, int, Generator], pl.Series]


def _maker(dtype: pl.DataType) -> Maker:
    if dtype.is_integer():
        return _whole
    if dtype.is_float():
        return _float
    if isinstance(dtype, pl.Boolean):
        return _boolean
    if dtype.is_temporal():
        return _moment
    return _text


def _between(low: int, high: int, n: int, unique: bool, rng: Generator, barred: set[int]) -> Ints:
    """Whole numbers from low to high, none of them barred, all different if asked.

    Numbers are drawn from what is left when the barred ones are closed up, then spread again.
    """
    inside = sorted(b for b in barred if low <= b <= high)
    span = high - low + 1 - len(inside)
    if span <= 0:
        raise UsageError("the checks leave no value", "look at them again")
    if unique and span <= 4 * n:
        places = rng.permutation(min(span, 4 * n))[:n]
    elif unique:
        slot = span // n if n else 1
        places = np.arange(n) * slot + np.floor(rng.random(n) * min(slot, 1 << 52)).astype(np.int64)
        places = rng.permutation(places)
    else:
        places = rng.integers(0, span, n, dtype=np.uint64 if span > 1 << 62 else np.int64)
    wide = places.astype(object) + low if max(abs(low), abs(high)) > 1 << 61 else places + low
    for b in inside:
        wide = wide + (wide >= b)
    return np.asarray(wide)


def _window(low: int, high: int, scale: int, least: int) -> tuple[int, int]:
    """The part of a range that lies within 10^scale of the value nearest 0, or ``least`` wide."""
    center = min(max(0, low), high)
    reach = max(10**scale, least)
    return max(low, center - reach), min(high, center + reach)


def _whole(column: Wanted, n: int, scale: int, rng: Generator) -> pl.Series:
    low, high = int(np.ceil(column.low)), int(np.floor(column.high))
    barred = {int(b) for b in column.forbidden if float(b).is_integer()}
    near = _window(low, high, scale, 2 * n + len(barred))
    made = _between(*near, n, column.unique, rng, barred)
    return pl.Series(made.tolist() if made.dtype == object else made, dtype=column.dtype)


def _float(column: Wanted, n: int, scale: int, rng: Generator) -> pl.Series:
    narrow = isinstance(column.dtype, pl.Float32)
    reach = 10.0**scale
    low = float(column.low) if column.low is not None else None
    high = float(column.high) if column.high is not None else None
    if low is None:
        low = -reach if high is None else high - reach
    if high is None:
        high = max(reach, low + reach)
    if low > high:
        raise UsageError(f"the checks of {column.name} leave no value", "look at them again")
    u = (rng.permutation(n) + rng.random(n)) / max(n, 1) if column.unique else rng.random(n)
    values: Floats = np.clip(low + u * (high - low), low, high)
    if narrow:
        values = _rounded(values, low, high)
    for bad in column.forbidden:  # a value beside it is as good
        aside = np.nextafter(bad, high if bad < high else low)
        values = np.where(values == bad, aside, values)
    return pl.Series(values, dtype=column.dtype)


def _rounded(values: Floats, low: float, high: float) -> Floats:
    """Within the bounds, as 32-bit floats."""
    first, last = np.float32(low), np.float32(high)
    first = np.nextafter(first, np.float32(np.inf)) if first < low else first
    last = np.nextafter(last, np.float32(-np.inf)) if last > high else last
    return np.clip(values.astype(np.float32), first, last).astype(np.float64)


def _boolean(column: Wanted, n: int, scale: int, rng: Generator) -> pl.Series:
    choices = [v for v in (False, True) if v not in column.forbidden]
    if column.unique:
        return pl.Series(choices, dtype=pl.Boolean)[rng.permutation(len(choices))[:n]]
    return picked(choices, pl.Boolean, rng.random(n))


def _moment(column: Wanted, n: int, scale: int, rng: Generator) -> pl.Series:
    """Dates, moments, times and durations, as whole days or microseconds."""
    dtype = column.dtype
    if isinstance(dtype, pl.Date):
        unit, base, span = 1, 19_723, 3_650
    elif isinstance(dtype, pl.Time):
        unit, base, span = 1_000, 0, 86_399_999_999
    else:
        zero = isinstance(dtype, pl.Duration)
        unit, base, span = 1, 0 if zero else RECENT, YEARS
    low = _count(column.low, dtype) if column.low is not None else None
    high = _count(column.high, dtype) if column.high is not None else None
    if low is None:
        low = base if high is None or high >= base else high - span
    if high is None:
        high = max(base, low) + span
    barred = {_count(b, dtype) for b in column.forbidden}
    made = pl.Series(_between(low, high, n, column.unique, rng, barred), dtype=pl.Int64) * unit
    if isinstance(dtype, pl.Datetime):
        moments = made.cast(pl.Datetime("us"))
        if dtype.time_zone:
            moments = moments.dt.replace_time_zone("UTC").dt.convert_time_zone(dtype.time_zone)
        return moments.cast(dtype)
    return made.cast(pl.Duration("us")).cast(dtype) if isinstance(dtype, pl.Duration) else made


def _count(value: Any, dtype: pl.DataType) -> int:
    """A bound as a count of days or microseconds."""
    if isinstance(value, dt.timedelta):
        return value // MICROSECOND
    if isinstance(value, dt.time):
        return (dt.datetime.combine(EPOCH, value) - EPOCH) // MICROSECOND
    if isinstance(value, dt.datetime):
        if isinstance(dtype, pl.Date):
            return (value.date() - EPOCH.date()).days
        naive = value if value.tzinfo is None else value.astimezone(dt.UTC).replace(tzinfo=None)
        return (naive - EPOCH) // MICROSECOND
    if isinstance(value, dt.date):
        days = (value - EPOCH.date()).days
        return days if isinstance(dtype, pl.Date) else days * 86_400_000_000
    raise UsageError(f"{value!r} is no bound of a {dtype}", VALUES)


def _text(column: Wanted, n: int, scale: int, rng: Generator) -> pl.Series:
    """Words of letters, of the lengths asked for, with what they must begin, hold and end with."""
    fixed = len(column.starts) + len(column.contains) + len(column.ends)
    least = max(column.shortest - fixed, 0)
    most = (column.longest if column.longest is not None else fixed + least + 8) - fixed
    digits = 1
    while column.unique and 26**digits < n + len(column.forbidden) + 1:
        digits += 1
    low, high = max(least, digits if column.unique else 0), min(most, max(least, digits) + 8)
    if high < low:
        raise UsageError(f"the checks of {column.name} leave too short a text", VALUES)
    lengths = low + np.floor(rng.random(n) * (high - low + 1)).astype(np.int64)
    codes = rng.integers(0, 26, (n, max(high, 1)))
    if column.unique:  # a number of its own in each, in letters
        numbers = rng.permutation(n + len(column.forbidden))
        for j in range(digits):
            codes[:, j] = numbers[:n] // 26**j % 26
    letters = np.array(list(LETTERS))[codes]
    letters[np.arange(codes.shape[1]) >= lengths[:, None]] = ""
    filler = pl.DataFrame([pl.Series(f"{j}", letters[:, j].tolist(), dtype=pl.String)
                           for j in range(codes.shape[1])])  # fmt: skip
    whole = pl.concat_str([pl.lit(column.starts), *filler.columns, pl.lit(column.contains),
                           pl.lit(column.ends)])  # fmt: skip
    out = filler.select(whole.alias(column.name)).to_series()
    if column.forbidden and out.is_in(list(column.forbidden)).any():
        kept = out.filter(~out.is_in(list(column.forbidden)))
        words = [w for w in WORDS if _fits(w, column) and w not in column.forbidden]
        spare = next(iter([*kept.head(1), *words]), None)
        if spare is None or column.unique:
            raise UsageError(f"{column.name} may not hold some texts", VALUES)
        out = out.replace(list(column.forbidden), [spare] * len(column.forbidden))
    return out
