"""The sampled rows with their labels, and a screen for columns that may predict them.

The screen looks at all columns at once: do rows that are neighbors in a column agree on the label?
The few columns in which they do are then scored (``scores.py``). Both work for numbers, booleans,
dates and categories, and for labels that are classes or numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from datacheck.checks.base import ADDRESS, Context, NotApplicable
from datacheck.checks.stats import midranks
from datacheck.checks.support import NUMERIC, has_label
from datacheck.dataset import Kind, Task, to_matrix
from datacheck.types import Floats, Hashes, Ints, Mask

if TYPE_CHECKING:
    import polars as pl

COLUMNS = (Kind.NUMBER, Kind.BOOLEAN, Kind.DATETIME, Kind.CATEGORY)
"""Kinds of columns that can be scored."""
LEAST = 50  # rows with a value, below which nothing is said of a column
EACH = 10  # rows of a class, below which the class does not count
SCREENED = 4_096  # rows that the screen looks at
PROMISING = 0.8  # agreement of neighbors from which on a column is scored
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


def vectors(
    context: Context, target: Target, columns: list[str]
) -> Iterator[tuple[str, Floats]]:
    """Each column with its values, coded; decoded some columns at a time."""
    width = max(1, CELLS // target.n)
    for start in range(0, len(columns), width):
        some = columns[start : start + width]
        yield from zip(some, coded(context, target.frame, some).T, strict=True)


def promising(context: Context, target: Target, columns: list[str]) -> list[str]:
    """The columns in which neighboring rows agree on the label so well that a look is due."""
    few = target.take(_spread(target))
    found = np.zeros(len(columns), dtype=np.bool_)
    width = max(1, CELLS // few.n)
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
