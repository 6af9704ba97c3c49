from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from datacheck.training.recording.updates import SAMPLE, WHOLE, UpdateRatio


def exact(was: list[torch.Tensor], now: list[torch.Tensor]) -> float:
    now = [n.detach() for n in now]
    moved = torch.cat([(a - b).flatten().double() for a, b in zip(now, was, strict=True)])
    return float(moved.norm() / torch.cat([a.flatten().double() for a in was]).norm())


def measured(
    weights: list[torch.Tensor], of: UpdateRatio, size: float = 0.01
) -> tuple[float, float]:
    was = [w.clone() for w in weights]
    of.before(weights)
    with torch.no_grad():
        for w in weights:
            w += size * torch.randn_like(w)
    found = of.after()
    assert found is not None
    return float(found), exact(was, weights)


shapes = st.lists(st.lists(st.integers(1, 9), max_size=3), min_size=1, max_size=5)


@given(shapes)
def test_the_ratio_of_a_small_model_is_exact(shapes):
    torch.manual_seed(0)
    weights = [torch.randn(s).requires_grad_() for s in shapes]
    with torch.no_grad():
        found, wanted = measured(weights, UpdateRatio())
    assert found == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
def test_of_a_large_model_a_sample_is_read(form):
    torch.manual_seed(0)
    of = UpdateRatio()
    shapes = [(512, 512, 3, 3), (700, 900), (50,), (64, 3, 7, 7), (WHOLE + 1,)]
    with torch.no_grad():
        weights = [(3 ** (n % 2)) * torch.randn(s) for n, s in enumerate(shapes)]
        weights = [w.to(memory_format=form) if w.ndim == 4 else w for w in weights]
        weights = [w.requires_grad_() for w in weights]
        for size in (0.01, 0.1):
            found, wanted = measured(weights, of, size)
            assert found == pytest.approx(wanted, rel=0.02)
            assert found != pytest.approx(wanted, rel=1e-6)
        of.before(weights)
    assert of._was is not None
    assert of._was.numel() < 1.5 * SAMPLE
    # What one weight alone moves is seen, scaled to its size.
    with torch.no_grad():
        was = [w.clone() for w in weights]
        weights[1] *= 1.5
        found_alone = of.after()
    assert found_alone is not None
    assert float(found_alone) == pytest.approx(exact(was, weights), rel=0.02)


def test_weights_that_lie_in_pieces_are_read_whole():
    with torch.no_grad():
        base = torch.randn(2000, 400)
        weights = [base[:, ::2].requires_grad_(), torch.randn(300, 10).requires_grad_()]
        found, wanted = measured(weights, UpdateRatio())
    assert found == pytest.approx(wanted, rel=0.02)


def test_memory_that_moved_is_followed():
    of = UpdateRatio()
    with torch.no_grad():
        weights = [torch.randn(10).requires_grad_()]
        measured(weights, of)
        weights[0].data = torch.randn(10)
        found, wanted = measured(weights, of)
    assert found == pytest.approx(wanted, rel=1e-4)


def test_what_does_not_learn_does_not_count():
    model = nn.Linear(3, 3)
    model.bias.requires_grad_(False)
    of = UpdateRatio()
    of.before(model.parameters())
    assert of._was is not None
    assert of._was.numel() == 9
    of.before([])
    assert of.after() is None
    assert UpdateRatio().after() is None
