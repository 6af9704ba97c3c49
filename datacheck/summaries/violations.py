"""Cells and rows that break a pandera schema, counted by column and check.

Each block is validated by pandera's Polars backend, all checks at once. Types are compared by
value: 3.0 read from text is an integer where the schema wants one, 3.5 is not. What a block alone
cannot tell is left out here: whether a value is unique in its split.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from datacheck.dataset import Batch
from datacheck.summaries.base import State, Summary
from datacheck.summaries.schemas import load_for
from datacheck.summaries.values import canonical_strings
from datacheck.types import Ints, Mask

if TYPE_CHECKING:
    import polars as pl
    from pandera.polars import DataFrameSchema

KEPT = 5  # examples of each violation: those with the smallest addresses
_Seen = list[tuple[int, str]]
ROW = ""  # the column of checks that look at whole rows
CHARS = 120


class Violations(Summary):
    """Counts and first examples of each (column, check) that fails; ``schema`` by its name."""

    columnwise = False

    def __init__(self, columns: Sequence[str] = (), schema: str = "", **params: Any) -> None:
        super().__init__(columns, schema=schema, **params)
        self.schema = schema
        self.counts: dict[tuple[str, str], int] = {}
        self.examples: dict[tuple[str, str], _Seen] = {}

    def update(self, batch: Batch) -> None:
        """Absorb the rows of a batch."""
        if not batch.height:
            return
        schema = without_unique(load_for(self.schema, self.columns), self.columns)
        frame, lost = fitted(batch, schema)
        for column, (mask, values) in lost.items():
            wanted = f"dtype({schema.columns[column].dtype})"
            self._add((column, wanted), batch.addresses[mask], values)
        for column, check, rows, values in _failures(frame, schema):
            if column in lost:
                kept = ~lost[column][0][rows]
                rows, values = rows[kept], [v for v, k in zip(values, kept, strict=True) if k]
            self._add((column, check), batch.addresses[rows], values)

    def merge(self, other: Self) -> Self:
        """Sums, and the first examples of both."""
        for key, count in other.counts.items():
            self.counts[key] = self.counts.get(key, 0) + count
            both = self.examples.get(key, []) + other.examples[key]
            self.examples[key] = sorted(both)[:KEPT]
        return self

    def _add(self, key: tuple[str, str], addresses: Ints, values: Sequence[str]) -> None:
        if not addresses.size:
            return
        first = np.argsort(addresses, kind="stable")[:KEPT]
        seen = [(int(addresses[i]), values[int(i)][:CHARS]) for i in first]
        self.counts[key] = self.counts.get(key, 0) + int(addresses.size)
        self.examples[key] = sorted(self.examples.get(key, []) + seen)[:KEPT]

    def state(self) -> State:
        """Keys, counts and examples as text, in order of the keys."""
        keys = sorted(self.counts)
        return {
            "keys": json.dumps(keys),
            "counts": np.array([self.counts[k] for k in keys], dtype=np.int64),
            "examples": json.dumps([self.examples[k] for k in keys]),
        }

    def restore(self, state: State) -> None:
        """Take over a state."""
        keys = [(str(a), str(b)) for a, b in json.loads(state["keys"])]
        self.counts = dict(zip(keys, state["counts"].tolist(), strict=True))
        told = json.loads(state["examples"])
        self.examples = {
            k: [(int(a), str(v)) for a, v in e] for k, e in zip(keys, told, strict=True)
        }


def without_unique(schema: DataFrameSchema, columns: Sequence[str]) -> DataFrameSchema:
    """The schema for a block that has ``columns``: no uniqueness, parsers or other columns."""
    from pandera.polars import DataFrameSchema

    kept = {}
    for name, column in schema.columns.items():
        if name in columns:
            kept[name] = alone = copy(column)
            alone.unique = False
            alone.parsers = []  # which the Polars backend refuses to run
    return DataFrameSchema(kept, checks=schema.checks, name=schema.name)


def fitted(
    batch: Batch, schema: DataFrameSchema
) -> tuple[pl.DataFrame, dict[str, tuple[Mask, list[str]]]]:
    """The columns of the schema as its types, and the cells that cannot be: mask and raw text."""
    out: list[pl.Series] = []
    lost: dict[str, tuple[Mask, list[str]]] = {}
    for name, column in schema.columns.items():
        series = batch.frame[name]
        raw = batch.tokens.get(name)
        wanted = getattr(column.dtype, "type", None)
        cast = series if wanted is None else _cast(series, wanted)
        bad = (cast.is_null() & ~_missing(series)).to_numpy()
        if raw is not None:
            bad = bad | raw.is_not_null().to_numpy()
        if bad.any():
            shown = canonical_strings(series) if not series.dtype.is_nested() else _listed(series)
            text = shown if raw is None else raw.fill_null("").zip_with(raw.is_not_null(), shown)
            lost[name] = (bad, [str(v) for v in text.filter(bad).to_list()])
        out.append(cast.alias(name))
    import polars as pl

    return pl.DataFrame(out), lost


def _missing(series: pl.Series) -> pl.Series:
    return series.is_null() | series.is_nan() if series.dtype.is_float() else series.is_null()


def _listed(series: pl.Series) -> pl.Series:
    import polars as pl

    return pl.Series(series.name, [str(v)[:CHARS] for v in series.to_list()], dtype=pl.String)


def _cast(series: pl.Series, wanted: Any) -> pl.Series:
    """As that type where no value changes; null where one would."""
    import polars as pl

    if series.dtype == wanted:
        return series.fill_nan(None) if series.dtype.is_float() else series
    if wanted == pl.String and not series.dtype.is_nested():
        return canonical_strings(series)
    try:
        cast = series.cast(wanted, strict=False)
    except pl.exceptions.PolarsError:
        return _none(series, wanted)
    if cast.dtype.is_temporal() and (series.dtype.is_numeric() or series.dtype == pl.Boolean):
        return _none(series, wanted)  # a number is no date, whatever it counts
    if cast.dtype == pl.Boolean and series.dtype.is_numeric():
        truth = series.cast(pl.Float64).is_in([0.0, 1.0])
        return cast.to_frame("x").select(pl.when(truth).then(pl.col("x"))).to_series()
    if series.dtype.is_float() and cast.dtype.is_integer():
        whole = cast.cast(pl.Float64) == series.cast(pl.Float64)
        cast = cast.to_frame("x").select(pl.when(whole).then(pl.col("x"))).to_series()
    return cast


def _none(series: pl.Series, wanted: Any) -> pl.Series:
    import polars as pl

    return pl.Series(series.name, [None] * len(series), dtype=wanted)


def _failures(
    frame: pl.DataFrame, schema: DataFrameSchema
) -> Iterator[tuple[str, str, Ints, list[str]]]:
    """(column, check, rows, values) of what fails."""
    import polars as pl
    from pandera.errors import SchemaError, SchemaErrors

    try:
        schema.validate(frame, lazy=True)
        return
    except SchemaErrors as error:
        cases = error.failure_cases
    except SchemaError as error:  # of a parser or a check that itself broke
        raise ValueError(
            f"the schema's check broke: {' '.join(str(error).split())[:200]}"
        ) from None
    frame = cases if isinstance(cases, pl.DataFrame) else pl.DataFrame(cases)
    frame = frame.with_columns(
        pl.when(pl.col("schema_context") == "Column")
        .then(pl.col("column"))
        .otherwise(pl.lit(ROW))
        .fill_null(ROW)
        .alias("column")
    )
    for (column, check), some in frame.group_by(["column", "check"], maintain_order=True):
        known = some.filter(pl.col("index").is_not_null())
        rows = known["index"].to_numpy().astype(np.int64)
        values = [str(v) for v in known["failure_case"].fill_null("missing").to_list()]
        if known.height < some.height:
            # No row can be named (a check of the whole column said no): all of them, as one.
            rows, values = np.zeros(1, dtype=np.int64), ["the block as a whole"]
        yield str(column), str(check), rows, values
