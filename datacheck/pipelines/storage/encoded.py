"""A dataset's splits, encoded once, as tables that loaders read: streaming, in bounded memory."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from datacheck.dataset import FILE_SHIFT, Dataset, Fragment
from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.repairing.folder import staged
from datacheck.pipelines.storage.direct import Encoded, Missing, check, direct
from datacheck.pipelines.storage.encoding import Encoder, Tally, plan_columns
from datacheck.pipelines.storage.tables import ArrowTable, ArrowWriter, Table
from datacheck.types import Ints

FORMAT = 1  # of the cache
BATCH_CELLS = 1 << 22
Transform = Callable[[pl.DataFrame, str], pl.DataFrame]
"""``transform(frame, split)``: the same rows, repaired."""


class Scratch:
    """A temporary folder that goes away with the last table that is read from it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="datacheck-loaders-"))
        self._end = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def encode(
    data: Dataset,
    *,
    train: str,
    transform: Transform | None,
    version: str,
    ids: tuple[str, ...],
    texts: tuple[str, ...],
    vocabulary: int,
    missing: Missing,
    cache: Path | None,
    tokenizer: str = "",
) -> Encoded:
    """The splits as tables: in memory if small, mapped if they are Arrow files of numbers, or
    else converted into ``cache`` (or a temporary folder).

    ``version`` says which ``transform`` it is. Raises UsageError for what cannot be encoded.
    """
    if transform is None and not texts:
        found = direct(data, train, ids, missing)
        if found is not None:
            return found
    schema = _peek(data, train, transform)
    encoder = plan_columns(data, schema, task=data.task, ids=ids, texts=texts, tokenizer=tokenizer)
    if cache is None:
        scratch = Scratch()
        out = _convert(data, train, encoder, transform, vocabulary, missing, scratch.path, True)
        if any(isinstance(t, ArrowTable) for t in out.tables.values()):
            for table in out.tables.values():
                table.keep = scratch
        return out
    cache = cache.expanduser()
    cache.mkdir(parents=True, exist_ok=True)
    key = _key(data, encoder, [version, train, vocabulary, missing])
    target = cache / f"loaders-{key}"
    if not target.exists():
        try:
            with staged(target) as aside:
                made = _convert(
                    data, train, encoder, transform, vocabulary, missing, aside, in_memory=False
                )
                _save(made, aside)
        except UsageError:
            if not target.exists():  # another rank was quicker, with the same content
                raise
    return _load(target, encoder)


