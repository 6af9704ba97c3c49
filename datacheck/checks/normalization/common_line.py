"""Whether one line is behind a whole mismatch: all pixels are divided by one and the same number.

A map such as "scaled to [0, 1]" is laid on each column with that column's own extremes. Where most
columns agree on one line, it is the line of the others too: of pixels that never reach white, and
of those that never vary, which no map can be fitted to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import Context
from datacheck.checks.normalization.maps import Map, Mismatch
from datacheck.checks.quantiles import (
    Sorted,
    distance,
    distance_low,
    distances,
    sorted_sample,
)
from datacheck.dataset import Kind
from datacheck.types import Floats

LEAST = 8  # columns that have to agree, and half of all
CLOSE = 1e-3  # of the scale: as float32 and exact extremes leave it
ALLOWED = 1.36  # times 1/√(n·m/(n+m)): what chance leaves, as for other lines


def common_line(scale: Floats, offset: Floats) -> tuple[float, float] | None:
    """The (scale, offset) that at least half of the columns share, if there is one."""
    if scale.size < LEAST:
        return None
    # The lower median is one of the values; more than half of them are this one, or none is.
    a, b = (float(np.sort(v)[(v.size - 1) // 2]) for v in (scale, offset))
    near = np.abs(scale - a) <= CLOSE * abs(a)
    near &= np.abs(offset - b) <= CLOSE * max(abs(b), abs(a))
    return (a, b) if near.sum() >= max(LEAST, scale.size / 2) else None


@dataclass(frozen=True, eq=False)
class Line:
    """One line from the sorted samples of train to those of another split."""

    map: Map
    scale: float
    offset: float
    train: Sorted
    other: Sorted

    def left(self, column: str) -> float:
        """The distance that undoing the line leaves, values within rounding being the same."""
        x, y = self.train[column], self.other[column]
        spread = float(np.abs(y - y[y.size // 2]).mean())
        size = max(abs(float(y[0])), abs(float(y[-1])), abs(self.offset))
        slack = max(0.01 * spread, 1e-6 * size)
        return distance(self.map.image(x, self.scale, self.offset), y, slack)

    def fits(self, column: str, far: float, size: float) -> bool:
        """Whether the column is certainly somewhere else, and where the line takes it.

        ``far`` is the distance of the splits in it, ``size`` the harmonic one n·m/(n+m).
        """
        allowed = ALLOWED / math.sqrt(size)
        return far > 2 * allowed and self.left(column) <= min(allowed, far / 3)


def on_one_line(context: Context, train: str, other: str, found: list[Mismatch]) -> list[Mismatch]:
    """The same, where most columns of a mismatch share a line: with it for all that it explains."""
    a, b = sorted_sample(context, train), sorted_sample(context, other)
    columns, d, size = distances(context, train, other)
    at = {c: j for j, c in enumerate(columns)}
    low = distance_low(d, size)
    taken = {c for one in found for c in one.columns}
    free = [c for c in columns if c not in taken and context.data.columns[c].kind is Kind.NUMBER]
    out = []
    for one in found:
        shared = None if one.map.curve else common_line(one.scale, one.offset)
        if shared is None:
            out.append(one)
            continue
        line = Line(one.map, *shared, a, b)
        rows = [
            (c, *shared, line.left(c))
            if line.fits(c, float(d[at[c]]), float(size[at[c]]))
            else (c, float(own), float(by), float(left))
            for c, own, by, left in zip(one.columns, one.scale, one.offset, one.left, strict=True)
        ]
        more = [c for c in free if line.fits(c, float(d[at[c]]), float(size[at[c]]))]
        free = [c for c in free if c not in set(more)]
        rows = sorted([*rows, *((c, *shared, line.left(c)) for c in more)], key=lambda r: at[r[0]])
        names = [r[0] for r in rows]
        where = [at[c] for c in names]
        scale, offset, left = (np.array([r[i] for r in rows], dtype=np.float64) for i in (1, 2, 3))
        out.append(Mismatch(one.map, names, d[where], low[where], left, scale, offset))
    return out
