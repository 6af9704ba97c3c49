"""Loaders of pictures against torchvision's ``ImageFolder``, in the same run.

    python benchmarks/image_loader.py [--pictures 600] [--write benchmarks/image_loader.md]

Photographs of 500 × 375 as JPEG (smooth noise with grain, about 45 kB each), two classes, resized
to 224 × 224 and normalized, in batches of 32. The other side is what torchvision's documentation
shows: ``ImageFolder`` with ``v2.Compose([Resize, PILToTensor, ToDtype, Normalize])`` in a
DataLoader, with the same figures. Both give the same tensors (checked here). Epochs take turns, the
best of each side counts; pictures a second ÷ pictures a second.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from datacheck.pipelines.loaders import loaders

BATCH = 32
TARGETS = ((224, False), (224, True), (112, False), (112, True))


def photographs(root: Path, count: int) -> None:
    """Train, and a test of two pictures, of two classes."""
    rng = np.random.default_rng(0)
    for i in range(count + 2):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((500, 375), Image.Resampling.BICUBIC), dtype=np.float32)
        grain = smooth + rng.normal(0, 6, smooth.shape)
        home = root / ("train" if i < count else "test") / ("cat", "dog")[i % 2]
        home.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8))
        image.save(home / f"{i:05}.jpg", quality=85)


def epoch(loader: Iterable[Any]) -> float:
    """Seconds that one pass takes."""
    began = time.perf_counter()
    for _ in loader:
        pass
    return time.perf_counter() - began


def compared(root: Path, size: int, shrink: bool, workers: int, rounds: int) -> dict[str, Any]:
    """Pictures a second of both, and their ratio."""
    ours = loaders(root, batch_size=BATCH, size=size, shrink=shrink, workers=workers)
    assert ours.transform is not None
    transform = v2.Compose([
        v2.Resize((size, size)), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(list(ours.transform.mean), list(ours.transform.std)),
    ])  # fmt: skip
    folder = ImageFolder(str(root / "train"), transform)
    other = DataLoader(folder, BATCH, shuffle=True, num_workers=workers,
                       persistent_workers=workers > 0)  # fmt: skip
    table: Any = ours.train.table  # of pictures
    collate: Any = ours.train.collate_fn
    mine = collate(table.__getitems__([0])).x[0]
    theirs = folder[[p for p, _ in folder.samples].index(str(root / table.told[0]))][0]
    apart = float((mine - theirs).abs().max())
    assert shrink or apart < 1e-5, apart
    best = {"ours": np.inf, "theirs": np.inf}
    for turn in range(rounds + 1):
        for name, loader in (("ours", ours.train), ("theirs", other)):
            took = epoch(loader)
            if turn:  # the first starts workers and fills caches
                best[name] = min(best[name], took)
    rate = {name: len(folder) / took for name, took in best.items()}
    return {"size": size, "shrink": shrink, "workers": workers, **rate,
            "ratio": rate["ours"] / rate["theirs"]}  # fmt: skip


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    lines = [
        "| resized to | shrink on load | workers | datacheck, pictures/s | ImageFolder | ratio |",
        "|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        photographs(root, asked.pictures)
        for size, shrink in TARGETS:
            for workers in (0, 2):
                one = compared(root, size, shrink, workers, asked.rounds)
                lines.append(
                    f"| {size} × {size} | {'yes' if shrink else 'no'} | {workers} | "
                    f"{one['ours']:.0f} | {one['theirs']:.0f} | **{one['ratio']:.2f}×** |"
                )
                print(lines[-1], flush=True)
    page = "\n".join(lines)
    told = (
        f"{asked.pictures} pictures of 500 × 375, batches of {BATCH}, best of {asked.rounds} "
        f"epochs each, in turns; {os.cpu_count()} cores, Python {platform.python_version()}, torch "
        f"{torch.__version__}. With 0 workers datacheck decodes on one thread for each core, "
        "ImageFolder on one; with 2 both have two processes with one thread each. Shrink on load "
        "has no effect where half of the picture would be smaller than what it is resized to "
        "(224 of 375)."
    )
    text = f"# Loading pictures\n\n`python benchmarks/image_loader.py`\n\n{told}\n\n{page}\n"
    print(text)
    if asked.write:
        asked.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
