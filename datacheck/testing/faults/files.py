"""Damaged files: what no frame can hold (MV006)."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from datacheck.errors import UsageError


def corrupt_files(
    source: str | Path, out: str | Path, severity: float = 0.5, rng: np.random.Generator | int = 0
) -> list[Path]:
    """A copy of a folder with some of its files broken; returns those, as paths below ``out``.

    A share ``severity`` / 4 of the files with data (at least one) is cut off in the middle,
    emptied, or overwritten with noise from the middle on, in turn. ``out`` must not be there yet;
    hidden files and links stay away. Raises UsageError for a folder without files.
    """
    if not 0 < severity <= 1:
        raise UsageError(f"severity is {severity}", "it is more than 0, and at most 1")
    source, out = Path(source), Path(out)
    if out.exists():
        raise UsageError(f"{out} is there already", "name a new folder")
    found = [p for p in sorted(source.rglob("*")) if p.is_file() and not p.is_symlink()]
    found = [p for p in found if not p.name.startswith(".")]
    full = [i for i, p in enumerate(found) if p.stat().st_size]
    if not full:
        raise UsageError(f"{source} holds no files", "name a folder with some")
    random = np.random.default_rng(rng)
    chosen = random.permutation(full)[: max(1, round(severity / 4 * len(full)))]
    ways = {int(i): nth % 3 for nth, i in enumerate(chosen)}
    broken = []
    for i, path in enumerate(found):
        copy = out / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        if i in ways:
            data = path.read_bytes()
            kept = data[: len(data) // 2] if ways[i] != 1 else b""
            noise = random.bytes(len(data) - len(kept)) if ways[i] == 2 else b""
            copy.write_bytes(kept + noise)
            broken.append(copy)
    return broken
