"""The results of a study as they come: one JSON object a line, complete after a kill at any moment.

The first line says which study this is. A line that was cut off is taken back when the file is
opened again; a run whose line is not there is done again.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datacheck.errors import SourceError, UsageError

VERSION = 1
Key = tuple[str, int]  # arm and seed


class Ledger:
    """Results by (arm, seed), and the head that tells the study apart from others.

    ``head`` is plain data. Raises UsageError where the file is of another study, SourceError where
    it cannot be read.
    """

    def __init__(self, path: Path, head: Mapping[str, Any]) -> None:
        self.path = path
        self.results: dict[Key, dict[str, Any]] = {}
        self.spent: dict[Key, dict[str, float]] = {}
        told = read_head(path)
        if told is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_line({"kind": "study", "version": VERSION, **head}))
        elif told != plain(head):
            differing = sorted(k for k in {*told, *head} if told.get(k) != plain(head).get(k))
            raise UsageError(
                f"{path.parent} holds a study of something else: {', '.join(differing)} differ",
                "choose another folder with -o, or remove that one to begin anew",
            )
        self._load()

    def _load(self) -> None:
        whole = self.path.read_bytes()
        end = whole.rfind(b"\n") + 1
        if end < len(whole):
            with self.path.open("r+b") as file:
                file.truncate(end)
        for line in whole[:end].splitlines()[1:]:
            try:
                found = json.loads(line)
                key = (str(found["arm"]), int(found["seed"]))
                self.results[key], self.spent[key] = found["result"], found["spent"]
            except (ValueError, KeyError, TypeError):
                raise SourceError(
                    f"{self.path} is damaged", "remove the folder to begin anew"
                ) from None

    def add(self, key: Key, result: Mapping[str, Any], spent: Mapping[str, float]) -> None:
        """Write the result of a run; it is on the disk when this returns."""
        arm, seed = key
        told = {"kind": "run", "arm": arm, "seed": seed, "result": result, "spent": spent}
        line = _line(told)
        with self.path.open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self.results[key], self.spent[key] = json.loads(line)["result"], dict(spent)


def read_head(path: Path) -> dict[str, Any] | None:
    """What the first line says, or None where there is no whole first line. Raises SourceError."""
    try:
        with path.open("rb") as file:
            first = file.readline(1 << 22)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}", "choose another -o") from None
    if not first.endswith(b"\n"):
        return None
    try:
        found = json.loads(first)
        kind, version = found.pop("kind"), found.pop("version")
    except (ValueError, AttributeError, KeyError, TypeError):
        kind, version, found = "", 0, {}
    if kind != "study" or version != VERSION:
        raise SourceError(
            f"{path} is no record of a study of version {VERSION}", "choose another folder with -o"
        )
    return dict(found)


def plain(value: Any) -> Any:
    """As JSON gives it back: lists for tuples, None for what is not finite."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _line(value: Mapping[str, Any]) -> bytes:
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace") + b"\n"
