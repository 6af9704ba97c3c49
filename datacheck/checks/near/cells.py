"""Rows of a table that differ in a cell or two.

Row hashes are held in three parts. Rows that differ in one column agree in two of the parts, rows
that differ in two columns agree in one at least: those are the candidates, and their cells are
compared. That says something only where the cells that agree could hardly do so by accident: at
least ``RARE`` of them have values that hardly any other row has, or there are far more such pairs
than those that differ in more cells lead to (:mod:`datacheck.checks.near.gaps`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from datacheck.checks.base import Context
from datacheck.checks.duplicates import SLACK, beyond_chance
from datacheck.checks.near.alike import FETCHED
from datacheck.checks.near.buckets import counted, shared
from datacheck.checks.near.gaps import by_nature, few_twins, surprise_asked
from datacheck.checks.near.items import Edges, How, Items, by_address, edges
from datacheck.checks.support import hash_columns, need_sample, table_parts
from datacheck.dataset import Dataset, to_matrix
from datacheck.summaries.base import Need
from datacheck.summaries.hashing import hash_column
from datacheck.summaries.row_hashes import PARTS, RowHashes
from datacheck.types import Floats, Hashes, Ints

RARE = 3  # columns in which two rows agree in a rare value
SEEN = 4  # rows of the sample with one value, at most, that is rare
SHARE = 0.2  # of a column's cells that are rare, at least, in as many columns
LOOKED_AT = 64  # columns, those with the most distinct values, in which values may be rare
ROWS = 200_000  # that are read again
LEAST = 3  # pairs of two splits, or of one, below which no gap is looked for


def need_cells(data: Dataset) -> list[Need]:
    """The row sample (the parts of the hashes are needed with those), for tables."""
    return need_sample(data) if table_parts(data) else []


@dataclass(frozen=True)
class Values:
    """How often each value stands in the sample, by column; and how likely two rows share a rare
    one.
    """

    columns: tuple[str, ...]
    known: tuple[Hashes, ...]
    counts: tuple[Ints, ...]
    chance: tuple[float, ...]
    once: tuple[bool, ...]
    """Whether a column orders rows in another way than those before it."""
    rows: int
    telling: bool
    """Whether enough columns hold rare values."""

    def often(self, column: int, codes: Hashes) -> Ints:
        """How often the sample has the value of each cell."""
        known = self.known[column]
        at = np.minimum(np.searchsorted(known, codes), known.size - 1)
        return np.where(known[at] == codes, self.counts[column][at], 0)

    def surprise(self, often: Ints) -> Floats:
        """−log of the share of values that are there so often; of those seen once, as if twice."""
        return np.asarray(np.log(self.rows / np.maximum(often, 2)))

    def accident(self) -> float:
        """How likely two rows agree in as many rare values, where columns are independent: the
        elementary symmetric polynomial of the columns' chances.
        """
        sums = [1.0] + [0.0] * RARE
        for chance, once in zip(self.chance, self.once, strict=True):
            for k in range(RARE, 0, -1):
                sums[k] += sums[k - 1] * chance * once
        return SLACK * sums[RARE]


def values(context: Context) -> Values | None:
    """The values of a table; None where no row was sampled."""
    told = [context.data.columns[c] for c in hash_columns(context.data)]
    columns = tuple(c.name for c in sorted(told, key=lambda c: (-c.distinct, c.name))[:LOOKED_AT])
    frames = [context.sample(s).select(columns) for s in context.splits]
    frame = pl.concat(frames, how="vertical_relaxed")
    if not frame.height:
        return None
    orders: set[bytes] = set()
    known, counts, chances, once = [], [], [], []
    telling = 0
    n = float(frame.height)
    for column in columns:
        codes, often = np.unique(hash_column(frame[column]), return_counts=True)
        rare = often <= SEEN
        order = _order(frame[column])
        once.append(order is None or order not in orders)
        if order is not None:
            orders.add(order)
        telling += bool(once[-1] and often[rare].sum() >= SHARE * n)
        alike = float((often[rare] * (often[rare] - 1)).sum())
        known.append(codes)
        counts.append(often)
        chances.append((alike + 3) / (n * max(n - 1, 1)))  # 3: what might be where none was seen
    return Values(
        columns, tuple(known), tuple(counts), tuple(chances), tuple(once), frame.height,
        telling >= RARE,
    )  # fmt: skip


def _order(series: pl.Series) -> bytes | None:
    """The ranks of numbers, upward or downward: one measure in two units has them alike."""
    if not (series.dtype.is_numeric() or series.dtype.is_temporal()):
        return None
    _, ranks = np.unique(to_matrix(series.to_frame(), [series.name])[:, 0], return_inverse=True)
    up = ranks.astype(np.int32)
    return min(up.tobytes(), np.asarray(up.max() - up).tobytes())


def cell_edges(context: Context, known: Items, cells: int) -> tuple[Edges, float] | None:
    """Pairs of items that differ in one to ``cells`` columns, and how likely two rows are such a
    pair by accident. None where the data is no table, or one whose rows agree by accident anyway.
    """
    if not table_parts(context.data) or not cells:
        return None
    told = values(context)
    if told is None:
        return None
    a, b = _candidates(context, known, cells)
    wanted = np.unique(np.concatenate([a, b]))
    if wanted.size > ROWS:
        context.notes.append(
            f"near-duplicates: of {wanted.size:,} rows that agree in part of their columns "
            f"{ROWS:,} were compared cell by cell"
        )
        wanted = wanted[:ROWS]
        some = b <= wanted[-1]  # a is less
        a, b = a[some], b[some]
    columns = hash_columns(context.data)
    codes = _codes(context, known, wanted, columns) if a.size else []
    x, y = np.searchsorted(wanted, a), np.searchsorted(wanted, b)
    apart = np.zeros(a.size, dtype=np.int64)
    rare = np.zeros(a.size, dtype=np.int64)
    surprise = np.zeros(a.size)
    for column, code in zip(columns, codes, strict=False):
        same = code[x] == code[y]
        apart += ~same
        if column in told.columns and told.once[told.columns.index(column)]:
            often = told.often(told.columns.index(column), code)
            rare += same & (often <= SEEN)[x]
            surprise += same * told.surprise(often)[x]
    near = (apart > 0) & (apart <= cells)
    chosen = near & (rare >= RARE) if told.telling else np.zeros(a.size, dtype=np.bool_)
    accident = told.accident() if told.telling else 0.0
    alone = near & (surprise >= surprise_asked(known.n))
    alone[alone] = few_twins(a[alone], b[alone], known.n)
    nature = _gap(context, known, told, (a[alone], b[alone]), cells)
    if nature is not None:
        accident = nature + accident * bool((chosen & ~alone).any())
        chosen |= alone
    elif not told.telling:
        return None
    some = np.flatnonzero(chosen)
    how = np.full(some.size, How.CELLS, dtype=np.uint8)
    return edges([Edges(a[some], b[some], how, -apart[some].astype(np.float64))]), accident


def _gap(
    context: Context, known: Items, told: Values, pairs: tuple[Ints, Ints], cells: int
) -> float | None:
    """How likely two rows are such a pair by nature; None if that may be all that there is."""
    counts = _by_splits(known, *pairs)
    if max(counts.values(), default=0) < LEAST:
        return None
    columns = hash_columns(context.data)
    codes = [np.concatenate([hash_column(context.sample(s)[c]) for s in context.splits])
             for c in columns]  # fmt: skip
    at = {c: i for i, c in enumerate(told.columns) if told.once[i]}
    surprise = [
        told.surprise(told.often(at[c], code)) if c in at else None
        for c, code in zip(columns, codes, strict=True)
    ]
    nature = by_nature(codes, surprise, cells, surprise_asked(known.n))
    sizes = {s: float(np.count_nonzero(known.held[s])) for s in known.names}
    for (one, other), count in counts.items():
        of = sizes[one] * (sizes[other] if one != other else (sizes[one] - 1) / 2)
        if count >= LEAST and beyond_chance(count, nature * of):
            return nature
    return None


def _by_splits(known: Items, a: Ints, b: Ints) -> dict[tuple[str, str], int]:
    """How many pairs there are within each split, and across each two."""
    out = {}
    for i, one in enumerate(known.names):
        for other in known.names[i:]:
            s, t = known.held[one], known.held[other]
            out[one, other] = int(((s[a] & t[b]) | (s[b] & t[a])).sum())
    return out


def _candidates(context: Context, known: Items, cells: int) -> tuple[Ints, Ints]:
    """Pairs that agree in as many parts as such rows must."""
    hashes = [context.row_hashes(s) for s in context.splits]
    addresses = np.concatenate([h.addresses() for h in hashes])
    order = by_address(addresses)
    first = known.first
    if known.addresses.size < addresses.size:  # some of the rows only
        first = np.searchsorted(addresses[order], known.addresses[first])
    rows = first if isinstance(order, slice) else order[first]
    del addresses, order  # of many rows each of these arrays counts
    who = np.arange(known.n)
    found = []
    for chosen in combinations(range(PARTS), PARTS - cells):
        a, b, _ = shared(_summed(hashes, chosen)[rows], who, crowds=False)
        found.append((a, b))
    x, y = zip(*found, strict=True)
    a, b, _ = counted(np.concatenate(x), np.concatenate(y), max(known.n, 1))
    return a, b


def _summed(hashes: Sequence[RowHashes], chosen: Sequence[int]) -> Hashes:
    """The sum of some parts, of all rows; the last part is what the others leave of the whole."""
    last = PARTS - 1 in chosen
    out = np.concatenate([h.features() for h in hashes]) if last else None
    for part in range(PARTS - 1):
        if (part in chosen) == last:
            continue
        own = np.concatenate([h.part(part) for h in hashes])
        if out is None:
            out = own
        elif last:
            out -= own
        else:
            out += own
    assert out is not None  # no choice is empty
    return out


def _codes(
    context: Context, known: Items, wanted: Ints, columns: Sequence[str]
) -> list[Hashes]:
    """The cells of some items, read again: a hash of each, by column."""
    parts: list[list[Hashes]] = [[] for _ in columns]
    for start in range(0, wanted.size, FETCHED):
        rows = known.first[wanted[start : start + FETCHED]]
        frame = context.fetch(known.addresses[rows], list(columns))
        for column, hashed in zip(columns, parts, strict=True):
            hashed.append(hash_column(frame[column]))
    return [np.concatenate(p) for p in parts]
