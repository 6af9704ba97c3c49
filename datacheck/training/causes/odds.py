"""Odds ratios of two by two tables: how much more often one kind of batch holds something.

A table is ``a`` batches of the first kind with it, ``b`` without, ``c`` and ``d`` the same of the
second kind.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datacheck.errors import UsageError
from datacheck.types import Floats

NORMAL_95 = 1.959963984540054  # two-sided normal quantile at 95 %
_SAME = 1e-7  # relative: tables whose probabilities differ by rounding alone are equally likely


@dataclass(frozen=True, slots=True)
class Odds:
    """An odds ratio with its 95 % interval, and Fisher's exact two-sided p."""

    ratio: float
    low: float
    high: float
    p: float


def odds(a: int, b: int, c: int, d: int) -> Odds:
    """The odds ratio of a table of counts.

    One half is added to each cell (Haldane 1956, Anscombe 1956), so that it is finite where a
    cell is empty; the interval is that of Woolf 1955 on the same cells. A table with an empty
    margin says nothing: 1, from 0 to infinity. Raises UsageError for a negative count.
    """
    if min(a, b, c, d) < 0:
        raise UsageError(f"counts ({a}, {b}, {c}, {d})", "none of them is negative")
    if not (a + b and c + d and a + c and b + d):
        return Odds(1.0, 0.0, math.inf, 1.0)
    cells = [x + 0.5 for x in (a, b, c, d)]
    log = math.log(cells[0]) + math.log(cells[3]) - math.log(cells[1]) - math.log(cells[2])
    half = NORMAL_95 * math.sqrt(sum(1 / x for x in cells))
    return Odds(_exp(log), _exp(log - half), _exp(log + half), fisher(a, b, c, d))


def fisher(a: int, b: int, c: int, d: int) -> float:
    """Fisher's exact two-sided p: the chance of any table with these margins that is no likelier.

    1 where a margin is empty.
    """
    first, held, n = a + b, a + c, a + b + c + d
    if not 0 < first < n or not 0 < held < n:
        return 1.0
    from scipy.special import gammaln

    low, high = max(0, first + held - n), min(first, held)
    x = np.arange(low, high + 1, dtype=np.float64)
    cells = (x, first - x, held - x, n - first - held + x)
    logs = -sum((gammaln(cell + 1) for cell in cells), np.zeros_like(x))
    chances = np.exp(logs - logs.max())
    chances /= chances.sum()
    mine = chances[a - low]
    return float(min(1.0, chances[chances <= mine * (1 + _SAME)].sum()))


def adjusted(p: Sequence[float] | Floats) -> Floats:
    """Of p values, shape (n,), the least false discovery rates at which each is a discovery.

    Benjamini & Hochberg 1995.
    """
    values = np.asarray(p, dtype=np.float64)
    if not values.size:
        return values
    order = np.argsort(values, kind="stable")
    scaled = values[order] * values.size / np.arange(1, values.size + 1)
    out = np.empty_like(values)
    out[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return np.minimum(out, 1.0)


def _exp(log: float) -> float:
    return math.exp(min(max(log, -700.0), 700.0))
