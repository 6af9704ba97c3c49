"""All rows that an audit's findings name, rule by rule: reports show five of them at most.

Only rules about single rows are here: a shift or an imbalance has no rows to point at. Rows are
found again by what the finding says (a fence, a value, a length), in the data as it is, so that
the report may be one that was made with other options.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from datacheck.checks.na_tokens import is_na_token
from datacheck.checks.support import NUMERIC
from datacheck.dataset import FILE_SHIFT, Batch, Dataset
from datacheck.engines.plan import block_rows
from datacheck.engines.scan import blocks
from datacheck.findings import Finding, Report
from datacheck.pipelines.repairing.named_near import NEARLY, named_near
from datacheck.pipelines.repairing.named_repeats import REPEATED, repeated
from datacheck.pipelines.repairing.view import View, take
from datacheck.summaries.lengths import lengths_of
from datacheck.summaries.values import canonical_strings
from datacheck.types import Ints, Mask

Hit = Callable[[Batch], pl.Series | None]


@dataclass(frozen=True, slots=True)
class _Ask:
    """Which rows of one column a finding names; ``splits`` are those it speaks of."""

    rule: str
    column: str
    splits: tuple[str, ...]
    hit: Hit


def rows_named(
    data: Dataset, report: Report, *, threads: int = 0, memory: int = 1 << 30
) -> dict[str, Ints]:
    """The addresses of all rows that findings of ``report`` name, by rule, ascending (int64).

    The data is read once for what cells say, and once more by the engine of the audit if rows
    repeat (at most ``memory`` bytes, on ``threads``; 0 for all cores). Rules whose findings name
    no row are absent. Columns that the data no longer has are passed over.
    """
    asks = [a for f in report.findings for a in _asks(data, f)]
    found: dict[str, list[Ints]] = {}
    for split, batch in _pieces(data, sorted({a.column for a in asks})):
        for ask in asks:
            if split in ask.splits and ask.column in batch.frame.columns:
                hits = ask.hit(batch)
                if hits is not None and hits.any():
                    mask: Mask = hits.fill_null(value=False).to_numpy()
                    found.setdefault(ask.rule, []).append(batch.addresses[mask])
    copies = (repeated, named_near)
    for rule, addresses in (x for of in copies for x in of(data, report, threads, memory)):
        found.setdefault(rule, []).append(addresses)
    out = {rule: np.unique(np.concatenate(parts)) for rule, parts in sorted(found.items())}
    return {rule: addresses for rule, addresses in out.items() if addresses.size}


def _pieces(data: Dataset, columns: list[str]) -> Iterable[tuple[str, Batch]]:
    """The rows of each split in blocks, with the texts that could not be read."""
    if not columns:
        return
    view = View(data)
    by = data.split_column
    read = tuple(dict.fromkeys((*columns, by) if by else columns))
    ordinals = view.file_of
    for fragment in view.fragments():
        for block in blocks(fragment, ordinals[fragment.file], read, block_rows(len(read))):
            if block.height:
                for split, mask in view.divided(block, fragment.split):
                    yield split, block if mask is None else take(block, mask)


# -- what findings say of cells ----------------------------------------------------------------


def _asks(data: Dataset, finding: Finding) -> Iterable[_Ask]:
    make = _TABLE.get(finding.rule)
    if make is None:
        return
    for column in finding.columns:
        if column in data.columns:
            hit = make(data, finding, column)
            if hit is not None:
                yield _Ask(finding.rule, column, _splits(finding), hit)


def _splits(finding: Finding) -> tuple[str, ...]:
    # NM006 speaks of train and of the split that has the categories: rows are the latter's.
    return finding.splits[1:] if finding.rule == "NM006" else finding.splits


def _missing(_: Dataset, __: Finding, column: str) -> Hit:
    """Null or NaN, but for what was a text that nobody could read: that is another rule's."""

    def hit(batch: Batch) -> pl.Series:
        cell = batch.frame[column]
        empty = cell.is_null()
        if cell.dtype.is_float():
            empty = empty | cell.is_nan().fill_null(value=False)
        return empty & batch.tokens[column].is_null() if column in batch.tokens else empty

    return hit


def _infinite(_: Dataset, __: Finding, column: str) -> Hit:
    return lambda batch: _inf(batch.frame[column])


def _inf(cell: pl.Series) -> pl.Series | None:
    return cell.is_infinite() if cell.dtype.is_float() else None


