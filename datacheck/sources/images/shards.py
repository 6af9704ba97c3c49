"""Tar shards, as WebDataset writes them: members of one stem are one example. Read as a stream,
never unpacked.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, Self

import numpy as np
import polars as pl

from datacheck.dataset import Batch, Fragment, Kind, Problem, Role
from datacheck.errors import SourceError
from datacheck.findings import names
from datacheck.sources import streams
from datacheck.sources.images.decoding import LARGEST
from datacheck.sources.images.fragments import WithImages, Within
from datacheck.sources.images.measures import given
from datacheck.sources.images.pictures import is_picture
from datacheck.sources.kinds import look
from datacheck.sources.layout import Listing, form_of, natural, place, shown
from datacheck.sources.options import SourceOptions
from datacheck.sources.table import ALONE, Given, Opened, Readings, Table, reserved, to_batch

ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.bz2", ".tar.xz")
IMAGE, KEY = "image", "__key__"
TEXTS = ("cls", "txt", "text", "caption", "label", "id")
LABELS = ("cls", "label")
PEEK = 500  # examples that columns are told from
HELD = 32 << 20  # bytes of pictures in one batch
SMALL = 1 << 20  # bytes of a member that is no picture
LONGEST = 1 << 14  # bytes of a header that tells more of a member: reading can cost their square
MORE = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
PICTURE = pl.Struct({"bytes": pl.Binary, "path": pl.String})
OUT = "names that lead out of it"
LINKS = "links and devices"
LARGE = "members too large to be read"


def is_shard(name: str) -> bool:
    """Whether a file is a tar archive by its name."""
    return name.lower().endswith(ENDINGS)


def open_shards(path: Path, listing: Listing, options: SourceOptions) -> Opened | None:
    """The data set of the tar archives below ``path``; None where they are not most of it."""
    del options
    shards = [f for f in listing.files if is_shard(f.name)]
    rest = [f for f in listing.files if is_picture(f.name) or form_of(f)[0]]
    if not shards or len(rest) >= len(shards):
        return None
    opened = Opened(path.resolve().name or str(path), said=list(listing.said))
    by: dict[str, list[Path]] = {}
    for file in sorted(shards, key=lambda f: natural(str(f))):
        by.setdefault(place(_bare(file.relative_to(path)))[0], []).append(file)
    if "" in by and len(by) > 1:
        aside = [str(f.relative_to(path)) for f in by.pop("")]
        opened.said.append(f"passed over, no split in the name: {names(aside)}")
    order = {"train": 0, "val": 1, "dev": 1, "test": 2}
    for split in sorted(by, key=lambda s: (order.get(s, 3), natural(s))):
        for file in by[split]:
            told = listing.prefix + shown(os.path.relpath(file, path))
            try:
                table = _table(file, told, first=not opened.tables.get(split or ALONE))
            except SourceError as error:
                opened.problems.append(Problem(split or ALONE, told, -1, error.message))
                continue
            opened.add(split or ALONE, table)
    aside = [str(f.relative_to(path)) for f in listing.files if not is_shard(f.name)]
    if aside := [*aside, *listing.aside]:
        opened.said.append(f"passed over, no shards: {names(aside, 5)}")
    return opened


def _bare(path: Path) -> Path:
    ending = next(e for e in sorted(ENDINGS, key=len)[::-1] if path.name.lower().endswith(e))
    return path.with_name(path.name[: -len(ending)])


def _table(path: Path, file: str, *, first: bool) -> Table:
    streams.readable(path)
    found = _Found()
    rows: list[dict[str, Any]] = []
    try:
        for row in _examples(path, found):
            rows.append({k: v for k, v in row.items() if k != IMAGE})
            if len(rows) >= (PEEK if first else 20):
                break
    except SourceError:  # the scan comes to it again, and tells it
        if not rows:
            raise
    if not rows:
        raise SourceError("holds no pictures")
    columns = list(dict.fromkeys(c for row in rows for c in row if c != KEY))
    other = reserved(columns)
    texts = {c: pl.Series([r.get(c) for r in rows], dtype=pl.String) for c in columns}
    peek = pl.DataFrame(
        {
            IMAGE: pl.Series(["picture"] * len(rows)),
            **{other.get(c, c): t for c, t in texts.items()},
        }
    )
    known = given(IMAGE)
    label = next((c for c in columns if c in LABELS), None)
    if label is not None:
        seen = look(texts[label].alias(label))
        kind = Kind.CATEGORY if seen is None else seen.kind
        known[label] = Given(kind, Role.LABEL, f"the .{label} members")

    def fragments(split: str, readings: Readings) -> Sequence[Fragment]:
        inner = TarFragment(split, file, path, tuple(columns), readings)
        return [WithImages(inner, IMAGE, Within(file))]

    return Table(file, peek, fragments, given=known)


@dataclass(frozen=True, slots=True)
class TarFragment:
    """The examples of one archive; ``names`` are the columns told from the first ones."""

    split: str
    file: str
    path: Path
    names: tuple[str, ...]
    readings: Readings

    def fingerprint(self) -> tuple[str, int, int]:
        """(path, size, mtime in ns)."""
        return streams.fingerprint(self.path)

    def read(self, columns: Sequence[str], batch_rows: int) -> Iterator[Batch]:
        found = _Found()
        other = reserved(self.names)
        held: list[dict[str, Any]] = []
        size = at = 0
        broken: SourceError | None = None
        try:
            for row in _examples(self.path, found):
                held.append(row)
                size += len(row[IMAGE]["bytes"])
                if len(held) >= batch_rows or size >= HELD:
                    yield self._batch(held, at, columns, other)
                    at, held, size = at + len(held), [], 0
        except SourceError as error:
            broken = error
        problems = [
            Problem(self.split, self.file, -1, f"holds {what}, which are passed over", warning=True)
            for what in sorted(found.passed)
        ]
        yield self._batch(held, at, columns, other, problems)
        if broken is not None:
            raise broken

    def _batch(
        self,
        held: Sequence[dict[str, Any]],
        at: int,
        columns: Sequence[str],
        other: dict[str, str],
        problems: Sequence[Problem] = (),
    ) -> Batch:
        raw = {
            other.get(c, c): pl.Series([r.get(c) for r in held], dtype=pl.String)
            for c in self.names
            if other.get(c, c) in columns
        }
        if IMAGE in columns:
            raw[IMAGE] = pl.Series([r[IMAGE] for r in held], dtype=PICTURE)
        rows = np.arange(at, at + len(held), dtype=np.int64)
        return to_batch(pl.DataFrame(raw), rows, columns, self.readings, problems)


@dataclass(slots=True)
class _Found:
    """What was met in an archive besides examples."""

    passed: set[str] = field(default_factory=set)


def _examples(path: Path, found: _Found) -> Iterator[dict[str, Any]]:
    """Each example with its picture and texts. Raises SourceError where the archive breaks off."""
    row: dict[str, Any] = {}
    for name, data in _members(path, found):
        folder, base = os.path.split(name)
        stem, _, ending = base.partition(".")
        key, ending = f"{folder}/{stem}", ending.lower()
        if row.get(KEY) != key:
            if IMAGE in row:
                yield row
            row = {KEY: key}
        if is_picture(name):
            if IMAGE in row:
                found.passed.add(f"a second picture of an example ('{ending}')")
            else:
                row[IMAGE] = {"bytes": data, "path": shown(name)}
        elif ending == "json":
            row.update(_fields(data))
        elif ending in TEXTS:
            row[ending] = data.decode("utf-8", "replace").strip()
        else:
            found.passed.add(f"members of another kind ('{shown(ending)[:20]}')")
    if IMAGE in row:
        yield row


def _fields(data: bytes) -> dict[str, str]:
    """The plain fields of a JSON object, as text."""
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(told, dict):
        return {}
    return {
        # half of a surrogate pair, which JSON can tell, is no text
        k.encode("utf-8", "replace").decode(): v.encode("utf-8", "replace").decode()
        if isinstance(v, str)
        else json.dumps(v)
        for k, v in told.items()
        if isinstance(v, str | int | float | bool) and k not in (IMAGE, KEY)
    }


def _members(path: Path, found: _Found) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each plain member, in order; nothing is written anywhere."""
    try:
        with streams.opened(path) as stream, _archive(stream, path) as archive:
            for member in archive:
                archive.members = []  # type: ignore[attr-defined] # or it remembers all of them
                if not member.isfile():
                    if not member.isdir():
                        found.passed.add(LINKS)
                    continue
                if member.name.startswith("/") or ".." in member.name.split("/"):
                    found.passed.add(OUT)
                    continue
                if os.path.split(member.name)[1].startswith("."):
                    continue
                if member.size > (LARGEST if is_picture(member.name) else SMALL):
                    found.passed.add(LARGE)
                    continue
                opened = archive.extractfile(member)
                data = b"" if opened is None else opened.read()
                if len(data) < member.size:
                    raise SourceError("is cut short")
                yield member.name, data
    except SourceError:
        raise
    except Exception as error:  # whatever tarfile makes of hostile bytes
        said = " ".join(str(error).split())[:80]
        raise SourceError(f"is broken or no tar archive: {said or type(error).__name__}") from None


class _Header(tarfile.TarInfo):
    """A header of bounded length: tarfile would hold all that it promises."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        header = super().frombuf(buf, encoding, errors)
        if header.type in MORE and not 0 <= header.size <= LONGEST:
            raise tarfile.ReadError("a header that is too long")
        if header.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError("a file with holes")
        return header


def _archive(stream: BinaryIO, path: Path) -> tarfile.TarFile:
    packed = path.name.lower().endswith((".bz2", ".xz"))
    mode: Literal["r|*", "r|"] = "r|*" if packed else "r|"
    return tarfile.open(fileobj=stream, mode=mode, errorlevel=1, tarinfo=_Header)
