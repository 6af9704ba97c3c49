"""Which rows leave, and which change their split: decided before anything is fitted.

Repeated rows are told by the same 64-bit hashes that the audit's rules use, after the repairs of
values that need no fit: a leak that hides behind another scale is one all the same. Besides the
repeated rows themselves, nothing is held in memory; re-splits hold some 40 bytes a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np

from datacheck.checks.base import Context, NotApplicable
from datacheck.checks.duplicates import (
    NO_LABEL,
    SLACK,
    Repeats,
    beyond_chance,
    distinct,
    need_repeats,
    repeats,
)
from datacheck.checks.support import hash_columns, need_row_hashes
from datacheck.dataset import Role
from datacheck.engines import local
from datacheck.engines.plan import make_plan
from datacheck.errors import UsageError
from datacheck.pipelines.plan import DROPS, Step
from datacheck.pipelines.repairing.moving import moved
from datacheck.pipelines.repairing.near_rows import NEAR, NearRows
from datacheck.pipelines.repairing.pictures import broken, columns
from datacheck.pipelines.repairing.unusable import BY_CELLS
from datacheck.pipelines.repairing.view import Moves, View, among
from datacheck.summaries.hashing import mix
from datacheck.summaries.row_hashes import RowHashes
from datacheck.types import Hashes, Ints, Mask

MOST = 0.5  # share of train that one repair may take; beyond, the split itself is broken
BROKEN = {
    "quarantine": "the labels themselves are to be found or made again",
    "quarantine-rows": "see first why so many sequences are empty",
    "quarantine-pairs": "see first whether the lines of the two sides go together",
    "quarantine-conflicts": "the labels contradict the features as a whole",
}


@dataclass
class Decided:
    """What becomes of rows, and what has to be said about it; counts are by step."""

    moves: Moves = field(default_factory=Moves)
    said: list[str] = field(default_factory=list)
    counts: dict[int, int] = field(default_factory=dict)


@dataclass
class _State:
    """What has been decided so far."""

    view: View
    train: str
    gone: list[tuple[int, Ints]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    moved: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    to: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    rows: dict[str, int] = field(default_factory=dict)
    repeated: list[Repeats] = field(default_factory=list)
    expected: list[float] = field(default_factory=list)
    hashes: dict[str, RowHashes] = field(default_factory=dict)
    why: dict[int, str] = field(default_factory=dict)

    def all_gone(self) -> Ints:
        """Addresses of all rows that leave, ascending."""
        parts = [a for _, a in self.gone]
        return np.unique(np.concatenate(parts)) if parts else np.zeros(0, dtype=np.int64)

    def leave(self, step: int, addresses: Ints) -> None:
        """Rows leave, but for those that have already."""
        known, _ = among(addresses, self.all_gone())
        self.gone.append((step, np.unique(addresses[~known])))

    def moves(self) -> Moves:
        """All of it."""
        addresses = [a for _, a in self.gone]
        by = [np.full(a.size, i, dtype=np.int64) for i, a in self.gone]
        if not addresses:
            return Moves(why=self.why, moved=self.moved, to=self.to)
        all_, who = np.concatenate(addresses), np.concatenate(by)
        order = np.argsort(all_, kind="stable")
        return Moves(all_[order], who[order], self.why, self.moved, self.to)


def decide(
    view: View, steps: Sequence[Step], *, threads: int = 0, memory: int = 1 << 30
) -> Decided:
    """What the steps do to rows; ``steps`` is the whole plan, as reasons name places in it.

    Raises UsageError where a step asks for what the data does not have (no train split, say).
    """
    chosen = [(i, s) for i, s in enumerate(steps) if s.kind.acts in ("rows", "splits")]
    seen = bool(columns(view.data))
    wanted = [(i, s) for i, s in chosen if seen or s.repair != "quarantine-unreadable"]
    if not wanted:
        return Decided()
    train = view.data.train
    if train is None:
        raise UsageError(
            f"{wanted[0][1].repair} needs a train split", f"there are: {', '.join(view.splits)}"
        )
    state = _State(view, train)
    for i, step in wanted:
        if step.repair == "quarantine-unreadable":
            _broken(state, i, step)
        elif step.repair in BY_CELLS:
            found, state.rows[train] = BY_CELLS[step.repair](view, train, step)
            _take(state, i, step, found)
    dropped = {c for s in steps if s.repair in DROPS for c in s.columns}
    moving = [s for _, s in wanted if s.kind.acts == "splits"]
    if moving or any(s.repair in ALIKE for _, s in wanted):
        hidden = any(_hidden(s) for _, s in wanted)
        if view.transforms or view.parsed:  # what the audit saw counts too, not only what is left
            _hash(state, View(view.data), set(), hidden, threads, memory)
        _hash(state, view, dropped, hidden, threads, memory)
    near = NearRows(view, dropped, threads, memory)
    # Copies leave before rows are moved, or an evaluation split would get them all.
    for i, step in [w for w in wanted if moving and w[1].repair in (*ALIKE, *NEAR)] + wanted:
        if step.kind.acts == "splits":
            now = moved(state.view, step, state.hashes, state.all_gone())
            state.moved, state.to = now.moved, now.to
            state.said += now.said
        elif step.repair in ALIKE:
            _alike(state, i, step)
        elif step.repair in NEAR:
            found = near.leaving(step, train, state.all_gone(), state.moved, state.to)
            state.rows = state.rows or near.rows(step)
            _take(state, i, step, found)
    moves = state.moves()
    counts = {i: int((moves.by == i).sum()) for i, s in wanted if s.kind.acts == "rows"}
    counts.update({i: int(moves.moved.size) for i, s in wanted if s.kind.acts == "splits"})
    return Decided(moves, state.said, counts)


def _broken(state: _State, i: int, step: Step) -> None:
    """Rows of train leave whose picture cannot be decoded; those of other splits are told."""
    found = broken(state.view)
    none = np.zeros(0, dtype=np.int64)
    state.leave(i, found.rows.get(state.train, none))
    state.why.update(found.reasons)
    kept = {s: r.size for s, r in found.rows.items() if s != state.train}
    state.said += [
        f"{n:,} pictures of {split} cannot be read and stay: evaluation splits keep their files"
        for split, n in kept.items()
    ]


def _take(state: _State, i: int, step: Step, addresses: Ints) -> None:
    """The rows leave, unless too little would be left of train: that is said instead."""
    total = state.rows.get(state.train, 0)
    left = total - np.union1d(state.all_gone(), addresses).size
    if addresses.size > MOST * total or (addresses.size and left <= 0):
        said = (
            f"{step.repair} was left out: it would take {addresses.size:,} of {total:,} rows of "
            f"{state.train}; {BROKEN.get(step.repair, 'the split itself is to be made again')}"
        )
        state.said += [said] if said not in state.said else []
        return
    state.leave(i, addresses)


# -- repeated rows -----------------------------------------------------------------------------


def _alike(state: _State, i: int, step: Step) -> None:
    """Rows leave that are like others, where those are now."""
    for one, expected in zip(state.repeated, state.expected, strict=True):
        rows = ALIKE[step.repair](_all(state, one))
        # For a mismatch alone: only what its inverse brings to light, beyond accidents.
        if not _hidden(step) or beyond_chance(rows.size, expected):
            _take(state, i, step, rows)


def _hidden(step: Step) -> bool:
    """Whether a step takes out rows that another scale has hidden."""
    return step.repair == "drop-from-train" and set(step.rules) == {"NM001"}


def _hash(
    state: _State, view: View, dropped: set[str], hidden: bool, threads: int, memory: int
) -> None:
    """Row hashes of the data as a view has it, by the engine and the rules of the audit.

    ``hidden`` also asks how many rows of train and others chance makes alike.
    """
    data = view.as_dataset()
    data.columns = {
        n: replace(c, role=Role.IGNORE) if n in dropped else c for n, c in data.columns.items()
    }
    needs = need_repeats(data) if hidden else need_row_hashes(data)
    if not needs or not hash_columns(data):
        raise UsageError("no feature column that all splits have", "rows cannot be compared")
    scan = local.run(data, make_plan(data, needs), threads=threads, memory=memory)
    state.rows = scan.rows
    context = Context(data, scan.rows, scan.summaries)
    state.hashes = {s: context.row_hashes(s) for s in context.splits}
    with suppress(NotApplicable):
        state.repeated.append(found := repeats(context))
        state.expected.append(_accidents(context, found, state.train) if hidden else 0.0)


def _accidents(context: Context, found: Repeats, train: str) -> float:
    """Rows of the other splits that chance makes like some row of train, at most, as in LK001."""
    n = context.rows.get(train, 0)
    others = [s for s in context.splits if s != train]
    chances = [found.chance(context, (train, s)) * context.rows[s] * n for s in others]
    return SLACK * sum(chances)


@dataclass(frozen=True)
class _All:
    """The repeated rows of all splits that are still there, with the split they are in now."""

    addresses: Ints
    features: Hashes
    labels: Hashes
    train: Mask


def _all(state: _State, repeated: Repeats) -> _All:
    tables = repeated.tables
    names = list(tables)
    if not names:
        none = np.zeros(0, dtype=np.uint64)
        return _All(np.zeros(0, dtype=np.int64), none, none, np.zeros(0, dtype=np.bool_))
    addresses = np.concatenate([t.addresses for t in tables.values()])
    owner = np.repeat([n == state.train for n in names], [tables[n].n for n in names])
    hit, at = among(addresses, state.moved)
    if hit.any():
        owner[hit] = state.to[at[hit]] == state.view.splits.index(state.train)
    keep = ~among(addresses, state.all_gone())[0]
    features = np.concatenate([t.features for t in tables.values()])
    labels = np.concatenate([t.labels for t in tables.values()])
    return _All(addresses[keep], features[keep], labels[keep], owner[keep])


def _leaked(rows: _All) -> Ints:
    """Rows of train whose features an evaluation split has."""
    held = distinct(rows.features[~rows.train])
    hit = np.isin(rows.features, held) & rows.train
    return rows.addresses[hit]


def _repeated(rows: _All) -> Ints:
    """Rows of train that repeat an earlier row of train, label and all."""
    addresses = rows.addresses[rows.train]
    keys = (rows.features ^ mix(rows.labels))[rows.train]
    order = np.lexsort((addresses, keys))
    again = np.zeros(keys.size, dtype=np.bool_)
    again[1:] = keys[order][1:] == keys[order][:-1]
    return addresses[order[again]]


def _conflicts(rows: _All) -> Ints:
    """Rows of train whose features have another label in some split."""
    known = rows.labels != NO_LABEL
    features, labels = rows.features[known], rows.labels[known]
    order = np.lexsort((labels, features))
    f, v = features[order], labels[order]
    other = (f[1:] == f[:-1]) & (v[1:] != v[:-1])
    several = distinct(f[1:][other])
    hit = np.isin(rows.features, several) & rows.train & known
    return np.asarray(rows.addresses[hit])


ALIKE: dict[str, Callable[[_All], Ints]] = {
    "quarantine-conflicts": _conflicts,
    "drop-from-train": _leaked,
    "drop-duplicates": _repeated,
}