def read_frames(
    data: Dataset, transform: Transform | None, tallies: Mapping[str, Tally], only: str = ""
) -> Iterator[tuple[str, pl.DataFrame, Ints]]:
    """(split, frame, addresses) in file order; records that cannot be read are counted.

    Raises SourceError where a file breaks off, UsageError where the transform changes rows.
    """
    wanted = list(data.columns)
    batch_rows = max(min(65_536, BATCH_CELLS // max(len(wanted), 1)), 256)
    ordinals = {name: i for i, name in enumerate(data.files)}
    for split in data.splits.values():
        for fragment in split.fragments:
            if only and fragment.split not in (only, ""):
                continue
            for batch in fragment.read(wanted, batch_rows):
                tally = tallies.get(fragment.split or next(iter(tallies), ""))
                if tally is not None:
                    tally.unreadable += len([p for p in batch.problems if not p.warning])
                addresses = batch.rows + np.int64(ordinals[fragment.file] << FILE_SHIFT)
                for name, mine, at in _by_split(batch.frame, addresses, fragment, data, only):
                    frame = _without_absent(mine, data, name)
                    yield name, _transformed(frame, name, transform), at


def _by_split(
    frame: pl.DataFrame, addresses: Ints, fragment: Fragment, data: Dataset, only: str
) -> Iterator[tuple[str, pl.DataFrame, Ints]]:
    if not frame.height:
        return
    if fragment.split or data.split_column is None:
        yield fragment.split, frame, addresses
        return
    told = frame[data.split_column].cast(pl.String).fill_null("")
    for name in [only] if only else data.splits:
        mine = told == name
        if mine.any():
            yield name, frame.filter(mine), addresses[mine.to_numpy()]


def _without_absent(frame: pl.DataFrame, data: Dataset, split: str) -> pl.DataFrame:
    """Columns that the split lacks are null in the common schema; here they go."""
    kinds = data.splits[split].kinds
    return frame.select([c for c in frame.columns if not kinds or c in kinds])


def _transformed(frame: pl.DataFrame, split: str, transform: Transform | None) -> pl.DataFrame:
    if transform is None:
        return frame
    out = transform(frame, split)
    if out.height != frame.height:
        raise UsageError(
            f"the pipeline makes {out.height:,} rows of {frame.height:,}",
            "rows are taken out by datacheck fix; its output is loaded without a pipeline",
        )
    return out


def _peek(data: Dataset, train: str, transform: Transform | None) -> Mapping[str, Any]:
    """Names and types of the columns after the transform."""
    for _, frame, _ in read_frames(data, transform, {}, only=train):
        return dict(frame.schema)
    raise UsageError(f"the split {train!r} has no rows", f"splits: {names(data.splits)}")


def _convert(
    data: Dataset,
    train: str,
    encoder: Encoder,
    transform: Transform | None,
    vocabulary: int,
    missing: Missing,
    folder: Path,
    in_memory: bool,
) -> Encoded:
    if encoder.learns:
        encoder.fit((f for _, f, _ in read_frames(data, transform, {}, only=train)), vocabulary)
    tallies = {name: Tally() for name in data.splits}
    writers = {name: ArrowWriter(folder / f"split-{i}") for i, name in enumerate(data.splits)}
    for split, frame, addresses in read_frames(data, transform, tallies):
        writers[split].add(encoder.encode(frame, addresses, tallies[split]))
        tallies[split].rows += frame.height
    check(tallies, encoder, missing, train)
    tables = {n: w.finish(in_memory=in_memory) for n, w in writers.items() if tallies[n].rows}
    collate = {
        name: dataclasses.replace(encoder.collate(), label="")
        if tallies[name].unlabeled == tallies[name].rows
        else encoder.collate()
        for name in tables
    }
    return Encoded(tables, collate, encoder, tallies)


def _key(data: Dataset, encoder: Encoder, more: Sequence[Any]) -> str:
    prints = [f.fingerprint() for s in data.splits.values() for f in s.fragments]
    if any(p[2] == 0 for p in prints):
        raise UsageError(
            "data in memory has no fingerprint to cache it by", "leave cache= out, or give files"
        )
    told = [FORMAT, prints, repr(encoder), *more]
    text = json.dumps(told, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _save(made: Encoded, folder: Path) -> None:
    splits = {
        name: {
            "parts": [p.relative_to(folder).as_posix() for p in table.paths],
            "labeled": bool(made.collate[name].label),
        }
        for name, table in made.tables.items()
        if isinstance(table, ArrowTable)
    }
    encoder = dataclasses.asdict(made.encoder)
    (folder / "encoder.json").write_text(
        json.dumps({"splits": splits, "encoder": encoder}, ensure_ascii=False), encoding="utf-8"
    )


def _load(folder: Path, planned: Encoder) -> Encoded:
    told = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    known = told["encoder"]
    encoder = dataclasses.replace(
        planned, categories=known["categories"], words=known["words"], classes=known["classes"]
    )
    tables: dict[str, Table] = {
        name: ArrowTable([folder / p for p in split["parts"]])
        for name, split in told["splits"].items()
    }
    collate = {
        name: encoder.collate()
        if split["labeled"]
        else dataclasses.replace(encoder.collate(), label="")
        for name, split in told["splits"].items()
    }
    return Encoded(tables, collate, encoder)
