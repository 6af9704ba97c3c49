"""64-bit keys from names and numbers, and the global generators set by them."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from datacheck.types import Hashes, Ints


def key(*parts: int | str) -> int:
    """A 64-bit number from names and numbers: BLAKE2b of what they spell."""
    spelled = "\0".join(f"{type(p).__name__}:{p}" for p in parts)
    return int.from_bytes(hashlib.blake2b(spelled.encode(), digest_size=8).digest(), "little")


def row_keys(addresses: Ints, *parts: int | str) -> Hashes:
    """A 64-bit key of each row, of shape (rows,), different for different addresses.

    Two rounds of SplitMix64's finalizer (Steele, Lea & Flood 2014), each one-to-one, with a key
    of ``parts`` before each.
    """
    state = addresses.astype(np.int64).view(np.uint64)
    for turn in (0, 1):
        state = _mixed(state + np.uint64(key("rows", turn, *parts)))
    return state


def _mixed(state: Hashes) -> Hashes:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def reseed(*parts: int | str) -> None:
    """Set torch's, NumPy's and Python's global generators to a state that is ``parts``' own.

    Waits for no accelerator.
    """
    chosen = key(*parts)
    if _accelerated():
        torch.manual_seed(chosen & 0x7FFF_FFFF_FFFF_FFFF)
    else:  # the same, without a call that waits, with its traceback, for each kind of device
        torch.default_generator.manual_seed(chosen & 0x7FFF_FFFF_FFFF_FFFF)
    np.random.seed(chosen & 0xFFFF_FFFF)  # noqa: NPY002 - augmentations draw from the old generator
    random.seed(chosen)


@cache
def _accelerated() -> bool:
    return bool(torch.accelerator.is_available())


def cuda_devices(model: nn.Module) -> list[torch.device]:
    """The CUDA devices that a model is on: their generators are drawn from by its dropout."""
    return sorted({p.device for p in model.parameters() if p.device.type == "cuda"}, key=str)


def random_state(model: nn.Module) -> dict[str, Tensor]:
    """The states of torch's generators that a model draws from, on the host, by device."""
    states = {str(d): torch.cuda.get_rng_state(d) for d in cuda_devices(model)}
    return {"cpu": torch.get_rng_state(), **states}


def set_random_state(states: Mapping[str, Tensor]) -> None:
    """Set the generators as :func:`random_state` found them."""
    for device, state in states.items():
        if device == "cpu":
            torch.set_rng_state(state)
        else:
            torch.cuda.set_rng_state(state, device)


@contextmanager
def untouched() -> Iterator[None]:
    """The global generators are afterwards as they were before."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002 - as reseed
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002 - as reseed
            random.setstate(python_state)
