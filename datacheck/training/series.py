"""Series of steps: running median, what it leaves, differences of neighbors.

Values that are not finite are passed over everywhere.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from datacheck.errors import UsageError
from datacheck.training.spiking import TO_SIGMA, burn_in
from datacheck.types import Floats

WIDEST = 31  # steps of the centered running median, at most a tenth of all steps
NARROWEST = 3  # less is no median
_ROWS = 1 << 14  # steps looked at together, which bounds the memory


def series(x: Any) -> Floats:
    """``x`` as float64, shape (steps,)."""
    return np.asarray(x, dtype=np.float64).reshape(-1)


def finite(x: Any) -> Floats:
    """The finite values, in order."""
    values = series(x)
    return values[np.isfinite(values)]


def mads(x: Any) -> float:
    """Scaled median absolute deviation, 1.4826·median|x − median x|; NaN without finite values."""
    values = finite(x)
    if not values.size:
        return math.nan
    return float(TO_SIGMA * np.median(np.abs(values - np.median(values))))


def window_of(n: int) -> int:
    """Steps of the running median for a run of ``n``: 31, at most n/10, odd; 1 below 30 steps."""
    widest = min(WIDEST, n // 10)
    return max(1, widest - 1 + widest % 2)


def running_median(x: Any, window: int | None = None) -> Floats:
    """Centered running median, shape (steps,); the window is cut at both ends.

    NaN where a window holds nothing finite. ``window`` is odd; :func:`window_of` the length if it
    is None. Raises UsageError for an even one.
    """
    values = series(x)
    width = window_of(len(values)) if window is None else window
    if width < 1 or width % 2 == 0:
        raise UsageError(f"a running median over {width} steps", "an odd number, such as 31")
    if not values.size:
        return values
    half = np.full(width // 2, np.nan)
    cleaned = np.where(np.isfinite(values), values, np.nan)
    windows = sliding_window_view(np.concatenate([half, cleaned, half]), width)
    out = np.empty(len(values))
    for low in range(0, len(values), _ROWS):
        ordered = np.sort(windows[low : low + _ROWS], axis=1)  # NaN last
        n = width - np.isnan(ordered).sum(axis=1)
        at = np.arange(len(ordered))
        left = ordered[at, np.maximum(n - 1, 0) // 2]
        right = ordered[at, np.minimum(n // 2, width - 1)]
        # Halved first: the sum of two very large numbers would be infinite.
        out[low : low + _ROWS] = np.where(n > 0, left / 2 + right / 2, np.nan)
    return out


def residuals(x: Floats) -> Floats:
    """x − rm(x) after the burn-in, finite ones; nothing where the run is too short (30 steps)."""
    if window_of(len(x)) < NARROWEST:
        return np.empty(0)
    gap = np.where(np.isfinite(x), x, np.nan) - running_median(x)
    return finite(gap[burn_in(len(x)) :])


def tail(x: Floats, share: float = 0.99) -> float:
    """exp(Q_share(log x − rm(log x))) after the burn-in; values ≤ 0 are left out."""
    logs = np.full(len(x), np.nan)
    there = np.isfinite(x) & (x > 0)
    logs[there] = np.log(x[there])
    gaps = residuals(logs)
    return float(np.exp(np.quantile(gaps, share))) if gaps.size else math.nan


def differences(x: Floats) -> Floats:
    """Differences of neighbors that are both finite."""
    there = np.isfinite(x)
    both = there[1:] & there[:-1]
    return x[1:][both] - x[:-1][both]


def second_half(x: Floats) -> Floats:
    """The later half, the middle one included."""
    return x[len(x) // 2 :]


def mean(x: Floats) -> float:
    """Mean; NaN of nothing."""
    return float(np.mean(x)) if x.size else math.nan
