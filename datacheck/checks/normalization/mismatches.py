"""Whether columns of one split are the image of train's under a map: standardized, in other units.

What NM001 reports and what NM003 leaves to it. A map counts as found only if it moves a column
far and what is left after undoing it is no more than chance (or little) explains.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from datacheck.checks.base import Context
from datacheck.checks.normalization.common_line import on_one_line
from datacheck.checks.normalization.drift import figures, forgotten, open_to, stayed
from datacheck.checks.normalization.maps import (
    MAPS,
    UNITS,
    Figures,
    Map,
    Mismatch,
    by,
    factor_text,
    unit_map,
)
from datacheck.checks.normalization.spreads import spreads_differ
from datacheck.checks.quantiles import (
    distance,
    distance_low,
    distance_p,
    distances,
    mean_shift,
    sorted_sample,
)
from datacheck.checks.stats import benjamini_hochberg, midranks
from datacheck.dataset import Kind
from datacheck.types import Floats, Mask

SLACK = 0.01  # of the mean deviation: what rounding may have moved
NEAR = 0.5  # a map is tried if it comes so near, in mean deviations
FAR = 0.5  # a map must move a column so far, in mean deviations
TRIED = 6  # maps tried on each column, the nearest first
SHARED = 3  # columns with one unknown factor make it a cause

# What may be left after undoing the map: a multiple of 1/√(n·m/(n+m)), and a floor for what is
# no question of degree (nobody's blood pressure is standardized by nature); of the logarithm of the
# spread, three standard errors, or as much.
_LEFT = {0: (1.95, 0.1), 1: (1.63, 0.005), 2: (1.36, 0.005)}
_LEAST_SIZE = {0: 5.0, 1: 50.0, 2: 50.0}


@dataclass(frozen=True, eq=False)
class _Fit:
    distance: float
    low: float
    left: float
    scale: float
    offset: float


def judged(context: Context, train: str, other: str) -> list[str]:
    """The columns that are looked at: numbers that vary in both splits."""
    a, b = sorted_sample(context, train), sorted_sample(context, other)
    columns, _, _ = distances(context, train, other)
    wanted = [c for c in columns if context.data.columns[c].kind is Kind.NUMBER]
    return [c for c in wanted if a[c][0] < a[c][-1] and b[c][0] < b[c][-1]]


def mismatches(context: Context, train: str, other: str, least: float = 0.2) -> list[Mismatch]:
    """One for each map found, over all its columns. Made once for each pair of splits.

    ``least`` is the distance that the lower end of the interval of one of the columns must reach.
    """
    kept: dict[Any, Any] = vars(context).setdefault("_mismatches", {})
    if (train, other) not in kept:
        found = _find(context, train, other, least)
        kept[(train, other)] = on_one_line(context, train, other, found)
    out: list[Mismatch] = kept[(train, other)]
    return out


def _several(x: Floats) -> bool:
    """Whether there are more than two values: any two are a line's image of any other two."""
    return bool(((x > x[0]) & (x < x[-1])).any())


