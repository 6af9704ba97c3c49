"""How rows of known lengths are cut into batches, before anything is drawn at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from datacheck.pipelines.budgets import Budget
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
    places at no cost.
    """

    block: npt.NDArray[np.integer[Any]]
    edges: Ints
    tied: Ints
    tie: npt.NDArray[np.integer[Any]]

    def order(self, random: np.random.Generator | None) -> tuple[Ints, Ints]:
        """(rows by run, the run of each place): within runs at random, ties too, or as they are.

        Rows of one length often stand beside their like in a file, so that ties in its order make
        batches of one class or one language.
        """
        if random is None:
            order = np.argsort(self.block, kind="stable")
            return order, self.block[order].astype(np.int64)
        block = self.block
        if self.tied.size:
            turn = random.permutation(self.tied.size)
            turned = turn[np.argsort(self.tie[turn], kind="stable")]
            block = block.copy()
            block[self.tied[turned]] = self.block[self.tied]
        turn = random.permutation(block.size)
        order = turn[np.argsort(block[turn], kind="stable")]
        return order, block[order].astype(np.int64)


def lay_out(lengths: Ints, budget: Budget) -> Layout:
    """Batches of like lengths, and the largest runs of them that may be mixed at little cost."""
    order = by_length(lengths)
    down = lengths[order]
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
    by_place = np.repeat(blocks, np.diff(edges))
    block[order] = by_place
    tied, tie = _ties(down, by_place)
    return Layout(block, edges, order[tied], tie)


def _ties(down: Ints, blocks: Ints) -> tuple[Ints, npt.NDArray[np.integer[Any]]]:
    """(places of rows whose length occurs in several runs, the number of the length of each)."""
    # Only at a boundary of runs can a length go on into the next one.
    ends = np.flatnonzero(np.diff(blocks))
    across = np.unique(down[ends[down[ends] == down[ends + 1]]])[::-1]
    low = np.searchsorted(-down, -across, side="left")
    size = np.searchsorted(-down, -across, side="right") - low
    tie = np.repeat(np.arange(across.size), size)
    places = np.arange(tie.size) + np.repeat(low - (np.cumsum(size) - size), size)
    return places, tie.astype(np.uint16 if across.size < 65536 else np.int64)


def _padded(down: Ints, edges: Ints, blocks: Ints) -> int:
    """Tokens with padding, if each batch holds the longest row of its run."""
    first = np.flatnonzero(np.diff(blocks, prepend=-1))
    return int((np.diff(edges) * down[edges[:-1]][first][blocks]).sum())


def by_length(lengths: Ints) -> Ints:
    """Indices by length, the longest first, equals in order; a radix sort where that can be."""
    top = int(lengths.max(initial=0))
    if top < 65536:
        return np.argsort((top - lengths).astype(np.uint16), kind="stable")
    return np.argsort(-lengths, kind="stable")


def cut(down: Ints, budget: Budget, pool: int = 1) -> tuple[Ints, Ints]:
    """(bounds of batches, the run of each) of rows in descending order of length.

    A run is ``pool`` batches, each with as many rows as fit if the run's longest, its first, is
    among them.
    """
    starts, rows, at, n = [0], [], 0, int(down.size)
    while at < n:
        fit = budget.rows(int(down[at]))
        at = min(n, at + pool * fit)
        starts.append(at)
        rows.append(fit)
    begin, each = np.asarray(starts, dtype=np.int64), np.asarray(rows, dtype=np.int64)
    count = -(-np.diff(begin) // np.maximum(each, 1))
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
