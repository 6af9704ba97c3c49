"""Transforms on tensors of shape (n, columns), float64, NaN for missing: one module each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.transforms.base import Transform
from datacheck.pipelines.transforms.drop_columns import DropColumns
from datacheck.pipelines.transforms.impute import Impute
from datacheck.pipelines.transforms.invert import Invert, Map
from datacheck.pipelines.transforms.map_values import MapValues
from datacheck.pipelines.transforms.neighbors import Neighbors
from datacheck.pipelines.transforms.scale import Scale
from datacheck.pipelines.transforms.to_missing import ToMissing
from datacheck.pipelines.transforms.winsorize import Winsorize

NAN = math.nan


def step_for(one: Transform, columns: tuple[str, ...]) -> nn.Module:
    """The module for a fitted transform; its input has those columns.

    Raises UsageError for what works on text or sequences.
    """
    made = _MAKERS.get(one.kind)
    if made is None:
        raise UsageError(
            f"{one.kind} has no meaning on tensors ({names(one.columns, 5)})",
            "leave these columns out, or transform the frame before it becomes a tensor",
        )
    return made(one, columns)


class _Affine(nn.Module):
    """(x − center) · factor + shift, by column."""

    center: Tensor
    factor: Tensor
    shift: Tensor

    def __init__(self, one: Transform, columns: tuple[str, ...]) -> None:
        super().__init__()
        known = cast(Scale, one).scaling_ or {}
        of = [known[c] if c in one.columns else None for c in columns]
        self.register_buffer("center", _row(s.center if s else 0.0 for s in of))
        self.register_buffer("factor", _row(s.factor if s else 1.0 for s in of))
        self.register_buffer("shift", _row(s.shift if s else 0.0 for s in of))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.center) * self.factor + self.shift


class _Clip(nn.Module):
    """Between limits, by column; NaN stays."""

    low: Tensor
    high: Tensor

    def __init__(self, one: Transform, columns: tuple[str, ...]) -> None:
        super().__init__()
        known = cast(Winsorize, one).limits_ or {}
        of = [known[c] if c in one.columns else None for c in columns]
        self.register_buffer("low", _row(s.low if s else -math.inf for s in of))
        self.register_buffer("high", _row(s.high if s else math.inf for s in of))

    def forward(self, x: Tensor) -> Tensor:
        return torch.minimum(torch.maximum(x, self.low), self.high)


class _ToMissing(nn.Module):
    """Listed values, and ±∞ in some columns, become NaN."""

    values: Tensor
    infinite: Tensor

    def __init__(self, one: Transform, columns: tuple[str, ...]) -> None:
        super().__init__()
        it = cast(ToMissing, one)
        listed = [_numbers(it.values.get(c, ())) if c in one.columns else [] for c in columns]
        width = max(map(len, listed), default=0)
        padded = [v + [NAN] * (width - len(v)) for v in listed]
        self.register_buffer(
            "values", torch.tensor(padded, dtype=torch.float64).reshape(len(columns), width)
        )
        gone = [it.infinite and c in one.columns for c in columns]
        self.register_buffer("infinite", torch.tensor(gone, dtype=torch.bool))

    def forward(self, x: Tensor) -> Tensor:
        hit = (x[:, :, None] == self.values).any(dim=2) | (torch.isinf(x) & self.infinite)
        return torch.where(hit, NAN, x)


class _MapValues(nn.Module):
    """Old values become new ones, by column."""

    old: Tensor
    new: Tensor

    def __init__(self, one: Transform, columns: tuple[str, ...]) -> None:
        super().__init__()
        it = cast(MapValues, one)
        pairs = [it.values.get(c, ()) if c in one.columns else () for c in columns]
        of = [[p for p in own if not isinstance(p[0], str)] for own in pairs]
        width = max(map(len, of), default=0)
        for name, k in (("old", 0), ("new", 1)):
            rows = [[float(p[k]) for p in own] + [NAN] * (width - len(own)) for own in of]
            table = torch.tensor(rows, dtype=torch.float64).reshape(len(columns), width)
            self.register_buffer(name, table)

    def forward(self, x: Tensor) -> Tensor:
        out = x
        for k in range(self.old.shape[1]):
            out = torch.where(x == self.old[:, k], self.new[:, k], out)
        return out


class _Drop(nn.Module):
    """The columns that stay."""

    kept: Tensor

    def __init__(self, one: Transform, columns: tuple[str, ...]) -> None:
        super().__init__()
        gone = set(cast(DropColumns, one).columns)
        self.register_buffer("kept", _places(j for j, c in enumerate(columns) if c not in gone))

    def forward(self, x: Tensor) -> Tensor:
        return x.index_select(1, self.kept)


class _Invert(nn.Module):
    """Functions of single columns."""

    def __init__(self, one: Transform, columns: tuple[str, ...]) -> None:
        super().__init__()
        maps = cast(Invert, one).maps
        self.maps: list[tuple[Map, ...]] = [maps[c] if c in one.columns else () for c in columns]

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([_mapped(x[:, j], own) for j, own in enumerate(self.maps)], dim=1)


def _mapped(x: Tensor, maps: Sequence[Map]) -> Tensor:
    y = x
    for one in maps:
        if one.function == "affine":
            y = y * one.scale + one.offset
        elif one.function == "round":
            y = torch.round(y, decimals=one.digits)
        elif one.function == "expm1":
            y = torch.sinh(y * 0.5) * torch.exp(y * 0.5) * 2
        else:
            functions: dict[str, Callable[[Tensor], Tensor]] = {
                "log": torch.log, "exp": torch.exp, "log1p": torch.log1p,
            }  # fmt: skip
            y = functions[one.function](y)
    return torch.where(torch.isfinite(y) | ~torch.isfinite(x), y, NAN) if maps else x


class _Impute(nn.Module):
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
            _row(float(known[c]) if c in it.columns and c in known else NAN for c in columns),
        )
        place = {c: j for j, c in enumerate(columns)}
        flags = [
            (c, f) for c, f in zip(it.indicators_ or (), it.added, strict=True) if f not in place
        ]
        self.register_buffer("told", _places(place[c] for c, _ in flags))
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
        self.register_buffer("at", _places(at))
        self.register_buffer("donors", torch.tensor(state.matrix, dtype=torch.float64))
        self.register_buffer("means", _row(state.means.values()))

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

    def __init__(self, state: object, at: list[int]) -> None:
        super().__init__()
        from datacheck.pipelines.transforms.chained import Chain

        chain = cast(Chain, state)
        place = {c: j for j, c in enumerate(chain.means)}
        width = max(len(chain.means) - 1, 0)
        table = torch.tensor([s.coefficients for s in chain.steps], dtype=torch.float64)
        self.order = [place[s.column] for s in chain.steps]
        self.register_buffer("at", _places(at))
        self.register_buffer("means", _row(chain.means.values()))
        self.register_buffer("coefficients", table.reshape(len(chain.steps), width))
        self.register_buffer("intercepts", _row(s.intercept for s in chain.steps))

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


def _row(values: object) -> Tensor:
    return torch.tensor(list(values), dtype=torch.float64)  # type: ignore[call-overload] # an iterable


def _places(values: object) -> Tensor:
    return torch.tensor(list(values), dtype=torch.int64)  # type: ignore[call-overload] # an iterable


def _numbers(values: Sequence[object]) -> list[float]:
    return [float(v) for v in values if isinstance(v, int | float)]


_MAKERS: dict[str, Callable[[Transform, tuple[str, ...]], nn.Module]] = {
    "drop_columns": _Drop,
    "impute": _Impute,
    "invert": _Invert,
    "map_values": _MapValues,
    "scale": _Affine,
    "to_missing": _ToMissing,
    "winsorize": _Clip,
}
