"""How well one column alone predicts the label, on rows that were not used for fitting.

A screen over all columns at once (do rows that are neighbors in a column agree on the label?)
picks the few columns that deserve a careful judgment; those are then scored on the full sample,
fitted on one half of the rows and judged on the other. Both work for numbers, booleans, dates and
categories, and for labels that are classes or numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from datacheck.checks.base import ADDRESS, Context, NotApplicable
from datacheck.checks.stats import ALPHA, Z, auc, midranks, wilson
from datacheck.checks.support import NUMERIC, has_label
from datacheck.dataset import Kind, Task, to_matrix
from datacheck.findings import Effect
from datacheck.types import Floats, Hashes, Ints, Mask

if TYPE_CHECKING:
    import polars as pl

COLUMNS = (Kind.NUMBER, Kind.BOOLEAN, Kind.DATETIME, Kind.CATEGORY)
"""Kinds of columns that can be scored."""
LEAST = 50  # rows with a value, below which nothing is said of a column
EACH = 10  # rows of a class, below which the class does not count
SCREENED = 4_096  # rows that the screen looks at
PROMISING = 0.8  # agreement of neighbors from which on a column is scored
GROUPS = 512  # up to so many distinct numbers are taken as they are, more are cut into bins
CELLS = 1 << 20  # cells that the screen sorts at once


@dataclass(frozen=True, eq=False)
class Target:
    """The sampled rows that have a label, in file order, and their labels.

    ``values`` (n,) are numbers, or the positions of the row's class in ``classes``.
    """

    frame: pl.DataFrame
    values: Floats
    classes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Rows."""
        return int(self.values.size)

    @cached_property
    def codes(self) -> Ints:
        """Class numbers; only for classes."""
        return self.values.astype(np.int64)

    @cached_property
    def sizes(self) -> Ints:
        """Rows of each class."""
        return np.bincount(self.codes, minlength=len(self.classes)).astype(np.int64)

    @cached_property
    def hashes(self) -> Hashes:
        """One hash per row: a random order that never changes."""
        from datacheck.summaries.hashing import hash_addresses

        return hash_addresses(self.frame[ADDRESS].to_numpy())

    @property
    def fitted(self) -> Mask:
        """The half of the rows to fit on; the other half judges."""
        return np.asarray(self.hashes & np.uint64(1) == 0)

    def take(self, rows: Ints) -> Target:
        """The same for some of the rows."""
        import polars as pl

        return Target(self.frame[pl.Series(rows)], self.values[rows], self.classes)


def read_target(context: Context, split: str | None, *, uniform: bool = False) -> Target:
    """The sample of a split with its labels; raises NotApplicable where there is nothing to learn.

    Not ``uniform`` means: with the rows that are there for the sake of a rare class.
    """
    import polars as pl

    from datacheck.summaries.values import canonical_strings

    label = context.label()
    if split is None:
        raise NotApplicable("needs a train split with rows")
    if not has_label(context, split):
        raise NotApplicable(f"{split} has no column {label.name}")
    if label.kind not in (*NUMERIC, Kind.CATEGORY, Kind.TEXT):
        raise NotApplicable(f"the label {label.name} holds a {label.kind.value} in each row")
    if context.data.task is None:
        raise NotApplicable(f"whether {label.name} names classes or is a number is not known")
    frame = context.sample(split) if uniform else context.class_sample(split)
    series = frame[label.name]
    if context.data.task is Task.REGRESSION:
        values = to_matrix(series.to_frame(), [label.name])[:, 0]
        known = np.isfinite(values)
        target = Target(frame.filter(pl.Series(known)), values[known])
        varied = target.n > 0 and float(target.values.min()) < float(target.values.max())
    else:
        text = canonical_strings(series)
        frame, text = frame.filter(text.is_not_null()), text.drop_nulls()
        classes = text.unique().sort()
        codes = text.cast(pl.Enum(classes)).to_physical().to_numpy()
        target = Target(frame, codes.astype(np.float64), tuple(classes.to_list()))
        varied = classes.len() > 1
    if target.n < LEAST:
        raise NotApplicable(f"{split} has {target.n} rows with a label; {LEAST} are needed")
    if len(target.classes) > target.n / 2:
        raise NotApplicable(f"the classes of {label.name} hardly repeat in {split}")
    if not varied:
        raise NotApplicable(f"all rows of {split} have the same label")
    return target


def coded(context: Context, frame: pl.DataFrame, columns: list[str]) -> Floats:
    """Columns as a float64 matrix (rows, columns); missing is NaN, categories are hashes.

    Hashes, because the order of names means nothing and must not help.
    """
    from datacheck.summaries.hashing import hash_column

    kinds = context.data.columns
    numeric = [c for c in columns if kinds[c].kind in NUMERIC]
    if len(numeric) == len(columns):
        return to_matrix(frame, columns)
    out = np.empty((frame.height, len(columns)), order="F")
    out[:, [kinds[c].kind in NUMERIC for c in columns]] = to_matrix(frame, numeric)
    for j, column in enumerate(columns):
        if kinds[column].kind not in NUMERIC:
            hashes = (hash_column(frame[column]) >> np.uint64(11)).astype(np.float64)
            out[:, j] = np.where(frame[column].is_null().to_numpy(), np.nan, hashes)
    return out


