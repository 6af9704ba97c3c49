"""The statistics that rules judge with: effect sizes with intervals, and false discoveries held.

A statistical rule fires only if the lower end of its interval clears the threshold *and* chance
is excluded over all columns that it tested. ``ALPHA`` is small on purpose: an audit makes
hundreds of comparisons, and at most one clean audit in a hundred may raise a false alarm.
scipy.special only: scipy.stats costs a second to import.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from datacheck.types import Floats, Ints, Mask

ALPHA = 1e-4
Z = 3.8906  # two-sided normal quantile at ALPHA


def wilson(k: float, n: float, z: float = Z) -> tuple[float, float]:
    """Interval of a proportion k/n (Wilson 1927); (0, 1) for n = 0."""
    if n <= 0:
        return 0.0, 1.0
    p, z2 = k / n, z * z
    center = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, center - half), min(1.0, center + half)


def newcombe(k1: float, n1: float, k2: float, n2: float, z: float = Z) -> tuple[float, float]:
    """Interval of the difference k2/n2 − k1/n1 (Newcombe 1998, method 10)."""
    if n1 <= 0 or n2 <= 0:
        return -1.0, 1.0
    p1, p2 = k1 / n1, k2 / n2
    l1, u1 = wilson(k1, n1, z)
    l2, u2 = wilson(k2, n2, z)
    d = p2 - p1
    return d - math.hypot(p2 - l2, u1 - p1), d + math.hypot(u2 - p2, p1 - l1)


def normal_sf(z: Floats | float) -> Floats:
    """Upper tail of the standard normal."""
    from scipy.special import ndtr

    return np.asarray(ndtr(-np.asarray(z, dtype=np.float64)))


def two_proportions_p(k1: float, n1: float, k2: float, n2: float) -> float:
    """Two-sided p of the pooled z test that two shares are the same."""
    if n1 <= 0 or n2 <= 0:
        return 1.0
    pooled = (k1 + k2) / (n1 + n2)
    se = math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    return float(2 * normal_sf(abs(k2 / n2 - k1 / n1) / se)) if se > 0 else 1.0


def poisson_sf(k: int, mean: float) -> float:
    """P(X ≥ k) for a Poisson variable."""
    if k <= 0:
        return 1.0
    from scipy.special import gammainc

    return float(gammainc(k, mean))


def binomial_sf(k: int, n: int, p: float) -> float:
    """P(X ≥ k) for a binomial variable."""
    if k <= 0:
        return 1.0
    if k > n:
        return 0.0
    from scipy.special import betainc

    return float(betainc(k, n - k + 1, min(p, 1.0)))


def benjamini_hochberg(p: Sequence[float] | Floats, q: float = ALPHA) -> Mask:
    """Which hypotheses are rejected at false discovery rate ``q`` (Benjamini & Hochberg 1995)."""
    values = np.asarray(p, dtype=np.float64)
    if not values.size:
        return np.zeros(0, dtype=np.bool_)
    order = np.argsort(values, kind="stable")
    ranked = values[order] <= q * np.arange(1, values.size + 1) / values.size
    out = np.zeros(values.size, dtype=np.bool_)
    if ranked.any():
        out[order[: int(np.flatnonzero(ranked)[-1]) + 1]] = True
    return out


def smd(
    m1: float, v1: float, n1: float, m2: float, v2: float, n2: float, z: float = Z
) -> tuple[float, float, float]:
    """Standardized mean difference (m2 − m1) / sd₁ with its interval, as (value, low, high).

    Glass's Δ: the yardstick is the first (train) standard deviation. Variance after Hedges &
    Olkin 1985: 1/n1 · v1/v1 + v2/(v1·n2) + Δ²/(2·n1). NaN where v1 is 0.
    """
    if v1 <= 0 or n1 < 2 or n2 < 2:
        return math.nan, math.nan, math.nan
    d = (m2 - m1) / math.sqrt(v1)
    se = math.sqrt(1 / n1 + v2 / v1 / n2 + d * d / (2 * n1))
    return d, d - z * se, d + z * se


def ks(x: Floats, y: Floats) -> tuple[float, float, float]:
    """Two-sample Kolmogorov–Smirnov distance with its interval, as (value, low, high).

    ``x`` and ``y`` are finite and need no order. The interval is that of Dvoretzky, Kiefer,
    Wolfowitz & Massart (1990) for each distribution function at ALPHA/2.
    """
    if not x.size or not y.size:
        return 0.0, 0.0, 1.0
    a, b = np.sort(x), np.sort(y)
    grid = np.concatenate([a, b])
    fa = np.searchsorted(a, grid, side="right") / a.size
    fb = np.searchsorted(b, grid, side="right") / b.size
    d = float(np.abs(fa - fb).max())
    eps = sum(math.sqrt(math.log(4 / ALPHA) / (2 * n)) for n in (a.size, b.size))
    return d, max(0.0, d - eps), min(1.0, d + eps)


def ks_p(d: float, n1: int, n2: int) -> float:
    """Asymptotic two-sided p of a Kolmogorov–Smirnov distance (ties make it conservative)."""
    from scipy.special import kolmogorov

    if not n1 * n2:
        return 1.0
    root = math.sqrt(n1 * n2 / (n1 + n2))
    return float(kolmogorov((root + 0.12 + 0.11 / root) * d))


def total_variation(a: Ints | Floats, b: Ints | Floats) -> tuple[float, float, float]:
    """Total variation distance ½ Σ|p − q| of two count vectors, as (value, low, high).

    Even without a shift the distance of two samples is above 0. The lower end takes off that
    bias, ½ Σ √(2/π · p(1−p)(1/n + 1/m)), and McDiarmid's deviation √(½ ln(2/ALPHA) (1/n + 1/m)).
    """
    n, m = float(np.sum(a)), float(np.sum(b))
    if not n * m:
        return 0.0, 0.0, 1.0
    d = 0.5 * float(np.abs(a / n - b / m).sum())
    pooled = (a + b) / (n + m)
    bias = 0.5 * float(np.sqrt(2 / math.pi * pooled * (1 - pooled) * (1 / n + 1 / m)).sum())
    slack = math.sqrt(0.5 * math.log(2 / ALPHA) * (1 / n + 1 / m))
    return d, max(0.0, d - bias - slack), min(1.0, d + slack)


def homogeneity_p(a: Ints | Floats, b: Ints | Floats) -> float:
    """p of Pearson's χ² that two count vectors come from one distribution."""
    from scipy.special import chdtrc

    n, m = float(np.sum(a)), float(np.sum(b))
    total = np.asarray(a + b, dtype=np.float64)
    keep = total > 0
    if not n * m or keep.sum() < 2:
        return 1.0
    ea, eb = total[keep] * n / (n + m), total[keep] * m / (n + m)
    chi2 = float(((a[keep] - ea) ** 2 / ea + (b[keep] - eb) ** 2 / eb).sum())
    return float(chdtrc(int(keep.sum()) - 1, chi2))


