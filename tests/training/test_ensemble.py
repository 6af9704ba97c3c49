"""Ensembles: each member is what it would be alone; their average is calmer than one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from datacheck.errors import NonFiniteError, UsageError
from datacheck.training.determinism import init
from datacheck.training.ensemble import Ensemble, Looped, Stacked, ensemble, fit_ensemble
from datacheck.training.metrics import churn
from datacheck.training.objectives import Classification, Regression
from datacheck.training.train_config import TrainConfig
from datacheck.training.trainer import Trainer
from tests.training.tiny import Net, loader, objective

SEEDS = range(3)


class Convolution(nn.Module):
    """Rows as images of 1 × 5 × 1."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 4, (3, 1)), nn.GroupNorm(2, 4), nn.ReLU(), nn.Flatten(), nn.Linear(12, 3)
        )

    def forward(self, x):
        return self.layers(x[:, None, :, None])


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.GRU(1, 6, batch_first=True), nn.Linear(6, 3)

    def forward(self, x):
        return self.outer(self.inner(x[..., None])[0][:, -1])


class Tied(nn.Module):
    """A weight with two names, one that is frozen, and a buffer."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(5, 5), nn.Linear(5, 5)
        self.b.weight = self.a.weight
        self.out = nn.Linear(5, 3)
        self.out.bias.requires_grad_(False)
        self.register_buffer("shift", torch.ones(5))

    def forward(self, x):
        return self.out(torch.relu(self.b(torch.relu(self.a(x + self.shift)))))


MODELS: dict[str, tuple[Any, type[Ensemble]]] = {
    "mlp": (lambda: Net(norm=False, dropout=0.0), Stacked),
    "convolution": (Convolution, Stacked),
    "tied": (Tied, Stacked),
    "batch norm": (lambda: Net(dropout=0.0), Looped),
    "recurrent": (Recurrent, Looped),
}
CONFIGS: dict[str, dict[str, Any]] = {
    "sgd": {"optimizer": "sgd", "lr": 0.1, "momentum": 0.9},
    "adam": {"optimizer": "adam", "lr": 0.02},
    "adamw": {"optimizer": "adamw", "lr": 0.02, "weight_decay": 0.3, "decayed": "matrices"},
    "norm": {"optimizer": "sgd", "lr": 0.1, "clip": "norm", "clip_at": 0.5},
    "value": {"optimizer": "sgd", "lr": 0.1, "clip": "value", "clip_at": 0.05},
    "adaptive": {"optimizer": "sgd", "lr": 0.1, "clip": "adaptive", "clip_at": 0.02},
    "more": {"optimizer": "adam", "lr": 0.02, "accumulate": 2, "schedule": "cosine", "ema": 0.9},
}


def alone(make, seed, config):
    return Trainer(init(make(), seed), objective(), config).fit(loader())


CASES = [(name, config) for name in MODELS for config in ("sgd", "adam")]
CASES += [("mlp", name) for name in list(CONFIGS)[2:]]
CASES += [("tied", "adamw"), ("tied", "norm"), ("batch norm", "adaptive"), ("batch norm", "more")]


@pytest.mark.parametrize(("name", "config"), CASES)
def test_each_member_is_what_it_would_be_alone(name, config):
    make, kind = MODELS[name]
    settings = TrainConfig(steps=15, **CONFIGS[config])
    together = fit_ensemble(make, objective(), loader(), seeds=SEEDS, config=settings)
    assert type(together.model) is kind
    single = [alone(make, seed, settings) for seed in SEEDS]
    models: list[tuple[Any, list[Any]]] = [(together.model, [s.model for s in single])]
    if settings.ema is not None:
        models.append((together.averaged, [s.averaged for s in single]))
    for whole, others in models:
        for member, other in zip(whole.members(), others, strict=True):
            for path, value in other.state_dict().items():
                torch.testing.assert_close(
                    member.state_dict()[path], value, rtol=2e-3, atol=1e-4, msg=path
                )
    losses = np.mean([s.history["loss"].to_numpy() for s in single], axis=0)
    assert together.history["loss"].to_list() == pytest.approx(losses.tolist(), rel=1e-3)
    norms = np.mean([s.history["grad_norm"].to_numpy() for s in single], axis=0)
    assert together.history["grad_norm"].to_list() == pytest.approx(norms.tolist(), rel=1e-2)


def test_members_are_averaged_by_their_probabilities():
    members = [init(MODELS["mlp"][0](), seed) for seed in SEEDS]
    batch = next(iter(loader()))
    goal = objective()
    mean = torch.stack([m(batch.x).softmax(-1) for m in members]).mean(0)
    for model in (Stacked(members), Looped(members)):
        torch.testing.assert_close(goal.average(model(batch.x)).exp(), mean)
        assert torch.equal(model.predict(goal, batch), mean.argmax(-1))
    numbers = Regression(inputs=lambda batch: (batch.x,))
    heads = [init(nn.Linear(5, 1), seed) for seed in SEEDS]
    expected = torch.stack([h(batch.x)[:, 0] for h in heads]).mean(0)
    torch.testing.assert_close(Stacked(heads).predict(numbers, batch), expected)


def test_churn_falls_and_the_score_does_not():
    """Runs that differ in their seed agree more if each is an ensemble of five."""
    config = TrainConfig(epochs=10, lr=0.02)
    val = loader(300, 300, seed=1)
    (batch,) = list(val)

    def make():
        return Net(norm=False, dropout=0.0, width=24)

    def run(seeds):
        got = fit_ensemble(make, objective(), loader(48), {"val": val}, seeds=seeds, config=config)
        model: Any = got.model
        return model.predict(objective(), batch).numpy(), got.evaluations["score"][-1]

    single = [run([seed]) for seed in range(6)]
    five = [run(range(5 * i, 5 * i + 5)) for i in range(3)]

    def unrest(runs):
        pairs = [(a, b) for i, (a, _) in enumerate(runs) for b, _ in runs[:i]]
        return np.mean([churn(a, b) for a, b in pairs])

    assert unrest(five) < 0.7 * unrest(single)
    assert np.mean([s for _, s in five]) > np.mean([s for _, s in single]) - 0.01


def test_dropout_is_each_member_s_own():
    member = init(Net(norm=False, dropout=0.5), 0)
    batch = next(iter(loader()))
    outputs = Stacked([member, member]).train()(batch.x)
    assert not torch.allclose(outputs[0], outputs[1])
    outputs = Stacked([member, member]).eval()(batch.x)
    torch.testing.assert_close(outputs[0], outputs[1])


def test_why_members_are_not_stacked():
    batch = next(iter(loader()))
    norm = [init(Net(), s) for s in SEEDS]
    assert ensemble(norm, objective(), batch)[1] == "batch norms keep running statistics"
    recurrent = [init(Recurrent(), s) for s in SEEDS]
    assert ensemble(recurrent, objective(), batch)[1]
    before = [p.clone() for m in norm for p in m.parameters()]
    assert all(
        torch.equal(a, b)
        for a, b in zip(before, (p for m in norm for p in m.parameters()), strict=True)
    )
    with pytest.raises(UsageError, match="without members"):
        ensemble([], objective(), batch)


def test_resumed_exactly(tmp_path):
    make = MODELS["mlp"][0]
    settings: dict[str, Any] = {"lr": 0.02, "steps": 12, "save_every": 5, "ema": 0.9}

    def run(train, resume=None, folder=None):
        config = TrainConfig(checkpoint=folder, **settings)
        val = {"val": loader(60, 20)}
        return fit_ensemble(
            make, objective(), train, val, seeds=SEEDS, config=config, resume=resume
        )

    whole = run(loader())
    spoiled = loader()
    table: Any = spoiled.dataset
    batches = [b.tolist() for b in (x.rows for x in loader())]
    table.x[batches[5][0]] = np.nan
    folder = tmp_path / "run"
    with pytest.raises(NonFiniteError):
        run(spoiled, folder=folder)
    got = run(loader(), resume=folder, folder=folder)
    a, b = whole.model.state_dict(), got.model.state_dict()
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert got.history.equals(whole.history)


def test_an_empty_loader_is_refused():
    with pytest.raises(UsageError, match="no batches"):
        fit_ensemble(MODELS["mlp"][0], objective(), [])
    with pytest.raises(UsageError, match="read only once"):
        fit_ensemble(MODELS["mlp"][0], objective(), iter(loader()))


def test_weighted_classes_and_balance():
    goal = Classification(
        inputs=lambda batch: (batch.x,), class_weights=torch.tensor([1.0, 2.0, 0.5]), balanced=True
    )
    got = fit_ensemble(
        MODELS["mlp"][0],
        goal,
        loader(),
        {"val": loader(60, 20)},
        seeds=SEEDS,
        config=TrainConfig(steps=60, lr=0.02),
    )
    assert isinstance(got.model, Stacked)
    assert got.evaluations["score"][-1] > 0.6
