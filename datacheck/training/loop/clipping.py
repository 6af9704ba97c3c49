"""Clipping of gradients; each way returns the norm before, so that it is computed once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from datacheck.errors import UsageError
from datacheck.findings import names

Way = Literal["norm", "value", "adaptive"]
WAYS: tuple[str, ...] = get_args(Way)
LEAST = 1e-3  # norm of a unit's weights that counts at least: else zero weights never move


@torch.no_grad()
def clip(
    parameters: Iterable[nn.Parameter], way: Way | None = None, at: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Clip the gradients in place: (their global norm before, whether anything was clipped).

    Both are scalars on the gradients' device; nothing waits for it. ``norm`` scales all
    gradients together, such that their norm is at most ``at`` (Pascanu, Mikolov & Bengio 2013);
    ``value`` cuts each element to [−at, at]; ``adaptive`` scales the gradient of each unit (a row
    of a weight, a whole bias) to at most ``at`` times the norm of the unit's weights (Brock et
    al. 2021, who leave out the last layer: pass the parameters that you mean). None only looks.

    Raises UsageError for another way, and where no parameter has a gradient.
    """
    having = [p for p in parameters if p.grad is not None]
    grads = [p.grad for p in having if p.grad is not None]
    return clip_tensors([p.detach() for p in having], grads, way, at)


def clip_tensors(
    weights: list[Tensor], grads: list[Tensor], way: Way | None = None, at: float = 1.0
) -> tuple[Tensor, Tensor]:
    """As :func:`clip`, of weights and their gradients, each of the same shapes."""
    if way is not None and way not in WAYS:
        raise UsageError(f"no way to clip {way!r}", f"there are: {names(WAYS)}")
    if not grads:
        raise UsageError("no parameter has a gradient", "call backward() before clipping")
    norm = total_norm(grads)
    if way is None:
        return norm, torch.zeros_like(norm, dtype=torch.bool)
    if way == "norm":
        # As torch.nn.utils.clip_grad_norm_, whose norm is this one.
        torch._foreach_mul_(grads, (at / (norm + 1e-6)).clamp(max=1.0))
        return norm, norm > at
    if way == "value":
        largest = torch.stack([m.to(norm) for m in torch._foreach_norm(grads, torch.inf)]).max()
        torch._foreach_clamp_min_(grads, -at)
        torch._foreach_clamp_max_(grads, at)
        return norm, largest > at
    return norm, _adaptive(weights, grads, at)


def total_norm(grads: list[Tensor]) -> Tensor:
    """The Euclidean norm of all gradients together, a scalar."""
    norms = torch._foreach_norm(grads)
    found: Tensor = torch.linalg.vector_norm(torch.stack([n.to(norms[0]) for n in norms]))
    return found


def _adaptive(weights: list[Tensor], grads: list[Tensor], at: float) -> Tensor:
    clipped = []
    for weight, grad in zip(weights, grads, strict=True):
        allowed = at * _by_unit(weight).clamp(min=LEAST)
        norm = _by_unit(grad)
        clipped.append((norm > allowed).any().to(grads[0].device))
        grad.mul_(torch.where(norm > allowed, allowed / norm.clamp(min=1e-12), 1.0))
    return torch.stack(clipped).any()


def _by_unit(values: Tensor) -> Tensor:
    """Norms over all but the first dimension, kept; of vectors over the whole."""
    inner = tuple(range(1, values.ndim))
    found: Tensor = torch.linalg.vector_norm(values, dim=inner or None, keepdim=bool(inner))
    return found
