from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from datacheck.training.recording.units import Units


def share(model: nn.Module, *inputs: torch.Tensor) -> dict[str, float]:
    units = Units(model)
    units.listen()
    for x in inputs:
        model(x)
    found = {name: float(s) for name, s in units.stop().items()}
    for x in inputs:
        model(x)  # nobody listens
    assert units.stop() == {}
    return found


def fixed(activation: nn.Module, bias: list[float]) -> nn.Module:
    """A layer whose units get those inputs, whatever the row."""
    layer = nn.Linear(3, len(bias))
    nn.init.zeros_(layer.weight)
    with torch.no_grad():
        layer.bias.copy_(torch.tensor(bias))
    return nn.Sequential(layer, activation)


@pytest.mark.parametrize(
    ("activation", "bias", "wanted"),
    [
        (nn.ReLU(), [-1, -2, 1, 2], 0.5),
        (nn.ReLU6(), [-1, 1, 2, 3], 0.25),
        (nn.GELU(), [-9, -8, -7, 1], 0.75),
        (nn.SiLU(), [-30, -0.5, 1, 1], 0.25),
        (nn.Mish(), [-30, 1, 1, 1], 0.25),
        (nn.Hardswish(), [-4, -5, 1, 1], 0.5),
        (nn.Tanh(), [-9, 9, 0.5, 0.1], 0.5),
        (nn.Hardtanh(), [-1, 3, 0.5, 0.1], 0.5),
        (nn.Sigmoid(), [-20, 20, 0, 1], 0.5),
        (nn.Hardsigmoid(), [-4, 4, 0, 1], 0.5),
        (nn.ELU(), [-20, 1, 1, 1], 0.25),
        (nn.ELU(2.0), [-20, -0.5, 1, 1], 0.25),
        (nn.SELU(), [-20, -20, 1, 1], 0.5),
    ],
)
def test_units_that_say_nothing(activation, bias, wanted):
    assert share(fixed(activation, bias), torch.randn(5, 3)) == {"1": pytest.approx(wanted)}


def test_activations_that_never_die_are_not_listed():
    for activation in (nn.LeakyReLU(), nn.PReLU(), nn.Softmax(-1), nn.Identity()):
        assert share(fixed(activation, [-9.0, -9.0]), torch.randn(5, 3)) == {}


@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 4))
def test_a_unit_is_dead_if_it_is_for_every_row(rows, units, seed):
    x = torch.randn(rows, units, generator=torch.Generator().manual_seed(seed))
    wanted = float((x <= 0).all(0).float().mean())
    assert share(nn.Sequential(nn.ReLU()), x)["0"] == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("layer", "x", "at"),
    [
        (nn.Conv1d(2, 4, 3), torch.randn(3, 2, 8), 1),
        (nn.Conv2d(2, 4, 3), torch.randn(3, 2, 8, 8), 1),
        (nn.Linear(8, 4), torch.randn(3, 2, 8), 2),
        (nn.Linear(8, 4), torch.randn(3, 2, 5, 8), 3),
        (nn.LayerNorm(8), torch.randn(3, 2, 5, 8), 3),
        (nn.BatchNorm1d(2), torch.randn(3, 2, 8), 1),
    ],
)
def test_what_a_unit_is(layer, x, at):
    torch.manual_seed(0)
    model: Any = nn.Sequential(layer, nn.ReLU())
    with torch.no_grad():
        for p in model.parameters():
            if p.ndim == 1 and at == 1:
                p[0] = -50.0 if p is model[0].bias else p[0]
        out = model(x)
    rest = [d for d in range(x.ndim) if d != at]
    wanted = float((out.amax(rest) == 0).float().mean())
    assert share(model, x)["1"] == pytest.approx(wanted)
    if at == 1:
        assert wanted > 0


def test_states_of_recurrent_layers():
    torch.manual_seed(0)
    for kind in (nn.RNN, nn.GRU):
        layer: Any = kind(3, 5, batch_first=True)
        assert share(layer, torch.randn(2, 7, 3))[""] == 0
    layer = nn.RNN(3, 5, batch_first=True)
    with torch.no_grad():
        layer.bias_ih_l0[:2] = 50
    assert share(layer, torch.randn(2, 7, 3))[""] == pytest.approx(0.4)
    packed: Any = nn.utils.rnn.pack_padded_sequence(
        torch.randn(2, 7, 3), torch.tensor([7, 4]), batch_first=True
    )
    assert share(layer, packed)[""] == pytest.approx(0.4)
    relu: Any = nn.RNN(3, 5, nonlinearity="relu")
    with torch.no_grad():
        relu.bias_ih_l0[:1] = -50
        relu.weight_hh_l0[:1] = 0
    assert share(relu, torch.randn(7, 2, 3))[""] >= 0.2


def test_a_module_that_is_called_twice_counts_with_its_mean():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu: Any = nn.ReLU()

        def forward(self, x):
            return self.relu(x) + self.relu(x[:, :1])

    x = torch.tensor([[1.0, -1.0, -1.0, -1.0]])
    assert share(Twice(), x)["relu"] == pytest.approx((0.75 + 0) / 2)


def test_evaluation_and_empty_batches_do_not_count():
    model = nn.Sequential(nn.ReLU())
    assert share(model.eval(), torch.randn(2, 3)) == {}
    assert share(model.train(), torch.randn(0, 3)) == {}
    assert share(model, torch.randn(3)) == {}


def test_a_value_that_is_not_finite_is_not_dead():
    x = torch.tensor([[float("nan"), -1.0], [-1.0, -1.0]])
    assert share(nn.Sequential(nn.ReLU()), x)["0"] == pytest.approx(0.5)
