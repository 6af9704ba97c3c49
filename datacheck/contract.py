"""A contract for the columns of a dataset: a pandera schema, inferred from what train holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from datacheck.auditing import opened
from datacheck.checks.base import Context
from datacheck.checks.codes import select
from datacheck.checks.missing.isolated import Sides, dates_said, isolated
from datacheck.checks.missing.sentinel_values import SentinelValues
from datacheck.dataset import Column, Dataset, Kind, Role, to_matrix
from datacheck.errors import UsageError
from datacheck.findings import names, plain
from datacheck.summaries.base import Need, Summary, summary_key

if TYPE_CHECKING:
    from pandera.polars import DataFrameSchema

    from datacheck.auditing import Progress
    from datacheck.config import Config

MARGIN = 0.1
CATEGORIES = 50
LEFT_OUT = (Role.IGNORE, Role.MEASURED, Role.SPLIT)
NOTE = """# Inferred by datacheck from {rows:,} rows of {split}: {what}.
# Edit it; `datacheck audit {name} --schema FILE` holds every split to it.
"""
STAND_INS = """# What seems to stand for a missing value (MV003) is in no range, and its
# column may lack values, as it will once `datacheck fix` has made it missing:
# {each}.
"""


def infer_schema(
    source: Any, config: Config, *, margin: float = MARGIN, progress: Progress | None = None
) -> tuple[DataFrameSchema, str]:
    """(schema, the same as YAML with a note) of the train split of a dataset.

    Numbers lie within train's range, widened by ``margin`` of it on both sides (never across 0);
    columns with at most 50 values that repeat have just those; text is at most as long as train's
    longest and ``margin`` more; only columns with missing cells in train may have them; ids that
    never repeat are unique. Numbers that MV003 takes for stand-ins of missing values (-999) are in
    no range, and told in the note: train itself breaks such a schema until it is repaired.
    Nothing is asked of the order of columns, nor of further ones.
    Raises UsageError without a train split, SourceError for data that cannot be read.
    """
    from pandera.io import polars_io
    from pandera.polars import DataFrameSchema

    from datacheck.engines import local
    from datacheck.engines.plan import make_plan

    if not 0 <= margin < math.inf:
        raise UsageError(f"a margin of {margin}", "a share of the range, such as 0.1")
    data = opened(source, config)
    train = data.train
    if train is None:
        raise UsageError("no split is called train", "name it: datacheck schema --train FILE")
    if data.split_column is None:
        data = replace(data, splits={train: data.splits[train]})
    chosen = [c for c in data.columns.values() if c.role not in LEFT_OUT]
    chosen = [c for c in chosen if c.name in data.splits[train].kinds and c.kind is not Kind.IMAGE]
    plan = make_plan(data, [*_needs(chosen), *SentinelValues().needs(data)], sample=config.sample)
    scan = local.run(data, plan, threads=config.threads, memory=config.memory, progress=progress)
    held = {k: v for (s, k), v in scan.summaries.items() if s == train}
    rows = scan.rows[train]
    if not rows:
        raise UsageError(f"{train} has no rows to infer from", "check what wrote it")
    context = Context(data, {train: rows}, scan.summaries)  # other splits have no say in it
    odd = _stand_ins(context, config)
    spans = {name: _span(context, train, name, values) for name, values in odd.items()}
    schema = DataFrameSchema({c.name: _column(c, held, rows, margin, spans) for c in chosen})
    told = NOTE.format(
        rows=rows, split=train, name=plain(data.name), what=f"ranges with a margin of {margin:.0%}"
    )
    if odd:
        said = {True: dates_said, False: "{:.15g}".format}
        each = [
            f"{said[data.columns[name].kind is Kind.DATETIME](v)} in {name}"
            for name, values in odd.items()
            for v in values
        ]
        told += STAND_INS.format(each=plain(names(each, len(each))))
    return schema, told + str(polars_io.to_yaml(schema))


def _needs(columns: list[Column]) -> list[Need]:
    of = {kind: tuple(c.name for c in columns if c.kind is kind) for kind in Kind}
    numeric = (*of[Kind.NUMBER], *of[Kind.DATETIME], *of[Kind.BOOLEAN])
    words = (*of[Kind.CATEGORY], *of[Kind.TEXT])
    lists = (*of[Kind.SEQUENCE], *of[Kind.ARRAY])
    ids = tuple(c.name for c in columns if c.role is Role.ID)
    labels = tuple(c.name for c in columns if c.role is Role.LABEL and c.kind is Kind.NUMBER)
    wanted = (
        ("moments", numeric, ()),
        ("nulls", (*words, *lists), ()),
        ("values", (*words, *labels), ()),
        ("lengths", words, (("unit", "characters"),)),
        ("keys", ids, ()),
    )
    return [Need(kind, columns, params) for kind, columns, params in wanted if columns]


def _stand_ins(context: Context, config: Config) -> dict[str, list[float]]:
    """By column, the numbers that the rule MV003 takes for stand-ins, as it is configured."""
    if all(c.code != "MV003" for c in select(config.select, config.ignore)):
        return {}
    rule = SentinelValues(**config.rule_options("MV003"))
    found: dict[str, list[float]] = {}
    for column, value in isolated(context, Sides(rule.min_share, rule.max_zeros)):
        found.setdefault(column, []).append(value)
    return found


def _span(context: Context, train: str, column: str, odd: list[float]) -> tuple[float, float]:
    """Least and greatest of the other values (of the row sample, where train is larger)."""
    import numpy as np

    x = to_matrix(context.sample(train), [column])[:, 0]
    x = x[np.isfinite(x) & ~np.isin(x, odd)]
    return float(x.min()), float(x.max())


def _column(
    column: Column,
    held: Mapping[str, Summary],
    rows: int,
    margin: float,
    spans: Mapping[str, tuple[float, float]],
) -> Any:
    import polars as pl
    from pandera.polars import Check
    from pandera.polars import Column as Wanted

    name, kind = column.name, column.kind
    checks: list[Any] = []
    dtype: Any = pl.String
    if kind in (Kind.NUMBER, Kind.DATETIME, Kind.BOOLEAN):
        moment = held["moments"][name]  # type: ignore[index] # a Moments, by construction
        missing = moment.missing
        dtype = {Kind.DATETIME: pl.Datetime("us"), Kind.BOOLEAN: pl.Boolean()}.get(kind)
        if kind is Kind.NUMBER:
            whole = moment.fractional == 0 and moment.posinf + moment.neginf == 0
            dtype = pl.Int64 if whole and abs(moment.max) + abs(moment.min) < 2**53 else pl.Float64
            if column.role is Role.LABEL and whole and (values := _values(held, name)):
                checks = [Check.isin(sorted(int(v) for v in values))]
            elif moment.finite and column.role is not Role.ID:
                least, most = spans.get(name, (moment.min, moment.max))
                low, high = _range(least, most, margin, whole=dtype == pl.Int64)
                checks = [Check.in_range(low, high)]
    else:
        missing = held["nulls"][name]  # type: ignore[index] # a Nulls, by construction
        if kind in (Kind.SEQUENCE, Kind.ARRAY):
            dtype = None  # pandera cannot write what lists hold without their exact type
        else:
            checks = _words(column, held, rows, margin)
    unique = False
    if column.role is Role.ID and not missing:
        keys = held["keys"]
        unique = bool((keys.counts(name) == 1).all()) and keys.complete(name)  # type: ignore[attr-defined] # a Keys
    return Wanted(dtype, checks=checks, nullable=bool(missing) or name in spans, unique=unique)


def _values(held: Mapping[str, Summary], name: str) -> list[str]:
    """The values of a column if there are few enough to be its categories."""
    values = held["values"]
    found = values[name]  # type: ignore[index] # a Values, by construction
    known = [v for v in found if v is not None]
    return sorted(known) if values.complete(name) and len(known) <= CATEGORIES else []  # type: ignore[attr-defined] # as above


def _words(column: Column, held: Mapping[str, Summary], rows: int, margin: float) -> list[Any]:
    from pandera.polars import Check

    values = _values(held, column.name)
    if values and column.kind is Kind.CATEGORY and column.role not in (Role.ID, Role.GROUP):
        return [Check.isin(values)]
    lengths = held[summary_key("lengths", (("unit", "characters"),))]
    longest = lengths[column.name].lengths  # type: ignore[index] # a Lengths, by construction
    if not longest.size:
        return []
    return [Check.str_length(max_value=math.ceil(int(longest.max()) * (1 + margin)))]


def _range(low: float, high: float, margin: float, *, whole: bool) -> tuple[Any, Any]:
    """Widened by the margin, rounded outward, and on the same side of 0."""
    wide = (high - low) * margin
    below, above = low - wide, high + wide
    if low >= 0 > below:
        below = 0.0
    if high <= 0 < above:
        above = 0.0
    if whole:
        return math.floor(below), math.ceil(above)
    if not (math.isfinite(below) and math.isfinite(above)):
        return low, high
    step = 10.0 ** (math.floor(math.log10(max(abs(below), abs(above), 1e-300))) - 3)
    shrunk, grown = math.floor(below / step) * step, math.ceil(above / step) * step
    return float(f"{min(shrunk, below):.12g}"), float(f"{max(grown, above):.12g}")


def schema_of(data: Dataset, config: Config) -> DataFrameSchema:
    """The schema alone, of a dataset that is open."""
    return infer_schema(data, config)[0]
