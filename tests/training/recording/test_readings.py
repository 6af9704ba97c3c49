from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from datacheck.training.monitor import StabilityMonitor
from datacheck.training.recording.readings import Readings
from tests.training.loops import perceptron

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

values = (
    st.floats(width=32).map(torch.tensor)
    | st.integers(-(2**63), 2**63 - 1).map(torch.tensor)
    | st.lists(st.floats(width=32), max_size=4).map(lambda v: torch.tensor(v, dtype=torch.float32))
    | st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4).map(
        lambda v: torch.tensor(v, dtype=torch.int64)
    )
)


@given(st.lists(st.lists(values, max_size=5), max_size=4))
def test_numbers_arrive_as_they_were(sent):
    readings = Readings()
    targets: list[list[dict[str, Any]]] = []
    for group in sent:
        targets.append([{} for _ in group])
        for target, tensor in zip(targets[-1], group, strict=True):
            readings.put(target, "it", tensor)
        readings.send()
    assert readings.receive(wait=True) == len(sent)
    for group, got in zip(sent, targets, strict=True):
        for tensor, target in zip(group, got, strict=True):
            found = np.asarray(target["it"])
            assert found.shape == tuple(tensor.shape)
            if tensor.is_floating_point():
                np.testing.assert_array_equal(found.astype(np.float32), tensor.numpy())
            else:
                assert found.dtype == np.int64
                np.testing.assert_array_equal(found, tensor.numpy())
    assert readings.receive(wait=True) == 0


@needs_cuda
@pytest.mark.filterwarnings("ignore:.*Profiler clears events")
def test_on_a_device_no_step_waits():
    """Between flushes no call of CUDA's that waits: on the host's own timeline."""
    from torch.profiler import ProfilerActivity, profile

    model = perceptron().cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, fused=True)
    x, y = torch.randn(6, 5, device="cuda"), torch.randint(0, 3, (6,), device="cuda")

    def steps(monitor, count):
        for _ in range(count):
            losses = torch.nn.functional.cross_entropy(model(x), y, reduction="none")
            optimizer.zero_grad()
            losses.mean().backward()
            monitor.step(losses.mean(), rows=torch.arange(6), per_row_loss=losses)
            optimizer.step()

    with StabilityMonitor(model, optimizer, every=3, flush_every=4) as monitor:
        steps(monitor, 9)
        torch.cuda.synchronize()
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
            steps(monitor, 40)
    names = {e.key for e in seen.key_averages()}
    assert not {n for n in names if "StreamSynchronize" in n or "_local_scalar_dense" in n}
    assert monitor.run.steps.height == 49
    assert monitor.run.steps["grad_norm"].is_finite().all()
    assert monitor.run.dead["share"].is_finite().all()
