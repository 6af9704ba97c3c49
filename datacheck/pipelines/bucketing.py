"""Batches of like lengths with a calmer loss than bucketing usually has.

Bucketing by length saves padding, and makes batches unlike each other: a batch of short rows has
another loss than one of long rows, so the loss swings from step to step. Here a step of the
optimizer is made of several batches (``accumulate``), one from each stratum of the lengths, drawn
at random: each step mirrors the lengths of the whole, and with them whatever goes with length, in
about the same number of tokens. The one line in the loop is :meth:`BucketBatchSampler.steps`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar

import numpy as np

from datacheck.errors import UsageError
from datacheck.pipelines.balanced import (
    Balance,
    BalancedBatchSampler,
    check_ranks,
    check_state,
)
from datacheck.pipelines.budgets import Budget, Tokens
from datacheck.pipelines.length_layout import halved, joined, lay_out
from datacheck.types import Floats, Ints

T = TypeVar("T")
ACCUMULATE = 4


class BucketBatchSampler:
    """A batch sampler: like lengths within a batch, all lengths within a step.

    ``lengths`` is int64 of shape (n,), 0 allowed; ``budget`` one of ``Examples``, ``Tokens`` and
    ``Quadratic`` (a number is ``Tokens``). Every index comes once an epoch, over all ranks
    together, in another order each epoch. ``accumulate`` batches make a step of the optimizer;
    all ranks have the same number of batches, and each step exactly ``accumulate``: a few batches
    are halved for that, and no row is left out or repeated (with ``drop_last`` the remainder is
    left out instead). Only where all batches hold one row can the last step be shorter, and a
    batch of several ranks hold two. ``balance`` draws classes of ``labels`` evenly instead (see
    :class:`~datacheck.pipelines.balanced.BalancedBatchSampler`); rows may then come more than
    once, or not. ``labels`` without ``balance`` change nothing: steps mirror the classes as they
    mirror the lengths.

    Use it as ``DataLoader(data, batch_sampler=sampler)``, and in the loop::

        for step in sampler.steps(loader):
            for batch, weight in step:
                (weight * loss(batch)).backward()   # loss: the mean over the batch's tokens
            optimizer.step(); optimizer.zero_grad()

    Raises UsageError for lengths, ranks and budgets that do not fit.
    """

    def __init__(
        self,
        lengths: Any,
        budget: Budget | int,
        *,
        shuffle: bool = True,
        seed: int = 0,
        labels: Any = None,
        balance: Balance | Mapping[int, float] | None = None,
        accumulate: int = ACCUMULATE,
        rank: int = 0,
        world_size: int = 1,
        drop_last: bool = False,
    ) -> None:
        self.lengths = check_lengths(lengths)
        self.budget: Budget = Tokens(budget) if isinstance(budget, int) else budget
        check_ranks(1, rank, world_size)
        n = int(self.lengths.size)
        if accumulate < 1:
            raise UsageError(f"accumulate is {accumulate}", "a step has at least 1 batch")
        if 0 < n < world_size:
            raise UsageError(f"{n} rows for {world_size} ranks", "each rank needs at least one row")
        self.shuffle, self.seed, self.drop_last = shuffle, int(seed), drop_last
        self.rank, self.world_size = rank, world_size
        self.accumulate = max(1, min(accumulate, n // world_size)) if n else accumulate
        self._draws = None
        if balance is not None:
            self._draws = BalancedBatchSampler(_classes(labels, n), 1, balance=balance, seed=seed)
        self._layout = None if self._draws else lay_out(self.lengths, self.budget)
        self.epoch = self._step = self._from = 0
        self._planned: tuple[int, Ints, Ints] | None = None

    # -- the plan -----------------------------------------------------------------------------

    def plan(self) -> tuple[Ints, Ints]:
        """(indices, bounds) of this rank's batches in this epoch, in their order.

        Batch i holds ``indices[bounds[i, 0]:bounds[i, 1]]``.
        """
        indices, bounds = self._all()
        return indices, bounds[:, self.rank]

    def _all(self) -> tuple[Ints, Ints]:
        """The same of all ranks: bounds of shape (batches, ranks, 2)."""
        if self._planned is None or self._planned[0] != self.epoch:
            self._planned = (self.epoch, *self._make())
        return self._planned[1], self._planned[2]

    def _make(self) -> tuple[Ints, Ints]:
        random = np.random.Generator(
            np.random.Philox(np.random.SeedSequence([self.seed, self.epoch]))
        )
        if self._draws is None:
            drawn, layout = None, self._layout
        else:
            self._draws.epoch = self.epoch
            drawn = self._draws.order()
            layout = lay_out(self.lengths[drawn], self.budget)
        assert layout is not None
        block = layout.block
        if self.shuffle:
            turn = random.permutation(block.size)
            order = turn[np.argsort(block[turn], kind="stable")]
        else:
            order = np.argsort(block, kind="stable")
        bounds = np.stack([layout.edges[:-1], layout.edges[1:]], axis=1)
        return (order if drawn is None else drawn[order]), self._deal(bounds, random)

    def _deal(self, bounds: Ints, random: np.random.Generator) -> Ints:
        """To each step and rank one batch of each stratum of ``steps × ranks`` batches."""
        world, together = self.world_size, self.accumulate * self.world_size
        extra = bounds.shape[0] % together
        if extra and not self.drop_last:
            bounds = halved(bounds, together - extra)
            if bounds.shape[0] % together:  # all hold one row: the last step is shorter, then
                bounds = joined(bounds, world)
            extra = bounds.shape[0] % together
        at = np.arange(bounds.shape[0])[::-1]
        rest = np.sort((random.permutation(at) if self.shuffle else at)[:extra])
        steps = bounds.shape[0] // together
        dealt = np.delete(bounds, rest, axis=0).reshape(self.accumulate, steps * world, 2)
        if self.shuffle:
            keys = random.random(dealt.shape[:2])
            dealt = np.take_along_axis(dealt, np.argsort(keys, axis=1)[:, :, None], axis=1)
        by_step = dealt.reshape(self.accumulate, steps, world, 2).transpose(1, 0, 2, 3)
        last = bounds[rest[: 0 if self.drop_last else None]].reshape(-1, world, 2)
        return np.concatenate([by_step.reshape(-1, world, 2), last])

    # -- the protocol of batch samplers -------------------------------------------------------

    def __len__(self) -> int:
        return int(self.plan()[1].shape[0])

    def __iter__(self) -> Iterator[list[int]]:
        indices, bounds = self.plan()
        start = self._from
        self._step, self._from = start, 0
        for i, (low, high) in enumerate(bounds[start:].tolist(), start):
            self._step = i + 1
            yield indices[low:high].tolist()
        self.epoch, self._step = self.epoch + 1, 0

    def set_epoch(self, epoch: int) -> None:
        """Go to the beginning of an epoch."""
        self.epoch, self._step, self._from = int(epoch), 0, 0

    def state_dict(self, batches: int | None = None) -> dict[str, Any]:
        """Where it stands: the epoch, the batches yielded in it, and what must be the same.

        Workers of a DataLoader fetch ahead: give the number of ``batches`` that the loop has
        got, or use ``datacheck.loaders``, which count them.
        """
        step = self._step if batches is None else int(batches)
        return {"epoch": self.epoch, "step": step, **self._identity()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there; nothing is iterated. Raises UsageError for another sampler's state."""
        check_state(state, self._identity())
        self.epoch, self._step = int(state["epoch"]), int(state["step"])
        if not 0 <= self._step <= len(self):
            raise UsageError(f"the state is at batch {self._step} of {len(self)}", "it is damaged")
        self._from = self._step

    def _identity(self) -> dict[str, Any]:
        content = hashlib.blake2b(self.lengths.tobytes(), digest_size=8).hexdigest()
        return {
            "n": int(self.lengths.size),
            "lengths": content,
            "budget": repr(self.budget),
            "accumulate": self.accumulate,
            "seed": self.seed,
            "world_size": self.world_size,
        }

    # -- steps --------------------------------------------------------------------------------

    def weights(self, by: Literal["tokens", "rows"] = "tokens") -> Floats:
        """For each batch of this rank, its share of the real tokens (or rows) of its step.

        A share of the mean over the ranks, as DistributedDataParallel averages gradients over
        them: what it averages is then the mean over the tokens of all ranks. Shape (batches,).
        """
        if by not in ("tokens", "rows"):
            raise UsageError(f"weights by {by!r}", "by 'tokens' or by 'rows'")
        held = self._held(by)
        if not held.size:
            return held[:, 0]
        k = self.accumulate
        total = np.add.reduceat(held.mean(axis=1), np.arange(0, held.shape[0], k))
        return np.asarray(held[:, self.rank] / np.repeat(np.maximum(total, 1), k))

    def _held(self, by: str) -> Floats:
        """Real tokens (or rows) of each batch of each rank, shape (batches, ranks)."""
        indices, bounds = self._all()
        if by == "rows":
            return np.asarray(bounds[..., 1] - bounds[..., 0], dtype=np.float64)
        total = np.concatenate(([0.0], np.cumsum(self.lengths[indices], dtype=np.float64)))
        return np.asarray(total[bounds[..., 1]] - total[bounds[..., 0]])

    def steps(
        self, loader: Iterable[T], *, by: Literal["tokens", "rows"] = "tokens"
    ) -> Iterator[Iterator[tuple[T, float]]]:
        """The batches of a loader by steps of the optimizer, each batch with its weight.

        ``weight`` × the mean loss over the batch's tokens (or rows, ``by="rows"``), summed over
        the step, is the mean loss over the step's. Batches are passed on as they come; one that
        the loop leaves is passed over.
        """
        weights = self.weights(by)
        at = self._from
        batches = iter(loader)
        while at < weights.size:
            end = (at // self.accumulate + 1) * self.accumulate
            step = _together(batches, weights[at:end].tolist())
            yield step
            for _ in step:
                pass
            at = end
        for _ in batches:  # lets the loader end its epoch
            pass


def _together(batches: Iterator[T], weights: Sequence[float]) -> Iterator[tuple[T, float]]:
    for weight in weights:
        try:
            yield next(batches), weight
        except StopIteration:
            return


def check_lengths(lengths: Any) -> Ints:
    """Lengths as int64 of shape (n,). Raises UsageError for what are none."""
    found = np.asarray(lengths)
    if found.ndim != 1:
        raise UsageError(f"lengths of shape {found.shape}", "one number for each row")
    if not found.size:
        return np.zeros(0, dtype=np.int64)
    if found.dtype.kind == "f" and np.isfinite(found).all() and (found % 1 == 0).all():
        found = found.astype(np.int64)
    if found.dtype.kind not in "iu" or (found < 0).any():
        least = found.min() if found.dtype.kind in "iuf" else ""
        raise UsageError("lengths are no whole numbers from 0", f"found {found.dtype} {least}")
    return found.astype(np.int64)


def _classes(labels: Any, n: int) -> Ints:
    if labels is None:
        raise UsageError("balance needs labels", "a class index for each row")
    found = np.asarray(labels)
    if found.shape != (n,) or found.dtype.kind not in "iu":
        raise UsageError(
            f"labels of shape {found.shape} and type {found.dtype}", f"{n} class indices, from 0"
        )
    return found.astype(np.int64)
