"""Faults of pictures, for the table in ``faults.py``: each adds a column of them to both frames."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

SIDE = 16
IMAGE = "image"


def image_formats(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """PNG in both; a share ``severity`` of test's is JPEG."""
    del label
    again = rng.random(test.height) < severity
    pictures = _drawn(test.height, rng)
    cells = [_encoded(p, "JPEG" if j else "PNG") for p, j in zip(pictures, again, strict=True)]
    return _with(train, [_encoded(p) for p in _drawn(train.height, rng)]), _with(test, cells)


def swapped_channels(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pictures with a cast of warm light, stronger with ``severity``; test's are BGR."""
    del label
    cast = np.array([1.0, 0.85, 1.0 - 0.7 * severity])
    first = [_encoded((p * cast).astype(np.uint8)) for p in _drawn(train.height, rng)]
    second = [_encoded((p * cast).astype(np.uint8)[..., ::-1]) for p in _drawn(test.height, rng)]
    return _with(train, first), _with(test, second)


def _drawn(count: int, rng: np.random.Generator) -> list[npt.NDArray[np.uint8]]:
    """Random pictures, each of its own brightness; uint8 of shape (16, 16, 3)."""
    light = rng.uniform(0.3, 1.0, (count, 1, 1, 1))
    levels = light * rng.integers(0, 256, (count, SIDE, SIDE, 3))
    return list(levels.astype(np.uint8))


def _encoded(array: npt.NDArray[Any], form: str = "PNG") -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(array)).save(out, form)
    return out.getvalue()


def _with(frame: pl.DataFrame, cells: list[bytes]) -> pl.DataFrame:
    return frame.with_columns(pl.Series(IMAGE, cells, dtype=pl.Binary))
