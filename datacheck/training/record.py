"""A run is written down as it goes: JSON Lines that a kill at any moment leaves readable.

Only whole lines are handed to the operating system, each chunk in one call and after the others,
so that ``kill -9`` loses what was not yet handed over, and at worst cuts the last line, which
:class:`~datacheck.training.run.Run` drops. The first line is
``{"version": 1, "kind": "start", …}``; then comes one line a step, evaluation or resumption.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import stat
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from datacheck.errors import UsageError

VERSION = 1
LISTS = ("rows", "row_loss")  # what a step has for each row of its batch
MAY_DIFFER = ("lr",)  # in what describes a run, when it is resumed: a schedule moved it
KEPT = 20_000  # entries that wait in memory while the disk takes none

Entry = dict[str, Any]


class RecordWarning(UserWarning):
    """The record could not be written; training goes on."""


class Record:
    """The lines of a run, appended to the file at ``path``; kept in memory where that is None.

    ``meta`` (plain JSON values) says what run it is and becomes the first line. A file that is
    there already is only ever appended to, with ``resume``, and if it is of the same run: with
    the same ``meta``, the learning rate aside. While a record is open no other process can open
    it for writing (where the platform has file locks).

    Raises UsageError for a file that exists, is of another run or in use, or cannot be made.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        meta: Mapping[str, Any] | None = None,
        *,
        resume: bool = False,
    ) -> None:
        self.path = None if path is None else Path(path)
        self.lines: list[bytes] = []  # in memory only where there is no file
        self.resumed = False  # whether the file held lines of this run already
        self.lost = 0  # entries that were given up because the disk took none for too long
        self._waiting: list[Entry] = []
        self._told = False
        self._size = 0
        self._file: int | None = None
        self._process = os.getpid()
        head = _start_line(meta or {})
        if self.path is None:
            self.lines.append(head)
            return
        self._file = _open(self.path, resume)
        try:
            self._begin(self.path, head, resume)
        except BaseException:
            os.close(self._file)
            raise

    def add(self, entry: Entry) -> None:
        """Put down an entry; it is written by the next :meth:`flush`.

        ``entry`` holds plain values; ``rows`` and ``row_loss`` may be arrays of shape (batch,).
        A number that is not finite is written as null, with its name in ``<key>_is``; among
        ``row_loss`` (kept as float32) null alone stands for it. The record keeps the entry: change
        it no more.
        """
        self._waiting.append(entry)

    def flush(self) -> None:
        """Hand all entries to the operating system.

        A disk that takes none is told once as RecordWarning and tried again at the next flush:
        training is worth more than its record.
        """
        if not self._waiting or os.getpid() != self._process:  # a forked worker has only a copy
            return
        try:
            self._write(b"".join(encode(self._waiting)))
        except OSError as error:
            spare = max(len(self._waiting) - KEPT, 0)
            del self._waiting[:spare]
            self.lost += spare
            if not self._told:
                self._told = True
                warnings.warn(
                    f"{self.path} cannot be written: {error.strerror}; entries wait in memory",
                    RecordWarning,
                    stacklevel=2,
                )
            return
        self._waiting.clear()

    def close(self, end: Entry | None = None) -> None:
        """Write what is left, and ``end`` as the last line; closing twice is nothing.

        Raises UsageError where entries are left that the disk did not take.
        """
        if self.path is not None and self._file is None:
            return
        if end is not None:
            self.add(end)
        try:
            self.flush()
        finally:
            if self._file is not None and os.getpid() == self._process:
                file, self._file = self._file, None
                with contextlib.suppress(OSError):  # not every file system can
                    os.fsync(file)
                os.close(file)
        if self._waiting or self.lost:
            raise UsageError(
                f"{self.lost + len(self._waiting):,} entries could not be written to {self.path}",
                "make room on the disk; what was written before is whole",
            )

    def _begin(self, path: Path, head: bytes, resume: bool) -> None:
        """Write the first line, or check that it is there."""
        assert self._file is not None
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            raise UsageError(f"{path} is not a file", "name one for the record")
        there = path.read_bytes()
        cut = resume and b"\n" not in there and head.startswith(there)
        if not there or cut:  # a kill in the middle of the first line
            os.ftruncate(self._file, 0)
            self._write(head)
            return
        first = there.partition(b"\n")[0]
        if not resume:
            known = "a record" if _meta_of(first) is not None else "no record"
            raise UsageError(
                f"{path} exists; it is {known} of a run and is not overwritten",
                "choose another path, or go on with that run (resume=True)",
            )
        _same_run(path, first, head)
        self._size = there.rfind(b"\n") + 1  # a last line that a kill cut goes
        os.ftruncate(self._file, self._size)
        self.resumed = True

    def _write(self, data: bytes) -> None:
        if self._file is None:
            if self.path is not None:
                raise UsageError(f"the record {self.path} is closed", "open another one")
            self.lines += data.splitlines(keepends=True)
            return
        if os.fstat(self._file).st_size != self._size:
            os.ftruncate(self._file, self._size)  # part of a chunk whose writing failed
        left = memoryview(data)
        while left:
            left = left[os.write(self._file, left) :]
        self._size += len(data)


