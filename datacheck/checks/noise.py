"""How many labels are wrong, judged by class probabilities that did not see them, and which.

A probe contradicts labels for two reasons: they are wrong, or the task is hard. The two part
where the probe is sure of itself. There, the contradictions of a hard task die out; those of wrong
labels do not, for a clerk's slip does not know how easy the row was. So the share of wrong labels
is taken to be the share of contradictions that is left among the rows whose predicted class is
surest (the rows near an anchor: Liu & Tao 2016; Northcutt, Jiang & Chuang 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datacheck.checks.stats import Z, wilson
from datacheck.types import Floats, Ints, Mask

DEPTHS = (0.5, 0.25, 0.125)  # shares of the rows of each predicted class and of all rows, the
# surest first
ROWS = 100  # at such a depth, below which it is not looked at
RECALL = 0.6  # share of a class that the probe must tell, or the class neither accuses nor is
ABOVE = 0.4  # … or such a part of the way from guessing to perfect, if that is more
OWN = 0.35  # part of all contradictions that must be left where the probe is sure


@dataclass(frozen=True, slots=True)
class Noise:
    """The share of wrong labels with its interval.

    ``errors`` is the share of rows whose label is not the predicted class; ``told`` is whether
    the estimate can stand for wrong labels: at least ``OWN`` of ``errors`` is left where the
    probe is sure. ``rows`` were looked at there.
    """

    value: float
    low: float
    high: float
    errors: float
    rows: int
    told: bool


def recalls(predicted: Ints, codes: Ints, classes: int) -> Floats:
    """The share of the rows of each given class that is predicted so, float64 (classes,)."""
    right = np.bincount(codes[predicted == codes], minlength=classes)
    return np.asarray(right / np.maximum(np.bincount(codes, minlength=classes), 1))


def reliable(predicted: Ints, codes: Ints, classes: int) -> Mask:
    """The classes that the probe tells well enough for its contradictions to count, (classes,).

    Half of a class that looks like another one is a hard class far more often than a class with
    half of its labels wrong.
    """
    present = max(2, int((np.bincount(codes, minlength=classes) > 0).sum()))
    least = max(RECALL, ABOVE + (1 - ABOVE) / present)
    return np.asarray(recalls(predicted, codes, classes) >= least)


def estimate(probabilities: Floats, codes: Ints) -> Noise | None:
    """The share of wrong labels; None where too few rows are left to say so.

    ``probabilities`` (rows, classes) were made without the labels ``codes`` (rows,) of the same
    rows. They need not be calibrated: only their order within each predicted class matters. Of
    the shares at several depths the least is taken, and the least of the lower ends of their
    intervals at 1e-4 (Wilson 1927).
    """
    classes = probabilities.shape[1]
    predicted = probabilities.argmax(axis=1).astype(np.int64)
    wrong = predicted != codes
    trusted = reliable(predicted, codes, classes)
    counts = wrong & trusted[predicted] & trusted[codes]
    best: tuple[float, float, int] | None = None
    low = 1.0
    for among in (predicted, np.zeros_like(predicted)):
        rank = _ranks(among, probabilities.max(axis=1), classes)
        for depth in DEPTHS:
            sure = rank <= depth
            rows = int(sure.sum())
            if rows < ROWS:
                break
            hits = int((counts & sure).sum())
            ends = wilson(hits, rows, Z)
            low = min(low, ends[0])
            if best is None or hits / rows < best[0]:
                best = hits / rows, ends[1], rows
    if best is None:
        return None
    value, high, rows = best
    errors = float(wrong.mean())
    return Noise(value, low, high, errors, rows, told=value >= OWN * errors and value > 0)


def _ranks(predicted: Ints, sure: Floats, classes: int) -> Floats:
    """The place of each row among those of its class, in (0, 1]; the surest first."""
    order = np.lexsort((-sure, predicted))
    counts = np.bincount(predicted, minlength=classes)
    starts = np.cumsum(counts) - counts
    out = np.empty(predicted.size)
    mine = predicted[order]
    out[order] = (np.arange(predicted.size) - starts[mine] + 1) / counts[mine]
    return out


@dataclass(frozen=True, slots=True)
class Suspects:
    """Rows whose label is confidently contradicted, the most suspicious first.

    ``rows`` are positions, ``suggested`` the classes that the probe would give them, ``margins``
    how much more probable these are than the given ones; all of shape (suspects,).
    """

    rows: Ints
    suggested: Ints
    margins: Floats


def suspects(probabilities: Floats, codes: Ints) -> Suspects:
    """The off-diagonal of the confident joint (Northcutt, Jiang & Chuang 2021), ordered by margin.

    A row is confidently of class j if p_j is at least the mean of p_j over the rows given as j;
    of several such classes the most probable counts.
    """
    n, classes = probabilities.shape
    own = probabilities[np.arange(n), codes]
    sizes = np.bincount(codes, minlength=classes)
    threshold = np.bincount(codes, own, minlength=classes) / np.maximum(sizes, 1)
    threshold[sizes == 0] = np.inf
    confident = np.where(probabilities >= threshold, probabilities, -1.0)
    suggested = confident.argmax(axis=1).astype(np.int64)
    best = confident[np.arange(n), suggested]
    rows = np.flatnonzero((suggested != codes) & (best > own)).astype(np.int64)
    margins = best[rows] - own[rows]
    order = np.lexsort((rows, -margins))
    rows = rows[order]
    return Suspects(rows, suggested[rows], margins[order])
