"""How many labels are wrong, judged by class probabilities that did not see them, and which.

A probe contradicts labels for two reasons: they are wrong, or the task is hard. The two part
where the probe is sure of itself. There, the contradictions of a hard task die out; those of wrong
labels do not, for a clerk's slip does not know how easy the row was. So the share of wrong labels
is taken to be the share of contradictions that is left among the rows whose predicted class is
surest (the rows near an anchor: Liu & Tao 2016; Northcutt, Jiang & Chuang 2021).

That fails where the probe has learned too little: its sureness then means nothing, and nothing dies
out. So only contradictions count on which probes fitted to separate halves of the other rows agree
(a committee: Freund, Seung, Shamir & Tishby 1997), and where these often differ nothing is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from datacheck.checks.stats import Z, wilson
from datacheck.types import Floats, Ints, Mask

DEPTHS = (0.5, 0.25, 0.125)  # shares of the rows, the surest first
ROWS = 150  # at less than half of the rows, below which no share is taken
TREND = 25  # rows, below which nothing is asked of a depth
OWN = 0.35  # part of the contradictions that must be plausible at each depth
HALF, MANY = 0.5, 400  # … of few rows; and that the surest half must have; of more rows MANY ÷ rows
DIFFER = 0.1  # share of rows in which the committee may differ, of many rows more
CALM, FREE = 500, 2_000  # … by (rows − CALM) ÷ FREE
MOST = 0.3  # share of wrong labels that is believed
HARD = 0.38  # share of contradictions from which on the task is too hard for the probe
GUESSING = 0.62  # … or such a part of those of guessing, if that is less
FEW, FEW_HARD = 400, 0.25  # … or this, of fewer rows than FEW
RECALL = 0.6  # share of a class that the probe must tell, or the class neither accuses nor is
ABOVE = 0.4  # … or such a part of the way from guessing to perfect, if that is more
EACH = 30  # rows for each class
SPREAD = 0.005  # least lower end of the share without the class that contradicts the most
OTHERS, TWO = 30, 2  # rows of the other classes, and contradictions among them
WEAK = 1.645  # two-sided normal quantile at 10 %, for what only has to be plausible


@dataclass(frozen=True, slots=True)
class Noise:
    """The share of wrong labels with its interval.

    ``errors`` is the share of rows whose label is not the predicted class; ``told`` is whether
    the estimate can stand for wrong labels (see :func:`estimate`). ``rows`` were looked at.
    ``lacks`` says why nothing could have been told, if so.
    """

    value: float
    low: float
    high: float
    errors: float
    rows: int
    told: bool
    lacks: str


def estimate(
    probabilities: Floats, codes: Ints, sure: Floats | None = None, agreed: Mask | None = None
) -> Noise | None:
    """The share of wrong labels; None where too few rows are left to say so.

    ``probabilities`` (rows, classes) were made without the labels ``codes`` (rows,) of the same
    rows; ``sure`` (rows,) orders them, if not by the largest probability; ``agreed`` (rows,) marks
    those of which a committee says the same, if not all. Nothing need be calibrated. Of the shares
    at several depths in several orders the least is taken, and the least of the lower ends of their
    intervals at 1e-4 (Wilson 1927). It is told to be wrong labels if

    * ``OWN`` of what the committee contradicts can be left at every depth (of few rows ``HALF``);
    * where rows are few, the surest half has ``HALF`` of all contradictions;
    * the same holds without the predicted class that contradicts the most, and there are such: of
      a class of which a part looks like another one, only the other one's rows are contradicted;
    * the probe knows the task (else ``lacks`` says so).
    """
    n, classes = probabilities.shape
    if not n:
        return None
    predicted = probabilities.argmax(axis=1).astype(np.int64)
    sure = probabilities.max(axis=1) if sure is None else sure
    agreed = np.ones(n, dtype=np.bool_) if agreed is None else agreed
    wrong = predicted != codes
    errors = float(wrong.mean())
    part = min(HALF, MANY / n)
    plausible = max(OWN, part)
    left = plausible * float((wrong & agreed).mean())
    trusted = reliable(predicted, codes, sure, classes)
    counts = wrong & agreed & trusted[predicted] & trusted[codes]
    best: tuple[float, float, int] | None = None
    low = 1.0
    told = True
    halves = []
    for rank in _orders(predicted, sure, classes):
        for depth in DEPTHS:
            few = rank <= depth
            rows, hits = int(few.sum()), int((counts & few).sum())
            if rows < TREND:
                break
            told &= wilson(hits, rows, WEAK)[1] >= left
            if depth == DEPTHS[0]:
                halves.append(hits / rows)
            if rows >= ROWS or depth == DEPTHS[0]:
                ends = wilson(hits, rows, Z)
                low = min(low, ends[0])
                if best is None or hits / rows < best[0]:
                    best = hits / rows, ends[1], rows
    if best is None:
        return None
    value, high, rows = best
    present = max(2, int(np.unique(codes).size))
    told &= sum(halves) / len(halves) >= part * errors
    lacks = _lacks(n, present, errors, int(trusted.sum()), float((~agreed).mean()))
    told &= not lacks and 0 < value <= MOST
    told &= _spread(predicted, sure, counts, classes, plausible)
    return Noise(value, low, high, errors, rows, told, lacks)


def _lacks(n: int, present: int, errors: float, trusted: int, differ: float) -> str:
    """Why nothing can be told by a probe of those figures; nothing where it can."""
    if n < EACH * present:
        return f"it has fewer than {EACH} rows for each of {present:,} classes"
    if errors > hard(present, n):
        return f"it contradicts {errors:.0%} of the labels"
    if trusted < 2:
        return "it tells fewer than two classes well enough"
    if differ > max(DIFFER, (n - CALM) / FREE):
        return f"fitted to halves of the rows, it says something else of {differ:.0%} of them"
    return ""


def hard(classes: int, rows: int) -> float:
    """The share of contradictions from which on a probe does not know the task."""
    most = min(HARD, GUESSING * (1 - 1 / classes))
    return min(most, FEW_HARD) if rows < FEW else most


def reliable(predicted: Ints, codes: Ints, sure: Floats, classes: int) -> Mask:
    """The classes that the probe tells well enough for its contradictions to count, (classes,).

    Half of a class that looks like another one is a hard class far more often than a class with
    half of its labels wrong. But where labels are wrong at random, a rare class is filled with
    those of a frequent one. So many of them as the surest half contradicts, in the classes where
    it contradicts least, are not held against it.
    """
    table = np.zeros((classes, classes))
    np.add.at(table, (predicted, codes), 1.0)
    present = max(2, int((table.sum(axis=0) > 0).sum()))
    half = _ranks(predicted, sure, classes) <= DEPTHS[0]
    hits = np.bincount(predicted[half & (predicted != codes)], minlength=classes)
    rows = np.bincount(predicted[half], minlength=classes)
    top = _top(hits, rows)
    share = min(
        wilson(int(k), int(n), WEAK)[1]
        for k, n in (
            (hits.sum(), rows.sum()),
            (hits.sum() - hits[top], rows.sum() - rows[top]),
            (hits[top], rows[top]),
        )
    )
    by_chance = share / (present - 1) * table.sum(axis=1, keepdims=True)
    missed = np.maximum(table - by_chance, 0.0)
    own = np.diag(table)
    missed[np.diag_indices(classes)] = 0.0
    recall = own / np.maximum(own + missed.sum(axis=0), 1.0)
    return np.asarray(recall >= max(RECALL, ABOVE + (1 - ABOVE) / present))


def _top(hits: Ints, rows: Ints) -> int:
    """The class with the most contradictions beyond its share."""
    return int(np.argmax(hits - rows * (hits.sum() / max(int(rows.sum()), 1))))


def _orders(predicted: Ints, sure: Floats, classes: int) -> Iterator[Floats]:
    """Places in (0, 1] of the rows, the surest first: within each predicted class; among all rows,
    each predicted class with the same weight; and among all rows.
    """
    yield _ranks(predicted, sure, classes)
    order = np.argsort(-sure, kind="stable")
    weight = (1.0 / np.bincount(predicted, minlength=classes)[predicted])[order]
    out = np.empty(sure.size)
    out[order] = np.cumsum(weight) / weight.sum()
    yield out
    yield _ranks(np.zeros_like(predicted), sure, classes)


def _spread(predicted: Ints, sure: Floats, wrong: Mask, classes: int, part: float) -> bool:
    """Whether ``part`` of the contradictions can be left at every depth without the predicted class
    that has the most of them.
    """
    rank = _ranks(predicted, sure, classes)
    for depth in DEPTHS:
        few = rank <= depth
        hits = np.bincount(predicted[few & wrong], minlength=classes)
        rows = np.bincount(predicted[few], minlength=classes)
        top = _top(hits, rows)
        k, n = int(hits.sum() - hits[top]), int(rows.sum() - rows[top])
        if depth < DEPTHS[0] and n < TREND:
            break
        if depth == DEPTHS[0] and (n < OTHERS or k < TWO):
            return False
        low, high = wilson(k, n, WEAK)
        if high < part * float(wrong[predicted != top].mean()):
            return False
        if (depth == DEPTHS[0] or n >= ROWS) and low <= SPREAD:
            return False
    return True


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
    confident = np.where(probabilities >= threshold, probabilities, -np.inf)
    suggested = confident.argmax(axis=1).astype(np.int64)
    best = confident[np.arange(n), suggested]
    rows = np.flatnonzero((suggested != codes) & (best > own)).astype(np.int64)
    margins = best[rows] - own[rows]
    order = np.lexsort((rows, -margins))
    rows = rows[order]
    return Suspects(rows, suggested[rows], margins[order])
