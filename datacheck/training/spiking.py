"""Spikes of a positive series, step by step or all at once (STABILITY.md, section 1.3).

A step is a spike if ``z = (log x − med) / max(MADs, 0.05)`` exceeds 6, where ``med`` and ``MADs``
are the median and the scaled median absolute deviation of the logs of the 64 values *before* it.
Both have a breakdown point of one half, so that a rule by them goes on seeing where a rule by mean
and standard deviation goes blind: once a share p > 1/(1 + k²) of the steps is hit, no value is
further than k standard deviations from the mean (2.7 % of the steps at k = 6).
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from datacheck.types import Floats, Mask

WINDOW = 64
LEAST = 16  # values before the first verdict: fewer say too little about their own spread
LIMIT = 6.0
FLOOR = 0.05  # of the spread: five percent; nearly equal values have no spread worth the name
WITHHELD = 2  # flagged steps in a row that stay out of the window; more of them are a new level
BURN_IN = 0.1
TO_SIGMA = 1.4826  # of a normal distribution: 1 / its 75 % quantile
OLMO_WINDOW = 128
OLMO_LIMIT = 6.0
_ROWS = 1 << 14  # steps looked at together, which bounds the memory


@dataclass(frozen=True, slots=True)
class Spikes:
    """The spikes of a series of ``n`` steps."""

    mask: Mask
    """Shape (n,): whether the step is a spike; a value that is not finite is one."""
    z: Floats
    """Shape (n,): NaN where nothing was judged, ``inf`` where the value is not finite."""
    median: Floats
    """Shape (n,): exp(med) that the step was judged against; NaN where nothing was judged."""
    rate: float
    """SR: the share of spikes after the burn-in; NaN without steps."""
    mass: float
    """Σ(x/med − 1) over the finite spikes after the burn-in."""


class SpikeWatch:
    """Judges a positive series value by value, in about 5 µs each, with bounded memory.

    Values that are not finite are spikes and never enter the window; values ≤ 0, which have no
    logarithm, are neither judged nor kept. Of flagged values in a row the first two stay out of
    the window; the third and later ones enter, so that a lasting change becomes the new level
    after some 35 steps.
    """

    def __init__(self) -> None:
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []
        self._in_row = 0
        self.median = math.nan
        """exp(med) that the last value was judged against; NaN if it was not judged."""

    def push(self, x: float) -> float:
        """z of the next value: > 6 is a spike, ``inf`` is not finite, NaN is not judged."""
        self.median = math.nan
        if not math.isfinite(x):
            self._in_row += 1
            return math.inf
        if x <= 0:
            return math.nan
        value = math.log(x)
        z = self._judge(value)
        self._in_row = self._in_row + 1 if z > LIMIT else 0
        if not 0 < self._in_row <= WITHHELD:
            self._keep(value)
        return z

    def _judge(self, value: float) -> float:
        known = self._sorted
        if len(known) < LEAST:
            return math.nan
        center = _middle(known)
        spread = TO_SIGMA * _middle(sorted([abs(v - center) for v in known]))
        self.median = math.exp(center)
        return (value - center) / max(spread, FLOOR)

    def _keep(self, value: float) -> None:
        if len(self._recent) == WINDOW:
            del self._sorted[bisect_left(self._sorted, self._recent.popleft())]
        self._recent.append(value)
        insort(self._sorted, value)


def _middle(ordered: list[float]) -> float:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def spikes(x: Any) -> Spikes:
    """The spikes of ``x``, shape (n,): exactly what :class:`SpikeWatch` says step by step."""
    series = np.asarray(x, dtype=np.float64)
    watch = SpikeWatch()
    z, median = np.empty(len(series)), np.empty(len(series))
    for i, value in enumerate(series.tolist()):
        z[i] = watch.push(value)
        median[i] = watch.median
    mask: Mask = z > LIMIT
    late = np.arange(len(series)) >= burn_in(len(series))
    finite = mask & late & np.isfinite(series)
    with np.errstate(over="ignore"):  # of a run that blew up the mass may be infinite
        mass = float(np.sum(series[finite] / median[finite] - 1))
    return Spikes(
        mask=mask,
        z=z,
        median=median,
        rate=float(mask[late].mean()) if late.any() else math.nan,
        mass=mass,
    )


def burn_in(n: int) -> int:
    """How many of ``n`` steps are burn-in: the first tenth."""
    return int(n * BURN_IN)


def olmo(x: Any) -> float:
    """Share of steps beyond mean + 6 std of the 128 before them, after the burn-in.

    The score of the OLMo reports, for comparison only. Values that are not finite count as spikes
    and are left out of mean and std; steps with fewer than 128 before them are judged by those,
    if there are sixteen.
    """
    series = np.asarray(x, dtype=np.float64)
    start = burn_in(len(series))
    if not len(series):
        return math.nan
    padded = np.concatenate([np.full(OLMO_WINDOW, np.nan), series])
    windows = sliding_window_view(padded, OLMO_WINDOW)[: len(series)]
    hits = 0
    for low in range(start, len(series), _ROWS):
        block = windows[low : min(low + _ROWS, len(series))]
        own = series[low : low + len(block)]
        there = np.isfinite(block)
        n = there.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            mean = np.where(there, block, 0).sum(axis=1) / n
            gap = np.where(there, block - mean[:, None], 0)
            std = np.sqrt((gap**2).sum(axis=1) / n)
            # A constant series may lie above its own mean by rounding.
            limit = mean + OLMO_LIMIT * std + 1e-9 * np.abs(mean)
            hits += int(np.sum(~np.isfinite(own) | ((n >= LEAST) & (own > limit))))
    return hits / (len(series) - start)
