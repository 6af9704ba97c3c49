"""From an address of a report to a file and line that a code host can open."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datacheck.findings import Finding

_ROW = re.compile(r"^(.*):(\d+)$", re.DOTALL)
LINES = (".csv", ".tsv", ".tab", ".psv", ".jsonl", ".ndjson", ".txt", ".data", ".dat", ".conll")


@dataclass(frozen=True, slots=True)
class Place:
    """A path relative to the working folder, with ``/``; ``line`` 0 where there is none."""

    path: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Where:
    """Finds the files behind addresses: looks at which names exist, and opens nothing.

    ``source`` is the folder or file that was audited, ``splits`` the path of each split that was
    named by itself. Without either (data in memory) nothing is found.
    """

    source: str = ""
    splits: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, source: object) -> Where:
        """For what :func:`datacheck.audit` was given."""
        if isinstance(source, str | Path):
            return cls(str(source))
        if isinstance(source, Mapping):
            paths = {str(k): str(v) for k, v in source.items() if isinstance(v, str | Path)}
            return cls("", paths)
        return cls()

    def place(self, address: str) -> Place | None:
        """The file of ``split/file:row``, with the row as its line if lines are what it counts."""
        found = _ROW.match(address)
        for name, row in ([(found[1], int(found[2]))] if found else []) + [(address, 0)]:
            path = self._path(name)
            if path is not None:
                return Place(_relative(path), row if path.suffix.lower() in LINES else 0)
        return None

    def places(self, finding: Finding, limit: int = 5) -> list[Place]:
        """Where a finding is: its examples, or else the files of its splits, or the dataset."""
        out: dict[Place, None] = {}
        for example in finding.examples:
            for address in example.addresses:
                place = self.place(address)
                if place is not None:
                    out.setdefault(place)
        if not out:
            files = _strings(finding.evidence.get("files"))
            for place in (*map(self.place, files), *map(self._split, finding.splits)):
                if place is not None:
                    out.setdefault(place)
        if not out and (self.source or self.splits):
            base = self.source or next(iter(self.splits.values()))
            out[Place(_relative(Path(base)))] = None
        return list(out)[:limit]

    def _path(self, name: str) -> Path | None:
        split, _, rest = name.partition("/")
        if split in self.splits:
            base = Path(self.splits[split])
            return base / rest if base.is_dir() else base
        if not self.source:
            return None
        base = Path(self.source)
        if base.is_file():
            return base
        for inside in (name, rest):  # a file of a split may lie in a folder of its name, or not
            if inside and (base / inside).exists():
                return base / inside
        return None

    def _split(self, split: str) -> Place | None:
        """The folder or file of a split."""
        if split in self.splits:
            return Place(_relative(Path(self.splits[split])))
        if self.source and (Path(self.source) / split).exists():
            return Place(_relative(Path(self.source) / split))
        return None


def _strings(value: object) -> Sequence[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list | tuple) else []


def _relative(path: Path) -> str:
    """Below the working folder relative to it, as code hosts want it; else as it was named."""
    try:
        return Path(os.path.relpath(path)).as_posix() if not path.is_absolute() else _inside(path)
    except ValueError:  # another drive
        return path.as_posix()


def _inside(path: Path) -> str:
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_posix()
