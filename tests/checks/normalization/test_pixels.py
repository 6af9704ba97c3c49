"""NM001 for pictures: another scale or other channels, told apart from other pictures."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import datacheck
from tests.sources.images.pictures import write

MEANS, SDS = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def scenes(seed, count):
    """Floats of 0–255, (count, 12, 12, 3): each with its own light and a warm cast."""
    rng = np.random.default_rng(seed)
    light = rng.uniform(40, 170, (count, 1, 1, 1))
    cast = np.array([1.15, 1.0, 0.75])
    return np.clip(
        light * cast + rng.normal(0, rng.uniform(8, 35, (count, 1, 1, 1)), (count, 12, 12, 3)),
        0,
        255,
    )


def floats(path, array):
    """One channel a file, as floats."""
    path.parent.mkdir(parents=True, exist_ok=True)
    out = io.BytesIO()
    Image.fromarray(array.astype(np.float32)).save(out, "TIFF")
    path.write_bytes(out.getvalue())


def audited(root, train, test):
    for split, some in (("train", train), ("test", test)):
        for i, one in enumerate(some):
            path = root / split / "ab"[i % 2] / f"{i:03}"
            if one.ndim == 3:
                write(path.with_suffix(".png"), one.round().astype(np.uint8))
            elif one.dtype == np.uint16:
                write(path.with_suffix(".png"), one)
            else:
                floats(path.with_suffix(".tif"), one)
    report = datacheck.audit(root, select=["NM001"])
    assert [o.reason for o in report.outcomes if o.rule == "NM001" and o.reason] == []
    return [f for f in report.findings if f.rule == "NM001"]


GREY = {
    "by-1/255": lambda x: x / 255,
    "by-1/127.5-less-1": lambda x: x / 127.5 - 1,
    "inverted": lambda x: 255 - x,
    "standardized": lambda x: (x - 78) / 36,
}


@pytest.mark.parametrize("name", GREY)
@pytest.mark.parametrize("back", [False, True])
def test_scales(tmp_path, name, back):
    train, test = scenes(1, 120)[..., 2], scenes(2, 80)[..., 2]
    if back:
        train = GREY[name](train)
    else:
        test = GREY[name](test)
    (found,) = audited(tmp_path, train, test)
    told = found.evidence["map"].removeprefix("not-")
    assert told == name
    assert found.evidence["mapped"] == ("train" if back and name != "inverted" else "test")
    assert found.columns == ("image",)
    assert found.effect.low > 0.2


def test_sixteen_bits(tmp_path):
    train, test = scenes(1, 120)[..., 0].round(), scenes(2, 80)[..., 0].round()
    for i, one in enumerate(train):
        write(tmp_path / "train" / f"{i}.png", one.astype(np.uint8))
    for i, one in enumerate(test):
        write(tmp_path / "test" / f"{i}.png", one.astype(np.uint16) * 257)
    found = [f for f in datacheck.audit(tmp_path, select=["NM001"]).findings if f.rule == "NM001"]
    assert found[0].evidence["map"] == "by-257"


def test_red_and_blue_swapped(tmp_path):
    (found,) = audited(tmp_path, scenes(1, 120), scenes(2, 80)[..., ::-1])
    assert found.evidence["map"] == "bgr"
    assert found.evidence["channels"] == ["blue", "green", "red"]
    assert "red and blue swapped" in found.message


def test_inverted_colors(tmp_path):
    (found,) = audited(tmp_path, scenes(1, 120), 255 - scenes(2, 80))
    assert found.evidence["map"] == "inverted"


CHANGES = {
    "none": lambda x: x,
    "darker": lambda x: 0.6 * x,
    "bluer": lambda x: x * np.array([0.6, 0.9, 1.3]),
    "flatter": lambda x: 0.5 * x + 100,
    "other light": lambda x: x * np.random.default_rng(3).uniform(0.2, 1, (len(x), 1, 1, 1)),
    "grey": lambda x: np.repeat(x.mean(axis=3, keepdims=True), 3, axis=3),
}


@pytest.mark.parametrize("change", CHANGES)
def test_other_pictures_are_no_mismatch(tmp_path, change):
    assert audited(tmp_path, scenes(1, 120), np.clip(CHANGES[change](scenes(2, 80)), 0, 255)) == []
