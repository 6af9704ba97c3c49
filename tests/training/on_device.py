"""The device that tests of accelerators run on; ``DATACHECK_TEST_DEVICE=cpu`` rehearses them."""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager

import pytest
import torch

DEVICE = os.environ.get("DATACHECK_TEST_DEVICE", "cuda")
ON_CUDA = DEVICE.startswith("cuda")
needs_device = pytest.mark.skipif(
    ON_CUDA and not torch.cuda.is_available(), reason="needs a CUDA device"
)
only_cuda = pytest.mark.skipif(
    not (ON_CUDA and torch.cuda.is_available()), reason="needs a CUDA device, no stand-in will do"
)


@contextmanager
def nothing_waits():
    """Whatever waits for the device raises RuntimeError; on the CPU all goes."""
    if ON_CUDA:
        torch.cuda.synchronize()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is a prototype, it says
            torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        if ON_CUDA:
            torch.cuda.set_sync_debug_mode("default")


def profiled(steps):
    """How often each event came, on the host and on the device, while ``steps()`` ran."""
    from torch.profiler import ProfilerActivity, profile

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*Profiler clears events")
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
            steps()
    return {e.key: e.count for e in seen.key_averages()}
