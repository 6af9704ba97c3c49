"""Loaders for a form of a preset: prepared values, rows left out, the order of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from datacheck.dataset import Dataset, Kind, Role
from datacheck.errors import UsageError
from datacheck.pipelines.bucketing import BucketBatchSampler
from datacheck.pipelines.images.learning import learn
from datacheck.pipelines.loader import Loader, Loaders
from datacheck.pipelines.loaders import ARTEFACT, loaders
from datacheck.pipelines.pipeline import Pipeline
from datacheck.pipelines.repairing.building import Built
from datacheck.pipelines.repairing.mending import Applied
from datacheck.pipelines.repairing.view import Moves, View
from datacheck.pipelines.samplers.balanced import RowBatchSampler
from datacheck.pipelines.samplers.budgets import Tokens
from datacheck.pipelines.transforms import make
from datacheck.pipelines.transforms.base import Transform
from datacheck.training.determinism import KeyedBatchSampler, row_keys
from datacheck.training.presets import Form
from datacheck.training.samples.junk import junk_rows
from datacheck.training.samples.shapes import Shaped
from datacheck.training.samples.subset import Subset
from datacheck.types import Ints, Mask

APART, PARTS = "held out", 5
MOST_JUNK = 0.1  # if more rows than this are unlike the others, they are no junk


@dataclass(slots=True)
class Ready:
    """Loaders by split, the one of train first, and what was done to get them.

    ``made`` is what ``datacheck.loaders`` gave; ``tables`` are the rows of each loader.
    """

    loaders: dict[str, Loader]
    tables: dict[str, Any]
    made: Loaders
    train: str
    done: list[str]


def ready(
    data: Dataset,
    shaped: Shaped,
    form: Form,
    source: Any,
    seed: int,
    fold: tuple[int, int] | None = None,
) -> Ready:
    """Loaders as the form wants them.

    Of a cross-validation ``fold`` is (which, of how many): that part of train, by a hash of the
    rows' addresses, is held out and evaluated first. Without an evaluation split and folds it is
    the first of five.
    """
    done: list[str] = []
    if fold is None and len(data.splits) == 1:
        fold = (0, PARTS)
    held = None if fold is None else (fold[0] / fold[1], (fold[0] + 1) / fold[1])
    pipeline = _pipeline(data, shaped, form, source, held, done)
    made = loaders(
        data,
        batch_size=form.batch,
        pipeline=pipeline,
        label=False if data.label is None else None,
        token_ids=shaped.ids,
        texts=shaped.texts,
        vocabulary=form.vocabulary,
        missing="keep",
        seed=seed,
    )
    train = made.train_name
    tables: dict[str, Any] = {name: loader.table for name, loader in made.items()}
    if held:
        mask = _held(tables[train].addresses(), held)
        apart = {train: Subset(tables[train], ~mask), APART: Subset(tables[train], mask)}
        tables = apart | {name: table for name, table in tables.items() if name != train}
        done.append(f"{mask.sum():,} rows of {train} are held out, by a hash of their places")
        group = data.role(Role.GROUP)
        if group is not None:
            done.append(f"rows of one {group.name} may be on both sides of that")
    everyone = tables[train].addresses()
    if not form.junk and shaped.source in (*made.encoder.words, *made.encoder.ids):
        tables[train] = _without_junk(tables[train], shaped.source, done)
    if len(tables[train]) == 0:
        raise UsageError(f"{train} has no rows", "there is nothing to train on")
    out: dict[str, Loader] = {}
    for name, table in tables.items():
        original = made[train if name == APART else name]
        if name == train:
            sampler = _train_sampler(original, table, made, form, seed, everyone)
        else:
            sampler = RowBatchSampler(len(table), max(form.batch, 64), shuffle=False)
        out[name] = Loader(table, sampler, collate_fn=original.collate_fn)
    return Ready({train: out.pop(train), **out}, tables, made, train, done)


def _held(addresses: Ints, part: tuple[float, float]) -> Mask:
    """Which rows are held out: those whose hash is in that part of all there are."""
    place = row_keys(addresses, APART) / 2.0**64
    return np.asarray((place >= part[0]) & (place < part[1]), dtype=np.bool_)


def without_label(data: Dataset) -> Dataset:
    """The same with the label as a feature: a sequence to be said is read like any other."""
    if data.label is None:
        return data
    columns = {**data.columns, data.label.name: replace(data.label, role=Role.FEATURE, assumed="")}
    return replace(data, columns=columns, task=None)


def _pipeline(
    data: Dataset,
    shaped: Shaped,
    form: Form,
    source: Any,
    held: tuple[float, float] | None,
    done: list[str],
) -> Pipeline | None:
    """Transforms fitted on train; with what a repaired folder tells the loader."""
    transforms: list[Transform] = []
    if form.prepared and shaped.shape != "image":
        numbers = data.select(Kind.NUMBER)
        filled = (*numbers, *data.select(Kind.BOOLEAN))
        if filled:
            kinds = {c: "median" if c in numbers else "most_frequent" for c in filled}
            transforms.append(make("impute", filled, strategy=kinds, allow_missing=True))
            done.append("missing numbers become the median of their column in train")
        if numbers:
            transforms.insert(0, make("to_missing", numbers, infinite=True, allow_missing=True))
            transforms.append(make("scale", numbers, method="standard", allow_missing=True))
            done.append(f"{len(numbers)} columns of numbers are standardized by train")
    if form.longest and shaped.source:
        cut = make("truncate", [shaped.source], length=form.longest, keep="tail")
        transforms.append(cut)
        done.append(f"{shaped.source} keeps its last {form.longest:,} items")
    told = _told(source)
    if not transforms and not told and not (shaped.picture and held):
        return None
    view = View(data)
    if held:  # nothing is learned from rows that are held out
        addresses = np.sort(np.concatenate([a for _, _, a in view.pieces(())]))
        view = view.with_moves(
            Moves(gone=addresses[_held(addresses, held)], by=np.zeros(0, np.int64))
        )
    built = Built(data, after=[Applied(i, t) for i, t in enumerate(transforms)])
    built.fit(view)
    built.loader.update(told)
    image = None
    if shaped.picture and held:  # otherwise the loaders learn it themselves
        learned = learn(view, shaped.picture).transform
        image = None if learned is None else learned.to_dict()
    return built.pipeline(view, image)


def _told(source: Any) -> Mapping[str, Any]:
    """What ``datacheck fix`` left for the loader in a folder that it wrote."""
    if isinstance(source, str | Path) and (Path(source).expanduser() / ARTEFACT).is_file():
        return Pipeline.load(Path(source).expanduser() / ARTEFACT).loader
    return {}


def _without_junk(table: Any, column: str, done: list[str]) -> Any:
    mask: Mask = junk_rows(table, column)
    share = float(mask.mean()) if mask.size else 0.0
    if share > MOST_JUNK:
        done.append(f"{share:.0%} of the rows are unlike the others: too many to be junk, all stay")
        return table
    done.append(f"{int(mask.sum()):,} of {len(table):,} rows of {column} are junk and left out")
    return Subset(table, ~mask)


def _train_sampler(
    original: Loader, table: Any, made: Loaders, form: Form, seed: int, everyone: Any
) -> Any:
    lists = made.encoder.sequences
    if form.buckets > 1 and lists:
        lengths = np.max([table.lengths(c) for c in lists], axis=0)
        budget = max(int(lengths.max()), round(form.batch * float(lengths.mean()) / form.buckets))
        return BucketBatchSampler(lengths, Tokens(budget), accumulate=form.buckets, seed=seed)
    if type(original.sampler_) is not RowBatchSampler and not isinstance(table, Subset):
        return original.sampler_  # what a repair asked for, such as even classes
    # Batches are cut as if the rows that were left out were there: no other batch changes.
    among = everyone if len(everyone) != len(table) else None
    return KeyedBatchSampler(table.addresses(), form.batch, seed, among=among)
