"""Norms of gradients and weights layer by layer, on the steps that are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datacheck.training.record import Entry
from datacheck.training.recording.instruments import Gradients

GRADIENTS, WEIGHTS = "layer_grad", "layer_weight"
DIGITS = 6  # significant, in the record


@dataclass(slots=True, eq=False)
class Look:
    """Norms by parameter, shape (parameters,) each, once they are fetched, and their names."""

    names: list[str]
    found: dict[str, Any] = field(default_factory=dict)

    def tell(self, entry: Entry) -> None:
        """Into the step's entry, layer by layer; as if not clipped, where its norm is known.

        Gradients that were clipped or scaled by then are scaled back, so that their squares add
        up to that of ``grad_norm``.
        """
        grads, weights = (np.asarray(self.found[k], dtype=np.float64) for k in (GRADIENTS, WEIGHTS))
        with np.errstate(over="ignore", invalid="ignore"):
            total, norm = float(np.sqrt((grads**2).sum())), entry.get("grad_norm")
            if norm is not None and 0 < total < np.inf and 0 < norm < np.inf:
                grads = grads * (norm / total)
            entry[GRADIENTS] = by_layer(self.names, grads)
            entry[WEIGHTS] = by_layer(self.names, weights)


def look(
    gradients: Gradients, measured: tuple[list[str], Tensor] | None
) -> tuple[Look, dict[str, Tensor]] | None:
    """What there is to be fetched of a step; None where nothing can be said without waiting.

    ``measured`` are names and norms of the gradients, shape (parameters,), where they are at
    hand. Parts of a model that is spread over processes have no norms of their own.
    """
    if measured is None:
        if any(type(p.grad) is not Tensor for p in gradients.parameters if p.grad is not None):
            return None
        found = gradients.norms()
        measured = found and (found[2], found[1])
    if measured is None:
        return None
    names, norms = measured
    weights = gradients.weights(names)
    if weights is None or weights.numel() != norms.numel():
        return None
    return Look(list(names)), {GRADIENTS: norms.detach(), WEIGHTS: weights}


def by_layer(names: Sequence[str], norms: np.ndarray[Any, Any]) -> dict[str, float]:
    """Of norms by parameter, shape (parameters,), those of layers: modules that hold them."""
    squares: dict[str, float] = {}
    for name, square in zip(names, (norms**2).tolist(), strict=True):
        layer = name.rpartition(".")[0] or name
        squares[layer] = squares.get(layer, 0.0) + square
    return {k: float(f"{np.sqrt(v):.{DIGITS}g}") for k, v in squares.items()}


def read(tensor: Tensor) -> np.ndarray[Any, Any]:
    """The numbers now; a copy, as the norms may be views."""
    return tensor.detach().to(torch.float64, copy=True).numpy(force=True)
