"""Where the values of columns lie: how many, mean, variance, extremes; and looks that remember it.

What a transform has made of a column often follows from what it was: a filled column has as many
values more, all alike. Then no row is looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from datacheck.pipelines.transforms.base import is_missing

if TYPE_CHECKING:
    from datacheck.pipelines.transforms.base import Frames, Transform
    from datacheck.types import Floats


@dataclass(frozen=True, slots=True)
class Spread:
    """Of one column: missing cells (null or NaN) and the finite values.

    ``mean``, ``min``, ``max`` are NaN, and ``m2`` (the sum of squared distances from the mean)
    is 0, where there is no finite value. Merged by the symmetric form of Chan, Golub & LeVeque
    (1979). Columns that hold no numbers have only missing cells counted.
    """

    missing: int = 0
    finite: int = 0
    mean: float = float("nan")
    m2: float = 0.0
    min: float = float("nan")
    max: float = float("nan")

    @property
    def var(self) -> float:
        """Population variance (ddof 0); NaN without values."""
        return self.m2 / self.finite if self.finite else float("nan")

    @property
    def sd(self) -> float:
        """Population standard deviation."""
        return float(np.sqrt(self.var))

    @property
    def center(self) -> float:
        """The mean; of a column of one value that value, which sums only come near to."""
        return self.min if self.min == self.max else self.mean

    def merge(self, other: Spread) -> Spread:
        """Of both together; bitwise the same the other way round."""
        missing = self.missing + other.missing
        if not self.finite or not other.finite:
            one = self if self.finite else other
            return Spread(missing, one.finite, one.mean, one.m2, one.min, one.max)
        a, b = self.finite, other.finite
        low, high = min(self.min, other.min), max(self.max, other.max)
        with np.errstate(over="ignore", invalid="ignore"):
            first, second = np.float64(self.mean), np.float64(other.mean)
            mean = (a * first + b * second) / (a + b)
            if not np.isfinite(mean):  # near the largest float: divide first
                mean = a / (a + b) * first + b / (a + b) * second
            delta = first - second
            m2 = self.m2 + other.m2 + delta * delta * (a * b / (a + b))
        return Spread(missing, a + b, float(np.clip(mean, low, high)), float(m2), low, high)

    def filled(self, value: float) -> Spread:
        """Of the column with ``value`` in its missing cells."""
        whole = Spread(0, self.finite, self.mean, self.m2, self.min, self.max)
        same = Spread(0, self.missing, value, 0.0, value, value)
        return whole.merge(same) if self.missing else whole


def of_frame(frame: pl.DataFrame, columns: Sequence[str]) -> list[Spread]:
    """One for each column of the frame."""
    if not columns or not frame.height:
        return [Spread() for _ in columns]
    table = named([_number(frame.get_column(c)) for c in columns])
    table = table.rechunk()  # sums depend on where the chunks are cut
    numbers = [j for j, dtype in enumerate(table.dtypes) if dtype == pl.Float64]
    missing = missing_counts(table)
    out = [Spread(n) for n in missing]
    if not numbers:
        return out
    x = [pl.col(str(j)) for j in numbers]
    finite = table.select(pl.when(c.is_finite()).then(c + 0.0) for c in x)  # −0 → 0
    every = pl.all()
    figures = (every.count(), every.mean(), every.var(ddof=0), every.min(), every.max())
    told = (finite.select(how).row(0) for how in figures)
    for j, n, mean, var, low, high in zip(numbers, *told, strict=True):
        if not n:
            continue
        if np.isfinite(mean) and np.isfinite(var):
            out[j] = Spread(missing[j], n, mean, n * var, low, high)
        else:
            out[j] = _huge(finite[str(j)].drop_nulls().to_numpy(), missing[j])
    return out


def named(columns: Sequence[pl.Series]) -> pl.DataFrame:
    """The columns by their places: expressions take some names for patterns."""
    return pl.DataFrame([s.alias(str(j)) for j, s in enumerate(columns)])


def missing_counts(table: pl.DataFrame) -> list[int]:
    """Null and NaN cells of each column of a :func:`named` table."""
    if not table.width:
        return []
    told = table.select(is_missing(d, pl.col(c)).sum() for c, d in table.schema.items()).row(0)
    return [int(n) for n in told]


def _number(series: pl.Series) -> pl.Series:
    """Numbers, booleans and datetimes (µs since 1970) as Float64; others as they are."""
    dtype = series.dtype
    if dtype in (pl.Date, pl.Datetime):
        series = series.cast(pl.Datetime("us")).to_physical()
    elif not (dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)):
        return series
    return series.cast(pl.Float64)


def _huge(x: Floats, missing: int) -> Spread:
    """Of values near the largest float, whose sums overflow: divided first."""
    low, high = float(x.min()), float(x.max())
    mean = float(np.clip((x / x.size).sum(), low, high))
    with np.errstate(over="ignore"):
        m2 = float(((x - mean) ** 2).sum())
    return Spread(missing, x.size, mean, m2, low, high)


class Looks:
    """Looks at train's rows, as the transforms so far leave them, that remember what they told.

    ``looks(columns)`` yields the rows in blocks. While it does, the spreads of the columns
    ``wanted`` are gathered as well, unless they are known.
    """

    def __init__(
        self, frames: Frames, wanted: Iterable[str] = (), known: dict[str, Spread] | None = None
    ) -> None:
        self.frames = frames
        self.wanted = tuple(dict.fromkeys(wanted))
        self.known = dict(known or {})

    def __call__(self, columns: tuple[str, ...]) -> Iterator[pl.DataFrame]:
        """One look."""
        new = tuple(c for c in self.wanted if c not in self.known)
        sums = [Spread() for _ in new]
        for frame in self.frames(tuple(dict.fromkeys((*columns, *new)))):
            if new:
                found = of_frame(frame, new)
                sums = [a.merge(b) for a, b in zip(sums, found, strict=True)]
            yield frame
        self.known |= dict(zip(new, sums, strict=True))  # only a look that went to the end tells

    def spreads(self, columns: Iterable[str]) -> dict[str, Spread]:
        """Of those columns; where no look has told, one is taken now."""
        named = tuple(columns)
        if any(c not in self.known for c in named):
            self.wanted = tuple(dict.fromkeys((*self.wanted, *named)))
            for _ in self(()):
                pass
        return {c: self.known[c] for c in named}

    def after(self, transform: Transform) -> dict[str, Spread]:
        """What is known of the rows that a fitted transform leaves."""
        through = {c: transform.spread(c, s) for c, s in self.known.items()}
        return {c: s for c, s in through.items() if s is not None}


def looks(frames: Frames, wanted: Iterable[str] = ()) -> Looks:
    """Looks that remember; those that do already keep what they know."""
    if not isinstance(frames, Looks):
        return Looks(frames, wanted)
    frames.wanted = tuple(dict.fromkeys((*frames.wanted, *wanted)))
    return frames


def learn_all(
    transforms: Sequence[Transform],
    frames: Callable[[Sequence[Transform]], Frames],
    taken: Collection[str],
) -> list[Transform]:
    """Each fitted on the rows that those before it leave: ``frames(those)`` looks at them.

    Names of columns that are ``taken`` are not given to added ones.
    """
    done: list[Transform] = []
    names, known = set(taken), dict[str, Spread]()
    for k, one in enumerate(transforms):
        seen = Looks(frames(tuple(done)), _wanted(transforms[k:]), known)
        fitted = one.avoid(names).learn(seen)
        names |= set(fitted.added)
        done.append(fitted)
        known = seen.after(fitted)
    return done


def _wanted(transforms: Sequence[Transform]) -> Iterator[str]:
    """Columns whose spread, as it is before the first, some transform can make use of."""
    made: set[str] = set()  # by earlier ones: not there before the first
    for i, one in enumerate(transforms):
        for column in one.wants:
            if column not in made and all(t.carries(column) for t in transforms[:i]):
                yield column
        made |= set(one.may_add)
