"""# missingness-leak (LK006)

## What it finds
A column whose *gaps* predict the label: the value is missing (or a stand-in such as −999 or
`unknown`) in nearly all rows of one class and in hardly any other.

## Why it hurts training
Whatever is filled in, the model finds the gap and reads the label from it. In use, the column is
empty for other reasons (it is filled in after the outcome is known, say), and the score is lost.

## How it is measured
On the row sample of train, with at least 500 rows of each class where there are. For each column
and class, the share of rows with a gap within the class and in all other rows; half of one plus
their difference is the area under the ROC curve. It must be at least `min_auc`, and the lower end
of Newcombe's interval (at 1e-4 over all columns tested) at least `min_low`. For a label that is a
number: the same with R², the share of the label's variance that the gap explains. A stand-in is
an extreme of a column of numbers or dates that is further from all other values than these are
from each other, or a known spelling of "no value" among categories.

Measured on scikit-learn's bundled datasets, with splits that set no threshold: a feature that is
empty in one class, with 4 % of the rows the other way round, is found in 16 of 16; of 200 clean
re-splits none raises an alarm.

## Example
`date_of_discharge` is empty in 98 % of the rows where `died` is 1, and in 1 % of the others.

## Repair and repair safety
`drop-feature` (unsafe): drop the column. Imputation without an indicator hides the leak only in
part, and an indicator column makes it worse.

## Options
- `min_auc` (0.9): the least AUC (or R²) of the gap.
- `min_low` (0.75): the least lower end of its interval.
- `min_rows` (20): the least number of sampled rows with a gap, without one, and of the class.

## Known limits
A stand-in amid the values (0 where 0 is also a measurement) is not seen. Gaps of several columns
together are not combined.

## References
- Kaufman, Rosset & Perlich 2012, "Leakage in data mining", ACM TKDD 6(4).
- Newcombe 1998, "Interval estimation for the difference between independent proportions",
  Statistics in Medicine 17 (method 10).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.na_tokens import na_values
from datacheck.checks.predict import Target, read_target
from datacheck.checks.scores import Score, critical, explained
from datacheck.checks.stats import newcombe
from datacheck.checks.support import missing, need_missing, need_sample
from datacheck.dataset import Dataset, Kind, Role, to_matrix
from datacheck.errors import UsageError
from datacheck.findings import Finding, Repair, names
from datacheck.summaries.base import Need
from datacheck.types import Floats, Ints, Mask

if TYPE_CHECKING:
    import polars as pl

ROLES = (Role.FEATURE, Role.TIME)
CELLS = 1 << 21  # cells looked at together
LEAST_OTHERS = 10  # distinct values besides a stand-in: fewer are codes


@dataclass(frozen=True)
class _Gap:
    """One column's gap: what stands there, where it is, and what it says."""

    column: str
    said: str
    rows: Mask


@dataclass(frozen=True)
class _Block:
    """Gaps of several columns: rows is (rows, gaps)."""

    columns: list[str]
    said: list[str]
    rows: Mask

    def gap(self, j: int) -> _Gap:
        return _Gap(self.columns[j], self.said[j], self.rows[:, j])


