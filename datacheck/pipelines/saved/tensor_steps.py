"""Transforms on tensors of shape (n, columns), float64, NaN for missing: one module each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.saved.tensor_impute import TensorImpute, places, row
from datacheck.pipelines.transforms.base import Transform
from datacheck.pipelines.transforms.drop_columns import DropColumns
from datacheck.pipelines.transforms.invert import Invert, Map
from datacheck.pipelines.transforms.map_values import MapValues
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
        self.register_buffer("center", row(s.center if s else 0.0 for s in of))
        self.register_buffer("factor", row(s.factor if s else 1.0 for s in of))
        self.register_buffer("shift", row(s.shift if s else 0.0 for s in of))

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
        self.register_buffer("low", row(s.low if s else -math.inf for s in of))
        self.register_buffer("high", row(s.high if s else math.inf for s in of))

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
        self.register_buffer("kept", places(j for j, c in enumerate(columns) if c not in gone))

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


def _numbers(values: Sequence[object]) -> list[float]:
    return [float(v) for v in values if isinstance(v, int | float)]


_MAKERS: dict[str, Callable[[Transform, tuple[str, ...]], nn.Module]] = {
    "drop_columns": _Drop,
    "impute": TensorImpute,
    "invert": _Invert,
    "map_values": _MapValues,
    "scale": _Affine,
    "to_missing": _ToMissing,
    "winsorize": _Clip,
}
