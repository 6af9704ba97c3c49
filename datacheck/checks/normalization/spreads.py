"""Whether two samples have different spreads: what the distance of two distributions tells late."""

from __future__ import annotations

import math

import numpy as np

from datacheck.types import Floats

ERRORS = 3.0  # standard errors: one column in 370 of like spread is taken to differ
SECOND = 5.0  # ÷ rows: what is of second order, where the standard error is 0 (two values, 1:1)
REACH = 0.5  # of the other sample's range, beyond which values on either side are outliers
OUT = 0.125  # of a sample, at most, that are taken for outliers
TINY = 1e-24  # of the largest number's square: what is left of rounding


def spreads_differ(x: Floats, y: Floats, least: float = 0.0) -> bool:
    """Whether the standard deviations of two samples differ beyond chance, and by more than a
    factor of exp(``least``).

    ``x`` (n,) and ``y`` (m,) are ascending. The logarithm of a standard deviation has the standard
    error √((κ − 1) / 4n), κ being the kurtosis (delta method; Cramér 1946, "Mathematical Methods of
    Statistics", 27.7). Outliers and stand-ins, far from all values of the other sample, do not
    count.
    """
    size = max(abs(float(v[i])) for v in (x, y) for i in (0, -1))
    if not 0 < size < math.inf:
        return False
    x, y = x / size, y / size  # so that squares are numbers
    (s, e), (t, f) = _spread(_near(x, y)), _spread(_near(y, x))
    if not s > 0 or not t > 0:
        return False
    second = SECOND * (1 / x.size + 1 / y.size)
    return abs(math.log(s / t)) > max(least, ERRORS * math.sqrt(e + f), second)


def _near(x: Floats, other: Floats) -> Floats:
    """The values that lie not far from the other sample; all, if many would go."""
    low, high = float(other[0]), float(other[-1])
    reach = REACH * (high - low)
    start, stop = np.searchsorted(x, low - reach), np.searchsorted(x, high + reach, side="right")
    return x[start:stop] if x.size - (stop - start) <= OUT * x.size else x


def _spread(x: Floats) -> tuple[float, float]:
    """The standard deviation, and the squared standard error of its logarithm."""
    off = x - x.mean()
    square = float((off * off).mean())
    if not square > TINY:
        return 0.0, 0.0
    kurtosis = float((off**4).mean()) / square / square
    return math.sqrt(square), max(kurtosis - 1, 0.0) / (4 * x.size)