@dataclass(frozen=True)
class MissingnessLeak(Rule):
    """Where a value is missing, the label is known."""

    why = "the model reads the label from the gap, whatever is filled in"
    repairs = (Repair("drop-feature", "unsafe"),)

    min_auc: float = 0.9
    min_low: float = 0.75
    min_rows: int = 20

    def __post_init__(self) -> None:
        if not 0.5 <= self.min_low <= self.min_auc <= 1:
            raise UsageError("LK006 needs 0.5 <= min_low <= min_auc <= 1")

    def needs(self, data: Dataset) -> Iterable[Need]:
        columns = data.select(roles=ROLES)
        if not data.label or not columns:
            return []
        return [*need_sample(data), *need_missing(data, columns)]

    def judge(self, context: Context) -> Iterable[Finding]:
        label, split = context.label(), context.train
        columns = context.columns(roles=ROLES, splits=[split] if split else [])
        if not columns:
            raise NotApplicable("there are no features")
        target = read_target(context, split)
        assert split is not None
        found: dict[str | None, dict[str, tuple[_Gap, Score, float, float]]] = defaultdict(dict)
        gaps: list[_Gap] = []
        tested = 0
        for block in self._blocks(context, target, split):
            sizes = block.rows.sum(axis=0)
            fit = (sizes >= self.min_rows) & (sizes <= target.n - self.min_rows)
            tested += int(fit.sum())
            fit &= _told(block.rows, target, self.min_rows) >= self.min_auc
            gaps += [block.gap(int(j)) for j in np.flatnonzero(fit)]
        z = critical(tested)
        for gap in gaps:
            judged = self._class(gap, target, z) if target.classes else _number(gap, target, z)
            if judged and judged[1].low >= self.min_low:
                where, got, inside, outside = judged
                found[where].setdefault(gap.column, (gap, got, inside, outside))
        for where, hits in sorted(found.items(), key=lambda f: f[0] or ""):
            yield self._finding(hits, where, label.name, split, len(columns))

    def _blocks(self, context: Context, target: Target, split: str) -> Iterable[_Block]:
        """Where columns have gaps, some columns at a time."""
        width, schema = 1 + CELLS // target.n, target.frame.schema
        columns = context.columns(roles=ROLES, splits=[split])
        holes = [c for c in columns if missing(context, split, c) >= self.min_rows]
        for start in range(0, len(holes), width):
            some = holes[start : start + width]
            gone = target.frame.select(_empty(schema[c], c) for c in some)
            yield _Block(some, ["missing"] * len(some), gone.to_numpy())
        numbers = context.columns(Kind.NUMBER, Kind.DATETIME, roles=ROLES, splits=[split])
        for start in range(0, len(numbers), width):
            some = numbers[start : start + width]
            x = to_matrix(target.frame, some)
            odd = _repeated(x, self.min_rows)
            far = [(j, v) for j in odd for v in _far(x[:, j], self.min_rows)]
            if far:
                rows = np.stack([x[:, j] == v for j, v in far], axis=1)
                yield _Block([some[j] for j, _ in far], [f"{v:.15g}" for _, v in far], rows)
        for column in context.columns(Kind.CATEGORY, roles=ROLES, splits=[split]):
            series = target.frame[column]
            counts = dict(series.alias("value").drop_nulls().value_counts().iter_rows())
            for text in sorted(na_values(counts)):
                rows = (series == text).fill_null(False).to_numpy()[:, None]
                yield _Block([column], [repr(text)], rows)

    def _class(
        self, gap: _Gap, target: Target, z: float
    ) -> tuple[str, Score, float, float] | None:
        """The class that the gap tells best."""
        inside = np.bincount(target.codes[gap.rows], minlength=target.sizes.size)
        total, n = int(inside.sum()), target.n
        best = None
        for k in np.flatnonzero(target.sizes >= self.min_rows):
            size = int(target.sizes[k])
            mine, others = int(inside[k]), total - int(inside[k])
            d, low, high = _difference(mine, size, others, n - size, z)
            inner, outer = mine / size, others / (n - size)
            if best is None or (d, inner > outer) > (best[1].value, best[2] > best[3]):
                best = target.classes[k], Score("AUC", d, low, high, n), inner, outer
        return best

    def _finding(
        self,
        hits: dict[str, tuple[_Gap, Score, float, float]],
        where: str | None,
        label: str,
        split: str,
        tested: int,
    ) -> Finding:
        ranked = sorted(hits, key=lambda c: (-hits[c][1].value, c))
        gap, score, inside, outside = hits[ranked[0]]
        shown = f"{score.metric} {min(score.value, 0.999) if score.value < 1 else 1:.3f}"
        if where is not None:
            how = (
                f"{gap.column} is {gap.said} in {inside:.1%} of the rows of class {where!r} and "
                f"in {outside:.1%} of all others"
            )
        else:
            how = f"the mean of {label} is {inside:.5g} where {gap.column} is {gap.said}"
            how += f" and {outside:.5g} elsewhere"
        what = f"the gaps of {names(ranked)} give {label} away in {split}"
        return self.finding(
            f"{what}: {how} ({shown})",
            splits=[split],
            columns=sorted(ranked),
            count=len(ranked),
            total=tested,
            unit="columns",
            effect=score.effect(self.min_low),
            evidence={
                "gap": {c: hits[c][0].said for c in ranked},
                "score": {c: hits[c][1].value for c in ranked},
                **({"class": where} if where is not None else {}),
            },
        )


