"""One encoder for all arms, and their tables on the disk.

All arms have the same columns, vocabularies and classes, those of any of them: a column that an
arm lacks is 0 there, which trains no weight. So a model has the same shape, and with a seed the
same initial weights, in every arm.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import polars as pl

from datacheck.dataset import Column, Dataset, Kind, Task
from datacheck.errors import UsageError
from datacheck.pipelines.storage.encoding import Encoder, Tally, plan_columns
from datacheck.pipelines.storage.tables import ArrowTable, ArrowWriter, Table
from datacheck.training.loop.readying import without_label
from datacheck.types import Ints

VOCABULARY = 20_000
Piece = tuple[pl.DataFrame, Ints]  # a frame and the addresses of its rows


def learn(data: Dataset, train: Sequence[pl.DataFrame], known: Encoder | None = None) -> Encoder:
    """The encoder of these rows of train, joined with what is ``known`` of other arms."""
    if not train:
        raise UsageError("a repair leaves no row of train", "take it out with --repairs")
    mine = plan_columns(without_said(data), train[0].schema, task=data.task)
    if is_said(data.label):
        mine.target = str(data.label and data.label.name)
    mine.fit(train, VOCABULARY)
    return mine if known is None else joined(known, mine)


def is_said(label: Column | None) -> bool:
    """Whether the label is a text or a sequence, which a model has to say."""
    return label is not None and label.kind in (Kind.TEXT, Kind.SEQUENCE)


def without_said(data: Dataset) -> Dataset:
    """The same with such a label among the features: it is encoded as they are."""
    return without_label(data) if is_said(data.label) else data


def joined(a: Encoder, b: Encoder) -> Encoder:
    """The union of columns, vocabularies and classes; those of ``a`` come first."""

    def union(x: Sequence[str], y: Sequence[str]) -> list[str]:
        return list(dict.fromkeys([*x, *y]))

    both = {
        name: {
            c: union(getattr(a, name).get(c, []), getattr(b, name).get(c, []))
            for c in union(list(getattr(a, name)), list(getattr(b, name)))
        }
        for name in ("categories", "words")
    }
    return replace(
        a,
        numbers=tuple(union(a.numbers, b.numbers)),
        series=tuple(union(a.series, b.series)),
        categories=both["categories"],
        words=both["words"],
        classes=union(a.classes, b.classes),
        left_out=tuple(c for c in a.left_out if c in b.left_out),
    )


def write(folder: Path, encoder: Encoder, pieces: Iterable[Piece], *, labeled: bool) -> int:
    """Encode and write to a new folder; the number of rows.

    ``labeled`` leaves out rows without a label: they judge nothing.
    """
    writer, rows = ArrowWriter(folder), 0
    for frame, addresses in pieces:
        encoded = encoder.encode(_completed(frame, encoder), addresses, Tally())
        if labeled and encoder.label:
            y = encoded["__y__"]
            encoded = encoded.filter(y >= 0 if encoder.classes else y.is_finite())
        if encoded.height:
            writer.add(encoded)
            rows += encoded.height
    if not rows:
        raise UsageError(f"{folder.name} has no row with a label", "name it with --label")
    writer.finish()
    return rows


def _completed(frame: pl.DataFrame, encoder: Encoder) -> pl.DataFrame:
    """Columns that an arm lacks: numbers 0, categories and lists without a value."""
    have = set(frame.columns)
    lacking: list[pl.Expr] = [pl.lit(0.0).alias(c) for c in encoder.numbers if c not in have]
    text = pl.lit(None, dtype=pl.String)
    lacking += [text.alias(c) for c in encoder.categories if c not in have]
    for name in encoder.sequences:
        if name not in have:
            inner = pl.String if name in encoder.words else pl.Float64
            lacking.append(pl.lit([], dtype=pl.List(inner)).alias(name))
    return frame.with_columns(lacking)


def save_encoder(folder: Path, encoder: Encoder) -> None:
    """Write ``encoder.json``."""
    told = asdict(encoder)
    told["task"] = None if encoder.task is None else encoder.task.value
    (folder / "encoder.json").write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")


def load_encoder(folder: Path) -> Encoder:
    """The encoder that all arms share."""
    told = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    for name in ("numbers", "series", "ids", "left_out", "tokenized"):
        told[name] = tuple(told[name])
    told["task"] = None if told["task"] is None else Task(told["task"])
    return Encoder(**told)


def load_table(folder: Path, version: str, split: str) -> Table:
    """The rows of one split as an arm sees them: ``train``, ``clean`` or ``measured``."""
    return ArrowTable(sorted((folder / version / split).glob("part-*.arrow")))
