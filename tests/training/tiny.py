"""A tiny task to train on, and the parts of a run that tests compare."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from datacheck.pipelines.collate import Batch
from datacheck.training.determinism import KeyedBatchSampler, init
from datacheck.training.objectives import Classification

FEATURES, CLASSES = 5, 3


def rows(n=96, seed=0):
    """Features (n, 5) and classes (n,) that a linear model can nearly tell apart."""
    task = np.random.default_rng(99).normal(size=(FEATURES, CLASSES))
    random = np.random.default_rng([seed, n])
    x = random.normal(size=(n, FEATURES)).astype(np.float32)
    return x, (x @ task + random.normal(size=(n, CLASSES)) / 2).argmax(1)


class Data(torch.utils.data.Dataset):
    """The rows as a dataset of (x, y, address)."""

    def __init__(self, n=96, seed=0, noise=0.0):
        self.x, self.y = rows(n, seed)
        self.noise = noise

    def __len__(self):
        return len(self.y)

    def __getitem__(self, at):
        x = torch.from_numpy(self.x[at])
        return x + self.noise * torch.randn(FEATURES) if self.noise else x, int(self.y[at]), at


def collate(items):
    x, y, rows = zip(*items, strict=True)
    return Batch(
        rows=torch.tensor(rows),
        x=torch.stack(x),
        y=torch.tensor(y),
        tokens=len(rows),
        padded=len(rows),
    )


def loader(n=96, batch_size=16, seed=0, **options: Any) -> DataLoader[Any]:
    """Batches in the order of KeyedBatchSampler."""
    sampler = KeyedBatchSampler(np.arange(n), batch_size, seed)
    return DataLoader(Data(n, **options), batch_sampler=sampler, collate_fn=collate)


def shuffled(n=96, batch_size=16, **options: Any) -> DataLoader[Any]:
    """Batches in torch's own order."""
    return DataLoader(Data(n, **options), batch_size, shuffle=True, collate_fn=collate)


class Net(nn.Module):
    def __init__(self, norm=True, dropout=0.2, width=16):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(FEATURES, width),
            nn.BatchNorm1d(width) if norm else nn.Identity(),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, CLASSES),
        )

    def forward(self, x, *_):
        return self.layers(x)


def net(seed=0, **options):
    return init(Net(**options), seed)


def objective():
    return Classification(inputs=lambda batch: (batch.x,))


def same(a, b):
    """Whether two states are the same to the bit, NaN in the same places."""
    one, two = a.state_dict(), b.state_dict()
    return one.keys() == two.keys() and all(
        torch.equal(one[k].isnan(), two[k].isnan())
        and torch.equal(one[k].nan_to_num(), two[k].nan_to_num())
        for k in one
    )
