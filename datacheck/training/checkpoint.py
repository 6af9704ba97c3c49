"""The state of a run in one file: written whole or not at all, loaded without running anything."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from datacheck.errors import UsageError

LAST, BEST = "last.pt", "best.pt"
VERSION = 1
PARTIAL = ".partial"  # the end of the name of a file that is being written


def save(state: Mapping[str, Any], path: str | Path) -> None:
    """Write ``state`` to ``path``: after a kill at any moment the old file is there, or the new.

    The file is written aside, brought to the disk and renamed. What an earlier process was
    killed over is removed. ``state`` holds tensors, numbers, strings, lists and mappings only.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{path.name}.*{PARTIAL}"):
        if not _alive(left):
            left.unlink(missing_ok=True)
    aside = path.parent / f".{path.name}.{os.getpid()}{PARTIAL}"
    try:
        with aside.open("wb") as file:
            torch.save({"version": VERSION, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def load(path: str | Path) -> dict[str, Any]:
    """What :func:`save` wrote, on the CPU; of a folder its last. Raises UsageError.

    With ``torch.load(weights_only=True)``: a file from elsewhere cannot run code.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        path = path / LAST
    if not path.is_file():
        found = ", ".join(sorted(p.name for p in path.parent.glob("*.pt"))[:5])
        raise UsageError(f"no checkpoint {path}", f"there are: {found or 'none in that folder'}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged or hostile file leads to
        raise UsageError(
            f"{path} is no checkpoint of a trainer ({type(error).__name__})",
            f"give a folder with {LAST} and {BEST}, or one of them",
        ) from error
    if not isinstance(state, dict) or state.get("version") != VERSION:
        raise UsageError(
            f"{path} is no checkpoint of this trainer",
            f"a file of version {VERSION}, written by datacheck.training.checkpoint.save",
        )
    return state


def exists(folder: str | Path) -> bool:
    """Whether there is something to resume from."""
    return (Path(folder).expanduser() / LAST).is_file()


def _alive(left: Path) -> bool:
    """Whether another process that still runs is writing that file."""
    pid = left.name.removesuffix(PARTIAL).rpartition(".")[2]
    if not pid.isdigit() or int(pid) == os.getpid():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not everywhere can a folder be opened
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
