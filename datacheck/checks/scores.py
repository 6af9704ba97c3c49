"""How well one column alone predicts the label, on rows that were not used for fitting.

One half of the rows is fitted on and the other judges, so that a column with a name for each row
cannot look good.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from datacheck.checks.predict import EACH, LEAST, Target
from datacheck.checks.stats import ALPHA, Z, auc, midranks, wilson
from datacheck.findings import Effect
from datacheck.types import Floats, Ints, Mask

GROUPS = 512  # up to so many distinct numbers are taken as they are, more are cut into bins
MOST = 0.95  # of the rows must be of classes that are large enough to be known


@dataclass(frozen=True, slots=True)
class Score:
    """How well a column predicts the label, over the ``n`` rows that judged.

    ``exact`` marks a column that tells all rows apart without one exception, in at least 100
    rows: a fact that needs no interval. ``near`` marks a near copy: few values that err in
    ``wrong`` rows, where the most frequent class alone errs in ``missed`` (:func:`_near`).
    """

    metric: str
    value: float
    low: float
    high: float
    n: int
    exact: bool = False
    near: bool = False
    wrong: int = 0
    missed: int = 0

    def effect(self, threshold: float) -> Effect:
        """As a finding shows it."""
        return Effect(self.metric, self.value, self.low, self.high, threshold)


def critical(tests: int) -> float:
    """The normal quantile for one of ``tests`` intervals that shall all hold at ALPHA."""
    from statistics import NormalDist  # scipy.special takes half a second to import

    return -NormalDist().inv_cdf(ALPHA / 2 / tests) if tests > 1 else Z


RHO = "rank correlation"


def rank_correlation(a: Floats, b: Floats, z: float = Z) -> Score:
    """The size of Spearman's correlation, with the interval of Bonett & Wright (2000)."""
    x, y = midranks(a), midranks(b)
    x, y = x - x.mean(), y - y.mean()
    scale = math.sqrt(float(x @ x) * float(y @ y))
    rho = abs(float(x @ y)) / scale if scale > 0 else 0.0
    half = z * math.sqrt((1 + rho * rho / 2) / max(a.size - 3, 1))
    center = math.atanh(min(rho, 1 - 1e-12))
    return Score(RHO, rho, math.tanh(center - half), math.tanh(center + half), a.size)


