"""Where a step went wrong first: looked for only once its loss or gradient is not finite."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from datacheck.training.loop.keys import cuda_devices
from datacheck.training.recording.instruments import first_not_finite
from datacheck.training.recording.units import Hook


def first_gradient(names: list[str], norms: Tensor, *, backward: bool) -> str:
    """The gradient that was first not finite, as ``name.grad``; "" if all are finite.

    ``norms``, shape (n,), are those of each. With ``backward`` (the loss was finite) the first
    is the last in the model's order, nearest to the loss: the backward pass met it first.
    """
    bad = [n for n, norm in zip(names, norms.tolist(), strict=True) if not math.isfinite(norm)]
    return f"{bad[-1 if backward else 0]}.grad" if bad else ""


class LastInput:
    """Remembers what a model was last called with, so that the call can be looked into."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._call: tuple[tuple[Any, ...], dict[str, Any]] | None = None
        self._handle = model.register_forward_pre_hook(Hook(self._note), with_kwargs=True)

    def close(self) -> None:
        """Listen no more."""
        self._handle.remove()
        self._call = None

    def first(self, *, weights: bool) -> str:
        """Where that call is first not finite; ``weights``: they are still those of the call.

        "input" for the batch itself, else the weight, as ``name``, or the output of a module,
        as ``name.output``; "" if it cannot be told. The model is called again for it, with its
        buffers and the generators of random numbers put back afterwards.
        """
        if self._call is None:
            return ""
        arguments, named = self._call
        if first_not_finite(_tensors("input", [arguments, named])):
            return "input"
        weight = first_not_finite(self._model.named_parameters())
        if weight or not weights:
            return weight if weights else ""
        found: list[str] = []
        handles = [
            module.register_forward_hook(Hook(_noting(name or "model", found)))
            for name, module in self._model.named_modules()
        ]
        try:
            with torch.no_grad(), _as_it_was(self._model):
                self._model(*arguments, **named)
        except Exception:  # whatever a model does when it is called once more
            return found[0] if found else ""
        finally:
            for handle in handles:
                handle.remove()
        return found[0] if found else ""

    def _note(self, module: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        if module.training:
            self._call = (arguments, named)


def _noting(name: str, found: list[str]) -> Callable[..., None]:
    def look(module: nn.Module, inputs: Any, output: Any) -> None:
        if not found and first_not_finite(_tensors("", output)):
            found.append(f"{name}.output")

    return look


def _tensors(name: str, of: Any) -> Iterator[tuple[str, Tensor]]:
    """The tensors of floats in lists, mappings and objects with attributes (batches)."""
    name = name or "output"
    if isinstance(of, Tensor):
        if of.is_floating_point():
            yield name, of
    elif isinstance(of, dict):
        for value in of.values():
            yield from _tensors(name, value)
    elif isinstance(of, (list, tuple)):
        for value in of:
            yield from _tensors(name, value)
    elif hasattr(of, "__dataclass_fields__"):
        for field in of.__dataclass_fields__:
            yield from _tensors(name, getattr(of, field))


@contextmanager
def _as_it_was(model: nn.Module) -> Iterator[None]:
    """Buffers (running means) and random numbers are put back at the end."""
    buffers = [(b, b.clone()) for b in model.buffers()]
    try:
        with torch.random.fork_rng(devices=cuda_devices(model)):
            yield
    finally:
        for buffer, was in buffers:
            buffer.copy_(was)