def auc(score: Floats, positive: Mask, z: float = Z) -> tuple[float, float, float]:
    """Area under the ROC curve with its interval, as (value, low, high).

    Mid-ranks for ties (Mann–Whitney); the standard error is that of Hanley & McNeil 1982, with a
    floor for areas near 1, where theirs vanishes: the rule of three on the smaller class.
    """
    n1, n0 = int(positive.sum()), int((~positive).sum())
    if not n1 or not n0:
        return 0.5, 0.0, 1.0
    ranks = midranks(score)
    area = float((ranks[positive].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))
    half = auc_half(area, n1, n0, z)
    return area, max(0.0, area - half), min(1.0, area + half)


def auc_half(area: float, n1: float, n0: float, z: float = Z, alpha: float = ALPHA) -> float:
    """Half the interval of :func:`auc`, of ``n1`` and ``n0`` rows; ``alpha`` is that of ``z``."""
    q1, q2 = area / (2 - area), 2 * area * area / (1 + area)
    var = area * (1 - area) + (n1 - 1) * (q1 - area * area) + (n0 - 1) * (q2 - area * area)
    se = math.sqrt(max(var, 0.0) / (n1 * n0))
    return max(z * se, -math.log(alpha) / (2 * min(n1, n0)))


def midranks(x: Floats) -> Floats:
    """Ranks from 1, ties share their mean rank; float64 of the shape of ``x`` (n,)."""
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[inverse])


def entropy(counts: Ints | Floats) -> float:
    """Shannon entropy in nats of a count vector."""
    p = np.asarray(counts, dtype=np.float64)
    p = p[p > 0] / p.sum()
    return float(-(p * np.log(p)).sum())