def encode(entries: Sequence[Entry]) -> list[bytes]:
    """One line of JSON for each entry, with its newline."""
    lines = []
    for entry in entries:
        plain: dict[str, Any] = {}
        for key, value in entry.items():
            if isinstance(value, float) and not math.isfinite(value):
                plain[key] = None
                plain[f"{key}_is"] = str(value)
            elif isinstance(value, dict):
                plain[key] = {k: v if math.isfinite(v) else None for k, v in value.items()}
            elif key not in LISTS and value is not None:
                plain[key] = value
        text = json.dumps(plain, allow_nan=False, separators=(",", ":"))
        more = [_listed(key, entry[key]) for key in LISTS if entry.get(key) is not None]
        lines.append(",".join([text[:-1], *more]).encode() + b"}\n")
    return lines


def _listed(key: str, values: Any) -> str:
    """``"key":[…]``. In plain Python: waking the threads of a data frame costs a step more."""
    if key == "rows":
        numbers = str(np.asarray(values, dtype=np.int64).tolist()).replace(" ", "")
        return f'"rows":{numbers}'
    losses = np.asarray(values, dtype=np.float32)
    # Nine digits tell any float32 from its neighbors.
    texts = ",".join(["%.9g"] * losses.size) % tuple(losses.tolist())
    if not np.isfinite(losses).all():
        texts = ",".join(t if t.lstrip("-")[0].isdigit() else "null" for t in texts.split(","))
    return f'"row_loss":[{texts}]'


def _start_line(meta: Mapping[str, Any]) -> bytes:
    taken = {"version", "kind"} & set(meta)
    if taken:
        raise UsageError(f"meta holds {min(taken)!r}", "the record's own; choose another key")
    try:
        text = json.dumps({"version": VERSION, "kind": "start", **meta}, allow_nan=False)
        json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"meta cannot be written as JSON: {error}", "plain values only") from None
    return text.encode() + b"\n"


def _open(path: Path, resume: bool) -> int:
    """The file, made if it is not there, locked."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be opened for writing: {error.strerror}",
            "name a file in a folder that exists",
        ) from None
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise UsageError(
            f"{path} is being written by another monitor", "one record for each run"
        ) from None
    except (ImportError, OSError):
        pass  # Windows and some network file systems have no such locks
    return file


def _meta_of(first: bytes) -> dict[str, Any] | None:
    """What the first line says; None where it is not that of a record."""
    try:
        found = json.loads(first)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.pop("kind", None) != "start":
        return None
    return found


def _same_run(path: Path, first: bytes, head: bytes) -> None:
    """Raises UsageError unless the file's first line and ours describe one run."""
    was, now = _meta_of(first), _meta_of(head)
    assert now is not None
    if was is None:
        raise UsageError(f"{path} is not a record of a run", "choose another path")
    other = [k for k in _all_keys(was, now) if k not in MAY_DIFFER and was.get(k) != now.get(k)]
    if other:
        told = ", ".join(f"{k} was {was.get(k)!r} and is {now.get(k)!r}" for k in other[:3])
        raise UsageError(f"{path} is the record of another run: {told}", "choose another path")


def _all_keys(*of: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(k for keys in of for k in keys))
