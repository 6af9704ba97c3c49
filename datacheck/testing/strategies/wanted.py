"""What a pandera schema asks of its columns, in plain terms; what cannot be met is said."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from datacheck.errors import UsageError

VALUES = "give the column's cells yourself: from_schema(schema, values={'name': lambda rng, n: …})"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One column: its type, and what its checks leave free.

    ``low`` and ``high`` are bounds that values may take, of the column's own type; ``shortest``
    and ``longest`` are lengths of texts in characters; ``allowed`` the only values, if not None.
    """

    name: str
    dtype: pl.DataType
    nullable: bool = False
    unique: bool = False
    required: bool = True
    low: Any = None
    high: Any = None
    allowed: tuple[Any, ...] | None = None
    forbidden: frozenset[Any] = field(default_factory=frozenset)
    shortest: int = 0
    longest: int | None = None
    starts: str = ""
    ends: str = ""
    contains: str = ""
    pattern: str = ""
    told: str = ""  # the type as pandas calls it


def read(schema: Any, given: Sequence[str] = ()) -> tuple[list[Wanted], bool]:
    """The columns of a schema or model, and whether it is one of pandas.

    Columns in ``given`` have their checks left out. Raises UsageError for what is no schema, and
    for checks that values cannot be made for.
    """
    if isinstance(schema, type) and hasattr(schema, "to_schema"):
        schema = schema.to_schema()
    home = type(schema).__module__
    if not hasattr(schema, "columns") or not home.startswith("pandera."):
        raise UsageError(
            f"a {type(schema).__name__} is no schema", "a DataFrameSchema or model of pandera"
        )
    pandas = ".pandas." in home
    if schema.checks:
        raise UsageError("the schema has checks of whole frames", "leave them out: they may fail")
    if pandas and schema.index is not None:
        raise UsageError("the schema has an index", "make the index a column, or leave it out")
    columns = [_column(name, c, schema, pandas, given) for name, c in schema.columns.items()]
    together = [schema.unique] if isinstance(schema.unique, str) else list(schema.unique or ())
    if together and not any(c.unique for c in columns if c.name in together):
        best = max((c for c in columns if c.name in together), key=lambda c: capacity(c) or 1 << 60)
        columns = [replace(c, unique=True) if c is best else c for c in columns]
    return columns, pandas


def _column(name: str, column: Any, schema: Any, pandas: bool, given: Sequence[str]) -> Wanted:
    if column.regex:
        raise UsageError(f"{name!r} names columns by a pattern", "write the columns out")
    asked = column.dtype if column.dtype is not None else schema.dtype
    checks = [] if name in given else list(column.checks)
    dtype = _dtype(name, asked, checks, pandas)
    nullable = bool(column.nullable) and not (
        pandas and dtype.is_integer() and str(asked)[:1].islower()
    )  # numpy's integers hold no gaps
    told = "" if asked is None else str(asked)
    out = Wanted(
        name, dtype, nullable, bool(column.unique), bool(column.required), told=told
    )
    if dtype.is_numeric() and not dtype.is_float():
        low, high = limits(dtype)
        out = replace(out, low=low, high=high)
    if isinstance(dtype, pl.Enum):
        out = replace(out, allowed=tuple(dtype.categories.to_list()))
    for check in checks:
        out = _with(out, check.name or "", dict(check.statistics or {}))
    return out


_PANDAS: dict[str, Any] = {
    "float32": pl.Float32, "float64": pl.Float64, "Float64": pl.Float64, "bool": pl.Boolean,
    "boolean": pl.Boolean, "str": pl.String, "object": pl.String, "category": pl.String,
    **{f"int{b}": t for b, t in ((8, pl.Int8), (16, pl.Int16), (32, pl.Int32), (64, pl.Int64))},
    **{f"Int{b}": t for b, t in ((8, pl.Int8), (16, pl.Int16), (32, pl.Int32), (64, pl.Int64))},
    **{f"uint{b}": t for b, t in ((8, pl.UInt8), (16, pl.UInt16), (32, pl.UInt32))},
}  # fmt: skip


