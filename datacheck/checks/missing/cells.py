"""What the rules about missing cells share: who holds a column, and how much of it is missing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from datacheck.checks.base import ADDRESS, Context
from datacheck.checks.support import NUMERIC, examples, missing, need_missing
from datacheck.dataset import Dataset, Kind, Role
from datacheck.findings import MAX_EXAMPLES, Example
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
    context: Context, splits: Iterable[str], column: str, rows: pl.Expr, most: int = 1
) -> list[Example]:
    """The first sampled rows where ``rows`` holds, of the splits in their order."""
    out: list[Example] = []
    for split in splits:
        frame = context.sample(split)
        if len(out) < most and column in frame.columns and ADDRESS in frame.columns:
            out += examples(context, split, frame.filter(rows).head(most - len(out)), [column])
    return out


def show_texts(
    context: Context, splits: Iterable[str], column: str, texts: Collection[str]
) -> list[Example]:
    """The first rows whose unread cell is one of ``texts``, of the splits in their order."""
    out: list[Example] = []
    for split in splits:
        first = context.tokens(split).first(column)
        placed = sorted((a, text) for text in texts for a in first.get(text, ()))
        found = placed[: MAX_EXAMPLES - len(out)]
        out += [Example(context.locate(split, [a]), {column: text}) for a, text in found]
    return out


def in_turn(lists: Iterable[Sequence[Example]]) -> list[Example]:
    """The first of each list, then the second of each; as many as a finding shows."""
    rounds = zip_longest(*lists)
    return [e for one in rounds for e in one if e is not None][:MAX_EXAMPLES]
