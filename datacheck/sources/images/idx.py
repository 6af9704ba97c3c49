"""Idx files, as MNIST comes: one file of pictures, one of labels, plain or gzipped."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from datacheck.dataset import Batch, Fragment, Kind, Problem, Role
from datacheck.errors import SourceError
from datacheck.findings import names
from datacheck.sources import streams
from datacheck.sources.images.fragments import Raw, WithImages
from datacheck.sources.images.measures import given
from datacheck.sources.images.pictures import MAX_PIXELS
from datacheck.sources.layout import Listing, natural, shown, split_of
from datacheck.sources.options import SourceOptions
from datacheck.sources.table import ALONE, Given, Opened, Readings, Table, to_batch

NAME = re.compile(r"^(.*?)(images?|labels?)([-._]idx\d[-._]ubyte(?:\.gz|\.zst)?)$", re.IGNORECASE)
IMAGE, LABEL = "image", "label"
UBYTE = 0x08
PEEK = 10_000


def is_idx(name: str) -> bool:
    """Whether a file is an idx file by its name."""
    return NAME.match(name) is not None


def open_idx(path: Path, listing: Listing, options: SourceOptions) -> Opened | None:
    """The data set of the idx files below ``path``; None if there are no pictures of that kind."""
    del options
    matches = {f: m for f in listing.files if (m := NAME.match(f.name))}
    pictures = [f for f, m in matches.items() if m[2].lower().startswith("image")]
    if not pictures:
        return None
    opened = Opened(path.resolve().name or str(path), said=list(listing.said))
    stories = {(f.parent, _split(matches[f][1])[1]) for f in pictures}
    if len(stories) > 1:
        listed = names([os.path.relpath(f, path) for f in pictures])
        raise SourceError(
            f"{path} holds more than one dataset: {listed}", "name a folder with one of them"
        )
    used: set[Path] = set()
    for file in sorted(pictures, key=lambda f: natural(f.name)):
        split = _split(matches[file][1])[0] or ALONE
        told = listing.prefix + shown(os.path.relpath(file, path))
        labels = _labels(file, matches)
        used |= {file, *([labels] if labels else [])}
        try:
            table = _table(file, labels, told)
        except SourceError as error:
            opened.problems.append(Problem(split, told, -1, error.message))
            continue
        opened.add(split, table)
    order = {"train": 0, "val": 1, "dev": 1, "test": 2}
    opened.tables = dict(sorted(opened.tables.items(), key=lambda kv: order.get(kv[0], 3)))
    aside = [os.path.relpath(f, path) for f in listing.files if f not in used] + listing.aside
    if aside:
        opened.said.append(f"passed over, no pictures of a split: {names(aside, 5)}")
    return opened


def _split(stem: str) -> tuple[str, str]:
    """(split, the rest) of what stands before ``images``: ``t10k`` is MNIST's word for test."""
    words = re.split(r"[-._]", stem.strip("-._"))
    for i, word in enumerate(words):
        split = "test" if word.lower() == "t10k" else split_of(word)
        if split:
            return split, "-".join(words[:i] + words[i + 1 :])
    return "", "-".join(words)


def _labels(file: Path, matches: dict[Path, re.Match[str]]) -> Path | None:
    """The file of labels that belongs to one of pictures."""
    for other, match in matches.items():
        same = other.parent == file.parent and match[1] == matches[file][1]
        if same and match[2].lower().startswith("label"):
            return other
    return None


def _table(path: Path, labels: Path | None, file: str) -> Table:
    streams.readable(path)
    with streams.opened(path) as stream:
        shape = _shape(stream)
    if not 3 <= len(shape) <= 4 or (len(shape) == 4 and shape[3] not in (3, 4)):
        raise SourceError(f"holds no pictures, but an array of {len(shape)} dimensions")
    known = given(IMAGE)
    peek: dict[str, pl.Series] = {}
    said: list[str] = []
    problems: list[tuple[int, str, bool]] = []
    rows = shape[0]
    if labels is not None:
        streams.readable(labels)
        with streams.opened(labels) as stream:
            told = _shape(stream)
            some = streams.read(stream, min(PEEK, rows))
        if len(told) != 1:
            raise SourceError(f"has labels of {len(told)} dimensions in {shown(labels.name)}")
        if told[0] != rows:
            reason = f"holds {rows:,} pictures, and {shown(labels.name)} {told[0]:,} labels"
            problems.append((-1, reason, True))
        peek[LABEL] = pl.Series(np.frombuffer(some, dtype=np.uint8))
        known[LABEL] = Given(Kind.NUMBER, Role.LABEL, "the idx file of labels")
    height = len(peek[LABEL]) if peek else min(PEEK, rows)
    frame = pl.DataFrame({IMAGE: pl.Series(["picture"] * height, dtype=pl.String), **peek})

    def fragments(split: str, readings: Readings) -> Sequence[Fragment]:
        inner = IdxFragment(split, file, path, labels, shape, readings)
        return [WithImages(inner, IMAGE, Raw(shape[1:]))]

    return Table(file, frame, fragments, problems, said, known)


def _shape(stream: BinaryIO) -> tuple[int, ...]:
    """The dimensions that a header tells. Raises SourceError for what is no idx file of bytes."""
    head = streams.read(stream, 4)
    if len(head) < 4 or head[:2] != b"\0\0" or not 1 <= head[3] <= 4:
        raise SourceError("is no idx file, which its name says")
    if head[2] != UBYTE:
        raise SourceError("is an idx file of other values than bytes")
    sizes = streams.read(stream, 4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise SourceError("is cut short")
    shape = tuple(int(n) for n in np.frombuffer(sizes, dtype=">u4"))
    if math.prod(shape[1:]) > MAX_PIXELS or (len(shape) > 1 and 0 in shape[1:]):
        raise SourceError(f"tells pictures of {' × '.join(map(str, shape[1:]))} pixels")
    return shape


@dataclass(frozen=True, slots=True)
class IdxFragment:
    """The pictures of one file with their labels; ``shape`` is (pictures, height, width[, 3])."""

    split: str
    file: str
    path: Path
    labels: Path | None
    shape: tuple[int, ...]
    readings: Readings

    def fingerprint(self) -> tuple[str, int, int]:
        """(path, size, mtime in ns) of the pictures."""
        return streams.fingerprint(self.path)

    def read(self, columns: Sequence[str], batch_rows: int) -> Iterator[Batch]:
        size = math.prod(self.shape[1:])
        step = max(1, min(batch_rows, (64 << 20) // size))
        with ExitStack() as stack:
            pictures = stack.enter_context(streams.opened(self.path))
            _shape(pictures)
            labels = None
            if self.labels is not None and LABEL in columns:
                labels = stack.enter_context(streams.opened(self.labels))
                _shape(labels)
            for at in range(0, self.shape[0], step):
                n = min(step, self.shape[0] - at)
                data = streams.read(pictures, n * size)
                n, short = len(data) // size, len(data) < n * size
                raw: dict[str, pl.Series] = {}
                if IMAGE in columns:
                    cells = [data[i * size : (i + 1) * size] for i in range(n)]
                    raw[IMAGE] = pl.Series(cells, dtype=pl.Binary)
                if labels is not None:
                    some = np.frombuffer(streams.read(labels, n), dtype=np.uint8)
                    raw[LABEL] = pl.Series(some).extend_constant(None, n - some.size)
                rows = np.arange(at, at + n, dtype=np.int64)
                yield to_batch(pl.DataFrame(raw), rows, columns, self.readings)
                if short:
                    raise SourceError(f"ends after {at + n:,} of {self.shape[0]:,} pictures")
