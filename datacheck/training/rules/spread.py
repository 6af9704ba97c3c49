"""Intervals of medians and of their ratios, for the courses of a run."""

from __future__ import annotations

import math

import numpy as np

from datacheck.checks.stats import Z
from datacheck.training.series import mads
from datacheck.types import Floats

MEDIAN = 1.2533  # standard error of a median of normal values, in σ/√n


def median_interval(x: Floats) -> tuple[float, float, float]:
    """(median, low, high) by order statistics, for any distribution; the extremes if few."""
    ordered = np.sort(x)
    n = len(ordered)
    half = Z * math.sqrt(n) / 2
    low, high = math.floor(n / 2 - half), math.ceil(n / 2 + half)
    return (
        float(np.median(ordered)),
        float(ordered[max(low, 0)]),
        float(ordered[min(high, n - 1)]),
    )


def log_ratio(later: Floats, earlier: Floats) -> tuple[float, float, float]:
    """(ratio, low, high) of the medians of two stretches of positive values.

    On the log scale, with the error of a median of normal values; a stretch of fewer than five
    values has no spread of its own and takes the other's.
    """
    logs = [np.log(v[v > 0]) for v in (later, earlier)]
    if not all(len(v) for v in logs):
        return math.nan, math.nan, math.nan
    spreads = [mads(v) if len(v) >= 5 else math.nan for v in logs]
    known = [s for s in spreads if not math.isnan(s)] or [0.0]
    errors = [
        (max(known) if math.isnan(s) else s) / math.sqrt(len(v))
        for s, v in zip(spreads, logs, strict=True)
    ]
    value = float(np.median(logs[0]) - np.median(logs[1]))
    half = Z * MEDIAN * math.hypot(*errors)
    return tuple(_exp(v) for v in (value, value - half, value + half))  # type: ignore[return-value] # three of them


def blocks(x: Floats, n: int = 10) -> list[Floats]:
    """``n`` stretches of about the same length, in order; fewer of them if there are few values."""
    return [b for b in np.array_split(x, n) if len(b)]


def _exp(x: float) -> float:
    return math.exp(min(x, 700.0))
