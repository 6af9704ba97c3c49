"""Small things that many rules need: label counts, missing cells, examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from datacheck.checks.base import ADDRESS, Context
from datacheck.dataset import Column, Dataset, Kind, Role, Task
from datacheck.findings import MAX_EXAMPLES, Example
from datacheck.summaries.base import Need

if TYPE_CHECKING:
    import polars as pl

NUMERIC = (Kind.NUMBER, Kind.BOOLEAN, Kind.DATETIME)
LABEL_CAP = 50_000
LEAST_COLUMNS = 4
UNLIKE_CELLS = (Kind.TEXT, Kind.SEQUENCE, Kind.IMAGE, Kind.ARRAY)


def need_label_counts(data: Dataset) -> list[Need]:
    """Exact label counts, where the label names classes."""
    label = data.label
    return [Need("values", (label.name,))] if label and data.task is Task.CLASSIFICATION else []


def label_counts(context: Context, split: str) -> dict[str, int]:
    """class → rows, most frequent first; missing labels are no class."""
    label = context.label(Task.CLASSIFICATION)
    return context.values(split)[label.name]


def has_label(context: Context, split: str) -> bool:
    """Whether the split holds the label column at all."""
    label = context.data.label
    return label is not None and label.name in context.data.splits[split].kinds


def need_missing(data: Dataset, columns: Sequence[str]) -> list[Need]:
    """What counts the missing cells of the columns."""
    numeric = tuple(c for c in columns if data.columns[c].kind in NUMERIC)
    other = tuple(c for c in columns if data.columns[c].kind not in NUMERIC)
    out = [Need("moments", numeric)] if numeric else []
    return [*out, Need("nulls", other)] if other else out


def missing(context: Context, split: str, column: str) -> int:
    """Missing cells (null or NaN) of a column in a split; exact."""
    if context.data.columns[column].kind in NUMERIC:
        return context.moments(split)[column].missing
    return context.nulls(split)[column]


def need_sample(data: Dataset, *measured: str) -> list[Need]:
    """The coordinated row sample over all columns but ignored ones; of what was measured only the
    columns named, since each may cost the decoding of a picture.
    """
    columns = tuple(
        c.name
        for c in data.columns.values()
        if c.role not in (Role.IGNORE, Role.MEASURED) or c.name in measured
    )
    label = data.label
    params: tuple[tuple[str, Any], ...] = ()
    if label is not None and data.task is Task.CLASSIFICATION:
        params = (("label", label.name),)
    return [Need("row_sample", columns, params)]


def features(data: Dataset) -> list[Column]:
    """Feature columns, in the order of the schema."""
    return [c for c in data.columns.values() if c.role is Role.FEATURE]


def hash_columns(data: Dataset) -> tuple[str, ...]:
    """What makes two rows the same: features, and ids, groups and times that are not (nearly)
    unique to a row, as far as all splits have them.
    """
    kept = (Role.FEATURE, Role.TIME, Role.GROUP)
    return tuple(
        c.name
        for c in data.columns.values()
        if c.role in kept and not (c.role is not Role.FEATURE and c.unique)
        and all(c.name in s.kinds for s in data.splits.values())
    )


def need_row_hashes(data: Dataset) -> list[Need]:
    """Row hashes over :func:`hash_columns` and the label; those of tables in three parts."""
    label = data.label.name if data.label else ""
    columns = hash_columns(data)
    params = (("label", label), ("parts", table_parts(data)))
    return [Need("row_hashes", columns, params)] if columns else []


def table_parts(data: Dataset) -> str:
    """Which of three parts each of :func:`hash_columns` is in, a digit each, so that all parts tell
    rows apart about equally well. Empty where there are fewer than four columns, or texts, pictures
    and the like, by which near-duplicates are told in other ways.
    """
    columns = [data.columns[c] for c in hash_columns(data)]
    if len(columns) < LEAST_COLUMNS or any(c.kind in UNLIKE_CELLS for c in columns):
        return ""
    ranked = sorted(range(len(columns)), key=lambda i: (-columns[i].distinct, columns[i].name))
    homes = {i: "012210"[rank % 6] for rank, i in enumerate(ranked)}
    return "".join(homes[i] for i in range(len(columns)))


def examples(
    context: Context, split: str, rows: pl.DataFrame, columns: Sequence[str]
) -> tuple[Example, ...]:
    """One example for each of the first rows of a frame that has the column ``ADDRESS``."""
    head = rows.head(MAX_EXAMPLES)
    return tuple(
        Example(context.locate(split, [row[ADDRESS]]), {c: row[c] for c in columns})
        for row in head.select(ADDRESS, *columns).iter_rows(named=True)
    )
