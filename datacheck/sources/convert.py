"""A raw column (strings of a text file, or any stored type) read as one kind.

What cannot be read is null in the column, and its raw string goes to the batch's tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from datacheck.dataset import Kind

if TYPE_CHECKING:
    import polars as pl

# What pandas reads as missing by default; in string columns only the empty cell is missing.
MISSING = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
TRUE, FALSE = "true", "false"


@dataclass(frozen=True, slots=True)
class Reading:
    """How the cells of one column become values.

    ``format`` is the strptime format of datetimes, ``separator`` stands between the items of a
    sequence (``json`` for lists in brackets), ``numeric`` says that the items are numbers,
    ``decimal_comma`` that 1,5 is one and a half, ``blank`` that the empty string is an empty text
    and not a missing one.
    """

    kind: Kind
    format: str = ""
    separator: str = ""
    numeric: bool = False
    decimal_comma: bool = False
    blank: bool = False


def convert(series: pl.Series, how: Reading) -> tuple[pl.Series, pl.Series | None]:
    """The column as its kind, and the raw strings that could not be read (null elsewhere)."""
    import polars as pl

    dtype = series.dtype
    if isinstance(dtype, pl.Categorical | pl.Enum):
        series = series.cast(pl.String)
        dtype = series.dtype
    if dtype == pl.Null:
        return _empty(series, how), None
    if how.kind is Kind.SEQUENCE:
        return _sequence(series, how)
    if dtype == pl.String:
        return _from_strings(series, how)
    return _from_typed(series, how)


def _empty(series: pl.Series, how: Reading) -> pl.Series:
    import polars as pl

    types: dict[Kind, pl.DataType] = {
        Kind.NUMBER: pl.Float64(),
        Kind.BOOLEAN: pl.Boolean(),
        Kind.DATETIME: pl.Datetime("us"),
        Kind.SEQUENCE: pl.List(pl.Float64 if how.numeric else pl.String),
    }
    return series.cast(types.get(how.kind, pl.String()))


def _from_typed(series: pl.Series, how: Reading) -> tuple[pl.Series, pl.Series | None]:
    import polars as pl

    dtype = series.dtype
    if how.kind is Kind.IMAGE and (dtype == pl.Binary or isinstance(dtype, pl.Struct)):
        return series, None  # bytes that are decoded before anyone sees them
    if how.kind is Kind.NUMBER:
        if dtype.is_float() or dtype in (
            pl.Int8,
            pl.Int16,
            pl.Int32,
            pl.Int64,
            pl.UInt8,
            pl.UInt16,
            pl.UInt32,
        ):
            return series, None
        if dtype.is_numeric() or dtype == pl.Boolean:
            return series.cast(pl.Float64), None
        if dtype == pl.Duration:
            return series.dt.total_microseconds().cast(pl.Float64) / 1e6, None
    elif how.kind is Kind.BOOLEAN and dtype == pl.Boolean:
        return series, None
    elif how.kind is Kind.DATETIME and dtype in (pl.Datetime, pl.Date):
        return _utc(series)
    elif how.kind is Kind.DATETIME and dtype.is_numeric():
        return series.cast(pl.Float64).cast(pl.Int64, strict=False).cast(pl.Datetime("us")), None
    text = _as_text(series)
    return _from_strings(text, how)


def _utc(series: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """Microseconds without a time zone: instants are compared in UTC.

    What no microsecond tells (the year 146 million) goes to the tokens, as the number stored.
    """
    import polars as pl

    if isinstance(series.dtype, pl.Datetime) and series.dtype.time_zone is not None:
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    out = series.cast(pl.Datetime("us"), strict=False)
    if out.null_count() == series.null_count():
        return out, None
    lost = out.is_null() & series.is_not_null()
    stored = series.to_physical().cast(pl.String).to_frame("x")
    raw = stored.select(pl.when(lost).then(pl.col("x")))
    return out, raw.to_series().alias(series.name)


def _as_text(series: pl.Series) -> pl.Series:
    import polars as pl

    dtype = series.dtype
    if isinstance(dtype, pl.List | pl.Array | pl.Struct):
        # Only where splits disagree about a column: its cells as JSON.
        return (
            series.to_frame("x").select(pl.struct("x").struct.json_encode())["x"].alias(series.name)
        )
    if dtype == pl.Binary:
        return series.bin.encode("hex")
    from datacheck.summaries.values import canonical_strings

    return canonical_strings(series)


def _from_strings(series: pl.Series, how: Reading) -> tuple[pl.Series, pl.Series | None]:
    import polars as pl

    if how.kind not in (Kind.NUMBER, Kind.BOOLEAN, Kind.DATETIME):
        return series if how.blank else series.replace("", None), None
    if how.kind is Kind.NUMBER:
        text = series.str.replace(",", ".", literal=True) if how.decimal_comma else series
        out = text.cast(pl.Float64, strict=False)
        if out.null_count() != series.null_count():
            text = text.str.strip_chars()
            out = text.cast(pl.Float64, strict=False)
    elif how.kind is Kind.BOOLEAN:
        text = series.str.strip_chars().str.to_lowercase()
        words = text.to_frame("x").select(
            pl.when(pl.col("x") == TRUE).then(True).when(pl.col("x") == FALSE).then(False)
        )
        out = words.to_series().alias(series.name)
    else:
        out = _datetimes(series, how.format)
    if out.null_count() == series.null_count():
        return out, None
    lost = out.is_null() & series.is_not_null() & ~series.str.strip_chars().is_in(MISSING)
    if not lost.any():
        return out, None
    raw = series.to_frame("x").select(pl.when(lost).then(pl.col("x")))
    return out, raw.to_series().alias(series.name)


def _datetimes(series: pl.Series, form: str) -> pl.Series:
    import polars as pl

    text = series.str.strip_chars()
    if form.endswith("Z"):
        parsed = text.str.to_datetime(
            f"{form[:-1]}%#z", strict=False, time_unit="us", time_zone="UTC"
        )
        return parsed.dt.replace_time_zone(None)
    return text.str.to_datetime(form, strict=False, time_unit="us").cast(pl.Datetime("us"))


def _sequence(series: pl.Series, how: Reading) -> tuple[pl.Series, pl.Series | None]:
    import polars as pl

    item = pl.Float64 if how.numeric else pl.String
    if isinstance(series.dtype, pl.Array):
        series = series.cast(pl.List(series.dtype.inner))
    if isinstance(series.dtype, pl.List):
        if isinstance(series.dtype.inner, pl.List | pl.Array | pl.Struct):
            return series, None
        return series.cast(pl.List(item), strict=False), None
    # In text the empty cell is the empty sequence: there is no other way to write it.
    text = (
        (series if series.dtype == pl.String else _as_text(series)).fill_null("").str.strip_chars()
    )
    if how.separator == "json":
        text = text.str.strip_chars("[]()").str.replace_all(r"[\"'\s]", "")
        parts = text.str.split(",")
    elif how.separator == " ":
        parts = text.str.replace_all(r"\s+", " ").str.split(" ")
    else:
        parts = text.str.split(how.separator)
    lists = parts.to_frame("x").select(
        pl.when(text == "").then(pl.lit([], dtype=pl.List(pl.String))).otherwise(pl.col("x"))
    )
    out = lists.to_series().cast(pl.List(item), strict=False)
    return out.alias(series.name), None
