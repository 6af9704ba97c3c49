"""Files that are written again as one: a table, two sides of pairs, the folder of a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datacheck.dataset import Fragment
from datacheck.pipelines.repairing import folder
from datacheck.pipelines.repairing.mending import Tally
from datacheck.pipelines.repairing.texts import Kept
from datacheck.sources.images.folders import FolderFragment
from datacheck.sources.texts.files import FilesFragment
from datacheck.sources.texts.lines import LinesFragment
from datacheck.sources.texts.pairs import PairsFragment


@dataclass
class File:
    """One file of the source, and what became of it; or several that are written in step.

    ``members`` are their paths and names. ``kept`` tells them apart where each is a row.
    """

    path: Path
    name: str
    members: list[tuple[Path, str]]
    fragments: list[Fragment] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    received: int = 0
    changed: bool = False
    kept: Kept | None = None

    @property
    def size(self) -> int:
        """Bytes of all of it."""
        return sum(max(path.stat().st_size, 1) for path, _ in self.members if path.is_file())


def members_of(fragment: Fragment, root: Path | None) -> list[tuple[Path, str]]:
    """The files of a fragment, with their names in the new folder."""
    if isinstance(fragment, FilesFragment):
        listed = [(fragment.place(name), name) for name in fragment.names]
        return [(path, name) for path, name in listed if path.is_file()]
    if isinstance(fragment, FolderFragment):
        listed = [(fragment.root / n, name) for n, name in names_in(fragment, root).items()]
        return [(path, name) for path, name in listed if path.is_file()]
    if isinstance(fragment, PairsFragment):
        listed = [(side.path, side.file) for side in fragment.sides]
    else:
        listed = [(fragment.path, fragment.file)]  # type: ignore[attr-defined] # as above
    if root is None:
        return listed
    return [(p, str(p.relative_to(root)) if root.is_dir() else p.name) for p, _ in listed]


def names_in(fragment: FolderFragment, root: Path | None) -> dict[str, str]:
    """The pictures of a split, by their path in its folder: their places in the new folder.

    Where each split has a folder of its own they are called as they are told.
    """
    names = fragment.names if root is not None else fragment.paths
    return dict(zip(fragment.names, names, strict=True))


def originals(one: File, places: Sequence[Path]) -> list[str]:
    """Copies of all members; their checksums."""
    return [
        folder.copied(path, place) for (path, _), place in zip(one.members, places, strict=True)
    ]


def class_of(fragment: Fragment) -> str | None:
    """The class that a file's name tells; its rows can only go to another of that class."""
    return fragment.constant if isinstance(fragment, LinesFragment) else None


def closed(one: File, aside: Path, digests: Sequence[str]) -> list[dict[str, Any]]:
    """The original beside the result where they differ, in its place where not; checksums."""
    out = []
    splits = sorted({f.split for f in one.fragments})
    rows = _rows(one)
    for (_, name), digest in zip(one.members, digests, strict=True):
        told: dict[str, Any] = {"file": name, "splits": splits}
        changed = one.changed if one.kept is None else name in one.kept.gone | one.kept.changed
        told |= {"sha256": digest, "original_sha256": digest, "changed": changed}
        if not changed:
            (aside / folder.ORIGINALS / name).replace(aside / name)
        elif one.kept is not None and name in one.kept.gone:
            told["sha256"] = None
        else:
            now = name if one.kept is None else one.kept.now.get(name, name)
            told["sha256"] = folder.sha256(aside / now)
            if now != name:
                told["now"] = now
        out.append(told | (rows if one.kept is None else {"rows": None}))
    return out


def _rows(one: File) -> dict[str, Any]:
    """What the manifest says of the rows of a file."""
    tally = one.tally
    return {
        "rows": None if not one.changed and not tally.read else tally.kept + one.received,
        "quarantined": tally.gone + tally.bad,
        "moved_away": tally.away,
        "received": one.received,
        "values": sum(n for by in tally.values.values() for n in by.values()),
    }
