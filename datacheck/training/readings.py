"""Numbers that are still on a device, read together: one transfer for many steps."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

Target = MutableMapping[str, Any]


class Readings:
    """Tensors on a device, each with the place where its numbers are to go.

    ``put`` copies on the device and never waits; ``send`` starts the transfer of all that was
    put, as one tensor; ``receive`` puts the numbers in their places. On CUDA the transfer runs
    beside what the device does, to memory that is page-locked; elsewhere ``send`` waits for it.
    """

    def __init__(self) -> None:
        self._places: list[tuple[Target, str, Tensor]] = []
        self._sent: list[tuple[list[tuple[Target, str, int, str]], Tensor, Any]] = []

    def put(self, target: Target, key: str, tensor: Tensor) -> None:
        """``target[key]`` becomes the number, or for a tensor of dimension 1 an array.

        Floats are read as float32, whole numbers (of dimension 1) as int64.
        """
        self._places.append((target, key, _as_floats(tensor.detach())))

    def send(self) -> None:
        """Start the transfer of all that was put since the last one, even if that is nothing."""
        places, self._places = self._places, []
        if not places:
            self._sent.append(([], torch.empty(0), None))
            return
        device = places[0][2].device
        flat = torch.cat([t.reshape(-1).to(device, non_blocking=True) for _, _, t in places])
        told = [(target, key, t.numel(), _kind(t)) for target, key, t in places]
        if flat.device.type != "cuda":
            self._sent.append((told, flat.cpu(), None))
            return
        host = torch.empty(flat.shape, dtype=flat.dtype, pin_memory=True)
        host.copy_(flat, non_blocking=True)
        done = torch.cuda.Event()  # type: ignore[no-untyped-call] # torch's own
        done.record(torch.cuda.current_stream(flat.device))
        self._sent.append((told, host, done))

    def receive(self, *, wait: bool) -> int:
        """Put numbers in their places, of transfers that have ended, or of all with ``wait``.

        Returns how many transfers that were.
        """
        count = 0
        while self._sent:
            told, host, done = self._sent[0]
            if done is not None and not done.query():
                if not wait:
                    break
                done.synchronize()
            values, at = host.numpy(), 0
            for target, key, size, kind in told:
                part = values[at : at + size]
                at += size
                if kind == "scalar":
                    target[key] = float(part[0])
                else:
                    target[key] = part.view(np.int64).copy() if kind == "ints" else part.copy()
            del self._sent[0]
            count += 1
        return count


def _as_floats(tensor: Tensor) -> Tensor:
    """A copy that later changes of the tensor do not reach, as float32."""
    if tensor.is_floating_point() or not tensor.ndim:
        return tensor.to(torch.float32, copy=True)
    # The bits of whole numbers travel as they are: cat only copies.
    return tensor.to(torch.int64, copy=True).view(torch.float32).unsqueeze(0)


def _kind(tensor: Tensor) -> str:
    return {0: "scalar", 1: "array", 2: "ints"}[tensor.ndim]
