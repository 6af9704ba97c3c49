"""Numbers that are still on a device, read together: one transfer for many steps."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

Target = MutableMapping[str, Any]
Kind = tuple[torch.dtype, int]  # of its numbers, and its dimensions


class Readings:
    """Tensors on a device, each with the place where its numbers are to go.

    ``put`` copies on the device and never waits; ``send`` starts the transfer of all that was
    put, as one tensor; ``receive`` puts the numbers in their places. On CUDA the transfer runs
    beside what the device does, to memory that is page-locked; elsewhere ``send`` waits for it.
    """

    def __init__(self) -> None:
        self._places: list[tuple[Target, str, Kind, Tensor]] = []
        self._sent: list[tuple[list[tuple[Target, str, Kind, int]], Tensor, Any]] = []

    def put(self, target: Target, key: str, tensor: Tensor) -> None:
        """``target[key]`` becomes the number, or for a tensor of dimension 1 an array.

        Floats are read as float32, whole numbers as int64.
        """
        tensor = tensor.detach()
        whole = not tensor.is_floating_point()
        kind = (torch.int64 if whole else torch.float32, tensor.ndim)
        flat = tensor.to(kind[0], copy=True).reshape(-1)
        # The bits of whole numbers travel as they are: cat only copies.
        self._places.append((target, key, kind, flat.view(torch.float32)))

    def send(self) -> None:
        """Start the transfer of all that was put since the last one, even if that is nothing."""
        places, self._places = self._places, []
        if not places:
            self._sent.append(([], torch.empty(0), None))
            return
        device = places[0][3].device
        flat = torch.cat([t.to(device, non_blocking=True) for *_, t in places])
        told = [(target, key, kind, t.numel()) for target, key, kind, t in places]
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
