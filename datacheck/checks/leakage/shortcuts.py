"""How well the groups that a column cuts the rows into tell the label, on rows held out.

Each half of the rows is ranked by what the other half has learned, so that all rows judge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from datacheck.checks.predict import EACH, LEAST, Target
from datacheck.checks.scores import bins, explained
from datacheck.checks.stats import auc_half, normal_sf
from datacheck.findings import Effect
from datacheck.types import Floats, Ints, Mask

COARSE = 16  # groups of each column of a pair
Z95, LEVEL = 1.96, 0.05  # how much a column tells; that it tells anything is for p to say
TABLE = 1 << 24  # cells of a table of groups and classes, at most


@dataclass(frozen=True, eq=False)
class Cells:
    """The group of each row where it is ``known``, int64 of shape (2, rows) in 0 … ``count`` − 1:
    groups as the half of the rows has them that :attr:`Target.fitted` marks, and the other half.
    """

    at: Ints
    count: int
    known: Mask


@dataclass(frozen=True, slots=True)
class Shortcut:
    """How well groups tell the label of the ``n`` rows of the other half, with a 95 % interval.

    ``p`` is that of rows whose group tells nothing.
    """

    metric: str
    value: float
    low: float
    high: float
    n: int
    p: float

    def effect(self, threshold: float) -> Effect:
        """As a finding shows it."""
        return Effect(self.metric, self.value, self.low, self.high, threshold)


def fine(x: Floats, target: Target, *, category: bool) -> Cells:
    """Groups of the values (rows,): single values, or neighbors where there are many."""
    known = ~np.isnan(x) if category else np.isfinite(x)
    at = np.zeros((2, x.size), dtype=np.int64)
    codes = target.codes[known] if target.classes else np.zeros(int(known.sum()), dtype=np.int64)
    counts = [1]
    for half, fitted in enumerate(_halves(target, known)):
        if fitted.any():
            at[half, known], count = bins(x[known], codes, fitted, category)
            counts.append(count)
    return Cells(at, max(counts), known)


def _halves(target: Target, known: Mask) -> tuple[Mask, Mask]:
    """Which of the known rows are of the first half, and which of the second."""
    first = target.fitted[known]
    return first, ~first


def coarse(x: Floats, target: Target, *, category: bool) -> Cells:
    """At most ``COARSE`` groups: the most frequent names, or stretches of as many rows each."""
    known = ~np.isnan(x) if category else np.isfinite(x)
    at = np.zeros((2, x.size), dtype=np.int64)
    counts = [1]
    for half, fitted in enumerate(_halves(target, known)):
        own = x[known][fitted]
        if own.size:
            at[half, known], count = _coarse(x[known], own, category)
            counts.append(count)
    return Cells(at, max(counts), known)


def _coarse(x: Floats, own: Floats, category: bool) -> tuple[Ints, int]:
    """The groups of ``x`` that the values of a half lead to, and their number."""
    values, counts = np.unique(own, return_counts=True)
    if category:
        top = np.sort(values[np.lexsort((values, -counts))[: COARSE - 1]])
        place = np.minimum(np.searchsorted(top, x), top.size - 1)
        return np.where(top[place] == x, place, top.size), top.size + 1
    if values.size > COARSE:
        shares = np.linspace(0, 1, COARSE + 1)[1:-1]
        values = np.unique(np.quantile(own, shares, method="inverted_cdf"))
    else:
        values = values[:-1]
    return np.searchsorted(values, x).astype(np.int64), values.size + 1


def paired(a: Cells, b: Cells) -> Cells:
    """The groups of two columns together."""
    return Cells(a.at * b.count + b.at, a.count * b.count, a.known & b.known)


def shortcut(target: Target, cells: Cells) -> Shortcut | None:
    """The score of groups, learned on each half of the rows for the other; None where too little is
    known.

    AUC for two classes, the mean of each class against the rest for more, R² for numbers.
    """
    known = cells.known
    if cells.count < 2 or int(known.sum()) < max(LEAST, target.n // 2):
        return None
    at, halves = cells.at[:, known], _halves(target, known)
    if not (halves[0].any() and halves[1].any()):
        return None
    if not target.classes:
        return _numbers(at, cells.count, target.values[known], halves)
    codes, k = target.codes[known], len(target.classes)
    if cells.count * k > TABLE:
        return None
    parts = [_told(a, cells.count, codes, k, half) for a, half in zip(at, halves, strict=True)]
    told, judged = (np.concatenate(p) for p in zip(*parts, strict=True))
    return _classes(told, judged)


def _told(at: Ints, count: int, codes: Ints, k: int, fitted: Mask) -> tuple[Floats, Ints]:
    """The classes' shares in each group among one half, and their rows among the other:
    (count, k).
    """
    learned, judged = (
        np.bincount(at[rows] * k + codes[rows], minlength=count * k).reshape(count, k)
        for rows in (fitted, ~fitted)
    )
    prior = learned.sum(axis=0) / learned.sum()
    return (learned + prior) / (learned.sum(axis=1, keepdims=True) + 1.0), judged.astype(np.int64)


def _classes(told: Floats, judged: Ints) -> Shortcut | None:
    kept = np.flatnonzero(judged.sum(axis=0) >= EACH)
    if kept.size < 2:
        return None
    chosen = kept[-1:] if kept.size == 2 else kept
    every = judged[:, kept].sum(axis=1)
    areas, halves, chances = np.array(
        [_against_rest(told[:, c], judged[:, c], every - judged[:, c]) for c in chosen]
    ).T
    value, half = float(areas.mean()), float(halves.mean())  # as if all erred the same way
    metric = "AUC" if kept.size == 2 else "mean AUC of a class against the rest"
    p = float(normal_sf((value - 0.5) / float(chances.mean())))
    low, high = max(0.0, value - half), min(1.0, value + half)
    return Shortcut(metric, value, low, high, int(every.sum()), p)


def _against_rest(told: Floats, positive: Ints, negative: Ints) -> tuple[float, float, float]:
    """The AUC of groups (count,), half its interval, and its standard error without a relation."""
    values, place = np.unique(told, return_inverse=True)
    up = np.bincount(place, positive, minlength=values.size)
    down = np.bincount(place, negative, minlength=values.size)
    n1, n0 = float(up.sum()), float(down.sum())
    if not n1 or not n0:
        return 0.5, 0.5, 1.0
    area = float((up * (np.cumsum(down) - down / 2)).sum()) / (n1 * n0)
    chance = math.sqrt((n1 + n0 + 1) / (12 * n1 * n0))  # Mann & Whitney 1947
    return area, auc_half(area, n1, n0, Z95, LEVEL), chance


def _numbers(at: Ints, count: int, y: Floats, halves: tuple[Mask, Mask]) -> Shortcut | None:
    middle = float(np.median(y))
    off = y / 2 - middle / 2
    y = off / (float(np.abs(off).max()) or 1.0)  # huge numbers do not overflow when squared
    told = np.empty_like(y)
    for own, fitted in zip(at, halves, strict=True):
        n = np.bincount(own[fitted], minlength=count)
        sums = np.bincount(own[fitted], y[fitted], minlength=count)
        means = np.where(n > 0, sums / np.maximum(n, 1), float(y[fitted].mean()))
        told[~fitted] = means[own[~fitted]]
    value, half = explained(y, told, Z95)
    if not (math.isfinite(value) and math.isfinite(half)):
        return None
    p = float(normal_sf(value / half * Z95)) if half > 0 else float(value <= 0)
    return Shortcut("R²", value, value - half, min(1.0, value + half), y.size, p)