def promising(context: Context, target: Target, columns: list[str]) -> list[str]:
    """The columns in which neighboring rows agree on the label so well that a look is due."""
    few = target.take(_spread(target))
    found = np.zeros(len(columns), dtype=np.bool_)
    width = max(1, CELLS // max(few.n, 1))
    for start in range(0, len(columns), width):
        matrix = coded(context, few.frame, columns[start : start + width])
        found[start : start + width] = agreement(matrix, few) >= PROMISING
    return [c for c, yes in zip(columns, found, strict=True) if yes]


def _spread(target: Target) -> Ints:
    """Rows for the screen, in random order: about as many of each class."""
    from datacheck.summaries.hashing import mix

    order = np.argsort(target.hashes)
    if not target.classes:
        return order[:SCREENED].astype(np.int64)
    codes = target.codes[order]
    by_class = np.argsort(codes, kind="stable")
    starts = np.cumsum(target.sizes) - target.sizes
    rank = np.empty(order.size, dtype=np.int64)
    rank[by_class] = np.arange(order.size) - np.repeat(starts, target.sizes)
    kept = order[rank < max(SCREENED // len(target.classes), 2 * EACH)]
    # The hashes of a large class that stay are smaller than those of a small one: hash again.
    return kept[np.argsort(mix(target.hashes[kept]))].astype(np.int64)


def agreement(matrix: Floats, target: Target) -> Floats:
    """How well neighbors in each column of (rows, columns) agree on the label; 1 is perfectly.

    Classes: the share of neighbors of the same class, each class with the same weight. Numbers:
    1 − half the mean square of the difference of the ranks of neighbors, over their variance
    (Rice 1984; Chatterjee 2021). Rows must be in random order, so that ties tell nothing.
    """
    by_column = np.ascontiguousarray(matrix.T)
    order = np.argsort(by_column, axis=1, kind="stable")
    known = ~np.isnan(np.take_along_axis(by_column, order, axis=1)[:, 1:])
    if target.classes:
        labels = target.codes[order]
        weight = (1.0 / np.maximum(target.sizes, 1))[labels[:, :-1]] * known
        total = weight.sum(axis=1)
        same = (weight * (labels[:, 1:] == labels[:, :-1])).sum(axis=1)
        return np.asarray(same / np.where(total > 0, total, np.inf))
    ranks = midranks(target.values)
    ranks = (ranks - ranks.mean()) / (float(ranks.std()) or 1.0)
    steps = np.diff(ranks[order], axis=1) ** 2 * known
    count = known.sum(axis=1)
    noise = steps.sum(axis=1) / (2.0 * np.maximum(count, 1))
    return np.asarray(np.where(count > 1, 1.0 - noise, 0.0))


# -- scores ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Score:
    """How well a column predicts the label, over the ``n`` rows that judged.

    ``exact`` marks a column that tells all rows apart without one exception, in at least 100
    rows: a fact that needs no interval.
    """

    metric: str
    value: float
    low: float
    high: float
    n: int
    exact: bool = False

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
    bins, count = _bins(x, codes, fitted, category)
    k = sizes.size
    if count * k > 1 << 24:
        return None
    table = np.bincount(bins[fitted] * k + codes[fitted], minlength=count * k).reshape(count, k)
    prior = table.sum(axis=0) / max(int(fitted.sum()), 1)
    judge = ~fitted
    told = table.astype(np.float64) + prior
    wrong = int((told.argmax(axis=1)[bins[judge]] != codes[judge]).sum())
    enough = x.size >= 2 * LEAST and int(sizes[sizes > 0].min()) >= EACH
    if enough and (not wrong or (not category and _apart(x, codes))):
        return Score("rows told apart", 1.0, 1.0, 1.0, x.size, exact=True)
    if (sizes > 0).sum() > 2:
        n = int(judge.sum())
        low, high = wilson(n - wrong, n, z)
        return Score("accuracy", 1 - wrong / n, low, high, n)
    last = int(np.flatnonzero(sizes)[-1])
    chance = told[:, last] / told.sum(axis=1)
    best = (*auc(chance[bins[judge]], codes[judge] == last, z), int(judge.sum()))
    if not category:
        area, low, high = auc(x, codes == last, z)
        if area < 0.5:
            area, low, high = 1 - area, 1 - high, 1 - low
        best = max(best, (area, low, high, x.size), key=lambda b: (b[1], b[3]))
    return Score("AUC", *best)


def _apart(x: Floats, codes: Ints) -> bool:
    """Whether each class has an interval of values to itself."""
    order = np.argsort(x, kind="stable")
    values, labels = x[order], codes[order]
    change = labels[1:] != labels[:-1]
    alone = int(change.sum()) == np.unique(codes).size - 1
    return bool(alone and (values[1:][change] > values[:-1][change]).all())


def _bins(x: Floats, codes: Ints, fitted: Mask, category: bool) -> tuple[Ints, int]:
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
    bins, count = _bins(x, np.zeros(x.size, dtype=np.int64), fitted, True)
    n = np.bincount(bins[fitted], minlength=count)
    sums = np.bincount(bins[fitted], y[fitted], minlength=count)
    means = np.where(n > 0, sums / np.maximum(n, 1), float(y[fitted].mean()))
    return np.asarray(means[bins])


def explained(y: Floats, predicted: Floats, z: float) -> tuple[float, float]:
    """R² and half the width of its interval (a ratio of means, by the delta method)."""
    off = (y - y.mean()) ** 2
    if y.size < 2 or not float(off.mean()) > 0:
        return math.nan, math.nan
    wrong = (y - predicted) ** 2
    value = 1 - float(wrong.mean() / off.mean())
    spread = float((wrong - (1 - value) * off).std() / off.mean())
    return value, z * spread / math.sqrt(y.size)
