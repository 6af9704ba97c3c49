"""Whether a split that seems unscaled is one that shares train's scaler and has drifted.

Train that is scaled looks scaled whatever the other split went through: each change of place and
width is then the inverse of some scaler. What tells the two apart is in the evaluation split. A
scaler that was forgotten leaves no column at its place, and gives the columns back scales that
differ from one another; a drift leaves some where they were, or moves them without a change of
scale. Where neither shows, the benefit of doubt is the data's: NM003 speaks of a shift.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from datacheck.checks.base import Context
from datacheck.checks.normalization.maps import GRID, Figures, Map
from datacheck.checks.quantiles import sorted_sample
from datacheck.types import Floats, Mask

FAR = 2.5  # deviations of train that no shift of a scaled split is taken to reach
NEAR = 0.1  # of train's figures from those of a scaler, of which some rows may have left since
STAYED = (0.5, math.log(1.5))  # place in units of the scale, and log of the scale, of a column
SHARE = 0.3  # of the scaled columns: so many that have stayed exclude a forgotten scaler
STEEP = 3.0  # a scale that drift is not taken to change by, as for a line without a name
CENTERED = 0.5  # deviations: means nearer to 0 are those of columns that have no place of their own
EXACT = 1e-3  # of train's figures from those of a scaler that was fitted on it


def figures(context: Context, split: str, columns: list[str]) -> Figures:
    """The figures of those columns of a split."""
    moments = context.moments(split)
    each = [moments[c] for c in columns]
    return Figures(
        sorted_sample(context, split).quantiles(GRID, columns),
        *(np.array([getattr(m, f) for m in each]) for f in ("mean", "sd", "min", "max")),
    )


def _like(name: str, f: Figures) -> tuple[Floats, Floats]:
    """(center, scale) that the scaler of that name would take from the figures."""
    if name == "not-robust-scaled":
        return f.median, f.iqr
    if name == "not-max-abs":
        return np.zeros_like(f.min), np.maximum(np.abs(f.min), np.abs(f.max))
    if name == "not-min-max":
        return f.min, f.max - f.min
    if name == "not-min-max-symmetric":
        return (f.min + f.max) / 2, (f.max - f.min) / 2
    return f.mean, f.sd


def _far(scale: Floats, center: Floats) -> Mask:
    """Where one column alone shows that it was never scaled; nearer, it may have shifted."""
    return np.asarray((np.abs(center) > FAR) | (scale > FAR) | (scale < 1 / FAR))


def scaled(t: Figures, rows: Floats) -> tuple[Mask, Mask]:
    """Columns that are standardized or robust-scaled in train, and those scaled to 0…1 or −1…1."""
    with np.errstate(all="ignore"):
        exact = (np.abs(t.mean) < EXACT) & (np.abs(t.sd - 1) < EXACT + 1 / rows)
        robust = (np.abs(t.median) < NEAR / 2) & (np.abs(t.iqr - 1) < NEAR)
        bounded = (np.abs(t.max - 1) < 1e-9) & ((t.min == 0) | (np.abs(t.min + 1) < 1e-9))
    return np.asarray(exact | robust), np.asarray(bounded)


def open_to(maps: Sequence[Map], lines: Floats, t: Figures, rows: Floats) -> Mask:
    """Which maps may be tried on which columns, (maps, columns).

    What is scaled has no unit and is no logarithm: such a map would be a drift. And what has no
    place of its own is only wider or narrower. Steep lines stay open: they need no name.
    ``lines`` is (maps, 2, columns), ``rows`` the number of rows of train, (columns,).
    """
    standard, bounded = scaled(t, rows)
    centered = np.abs(t.mean) < CENTERED * t.sd
    out = np.ones((len(maps), rows.size), dtype=np.bool_)
    for i, one in enumerate(maps):
        if one.unscaled:
            with np.errstate(all="ignore"):
                center, scale = _like(one.name, t)
                out[i] = (np.abs(center) < NEAR) & (np.abs(scale - 1) < NEAR)
            if one.name in ("not-standardized", "not-robust-scaled"):
                out[i] &= _far(lines[i, 0], lines[i, 1])
        elif one.curve is not None:
            out[i] = ~(standard | bounded)
        elif one.tier == 1:
            steep = ~((lines[i, 0] < STEEP) & (lines[i, 0] > 1 / STEEP))
            out[i] = ~(standard | bounded | (centered & ~steep))
        elif one.tier == 0 and one.name not in ("sign-flip", "shared-factor"):
            out[i] = ~standard
    return out


def stayed(name: str, t: Figures, o: Figures) -> Mask:
    """Columns that are scaled in train, and lie in the other split much as they do there."""
    with np.errstate(all="ignore"):
        center, scale = _like(name, t)
        like = (np.abs(center) < NEAR) & (np.abs(scale - 1) < NEAR)
        place, width = _like(name, o)
        near = (np.abs(place) < STAYED[0]) & (np.abs(np.log(width)) < STAYED[1])
    return np.asarray(like & near)


def forgotten(name: str, scale: Floats, offset: Floats, kept: int) -> bool:
    """Whether a forgotten scaler explains the columns better than a drift does.

    ``scale`` and ``offset`` are those of the lines that bring train to the other split, and
    ``kept`` is the number of other scaled columns that have :func:`stayed`.
    """
    count = scale.size
    if kept >= SHARE * (kept + count):
        return False
    if name.startswith("not-min-max"):
        return True  # train ends where scaling ends, and the other split lies beyond its range
    logs = np.log(scale)
    # It gives back places, and scales that differ from 1 and from each other.
    placed = np.abs(offset) > CENTERED * np.maximum(scale, 1.0)
    own = max(float(logs.max()), float(np.ptp(logs))) > math.log(FAR)
    return bool(count > 1 and own and placed.mean() >= 0.5)
