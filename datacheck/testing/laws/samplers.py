"""Laws of samplers: what gives indices, or lists of them, of ``n`` rows.

``make`` gives a new sampler each time: ``make()``, or ``make(rank, world_size)`` where it is asked
for several ranks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from datacheck.types import Ints

Make = Callable[..., Any]
HEAD = 8


def every_index_once(
    make: Make, n: int, *, ranks: int = 1, epoch: int = 0, may_drop: int = 0
) -> None:
    """An epoch, of all ranks together, has each of the ``n`` indices once.

    ``may_drop`` is how many may be left out at the end (``drop_last``). What ``len()`` tells is
    what comes. Raises AssertionError with the indices that are missing, repeated or out of range.
    """
    parts = []
    for rank in range(ranks):
        sampler = _new(make, rank, ranks)
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(epoch)
        steps = list(sampler)
        if hasattr(sampler, "__len__") and len(sampler) != len(steps):
            raise AssertionError(f"len() tells {len(sampler)} of {len(steps)} steps{_at(rank)}")
        parts.append(_flat(steps))
    order = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    if (out := order[(order < 0) | (order >= n)]).size:
        raise AssertionError(f"indices outside 0 … {n - 1}: {_some(out)}")
    times = np.bincount(order, minlength=n)
    if (again := np.flatnonzero(times > 1)).size:
        raise AssertionError(f"{again.size} of {n} indices come more than once: {_some(again)}")
    if (gone := np.flatnonzero(times == 0)).size > may_drop:
        raise AssertionError(f"{gone.size} of {n} indices never come: {_some(gone)}")


def same_again(make: Make, *, epoch: int = 0) -> None:
    """Two samplers made alike give one order, and so does one that is set back to its epoch."""
    first, second = _new(make, 0, 1), _new(make, 0, 1)
    orders: list[list[list[int]]] = []
    for sampler in (first, second, second):
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(epoch)
        elif len(orders) == 2:
            continue
        orders.append([_flat([s]).tolist() for s in sampler])
    for other in orders[1:]:
        at = next((i for i, (a, b) in enumerate(zip(orders[0], other, strict=False)) if a != b), -1)
        if at >= 0 or len(other) != len(orders[0]):
            raise AssertionError(
                f"the same epoch differs from step {at}: {orders[0][at]} became {other[at]}"
            )


def goes_on_where_it_stood(
    make: Make, *, steps: tuple[int, ...] = (0, 1, 3), epoch: int = 0
) -> None:
    """A new sampler that loads the state of one after some ``steps`` gives the rest, and no more.

    It has ``state_dict`` and ``load_state_dict``. Raises AssertionError with the first step that
    differs.
    """
    whole = _new(make, 0, 1)
    if hasattr(whole, "set_epoch"):
        whole.set_epoch(epoch)
    full = [_flat([s]).tolist() for s in whole]
    for taken in (s for s in steps if s <= len(full)):
        one, other = _new(make, 0, 1), _new(make, 0, 1)
        if hasattr(one, "set_epoch"):
            one.set_epoch(epoch)
        going = iter(one)
        for _ in range(taken):
            next(going)
        other.load_state_dict(one.state_dict())
        rest = [_flat([s]).tolist() for s in other]
        wanted = full[taken:]
        if rest != wanted:
            at = next(
                (i for i, (a, b) in enumerate(zip(wanted, rest, strict=False)) if a != b),
                min(len(wanted), len(rest)),
            )
            was = wanted[at] if at < len(wanted) else "the end"
            came = rest[at] if at < len(rest) else "the end"
            raise AssertionError(
                f"after {taken} steps and a resume, step {taken + at} should be {was}, not {came}"
            )


def check_sampler(
    make: Make,
    n: int,
    *,
    ranks: int = 1,
    epochs: int = 2,
    may_drop: int = 0,
    once: bool = True,
    resumes: bool | None = None,
) -> None:
    """All laws that a sampler of ``n`` rows has to keep, over some epochs.

    Without ``once`` rows may come more than once or not at all (balanced, weighted draws).
    ``resumes`` None asks for a resume where there is a ``state_dict``. Raises AssertionError.
    """
    __tracebackhide__ = True  # what is told is the counterexample
    for epoch in range(epochs):
        if once:
            every_index_once(make, n, ranks=ranks, epoch=epoch, may_drop=may_drop)
        same_again(make, epoch=epoch)
    if resumes or (resumes is None and hasattr(_new(make, 0, 1), "state_dict")):
        goes_on_where_it_stood(make)


def _new(make: Make, rank: int, ranks: int) -> Any:
    return make(rank, ranks) if ranks > 1 else make()


def _flat(steps: list[Any]) -> Ints:
    """The indices of steps that are indices, or lists of them."""
    parts = [np.atleast_1d(np.asarray(s, dtype=np.int64)) for s in steps]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _at(rank: int) -> str:
    return f", on rank {rank}" if rank else ""


def _some(indices: Ints) -> str:
    told = ", ".join(map(str, indices[:HEAD].tolist()))
    return told + (", …" if indices.size > HEAD else "")
