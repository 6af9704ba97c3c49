"""Where a report goes: standard output, in what encoding it has, or a file, all at once."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import tempfile
from pathlib import Path

from datacheck.errors import UsageError

# How reports of ours begin; nothing else is ever overwritten, so that no slip costs data.
_OURS = re.compile(
    rb"datacheck \xc2\xb7 |datacheck: |# Inferred by datacheck |"
    rb'\{\s*"version": \d+,\s*"dataset": \{|'
    rb"[A-Z]{2}\d{3} (error|warning|info): |(\d+ (error|warning|info)|no findings)|"
    rb'\{\s*"\$schema": "https://docs\.oasis-open\.org/sarif/|## datacheck \xc2\xb7 |'
    rb"<\?xml [^>]*>\s*<testsuites name=.datacheck |::(error|warning|notice) (file|title)=|"
    rb"<!DOCTYPE html>\s*<!-- datacheck report -->"
)
_ASCII = str.maketrans({"·": "-", "•": "*", "…": "...", "—": "-", "–": "-", "×": "x", "−": "-"})


def writable(path: Path) -> Path:
    """The path with links followed, if a report may be put there. Raises UsageError.

    Called before the audit, so that no one waits for a report that then has no place.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise UsageError(f"no folder {target.parent}", "make it first, or choose another place")
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        mode = None
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", "choose another place") from None
    if mode is not None and not stat.S_ISREG(mode):
        raise UsageError(f"{path} is not a regular file", "redirect standard output instead")
    if not os.access(target.parent, os.W_OK):
        raise UsageError(f"cannot write into {target.parent}", "choose another folder")
    if mode is not None and not _ours(target):
        raise UsageError(
            f"{path} exists and is no report of datacheck: it may be data",
            "choose another name, or remove it first",
        )
    return target


def _ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(256)
    except OSError:
        return False
    return not head or _OURS.match(head) is not None


def write_file(target: Path, text: str) -> None:
    """The whole text under that name, or, after a kill at any moment, what was there before."""
    mask = os.umask(0)
    os.umask(mask)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    except OSError as error:
        raise UsageError(
            f"cannot write {target}: {error.strerror}", "choose another place"
        ) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", "backslashreplace"))
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        if isinstance(error, OSError):
            raise UsageError(
                f"cannot write {target}: {error.strerror}", "choose another place"
            ) from None
        raise


def write_stdout(text: str, *, utf8: bool = False) -> None:
    """Print; ``utf8`` whatever the terminal's encoding is (JSON is UTF-8 by definition)."""
    encoding = "utf-8" if utf8 else (sys.stdout.encoding or "utf-8")
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text if utf8 else text.translate(_ASCII)
    data = text.encode(encoding, "backslashreplace")
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def wants_color() -> bool:
    """Whether standard output is a terminal that shows colors and nobody asked for none."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()


def width() -> int:
    """Cells of a line: what the terminal has, at most 120; 80 where there is no terminal."""
    import shutil

    return min(shutil.get_terminal_size((80, 24)).columns, 120)
