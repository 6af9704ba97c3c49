"""Pictures for tests: random pixels, their bytes in a format, and folders of them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def pixels(seed, height=20, width=24, channels=3):
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def smooth(seed, height=120, width=160):
    """A picture that compresses as photographs do."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


def encoded(array, form="PNG", **options):
    out = io.BytesIO()
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    image.save(out, form, **options)
    return out.getvalue()


def write(path, array, form="", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        encoded(array, form or path.suffix[1:].upper().replace("JPG", "JPEG"), **options)
    )
    return path


def folder(root, *, classes=("circle", "square"), each=12, splits=("train", "test")):
    seed = 0
    for split in splits:
        for name in classes:
            for i in range(each):
                seed += 1
                write(root / split / name / f"{i:02}.png", pixels(seed))
    return root
