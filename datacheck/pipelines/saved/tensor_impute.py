"""Imputation on tensors of shape (n, columns), float64, NaN for missing."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.transforms.base import Transform
from datacheck.pipelines.transforms.chained import Chain
from datacheck.pipelines.transforms.impute import Impute
from datacheck.pipelines.transforms.neighbors import Neighbors

NAN = math.nan


class TensorImpute(nn.Module):
    """NaN filled; indicator columns at the end."""

    fill: Tensor
    told: Tensor

    def __init__(self, one: Transform, columns: tuple[str, ...]) -> None:
        super().__init__()
        it = cast(Impute, one)
        known = it.fill_ or {}
        texts = [c for c in it.columns if isinstance(known.get(c), str)]
        if texts:
            raise UsageError(f"impute fills {names(texts, 5)} with text", "leave them out")
        self.register_buffer(
            "fill",
            row(float(known[c]) if c in it.columns and c in known else NAN for c in columns),
        )
        place = {c: j for j, c in enumerate(columns)}
        flags = [
            (c, f) for c, f in zip(it.indicators_ or (), it.added, strict=True) if f not in place
        ]
        self.register_buffer("told", places(place[c] for c, _ in flags))
        self.before = [
            (place[c], place[f])
            for c, f in zip(it.indicators_ or (), it.added, strict=True)
            if f in place
        ]
        joint: list[nn.Module] = []
        for state in (it.neighbors_, it.chain_):
            if state is not None and any(c in it.columns for c in state.means):
                at = [place[c] for c in state.means]
                joint.append(
                    _Near(state, at) if isinstance(state, Neighbors) else _Chained(state, at)
                )
        self.joint = nn.ModuleList(joint)

    def forward(self, x: Tensor) -> Tensor:
        """x of shape (n, columns) filled, and the indicators after it."""
        gone = torch.isnan(x)
        out = torch.where(gone, self.fill, x)
        for one in self.joint:
            at, made = one(x)
            out = out.index_copy(1, at, made)
        for j, k in self.before:
            flag = (gone[:, j] | (x[:, k] != 0)).to(x.dtype)
            out = out.index_copy(1, torch.tensor([k], device=x.device), flag[:, None])
        return torch.cat([out, gone.index_select(1, self.told).to(x.dtype)], dim=1)


class _Near(nn.Module):
    """The mean of the nearest donors, as :class:`.neighbors.Neighbors` gives it."""

    at: Tensor
    donors: Tensor
    means: Tensor

    def __init__(self, state: Neighbors, at: list[int]) -> None:
        super().__init__()
        self.neighbors = state.neighbors
        self.register_buffer("at", places(at))
        self.register_buffer("donors", torch.tensor(state.matrix, dtype=torch.float64))
        self.register_buffer("means", row(state.means.values()))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        own = x.index_select(1, self.at)
        asked = torch.isnan(own)
        known = torch.where(torch.isfinite(own), own, NAN)
        distance = self._distances(known)
        out = [own[:, j] for j in range(own.shape[1])]
        for j in range(own.shape[1]):
            has = ~torch.isnan(self.donors[:, j])
            far, values = distance[:, has], self.donors[has, j]
            order = torch.sort(far, dim=1, stable=True)
            nearest = order.indices[:, : self.neighbors]
            near = torch.isfinite(order.values[:, : self.neighbors])
            shares = torch.where(near, values[nearest], 0.0)
            count = near.sum(dim=1)
            mean = shares.sum(dim=1) / count
            careful = (shares / count[:, None]).sum(dim=1)
            mean = torch.where(torch.isfinite(mean), mean, careful)
            mean = torch.where(near.any(dim=1), mean, self.means[j])
            out[j] = torch.where(asked[:, j], mean, own[:, j])
        return self.at, torch.stack(out, dim=1) if out else own

    def _distances(self, x: Tensor) -> Tensor:
        total = x.new_zeros(x.shape[0], self.donors.shape[0])
        common = torch.zeros_like(total)
        for j in range(x.shape[1]):
            off = x[:, j, None] - self.donors[:, j]
            both = ~torch.isnan(x[:, j, None]) & ~torch.isnan(self.donors[:, j])
            total = total + torch.where(both, off * off, 0.0)
            common = common + both
        return torch.where(common > 0, total / common, math.inf)


class _Chained(nn.Module):
    """Regression after regression, as :class:`.chained.Chain` takes them."""

    at: Tensor
    means: Tensor
    columns: Tensor
    coefficients: Tensor
    intercepts: Tensor

    def __init__(self, chain: Chain, at: list[int]) -> None:
        super().__init__()
        place = {c: j for j, c in enumerate(chain.means)}
        width = max(len(chain.means) - 1, 0)
        table = torch.tensor([s.coefficients for s in chain.steps], dtype=torch.float64)
        self.order = [place[s.column] for s in chain.steps]
        self.register_buffer("at", places(at))
        self.register_buffer("means", row(chain.means.values()))
        self.register_buffer("coefficients", table.reshape(len(chain.steps), width))
        self.register_buffer("intercepts", row(s.intercept for s in chain.steps))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        own = x.index_select(1, self.at)
        asked = torch.isnan(own)
        y = torch.where(torch.isfinite(own), own, self.means)
        gone = ~torch.isfinite(own)
        for k, j in enumerate(self.order):
            others = torch.cat([y[:, :j], y[:, j + 1 :]], dim=1)
            guess = (others * self.coefficients[k]).sum(dim=1) + self.intercepts[k]
            guess = torch.where(torch.isfinite(guess), guess, self.means[j])
            new = torch.where(gone[:, j], guess, y[:, j])
            y = torch.cat([y[:, :j], new[:, None], y[:, j + 1 :]], dim=1)
        return self.at, torch.where(asked, y, own)


def row(values: Iterable[float]) -> Tensor:
    """float64 of shape (values,)."""
    return torch.tensor(list(values), dtype=torch.float64)


def places(values: Iterable[int]) -> Tensor:
    """int64 of shape (values,)."""
    return torch.tensor(list(values), dtype=torch.int64)
