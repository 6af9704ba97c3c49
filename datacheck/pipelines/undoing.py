"""The way back: every original file out of a repaired folder, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datacheck.errors import SourceError
from datacheck.pipelines.repairing import folder

HINT = "the folder has been changed since `datacheck fix` wrote it"


def undo(repaired: str | Path, output: str | Path, /) -> list[str]:
    """Give back the files that a repaired folder was made from, in a new folder ``output``.

    Each is checked against the SHA-256 of the original. Returns their names. Raises SourceError
    where the folder was not written by `datacheck fix` or has been damaged since, UsageError
    where ``output`` is there already.
    """
    source = Path(repaired).expanduser()
    manifest = folder.read_manifest(source)
    target = folder.free(Path(output), away=source)
    files = manifest.get("files")
    if not isinstance(files, list) or not all(isinstance(f, dict) for f in files):
        raise SourceError(f"{source / folder.MANIFEST} lists no files", HINT)
    listed = [str(one.get("file", "")) for one in files]
    if len(set(listed)) < len(listed):
        raise SourceError(f"{source / folder.MANIFEST} lists a file twice", HINT)
    with folder.staged(target) as aside:
        for one in files:
            _restore(source, one, aside)
    return listed


def _restore(source: Path, one: dict[str, Any], aside: Path) -> None:
    name = str(one.get("file", ""))
    place = f"{folder.ORIGINALS}/{name}" if one.get("changed") else name
    path = folder.inside(source, place)
    folder.inside(aside, name)
    real = path.resolve()
    if real != source.resolve() / Path(place) or not real.is_file():
        raise SourceError(f"{place} is missing from {source}", HINT)
    if folder.copied(path, folder.placed(aside / name)) != one.get("original_sha256"):
        raise SourceError(f"{place} is not the original any more", HINT)
