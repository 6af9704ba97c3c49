"""Folders of pictures: ``split/class/*``, ``class/*``, ``split/*`` or just ``*``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from datacheck.dataset import Batch, Fragment, Kind, Role
from datacheck.findings import names
from datacheck.sources import streams
from datacheck.sources.images.fragments import Listed, WithImages
from datacheck.sources.images.measures import given
from datacheck.sources.images.pictures import is_picture
from datacheck.sources.layout import OF_REPAIR, Listing, form_of, natural, shown, split_of
from datacheck.sources.options import SourceOptions
from datacheck.sources.table import ALONE, Given, Opened, Readings, Table

IMAGE, LABEL = "image", "label"


@dataclass(frozen=True, slots=True)
class FolderFragment:
    """The pictures of one split: their paths as told and the classes that folders tell.

    ``names`` are the paths below ``root``, whatever bytes they hold.
    """

    split: str
    file: str
    root: Path
    paths: Sequence[str] = field(repr=False)
    labels: Sequence[str | None] = field(repr=False)
    names: Sequence[str] = field(default=(), repr=False)

    @property
    def path(self) -> Path:
        """The folder of the data set."""
        return self.root

    def fingerprint(self) -> tuple[str, int, int]:
        """(path, pictures, mtime of the folder in ns)."""
        path, _, changed = streams.fingerprint(self.root)
        return (f"{path}/{self.file}", len(self.paths), changed)

    def read(self, columns: Sequence[str], batch_rows: int) -> Iterator[Batch]:
        for at in range(0, len(self.paths), batch_rows):
            stop = min(at + batch_rows, len(self.paths))
            made = {
                IMAGE: pl.Series(IMAGE, self.paths[at:stop], dtype=pl.String),
                LABEL: pl.Series(LABEL, self.labels[at:stop], dtype=pl.String),
            }
            picked = [made[c] for c in columns]
            frame = pl.DataFrame(picked) if picked else pl.DataFrame(height=stop - at)
            yield Batch(frame, np.arange(at, stop, dtype=np.int64))


def open_folder(path: Path, listing: Listing, options: SourceOptions) -> Opened | None:
    """The data set, if most data files below ``path`` are pictures; None otherwise."""
    del options
    pictures = [f for f in listing.files if is_picture(f.name)]
    tables = [f for f in listing.files if form_of(f)[0]]
    if not pictures or len(tables) >= len(pictures):
        return None
    opened = Opened(path.resolve().name or str(path), said=list(listing.said))
    paths = [os.path.relpath(f, path) for f in pictures]
    placed, aside = _placed(paths)
    own = set(pictures)
    others = [f for f in listing.files if f not in own]
    aside += [
        os.path.relpath(f, path)
        for f in others
        if f.name not in OF_REPAIR or f.parent != path
    ]
    aside += listing.aside
    order = {"train": 0, "val": 1, "dev": 1, "test": 2}
    for split in sorted(placed, key=lambda s: (order.get(s, 3), natural(s))):
        opened.add(split or ALONE, _table(path, split, placed[split], listing.prefix))
    if aside:
        opened.said.append(f"passed over, no pictures of a split: {shown(names(aside, 5))}")
    return opened


def _table(
    root: Path, split: str, pictures: Sequence[tuple[str, str | None]], prefix: str
) -> Table:
    paths = [p for p, _ in pictures]
    labels = [one for _, one in pictures]
    tops = {p.partition(os.sep)[0] for p in paths}
    file = tops.pop() if split and len(tops) == 1 else split or root.resolve().name or ALONE
    file = prefix + shown(file)
    told = [prefix + shown(p) for p in paths]
    labeled = any(one is not None for one in labels)
    peek = pl.DataFrame(
        {
            IMAGE: pl.Series(told, dtype=pl.String),
            **({LABEL: pl.Series(labels, dtype=pl.String)} if labeled else {}),
        }
    )

    def fragments(name: str, readings: Readings) -> Sequence[Fragment]:
        inner = FolderFragment(name, file, root, told, labels, paths)
        return [WithImages(inner, IMAGE, Listed(root, paths, told))]

    table = Table(file, peek, fragments, given=given(IMAGE), row_names=told)
    if labeled:
        table.given = {
            **table.given,
            LABEL: Given(Kind.CATEGORY, Role.LABEL, "the name of the folder"),
        }
    if lost := labels.count(None) if labeled else 0:
        table.said.append(f"{lost:,} pictures lie in no folder of a class")
    return table


def _placed(paths: Sequence[str]) -> tuple[dict[str, list[tuple[str, str | None]]], list[str]]:
    """(path, class) by split, in natural order, and what belongs to no split."""
    parts = [tuple(p.split(os.sep)[:-1]) for p in paths]  # noqa: PTH206 - Path is slow for millions
    at = _level(parts)
    out: dict[str, list[tuple[str, str | None]]] = {}
    aside: list[str] = []
    common = _shared(parts) if at < 0 else at + 1
    before = {p[at - 1] for p in parts if len(p) == at + 1} if at > 0 else set()
    for path, folders in zip(paths, parts, strict=True):
        if at < 0:
            out.setdefault("", []).append(
                (path, folders[common] if len(folders) > common else None)
            )
            continue
        split = split_of(folders[at]) if len(folders) > at else ""
        if not split:
            aside.append(path)
            continue
        label = folders[common] if len(folders) > common else None
        if label is None and len(before) > 1:  # class/split/*
            label = folders[at - 1]
        out.setdefault(split, []).append((path, label))
    for split, some in out.items():
        keyed = sorted(some, key=lambda one: natural(one[0]))
        out[split] = [(p, shown(one) if one is not None else None) for p, one in keyed]
    return out, aside


def _shared(parts: Sequence[tuple[str, ...]]) -> int:
    """How many folders all paths have in common at their beginning."""
    first, last = min(parts), max(parts)
    return next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b),
        min(len(first), len(last)),
    )


def _level(parts: Sequence[Sequence[str]]) -> int:
    """At which depth folders name splits; −1 if at none.

    A folder called ``train`` among ``bus`` and ``car`` is a class: at least half of the folders at
    that depth must name splits.
    """
    for depth in range(max(map(len, parts), default=0)):
        seen = {p[depth] for p in parts if len(p) > depth}
        splits = {s for s in seen if split_of(s)}
        if splits and 2 * len(splits) >= len(seen):
            return depth
    return -1
