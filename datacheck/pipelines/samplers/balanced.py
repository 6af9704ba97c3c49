"""Batch samplers for rows without lengths: shuffled, class-balanced or weighted, and in order.

All share one protocol, that of ``BucketBatchSampler``: ``set_epoch``, ``state_dict``,
``load_state_dict`` and ``len()``; the order is a function of seed and epoch alone, so that a run
goes on at any step without replaying what came before. All ranks take the same number of steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from datacheck.errors import UsageError
from datacheck.types import Floats, Ints

Balance = Literal["classes", "sqrt"]


class RowBatchSampler:
    """Batches of ``batch_size`` of ``n`` rows: every row once an epoch, over all ranks together.

    The last step is shared evenly among the ranks, so its batches may be smaller; with
    ``drop_last`` it is left out (and told by ``audit_loader``). Without ``shuffle`` rows come in
    order: rank r takes the r-th part of each step. An epoch that was iterated to its end is
    followed by the next one; ``set_epoch`` chooses one. Raises UsageError for sizes that do not
    fit.
    """

    tokens = 0  # the budget of batches that are cut by length

    def __init__(
        self,
        n: int,
        batch_size: int,
        *,
        shuffle: bool = True,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        drop_last: bool = False,
    ) -> None:
        check_ranks(batch_size, rank, world_size)
        if 0 < n < world_size:
            raise UsageError(f"{n} rows for {world_size} ranks", "each rank needs at least one row")
        self.n, self.batch_size, self.shuffle, self.seed = n, batch_size, shuffle, seed
        self.rank, self.world_size, self.drop_last = rank, world_size, drop_last
        self.epoch = self._step = self._from = 0
        self._edges = step_edges(n, batch_size * world_size, world_size, drop_last)

    def __len__(self) -> int:
        return int(self._edges.size) - 1

    def __iter__(self) -> Iterator[list[int]]:
        order, start = self.order(), self._start()
        for step in range(start, len(self)):
            low, high = int(self._edges[step]), int(self._edges[step + 1])
            first = low + (high - low) * self.rank // self.world_size
            last = low + (high - low) * (self.rank + 1) // self.world_size
            self._step = step + 1
            yield order[first:last].tolist()
        self.epoch, self._step = self.epoch + 1, 0

    def order(self) -> Ints:
        """The indices of this epoch, of all ranks, int64 of shape (n,)."""
        if not self.shuffle:
            return np.arange(self.n, dtype=np.int64)
        return self._generator().permutation(self.n).astype(np.int64)

    def set_epoch(self, epoch: int) -> None:
        """Go to the beginning of an epoch."""
        self.epoch, self._step, self._from = int(epoch), 0, 0

    def _start(self) -> int:
        """The step to begin with: that of a loaded state, once; else the first."""
        self._step, self._from = self._from, 0
        return self._step

    def state_dict(self) -> dict[str, int]:
        """Where it stands: the epoch, the steps taken in it, and what must be the same."""
        return {"epoch": self.epoch, "step": self._step, **self._identity()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there, in constant time. Raises UsageError for another sampler's state."""
        check_state(state, self._identity())
        self.epoch, self._step = int(state["epoch"]), int(state["step"])
        self._from = self._step

    def _identity(self) -> dict[str, int]:
        return {
            "n": self.n,
            "batch_size": self.batch_size,
            "tokens": self.tokens,
            "seed": self.seed,
            "world_size": self.world_size,
        }

    def _generator(self) -> np.random.Generator:
        return np.random.Generator(
            np.random.Philox(np.random.SeedSequence([self.seed, self.epoch]))
        )


class BalancedBatchSampler(RowBatchSampler):
    """Batches in which classes (or rows) come with chosen frequencies, ``n`` rows an epoch.

    ``labels`` are classes of shape (n,), int64 (negative: no class, never drawn). ``balance`` is
    ``"classes"`` (all alike), ``"sqrt"`` (by the root of their counts) or a mapping of class to
    relative frequency. Or give ``weights``, one a row, shape (n,): expected draws are
    proportional to them. Draws vary as little as can be: a class is gone through whole before a
    row of it comes again, classes are spread evenly over the epoch, so each batch holds its share
    to within one row or so, and weighted rows come floor or ceil of their expectation (systematic
    sampling: Madow 1949). Raises UsageError for labels or weights that do not fit.
    """

    def __init__(
        self,
        labels: Sequence[int] | Ints | None,
        batch_size: int,
        *,
        balance: Balance | Mapping[int, float] = "classes",
        weights: Sequence[float] | Floats | None = None,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        drop_last: bool = False,
    ) -> None:
        if (labels is None) == (weights is None):
            raise UsageError(
                "balancing needs labels or weights, one of them",
                "labels: a class for each row; weights: a number for each row",
            )
        self._weights = None if weights is None else check_weights(weights)
        self._labels = np.zeros(0, np.int64) if labels is None else np.asarray(labels, np.int64)
        n = self._labels.size if self._weights is None else self._weights.size
        super().__init__(
            n, batch_size, seed=seed, rank=rank, world_size=world_size, drop_last=drop_last
        )
        self.balance = balance
        if self._weights is None:
            self._classes, self._counts = np.unique(
                self._labels[self._labels >= 0], return_counts=True
            )
            self._shares = shares(self._classes, self._counts, balance)
            self._members = np.argsort(self._labels, kind="stable")[n - int(self._counts.sum()) :]

    def order(self) -> Ints:
        """The indices of this epoch; a row may be there more than once, or not."""
        if self._weights is not None:
            return self._by_weight(self._weights)
        random = self._generator()
        quotas = _round(self._shares * self.n, random)
        ends = np.cumsum(self._counts)
        places: list[Floats] = []
        drawn: list[Ints] = []
        for k, quota in enumerate(quotas.tolist()):
            members = self._members[ends[k] - self._counts[k] : ends[k]]
            drawn.append(_passes(members, quota, random))
            # A row in each 1/quota of the epoch, anywhere in it: even, and yet not periodic.
            places.append((np.arange(quota) + random.random(quota)) / max(quota, 1))
        return np.concatenate(drawn)[np.argsort(np.concatenate(places), kind="stable")]

    def _by_weight(self, weights: Floats) -> Ints:
        random = self._generator()
        turned = random.permutation(self.n)
        reached = np.cumsum(weights[turned]) / weights.sum() * self.n
        at = np.searchsorted(reached, np.arange(self.n) + random.random(), side="right")
        return random.permutation(turned[np.minimum(at, self.n - 1)]).astype(np.int64)


