"""Pictures of a repaired dataset written: copied, moved, or encoded again in one way for all."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from datacheck.dataset import FILE_SHIFT
from datacheck.errors import UsageError
from datacheck.pipelines.repairing import folder
from datacheck.pipelines.repairing.pictures import Recoding
from datacheck.pipelines.repairing.texts import Kept
from datacheck.pipelines.repairing.view import View
from datacheck.pipelines.repairing.writing import Piece, Shape
from datacheck.sources.images.decoding import Unreadable
from datacheck.sources.images.folders import IMAGE, LABEL, FolderFragment
from datacheck.sources.images.fragments import Beside, WithImages
from datacheck.sources.raw import stored

# -- folders -----------------------------------------------------------------------------------


def write_pictures(
    fragment: FolderFragment,
    pieces: Iterator[Piece],
    aside: Path,
    name_of: Mapping[str, str],
    told: Mapping[str, Path],
    shape: Shape,
    how: Recoding | None,
    count: Callable[[int], None],
) -> Kept:
    """What comes from other splits, and what is written again; which files of a split are gone.

    ``name_of`` maps a picture of the split, by row order, to its place in the new folder, ``told``
    all pictures as they are told to their files. ``count(n)`` is told how many were written again.
    What stays as it is has been copied already.
    """
    if not shape.same:
        what = (*shape.added, *shape.dropped)[0]
        raise UsageError(
            f"{fragment.file} has no columns, so that {what!r} can neither come nor go",
            "take that step out of the plan",
        )
    names = [name_of[n] for n in fragment.names]
    homes = {c: os.path.split(n)[0] for c, n in zip(fragment.labels, names, strict=True)}
    out = Kept(gone=set(names))
    used = set(names)
    work: list[tuple[Path, str, bool]] = []
    for piece in pieces:
        own = piece.rows < len(names)
        for i in piece.rows[own].tolist():
            out.gone.discard(names[i])
            if how is not None:
                work.append((fragment.root / fragment.names[i], names[i], True))
        cells = piece.frame[IMAGE]
        for i in np.flatnonzero(~own).tolist():
            label = piece.frame[LABEL][i] if LABEL in piece.frame.columns else None
            path = told[str(cells[i])]
            place = _free(_home(homes, label, names[0]), path.name, used)
            used.add(place)
            work.append((path, place, False))
    out.now = _write(work, aside, used, how)
    out.changed = set(out.now)
    if how is not None:
        count(len(out.now))
    return out


def _home(homes: Mapping[str | None, str], label: str | None, other: str) -> str:
    """The folder of a class: where its pictures are, or one beside those of the other classes."""
    if label in homes:
        return homes[label]
    beside = Path(other).parent
    return str(beside.parent / label) if label else str(beside)


def _free(home: str, name: str, used: set[str]) -> str:
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 - a name may hold any bytes
    place, n = os.path.join(home, name), 1  # noqa: PTH118
    while place in used:
        n += 1
        place = os.path.join(home, f"{stem}-{n}{suffix}")  # noqa: PTH118
    return place


def _write(
    work: Sequence[tuple[Path, str, bool]], aside: Path, used: set[str], how: Recoding | None
) -> dict[str, str]:
    """Copies of what moves, and pictures written again: the new names of own ones by the old."""
    places: list[str] = []
    for _, name, _ in work:
        place = name
        if how is not None and not name.lower().endswith(".png"):
            home, base = os.path.split(name)
            place = _free(home, os.path.splitext(base)[0] + ".png", used)  # noqa: PTH122
            used.add(place)
        places.append(place)
        folder.placed(aside / place)

    def one(i: int) -> bool:
        path, name, own = work[i]
        if how is not None:
            try:
                data = how.encoded(path)
            except Unreadable:  # an evaluation split keeps its broken ones
                if own:
                    return False
            else:
                (aside / places[i]).write_bytes(data)
                return own
        folder.copied(path, aside / name)
        return False

    with ThreadPoolExecutor(os.cpu_count() or 1, "datacheck-pictures") as pool:
        done = list(pool.map(one, range(len(work))))
    return {name: place for (_, name, _), place, hit in zip(work, places, done, strict=True) if hit}


# -- tables with paths -------------------------------------------------------------------------


def pictures_beside(
    source: Any, view: View, aside: Path, known: Collection[str]
) -> list[dict[str, Any]]:
    """Copy the files that tables name as pictures: lines of the manifest.

    Those that no row names any more are kept with the originals. Raises UsageError where two
    would come to lie in one place.
    """
    root = Path(source).expanduser() if isinstance(source, str | Path) else None
    places: dict[str, Path] = {}
    out: list[dict[str, Any]] = []
    for path, (base, stays) in _named(view).items():
        if not path.is_file():
            continue
        within = root if root is not None and root.is_dir() else base
        name = os.path.relpath(path, within)
        if name in known or places.setdefault(name, path) != path:
            raise UsageError(
                f"two files would become {name!r}", "give one folder that holds all splits"
            )
        place = name if stays else f"{folder.ORIGINALS}/{name}"
        digest = folder.copied(path, folder.placed(aside / place))
        out.append(
            {"file": name, "splits": [], "original_sha256": digest,
             "sha256": digest if stays else None, "changed": not stays, "rows": None}
        )  # fmt: skip
    return out


def _named(view: View) -> dict[Path, tuple[Path, bool]]:
    """The files that tables name as pictures: their folder, and whether a row that stays does."""
    ordinals = view.file_of
    out: dict[Path, tuple[Path, bool]] = {}
    for fragment in view.fragments():
        base = np.int64(ordinals[fragment.file] << FILE_SHIFT)
        one = fragment
        while isinstance(one, WithImages):
            if isinstance(one.pictures, Beside):
                for batch in stored(one).read([one.column], 65_536):
                    items, _ = one.pictures.items(batch.frame[one.column], batch.rows)
                    stays = ~view.moves.leaving(base + batch.rows)
                    for item, kept in zip(items, stays.tolist(), strict=True):
                        if isinstance(item, Path):
                            before = out.get(item, (item, False))[1]
                            out[item] = (one.pictures.root, before or kept)
            one = one.inner
    return out
