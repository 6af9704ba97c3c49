"""The shape of a dataset follows from the kinds of its columns, and is said."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from datacheck.errors import UsageError
from datacheck.training.samples.shapes import shaped
from datacheck.training.tasks import open_dataset

N = 60
AGE = [20.5 + 7 * i % 31 for i in range(N)]
WORDS = ["a plain text of several words that is no category " + str(i) * 3 for i in range(N)]
CODES = [[1 + (i + j) % 7 for j in range(3 + i % 5)] for i in range(N)]
FLOATS = [[0.5 * i + j for j in range(3 + i % 5)] for i in range(N)]
LABEL = ["yes" if i % 3 else "no" for i in range(N)]


def of(**columns):
    frame = pl.DataFrame(columns)
    return shaped(open_dataset({"train": frame, "test": frame}))


@pytest.mark.parametrize(
    ("columns", "shape"),
    [
        ({"age": AGE, "label": LABEL}, "table"),
        ({"age": AGE, "codes": CODES, "label": LABEL}, "table"),
        ({"codes": CODES, "label": LABEL}, "tokens"),
        ({"text": WORDS, "label": LABEL}, "tokens"),
        ({"signal": FLOATS, "label": LABEL}, "series"),
        ({"signal": FLOATS, "other": FLOATS, "label": LABEL}, "series"),
        ({"text": WORDS}, "language"),
        ({"source": CODES, "target": CODES}, "translation"),
        ({"signal": FLOATS, "target": CODES}, "translation"),
    ],
)
def test_shapes(columns, shape):
    found = of(**columns)
    assert found.shape == shape
    assert found.why


def test_codes_are_whole_dense_and_not_negative():
    assert of(codes=CODES, label=LABEL).ids == ("codes",)
    sparse = [[10_000 * v for v in row] for row in CODES]
    assert of(codes=sparse, label=LABEL).shape == "series"
    negative = [[v - 3 for v in row] for row in CODES]
    assert of(codes=negative, label=LABEL).shape == "series"


def test_images_are_seen_in_an_archive(tmp_path):
    rng = np.random.default_rng(0)
    for name, shape in (("gray", (40, 8, 8)), ("color", (40, 8, 8, 3)), ("first", (40, 3, 8, 8))):
        folder = tmp_path / name
        folder.mkdir()
        x = rng.integers(0, 256, shape).astype(np.uint8)
        y = np.arange(40) % 4
        np.savez(folder / "images.npz", x_train=x, y_train=y, x_test=x, y_test=y)
        assert shaped(open_dataset(folder)).picture == "x"
        floats = x / 255
        np.savez(folder / "images.npz", x_train=floats, y_train=y, x_test=floats, y_test=y)
        found = shaped(open_dataset(folder), folder)
        assert found.shape == "image"
        assert found.images.channels == (1 if name == "gray" else 3)
        assert shaped(open_dataset(folder)).shape == "table"  # in memory nobody knows
    flat = tmp_path / "flat.npz"
    np.savez(flat, x_train=rng.random((40, 5)), y_train=y, x_test=rng.random((9, 5)), y_test=y[:9])
    assert shaped(open_dataset(flat), flat).shape == "table"


def test_what_fits_nothing_is_told():
    with pytest.raises(UsageError, match="known to be the label"):
        shaped(open_dataset({"train": pl.DataFrame({"text": WORDS, "more": WORDS})}))
    with pytest.raises(UsageError, match="is a sequence, and the features are"):
        of(a=CODES, b=CODES, target=CODES)
