"""Numbers that are still on a device, read together: one transfer for many steps."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

Target = MutableMapping[str, Any]
Kind = tuple[torch.dtype, int]  # of its numbers, and its dimensions
Place = tuple[Target, str, Kind, int]  # and how many float32 it takes


class Readings:
    """Tensors on a device, each with the place where its numbers are to go.

    ``put`` notes a tensor, ``hold`` copies all that was put since on the device, and neither
    waits; ``send`` starts the transfer of all that is held, as one tensor; ``receive`` puts the
    numbers in their places. On CUDA the transfer runs beside what the device does, to memory that
    is page-locked; elsewhere ``send`` waits for it.
    """

    def __init__(self) -> None:
        self._put: list[tuple[Target, str, Kind, Tensor]] = []
        self._places: list[Place] = []
        self._held: list[Tensor] = []
        self._sent: list[tuple[list[Place], Tensor, Any]] = []

    def put(self, target: Target, key: str, tensor: Tensor) -> None:
        """``target[key]`` becomes the number, or for a tensor of dimension 1 an array.

        Floats are read as float32, whole numbers as int64. Until :meth:`hold` the tensor must stay
        as it is.
        """
        dtype = torch.float32 if tensor.is_floating_point() else torch.int64
        kind = (dtype, tensor.ndim)
        flat = tensor.detach().reshape(-1)
        if flat.dtype != torch.float32:
            # The bits of whole numbers travel as they are: cat only copies.
            flat = flat.to(dtype).contiguous().view(torch.float32)
        self._put.append((target, key, kind, flat))

    def hold(self) -> None:
        """Copy what was put, so that its tensors may change: one operation for them all."""
        put, self._put = self._put, []
        if put:
            self._places += [(target, key, kind, t.numel()) for target, key, kind, t in put]
            self._held.append(_joined([t for *_, t in put]))

    def send(self) -> None:
        """Start the transfer of all that was put since the last one, even if that is nothing."""
        self.hold()
        (told, self._places), (held, self._held) = (self._places, []), (self._held, [])
        if not told:
            self._sent.append(([], torch.empty(0), None))
            return
        flat = _joined(held)
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
            for target, key, (dtype, dimensions), size in told:
                part = values[at : at + size].copy()  # aligned, for wider numbers
                at += size
                if dtype == torch.int64:
                    part = part.view(np.int64)
                target[key] = part if dimensions else part[0].item()
            del self._sent[0]
            count += 1
        return count


def _joined(tensors: list[Tensor]) -> Tensor:
    """A copy of all, one after the other, on the accelerator if one of them is there."""
    device = next((t.device for t in tensors if t.device.type != "cpu"), tensors[0].device)
    return torch.cat([t.to(device, non_blocking=True) for t in tensors])
