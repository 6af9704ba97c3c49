"""Links in a folder of data: one that leads out of the folder is not read, unless a person says so.

A data set from elsewhere may hold a link to any file of this machine, whose text would come to
stand in a report, or in a repaired copy that is passed on.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

OUT = "is a link that leads out of the folder, and is not followed (--follow-links follows it)"


def leads_out(path: str | Path, root: str | Path) -> bool:
    """Whether a file below ``root`` is a link, or lies behind one, that leads out of it.

    A link that leads nowhere does not. The ``blobs`` beside the ``snapshots`` that ``root`` is one
    of belong to it: so the cache of the Hugging Face Hub is laid out.
    """
    home, blobs = _homes(os.path.abspath(root))  # noqa: PTH100 - what is remembered must not
    path = os.path.abspath(path)  # noqa: PTH100 - depend on the current folder
    folder = _real(os.path.dirname(path))  # noqa: PTH120 - one of a million
    if not _in(folder, home):
        return True
    if not os.path.islink(path):  # noqa: PTH114 - raises for no name, however long
        return False
    target = os.path.realpath(path)
    return os.path.lexists(target) and not (_in(target, home) or _in(target, blobs))


def folder_leads_on(path: str | Path, root: str | Path) -> bool:
    """Whether a link to a folder leads to one that is neither in ``root`` nor around it."""
    home, target = os.path.realpath(root), os.path.realpath(path)
    return not (_in(target, home) or _in(home, target))


def _in(path: str, folder: str) -> bool:
    return bool(folder) and (path == folder or path.startswith(folder.rstrip(os.sep) + os.sep))


@lru_cache(maxsize=4096)
def _real(folder: str) -> str:
    return os.path.realpath(folder)


@lru_cache(maxsize=64)
def _homes(root: str) -> tuple[str, str]:
    """The folder itself, and that of the blobs its files may be links to ('' for none)."""
    home = os.path.realpath(root)
    parts = Path(home).parts
    if "snapshots" not in parts[1:-1]:
        return home, ""
    at = len(parts) - 1 - parts[::-1].index("snapshots")
    return home, str(Path(*parts[:at]) / "blobs")