def _dtype(name: str, asked: Any, checks: Sequence[Any], pandas: bool) -> pl.DataType:
    """The Polars type of a column's cells."""
    if asked is None:
        texts = any((c.name or "").startswith("str_") for c in checks)
        pool = next((c.statistics["allowed_values"] for c in checks if c.name == "isin"), None)
        if pool is not None:
            return pl.Series(list(pool), strict=False).dtype
        return pl.String() if texts else pl.Float64()
    if pandas:
        told = str(asked)
        if told.startswith("datetime64[") and "," not in told:
            return pl.Datetime("us")
        found = pl.String if told.startswith("string") else _PANDAS.get(told)
        if found is None:
            raise UsageError(f"{name} is of type {told}, which cannot be drawn", VALUES)
        return pl.Series(dtype=found).dtype
    dtype = pl.Series(dtype=asked.type).dtype
    inner = dtype.inner if isinstance(dtype, pl.List) else dtype
    simple = inner.is_numeric() or isinstance(
        inner, pl.String | pl.Boolean | pl.Date | pl.Datetime | pl.Duration | pl.Time
        | pl.Categorical | pl.Enum
    )  # fmt: skip
    if not simple or isinstance(inner, pl.Decimal):
        raise UsageError(f"{name} is of type {dtype}, which cannot be drawn", VALUES)
    return dtype


def _with(column: Wanted, check: str, told: dict[str, Any]) -> Wanted:
    """The column with one check more."""
    dtype = column.dtype
    low, high = told.get("min_value"), told.get("max_value")
    if check == "str_length":
        exact = told.get("exact_value")
        low, high = (exact, exact) if exact is not None else (low, high)
        longest = min((v for v in (high, column.longest) if v is not None), default=None)
        return replace(column, shortest=max(low or 0, column.shortest), longest=longest)
    if check in ("greater_than_or_equal_to", "less_than_or_equal_to"):
        return _bounded(column, low, high)
    if check == "greater_than":
        return _bounded(column, _next(low, dtype, 1), None)
    if check == "less_than":
        return _bounded(column, None, _next(high, dtype, -1))
    if check == "in_range":
        return _bounded(
            column,
            low if told["include_min"] else _next(low, dtype, 1),
            high if told["include_max"] else _next(high, dtype, -1),
        )
    if check in ("isin", "equal_to"):
        pool = [told["value"]] if check == "equal_to" else list(told["allowed_values"])
        kept = pool if column.allowed is None else [v for v in pool if v in column.allowed]
        return replace(column, allowed=tuple(kept))
    if check in ("notin", "not_equal_to"):
        bad = [told["value"]] if check == "not_equal_to" else list(told["forbidden_values"])
        return replace(column, forbidden=column.forbidden | set(bad))
    if check == "str_startswith" and not column.starts:
        return replace(column, starts=told["string"])
    if check == "str_endswith" and not column.ends:
        return replace(column, ends=told["string"])
    if check == "str_contains" and re.escape(told["pattern"]) == told["pattern"]:
        return replace(column, contains=column.contains + told["pattern"])
    if check == "str_matches" and not column.pattern:
        return replace(column, pattern=told["pattern"])
    raise UsageError(f"no values can be made for the check {check!r} of {column.name}", VALUES)


def _bounded(column: Wanted, low: Any, high: Any) -> Wanted:
    lows = [v for v in (column.low, low) if v is not None]
    highs = [v for v in (column.high, high) if v is not None]
    return replace(column, low=max(lows, default=None), high=min(highs, default=None))


def _next(value: Any, dtype: pl.DataType, way: int) -> Any:
    """The nearest value above (way 1) or below (way −1), of the column's type."""
    if isinstance(value, dt.datetime):
        return value + way * dt.timedelta(microseconds=1)
    if isinstance(value, dt.date):
        return value + way * dt.timedelta(days=1)
    if isinstance(value, dt.timedelta):
        return value + way * dt.timedelta(microseconds=1)
    if dtype.is_integer():
        return int(np.floor(value)) + 1 if way > 0 else int(np.ceil(value)) - 1
    kind: Any = np.float32 if isinstance(dtype, pl.Float32) else np.float64
    near = kind(value)
    if (near > value) if way > 0 else (near < value):
        return float(near)
    return float(np.nextafter(near, kind(way * np.inf)))


def limits(dtype: Any) -> tuple[int, int]:
    """The least and the largest value of a type of whole numbers."""
    low, high = pl.select(low=dtype.min(), high=dtype.max()).row(0)
    return int(low), int(high)


def capacity(column: Wanted) -> int | None:
    """How many distinct values a column can have; None where there are plenty."""
    if column.allowed is not None:
        return len(column.allowed)
    if isinstance(column.dtype, pl.Boolean):
        return 2
    if column.dtype.is_integer():
        return int(column.high) - int(np.ceil(column.low)) + 1
    return None