def step_edges(n: int, size: int, world_size: int, drop_last: bool) -> Ints:
    """Where steps of ``size`` rows (of all ranks) begin and end, int64 of shape (steps + 1,).

    A last step with fewer rows than ranks is evened out with the one before.
    """
    if drop_last:
        return np.arange(0, n // size * size + 1, size, dtype=np.int64)
    edges = np.append(np.arange(0, n, size, dtype=np.int64), n)
    if edges.size > 2 and n - edges[-2] < world_size:
        if n - edges[-3] < 2 * world_size:
            return np.delete(edges, -2)  # batches of 1: some rank takes one row more
        edges[-2] = (edges[-3] + n) // 2
    return edges if n else np.zeros(1, dtype=np.int64)


def cut_in_order(lengths: Ints, tokens: int, rows: int) -> Ints:
    """Greedy cuts such that rows × longest ≤ ``tokens`` within each, int64 of shape (k + 1,)."""
    edges, at = [0], 0
    while at < lengths.size:
        window = np.maximum(lengths[at : at + min(rows, tokens)], 1)
        padded = np.maximum.accumulate(window) * np.arange(1, window.size + 1)
        at += max(int(np.searchsorted(padded, tokens, side="right")), 1)
        edges.append(at)
    return np.array(edges, dtype=np.int64)


def shares(classes: Ints, counts: Ints, balance: Balance | Mapping[int, float]) -> Floats:
    """The share of each class in an epoch, shape (classes,), summing to 1. Raises UsageError."""
    if not classes.size:
        raise UsageError("no row has a class to balance", "give labels from 0")
    if isinstance(balance, Mapping):
        lacking = [int(c) for c in classes if int(c) not in balance]
        wanted = np.array([float(balance.get(int(c), 0.0)) for c in classes])
        if lacking or not (np.isfinite(wanted).all() and (wanted >= 0).all() and wanted.sum() > 0):
            raise UsageError(
                f"no frequency for the class {lacking[0]}"
                if lacking
                else "frequencies are no shares",
                f"classes: {', '.join(map(str, classes[:10].tolist()))}",
            )
    elif balance in ("classes", "sqrt"):
        wanted = np.ones(classes.size) if balance == "classes" else np.sqrt(counts)
    else:
        raise UsageError(f"balance is {balance!r}", "it is 'classes', 'sqrt' or a mapping")
    found: Floats = wanted / wanted.sum()
    return found


def class_weights(labels: Ints, classes: int) -> Floats:
    """Weights of the loss by class, n / (k · count), shape (classes,); 0 for absent classes.

    What scikit-learn calls ``balanced`` (King & Zeng 2001), over the classes that occur.
    """
    counts = np.bincount(labels[labels >= 0], minlength=classes)
    occurs = counts > 0
    total = counts.sum() / max(int(occurs.sum()), 1)
    return np.where(occurs, total / np.maximum(counts, 1), 0.0)


def check_weights(weights: Sequence[float] | Floats) -> Floats:
    """Weights as float64. Raises UsageError for negative ones, or where all are 0."""
    found = np.asarray(weights, dtype=np.float64)
    if found.ndim != 1 or not np.isfinite(found).all() or (found < 0).any() or not found.sum() > 0:
        raise UsageError(
            f"weights of shape {found.shape} are no shares", "finite, not negative, some above 0"
        )
    return found


def check_ranks(size: int, rank: int, world_size: int) -> None:
    """Raises UsageError for a size below 1, or a rank that is not there."""
    if size < 1:
        raise UsageError(f"a batch of {size}", "batches hold at least 1")
    if not 0 <= rank < world_size:
        raise UsageError(f"rank {rank} of {world_size}", "ranks count from 0")


def check_state(state: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    """Raises UsageError where a saved state belongs to another sampler."""
    unlike = [k for k, v in identity.items() if state.get(k) != v]
    if unlike or not {"epoch", "step"} <= set(state):
        told = ", ".join(f"{k} was {state.get(k)}, is {identity[k]}" for k in unlike)
        raise UsageError(
            f"the state is of another sampler: {told or 'no epoch and step'}",
            "resume with the same data, batch size, seed and number of ranks",
        )


def _passes(members: Ints, quota: int, random: np.random.Generator) -> Ints:
    """``quota`` draws that go through all members, shuffled anew, before any comes again."""
    whole, rest = divmod(quota, members.size)
    passes = [random.permutation(members) for _ in range(whole)]
    return np.concatenate([*passes, random.permutation(members)[:rest]])


def _round(wanted: Floats, random: np.random.Generator) -> Ints:
    """Whole numbers with the same sum; each is floor or ceil of what is wanted."""
    low = np.floor(wanted).astype(np.int64)
    rest = round(float(wanted.sum())) - int(low.sum())
    if rest > 0:
        fraction = wanted - low + random.random(wanted.size) * 1e-9  # ties fall at random
        low[np.argsort(-fraction)[:rest]] += 1
    return low
