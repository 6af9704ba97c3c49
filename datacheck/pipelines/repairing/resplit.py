"""Splits made again: whole entities in one split, evaluation after train, each class everywhere.

All three move as few rows as they can, keep the sizes and the class mix of the splits that there
are, and do nothing to a split that is already good. What they decide depends on the rows, not on
their order: ties are broken by a hash of the atom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from datacheck.errors import UsageError
from datacheck.summaries.hashing import mix
from datacheck.types import Floats, Hashes, Ints, Mask

TOLERANCE = 0.05  # of all rows: how far a cut in time may stray from the sizes that were there
MOST_CHAINED = 0.2  # a component with more of the rows is a chain of accidents, not an entity
BINS = 5  # a regression label is stratified by its quintiles


@dataclass
class Resplit:
    """The new split of each row, int64 of shape (rows,), and what has to be said about it."""

    split_of: Ints
    notes: list[str] = field(default_factory=list)


def components(keys: Sequence[Hashes]) -> Ints:
    """Rows that share a value of any key, however far around, have one number; shape (rows,).

    Connected components of the graph of rows and key values. Raises UsageError without a key.
    """
    if not keys:
        raise UsageError("no key to hold rows together", "name a column")
    codes = [np.unique(k, return_inverse=True)[1].astype(np.int64) for k in keys]
    if len(codes) == 1:
        return codes[0]
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = codes[0].size
    # Values are nodes, rows are edges between the first key's value and each other's.
    bases = np.cumsum([0, *(int(c.max(initial=-1)) + 1 for c in codes)])
    rows = np.concatenate([codes[0]] * (len(codes) - 1)) if n else codes[0]
    cols = np.concatenate([c + b for c, b in zip(codes[1:], bases[1:], strict=False)])
    graph = coo_array((np.ones(rows.size, dtype=np.bool_), (rows, cols)), shape=(bases[-1],) * 2)
    found = connected_components(graph, directed=False)[1]
    return np.asarray(found[codes[0]], dtype=np.int64)


def chained(atoms: Ints) -> bool:
    """Whether one component holds so many rows that no split could be made of them."""
    return bool(atoms.size and np.bincount(atoms).max() > max(MOST_CHAINED * atoms.size, 1))


def group_aware(
    split_of: Ints, atoms: Ints, *, labels: Hashes | Floats | None = None, splits: int = 0
) -> Resplit:
    """Each atom in one split: the one that has most of its rows, as far as the sizes allow.

    Sizes are kept within each class of the label (an atom counts by its commonest class), so
    that the class mix stays. Raises UsageError where there is only one split.
    """
    k = _splits(split_of, splits)
    table = _Atoms.of(split_of, atoms, labels, k)
    straddling = (table.counts > 0).sum(axis=1) > 1
    if not straddling.any():
        return Resplit(split_of.copy())
    home = table.counts.argmax(axis=1)
    notes = table.balance(home, table.targets())
    new = home[table.atom_of]
    notes.insert(
        0,
        f"{int(straddling.sum()):,} of {home.size:,} groups of rows were in several splits; "
        f"{int((new != split_of).sum()):,} of {new.size:,} rows move; sizes {_sizes(split_of, k)} "
        f"→ {_sizes(new, k)}",
    )
    return Resplit(new, notes)


def stratified(
    split_of: Ints, labels: Hashes | Floats, *, atoms: Ints | None = None, splits: int = 0
) -> Resplit:
    """Each class in each split, near the split's share of all rows; atoms stay together.

    Only classes that some split lacks are moved. A class of fewer atoms than splits cannot be in
    all of them, which is said.
    """
    k = _splits(split_of, splits)
    whole = np.arange(split_of.size) if atoms is None else atoms
    table = _Atoms.of(split_of, whole, labels, k)
    home = table.counts.argmax(axis=1)
    sizes = np.bincount(split_of, minlength=k)
    notes: list[str] = []
    for stratum in range(table.strata):
        mine = table.stratum == stratum
        held = np.bincount(home[mine], weights=table.sizes[mine], minlength=k)
        absent = np.flatnonzero((held == 0) & (sizes > 0))
        if not absent.size:
            continue
        if mine.sum() < np.count_nonzero(sizes):
            notes.append(f"a class of {int(held.sum()):,} rows is too small to be in each split")
        for s in absent.tolist():
            donor = int(held.argmax())
            wanted = max(1.0, held.sum() * sizes[s] / split_of.size)
            at = np.flatnonzero(mine & (home == donor))
            if at.size < 2:
                continue
            at = at[np.argsort(table.ties[at], kind="stable")]
            n = max(1, int(np.searchsorted(np.cumsum(table.sizes[at]), wanted, side="right")))
            home[at[: min(n, at.size - 1)]] = s
            held = np.bincount(home[mine], weights=table.sizes[mine], minlength=k)
    new = np.where(home[table.atom_of] != table.counts.argmax(axis=1)[table.atom_of],
                   home[table.atom_of], split_of)  # fmt: skip
    moved = int((new != split_of).sum())
    return Resplit(new, [f"{moved:,} of {new.size:,} rows move", *notes] if moved else notes)


def time_aware(
    split_of: Ints, times: Floats, *, order: Sequence[int], tolerance: float = TOLERANCE
) -> Resplit:
    """Splits in the ``order`` given, each wholly after the one before; NaN times stay.

    Each cut is where the fewest rows are on the wrong side, no further than ``tolerance`` (of
    all rows) from the sizes that were there; rows of one instant stay together.
    """
    k = _splits(split_of, len(order))
    known = np.flatnonzero(~np.isnan(times))
    rank = np.empty(k, dtype=np.int64)
    rank[np.asarray(order)] = np.arange(k)
    by_time = known[np.argsort(times[known], kind="stable")]
    place = rank[split_of[by_time]]
    when = times[by_time]
    n = by_time.size
    if not n:
        return Resplit(split_of.copy(), ["no row has a time"])
    edges = np.concatenate(([0], np.flatnonzero(np.diff(when) > 0) + 1, [n]))
    cuts = [0]
    notes: list[str] = []
    for j in range(k - 1):
        before = place <= j
        wrong = _wrong(before)[edges]
        near = np.abs(edges - before.sum()) <= tolerance * n
        allowed = near & (edges >= cuts[-1])
        if not allowed.any():
            allowed = edges >= cuts[-1]
            distance = np.where(allowed, np.abs(edges - before.sum()), n + 1)
            cuts.append(int(edges[distance.argmin()]))
            notes.append("many rows have one time: a size could not be kept")
            continue
        cost = np.where(allowed, wrong, n + 1)
        cuts.append(int(edges[cost.argmin()]))
    new = split_of.copy()
    after = np.searchsorted(np.asarray(cuts[1:]), np.arange(n), side="right")
    new[by_time] = np.asarray(order)[after]
    if (np.bincount(new, minlength=k)[np.unique(split_of)] == 0).any():
        raise UsageError("the cut in time would leave a split empty", "look at the time column")
    moved = int((new != split_of).sum())
    told = f"{moved:,} of {new.size:,} rows move; sizes {_sizes(split_of, k)} → {_sizes(new, k)}"
    return Resplit(new, [told, *notes] if moved else notes)


def _wrong(before: Mask) -> Ints:
    """Rows on the wrong side of a cut at 0 … n: later ones before it, earlier ones behind it."""
    later = np.concatenate(([0], np.cumsum(~before)))
    earlier = np.concatenate(([0], np.cumsum(before)))
    return np.asarray(later + (earlier[-1] - earlier), dtype=np.int64)


def _splits(split_of: Ints, splits: int) -> int:
    k = max(splits, int(split_of.max(initial=-1)) + 1)
    if np.unique(split_of).size < 2:
        raise UsageError("a re-split needs two splits with rows", "there is only one")
    return k


def _sizes(split_of: Ints, k: int) -> str:
    return "/".join(f"{n:,}" for n in np.bincount(split_of, minlength=k).tolist())


@dataclass
class _Atoms:
    """Groups of rows that stay together: rows by split, the class they count for, tie breakers."""

    atom_of: Ints
    counts: Ints
    sizes: Ints
    stratum: Ints
    strata: int
    ties: Hashes

    @classmethod
    def of(cls, split_of: Ints, atoms: Ints, labels: Hashes | Floats | None, k: int) -> _Atoms:
        """The atoms of those rows, whatever numbers they have."""
        _, atom_of = np.unique(atoms, return_inverse=True)
        a = int(atom_of.max(initial=-1)) + 1
        counts = np.bincount(atom_of * k + split_of, minlength=a * k).reshape(a, k)
        classes = _classes(labels, split_of.size)
        c = int(classes.max(initial=0)) + 1
        by_class = np.bincount(atom_of * c + classes, minlength=a * c).reshape(a, c)
        # Not a hash of the number, which follows the order of rows: one of what the atom holds.
        content = np.zeros(a, dtype=np.uint64)
        np.add.at(content, atom_of, mix(atoms.astype(np.uint64)))
        return cls(
            np.asarray(atom_of, dtype=np.int64), counts.astype(np.int64), counts.sum(axis=1),
            by_class.argmax(axis=1), c, mix(content),
        )  # fmt: skip

    def targets(self) -> Floats:
        """Rows of each stratum that each split has now, shape (strata, splits)."""
        out = np.zeros((self.strata, self.counts.shape[1]))
        np.add.at(out, self.stratum, self.counts)
        return out

    def balance(self, home: Ints, targets: Floats) -> list[str]:
        """Send atoms from splits that have grown to those that shrank, cheapest first."""
        k = targets.shape[1]
        for stratum in range(self.strata):
            mine = np.flatnonzero(self.stratum == stratum)
            for _ in range(k * k):
                held = np.bincount(home[mine], weights=self.sizes[mine], minlength=k)
                short, over = targets[stratum] - held, held - targets[stratum]
                to, donor = int(short.argmax()), int(over.argmax())
                amount = min(short[to], over[donor])
                if amount < 1 or not self._send(home, mine, donor, to, amount):
                    break
        held = np.bincount(home, weights=self.sizes, minlength=k)
        off = np.abs(held - targets.sum(axis=0)).max() / max(self.sizes.sum(), 1)
        biggest = self.sizes.max(initial=0) / max(self.sizes.sum(), 1)
        if off > TOLERANCE:
            return [f"sizes are {off:.0%} of all rows off; the largest group holds {biggest:.0%}"]
        return []

    def _send(self, home: Ints, mine: Ints, donor: int, to: int, amount: float) -> bool:
        at = mine[home[mine] == donor]
        at = at[self.sizes[at] <= amount]
        if not at.size:
            return False
        # Rows that move more if the atom goes, for each row that the other split gains.
        cost = (self.counts[at, donor] - self.counts[at, to]) / self.sizes[at]
        at = at[np.lexsort((self.ties[at], cost))]
        n = int(np.searchsorted(np.cumsum(self.sizes[at]), amount, side="right"))
        home[at[: max(n, 1)]] = to
        return True


def _classes(labels: Hashes | Floats | None, n: int) -> Ints:
    """Class codes; a regression label has its quintiles, and missing labels are a class."""
    if labels is None:
        return np.zeros(n, dtype=np.int64)
    if labels.dtype.kind != "f":
        return np.asarray(np.unique(labels, return_inverse=True)[1], dtype=np.int64)
    known = labels[np.isfinite(labels)]
    at = np.linspace(0, 1, BINS + 1)[1:-1]
    edges = np.unique(np.quantile(known, at)) if known.size else known
    codes = np.searchsorted(edges, labels, side="right")
    return np.where(np.isfinite(labels), codes, BINS).astype(np.int64)
