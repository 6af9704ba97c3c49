"""What is measured on each step: the norm of the gradient, and what is not finite.

Nothing here waits for a device: results are scalar tensors where the model is. Nothing changes
parameters, gradients or random number generators, or takes part in autograd.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

HALF = (torch.float16, torch.bfloat16)


class Gradients:
    """The norm of all gradients of a model together, before clipping, and of each tensor.

    Parameters without a gradient count nothing. They are listed once; call :meth:`refresh` where
    some may have been added.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.names: list[str] = []
        self.parameters: list[nn.Parameter] = []
        self._dtype: torch.dtype | None = None
        self.refresh()

    def refresh(self) -> None:
        """List the parameters anew."""
        named = list(self.model.named_parameters())
        self.names = [name for name, _ in named]
        self.parameters = [p for _, p in named]
        # A norm beyond 65,504 would be infinite in half precision, though no gradient is.
        self._dtype = torch.float32 if any(p.dtype in HALF for p in self.parameters) else None

    def norms(self) -> tuple[Tensor, Tensor, list[str]] | None:
        """(norm of all, shape (); norm of each, shape (n,); their names); None without any.

        ‖g‖ = ‖(‖g₁‖, …, ‖gₙ‖)‖, as ``torch.nn.utils.get_total_norm`` has it.
        """
        grads = [p.grad for p in self.parameters]
        there = [g for g in grads if g is not None]
        if not there:
            return None
        names = self.names
        if len(there) < len(grads):
            names = [n for n, g in zip(names, grads, strict=True) if g is not None]
        each = norms_of(there, self._dtype)
        return torch.linalg.vector_norm(each), each, names

    def weights(self, names: list[str]) -> Tensor | None:
        """The norm of each of those parameters, shape (names,); None where one is gone."""
        known = dict(zip(self.names, self.parameters, strict=True))
        found = [known[n].detach() for n in names if n in known]
        return norms_of(found, self._dtype) if found and len(found) == len(names) else None

    def exact(self) -> float:
        """The norm of all in double precision, which squares of float32 do not overflow."""
        grads = [_dense(p.grad) for p in self.parameters if p.grad is not None]
        return math.hypot(*(float(torch.linalg.vector_norm(g.double())) for g in grads))


def norms_of(tensors: list[Tensor], dtype: torch.dtype | None = None) -> Tensor:
    """The Euclidean norm of each tensor, shape (n,), on the device of the first.

    Sparse tensors count by their values, those that share a place added up.
    """
    try:
        return torch.stack(torch._foreach_norm(tensors, 2, dtype=dtype))
    except (RuntimeError, NotImplementedError, TypeError):
        # Sparse, of several kinds, or on several devices.
        first = tensors[0].device
        norms = [
            torch.linalg.vector_norm(_dense(t), dtype=dtype if t.dtype in HALF else None)
            for t in tensors
        ]
        return torch.stack(
            [n.to(first, torch.promote_types(n.dtype, torch.float32)) for n in norms]
        )


def _dense(tensor: Tensor) -> Tensor:
    if tensor.layout is torch.strided:
        return tensor.detach()
    if tensor.layout is torch.sparse_coo:
        return tensor.detach().coalesce().values()
    return tensor.detach().values()


def first_not_finite(named: Iterable[tuple[str, Tensor | None]]) -> str:
    """The name of the first tensor with a value that is not finite; "" if there is none."""
    for name, tensor in named:
        if tensor is not None and not bool(torch.isfinite(_dense(tensor)).all()):
            return name
    return ""
