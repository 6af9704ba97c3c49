"""What kind a column is, from a look at its first rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from datacheck.dataset import Kind
from datacheck.sources.convert import MISSING, Reading, convert

if TYPE_CHECKING:
    import polars as pl

PEEK_ROWS = 10_000
PLACEHOLDERS = (*MISSING, "?", "-", "--", ".", "unknown", "Unknown", "none", "missing", "*")
MOSTLY = 0.8  # share of cells that make a column what it is; the others are told as mixed types
DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d-%b-%Y", "%d %b %Y",
)  # fmt: skip
TIMES = ("%H:%M:%S%.f", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
LOOKS_LIKE_DATE = r"^\s*\d{1,4}[-/. ](\d{1,2}|[A-Za-z]{3})[-/. ]\d{1,4}"
SEPARATORS = ("|", ";", ",", " ")


@dataclass(frozen=True, slots=True)
class Look:
    """What the peek says about one column: how to read it, and what it holds."""

    how: Reading
    known: int = 0
    """Cells of the peek that are not missing."""
    distinct: int = 0
    integer: bool = False
    counter: bool = False
    """Whole numbers that go up by one from row to row."""
    words: float = 0.0
    """Mean words of a string cell."""
    digits: float = 0.0
    """Share of the string cells that hold a digit."""
    high: float = 0.0
    """The largest absolute number."""

    @property
    def kind(self) -> Kind:
        """The kind."""
        return self.how.kind


def look(series: pl.Series) -> Look | None:
    """What a column is; None for what cannot be audited (nested structs, binary, objects)."""
    import polars as pl

    dtype = series.dtype
    if isinstance(dtype, pl.Struct) or dtype in (pl.Binary, pl.Object):
        return None
    if isinstance(dtype, pl.List | pl.Array):
        inner = dtype.inner
        if isinstance(inner, pl.List | pl.Array | pl.Struct):
            return Look(Reading(Kind.ARRAY), series.len() - series.null_count())
        numeric = inner.is_numeric() or inner == pl.Boolean
        return Look(Reading(Kind.SEQUENCE, numeric=numeric), series.len() - series.null_count())
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return _strings(series.cast(pl.String), native=True)
    if dtype == pl.String:
        return _strings(series, native=False)
    if dtype == pl.Boolean:
        return described(series, Reading(Kind.BOOLEAN))
    if dtype in (pl.Datetime, pl.Date):
        return described(series, Reading(Kind.DATETIME))
    if dtype == pl.Time:
        return described(series.cast(pl.String), Reading(Kind.CATEGORY))
    if not (dtype.is_numeric() or dtype in (pl.Duration, pl.Null)):
        return None
    return described(series, Reading(Kind.NUMBER))


def _strings(series: pl.Series, *, native: bool) -> Look:
    """Strings are what most of their cells say."""
    bare = series.drop_nulls().str.strip_chars()
    cells = bare.filter(~bare.is_in(PLACEHOLDERS))
    if not len(cells):
        empty = not (~bare.is_in(MISSING)).any()
        return described(series, Reading(Kind.NUMBER if empty and not native else Kind.CATEGORY))
    if not native:
        for how in _candidates(cells):
            values, _ = convert(cells, how)
            if values.is_not_null().sum() >= MOSTLY * len(cells):
                return described(series, how)
    return _text_or_category(series, cells, native=native)


def _candidates(cells: pl.Series) -> Iterable[Reading]:
    head = cells.head(100)
    codes = head.str.contains(r"^(0\d+|\d{16,})$").mean() or 0.0
    if float(codes) < 0.5 and head.str.contains(r"\d").any():  # type: ignore[arg-type] # a mean of booleans is a float
        yield Reading(Kind.NUMBER)
        if (cells.str.contains(r"^-?\d+,\d+$").mean() or 0.0) >= 0.5:  # type: ignore[operator] # as above
            yield Reading(Kind.NUMBER, decimal_comma=True)
    if head.str.to_lowercase().is_in(["true", "false"]).mean() == 1.0:
        yield Reading(Kind.BOOLEAN)
    if (head.str.contains(LOOKS_LIKE_DATE).mean() or 0.0) >= MOSTLY:  # type: ignore[operator] # as above
        form = date_format(cells)
        if form:
            yield Reading(Kind.DATETIME, format=form)


def date_format(cells: pl.Series) -> str:
    """The strptime format that reads most cells; '' if none reads enough of them."""
    best, most = "", 0
    first = cells.head(200)
    forms = [d + t for d in DATES for t in ("", *(s + c for s in (" ", "T") for c in TIMES))]
    for form in [*forms, "%Y-%m-%dT%H:%M:%S%.fZ", "%Y-%m-%d %H:%M:%S%.fZ"]:
        how = Reading(Kind.DATETIME, format=form)
        if convert(first, how)[0].is_not_null().sum() < MOSTLY * len(first):
            continue
        read = int(convert(cells, how)[0].is_not_null().sum())
        if read > most:
            best, most = form, read
    return best


def _text_or_category(series: pl.Series, cells: pl.Series, *, native: bool) -> Look:
    how = _tokens(cells)
    if how is not None and not native:
        return described(series, how)
    count = cells.str.count_matches(r"\S+")
    words = float(count.mean() or 0.0)  # type: ignore[arg-type] # a mean of counts is a float
    distinct = cells.n_unique()
    free = words >= 3 and distinct > 0.3 * len(cells) and distinct > 20
    long = words >= 2 and float(cells.str.len_chars().mean() or 0.0) > 60  # type: ignore[arg-type] # as above
    kind = Kind.TEXT if free or (long and distinct > 0.1 * len(cells)) else Kind.CATEGORY
    digits = float(cells.str.contains(r"\d").mean() or 0.0)  # type: ignore[arg-type] # as above
    return Look(Reading(kind), len(cells), distinct, words=words, digits=digits)


def _tokens(cells: pl.Series) -> Reading | None:
    """How to read delimited tokens: ``a|b|c``, ``[1, 2]``, ``3 1 4``; None for other text."""
    head = cells.head(1000)
    listed = head.str.contains(r"^[\[(].*[\])]$").mean()
    if listed == 1.0:
        inner = head.str.strip_chars("[]()")
        return Reading(Kind.SEQUENCE, separator="json", numeric=_numeric(inner, ","))
    for separator in SEPARATORS:
        parts = head.str.split(separator)
        several = parts.list.len() >= 2
        if float(several.mean() or 0.0) < 0.5:  # type: ignore[arg-type] # a mean of booleans is a float
            continue
        if separator == " ":
            # Words between spaces are text; numbers between spaces are a sequence.
            return (
                Reading(Kind.SEQUENCE, separator=" ", numeric=True) if _numeric(head, " ") else None
            )
        if head.str.contains(r"\s").any() or head.n_unique() < min(10, len(head)):
            continue
        items = parts.explode(empty_as_null=False, keep_nulls=False)
        if separator == "," or items.n_unique() < 0.5 * len(items) or _numeric(head, separator):
            return Reading(Kind.SEQUENCE, separator=separator, numeric=_numeric(head, separator))
    return None


def _numeric(cells: pl.Series, separator: str) -> bool:
    import polars as pl

    items = cells.str.split(separator).explode(empty_as_null=False, keep_nulls=False)
    items = items.str.strip_chars().filter(items.str.strip_chars() != "")
    return len(items) > 0 and items.cast(pl.Float64, strict=False).null_count() == 0


def described(series: pl.Series, how: Reading) -> Look:
    """Figures of the values, read as they will be."""
    values = convert(series, how)[0]
    if how.kind is Kind.SEQUENCE:
        return Look(how, len(values) - values.null_count())
    if how.kind is not Kind.NUMBER:
        known = values.drop_nulls()
        return Look(how, len(known), known.n_unique())
    numbers = np.asarray(values.to_numpy(), dtype=np.float64)  # of 10,000 columns Polars takes 1 s
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return Look(how)
    whole = bool((finite == np.floor(finite)).all())
    with np.errstate(over="ignore"):
        counter = whole and finite.size > 2 and bool((np.diff(finite) == 1).all())
    high = float(np.abs(finite).max())
    return Look(how, finite.size, np.unique(finite).size, whole, counter, high=high)


def agree(looks: Sequence[Look]) -> Look:
    """The common reading of one column from those of each split, train's first.

    Splits without a value have no say; 0/1 in one and true/false in another are numbers; a date,
    number or list that another split holds as free strings stays what train has.
    """
    told = [one for one in looks if one.known] or list(looks)
    kinds = {one.kind for one in told}
    first = told[0]
    if kinds == {Kind.TEXT, Kind.CATEGORY}:
        return next(one for one in told if one.kind is Kind.TEXT)
    if kinds == {Kind.BOOLEAN, Kind.NUMBER}:
        return next(one for one in told if one.kind is Kind.NUMBER)
    return first


NAME = re.compile(r"^[#\s]*[^\W\d][\w .()%/#:+\-\[\]]{0,59}$")
