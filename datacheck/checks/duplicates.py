"""Rows that repeat, in a split and across splits, and how many of them chance alone would make.

Shared by the rules on duplicates (LK001, LB004) and on contradictory labels (LB001); worked out
once for each audit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from datacheck.checks.base import ADDRESS, Context, NotApplicable
from datacheck.checks.chance import chance
from datacheck.checks.stats import ALPHA, poisson_sf
from datacheck.checks.support import hash_columns, need_row_hashes, need_sample
from datacheck.dataset import EXACT, Dataset, Kind, to_matrix
from datacheck.summaries.base import Need
from datacheck.summaries.hashing import MISSING, hash_column, mix, nfc, number_bits
from datacheck.types import Hashes, Ints, Mask

if TYPE_CHECKING:
    import polars as pl

    from datacheck.summaries.row_hashes import RowHashes

SLACK = 5.0  # accidents are this much more frequent than the estimate says, at most
CONFIRM_ROWS = 200_000  # repeated rows that are read again and compared cell by cell
CONFIRM_CELLS = 5_000_000
READ_ROWS = 1_000_000  # a larger dataset is not read a second time
NO_LABEL = mix(mix(np.array([MISSING])))[0]  # what a missing label hashes to
_BITS = 22


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one split whose features occur again somewhere; in order of address."""

    addresses: Ints
    features: Hashes
    labels: Hashes

    @property
    def n(self) -> int:
        """How many."""
        return int(self.addresses.size)

    def take(self, rows: Mask | Ints) -> Table:
        """Some of the rows."""
        return Table(self.addresses[rows], self.features[rows], self.labels[rows])

    def keys(self) -> Hashes:
        """One hash for features and label together."""
        return np.asarray(self.features ^ mix(self.labels))


