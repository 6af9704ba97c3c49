"""Pictures that are the same but for size, encoding, brightness or a turn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

import datacheck
from datacheck.checks.near.pictures import candidates, same
from datacheck.findings import Finding
from datacheck.summaries.perceptual import ORIENTATIONS, oriented


def picture(seed: int) -> Image.Image:
    """Something with structure at every scale, as photographs have."""
    rng = np.random.default_rng(seed)
    whole = np.zeros((96, 128, 3))
    for cells in (3, 6, 12, 24):
        small = rng.uniform(0, 255, (cells, cells + 1, 3)).astype(np.uint8)
        layer = Image.fromarray(small).resize((128, 96), Image.Resampling.BICUBIC)
        whole += np.asarray(layer, dtype=np.float64) * 2 / cells
    whole *= 255 / whole.max()
    return Image.fromarray(whole.astype(np.uint8))


def folder(to: Path, splits: dict[str, dict[str, Image.Image]]) -> Path:
    for split, named in splits.items():
        for name, image in named.items():
            path = to / split / ("even" if len(name) % 2 else "odd") / name
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path, quality=60)  # which only JPEG looks at
    return to


def found(path: Path, code: str, **options: object) -> list[Finding]:
    config = {"select": (code,), "rules": {code: options}}
    report = datacheck.audit(path, settings=config)
    assert not [o for o in report.outcomes if o.reason]
    return list(report.findings)


def test_pictures_across_splits(tmp_path: Path) -> None:
    train = {f"{k}.png": picture(k) for k in range(40)}
    made = {
        "small.png": picture(0).resize((60, 45), Image.Resampling.LANCZOS),
        "again.jpg": picture(1),
        "mirrored.png": picture(2).transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "turned.png": picture(3).transpose(Image.Transpose.ROTATE_90),
        "brighter.png": ImageEnhance.Brightness(picture(4)).enhance(1.06),
    }
    test = {**made, **{f"new{k}.png": picture(100 + k) for k in range(20)}}
    (one,) = found(folder(tmp_path, {"train": train, "test": test}), "LK002")
    assert one.count == len(made)
    assert one.evidence["picture"] == one.evidence["rows_of_train"] == len(made)
    shown = {Path(e.addresses[0]).name: Path(e.addresses[1]).name for e in one.examples}
    assert shown == dict(zip(made, ["0.png", "1.png", "2.png", "3.png", "4.png"], strict=True))


def test_exact_copies_and_other_pictures_are_no_finding(tmp_path: Path) -> None:
    train = {f"{k}.png": picture(k) for k in range(30)}
    train |= {f"flat{k}.png": Image.new("RGB", (20, 20), (k, k, k)) for k in range(5)}
    test = {"copy.bmp": picture(0), **{f"new{k}.png": picture(100 + k) for k in range(30)}}
    path = folder(tmp_path, {"train": train, "test": test})
    assert found(path, "LK002") == []
    assert found(path, "LB005") == []


def test_within_a_split(tmp_path: Path) -> None:
    train = {f"{k}.png": picture(k) for k in range(20)}
    train["10.jpg"], train["12.jpg"] = picture(10), picture(12).rotate(180)
    (one,) = found(folder(tmp_path, {"train": train}), "LB005")
    assert (one.count, one.evidence["clusters"]) == (2, 2)


def test_no_bit_may_differ(tmp_path: Path) -> None:
    path = folder(tmp_path, {"train": {"a.png": picture(1)}, "test": {"b.jpg": picture(1)}})
    assert [f.count for f in found(path, "LK002", hamming=0)] == [1]


def test_pairs_of_one_hash_and_of_near_ones() -> None:
    hashes = np.array([0, 0, 6, 6, 6, 14, 1 << 40], dtype=np.uint64)
    a, b, _ = candidates(hashes, 1)
    pairs = {(min(p), max(p)) for p in zip(a.tolist(), b.tolist(), strict=True)}
    assert pairs == {(2, 3), (2, 4), (3, 4), (2, 5), (3, 5), (4, 5)}


@pytest.mark.parametrize("k", range(ORIENTATIONS))
def test_levels_are_compared_as_they_are_turned(k: int) -> None:
    rng = np.random.default_rng(k)
    levels = rng.integers(0, 256, (3, 16, 16)).astype(np.uint8)
    turn = np.full(3, k)
    turned = oriented(levels, turn).astype(np.uint8)
    correlation, verdict = same(levels, turned, turn)
    assert verdict.all()
    assert correlation == pytest.approx(1)
    other = rng.integers(0, 256, (3, 16, 16)).astype(np.uint8)
    assert not same(levels, other, turn)[1].any()
