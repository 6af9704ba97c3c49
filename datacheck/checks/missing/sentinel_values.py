"""# sentinel-values (MV003)

## What it finds
A value that poses as a missing one: a text such as `?`, `N/A` or `unknown`, a number such as
-999, -200 or 99999 far from all others, a zero in a column of sizes (a blood pressure of 0), a date
such as 1970-01-01.

## Why it hurts training
A model takes -999 for a measurement. It moves the mean, blows up the deviation that everything is
scaled by, and one row in a batch can carry most of the gradient.

## How it is measured
- *Texts*: exact counts of the known spellings, among categories and among the texts of number and
  date columns that could not be read. In columns of free text, from the row sample, and only if it
  makes `min_share` of the rows.
- *Numbers and dates*: the least and the greatest value of a column, if it is repeated and
  isolated. Isolated is judged on the row sample, without the value: its distance to the nearest
  other value must exceed the tail (from the 5 % quantile to the extreme) and half the interquartile
  range; three times both, where the value is none of those that people use (runs of nines, limits
  of integer types, negative hundreds, -1). It must stand in `min_share` of the rows, a tenth of
  that if it is a usual one, and in more rows than its five nearest neighbors together (twice their
  mean, if it is a usual one). Columns with fewer than thirty other values, or ten distinct ones,
  are left alone. Counts are exact.
- *Zeros*: the same, where the nearest other value is at least a fifth of the median away from zero,
  and zeros are at most `max_zeros` of the values. Once one such column is found, others whose zeros
  fall into the same rows count too.

Columns with the same value are one finding. It names the first rows of a text among numbers or
dates, and of all else the first rows of the row sample.

## Example
The Pima diabetes table: `blood_pressure` is 0 in 35 rows and above 24 in all others.

## Repair and repair safety
`to-missing`: the value becomes a missing cell. Safe for texts, unsafe for numbers: perhaps it was
measured.

## Options
- `min_share` (0.01): the least share of rows with a number that is no usual sentinel.
- `max_zeros` (0.3): the greatest share of zeros that are taken for missing values.
- `tokens` (): further texts that stand for a missing value.

## Known limits
A sentinel in the midst of the other values (99 among ages) is not found, nor one with outliers
beyond it, nor a second one nearer to the data than the first. `none` and `other` are taken for
categories. Where a split has more rows than the row sample, a stand-in among categories may be too
rare to be in the sample: it is counted, but no row is named. Numbers are hardly ever that rare.

## References
- Qahtan et al. 2018, "FAHES: A Robust Disguised Missing Values Detector", KDD.
- Pearson 2006, "The problem of disguised missing data", SIGKDD Explorations 8(1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.missing.cells import LISTED, holders, in_turn, inputs, share, show, show_texts
from datacheck.checks.missing.isolated import Sides, cells, dates_said, isolated
from datacheck.checks.na_tokens import is_na_token, na_values
from datacheck.checks.support import NUMERIC, need_sample
from datacheck.dataset import Dataset, Kind
from datacheck.errors import UsageError
from datacheck.findings import MAX_EXAMPLES, Example, Finding, Repair, names
from datacheck.summaries.base import Need

MEASURED = (Kind.NUMBER, Kind.DATETIME)
TEXT_LEAST = 5


@dataclass
class _Value:
    """One sentinel: how often each column holds it, by split."""

    text: bool
    spellings: Counter[str] = field(default_factory=Counter)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    raw: set[str] = field(default_factory=set)
    """The spellings, spaces and all, in columns of numbers and dates."""
    number: float = float("nan")

    @property
    def said(self) -> str:
        """The commonest spelling."""
        return min(self.spellings, key=lambda s: (-self.spellings[s], s))

    def add(self, spelling: str, column: str, split: str, n: int) -> None:
        self.spellings[spelling] += n
        self.counts.setdefault(column, Counter())[split] += n

    def cells(self, column: str) -> int:
        return sum(self.counts[column].values())


@dataclass(frozen=True)
class SentinelValues(Rule):
    """Values that mean that there is none."""

    why = "the model takes the stand-in for a measurement, and scaling is fitted on it"
    repairs = (Repair("to-missing", "unsafe"),)

    min_share: float = 0.01
    max_zeros: float = 0.3
    tokens: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.min_share < 1 or not 0 <= self.max_zeros <= 1:
            raise UsageError("min_share and max_zeros are shares", "such as 0.01")

    def needs(self, data: Dataset) -> Iterable[Need]:
        words = data.select(Kind.CATEGORY)
        measured, numeric = inputs(data, *MEASURED), inputs(data, *NUMERIC)
        if not words and not numeric and not data.select(Kind.TEXT):
            return []
        return [
            *([Need("values", words)] if words else []),
            *([Need("moments", measured)] if measured else []),
            *([Need("tokens", numeric)] if numeric else []),
            *need_sample(data),
        ]

    def judge(self, context: Context) -> Iterable[Finding]:
        data = context.data
        if not context.total or not (
            inputs(data, *NUMERIC) or data.select(Kind.CATEGORY, Kind.TEXT)
        ):
            raise NotApplicable("there is no feature of numbers, dates or words with rows")
        found: dict[str, _Value] = {}
        self._texts(context, found)
        self._free_text(context, found)
        yield from (self._finding(context, v) for v in found.values())
        numbers: dict[tuple[bool, float], _Value] = {}
        sides = Sides(self.min_share, self.max_zeros)
        for column, value in isolated(context, sides):
            dated = data.columns[column].kind is Kind.DATETIME
            said = dates_said(value) if dated else f"{value:.15g}"
            key = (dated, value)
            numbers.setdefault(key, _Value(text=False, number=value))
            for split in holders(context, column):
                if n := cells(context, split, column, value):
                    numbers[key].add(said, column, split, n)
        for _, value_ in sorted(numbers.items()):
            yield self._finding(context, value_)

    def _texts(self, context: Context, found: dict[str, _Value]) -> None:
        """Known spellings among categories, and among what is no number or date."""
        own = {t.strip().casefold() for t in self.tokens}
        for column in context.data.select(Kind.CATEGORY):
            for split in holders(context, column):
                counts = context.values(split)[column]
                odd = na_values(counts)
                odd |= {v: n for v, n in counts.items() if own and v.strip().casefold() in own}
                for value, n in odd.items():
                    self._add(found, value, column, split, n)
        for column in inputs(context.data, *NUMERIC):
            for split in holders(context, column):
                tokens = context.tokens(split)
                if tokens.total(column):
                    for value, n in tokens[column].items():
                        if is_na_token(value) or value.strip().casefold() in own:
                            self._add(found, value, column, split, n).raw.add(value)

    def _free_text(self, context: Context, found: dict[str, _Value]) -> None:
        for column in context.data.select(Kind.TEXT):
            for split in holders(context, column):
                series = context.sample(split)[column]
                if series.dtype.to_python() is not str:
                    continue
                short = series.alias("value").filter(series.str.len_bytes() <= 20)
                counts = dict(short.value_counts(name="n").iter_rows())
                counts.pop(None, None)
                least = max(TEXT_LEAST, self.min_share * len(series))
                for value, n in na_values(counts).items():
                    if n >= least:
                        self._add(found, value, column, split, n)

    def _add(self, found: dict[str, _Value], value: str, column: str, split: str, n: int) -> _Value:
        """`N/A` and `n/a` are one finding."""
        bare = value.strip()
        out = found.setdefault(bare.casefold(), _Value(text=True))
        out.add(bare, column, split, n)
        return out

    def _finding(self, context: Context, value: _Value) -> Finding:
        columns = sorted(value.counts, key=lambda c: (-value.cells(c), c))
        count = sum(value.cells(c) for c in columns)
        rows = {c: sum(context.rows[s] for s in holders(context, c)) for c in columns}
        each = [f"{c} ({value.cells(c):,}, {share(value.cells(c), rows[c])})" for c in columns]
        shown = names(each)
        said = repr(value.said[:40]) if value.text else value.said
        noun = "column" if len(columns) == 1 else "columns"
        sampled = [
            s for s in context.splits
            if context.sampled(s) and any(s in value.counts[c] for c in columns
                                          if context.data.columns[c].kind is Kind.TEXT)
        ]  # fmt: skip
        return self.finding(
            f"{said} seems to stand for a missing value in {len(columns)} {noun}: {shown}",
            splits=[s for s in context.splits if any(s in n for n in value.counts.values())],
            columns=columns,
            count=count,
            total=sum(rows.values()),
            unit="cells",
            evidence={
                "value": value.said,
                "cells": {c: value.cells(c) for c in columns[:LISTED]},
                "cells_by_split": {c: dict(value.counts[c]) for c in columns[:LISTED]},
                **({"counted_in_sample_of": sampled} if sampled else {}),
            },
            examples=_examples(context, value, columns),
            repairs=(Repair("to-missing", "safe"),) if value.text else None,
        )


def _examples(context: Context, value: _Value, columns: list[str]) -> list[Example]:
    """Rows of the first columns in turn: the first ones of texts among numbers, else sampled."""
    import polars as pl

    found: list[list[Example]] = []
    for column in columns[:MAX_EXAMPLES]:
        kind = context.data.columns[column].kind
        splits = [s for s in context.splits if s in value.counts[column]]
        cell = pl.col(column)
        if value.text and kind in NUMERIC:
            found.append(show_texts(context, splits, column, value.raw))
            continue
        if value.text:
            same = cell.cast(pl.String).str.strip_chars().str.to_lowercase()
            rows = same == value.said.lower()
        elif kind is Kind.NUMBER:
            rows = cell.cast(pl.Float64) == value.number
        else:
            stamp = pl.lit(int(value.number)).cast(pl.Datetime("us"))
            rows = cell.cast(pl.Datetime("us")) == stamp
        found.append(show(context, splits, column, rows, MAX_EXAMPLES))
    return in_turn(found)