def score(x: Floats, target: Target, *, category: bool = False, tests: int = 1) -> Score | None:
    """The score of one column (n,); None where too little is known of it.

    AUC for two classes, accuracy for more, R² for numbers.
    """
    known = ~np.isnan(x) if category else np.isfinite(x)
    if int(known.sum()) < max(LEAST, target.n // 2):
        return None
    z = critical(tests)
    fitted = target.fitted[known]
    if fitted.all() or not fitted.any():
        return None
    if target.classes:
        codes = target.codes[known]
        sizes = np.bincount(codes, minlength=len(target.classes))
        if (sizes[target.sizes >= EACH] < EACH).any() or (sizes >= EACH).sum() < 2:
            return None
        return _classes(x[known], codes, sizes, fitted, category, z)
    y = target.values[known]
    return _numbers(x[known], y, fitted, category, z)


def _classes(
    x: Floats, codes: Ints, sizes: Ints, fitted: Mask, category: bool, z: float
) -> Score | None:
    group, count = bins(x, codes, fitted, category)
    k = sizes.size
    if count * k > 1 << 24:
        return None
    table = np.bincount(group[fitted] * k + codes[fitted], minlength=count * k).reshape(count, k)
    prior = table.sum(axis=0) / int(fitted.sum())
    judge = ~fitted
    told = table.astype(np.float64) + prior
    missed = told.argmax(axis=1)[group] != codes
    wrong = int(missed[judge].sum())
    # Rows of a class too small to be known are no exception, and no evidence.
    kept = (sizes >= EACH)[codes]
    enough = int(kept.sum()) >= max(2 * LEAST, x.size * MOST)
    if enough and (not missed[kept].any() or (not category and _apart(x[kept], codes[kept]))):
        return Score("rows told apart", 1.0, 1.0, 1.0, int(kept.sum()), exact=True)
    near = _near(group, codes, sizes, count)
    if near is not None:
        return near
    if (sizes > 0).sum() > 2:
        n = int(judge.sum())
        low, high = wilson(n - wrong, n, z)
        return Score("accuracy", 1 - wrong / n, low, high, n)
    last = int(np.flatnonzero(sizes)[-1])
    chance = told[:, last] / told.sum(axis=1)
    best = (*auc(chance[group[judge]], codes[judge] == last, z), int(judge.sum()))
    if not category:
        area, low, high = auc(x, codes == last, z)
        if area < 0.5:
            area, low, high = 1 - area, 1 - high, 1 - low
        best = max(best, (area, low, high, x.size), key=lambda b: (b[1], b[3]))
    return Score("AUC", *best)


NEAR, BETTER, FEW_ROWS = 0.01, 0.15, 50
Z95 = 1.96


def _near(bins: Ints, codes: Ints, sizes: Ints, count: int) -> Score | None:
    """A near copy of the label: at most 1 % of the rows wrong, and at most 15 % of those that the
    most frequent class gets wrong, at the upper ends of 95 % intervals; at least 50 rows a value,
    so that nothing is learned by heart.
    """
    missed = int(codes.size - sizes.max())
    if count * FEW_ROWS > codes.size or missed < LEAST:
        return None
    table = np.bincount(bins * sizes.size + codes, minlength=count * sizes.size)
    wrong = int(codes.size - table.reshape(count, sizes.size).max(axis=1).sum())
    low, high = wilson(codes.size - wrong, codes.size, Z95)
    if 1 - low > NEAR or wilson(wrong, missed, Z95)[1] > BETTER:
        return None
    value = 1 - wrong / codes.size
    return Score("rows told right", value, low, high, codes.size, False, True, wrong, missed)


def _apart(x: Floats, codes: Ints) -> bool:
    """Whether each class has an interval of values to itself."""
    order = np.argsort(x, kind="stable")
    values, labels = x[order], codes[order]
    change = labels[1:] != labels[:-1]
    alone = int(change.sum()) == np.unique(codes).size - 1
    return bool(alone and (values[1:][change] > values[:-1][change]).all())


def bins(x: Floats, codes: Ints, fitted: Mask, category: bool) -> tuple[Ints, int]:
    """The group of each row, learned from the fitted half, and how many groups there are.

    A value that the fitted half lacks is a group by itself (the last one) if values are names,
    and goes with its neighbors if they are numbers.
    """
    values = np.unique(x[fitted])
    if category:
        at = np.minimum(np.searchsorted(values, x), values.size - 1)
        return np.where(values[at] == x, at, values.size).astype(np.int64), values.size + 1
    if values.size > GROUPS:
        grid = np.linspace(0, 1, 65)
        wanted = [np.quantile(x[fitted], grid, method="inverted_cdf")]
        top = np.argsort(-np.bincount(codes[fitted]), kind="stable")[:16]
        for k in top:
            part = x[fitted & (codes == k)]
            if part.size:
                wanted.append(np.quantile(part, grid[::2], method="inverted_cdf"))
        at = np.searchsorted(values, np.concatenate(wanted))
        at = np.unique(np.concatenate([at, at + 1]))
        at = at[(at > 0) & (at < values.size)]
    else:
        at = np.arange(1, values.size)
    edges = values[at - 1] / 2 + values[at] / 2
    return np.searchsorted(edges, x, side="right").astype(np.int64), edges.size + 1


def _numbers(x: Floats, y: Floats, fitted: Mask, category: bool, z: float) -> Score | None:
    """The best of a line, a curve, and a line through the ranks; for names, the groups' means."""
    best: Score | None = None
    ways = [("R²", x, y, _means)] if category else [
        ("R²", x, y, _line),
        ("R²", x, y, _curve),
        ("R² of the ranks", midranks(x), midranks(y), _line),
    ]
    for metric, a, b, predict in ways:
        with np.errstate(all="ignore"):
            b1 = _scaled(b)
            predicted = predict(a if category else _scaled(a), b1, fitted)
            value, half = explained(b1[~fitted], predicted[~fitted], z)
        if math.isfinite(value) and math.isfinite(half):
            found = Score(metric, value, value - half, min(1.0, value + half), int((~fitted).sum()))
            if best is None or found.low > best.low + 1e-9:
                best = found
    return best


def _scaled(x: Floats) -> Floats:
    """Between −1 and 1 around the median, so that huge numbers do not overflow when squared."""
    middle = float(np.median(x))
    off = x / 2 - middle / 2
    return np.asarray(off / (float(np.abs(off).max()) or 1.0))


def _line(x: Floats, y: Floats, fitted: Mask) -> Floats:
    a, b = x[fitted], y[fitted]
    off = a - a.mean()
    square = float(off @ off)
    slope = float(off @ (b - b.mean())) / square if square > 0 else 0.0
    return np.asarray(b.mean() + slope * (x - a.mean()))


def _curve(x: Floats, y: Floats, fitted: Mask) -> Floats:
    """Straight lines between the means of groups of neighbors (a value is never divided)."""
    _, inverse, counts = np.unique(x[fitted], return_inverse=True, return_counts=True)
    size = max(4.0, fitted.sum() / GROUPS)
    group = ((np.cumsum(counts) - counts) // size).astype(np.int64)
    _, group = np.unique(group, return_inverse=True)
    rows = group[inverse]
    n = np.bincount(rows)
    return np.interp(x, np.bincount(rows, x[fitted]) / n, np.bincount(rows, y[fitted]) / n)


def _means(x: Floats, y: Floats, fitted: Mask) -> Floats:
    """The mean of the fitted rows with the same name; of all where there is none."""
    group, count = bins(x, np.zeros(x.size, dtype=np.int64), fitted, True)
    n = np.bincount(group[fitted], minlength=count)
    sums = np.bincount(group[fitted], y[fitted], minlength=count)
    means = np.where(n > 0, sums / np.maximum(n, 1), float(y[fitted].mean()))
    return np.asarray(means[group])


def explained(y: Floats, predicted: Floats, z: float) -> tuple[float, float]:
    """R² and half the width of its interval (a ratio of means, by the delta method)."""
    off = (y - y.mean()) ** 2
    if not float(off.mean()) > 0:
        return math.nan, math.nan
    wrong = (y - predicted) ** 2
    value = 1 - float(wrong.mean() / off.mean())
    spread = float((wrong - (1 - value) * off).std() / off.mean())
    return value, z * spread / math.sqrt(y.size)
