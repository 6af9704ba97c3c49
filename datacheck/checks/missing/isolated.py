"""Which extreme of a column is a stand-in: repeated, and far from all other values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from datacheck.checks.base import Context
from datacheck.checks.missing.cells import inputs
from datacheck.dataset import Kind, to_matrix
from datacheck.types import Floats, Ints, Mask

DAY = 86_400_000_000.0  # microseconds
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the summaries hold times without a zone
USUAL_DATES = (
    "0001-01-01", "1753-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1901-01-01",
    "1970-01-01", "1980-01-01", "2038-01-19", "2099-12-31", "2999-12-31", "9999-12-31",
)  # fmt: skip
LIMITS = {
    float(s * m)
    for bits in (16, 32, 64)
    for s, m in ((-1, 1 << bits - 1), (1, (1 << bits - 1) - 1), (1, (1 << bits) - 1))
} | {float(np.finfo(np.float32).max), -float(np.finfo(np.float32).max)}  # fmt: skip

LEAST_ROWS = 3
LEAST_OTHERS = 10  # distinct other values: fewer are codes, and their gaps mean nothing
LEAST_KNOWN = 30  # other values: of fewer, the tail is not known
NEIGHBORS = 5
STRICT, LOOSE, HALF = 3.0, 1.0, 0.5
ZERO_GAP = 0.2  # of the median
COMPANIONS = 200
TOGETHER = 0.8
WIDE = 4  # a gap is one if it is as many steps of the column wide


@dataclass(frozen=True, slots=True)
class Sides:
    """The thresholds that the rule's options set."""

    min_share: float
    max_zeros: float


@dataclass(frozen=True, slots=True)
class _Tail:
    """A column on the side of one extreme ``v``, which is taken out."""

    gap: float
    tail: float
    iqr: float
    median: float
    step: float
    near: int
    """Sampled rows with the five nearest other values."""
    at: int
    """Sampled rows with the extreme itself."""
    range: float
    """From the least to the greatest other value."""


@dataclass(frozen=True, slots=True)
class _Range:
    """The extremes of a column over some splits; exact."""

    min: float
    max: float
    at_min: int
    at_max: int
    finite: int
    whole: bool


def isolated(context: Context, sides: Sides) -> Iterator[tuple[str, float]]:
    """(column, value) of each stand-in among numbers and dates.

    All splits are judged together, so that how the rows were split does not matter; each alone
    only for the usual sentinels, as it may be that one source of the data writes them.
    """
    chosen = inputs(context.data, Kind.NUMBER, Kind.DATETIME)
    found = dict.fromkeys(_isolated(context, chosen, context.splits, sides))
    if len(context.splits) > 1:
        for split in context.splits:
            found |= dict.fromkeys(_isolated(context, chosen, [split], sides, known=found))
    yield from found


def _isolated(
    context: Context,
    columns: Sequence[str],
    splits: Sequence[str],
    sides: Sides,
    known: Mapping[tuple[str, float], None] | None = None,
) -> Iterator[tuple[str, float]]:
    """What stands out in those splits, taken together; with ``known``, further usual sentinels."""
    zeros: list[tuple[str, Mask, bool]] = []
    candidates: dict[str, tuple[_Range, list[tuple[float, int, bool]]]] = {}
    for column in columns:
        span = _range(context, column, splits)
        dated = context.data.columns[column].kind is Kind.DATETIME
        # Whole numbers without room for ten others and a gap: codes, flags, one-hot columns.
        if span is None or span.max == span.min or (span.whole and span.max - span.min < 10):
            continue
        sides_of = [(span.min, span.at_min, True), (span.max, span.at_max, False)]
        extremes = [(v, n, low) for v, n, low in sides_of if n >= LEAST_ROWS]
        if known is not None:
            extremes = [
                (v, n, low)
                for v, n, low in extremes
                if (column, v) not in known and _known(v, low=low, dated=dated)
            ]
        if extremes:
            candidates[column] = (span, extremes)
    matrix = _matrix(context, tuple(candidates), splits)
    for at, (column, (span, extremes)) in enumerate(candidates.items()):
        x = matrix[:, at]
        finite = x[np.isfinite(x)]
        dated = context.data.columns[column].kind is Kind.DATETIME
        for v, n, low in extremes:
            tail = _tail(finite, v, low=low)
            if tail is None:
                continue
            if v == 0.0 and low and not dated:
                sure = _is_zero(tail, n, span, sides)
                if sure or _may_be_zero(tail, n, span):
                    zeros.append((column, x == 0.0, sure))
            elif _stands_out(tail, v, n, span, sides, low=low, dated=dated):
                yield column, v
    yield from ((column, 0.0) for column in _companions(zeros))


def _range(context: Context, column: str, splits: Sequence[str]) -> _Range | None:
    """The extremes of a column; None where it holds no number."""
    having = [s for s in splits if column in context.data.splits[s].kinds]
    moments = [m for s in having if (m := context.moments(s)[column]).finite]
    if not moments:
        return None
    least, most = min(m.min for m in moments), max(m.max for m in moments)
    return _Range(
        min=least,
        max=most,
        at_min=sum(m.at_min for m in moments if m.min == least),
        at_max=sum(m.at_max for m in moments if m.max == most),
        finite=sum(m.finite for m in moments),
        whole=not any(m.fractional for m in moments),
    )


def _matrix(context: Context, columns: Sequence[str], splits: Sequence[str]) -> Floats:
    """The sampled rows of the splits, (rows, columns); NaN in splits that lack a column."""
    return np.concatenate([to_matrix(context.sample(s), columns) for s in splits])


