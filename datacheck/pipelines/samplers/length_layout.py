"""How rows of known lengths are cut into batches, before anything is drawn at random."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from datacheck.pipelines.samplers.budgets import Budget
from datacheck.types import Ints

POOLS = (64, 32, 16, 8, 4, 2)  # batches whose rows are mixed, if that pads little
MORE_PADDING = 1.03  # what mixing may cost beside fully sorted batches; it calms the loss


@dataclass(frozen=True)
class Layout:
    """Where batches begin and end among rows in order of length, the longest first.

    ``block`` is, for each row (by index), the number of the run of batches that it is mixed
    within, uint16 where that can be (which a radix sort is fast on); ``edges`` are the batches'
    bounds, int64 of shape (batches + 1,), longest first. ``tied`` are the rows whose length occurs
    in more than one run, in order of length, and ``tie`` numbers their lengths: such rows change
    places at no cost. ``runs`` are the rows in each run.
    """

    block: npt.NDArray[np.integer[Any]]
    edges: Ints
    runs: Ints
    tied: Ints
    tie: Ints

    def order(self, random: np.random.Generator | None) -> Ints:
        """The rows by run: within runs at random, ties between runs too, or as they are.

        Rows of one length often stand beside their like in a file, so that ties in its order make
        batches of one class or one language.
        """
        if random is None:
            return np.argsort(self.block, kind="stable")
        block = self.block
        if self.tied.size:
            block = block.copy()
            block[self.tied[shuffled_within(self.tie, random)]] = self.block[self.tied]
        return shuffled_within(block, random)


def shuffled_within(group: npt.NDArray[np.integer[Any]], random: np.random.Generator) -> Ints:
    """Places by their group (numbers from 0), in random order within each; shape (n,).

    One sort of whole numbers that hold group, chance and place: 24 bits of chance or more, for
    2³² places in 2⁸ groups or 2²⁴ in 2¹⁶.
    """
    n = group.size
    low = max(n - 1, 1).bit_length()
    high = max(int(group.max(initial=0)), 1).bit_length()
    if low + high > 40:
        turn = random.permutation(n)
        return turn[np.argsort(group[turn], kind="stable")]
    key = random.bit_generator.random_raw(n)
    key >>= np.uint64(high + low)
    key <<= np.uint64(low)
    key |= np.arange(n, dtype=np.uint64)
    key |= group.astype(np.uint64) << np.uint64(64 - high)
    key.sort()
    key &= np.uint64((1 << low) - 1)
    return key.view(np.int64)


def lay_out(lengths: Ints, budget: Budget) -> Layout:
    """Batches of like lengths, and the largest runs of them that may be mixed at little cost."""
    order, down = _down(lengths)
    edges, blocks = cut(down, budget)
    plain = _padded(down, edges, blocks)
    for pool in POOLS:
        if edges.size <= 2 * pool:
            continue
        mixed = cut(down, budget, pool)
        if _padded(down, *mixed) <= MORE_PADDING * plain:
            edges, blocks = mixed
            break
    dtype = np.uint16 if edges.size < 65536 else np.int64
    block: npt.NDArray[np.integer[Any]] = np.empty(lengths.size, dtype=dtype)
    block[order] = np.repeat(blocks.astype(dtype), np.diff(edges))
    firsts = edges[:-1][np.flatnonzero(np.diff(blocks, prepend=-1))]
    places, tie = _ties(down, firsts)
    return Layout(block, edges, np.diff(np.append(firsts, down.size)), order[places], tie)


def _ties(down: Ints, firsts: Ints) -> tuple[Ints, Ints]:
    """(places of rows whose length occurs in several runs, the number of the length of each)."""
    # Only at the first row of a run can a length go on from the run before.
    begin = firsts[1:]
    across = np.unique(down[begin[down[begin] == down[begin - 1]]])[::-1]
    up = down[::-1]
    low = down.size - np.searchsorted(up, across, side="right")
    size = down.size - np.searchsorted(up, across, side="left") - low
    places = np.arange(int(size.sum())) + np.repeat(low - (np.cumsum(size) - size), size)
    return places, np.repeat(np.arange(across.size), size)


def _padded(down: Ints, edges: Ints, blocks: Ints) -> int:
    """Tokens with padding, if each batch holds the longest row of its run."""
    first = np.flatnonzero(np.diff(blocks, prepend=-1))
    return int((np.diff(edges) * down[edges[:-1]][first][blocks]).sum())


def by_length(lengths: Ints) -> Ints:
    """Indices by length, the longest first, equals in order."""
    return _down(lengths)[0]


def _down(lengths: Ints) -> tuple[Ints, Ints]:
    """(indices by length, the longest first, equals in order; the lengths in that order).

    One sort of whole numbers that hold length and index, where they have room for both.
    """
    top, low = int(lengths.max(initial=0)), max(lengths.size - 1, 1).bit_length()
    if top.bit_length() + low > 63:
        order = np.argsort(-lengths, kind="stable")
        return order, lengths[order]
    key = top - lengths
    key <<= low
    key |= np.arange(lengths.size)
    key.sort()
    order = key & ((1 << low) - 1)
    key >>= low
    return order, np.subtract(top, key, out=key)


def cut(down: Ints, budget: Budget, pool: int = 1) -> tuple[Ints, Ints]:
    """(bounds of batches, the run of each) of rows in descending order of length.

    A run is ``pool`` batches, each with as many rows as fit if the run's longest, its first, is
    among them.
    """
    n = int(down.size)
    # Runs that begin among rows of one length hold as many rows each: one turn for each length.
    ends = [*(np.flatnonzero(down[1:] != down[:-1]) + 1).tolist(), n]
    at = 0
    starts: list[int] = []
    runs_of: list[int] = []
    rows: list[int] = []
    while at < n:
        fit = budget.rows(int(down[at]))
        runs = -(-(ends[bisect.bisect_right(ends, at)] - at) // (pool * fit))
        starts.append(at)
        runs_of.append(runs)
        rows.append(fit)
        at += runs * pool * fit
    many = np.asarray(runs_of, dtype=np.int64)
    each = np.repeat(np.asarray(rows, dtype=np.int64), many)
    turn = np.arange(each.size) - np.repeat(np.cumsum(many) - many, many)
    begin = np.repeat(np.asarray(starts, dtype=np.int64), many) + turn * pool * each
    count = -(-np.diff(np.append(begin, n)) // each)
    owner = np.repeat(np.arange(count.size), count)
    place = np.arange(owner.size) - np.repeat(np.cumsum(count) - count, count)
    return np.append(begin[owner] + place * each[owner], n), owner


def halved(bounds: Ints, more: int) -> Ints:
    """``more`` batches more, by halving those with the most rows; as many as there are rows for."""
    while more > 0:
        rows = bounds[:, 1] - bounds[:, 0]
        able = np.flatnonzero(rows > 1)
        if not able.size:
            break
        chosen = able[np.argsort(-rows[able], kind="stable")[:more]]
        middle = bounds[chosen].sum(axis=1) // 2
        second = np.stack([middle, bounds[chosen, 1]], axis=1)
        bounds = bounds.copy()
        bounds[chosen, 1] = middle
        bounds = np.concatenate([bounds, second])
        bounds = bounds[np.argsort(bounds[:, 0], kind="stable")]
        more -= int(chosen.size)
    return bounds


def joined(bounds: Ints, multiple: int) -> Ints:
    """The last batches joined in pairs until their number is a multiple: shortest rows first."""
    extra = bounds.shape[0] % multiple
    if not extra or bounds.shape[0] < multiple:
        return bounds
    pairs = bounds[-2 * extra :].reshape(extra, 2, 2) if 2 * extra <= bounds.shape[0] else None
    if pairs is None:  # more than half of them: the rest goes to the last
        return np.concatenate([bounds[: multiple - 1], [[bounds[multiple - 1, 0], bounds[-1, 1]]]])
    both = np.stack([pairs[:, 0, 0], pairs[:, 1, 1]], axis=1)
    return np.concatenate([bounds[: -2 * extra], both])
