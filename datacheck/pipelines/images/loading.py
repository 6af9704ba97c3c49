"""Splits of pictures as tables that loaders read: paths, labels, and the transform they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from datacheck.dataset import FILE_SHIFT, Dataset, Role
from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.collate import Y
from datacheck.pipelines.images.learning import learn
from datacheck.pipelines.images.table import PictureCollate, PictureTable
from datacheck.pipelines.repairing.pictures import columns
from datacheck.pipelines.repairing.view import View
from datacheck.pipelines.shared_transform import SharedTransform, sides
from datacheck.pipelines.storage.direct import Encoded, Missing, check
from datacheck.pipelines.storage.encoding import Encoder, Tally
from datacheck.sources.images.decoding import Item
from datacheck.sources.images.fragments import WithImages
from datacheck.types import Ints

HELD = 4 << 30  # bytes of pictures that lie in tables or archives, held in memory


@dataclass(slots=True)
class _Rows:
    """What a split holds, in order."""

    items: list[str | Item] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    addresses: list[Ints] = field(default_factory=list)
    frames: list[pl.DataFrame] = field(default_factory=list)
    lacking: int = 0


@dataclass(slots=True)
class Pictures:
    """Tables, collates and encoder as :class:`Encoded`, the transform, and what is to be told."""

    encoded: Encoded
    transform: SharedTransform
    said: list[str]


def has_pictures(data: Dataset) -> bool:
    """Whether a feature of the data is a picture."""
    return any(data.columns[c].role is Role.FEATURE for c in columns(data))


def encode_pictures(
    data: Dataset,
    *,
    train: str,
    image: Mapping[str, Any] | None,
    size: int | tuple[int, int] | None,
    shrink: bool,
    missing: Missing,
) -> Pictures:
    """The splits as tables of pictures that are decoded when they are asked for.

    ``image`` is a saved :class:`SharedTransform`; without one it is learned from the pictures of
    train, in one scan, which also finds those of train that cannot be read. ``size`` replaces
    that of the transform. Raises UsageError for labels as ``check`` does.
    """
    column, wanted = columns(data)[0], sides(size)
    said: list[str] = []
    rows = _rows(data, column)
    if not rows[train].items:
        raise UsageError(f"the split {train!r} has no pictures", f"splits: {names(rows)}")
    readable: Ints | None = None
    if image is not None:
        transform = SharedTransform.from_dict(image)
        if wanted is not None and wanted != transform.size:
            raise UsageError(
                f"size is {wanted}, and the pipeline's pictures are {transform.size}",
                "leave size out, or fit another pipeline",
            )
    else:
        learned = learn(View(data), column, size=wanted)
        said += learned.said
        if learned.transform is None:
            raise UsageError(said[-1], "datacheck audit tells why")
        transform, readable = learned.transform, learned.readable
    label = data.label
    encoder = Encoder(label=label.name if label else "", task=data.task, left_out=_left(data))
    if label is not None:
        encoder.fit(rows[train].frames)
    tallies = {name: Tally() for name in rows}
    tables: dict[str, Any] = {}
    collate: dict[str, Any] = {}
    for name, one in rows.items():
        if not one.items:
            continue
        addresses = np.concatenate(one.addresses)
        y = None
        if label is not None:
            frame = pl.concat(one.frames)
            y = encoder.encode(frame, addresses, tallies[name])[Y].to_numpy()
        tallies[name].rows = addresses.size
        keep = np.arange(addresses.size)
        if readable is not None and name == train:
            keep = np.flatnonzero(np.isin(addresses, readable))
            if lost := addresses.size - keep.size:
                said.append(f"{lost:,} pictures of {name} cannot be read, and are left out")
        if one.lacking:
            said.append(f"{one.lacking:,} rows of {name} have no picture, and are left out")
        items, told = [one.items[i] for i in keep], [one.told[i] for i in keep]
        tables[name] = PictureTable(
            items, None if y is None else y[keep], addresses[keep], told, transform, shrink=shrink
        )
        labeled = y is not None and tallies[name].unlabeled < addresses.size
        collate[name] = PictureCollate(transform, labeled=labeled)
    check(tallies, encoder, missing, train)
    return Pictures(Encoded(tables, collate, encoder, tallies), transform, said)


def _left(data: Dataset) -> tuple[str, ...]:
    features = [c for c in data.columns.values() if c.role is Role.FEATURE]
    return tuple(c.name for c in features if c.name != columns(data)[0])


def _rows(data: Dataset, column: str) -> dict[str, _Rows]:
    """All rows with a picture, by split; nothing is decoded."""
    out = {name: _Rows() for name in data.splits}
    ordinals = {name: i for i, name in enumerate(data.files)}
    others = [data.label.name] if data.label is not None else []
    others += [data.split_column] if data.split_column else []
    held = 0
    for fragment in View(data).fragments():
        one: Any = fragment
        while not (isinstance(one, WithImages) and one.column == column):
            one = one.inner
        base = np.int64(ordinals[fragment.file] << FILE_SHIFT)
        for batch in one.inner.read([column, *others], 65_536):
            items, told = one.pictures.items(batch.frame[column], batch.rows)
            held += sum(len(i) for i in items if isinstance(i, bytes))
            if held > HELD:
                raise UsageError(
                    "more than 4 GiB of pictures lie in tables or archives",
                    "unpack them into a folder for each class",
                )
            there = np.array([i is not None for i in items], dtype=np.bool_)
            splits = (
                np.full(batch.height, fragment.split)
                if fragment.split
                else batch.frame[data.split_column].cast(pl.String).fill_null("").to_numpy()
                if data.split_column
                else np.full(batch.height, next(iter(data.splits)))
            )
            for name, mine in out.items():
                here = splits == name
                mine.lacking += int((here & ~there).sum())
                at = np.flatnonzero(here & there).tolist()
                mine.items += [_plain(items[i]) for i in at]
                called = [told[i] or f"{fragment.file}:{int(batch.rows[i])}" for i in at]
                mine.told += called
                mine.addresses.append(base + batch.rows[at])
                if others:
                    mine.frames.append(batch.frame[at].select(others))
    return out


def _plain(item: Any) -> Any:
    """Paths as strings: a tenth of the memory, and of the time to start a worker."""
    return str(item) if isinstance(item, Path) else item
