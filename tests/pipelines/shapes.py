"""Small pictures of circles, squares and triangles with planted faults, to be repaired and loaded.

Train and test are folders of classes. Planted in train: two pictures that test has too, three that
are there twice, one under two classes, and three that are cut short.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

CLASSES = ("circle", "square", "triangle")
SIDE = 24
EACH = {"train": 40, "test": 12}


def drawn(kind: str, rng: np.random.Generator) -> Image.Image:
    """A shape of any color, size and place on a noisy ground, SIDE × SIDE pixels."""
    ground = rng.normal(90, 30, (SIDE, SIDE, 3)).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(ground)
    draw = ImageDraw.Draw(image)
    radius = int(rng.integers(5, 9))
    x, y = (int(v) for v in rng.integers(radius + 1, SIDE - radius - 1, 2))
    color = tuple(int(v) for v in rng.integers(120, 256, 3))
    if kind == "circle":
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)
    elif kind == "square":
        draw.rectangle((x - radius, y - radius, x + radius, y + radius), fill=color)
    else:
        corners = [(x, y - radius), (x - radius, y + radius), (x + radius, y + radius)]
        draw.polygon(corners, fill=color)
    return image


def planted(root: Path) -> Path:
    """Write train and test below ``root``; the folder."""
    rng = np.random.default_rng(5)
    for split, each in EACH.items():
        for kind in CLASSES:
            home = root / split / kind
            home.mkdir(parents=True)
            for i in range(each):
                drawn(kind, rng).save(home / f"{i:02}.png")
    train, test = root / "train", root / "test"
    shutil.copy(test / "circle" / "03.png", train / "circle" / "90.png")
    shutil.copy(test / "square" / "05.png", train / "square" / "90.png")
    for i, kind in enumerate(CLASSES):
        shutil.copy(train / kind / f"{i:02}.png", train / kind / "91.png")
        whole = (train / kind / "20.png").read_bytes()
        (train / kind / "92.png").write_bytes(whole[: len(whole) // 2])
    shutil.copy(train / "circle" / "10.png", train / "triangle" / "93.png")
    return root
