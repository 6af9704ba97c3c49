"""A second look at a few rows that a report shows, where someone wants to see them: HTML does.

Rows are read again from the files, by their addresses, within bounds; pictures become small ones
that are encoded anew, so that nothing of a file but its pixels can reach a report.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datacheck.dataset import FILE_SHIFT, Dataset, Kind, Role
from datacheck.errors import DatacheckError

if TYPE_CHECKING:
    from datacheck.config import Config

MOST_BYTES = 256 << 20  # of the files that are read again for a report
SIDE = 112  # the longer side of a small picture, in pixels
_FLAGS = (
    "label", "group", "time", "id", "split_column", "ignore_column", "task", "delimiter",
    "encoding", "text_layout", "tokenizer", "length_unit", "header", "follow_links",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Small:
    """A small picture: encoded bytes, their media type, and the size of the small picture."""

    data: bytes
    media: str
    width: int
    height: int


@dataclass(frozen=True)
class Peek:
    """What was audited, for a second look.

    ``path`` is the folder or file; ``splits`` the path of each split that was named by itself.
    Both are empty for data in memory. ``flags`` are the options that name roles and formats, as
    the command line takes them; ``config`` is the file with the settings, if there was one.
    """

    data: Dataset
    path: str = ""
    splits: Mapping[str, str] = field(default_factory=dict)
    flags: Sequence[str] = ()
    config: str = ""

    @classmethod
    def of(cls, data: Dataset, source: object, config: Config) -> Peek:
        """For what :func:`datacheck.audit` was given."""
        path, splits = "", {}
        named = source if isinstance(source, Mapping) else {}
        if isinstance(source, str | Path):
            path = str(source)
        elif named and all(isinstance(v, str | Path) for v in named.values()):
            splits = {str(k): str(v) for k, v in named.items()}
        flags: list[str] = []
        for name in _FLAGS:
            value = getattr(config, name)
            option = f"--{name.replace('_', '-')}"
            if isinstance(value, bool):
                flags += [option] if value else ["--no-header"] if name == "header" else []
            else:
                several = value if isinstance(value, tuple) else (value,)
                flags += [t for v in several if v for t in (option, str(v))]
        return cls(data, path, splits, tuple(flags), config.origin or "")

    def rows(
        self, addresses: Sequence[str], first: Sequence[str] = (), most: int = 20
    ) -> dict[str, dict[str, Any]]:
        """The values of those rows by address, without pictures, of at most ``most`` columns.

        The columns ``first``, label, group, time and features come first, in the order of their
        roles. Empty where the rows cannot be read
        again, or only at the cost of more than :data:`MOST_BYTES`.
        """
        kinds = (Kind.IMAGE, Kind.ARRAY)
        order = (Role.LABEL, Role.GROUP, Role.TIME, Role.FEATURE, Role.WEIGHT)
        all_columns = [
            c for c in self.data.columns.values() if c.role in order and c.kind not in kinds
        ]
        by_role = sorted(all_columns, key=lambda c: order.index(c.role))
        kept = sorted(by_role, key=lambda c: c.name not in first)[:most]
        columns = [c.name for c in by_role if c in kept]
        if not columns:
            return {}
        return {a: row for a, row in self._read(addresses, columns).items() if row}

    def pictures(self, addresses: Sequence[str]) -> dict[str, Small]:
        """Small pictures of those rows by address; the first column of pictures is shown."""
        column = next((c.name for c in self.data.columns.values() if c.kind is Kind.IMAGE), None)
        if column is None:
            return {}
        from datacheck.sources.images.fragments import WithImages

        wanted = self._places(addresses)
        out: dict[str, Small] = {}
        for split in self.data.splits.values():
            for fragment in split.fragments:
                mine = {r: a for (f, r), a in wanted.items() if f == fragment.file}
                if mine and isinstance(fragment, WithImages) and fragment.column == column:
                    try:
                        out.update(_small_ones(fragment, mine))
                    except (DatacheckError, OSError, ValueError):
                        continue  # what was there at the audit is gone: no picture of it
        return out

    def _read(self, addresses: Sequence[str], columns: Sequence[str]) -> dict[str, dict[str, Any]]:
        from datacheck.engines import local

        wanted = self._places(addresses)
        files = {file for file, _ in wanted}
        sizes = {
            (f.file, f.fingerprint()[0]): max(f.fingerprint()[1], 0)
            for s in self.data.splits.values()
            for f in s.fragments
            if f.file in files
        }
        if not wanted or sum(sizes.values()) > MOST_BYTES:
            return {}
        ordinals = {name: i for i, name in enumerate(self.data.files)}
        at = {(ordinals[f] << FILE_SHIFT) + r: a for (f, r), a in wanted.items()}
        try:
            frame = local.fetch(self.data, np.array(sorted(at), dtype=np.int64), columns)
        except (DatacheckError, OSError, ValueError):
            return {}  # what was there at the audit is gone
        found = frame.select(columns).to_dicts()
        return {at[a]: row for a, row in zip(frame["__address__"].to_list(), found, strict=True)}

    def _places(self, addresses: Sequence[str]) -> dict[tuple[str, int], str]:
        """(file, row) of each address that names a row: the way back from ``Dataset.locate``."""
        files = set(self.data.files)
        named = (
            {
                name: (file, row)
                for file, rows in self.data.row_names.items()
                for row, name in enumerate(rows)
                if name in addresses
            }
            if self.data.row_names
            else {}
        )
        out: dict[tuple[str, int], str] = {}
        for address in addresses:
            if address in named:
                out[named[address]] = address
                continue
            file, colon, row = address.rpartition(":")
            if not colon or not row.isascii() or not row.isdigit() or len(row) > 12:
                continue
            for name in (file, file.partition("/")[2]):
                if name in files:
                    out[(name, int(row))] = address
                    break
        return out


def _small_ones(fragment: Any, mine: Mapping[int, str]) -> dict[str, Small]:
    """One picture at a time: what is in memory is one picture, and small ones."""
    from datacheck.sources.images.decoding import Refused, Unreadable, quiet, upright

    out: dict[str, Small] = {}
    wanted = np.array(sorted(mine), dtype=np.int64)
    for batch in fragment.inner.read([fragment.column], 256):
        here = np.isin(batch.rows, wanted, assume_unique=True)
        if here.any():
            rows = batch.rows[here]
            cells = batch.frame[fragment.column].filter(here.tolist())
            items, _ = fragment.pictures.items(cells, rows)
            for row, item in zip(rows.tolist(), items, strict=True):
                if item is None or isinstance(item, Refused):
                    continue
                try:
                    with quiet():
                        out[mine[row]] = _small(upright(item, full=False, least=SIDE)[1])
                except (Unreadable, OSError, ValueError):
                    continue
        if batch.height and batch.rows[-1] >= wanted[-1]:
            break
    return out


def _small(image: Any) -> Small:
    """Encoded anew as PNG where that is small, else as JPEG; without any of its metadata."""
    from datacheck.sources.images.decoding import eight_bits
    from datacheck.sources.images.pictures import pillow

    image = eight_bits(image)
    image = image if image.mode in ("L", "RGB", "RGBA") else image.convert("RGB")
    scale = SIDE / max(image.size)
    if scale < 1:
        size = tuple(max(1, round(s * scale)) for s in image.size)
        image = image.resize(size, pillow().Resampling.LANCZOS)
    image = pillow().fromarray(np.asarray(image))  # pixels, and nothing else
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    media = "image/png"
    if buffer.tell() > 6000:
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, "JPEG", quality=72)
        media = "image/jpeg"
    return Small(buffer.getvalue(), media, image.width, image.height)
