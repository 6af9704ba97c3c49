"""Ordinary tables, in which nothing is wrong."""

from __future__ import annotations

import numpy as np
import polars as pl

LABEL = "label"


def ordinary(
    seed: int, *, classes: bool = True, rows: int = 900, plain: bool = False
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Six features, and a label that they tell in part (of ``plain`` ones: nearly)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 6)) * [1, 2, 0.5, 3, 1, 2] + [10, 0, 5, -3, 20, 7]
    score = x[:, 0] - 10 + 0.5 * x[:, 1] + rng.normal(size=rows) * (0.2 if plain else 1.5)
    y = (score > 0).astype(np.int64) + (score > 1.5) * (not plain) if classes else score * 3 + 50
    frame = pl.DataFrame({f"x{i}": x[:, i] for i in range(6)}).with_columns(pl.Series(LABEL, y))
    cut = rows * 13 // 18
    return frame[:cut], frame[cut:]