def _empty(dtype: pl.DataType, column: str) -> pl.Expr:
    """Null or NaN."""
    import polars as pl

    cell = pl.col(column)
    return cell.is_null() | cell.is_nan().fill_null(True) if dtype.is_float() else cell.is_null()


def _told(rows: Mask, target: Target, least: int) -> Floats:
    """AUC (of the class told best) or R² of each gap of (rows, gaps), without an interval."""
    n, total = target.n, rows.sum(axis=0)
    if target.classes:
        by_class = np.argsort(target.codes, kind="stable")
        starts = np.cumsum(target.sizes) - target.sizes
        inside = np.add.reduceat(rows[by_class].astype(np.int32), starts, axis=0)
        sizes = target.sizes[:, None]
        off = np.abs(inside / sizes - (total - inside) / (n - sizes))
        return np.asarray((1 + np.where(sizes >= least, off, 0.0).max(axis=0)) / 2)
    y = target.values / np.abs(target.values).max()
    y = y - y.mean()
    between = (rows.T @ y) ** 2 * n / np.maximum(total * (n - total), 1)
    return np.asarray(between / float(y @ y))


def _repeated(x: Floats, least: int) -> Ints:
    """Which columns of (rows, columns) have an extreme that is repeated so often."""
    finite = np.isfinite(x)
    low = np.where(finite, x, np.inf).min(axis=0)
    high = np.where(finite, x, -np.inf).max(axis=0)
    at = np.maximum((x == low).sum(axis=0), (x == high).sum(axis=0))
    return np.flatnonzero((at >= least) & (low < high))


def _far(x: Floats, least: int) -> list[float]:
    """Repeated extremes that are further from all others than these are from each other."""
    x = x[np.isfinite(x)]
    out: list[float] = []
    for value in (float(x.min()), float(x.max())):
        rest = x[x != value]
        if x.size - rest.size < least or rest.size < least:
            continue
        with np.errstate(over="ignore"):
            gap, span = np.abs(rest - value).min(), rest.max() - rest.min()
        if gap >= span and np.unique(rest).size >= LEAST_OTHERS:
            out.append(value)
    return out


def _difference(
    k1: int, n1: int, k2: int, n2: int, z: float
) -> tuple[float, float, float]:
    """AUC of an indicator that is true in k1 of n1 and k2 of n2, whichever way it points."""
    low, high = newcombe(k2, n2, k1, n1, z)
    d = k1 / n1 - k2 / n2
    if d < 0:
        d, low, high = -d, -high, -low
    return (1 + d) / 2, (1 + low) / 2, (1 + high) / 2


def _number(gap: _Gap, target: Target, z: float) -> tuple[None, Score, float, float] | None:
    """The share of a number's variance that the gap explains."""
    y = target.values
    with np.errstate(all="ignore"):
        inside, outside = float(y[gap.rows].mean()), float(y[~gap.rows].mean())
        value, half = explained(y, np.where(gap.rows, inside, outside), z)
    if not np.isfinite(half):
        return None
    score = Score("R²", value, value - half, min(1.0, value + half), y.size)
    return None, score, inside, outside
