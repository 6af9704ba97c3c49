"""Pictures in a study: 16 × 16 pixels each, as columns of numbers that all arms share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from torch import Tensor, nn

from datacheck.dataset import Dataset, Kind, Role

SIDE, CHANNELS = 16, 3
WIDTH = SIDE * SIDE * CHANNELS
_NAME = re.compile(r"\[pixel \d{3}\]")


def read(data: Dataset) -> list[str]:
    """The columns that a study reads: all, and of a picture its pixels instead of its measures."""
    out = []
    for column in data.columns.values():
        if column.role is not Role.MEASURED:
            out.append(column.name)
        if column.kind is Kind.IMAGE and column.role is Role.FEATURE:
            out.append(f"{column.name}.pixels")
    return out


def spread(frame: pl.DataFrame, data: Dataset) -> pl.DataFrame:
    """The frame with the pixels of its first picture as columns, from −1 (black) to 1.

    Rows without a picture have 0 everywhere.
    """
    name = next((c.name for c in data.columns.values() if c.kind is Kind.IMAGE), None)
    if name is None or f"{name}.pixels" not in frame.columns:
        return frame
    cells = frame[f"{name}.pixels"].fill_null(pl.Series([[127.5] * WIDTH]))
    values = cells.list.explode().to_numpy().reshape(frame.height, WIDTH) / 127.5 - 1
    made = [
        pl.Series(f"[pixel {i:03}]", np.ascontiguousarray(values[:, i], dtype=np.float32))
        for i in range(WIDTH)
    ]
    return frame.drop(f"{name}.pixels").with_columns(made)


def are_pixels(numbers: Sequence[str]) -> bool:
    """Whether those columns are the pixels of a picture and nothing else."""
    return len(numbers) == WIDTH and all(_NAME.fullmatch(n) for n in numbers)


class OfPixels(nn.Module):
    """A model of images that is given them as rows of numbers."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, *rest: Any) -> Tensor:
        """Logits of rows (batch, 768)."""
        del rest  # a table's other inputs, of which there are none
        images = x.view(-1, SIDE, SIDE, CHANNELS).permute(0, 3, 1, 2)
        out: Tensor = self.model(images.contiguous())
        return out
