"""What several models are made of: activations by name, and the checks of their options."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from datacheck.errors import UsageError
from datacheck.findings import names

ACTIVATIONS: Mapping[str, type[nn.Module]] = {
    "elu": nn.ELU,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


def activation(name: str) -> nn.Module:
    """The activation of that name. Raises UsageError for another."""
    if name not in ACTIVATIONS:
        raise UsageError(f"no activation {name!r}", names(ACTIVATIONS, len(ACTIVATIONS)))
    return ACTIVATIONS[name]()


def check_dropout(share: float) -> float:
    """The share itself. Raises UsageError unless 0 ≤ share < 1."""
    if not 0 <= share < 1:
        raise UsageError(f"dropout is {share}", "a share of 0 or more and less than 1")
    return share


def at_least(**given: int) -> None:
    """Raises UsageError for a size that is less than 1."""
    for name, value in given.items():
        if value < 1:
            raise UsageError(f"{name} is {value}", f"{name} is a whole number of 1 or more")


def pooled(values: Tensor, mask: Tensor | None) -> Tensor:
    """The mean over real places: (batch, longest, width) to (batch, width); 0 where none is.

    Without a mask every place is real.
    """
    if mask is None:
        return values.sum(1) / max(values.shape[1], 1)
    # where, not a product: what is not finite in padding has to stay out of the sum
    kept = values.where(mask[..., None], values.new_zeros(()))
    return kept.sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
