"""What a dataset of the detection benchmark is: one frame of real data, and how it is split.

At most :data:`ROWS` rows are taken, at random. Classes are written as whole numbers, so that every
fault can be planted in every dataset.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from datacheck.types import Ints

ROOT = Path(__file__).resolve().parents[2]
ROWS = 2_000
TEST_SHARE = 0.25

Kind = Literal["table", "texts", "pairs", "pictures"]
Pair = tuple[pl.DataFrame, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Data:
    """One dataset: all of its rows, its label, and the column that holds texts or pictures."""

    name: str
    kind: Kind
    frame: pl.DataFrame
    label: str | None
    classes: bool = True
    column: str = ""

    @property
    def settings(self) -> dict[str, Any]:
        """What an audit is told: classes are whole numbers here, and many of them look like one."""
        if not self.label:
            return {}
        task = "classification" if self.classes else "regression"
        return {"label": self.label, "task": task}


def split(data: Data, seed: int) -> Pair:
    """A random split, stratified by the classes, rows in random order."""
    from sklearn.model_selection import train_test_split

    classes = data.frame[data.label].to_numpy() if data.label and data.classes else None
    rows = train_test_split(
        np.arange(data.frame.height), test_size=TEST_SHARE, random_state=seed, stratify=classes
    )
    train, test = (take(data.frame, r) for r in rows)
    return train, test


def take(frame: pl.DataFrame, rows: Ints) -> pl.DataFrame:
    """Rows by number."""
    return frame.select(pl.all().gather(pl.Series(rows)))


def decoded(cell: bytes) -> npt.NDArray[np.uint8]:
    """The pixels of a picture, of shape (height, width, 3)."""
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(cell)).convert("RGB"), dtype=np.uint8)


def encoded(pixels: npt.NDArray[Any], form: str = "PNG", **options: Any) -> bytes:
    """A picture file of uint8 pixels, of shape (height, width) or (height, width, 3)."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, form, **options)
    return out.getvalue()
