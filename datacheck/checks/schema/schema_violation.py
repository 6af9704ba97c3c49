"""# schema-violation (SC003)

## What it finds
Rows that break a pandera schema: your own `DataFrameModel`, or one that `datacheck schema` inferred
from train.

## Why it hurts training
A schema says what the code after it relies on. A value outside it is what that code was never tried
with: it ends the run in the middle of the night, or goes through and is learned.

## How it is measured
Name the schema: `datacheck audit dataset/ --schema schema.yaml`, `--schema
my_project.data:Patient`, or `datacheck.audit(..., schema=Patient)`. Every row of every split is
validated by pandera's Polars backend, in the one scan; all failing rows are counted and the first
ones shown. Types are compared by value: 3.0 read from text is an integer where the schema wants
one, 3.5 is not, a number is no date, and text that is no number at all counts as a wrong type; a
column of numbers passes as text. Uniqueness, of a column or of several together, is judged over the
whole split, by 64-bit hashes of the values; `regex` columns are all that match; `ordered` is by the
order in which a split has its columns.

## Example
A schema that was inferred from train says `age` lies in 0 to 99; test has 7 rows of 999:
`7 of 400 rows of test break in_range(0, 99) of age: '999'`.

## Repair and repair safety
`correct-or-widen` (manual): which side is wrong, the rows or the schema, a person has to say.

## Options
- `schema` (""): the file or `module:Model`; `--schema` sets it.

## Known limits
Checks of your own that look at a whole column (its mean, say) see blocks of at most 65,536 rows,
and no rows can be named for them. Columns that a split lacks are told once, not row by row.
Parsers are not run, and the report says so.

## References
- pandera, https://pandera.readthedocs.io
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.duplicates import percent
from datacheck.dataset import Dataset
from datacheck.findings import MAX_EXAMPLES, Example, Finding, Repair, agree, names
from datacheck.summaries.base import Need
from datacheck.summaries.violations import ROW

if TYPE_CHECKING:
    from pandera.polars import DataFrameSchema

    from datacheck.summaries.keys import Keys
    from datacheck.summaries.row_hashes import RowHashes
    from datacheck.summaries.violations import Violations

MOST = 100  # findings; what is beyond is told as a sum


@dataclass(frozen=True)
class SchemaViolation(Rule):
    """Rows outside the contract."""

    why = "what follows relies on the schema and was never tried with such values"
    repairs = (Repair("correct-or-widen", "manual"),)

    schema: str = ""

    def needs(self, data: Dataset) -> Iterable[Need]:
        if not self.schema:
            raise NotApplicable("no schema is named; --schema FILE or module:Model does")
        have = _columns(self.schema, data)
        if not have:
            return []
        unique, joint = _unique(self.schema, data), _joint(self.schema, data)
        needs = [Need("violations", have, (("schema", self.schema),))]
        needs += [Need("keys", unique)] if unique else []
        return [*needs, *([Need("joint_hashes", joint)] if joint else [])]

    def judge(self, context: Context) -> Iterable[Finding]:
        schema = _schema(self.schema, context.data)
        found: list[Finding] = []
        for name, column in schema.columns.items():
            lacking = [s for s in context.splits if name not in context.data.splits[s].kinds]
            if column.regex:
                lacking = list(context.splits)  # a pattern that nothing matches is left as it is
            if lacking and column.required:
                what = "a column that matches" if column.regex else "the column"
                found.append(
                    self.finding(
                        f"the schema asks for {what} {name}, which {names(lacking)} lacks",
                        splits=lacking,
                        columns=[name],
                        count=1,
                        total=len(schema.columns),
                        unit="columns",
                    )
                )
        if schema.strict is True:
            extra = [c for c in context.data.columns if c not in schema.columns]
            if extra:
                found.append(
                    self.finding(
                        f"the schema is strict and knows nothing of {names(extra)}",
                        columns=extra,
                        count=len(extra),
                        total=len(context.data.columns),
                        unit="columns",
                    )
                )
        if schema.ordered:
            found += self._order(context, list(schema.columns))
        if _columns(self.schema, context.data):
            for split in context.splits:
                found += self._rows(context, split)
                found += self._repeats(context, split)
                found += self._joint(context, split)
        if schema.parsers or any(c.parsers for c in schema.columns.values()):
            context.notes.append("SC003: parsers of the schema are not run on the values it judges")
        yield from found[:MOST]
        if len(found) > MOST:
            context.notes.append(
                f"SC003: {len(found) - MOST:,} further violations of the schema are not listed"
            )

    def _rows(self, context: Context, split: str) -> Iterable[Finding]:
        summary = context.get("violations", split, (("schema", self.schema),))
        violations: Violations = summary  # type: ignore[assignment] # by construction of plan
        own = context.data.splits[split].kinds
        for (column, check), count in sorted(violations.counts.items()):
            if column != ROW and column not in own:
                continue
            seen = violations.examples[column, check]
            shown = names(repr(v) for v in dict.fromkeys(v for _, v in seen))
            total = context.rows[split]
            of = f" of {column}" if column else ""
            yield self.finding(
                f"{count:,} of {total:,} rows of {split} ({percent(count / total)}) "
                f"{agree(count, 'breaks', 'break')} {check}{of}: {shown}",
                splits=[split],
                columns=[column] if column else [],
                count=count,
                total=total,
                evidence={"check": check},
                examples=[
                    Example(context.locate(split, [a]), {column or "row": v})
                    for a, v in seen[:MAX_EXAMPLES]
                ],
            )

    def _repeats(self, context: Context, split: str) -> Iterable[Finding]:
        for column in _unique(self.schema, context.data):
            if column not in context.data.splits[split].kinds:
                continue
            keys: Keys = context.keys(split)
            counts = keys.counts(column)
            again = int((counts[counts > 1] - 1).sum())
            if not again:
                continue
            whole = "" if keys.complete(column) else "at least "
            yield self.finding(
                f"{column} is unique by the schema, and {whole}{again:,} of "
                f"{context.rows[split]:,} rows of {split} "
                f"{agree(again, 'repeats', 'repeat')} a value of it",
                splits=[split],
                columns=[column],
                count=again,
                total=context.rows[split],
                evidence={"check": "unique"},
            )

    def _joint(self, context: Context, split: str) -> Iterable[Finding]:
        columns = _joint(self.schema, context.data)
        if not columns or any(c not in context.data.splits[split].kinds for c in columns):
            return
        hashes: RowHashes = context.get("joint_hashes", split)  # type: ignore[assignment] # by construction of plan
        _, first, which = np.unique(hashes.features(), return_index=True, return_inverse=True)
        addresses = hashes.addresses()
        again = np.flatnonzero(first[which] != np.arange(addresses.size))
        if again.size:
            shown = [(addresses[i], addresses[first[which[i]]]) for i in again[:MAX_EXAMPLES]]
            yield self.finding(
                f"{names(columns)} are unique together by the schema, and {again.size:,} of "
                f"{context.rows[split]:,} rows of {split} "
                f"{agree(again.size, 'repeats', 'repeat')} values of them",
                splits=[split],
                columns=columns,
                count=int(again.size),
                total=context.rows[split],
                evidence={"check": "unique together"},
                examples=[Example(context.locate(split, pair), {}) for pair in shown],
            )

    def _order(self, context: Context, wanted: list[str]) -> Iterable[Finding]:
        """Splits whose columns come in another order than the schema's."""
        for split in context.splits:
            own = [c for c in context.data.splits[split].kinds if c in wanted]
            if own != [c for c in wanted if c in own]:
                yield self.finding(
                    f"the schema orders its columns, and {split} has {names(own)}",
                    splits=[split],
                    columns=own,
                    count=len(own),
                    total=len(wanted),
                    unit="columns",
                )


def _schema(name: str, data: Dataset) -> DataFrameSchema:
    from datacheck.summaries.schemas import load_for

    return load_for(name, list(data.columns))


def _columns(name: str, data: Dataset) -> tuple[str, ...]:
    known = _schema(name, data).columns
    return tuple(c for c in data.columns if c in known)


def _unique(name: str, data: Dataset) -> tuple[str, ...]:
    columns = _schema(name, data).columns
    return tuple(c for c in data.columns if c in columns and columns[c].unique)


def _joint(name: str, data: Dataset) -> tuple[str, ...]:
    """Columns that no two rows may share all of; empty where the data lacks one."""
    wanted = _schema(name, data).unique or []
    return tuple(wanted) if all(c in data.columns for c in wanted) else ()
