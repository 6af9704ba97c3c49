"""The columns a pipeline was fitted on, and whether another frame has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, TypeAlias

import polars as pl

from datacheck.dataset import TRAIN_NAMES, Kind, Role
from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.transforms.base import cells
from datacheck.sources.convert import Reading, convert
from datacheck.sources.kinds import MOSTLY, PLACEHOLDERS, look
from datacheck.sources.table import reserved


@dataclass(frozen=True)
class Field:
    """A column: its kind, how its cells are read (``Reading``), and what it is for.

    ``parsed`` says what else is read as a number: ``12,3``, or ``1,455``.
    """

    kind: Kind
    role: Role = Role.FEATURE
    format: str = ""
    separator: str = ""
    numeric: bool = False
    decimal_comma: bool = False
    parsed: Literal["", "decimal-comma", "thousands"] = ""

    @classmethod
    def of(cls, how: Reading, role: Role = Role.FEATURE, parsed: str = "") -> Field:
        """From a reading of ``datacheck.sources``."""
        if parsed not in ("", "decimal-comma", "thousands"):
            raise UsageError(f"parsed is {parsed!r}", "decimal-comma or thousands")
        return cls(
            how.kind, role, how.format, how.separator, how.numeric, how.decimal_comma,
            parsed,  # type: ignore[arg-type] # one of the three, as checked above
        )  # fmt: skip

    @property
    def reading(self) -> Reading:
        """How ``datacheck.sources.convert`` reads it."""
        return Reading(self.kind, self.format, self.separator, self.numeric, self.decimal_comma)


Schema: TypeAlias = Mapping[str, Field]


def schema_of(
    frame: pl.DataFrame, label: str | None = None, texts: frozenset[str] = frozenset()
) -> dict[str, Field]:
    """The schema that a look at the rows suggests; ``texts`` stay as they are written.

    Columns that cannot be audited (nested, binary) are left out. Raises UsageError for a label
    that the frame lacks.
    """
    if label is not None and label not in frame.columns:
        raise UsageError(
            f"no column {label!r} for the label", f"there are {names(frame.columns, 8)}"
        )
    out: dict[str, Field] = {}
    for name in frame.columns:
        series = cells(frame, name)
        role = Role.LABEL if name == label else Role.FEATURE
        if name in texts and series.dtype == pl.String:
            out[name] = Field(Kind.TEXT, role)
            continue
        found = look(series)
        if found is not None:
            out[name] = Field.of(found.how, role)
    return out


def other_names(frame: pl.DataFrame, schema: Schema) -> dict[str, str]:
    """The names that sources give to reserved ones (``[*]`` for ``*``), if the schema has them."""
    return {a: b for a, b in reserved(frame.columns).items() if a not in schema and b in schema}


def check(frame: pl.DataFrame, schema: Schema, optional: frozenset[str]) -> None:
    """Raises UsageError with all that differs: columns that are missing, or of another kind.

    ``optional`` columns may be missing, as may all that are no features. Further columns may be
    there.
    """
    have = set(frame.columns)
    wanted = [c for c, f in schema.items() if f.role is Role.FEATURE and c not in optional]
    lacking = [c for c in wanted if c not in have]
    told = [f"missing: {names(lacking, 8)}"] if lacking else []
    for name, field in schema.items():
        if name in have and field.role is Role.FEATURE:
            found = differs(name, cells(frame, name), field)
            if found:
                told.append(found)
    if told:
        extra = [c for c in frame.columns if c not in schema]
        seen = f"not known when fitted: {names(extra, 5)}" if extra else "the other columns fit"
        raise UsageError(f"the frame does not fit: {'; '.join(told[:8])}", seen)


def differs(name: str, series: pl.Series, field: Field) -> str:
    """What is wrong with the kind of a column: 'age is text here, number when fitted'; or ''."""
    dtype, kind = series.dtype, field.kind
    if dtype == pl.Null or not len(series):
        return ""
    here = _kind(dtype)
    said = f"{name} is {here} here, {kind.value} when fitted"
    if here == "text":
        if kind in (Kind.NUMBER, Kind.BOOLEAN, Kind.DATETIME):
            return "" if _readable(series, field) else said
        return ""
    if kind in (Kind.CATEGORY, Kind.TEXT):
        whole = dtype.is_integer() or dtype in (pl.Boolean, pl.Date, pl.Datetime, pl.Time)
        if dtype.is_float():  # whole numbers with missing cells are floats in pandas
            values = series.drop_nulls().drop_nans()
            whole = bool(((values == values.floor()) & values.is_finite()).all())
        return "" if whole and kind is Kind.CATEGORY else said
    fits = {
        Kind.NUMBER: dtype.is_numeric() or dtype in (pl.Boolean, pl.Duration),
        Kind.BOOLEAN: dtype == pl.Boolean,
        Kind.DATETIME: dtype in (pl.Datetime, pl.Date),
        Kind.SEQUENCE: isinstance(dtype, pl.List | pl.Array),
    }
    return "" if fits.get(kind, True) else said


def _kind(dtype: pl.DataType) -> str:
    if dtype.is_numeric():
        return "number"
    if dtype == pl.Boolean:
        return "boolean"
    if isinstance(dtype, pl.List | pl.Array):
        return "sequence"
    if dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum):
        return "text"
    return "datetime" if dtype.is_temporal() and dtype != pl.Duration else str(dtype)


def _readable(series: pl.Series, field: Field) -> bool:
    """Whether most texts can be read as the kind; '?' and the like are missing, not wrong."""
    texts = series.cast(pl.String).drop_nulls()
    texts = texts.filter(~texts.str.strip_chars().is_in(PLACEHOLDERS))
    values, _ = _convert(texts, field)
    return not len(texts) or len(values.drop_nulls()) >= MOSTLY * len(texts)


def converted(
    frame: pl.DataFrame, schema: Schema, also: frozenset[str] = frozenset()
) -> pl.DataFrame:
    """Features, and columns of ``also``, in the common schema; all others as they are."""
    new = []
    for name in frame.columns:
        field = schema.get(name)
        if field is None or not (field.role is Role.FEATURE or name in also):
            continue
        series = cells(frame, name)
        made, _ = _convert(series, field)
        if made is not series:
            new.append(made.alias(name))
    return frame.with_columns(*new) if new else frame


def _convert(series: pl.Series, field: Field) -> tuple[pl.Series, pl.Series | None]:
    made, lost = convert(series, field.reading)
    if field.parsed and lost is not None:
        from datacheck.pipelines.repairing.view import decimal_commas, thousands

        numbers = (decimal_commas if field.parsed == "decimal-comma" else thousands)(lost)
        made = made.cast(pl.Float64).fill_null(numbers)
    return made, lost


def check_split(split: str, known: Sequence[str]) -> None:
    """Raises UsageError for a split that is none of the ``known`` ones: misspelled, surely.

    Where none is known nothing was repaired for one split alone, and any name will do.
    """
    if not known or split in known or split.lower() in TRAIN_NAMES:
        return
    near = get_close_matches(split, known, n=1)
    did = f"did you mean {near[0]}? " if near else ""
    raise UsageError(f"the pipeline knows no split {split!r}", f"{did}it knows: {names(known)}")
