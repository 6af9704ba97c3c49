from __future__ import annotations

import copy
import json
import math

import numpy as np
import pytest
import torch
from torch import nn

from datacheck.errors import UsageError
from datacheck.pipelines.collate import Batch
from datacheck.training.causes.replay_verdict import Culprit
from datacheck.training.causes.replaying import replay
from datacheck.training.loop.clipping import clip
from datacheck.training.objectives import Classification, Regression
from datacheck.training.recording.snapshots import Snapshots

OBJECTIVE = Classification(inputs=lambda batch: (batch.x,))


def batches(steps, *, seed=0, size=16, classes=3):
    """Batches of separable blobs; rows are numbered on."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(0, 2, (classes, 5))
    out = []
    for i in range(steps):
        y = rng.integers(0, classes, size)
        x = centers[y] + rng.normal(0, 1, (size, 5))
        rows = torch.arange(i * size, (i + 1) * size)
        out.append(Batch(rows, x=torch.tensor(x, dtype=torch.float32), y=torch.tensor(y)))
    return out


def train(data, *, lr=0.05, dropout=0.0, way=None, norm=False, objective=OBJECTIVE, shock=None):
    """A loop of one's own; ``shock`` is a step before which the weights are thrown about."""
    torch.manual_seed(0)
    layers = [nn.Linear(5, 32), nn.BatchNorm1d(32) if norm else nn.Identity(), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Dropout(dropout), nn.Linear(32, 3))
    if isinstance(objective, Regression):
        model.append(nn.Linear(3, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    with Snapshots(model, optimizer) as kept:
        for i, batch in enumerate(data):
            if i == shock:
                with torch.no_grad():
                    for p in model.parameters():
                        p.add_(30 * torch.randn_like(p))
            optimizer.zero_grad()
            loss = objective(model, batch).mean
            loss.backward()
            norm_, _ = clip(model.parameters(), way, 1.0)
            kept.step(loss, grad_norm=norm_)
            optimizer.step()
    return model, optimizer, kept


def outliers(data, step, rows=(3, 8)):
    data[step].x[list(rows)] *= 1000
    data[step].y[list(rows)] = (data[step].y[list(rows)] + 1) % 3  # none is right by luck
    return [int(data[step].rows[r]) for r in rows]


def clipper(parameters):
    clip(parameters, "norm", 1.0)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("way", [None, "norm"])
def test_outliers_are_the_datas(dropout, way):
    data = batches(60)
    bad = outliers(data, 50)
    model, optimizer, kept = train(data[:51], dropout=dropout, way=way)
    told = replay(
        model, optimizer, OBJECTIVE, kept.at(50), data.__getitem__, bad,
        clip=clipper if way else None,
    )  # fmt: skip
    assert told.exact, told.reason
    assert told.culprit is Culprit.DATA, told
    assert told.explained > 0.5 > told.by_chance
    assert told.p == 1 / 40
    assert told.without.grad_norm < told.full.grad_norm


def test_weights_that_were_thrown_about_are_the_optimizers():
    data = batches(60)
    model, optimizer, kept = train(data[:51], shock=50)
    bad = data[50].rows[:2].tolist()
    told = replay(model, optimizer, OBJECTIVE, kept.at(50), data.__getitem__, bad)
    assert told.exact
    assert told.culprit is Culprit.OPTIMIZER
    assert told.explained < 0.5
    assert told.by_calm > 0.9
    assert told.approach == 50
    assert "at a tenth of the learning rate over the 50 steps before" in told.reason


@pytest.mark.parametrize("norm", [False, True])
def test_a_row_that_is_not_finite(norm):
    """With normalization over the batch it takes all rows with it: only a replay can tell."""
    data = batches(60)
    data[50].x[4, 2] = float("nan")
    model, optimizer, kept = train(data[:51], norm=norm)
    told = replay(model, optimizer, OBJECTIVE, kept.at(50), data.__getitem__, [50 * 16 + 4])
    assert told.exact
    assert told.culprit is Culprit.DATA
    assert told.explained == 1
    assert told.by_chance == 0
    assert math.isnan(told.full.loss)
    assert math.isfinite(told.without.loss)
    json.dumps(told.to_dict(), allow_nan=False)


def test_of_many_alike_no_two_are_the_cause():
    """Half of the rows are outliers: two of them are no better than two others."""
    data = batches(60)
    bad = outliers(data, 50, range(0, 16, 2))
    model, optimizer, kept = train(data[:51])
    told = replay(model, optimizer, OBJECTIVE, kept.at(50), data.__getitem__, bad[:1])
    assert told.culprit is not Culprit.DATA


def test_a_regression():
    rng = np.random.default_rng(0)
    data = [
        Batch(b.rows, x=b.x, y=b.x.sum(1) + torch.tensor(rng.normal(0, 1, 16), dtype=torch.float32))
        for b in batches(60)
    ]
    data[50].y[7] = 1e5
    objective = Regression(inputs=lambda batch: (batch.x,))
    model, optimizer, kept = train(data[:51], lr=1e-3, objective=objective)
    told = replay(model, optimizer, objective, kept.at(50), data.__getitem__, [50 * 16 + 7])
    assert told.culprit is Culprit.DATA


def test_it_leaves_no_trace():
    data = batches(60)
    data[50].x[4, 2] = float("nan")
    bad = [50 * 16 + 4]
    model, optimizer, kept = train(data[:51], dropout=0.5, norm=True)
    model[1].eval()
    before = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
    grads = [p.grad for p in model.parameters()]
    random = torch.get_rng_state()
    state = copy.deepcopy(kept.at(50).optimizer)
    one = replay(model, optimizer, OBJECTIVE, kept.at(50), data.__getitem__, bad)
    after = (model.state_dict(), optimizer.state_dict())
    assert str(before) == str(after)
    weights = zip(before[0].values(), after[0].values(), strict=True)
    assert all(torch.equal(a.nan_to_num(7), b.nan_to_num(7)) for a, b in weights)
    assert all(a is b for a, b in zip(grads, [p.grad for p in model.parameters()], strict=True))
    assert torch.equal(random, torch.get_rng_state())
    assert not model[1].training
    assert model[0].training
    assert str(state) == str(kept.at(50).optimizer)
    # And again the same.
    again = replay(model, optimizer, OBJECTIVE, kept.at(50), data.__getitem__, bad)
    assert str(again.to_dict()) == str(one.to_dict())


def test_another_batch_is_noticed():
    data = batches(60)
    outliers(data, 50)
    model, optimizer, kept = train(data[:51])
    told = replay(model, optimizer, OBJECTIVE, kept.at(50), lambda step: data[step + 1], [51 * 16])
    assert not told.exact
    assert told.culprit is Culprit.UNDECIDED
    assert "did not come out as it was" in told.reason


def test_it_shows():
    data = batches(60)
    bad = outliers(data, 50)
    model, optimizer, kept = train(data[:51])
    text = str(replay(model, optimizer, OBJECTIVE, kept.at(50), data.__getitem__, bad))
    assert text.startswith("step 50 again: data. ")
    assert len(text.splitlines()) == 6
    assert "without 2 suspects" in text


@pytest.mark.parametrize(
    ("suspects", "draws", "match"),
    [([7], 39, "not all in the batch"), ([], 39, "not all in"),
     (range(800, 808), 39, "8 of 16 rows"), ([800], 18, "18 draws")],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(suspects, draws, match):
    data = batches(60)
    outliers(data, 50)
    model, optimizer, kept = train(data[:51])
    with pytest.raises(UsageError, match=match):
        replay(model, optimizer, OBJECTIVE, kept.at(50), data.__getitem__, suspects, draws=draws)


def test_rows_that_a_thrown_about_model_is_wrong_on_are_the_optimizers():
    """One ordinary row holds the gradient, because the weights were drawn to where it is wrong."""
    data = batches(60)
    row = data[50].x[5].clone()
    model, optimizer, kept = train(data[:50])
    state_of = copy.deepcopy(model.state_dict())
    # A hidden unit that answers to that row and hardly to others, with a weight far too large.
    others = torch.cat([b.x for b in data])
    direction = row - others.mean(0)
    with torch.no_grad():
        scores = others @ direction
        model[0].weight[0] = direction
        model[0].bias[0] = -torch.quantile(scores[scores < row @ direction], 0.99)
        model[4].weight[:, 0] = 0
        model[4].weight[(int(data[50].y[5]) + 1) % 3, 0] = 1000.0
    thrown = copy.deepcopy(model.state_dict())
    model.load_state_dict(state_of)
    torch.manual_seed(0)
    losses = OBJECTIVE(model, data[50])
    assert losses.mean < 2, "an ordinary batch"
    model.load_state_dict(thrown)
    optimizer.zero_grad()
    loss = OBJECTIVE(model, data[50]).mean
    loss.backward()
    kept.step(loss, grad_norm=clip(model.parameters())[0])
    told = replay(model, optimizer, OBJECTIVE, kept.at(50), data.__getitem__, [50 * 16 + 5])
    assert told.explained > 0.5, "the row alone holds the gradient"
    assert told.by_calm > 0.5
    assert told.culprit is Culprit.OPTIMIZER
