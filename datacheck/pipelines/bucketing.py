"""Batches of like lengths with a calmer loss than bucketing usually has.

Bucketing by length saves padding, and makes batches unlike each other: a batch of short rows has
another loss than one of long rows, so the loss swings from step to step. Here a step of the
optimizer is made of several batches (``accumulate``), one from each stratum of the lengths, dealt
at random and then evened out (:mod:`~datacheck.pipelines.samplers.dealing`): each step mirrors the
lengths of the whole, in about the same number of tokens, and whatever else is known of the rows
(``mirror``, ``labels``). The one line in the loop is :meth:`BucketBatchSampler.steps`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np

from datacheck.errors import UsageError
from datacheck.pipelines.repairing.row_numbers import check_classes, check_numbers, check_sides
from datacheck.pipelines.samplers.balanced import (
    Balance,
    BalancedBatchSampler,
    check_ranks,
    check_state,
)
from datacheck.pipelines.samplers.budgets import Budget, Tokens
from datacheck.pipelines.samplers.dealing import deal, features, spread
from datacheck.pipelines.samplers.length_layout import halved, joined, lay_out
from datacheck.types import Floats, Ints

T = TypeVar("T")
ACCUMULATE = 4
CLASSES = 32  # the most frequent ones are counted


class BucketBatchSampler:
    """A batch sampler: like lengths within a batch, all lengths within a step.

    ``lengths`` is int64 of shape (n,), 0 allowed, or (n, k) for rows of k sequences, such as a
    source and a target: a batch is then cut by the longest of them, so that the budget bounds each
    side, and the last is what weights and steps count, being what the loss is over. ``budget`` is
    one of ``Examples``, ``Tokens`` and ``Quadratic`` (a number is ``Tokens``). Every index comes
    once an epoch, over all ranks together, in another order each epoch. ``accumulate`` batches make
    a step of the optimizer; all ranks have the same number of batches, and each step exactly
    ``accumulate``: a few batches are halved for that, and no row is left out or repeated (with
    ``drop_last`` the remainder is left out instead). Only where all batches hold one row can the
    last step be shorter, and a batch of several ranks hold two. ``balance`` draws classes of
    ``labels`` evenly instead (see
    :class:`~datacheck.pipelines.samplers.balanced.BalancedBatchSampler`); rows may then come more
    than once, or not. ``labels`` without ``balance``: classes come evenly within each run of
    lengths, and steps hold them in proportion.

    ``mirror`` are further numbers of the rows, shape (n,) or (n, k), whose sums a step is to hold
    in proportion to its tokens: what is known of the rows' losses beforehand, such as
    :func:`~datacheck.pipelines.surprise.surprise` of their tokens. It calms the loss further.

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
        mirror: Any = None,
        accumulate: int = ACCUMULATE,
        rank: int = 0,
        world_size: int = 1,
        drop_last: bool = False,
    ) -> None:
        self.lengths, self.counted = check_sides(lengths)
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
        self._mirror = None if mirror is None else check_numbers(mirror, n)
        self._labels = None if labels is None else check_classes(labels, n)
        self._draws = None
        if balance is not None:
            self._draws = BalancedBatchSampler(
                check_classes(labels, n), 1, balance=balance, seed=seed
            )
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
            rows, layout = None, self._layout
        else:
            self._draws.epoch = self.epoch
            rows = self._draws.order()
            layout = lay_out(self.lengths[rows], self.budget)
        assert layout is not None
        order = layout.order(random if self.shuffle else None)
        order = order if rows is None else rows[order]
        if self.shuffle and self._labels is not None:
            runs = np.repeat(np.arange(layout.runs.size), layout.runs)
            order = spread(order, runs, self._labels, random)
        bounds = np.stack([layout.edges[:-1], layout.edges[1:]], axis=1)
        return order, self._deal(order, bounds, random)

    def _deal(self, order: Ints, bounds: Ints, random: np.random.Generator) -> Ints:
        """To each step and rank one batch of each of ``accumulate`` strata; their bounds."""
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
        whole = np.delete(bounds, rest, axis=0)
        if self.shuffle and steps:
            # All ranks' batches of a step are dealt as one step; which rank gets which is chance.
            even = np.delete(self._even(order, bounds), rest, axis=0)
            dealt = deal(even, together, random)
            dealt = random.permuted(dealt.reshape(self.accumulate, world, steps), axis=1)
        else:
            dealt = np.arange(whole.shape[0]).reshape(self.accumulate, steps, world)
            dealt = dealt.transpose(0, 2, 1)
        by_step = whole[dealt.transpose(2, 0, 1).reshape(-1, world)]
        last = bounds[rest[: 0 if self.drop_last else None]].reshape(-1, world, 2)
        return np.concatenate([by_step, last])

    def _even(self, order: Ints, bounds: Ints) -> Floats:
        """What steps are to be even in, of each batch (they hold all rows): (batches, features)."""

        def sums(values: Floats | Ints) -> Floats:
            return np.add.reduceat(values[order], bounds[:, 0]).astype(np.float64)

        mirror = classes = None
        if self._mirror is not None:
            mirror = np.stack([sums(column) for column in self._mirror], axis=1)
        if self._labels is not None:
            shown = np.argsort(-np.bincount(np.maximum(self._labels, 0)), kind="stable")[:CLASSES]
            held = [sums((self._labels == c).astype(np.int64)) for c in shown]
            classes = np.stack(held, axis=1)
        rows = (bounds[:, 1] - bounds[:, 0]).astype(np.float64)
        return features(sums(self.counted), rows, mirror, classes)

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

    @cached_property
    def _content(self) -> str:
        """A hash of what the plan is made of, so that resuming takes constant time."""
        digest = hashlib.blake2b(self.lengths.tobytes(), digest_size=8)
        if self.counted is not self.lengths:
            digest.update(self.counted.tobytes())
        for more in (self._mirror, self._labels):
            digest.update(b"" if more is None else more.tobytes())
        return digest.hexdigest()

    def _identity(self) -> dict[str, Any]:
        return {
            "n": int(self.lengths.size),
            "lengths": self._content,
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
        Raises UsageError for a ``by`` that is neither.
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
        total = np.concatenate(([0.0], np.cumsum(self.counted[indices], dtype=np.float64)))
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
