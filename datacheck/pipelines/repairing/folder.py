"""A folder that is there whole or not at all, with checksums of what it was made from."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl

from datacheck.errors import DatacheckError, SourceError, UsageError

FORMAT = "datacheck-fix"
VERSION = 1
MANIFEST = "manifest.json"
QUARANTINE = "quarantine"
ORIGINALS = "originals"
_CHUNK = 1 << 20
LONGEST = 4096  # characters of a path


def free(output: Path, *, away: Any = None) -> Path:
    """The place for a new folder, outside the folders that ``away`` names.

    Raises UsageError where something is there, no parent is, or it would become part of its source.
    """
    target = output.expanduser().absolute()
    if os.path.lexists(target):
        raise UsageError(f"{output} is there already", "nothing is overwritten: name a new folder")
    if not target.parent.is_dir():
        raise UsageError(f"no folder {target.parent}", "make it first, or choose another place")
    if not os.access(target.parent, os.W_OK):
        raise UsageError(f"cannot write into {target.parent}", "choose another place")
    for one in away.values() if isinstance(away, Mapping) else (away,):
        if not isinstance(one, str | Path):
            continue
        source = Path(one).expanduser().resolve()
        if source.is_dir() and target.parent.resolve().is_relative_to(source):
            raise UsageError(
                f"{output} lies inside {one}, which is only read",
                f"choose a place beside it, such as {source.parent / target.name}",
            )
    return target


def clear_of(source: Any, files: Iterable[str]) -> None:
    """Raises UsageError where data lies in a folder whose name the result keeps for itself."""
    root = Path(source).expanduser() if isinstance(source, str | Path) else None
    kept = {ORIGINALS, QUARANTINE}
    if root is not None and root.is_dir():
        for file in files:
            first = Path(file).parts[0]
            if first in kept and (root / file).exists():
                raise UsageError(
                    f"{root / file} lies in {first}/, which the result keeps for itself",
                    f"rename that folder, or name it: datacheck fix {root / first}",
                )


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A hidden folder beside ``target`` that takes its name at the end, and only then.

    After an error or an interrupt it is removed; what a kill left is removed by the next run.
    Raises DatacheckError where the disk is full.
    """
    _sweep(target)
    aside = target.parent / f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}"
    try:  # an interrupt may come right after the folder is made
        aside.mkdir()
        yield aside
        try:
            aside.rename(target)
        except OSError:
            raise UsageError(f"{target} is there now", "another run was quicker") from None
    except (OSError, pl.exceptions.PolarsError) as error:
        _remove(aside)
        if full(error):
            raise DatacheckError(
                f"no space left for {target}", "free some, or choose another disk; nothing is left"
            ) from None
        if isinstance(error, OSError):
            about = f": {error.filename}" if error.filename else ""
            raise DatacheckError(
                f"{target} was not made: {error.strerror or error}{about}",
                "check the path and who may read and write there; nothing is left",
            ) from None
        raise
    except BaseException:
        _remove(aside)
        raise


def _remove(folder: Path) -> None:
    """Remove a folder that a thread may still be writing to, if an interrupt came as it began."""
    for _ in range(100):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):  # which also takes names that are too long
            return
        time.sleep(0.02)


def full(error: BaseException) -> bool:
    """Whether an error says that the disk, or the user's share of it, is full."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    said = str(error).lower()
    return any(w in said for w in ("no space left", "quota exceeded", "file too large"))


def _sweep(target: Path) -> None:
    """Remove what killed runs left behind."""
    ours = re.compile(re.escape(f".{target.name}.") + r"(\d+)-[0-9a-f]{8}")
    for one in target.parent.iterdir():
        named = ours.fullmatch(one.name)
        if named and one.is_dir() and not one.is_symlink() and not _alive(int(named[1])):
            shutil.rmtree(one, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


# -- files -------------------------------------------------------------------------------------


def copied(source: Path, target: Path) -> str:
    """Copy a file byte for byte; its SHA-256 in hex. The copy shares blocks where it can.

    The target's folder has to be there: after an interrupt none is to be made again.
    """
    if _cloned(source, target):
        return sha256(target)
    digest = hashlib.sha256()
    with source.open("rb") as old, target.open("wb") as new:
        while chunk := old.read(_CHUNK):
            digest.update(chunk)
            new.write(chunk)
    return digest.hexdigest()


def _cloned(source: Path, target: Path) -> bool:
    """A copy on write, on file systems that know them (Linux: btrfs, XFS, …)."""
    try:
        import fcntl
    except ImportError:
        return False
    with source.open("rb") as old, target.open("wb") as new, suppress(OSError):
        fcntl.ioctl(new.fileno(), 0x40049409, old.fileno())  # FICLONE
        return True
    return False


def placed(path: Path) -> Path:
    """The path, once its folder is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# -- the manifest ------------------------------------------------------------------------------


def write_manifest(folder: Path, told: Mapping[str, Any]) -> None:
    """Write ``manifest.json``."""
    text = json.dumps({"format": FORMAT, "version": VERSION, **told}, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder that `datacheck fix` wrote. Raises SourceError for any other."""
    path = folder / MANIFEST
    hint = "name a folder that `datacheck fix` wrote"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}", hint) from None
    except (ValueError, RecursionError):
        raise SourceError(f"{path} is no JSON", hint) from None
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise SourceError(f"{path} is no manifest of datacheck", hint)
    if told.get("version") != VERSION:
        raise SourceError(
            f"{path} has version {told.get('version')!r}", f"this datacheck reads {VERSION}"
        )
    return told


def inside(folder: Path, name: str) -> Path:
    """A path below a folder. Raises SourceError for one that leads out of it."""
    path = folder / name
    parts = Path(name).parts
    if len(name) > LONGEST or any(len(os.fsencode(p)) > 255 for p in parts):
        raise SourceError(f"{name[:40]!r}… is no file's name", "the manifest has been changed")
    if not name or Path(name).is_absolute() or ".." in parts:
        raise SourceError(f"{name!r} leads out of {folder}", "the manifest has been changed")
    return path