@dataclass(slots=True)
class Repeats:
    """All repeats of a dataset. ``confirmed`` rows were compared cell by cell."""

    tables: dict[str, Table]
    confirmed: int = 0
    _chances: dict[tuple[str, tuple[str, ...]], float] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Rows in all tables."""
        return sum(t.n for t in self.tables.values())

    def chance(self, context: Context, splits: Sequence[str], label: str = "") -> float:
        """The probability that two rows of those splits have the same features by accident; with a
        label, that moreover their labels differ.
        """
        key = label, tuple(sorted(splits))
        if key not in self._chances:
            self._chances[key] = chance(context, key[1], label)
        return self._chances[key]


def need_repeats(data: Dataset) -> list[Need]:
    """Row hashes, and the row sample for what chance does."""
    hashes = need_row_hashes(data)
    return [*hashes, *need_sample(data)] if hashes else []


_found: WeakKeyDictionary[RowHashes, Repeats] = WeakKeyDictionary()


def repeats(context: Context) -> Repeats:
    """The repeats of the dataset; raises NotApplicable where rows cannot be compared."""
    if not hash_columns(context.data):
        raise NotApplicable("no feature column that all splits have")
    if not context.splits:
        raise NotApplicable("no split has rows")
    anchor = context.row_hashes(context.splits[0])
    if anchor not in _found:
        _found[anchor] = _confirm(context, _tables(context))
    return _found[anchor]


def beyond_chance(seen: int, expected: float) -> bool:
    """Whether so many repeats (or contradictions) are more than accidents: a Poisson tail below
    ALPHA.

    Most counts lie far on one side, which a bound tells: Chernoff's above the mean, and below it
    that a Poisson median is at least the mean − ln 2 (Choi 1994). SciPy takes half a second to
    import.
    """
    if seen <= max(expected - math.log(2), 0):
        return False
    if expected <= 0:
        return True
    if seen > expected and _chernoff(seen, expected) < math.log(ALPHA):
        return True
    return poisson_sf(seen, expected) < ALPHA


def _chernoff(k: int, mean: float) -> float:
    """Logarithm of a bound of P(X ≥ k) for a Poisson variable of a lower mean."""
    return k - mean + k * (math.log(mean) - math.log(k))


def percent(share: float) -> str:
    """A share as a sentence holds it; small ones keep two digits."""
    return f"{share:.1%}" if share >= 0.001 or not share else f"{100 * share:.2g}%"


def distinct(x: Hashes) -> Hashes:
    """The distinct values in ascending order (np.unique hashes, which is slow for so many)."""
    ordered = np.sort(x)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if x.size else ordered


def members(x: Hashes, known: Hashes) -> Mask:
    """Which of ``x`` are in ``known`` (ascending), by a bit table first: few are."""
    if not known.size:
        return np.zeros(x.size, dtype=np.bool_)
    low = np.uint64((1 << _BITS) - 1)
    table = np.zeros(1 << _BITS, dtype=np.bool_)
    table[known & low] = True
    out = table[x & low]
    some = np.flatnonzero(out)
    out[some] = _in_sorted(x[some], known)
    return np.asarray(out)


def _in_sorted(x: Hashes, known: Hashes) -> Mask:
    at = np.minimum(np.searchsorted(known, x), known.size - 1)
    return np.asarray(known[at] == x)


def _tables(context: Context) -> dict[str, Table]:
    hashes = {s: context.row_hashes(s) for s in context.splits}
    ordered = {s: h.sorted_features() for s, h in hashes.items()}
    parts = [distinct(o[1:][o[1:] == o[:-1]]) for o in ordered.values()]
    names = list(ordered)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            few, many = sorted((ordered[first], ordered[second]), key=lambda o: int(o.size))
            parts.append(distinct(few[_in_sorted(few, many)]))
    known = distinct(np.concatenate(parts))
    none = np.zeros(0, dtype=np.uint64)
    out = {s: Table(np.zeros(0, dtype=np.int64), none, none) for s in hashes}
    if not known.size:
        return out
    for split, h in hashes.items():
        features = h.features()
        rows = np.flatnonzero(members(features, known))
        if rows.size:
            out[split] = Table(h.addresses()[rows], features[rows], h.labels()[rows])
    return out


# -- confirming on the real rows ---------------------------------------------------------------


def _confirm(context: Context, tables: dict[str, Table]) -> Repeats:
    """Read the repeated rows again, and drop those whose hash alone is the same."""
    columns = hash_columns(context.data)
    total = sum(t.n for t in tables.values())
    if not total:
        return Repeats(tables)
    if context.fetch is None or context.total > READ_ROWS:
        context.notes.append(
            f"{total:,} repeated rows are told by 64-bit hashes and were not read a second time"
        )
        return Repeats(tables)
    addresses = np.concatenate([t.addresses for t in tables.values()])
    features = np.concatenate([t.features for t in tables.values()])
    most = min(CONFIRM_ROWS, max(CONFIRM_CELLS // len(columns), 1_000))
    if total > most:
        chosen = np.argsort(features, kind="stable")[:most]  # whole groups, but for the last
        addresses, features = addresses[chosen], features[chosen]
        context.notes.append(
            f"{addresses.size:,} of {total:,} repeated rows were compared cell by cell, "
            "the others by 64-bit hashes"
        )
    pictures = {c for c in columns if context.data.columns[c].kind is Kind.IMAGE}
    # A picture's own column is a key; what is compared are all pixels.
    columns = tuple(f"{c}.{EXACT}" if c in pictures else c for c in columns)
    frame = context.fetch(addresses, list(columns))
    order = np.argsort(addresses, kind="stable")
    at = order[np.searchsorted(addresses[order], frame[ADDRESS].to_numpy())]
    wrong = _different(frame, features[at], columns)
    if wrong.size:
        tables = {s: t.take(~_in_sorted(t.features, wrong)) for s, t in tables.items()}
    return Repeats(tables, confirmed=frame.height)


def _different(frame: pl.DataFrame, hashes: Hashes, columns: Sequence[str]) -> Hashes:
    """Hashes whose rows are not the same after all."""
    import polars as pl

    order = np.argsort(hashes, kind="stable")
    ranked = hashes[order]
    first = order[np.searchsorted(ranked, ranked)]
    wrong = np.zeros(ranked.size, dtype=np.bool_)
    numbers = []
    for column in columns:
        series = nfc(frame[column])
        if series.dtype == pl.String:
            twins = series.gather(pl.Series(first))
            wrong |= series.gather(pl.Series(order)).ne_missing(twins).to_numpy()
        elif series.dtype.is_numeric() or series.dtype == pl.Boolean:
            numbers.append(column)
        else:
            codes = hash_column(series)
            wrong |= codes[order] != codes[first]
    bits = number_bits(to_matrix(frame, numbers))
    wrong |= (bits[order] != bits[first]).any(axis=1)
    return distinct(ranked[wrong])