def _sentinel(data: Dataset, finding: Finding, column: str) -> Hit | None:
    value = finding.evidence.get("value")
    if value is None:
        return None
    text, kind = str(value), data.columns[column].kind
    wanted = text.strip().casefold()
    number = _number(text)

    def hit(batch: Batch) -> pl.Series | None:
        cell = batch.frame[column]
        if kind in NUMERIC:
            said = batch.tokens.get(column)
            if said is not None and is_text:
                return said.str.strip_chars().str.to_lowercase() == wanted
            if number is None or not cell.dtype.is_numeric():
                return None
            return cell.cast(pl.Float64) == number
        if cell.dtype not in (pl.String, pl.Categorical, pl.Enum):
            return None
        return cell.cast(pl.String).str.strip_chars().str.to_lowercase() == wanted

    is_text = any(r.safety == "safe" for r in finding.repairs) or number is None
    return hit


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _unreadable(_: Dataset, __: Finding, column: str) -> Hit:
    """Texts where numbers belong, but for those that say that there is none."""

    def hit(batch: Batch) -> pl.Series | None:
        said = batch.tokens.get(column)
        if said is None or said.null_count() == len(said):
            return None
        known = [t for t in said.drop_nulls().unique().to_list() if is_na_token(t)]
        return said.is_not_null() & ~said.is_in(known).fill_null(value=False)

    return hit


def _extreme(_: Dataset, finding: Finding, column: str) -> Hit | None:
    fences = finding.evidence.get("fences")
    if not isinstance(fences, Mapping) or column not in fences:
        return None
    low, high = (float(v) for v in fences[column])

    def hit(batch: Batch) -> pl.Series | None:
        cell = batch.frame[column]
        if not cell.dtype.is_numeric():
            return None
        return (cell < low) | (cell > high) & ~(cell.cast(pl.Float64).is_nan())

    return hit


def _unseen(_: Dataset, finding: Finding, column: str) -> Hit | None:
    listed = finding.evidence.get("unseen")
    if not isinstance(listed, Mapping) or column not in listed:
        return None
    values = [str(v) for v, _n in listed[column]]
    return lambda batch: canonical_strings(batch.frame[column]).is_in(values)


def _no_length(_: Dataset, __: Finding, column: str) -> Hit:
    return lambda batch: lengths_of(batch.frame[column]) == 0


def _overlong(data: Dataset, finding: Finding, column: str) -> Hit | None:
    limits = finding.evidence.get("limit")
    if not isinstance(limits, Mapping) or column not in limits:
        return None
    limit = float(limits[column])
    return lambda batch: lengths_of(batch.frame[column], data.measure) > limit


def _label(data: Dataset, finding: Finding, column: str) -> Hit | None:
    """Labels that are missing, infinite, unreadable or invalid: whichever the finding is about."""
    texts, index = finding.evidence.get("texts"), finding.evidence.get("index")
    if "positive" in finding.evidence:
        return _infinite(data, finding, column)
    if "spellings" in finding.evidence:
        odd = [v for s in finding.evidence["spellings"].values() for v in _unusual(s)]
        return lambda batch: canonical_strings(batch.frame[column]).is_in(odd)
    if isinstance(texts, Mapping) and data.columns[column].kind in NUMERIC:
        return lambda batch: batch.tokens[column].is_not_null() if column in batch.tokens else None
    if isinstance(texts, Mapping) or index is not None:
        values = [str(v) for v in (texts if isinstance(texts, Mapping) else [index])]
        return lambda batch: canonical_strings(batch.frame[column]).is_in(values)
    return _missing(data, finding, column)


def _unusual(spellings: Mapping[str, int]) -> list[str]:
    usual = min(spellings, key=lambda v: (-spellings[v], v))
    return [v for v in spellings if v != usual]


def _listed(data: Dataset, finding: Finding, _: str) -> Hit | None:
    """The very rows that the finding lists, by their addresses."""
    listed = finding.evidence.get("suspects")
    if not isinstance(listed, Mapping) or not finding.splits:
        return None
    split = finding.splits[0]
    ordinals = {data.locate(split, i << FILE_SHIFT)[:-2]: i for i in range(len(data.files))}
    spelled = [str(a).rpartition(":") for a in listed]
    known = [(ordinals[f], row) for f, _, row in spelled if f in ordinals and row.isdecimal()]
    addresses = np.array([(i << FILE_SHIFT) + int(row) for i, row in known], dtype=np.int64)
    return lambda batch: pl.Series(np.isin(batch.addresses, addresses))


def _rare(_: Dataset, finding: Finding, column: str) -> Hit | None:
    rare = finding.evidence.get("rows")
    if not isinstance(rare, Mapping):
        return None
    classes = [str(v) for v in rare]
    return lambda batch: canonical_strings(batch.frame[column]).is_in(classes)


_TABLE: dict[str, Callable[[Dataset, Finding, str], Hit | None]] = {
    "CB002": _rare,
    "LB002": _listed,
    "LB003": _label,
    "MV001": _missing,
    "MV002": _infinite,
    "MV003": _sentinel,
    "MV007": _unreadable,
    "NM005": _extreme,
    "NM006": _unseen,
    "SL003": _no_length,
    "SL004": _overlong,
}
RULES = tuple(sorted({*_TABLE, *REPEATED, *NEARLY}))
"""The rules whose findings name rows."""