def cells(context: Context, split: str, column: str, v: float) -> int:
    """How many cells hold the value: exact where it is an extreme, or the sample is all rows."""
    moment = context.moments(split)[column]
    if v == moment.min:
        return moment.at_min
    if v == moment.max:
        return moment.at_max
    if not moment.min < v < moment.max:
        return 0
    frame = context.sample(split).get_column(column).to_frame()
    return int((to_matrix(frame, [column]) == v).sum())


def _tail(x: Floats, v: float, *, low: bool) -> _Tail | None:
    """Figures of the column without ``v``; None where its gap cannot mean anything."""
    others = x[x != v]
    if others.size < LEAST_KNOWN:
        return None
    nearest = float(others.min() if low else others.max())
    far = float(others.max() if low else others.min())
    if not abs(nearest - v) > 0.01 * abs(far - nearest):
        return None  # most columns end here, before anything is sorted
    distinct, counts = np.unique(others, return_counts=True)
    if distinct.size < LEAST_OTHERS:
        return None
    quarter, median, three = (_quantile(distinct, counts, q) for q in (0.25, 0.5, 0.75))
    edge = _quantile(distinct, counts, 0.05 if low else 0.95)
    close = slice(None, NEIGHBORS) if low else slice(-NEIGHBORS, None)
    with np.errstate(over="ignore", invalid="ignore"):  # near the largest floats
        step = float(np.median(np.diff(distinct)))
    return _Tail(
        gap=abs(nearest - v),
        tail=abs(edge - nearest),
        iqr=three - quarter,
        median=median,
        step=step,
        near=int(counts[close].sum()),
        at=int(x.size - others.size),
        range=abs(far - nearest),
    )


def _quantile(distinct: Floats, counts: Ints, q: float) -> float:
    """The inverted empirical distribution function, from sorted distinct values."""
    total = np.cumsum(counts)
    return float(distinct[int(np.searchsorted(total, q * total[-1]))])


def _stands_out(
    tail: _Tail, v: float, n: int, span: _Range, sides: Sides, *, low: bool, dated: bool
) -> bool:
    """Whether an extreme that is not zero is a stand-in."""
    usual = _known(v, low=low, dated=dated)
    least = sides.min_share * span.finite * (0.1 if usual else 1.0)
    often = NEIGHBORS * tail.at > 2 * tail.near if usual else tail.at > tail.near
    if n < least or not (often or (usual and tail.gap > tail.range)):
        return False
    if v == -1.0 and span.min == -1.0 and tail.gap >= 1.0:
        # The one negative number of a column of counts: no gap is needed, only its frequency.
        return span.whole and tail.at > 2 * tail.near
    factor = LOOSE if usual else STRICT
    return tail.gap > WIDE * tail.step and tail.gap > factor * max(tail.tail, HALF * tail.iqr)


def _known(v: float, *, low: bool, dated: bool) -> bool:
    """A value that people or programs write for nothing."""
    return _usual_date(v) if dated else _usual(v, low=low)


def _usual(v: float, *, low: bool) -> bool:
    """A number that people or programs write for nothing."""
    size = abs(v)
    if size in LIMITS or v in LIMITS or size >= 1e20:
        return True
    if size != math.floor(size):
        return False
    digits = f"{int(size)}"
    if len(digits) >= 2 and set(digits) in ({"9"}, {"8"}, {"7"}):
        return True
    return low and v < 0 and (v in (-1.0, -9.0) or size % 100 == 0)


def _usual_date(v: float) -> bool:
    return v % DAY == 0 and dates_said(v) in USUAL_DATES


def _is_zero(tail: _Tail, n: int, span: _Range, sides: Sides) -> bool:
    """A zero far below all other values, which are sizes."""
    return (
        n <= sides.max_zeros * span.finite
        and n >= 0.1 * sides.min_share * span.finite
        and tail.gap >= ZERO_GAP * tail.median
        and tail.gap >= WIDE * tail.step
        and tail.gap >= HALF * tail.tail
        and tail.gap >= 0.4 * tail.iqr
        and 2 * tail.at > tail.near
    )


def _may_be_zero(tail: _Tail, n: int, span: _Range) -> bool:
    """A zero that would be one, if it stood in the same rows as a certain one."""
    return n <= 0.6 * span.finite and tail.gap > 2 * tail.step and tail.at > tail.near


def _companions(zeros: list[tuple[str, Mask, bool]]) -> Iterator[str]:
    """Certain zeros, and those that fall into the same rows as certain ones."""
    zeros = sorted(zeros, key=lambda z: z[0])
    yield from (column for column, _, sure in zeros if sure)
    certain = [mask for _, mask, sure in zeros if sure][:COMPANIONS]
    maybe = [(column, mask) for column, mask, sure in zeros if not sure][:COMPANIONS]
    while certain and maybe:
        known = np.stack(certain, axis=1).astype(np.float64)
        asked = np.stack([mask for _, mask in maybe], axis=1).astype(np.float64)
        hits, both = known.sum(axis=0)[:, None], known.T @ asked
        together = (both >= TOGETHER * hits) & (both > asked.mean(axis=0) * hits)
        follows = (together & (hits >= 2 * LEAST_ROWS)).any(axis=0)
        yield from (column for (column, _), yes in zip(maybe, follows, strict=True) if yes)
        # A companion is certain, too, and may have companions of its own.
        certain = [mask for (_, mask), yes in zip(maybe, follows, strict=True) if yes]
        maybe = [pair for pair, yes in zip(maybe, follows, strict=True) if not yes]


def dates_said(microseconds: float) -> str:
    """A date, with its time where that is not midnight."""
    try:
        moment = EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return f"{microseconds:.15g} µs"
    if microseconds % DAY == 0:
        return moment.date().isoformat()
    return moment.isoformat(" ", "seconds")
