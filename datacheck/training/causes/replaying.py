"""A step again, without its suspects, without as many other rows, and after a calmer approach.

If a few rows made the step what it was, it is an ordinary step without them, remains what it was
without others, and remains so if the steps before it are taken at a tenth of the learning rate.
The last matters: a model that is thrown about is badly wrong on a few rows at a time, and of those
too the step is rid without them; but a calmer optimizer would never have been wrong on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from datacheck.errors import UsageError
from datacheck.training.causes.replay_verdict import Outcome, Replay, judged
from datacheck.training.loop.keys import random_state, set_random_state
from datacheck.training.recording.snapshots import State, copied
from datacheck.training.recording.visits import Visits
from datacheck.types import Floats, Ints, Mask

SLOWER = 0.1  # times the learning rate, for the calmer approach

Clip = Callable[[list[nn.Parameter]], object]


def replay(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    objective: Any,
    state: State,
    batches: Callable[[int], Any],
    suspects: Sequence[int] | Ints,
    *,
    clip: Clip | None = None,
    draws: int = 39,
    seed: int = 0,
) -> Replay:
    """The step of ``state`` again, without ``suspects``, without others, and calmly approached.

    ``batches(step)`` is the batch of a step, with ``rows`` (addresses, shape (batch,)) and
    ``take(positions)``, as a :class:`~datacheck.pipelines.collate.Batch`: of the step itself, and
    of those since ``state.earlier``. ``objective(model, batch)`` gives
    :class:`~datacheck.training.objectives.Losses`. ``clip(parameters)`` clips their gradients as
    the run did. Model and optimizer are left as they were, random numbers too.

    Raises UsageError for suspects that are not in the batch or that are half of it or more, and
    for fewer draws than 19, with which no p could be as low as 0.05.
    """
    batch = batches(state.step)
    rows = torch.as_tensor(batch.rows).cpu().numpy().astype(np.int64)
    wanted = np.unique(np.asarray(list(suspects), dtype=np.int64))
    mine = np.isin(rows, wanted)
    if not mine.any() or not np.isin(wanted, rows).all():
        raise UsageError(
            f"suspects {wanted.tolist()[:5]} are not all in the batch of step {state.step}",
            f"its rows: {', '.join(map(str, rows.tolist()[:10]))}",
        )
    if 2 * int(mine.sum()) >= rows.size:
        raise UsageError(
            f"{int(mine.sum())} of {rows.size} rows are suspects",
            "without half of a batch there is nothing to compare with: name fewer",
        )
    if draws < 19:
        raise UsageError(f"{draws} draws", "19 at least, or no p is as low as 0.05")
    rng = np.random.default_rng(seed)
    innocent = np.flatnonzero(~mine)
    with _kept(model, optimizer):

        def again(leave_out: Ints) -> Outcome:
            keep = np.setdiff1d(np.arange(rows.size), leave_out)
            part = batch.take(torch.from_numpy(keep)) if leave_out.size else batch
            return _step(model, optimizer, objective, state, part, clip)

        full, without = again(np.zeros(0, dtype=np.int64)), again(np.flatnonzero(mine))
        others = tuple(
            again(rng.choice(innocent, int(mine.sum()), replace=False)) for _ in range(draws)
        )
        calmer = _calmly(model, optimizer, objective, state, batches, clip)
        extreme = 0 if calmer is None else int((_saturated(calmer[1]) & mine).sum())
    calm = None if calmer is None else calmer[0]
    suspected = tuple(wanted.tolist())
    return judged(state, suspected, rows.size, full, without, others, calm, extreme)


def _step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    objective: Any,
    state: State,
    batch: Any,
    clip: Clip | None,
) -> Outcome:
    """One step from the state, as a training loop makes it."""
    model.load_state_dict(state.model)
    optimizer.load_state_dict(copied(state.optimizer))  # the optimizer would change it in place
    set_random_state(state.random)
    model.train()
    return _on(model, optimizer, objective, batch, clip)[0]


def _calmly(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    objective: Any,
    state: State,
    batches: Callable[[int], Any],
    clip: Clip | None,
) -> tuple[Outcome, Floats] | None:
    """The step after those since the earlier state, all at a tenth of the learning rate.

    With the losses of its rows; None where there is no earlier state.
    """
    if state.earlier is None:
        return None
    model.load_state_dict(state.earlier.model)
    optimizer.load_state_dict(copied(state.earlier.optimizer))
    for group in optimizer.param_groups:
        group["lr"] = group["lr"] * SLOWER
    model.train()
    for step in range(state.earlier.step, state.step):
        _on(model, optimizer, objective, batches(step), clip)
    set_random_state(state.random)
    return _on(model, optimizer, objective, batches(state.step), clip)


def _on(
    model: nn.Module, optimizer: torch.optim.Optimizer, objective: Any, batch: Any,
    clip: Clip | None,
) -> tuple[Outcome, Floats]:  # fmt: skip
    """One step from where the model is, and the losses of the rows."""
    optimizer.zero_grad(set_to_none=True)
    losses = objective(model, batch)
    losses.mean.backward()
    parameters = [p for p in model.parameters() if p.grad is not None]
    norm = float(nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None]))
    if clip is not None:
        clip(parameters)
    before = [p.detach().clone() for p in parameters]
    optimizer.step()
    moved = [p.detach() - b for p, b in zip(parameters, before, strict=True)]
    outcome = Outcome(float(losses.mean.detach()), norm, float(nn.utils.get_total_norm(moved)))
    return outcome, losses.per_row.detach().double().cpu().numpy()


def _saturated(losses: Floats) -> Mask:
    """Rows of one batch with a loss of exactly 0, far from that of the others, shape (batch,)."""
    n = losses.size
    one = Visits(np.array([0]), np.array([0, n]), np.arange(n), losses + 0.0)
    return one.saturated


@contextmanager
def _kept(model: nn.Module, optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """What is done inside leaves no trace."""
    saved, opt = copied(model.state_dict()), copied(optimizer.state_dict())
    training = {m: m.training for m in model.modules()}
    grads = [p.grad for p in model.parameters()]
    random = random_state(model)
    try:
        yield
    finally:
        model.load_state_dict(saved)
        optimizer.load_state_dict(opt)
        for module, flag in training.items():
            module.training = flag
        for parameter, grad in zip(model.parameters(), grads, strict=True):
            parameter.grad = grad
        set_random_state(random)
