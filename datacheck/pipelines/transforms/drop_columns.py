"""Drop columns: constant ones, keys, or those that give the label away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from datacheck.pipelines.transforms.base import Transform, pick


@dataclass(frozen=True)
class DropColumns(Transform):
    """The frame without ``columns``; those that it lacks already are passed over."""

    kind: ClassVar[str] = "drop_columns"
    allow_missing: bool = True

    def _apply(self, frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
        gone = set(columns)
        return pick(frame, [c for c in frame.columns if c not in gone]) if gone else frame

    @property
    def dropped(self) -> tuple[str, ...]:
        """All of ``columns``."""
        return self.columns