def _find(context: Context, train: str, other: str, least: float) -> list[Mismatch]:
    columns, d, size = distances(context, train, other)
    p = np.minimum(distance_p(d, size), mean_shift(context, train, other, columns).p)
    worth = benjamini_hochberg(np.minimum(2 * p, 1.0))
    if not worth.any():
        return []
    usable = set(judged(context, train, other))
    worth &= np.array([c in usable for c in columns], dtype=np.bool_)
    low = distance_low(d, size)
    columns = [c for c, w in zip(columns, worth, strict=True) if w]
    d, low, size = d[worth], low[worth], size[worth]
    a, b = sorted_sample(context, train), sorted_sample(context, other)
    t, o = figures(context, train, columns), figures(context, other, columns)
    maps = (*MAPS, *_fitted(t, o))
    scores, lines = _screen(maps, t, o)
    clock: dict[str, bool] = {}
    moments = context.moments(train)
    rows = np.array([moments[c].finite for c in columns], dtype=np.float64)
    scores = np.where(open_to(maps, lines, t, rows), scores, np.inf)

    def fit(i: int, j: int, shared: bool = False) -> _Fit | None:
        one, column, (sa, sb) = maps[i], columns[j], lines[i, :, j]
        if size[j] < _LEAST_SIZE[one.tier] or not (one.curve or np.isfinite(sa)):
            return None
        if one.tier == 2 and low[j] < 0.5 and abs(math.log10(sa)) < 1:
            return None
        if one.tier == 2 or one.unscaled:
            if column not in clock:
                clock[column] = _rising(context, train, column)
            if clock[column] or (one.tier == 2 and _halves(a[column], b[column])):
                return None
        slack = SLACK * float(o.deviation[j]) or 1e-6 * float(o.max[j] - o.min[j])
        image = one.image(a[column], sa, sb)
        left = distance(image, b[column], slack)
        factor, floor = _LEFT[one.tier]
        allowed = factor / math.sqrt(size[j])
        allowed = max(allowed, floor) if one.tier == 0 else allowed + floor
        if left > min(allowed, d[j] / 3):
            return None
        if not shared and spreads_differ(image, b[column], floor):
            return None
        return _Fit(float(d[j]), float(low[j]), left, float(sa), float(sb))

    fits: list[dict[int, _Fit]] = []
    for j in range(len(columns)):
        near = [int(i) for i in np.argsort(scores[:, j], kind="stable")[:TRIED]]
        tried = {i: fit(i, j) for i in near if scores[i, j] < NEAR}
        fits.append({i: f for i, f in tried.items() if f is not None})
    doubted = _without_drift(context, (train, other), maps, columns, fits)
    # A cause that several columns share is tried on all of them, whatever their spread; what only
    # processing makes, near or not. A fitted map is another for each column: nothing is shared.
    votes = Counter(i for found in fits for i in found if maps[i].tier < 2)
    for i in [i for i, n in votes.items() if n >= SHARED and i not in doubted]:
        for j, found in enumerate(fits):
            if i in found or (maps[i].tier and not scores[i, j] < NEAR):
                continue
            if (one := fit(i, j, shared=True)) is not None:
                found[i] = one
    several = {c for c in columns if _several(a[c]) and _several(b[c])}
    return [
        m
        for m in _cover(maps, columns, fits)
        if any(low >= least and c in several for c, low in zip(m.columns, m.low, strict=True))
    ]


def _without_drift(
    context: Context,
    pair: tuple[str, str],
    maps: tuple[Map, ...],
    columns: list[str],
    fits: list[dict[int, _Fit]],
) -> set[int]:
    """Take out the maps that say that train is scaled where drift explains the columns as well.

    Steep lines are left, and found as such: nature makes none. Returns the maps.
    """
    doubted: set[int] = set()
    every = judged(context, *pair)
    for i in sorted({i for found in fits for i in found if maps[i].unscaled}):
        at = [j for j, found in enumerate(fits) if i in found]
        own = [fits[j][i] for j in at]
        scale, offset = (np.array([getattr(f, n) for f in own]) for n in ("scale", "offset"))
        found = {columns[j] for j in at}
        rest = [c for c in every if c not in found]
        kept = stayed(maps[i].name, *(figures(context, s, rest) for s in pair))
        if not forgotten(maps[i].name, scale, offset, int(kept.sum())):
            doubted.add(i)
            for j in at:
                del fits[j][i]
    return doubted


