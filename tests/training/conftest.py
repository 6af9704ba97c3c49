"""Tiny models train fastest on one thread, above all where several processes train."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True, scope="package")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _auto_is_the_cpu(monkeypatch):
    """Figures that tests know are the CPU's; those of accelerators name their device."""
    from datacheck.training import trainer

    known = trainer._device
    monkeypatch.setattr(trainer, "_device", lambda name: known("cpu" if name == "auto" else name))
