"""Whole entities in one split, and evaluation no earlier than train, as far as both can be had.

An entity that goes to evaluation takes its early rows along, and one that stays in train brings
its last row with it, before which evaluation rows are early (rule LK004). Of all assignments with
that last row at M, those are best where entities that end by M are in train and the others are in
evaluation: so it is M that is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datacheck.pipelines.repairing.resplit import TOLERANCE, Resplit
from datacheck.types import Floats, Ints, Mask

WIDE = 0.25  # of all rows: how far sizes may stray where else more rows would be early than before
LEAST = 0.5  # of the rows that evaluation had: so many it keeps


def early(split_of: Ints, times: Floats, train: int) -> float:
    """The largest share of a split's rows that lie before the last row of train; NaN is no time."""
    known = ~np.isnan(times)
    mine = known & (split_of == train)
    if not mine.any():
        return 0.0
    last = times[mine].max()
    shares = [
        float((times[rows] < last).mean())
        for s in np.unique(split_of).tolist()
        if s != train and (rows := known & (split_of == s)).any()
    ]
    return max(shares, default=0.0)


@dataclass
class _Cuts:
    """What the assignments come to, for each last moment of train; all of shape (moments,)."""

    moment: Floats
    share: Floats
    size: Ints
    moves: Ints
    lazy: Mask

    def choose(self, size: int, rows: int, stray: float, most: float) -> int | None:
        """The one with the fewest moves whose share is at most ``most``; the least share, else."""
        fit = (np.abs(self.size - size) <= stray * rows) & (self.size >= LEAST * size)
        fit &= self.size < rows
        if not fit.any():
            return None
        over = np.maximum(self.share - most, 0.0)
        order = np.lexsort((-self.moment, self.moves, over, ~fit))
        return int(order[0])


def in_time(
    split_of: Ints, atoms: Ints, times: Floats, *, train: int, target: float
) -> tuple[Resplit, float] | None:
    """The assignment of whole atoms, and the share of early rows; None where none is sensible.

    Fewest rows move among those that leave at most ``target`` of evaluation early, with sizes
    near those that were there; where none does, as few as can be are early. ``atoms`` are
    numbered from 0, ``times`` NaN where unknown: atoms without any time stay where most of them is.
    """
    n = split_of.size
    k = int(split_of.max()) + 1
    a = int(atoms.max()) + 1
    counts = np.bincount(atoms * k + split_of, minlength=a * k).reshape(a, k)
    known = ~np.isnan(times)
    last = np.full(a, -np.inf)
    np.maximum.at(last, atoms[known], times[known])
    timed = np.isfinite(last)
    if not timed.any():
        return None
    before = int(counts[:, np.arange(k) != train].sum())
    fixed = counts[~timed].argmax(axis=1)
    away = int(counts[~timed][fixed != train].sum())
    cuts = _cuts(split_of, atoms, times, last, timed, counts, train, away)
    at = cuts.choose(before, n, TOLERANCE, target)
    was = early(split_of, times, train)
    if at is None or cuts.share[at] > max(was, target):
        wide = cuts.choose(before, n, WIDE, max(was, target))
        if wide is not None and (at is None or cuts.share[wide] < cuts.share[at] / 2):
            at = wide
    if at is None:
        return None
    own = counts.argmax(axis=1)
    stays = timed & (last <= cuts.moment[at])
    if cuts.lazy[at]:
        stays &= counts[:, train] > 0
    home = np.where(timed, np.where(stays, train, -1), own)
    _house(home, counts, last, split_of, train)
    new = home[atoms]
    return Resplit(new), early(new, times, train)


def _cuts(
    split_of: Ints, atoms: Ints, times: Floats, last: Floats, timed: Mask, counts: Ints,
    train: int, away: int,
) -> _Cuts:  # fmt: skip
    """Sums over rows in order of the last moment of their atom, so that each cut is looked up."""
    known = ~np.isnan(times)
    moments = np.unique(last[timed])
    when = np.sort(times[known])
    sizes, here = counts.sum(axis=1), counts[:, train]
    of_known = np.bincount(atoms[known], minlength=last.size)
    at_last = np.bincount(atoms[known & (times == last[atoms])], minlength=last.size)
    parts: list[_Cuts] = []
    for lazy in (True, False):
        may = timed & (here > 0) if lazy else timed
        order = np.argsort(last[may], kind="stable")
        ends = last[may][order]
        to = np.searchsorted(ends, moments, side="right")

        def upto(x: Ints, may: Mask = may, order: Ints = order, to: Ints = to) -> Ints:
            return np.asarray(np.concatenate(([0], np.cumsum(x[may][order])))[to])

        held = upto(sizes)
        inside = upto(of_known)
        same = np.searchsorted(ends, moments, side="left")
        of_last = np.concatenate(([0], np.cumsum(at_last[may][order])))
        # Known rows of train that lie before the moment, and all such rows.
        mine = inside - (of_last[to] - of_last[same])
        sooner = np.searchsorted(when, moments, side="left") - mine
        rest = int(known.sum()) - inside
        late = int(here[timed].sum()) - upto(here)
        come = held - upto(here)
        share = np.divide(sooner, rest, out=np.ones(moments.size), where=rest > 0)
        # In the lazy family the last moment of train is that of an atom that is in train.
        there = to > same
        share = np.where(there, share, np.inf)
        size = int(sizes[timed].sum()) - held + away
        parts.append(_Cuts(moments, share, size, late + come, np.full(moments.size, lazy)))
    return _Cuts(
        *(np.concatenate([getattr(p, f) for p in parts])
          for f in ("moment", "share", "size", "moves", "lazy"))
    )  # fmt: skip


def _house(home: Ints, counts: Ints, last: Floats, split_of: Ints, train: int) -> None:
    """Atoms of evaluation (−1) go where most of their evaluation rows are, or rows are lacking."""
    k = counts.shape[1]
    others = [s for s in range(k) if s != train and (split_of == s).any()]
    mine = np.flatnonzero(home < 0)
    there = counts[mine][:, others]
    home[mine] = np.asarray(others)[there.argmax(axis=1)]
    new = mine[there.sum(axis=1) == 0]
    if len(others) == 1 or not new.size:
        return
    home[new] = -1
    sizes = counts.sum(axis=1)
    held = np.array([sizes[home == s].sum() for s in others], dtype=np.float64)
    wanted = np.array([(split_of == s).sum() for s in others], dtype=np.float64)
    for atom in new[np.lexsort((new, last[new]))].tolist():
        i = int((wanted - held).argmax())
        home[atom] = others[i]
        held[i] += sizes[atom]
