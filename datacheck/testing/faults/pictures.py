"""Faults of pictures: each adds a column ``image`` of encoded ones to both frames.

Each is called ``fault(train, test, label, severity, rng)``, as told in the package's docstring.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from datacheck.errors import UsageError
from datacheck.testing.faults.planting import Planted, at, planted
from datacheck.testing.faults.tools import mask

SIDE = 16
IMAGE = "image"


def image_formats(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """PNG in both; a share ``severity`` of test's is JPEG."""
    again = rng.random(test.height) < severity
    pictures = _drawn(test.height, rng)
    cells = [_encoded(p, "JPEG" if j else "PNG") for p, j in zip(pictures, again, strict=True)]
    first = _with(train, [_encoded(p) for p in _drawn(train.height, rng)])
    return planted(first, _with(test, cells), at("test", again, IMAGE))


def swapped_channels(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Pictures with a cast of warm light, stronger with ``severity``; test's are BGR."""
    cast = np.array([1.0, 0.85, 1.0 - 0.7 * severity])
    first = [_encoded((p * cast).astype(np.uint8)) for p in _drawn(train.height, rng)]
    second = [_encoded((p * cast).astype(np.uint8)[..., ::-1]) for p in _drawn(test.height, rng)]
    touched = at("test", np.arange(test.height), IMAGE)
    return planted(_with(train, first), _with(test, second), touched)


def unreadable_pictures(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """PNG in both, 10 % of train's cut off in the middle at severity 1."""
    hit = mask(train.height, 0.1 * severity, rng).to_numpy()
    cells = [_encoded(p) for p in _drawn(train.height, rng)]
    broken = [c[: len(c) // 2] if h else c for c, h in zip(cells, hit, strict=True)]
    second = _with(test, [_encoded(p) for p in _drawn(test.height, rng)])
    return planted(_with(train, broken), second, at("train", hit, IMAGE))


def transforms_differ(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Planted:
    """Transforms of pictures that normalize test with another mean, up to 0.3 apart.

    The data stay as they are; the torchvision transforms are in ``settings["transforms"]``. Raises
    UsageError where torchvision is not installed.
    """
    try:
        import torch
        from torchvision.transforms import v2
    except ImportError:
        hint = 'pip install "datacheck-ml[torch]"'
        raise UsageError("transforms need torch and torchvision", hint) from None
    means = (0.5, 0.5 - 0.3 * severity)
    made = [
        v2.Compose(
            [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([m], [0.25])]
        )
        for m in means
    ]
    return planted(train, test, transforms={"train": made[0], "test": made[1]})


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
