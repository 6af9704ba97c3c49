"""``datacheck.loaders``: one DataLoader for each split, repaired, encoded, batched, resumable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import numpy as np
import torch
from torch.utils.data import DataLoader

from datacheck.config import FILE, Config
from datacheck.dataset import Dataset, Kind, Role, Task
from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.images.loading import encode_pictures, has_pictures
from datacheck.pipelines.loader import Loader, Loaders
from datacheck.pipelines.samplers.balanced import Balance, RowBatchSampler
from datacheck.pipelines.samplers.ordered import OrderedBatchSampler
from datacheck.pipelines.samplers.sampling import Asked, train_sampler
from datacheck.pipelines.storage.direct import Encoded, Missing
from datacheck.pipelines.storage.encoded import encode
from datacheck.pipelines.storage.encoding import VOCABULARY
from datacheck.pipelines.storage.tables import Table

if TYPE_CHECKING:
    from datacheck.pipelines.pipeline import Pipeline

ARTEFACT = "pipeline.json"
BATCH = 64


def loaders(
    source: Any,
    *,
    batch_size: int | None = None,
    max_tokens: int | None = None,
    pipeline: Pipeline | str | Path | None = None,
    label: str | bool | None = None,
    task: Task | str | None = None,
    split_column: str | None = None,
    ignore_column: Sequence[str] = (),
    follow_links: bool = False,
    token_ids: Sequence[str] = (),
    texts: Sequence[str] = (),
    vocabulary: int = VOCABULARY,
    tokenizer: str | Path | None = None,
    missing: Missing = "raise",
    size: int | tuple[int, int] | None = None,
    shrink: bool = True,
    shuffle: bool = True,
    balance: Balance | Mapping[int, float] | None = None,
    accumulate: int | None = None,
    drop_last: bool = False,
    seed: int = 0,
    workers: int = 0,
    rank: int | None = None,
    world_size: int | None = None,
    cache: str | Path | None = None,
    **options: Any,
) -> Loaders:
    """One DataLoader for each split of ``source``: a path, frames by split, or a Dataset.

    Each yields :class:`~datacheck.pipelines.collate.Batch`: numbers in ``x``, codes of
    ``categories``, padded ``sequences`` with masks, ``y``, and the ``rows``' addresses. Texts are
    split at white space; codes of categories and words are learned on train. Train is shuffled,
    keyed by ``seed`` and epoch; evaluation keeps its order and every row. With a ``tokenizer`` (a
    ``tokenizer.json`` on disk, or the one that the audit's settings name) texts become its ids
    instead. A label that is a text or a sequence (a translation) stands padded beside its source.

    ``batch_size`` counts rows (default 64); ``max_tokens`` bounds rows × longest instead, in
    batches of like lengths (:class:`~datacheck.pipelines.bucketing.BucketBatchSampler`), with
    ``accumulate`` of them to a step of the optimizer, which mirror how surprising tokens are
    (:func:`~datacheck.pipelines.surprise.surprise`). ``balance`` draws classes evenly
    (``"classes"``, ``"sqrt"`` or shares by class index). ``pipeline`` (or its path) repairs each
    split as it was fitted on train; a folder that ``datacheck fix`` wrote is repaired already, and
    only what its ``pipeline.json`` says of the loader is done. ``label=False`` leaves the label
    out. ``token_ids`` names columns of lists whose whole numbers are codes already, ``texts``
    columns of strings that are no categories though few of them differ. ``follow_links`` reads
    files that are links out of the folder.
    ``missing="keep"`` lets NaN, rows without label and new classes (−100) pass.

    Pictures are decoded as batches ask for them, upright, to one mode and ``size`` ((height,
    width), or one number for both), and normalized as train's are; ``shrink`` decodes large JPEG
    at ½, ¼ or ⅛ where that is no smaller than ``size``. Without ``size`` it is that of all pictures
    of train, or the medians of their heights and widths, at most 224 on the longer side: the whole
    picture is seen, and its proportions change where they differ from those. As every picture of a
    batch is of one size nothing is padded, and there is no bucketing of pictures. All splits go
    through one transform, that of the ``pipeline`` if it has one, or else learned in one scan of
    train. A picture that cannot be decoded is in no batch:
    :attr:`~datacheck.pipelines.loader.Loader.unreadable`.

    Small data stays in memory. Larger is encoded once, streaming, into Arrow files in ``cache``
    (kept, for as long as the source does not change) or a temporary folder, and mapped by every
    worker; uncompressed Arrow files of numbers are mapped as they are. ``rank`` and ``world_size``
    default to those of ``torch.distributed``. Further ``options`` go to the DataLoader.

    Raises UsageError where a column, an option or the data does not fit, SourceError for files
    that cannot be read.
    """
    if batch_size is not None and max_tokens is not None:
        raise UsageError("batch_size and max_tokens are both given", "rows or tokens, one of them")
    if missing not in get_args(Missing):
        raise UsageError(f"missing is {missing!r}", "it is 'raise' or 'keep'")
    data = _opened(source, label, task, split_column, ignore_column, follow_links)
    notes: list[str] = []
    fitted, told = _pipeline(pipeline, source)
    if label is not False and data.label is not None:
        data = _said(data, notes)
        label = label if data.label is not None else False
    by = _tokenizer(tokenizer, data)
    train = data.train
    if train is None:
        raise UsageError("no split is called train", f"splits: {names(data.splits)}")
    if data.label is None and label is not False:
        raise UsageError(
            "no column is known to be the label",
            f"name it with label=, or label=False for none; columns: {names(data.columns, 8)}",
        )
    transform = None
    if has_pictures(data):
        seen = encode_pictures(
            data, train=train, image=_image(pipeline, source), size=size, shrink=shrink,
            missing=missing,
        )  # fmt: skip
        encoded, transform = seen.encoded, seen.transform
        notes += seen.said
    else:
        encoded = encode(
            data,
            train=train,
            transform=None if fitted is None else fitted.transform,
            version=("" if fitted is None else str(fitted.to_dict())) + by.version,
            ids=tuple(token_ids),
            texts=tuple(texts),
            vocabulary=vocabulary,
            tokenizer=by.path,
            missing=missing,
            cache=None if cache is None else Path(cache),
        )
    here, world = _ranks(rank, world_size)
    asked = Asked.of(
        told,
        batch_size=batch_size,
        max_tokens=max_tokens,
        balance=balance,
        accumulate=accumulate,
        shuffle=shuffle,
        drop_last=drop_last,
        seed=seed,
        rank=here,
        world_size=world,
        default=BATCH,
    )
    made = {}
    for name, table in encoded.tables.items():
        sampler = (
            train_sampler(table, encoded, asked)
            if name == train
            else _evaluation_sampler(table, encoded, asked)
        )
        made[name] = Loader(
            table, sampler, collate_fn=encoded.collate[name], **_options(options, workers, seed)
        )
    return Loaders(
        made,
        encoder=encoded.encoder,
        train=train,
        class_weights=_class_weights(told, encoded),
        notes=[*data.assumptions, *notes, *_notes(encoded), *_empty(data, made)],
        mapped=encoded.mapped,
        transform=transform,
    )


def _opened(
    source: Any,
    label: str | bool | None,
    task: Task | str | None,
    split_column: str | None,
    ignore: Sequence[str],
    follow: bool,
) -> Dataset:
    from datacheck.sources import SourceOptions, open_source

    if isinstance(source, Dataset):
        return source
    settings = Config()
    if isinstance(source, str | Path) and (Path(source).expanduser() / FILE).is_file():
        settings = Config.load(Path(source).expanduser() / FILE)
    named = label if isinstance(label, str) else None if label is False else settings.label
    kind = Task(task) if task is not None else settings.task
    options = SourceOptions(
        label=named,
        group=settings.group,
        time=settings.time,
        id=settings.id,
        split_column=split_column or settings.split_column,
        ignore=tuple(ignore) or settings.ignore_column,
        delimiter=settings.delimiter,
        encoding=settings.encoding,
        header=settings.header,
        task=kind if named else None,
        text_layout=settings.text_layout or "auto",
        length_unit=settings.length_unit,
        tokenizer=settings.tokenizer,
        follow_links=follow,
    )
    data = open_source(source, options)
    if label is False and data.label is not None:
        from dataclasses import replace

        # Nobody named it: a guess that does not hold here.
        data.columns[data.label.name] = replace(data.label, role=Role.FEATURE, assumed="")
        data.task = None
    return data


def _said(data: Dataset, notes: list[str]) -> Dataset:
    """A label that is a text or a sequence is padded like its source, and stands beside it."""
    from dataclasses import replace

    label = data.label
    if label is None or label.kind not in (Kind.TEXT, Kind.SEQUENCE):
        return data
    notes.append(f"{label.name} is to be said: batches have it in sequences, and no y")
    columns = {**data.columns, label.name: replace(label, role=Role.FEATURE, assumed="")}
    return replace(data, columns=columns, task=None)


def _image(given: Pipeline | str | Path | None, source: Any) -> Mapping[str, Any] | None:
    """The transform of pictures that the pipeline has, or the one in a repaired folder."""
    from datacheck.pipelines.pipeline import Pipeline

    if given is None and isinstance(source, str | Path):
        beside = Path(source).expanduser() / ARTEFACT
        given = beside if beside.is_file() else None
    found = Pipeline.load(given) if isinstance(given, str | Path) else given
    return None if found is None else found.image


def _pipeline(
    given: Pipeline | str | Path | None, source: Any
) -> tuple[Pipeline | None, Mapping[str, Any]]:
    """The pipeline to apply, and what the loader is told; a repaired folder needs none applied."""
    from datacheck.pipelines.pipeline import Pipeline

    beside: Pipeline | None = None
    if isinstance(source, str | Path) and (Path(source).expanduser() / ARTEFACT).is_file():
        beside = Pipeline.load(Path(source).expanduser() / ARTEFACT)
    chosen = Pipeline.load(given) if isinstance(given, str | Path) else given
    if chosen is None:
        return None, beside.loader if beside else {}
    if beside is not None and chosen == beside:
        return None, beside.loader
    return chosen, chosen.loader


class _By(NamedTuple):
    """The tokenizer of texts, and what changes when it does."""

    path: str
    version: str


def _tokenizer(given: str | Path | None, data: Dataset) -> _By:
    """The tokenizer that is named, else that of the settings. Raises UsageError for none there."""
    path = str(given) if given is not None else data.measure.tokenizer
    if not path:
        return _By("", "")
    from datacheck.summaries.tokenizing import load

    load(path)
    stat = Path(path).expanduser().stat()
    return _By(path, f" {path} {stat.st_size} {stat.st_mtime_ns}")


def _ranks(rank: int | None, world_size: int | None) -> tuple[int, int]:
    import torch.distributed as distributed

    if (rank is None) != (world_size is None):
        raise UsageError("rank and world_size go together", "give both, or neither")
    if rank is not None and world_size is not None:
        return rank, world_size
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def _evaluation_sampler(table: Table, encoded: Encoded, asked: Asked) -> Any:
    """Every row once, in order."""
    if asked.tokens and encoded.encoder.sequences:
        lengths = np.max([table.lengths(c) for c in encoded.encoder.sequences], axis=0)
        return OrderedBatchSampler(
            lengths, asked.tokens, rank=asked.rank, world_size=asked.world_size
        )
    return RowBatchSampler(
        len(table),
        asked.rows,
        shuffle=False,
        seed=asked.seed,
        rank=asked.rank,
        world_size=asked.world_size,
    )


def _options(options: Mapping[str, Any], workers: int, seed: int) -> dict[str, Any]:
    fixed = {"batch_sampler", "sampler", "shuffle", "collate_fn", "num_workers", "dataset"}
    if wrong := fixed & set(options):
        raise UsageError(
            f"{names(sorted(wrong))} is chosen here", "workers=, shuffle=, batch_size=, max_tokens="
        )
    known = set(signature(DataLoader.__init__).parameters) - {"self"} - fixed
    if strange := set(options) - known:
        raise UsageError(
            f"loaders takes no {names(sorted(strange))}",
            f"options of a DataLoader: {names(sorted(known), 20)}",
        )
    # Seeds of workers come from a generator of their own, not from the one that inits models.
    generator = torch.Generator().manual_seed(seed)
    kept = {"persistent_workers": workers > 0, "generator": generator}
    return {**kept, **options, "num_workers": workers}


def _class_weights(told: Mapping[str, Any], encoded: Encoded) -> torch.Tensor | None:
    weights = told.get("class_weights")
    if not weights or not encoded.encoder.classes:
        return None
    lacking = [c for c in encoded.encoder.classes if c not in weights]
    if lacking:
        raise UsageError(
            f"the pipeline has no weight for the class {lacking[0]!r}",
            f"its classes: {names(weights)}; fit it on this train",
        )
    return torch.tensor([float(weights[c]) for c in encoded.encoder.classes])


def _empty(data: Dataset, made: Mapping[str, Any]) -> list[str]:
    return [f"{name} has no rows, and no loader" for name in data.splits if name not in made]


def _notes(encoded: Encoded) -> list[str]:
    out = []
    if encoded.encoder.left_out:
        out.append(f"no tensor is made of {names(encoded.encoder.left_out)}")
    for name, tally in encoded.tallies.items():
        if tally.missing or tally.unlabeled or tally.unseen or tally.unreadable:
            out.append(
                f"{name}: kept {tally.missing.total():,} missing cells, {tally.unlabeled:,} rows "
                f"without label, {tally.unseen.total():,} of new classes; "
                f"{tally.unreadable:,} records left out"
            )
    return out
