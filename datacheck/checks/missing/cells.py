"""What the rules about missing cells share: who holds a column, and how much of it is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from datacheck.checks.base import ADDRESS, Context
from datacheck.checks.support import NUMERIC, examples, missing, need_missing
from datacheck.dataset import Dataset, Kind, Role
from datacheck.findings import Example
from datacheck.summaries.base import Need

if TYPE_CHECKING:
    import polars as pl

INPUTS = (Role.FEATURE, Role.GROUP, Role.TIME, Role.WEIGHT)
LISTED = 20  # columns that evidence names one by one


def inputs(data: Dataset, *kinds: Kind) -> tuple[str, ...]:
    """Columns that a model is given or a split is made by; not the label, not ids."""
    return data.select(*kinds, roles=INPUTS)


def holders(context: Context, column: str) -> list[str]:
    """Splits with rows that really have the column."""
    return [s for s in context.splits if column in context.data.splits[s].kinds]


def need_cells(data: Dataset, columns: Sequence[str]) -> list[Need]:
    """What :func:`empty_cells` needs."""
    numeric = tuple(c for c in columns if data.columns[c].kind in NUMERIC)
    tokens = [Need("tokens", numeric)] if numeric else []
    return [*need_missing(data, columns), *tokens]


def unread(context: Context, split: str, column: str) -> int:
    """Cells whose text could not be read as the column's kind; they are null in the data."""
    if context.data.columns[column].kind not in NUMERIC:
        return 0
    return context.tokens(split).total(column)


def empty_cells(context: Context, split: str, column: str) -> int:
    """Null and NaN cells of a column, less those that held a text nobody could read.

    The latter are MV003's where the text says that there is no value, and MV007's otherwise.
    """
    return max(0, missing(context, split, column) - unread(context, split, column))


def share(count: float, total: float) -> str:
    """``4.7 %``: a share as messages say it; 100 % only where it is all."""
    if not count or not total:
        return "0%"
    percent = 100 * count / total
    return "100%" if count == total else f"{min(percent, 99.9):.{1 if percent >= 1 else 2}f}%"


def show(
    context: Context, splits: Iterable[str], column: str, rows: pl.Expr
) -> tuple[Example, ...]:
    """A sampled row where ``rows`` holds, from the first of the splits that has any."""
    for split in splits:
        frame = context.sample(split)
        if column in frame.columns and ADDRESS in frame.columns:
            hits = frame.filter(rows).head(1)
            if hits.height:
                return examples(context, split, hits, [column])
    return ()
