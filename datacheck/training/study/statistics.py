"""What pairs of runs say: a ratio with its interval, an exact p, and refusal where there are few.

A pair is one seed: two arms that differ in one thing. Ratios are raw/repaired, so that more than 1
means that the repair calms; differences are raw − repaired, so that more than 0 does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from datacheck.types import Floats

Kind = Literal["ratio", "difference"]
FEWEST = 6  # with 5 pairs the smallest p of a sign-flip test is 2 / 2**5 = 0.0625
EXACT = 16  # pairs up to which all 2**n signs are tried
DRAWS = 100_000  # sign assignments drawn beyond that
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Paired:
    """An effect over pairs.

    ``value`` is the geometric mean of ratios or the mean of differences, ``low`` and ``high`` its
    95 % t interval, ``p`` the two-sided sign-flip p, ``p_error`` its standard error (0 where all
    signs were tried). ``n`` pairs are in it; ``left_out`` had no number on one side (a run that
    did not stay finite, a ratio to zero). ``refused`` says why there is no interval and no p;
    then these are NaN, and ``value`` only describes.
    """

    kind: Kind
    value: float
    low: float
    high: float
    p: float
    n: int
    left_out: int = 0
    p_error: float = 0.0
    refused: str = ""

    @property
    def neutral(self) -> float:
        """What no effect looks like: 1 for a ratio, 0 for a difference."""
        return 1.0 if self.kind == "ratio" else 0.0

    @property
    def calmer(self) -> bool:
        """The whole interval lies on the side where the repair calms."""
        return self.low > self.neutral

    @property
    def wilder(self) -> bool:
        """The whole interval lies on the other side."""
        return self.high < self.neutral


def paired(raw: Sequence[float], repaired: Sequence[float], kind: Kind = "ratio") -> Paired:
    """The effect over pairs ``raw[i]``, ``repaired[i]`` of two arms.

    For ``"ratio"`` it is computed on log(raw/repaired). Pairs of which one side is not finite (or,
    for a ratio, not positive) are left out and counted, except that two zeros are a ratio of 1.
    With fewer than 6 pairs there is no claim. Raises ValueError for lists of unlike lengths.
    """
    a, b = np.asarray(raw, dtype=np.float64), np.asarray(repaired, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"pairs need lists of the same length, not {a.shape} and {b.shape}")
    if kind == "ratio":
        equal = (a == 0) & (b == 0)
        good = equal | (np.isfinite(a) & np.isfinite(b) & (a > 0) & (b > 0))
        safe_a, safe_b = np.where(equal | ~good, 1.0, a), np.where(equal | ~good, 1.0, b)
        d = (np.log(safe_a) - np.log(safe_b))[good]
    else:
        good = np.isfinite(a) & np.isfinite(b)
        d = (a[good] - b[good])
    left_out, n = int((~good).sum()), int(d.size)
    back = math.exp if kind == "ratio" else float
    mean = float(d.mean()) if n else math.nan
    if n < FEWEST:
        why = f"{n} pairs, {FEWEST} are needed"
        if left_out:
            why += f" ({left_out} more without a number on one side)"
        nan = math.nan
        return Paired(kind, back(mean), nan, nan, nan, n, left_out, refused=why)
    low, high = t_interval(d)
    p, error = sign_flip(d)
    return Paired(kind, back(mean), _back(back, low), _back(back, high), p, n, left_out, error)


def t_interval(d: Floats, level: float = LEVEL) -> tuple[float, float]:
    """mean ± t · s/√n over independent ``d``, shape (n,), n ≥ 2 (Student 1908)."""
    from scipy.special import stdtrit

    n = d.size
    half = float(stdtrit(n - 1, 0.5 + level / 2)) * float(d.std(ddof=1)) / math.sqrt(n)
    return float(d.mean()) - half, float(d.mean()) + half


def sign_flip(d: Floats) -> tuple[float, float]:
    """(two-sided p, its standard error) that the ``d``, shape (n,), are symmetric about 0.

    The share of sign assignments whose sum is at least as far from 0 as the one seen (Fisher's
    randomization test, 1935); all 2ⁿ of them up to n = 16, beyond that 100,000 drawn by a
    generator with a fixed seed, with (1 + hits)/(1 + draws), which is never too small.
    """
    n = d.size
    seen = abs(float(d.sum()))
    close = 1e-12 * float(np.abs(d).sum())  # equal sums differ by rounding
    if n <= EXACT:
        sums = np.zeros(1)
        for one in d:
            sums = np.concatenate([sums + one, sums - one])
        return float((np.abs(sums) >= seen - close).mean()), 0.0
    rng = np.random.default_rng(n)
    hits = 0
    for _ in range(10):
        signs = rng.integers(0, 2, (DRAWS // 10, n), dtype=np.int8) * 2.0 - 1.0
        hits += int((np.abs(signs @ d) >= seen - close).sum())
    p = (1 + hits) / (1 + DRAWS)
    return p, math.sqrt(p * (1 - p) / DRAWS)


def holm(ps: Sequence[float]) -> list[float]:
    """p values adjusted for that there are several (Holm 1979), in the order given.

    NaN (no claim was made) stays NaN and is not counted.
    """
    p = np.asarray(ps, dtype=np.float64)
    out = np.full(p.size, math.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    times = np.arange(order.size, 0, -1)
    out[order] = np.minimum(np.maximum.accumulate(p[order] * times), 1.0)
    return [float(v) for v in out]


def seeds_needed(claims: int, alpha: float = 0.05) -> int:
    """Pairs with which one of ``claims`` can at all be told from chance after Holm.

    The smallest sign-flip p is 2/2ⁿ; times the number of claims it has to be at most ``alpha``.
    """
    return max(FEWEST, math.ceil(1 + math.log2(max(claims, 1) / alpha)))


def _back(back: object, value: float) -> float:
    """exp without overflow."""
    if back is float:
        return value
    return math.exp(value) if value < 700 else math.inf