def _fitted(t: Figures, o: Figures) -> list[Map]:
    """Maps that the data suggest: a factor shared by columns, a factor, a line."""
    with np.errstate(all="ignore"):
        ratio = o.grid / t.grid
        known = np.isfinite(ratio)
        ratio = np.where(known, ratio, np.inf)
        # The lower median of the ratios that exist: exact for values on a lattice.
        rank = (known.sum(axis=0) - 1) // 2
        k = np.take_along_axis(np.sort(ratio, axis=0), rank[None], axis=0)[0]
        off = t.grid - t.grid.mean(axis=0)
        slope = (off * o.grid).sum(axis=0) / (off * off).sum(axis=0)
        offset = o.grid.mean(axis=0) - slope * t.grid.mean(axis=0)
    out: list[Map] = []
    usable = np.sort(k[np.isfinite(k) & (k > 0)])
    if usable.size >= SHARED:
        middle = float(usable[(usable.size - 1) // 2])
        alike = int((np.abs(usable / middle - 1) < 0.1).sum())
        if alike >= max(SHARED, k.size / 2) and abs(math.log(middle)) > 0.4:
            # Known and round ones first: on a lattice nothing but the very factor fits.
            for unit, units in UNITS:
                near = [f for f in (unit, 1 / unit) if abs(f / middle - 1) < 0.03]
                out += [unit_map(f, units, tier=0) for f in near]
            size = middle if middle > 1 else 1 / middle
            for n in dict.fromkeys((float(round(size)), 2.0 ** round(math.log2(size)), size)):
                factor = n if middle > 1 else 1 / n
                if abs(factor / middle - 1) < 0.1:
                    out.append(Map("shared-factor", factor_text(factor), 0, by(factor)))
    for least, name, text in ((0, "", "[0, 1]"), (-1, "-symmetric", "[−1, 1]")):
        # Train ends where scaling ends, and the other split reaches far beyond.
        scaled = (np.abs(t.min - least) < 1e-6) & (np.abs(t.max - 1) < 1e-6)
        scaled &= (o.max > 2) | (o.min < least - 1)
        back = np.where(scaled & (slope > 0), slope, np.nan)
        out.append(_lines(f"not-min-max{name}", f"scaled to {text}", 0, back, offset, "train"))
    # A factor within 3 is for nature to make, and a move without a change of scale too.
    factors = np.where(_steep(k), k, np.nan)
    slopes = np.where(_steep(slope), slope, np.nan)
    out.append(_lines("factor", "in another unit (a factor)", 2, factors, np.zeros_like(factors)))
    out.append(_lines("line", "on another scale", 2, slopes, offset))
    return out


def _lines(name: str, text: str, tier: int, a: Floats, b: Floats, odd: str = "other") -> Map:
    return Map(name, text, tier, lambda t, o: (a, b), odd=odd)


def _steep(slope: Floats) -> Mask:
    """Beyond 1/3 … 3, and rising."""
    with np.errstate(invalid="ignore"):
        return np.asarray((slope > 3) | ((slope < 1 / 3) & (slope > 0)))


def _screen(maps: tuple[Map, ...], t: Figures, o: Figures) -> tuple[Floats, Floats]:
    """How near each map comes, in mean deviations, (maps, columns), and its lines (maps, 2, …)."""
    count = t.grid.shape[1]
    scores = np.full((len(maps), count), np.inf)
    lines = np.full((len(maps), 2, count), np.nan)
    with np.errstate(all="ignore"):
        for i, one in enumerate(maps):
            a, b = one.affine(t, o) if one.affine else (np.nan, np.nan)
            lines[i] = np.broadcast_to(a, count), np.broadcast_to(b, count)
            image = one.image(t.grid, lines[i, 0], lines[i, 1])
            near = np.abs(image - o.grid).mean(axis=0) / o.deviation
            moved = np.abs(image - t.grid).mean(axis=0)
            far = moved >= FAR * t.deviation
            scores[i] = np.where(np.isfinite(near) & far, near, np.inf)
    return scores, lines


def _halves(x: Floats, y: Floats) -> bool:
    """Whether the splits are the lower and the upper part of one range, as of a counter."""
    gap = max(y[0] - x[-1], x[0] - y[-1])
    return bool(0 <= gap <= 0.05 * min(x[-1] - x[0], y[-1] - y[0]))


def _rising(context: Context, train: str, column: str) -> bool:
    """Whether the column rises or falls with the rows, as a clock or a counter does.

    Its scale then says when the rows were written, and nothing else.
    """
    values = context.sample(train)[column].to_numpy().astype(np.float64)
    values = values[np.isfinite(values)][:4096]
    if values.size < 3 or values.min() == values.max():
        return False
    place = np.arange(values.size, dtype=np.float64)
    return abs(float(np.corrcoef(place, midranks(values))[0, 1])) > 0.95


def _cover(
    maps: tuple[Map, ...], columns: list[str], fits: list[dict[int, _Fit]]
) -> list[Mismatch]:
    """Each column goes to the map that explains most columns; better tiers come first."""
    taken: Mask = np.zeros(len(columns), dtype=np.bool_)
    out: list[Mismatch] = []
    for tier in (0, 1, 2):
        while True:
            votes: dict[int, list[int]] = {}
            for j, found in enumerate(fits):
                for i in found:
                    if maps[i].tier == tier and not taken[j]:
                        votes.setdefault(i, []).append(j)
            if not votes:
                break
            i = min(votes, key=lambda i: (-len(votes[i]), i))
            at = votes[i]
            taken[at] = True
            figures = [fits[j][i] for j in at]
            out.append(
                Mismatch(
                    maps[i],
                    [columns[j] for j in at],
                    *(
                        np.array([getattr(f, name) for f in figures])
                        for name in ("distance", "low", "left", "scale", "offset")
                    ),
                )
            )
    return out
