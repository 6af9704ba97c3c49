"""Files beside the data that hold none: notes, licenses, settings. They go along, as they are."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from datacheck.pipelines.repairing import folder

OWN = (folder.MANIFEST, "plan.toml", "pipeline.json", "datacheck.toml")
LARGEST = 1 << 20  # bytes; what is larger is no note, and is told instead
MOST = 1_000


def carried(
    root: Path, aside: Path, known: Collection[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Copy them, and say so: (lines of the manifest, names of those left behind).

    A file whose name a repaired folder takes itself is kept with the originals.
    """
    told: list[dict[str, Any]] = []
    left: list[str] = []
    for path in _beside(root, known):
        name = str(path.relative_to(root))
        if len(told) == MOST or path.stat().st_size > LARGEST:
            left.append(name)
            continue
        own = name in OWN
        place = aside / folder.ORIGINALS / name if own else aside / name
        digest = folder.copied(path, folder.placed(place))
        told.append(
            {"file": name, "splits": [], "original_sha256": digest,
             "sha256": None if own else digest, "changed": own, "rows": None}
        )  # fmt: skip
    return told, left


def _beside(root: Path, known: Collection[str]) -> Iterator[Path]:
    """Files that can be read, in order; hidden ones, links and what an earlier repair kept aside
    are passed over.
    """
    for base, folders, files in os.walk(root):
        at = Path(base)
        kept = (folder.ORIGINALS, folder.QUARANTINE) if at == root else ()
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in kept)
        for name in sorted(files):
            path = at / name
            if name.startswith(".") or path.is_symlink() or not path.is_file():
                continue
            if str(path.relative_to(root)) not in known and os.access(path, os.R_OK):
                yield path
