"""Optimizers by name, torch's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, get_args

from torch import nn, optim

from datacheck.errors import UsageError
from datacheck.findings import names

Name = Literal["sgd", "adam", "adamw", "rmsprop", "adagrad"]
Decayed = Literal["all", "matrices"]
NAMES: tuple[str, ...] = get_args(Name)
WITH_MOMENTUM = ("sgd", "rmsprop")


def optimizer(
    name: str,
    model: nn.Module,
    *,
    lr: float,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    decayed: Decayed = "all",
    members: int = 0,
) -> optim.Optimizer:
    """The optimizer called ``name`` of all parameters of ``model`` that require gradients.

    ``weight_decay`` is torch's: decoupled from the gradient in adamw (Loshchilov & Hutter 2019),
    added to it in the others. With ``decayed="matrices"`` it leaves out biases and the gains of
    norms: all parameters of fewer than two dimensions, not counting the ``members`` first ones,
    which stand for the members of an ensemble. ``momentum`` is for sgd and rmsprop.
    Raises UsageError for other names, a momentum that would do nothing, and a model without
    parameters to train.
    """
    check(name, momentum)
    trained = [p for p in model.parameters() if p.requires_grad]
    if not trained:
        raise UsageError("the model has no parameter to train", "requires_grad is False for all")
    groups = list(_groups(trained, weight_decay, decayed, 1 + members))
    options: dict[str, Any] = {"lr": lr, "weight_decay": weight_decay}
    if name in WITH_MOMENTUM:
        options["momentum"] = momentum
    makers: dict[str, type[optim.Optimizer]] = {
        "sgd": optim.SGD,
        "adam": optim.Adam,
        "adamw": optim.AdamW,
        "rmsprop": optim.RMSprop,
        "adagrad": optim.Adagrad,
    }
    return makers[name](groups, **options)


def check(name: str, momentum: float) -> None:
    """Raises UsageError for a name that is none, and a momentum that would do nothing."""
    if name not in NAMES:
        raise UsageError(f"no optimizer {name!r}", f"there are: {names(NAMES)}")
    if momentum and name not in WITH_MOMENTUM:
        raise UsageError(
            f"{name} has no momentum, which is {momentum:g}", f"of {names(WITH_MOMENTUM)}"
        )


def _groups(
    trained: Iterable[nn.Parameter], weight_decay: float, decayed: Decayed, vector: int
) -> Iterable[dict[str, Any]]:
    if decayed == "all" or not weight_decay:
        yield {"params": list(trained)}
        return
    matrices = [p for p in trained if p.ndim > vector]
    vectors = [p for p in trained if p.ndim <= vector]
    if matrices:
        yield {"params": matrices}
    if vectors:
        yield {"params": vectors, "weight_decay": 0.0}
