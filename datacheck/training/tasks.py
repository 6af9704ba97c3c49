"""From a dataset to what a trainer needs: model, objective, loaders, and the reference loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from datacheck.config import FILE, Config
from datacheck.dataset import Dataset, Task
from datacheck.errors import UsageError
from datacheck.findings import Finding, Severity, names
from datacheck.pipelines.collate import IGNORED, Y
from datacheck.pipelines.loader import Loader
from datacheck.pipelines.storage.ragged import Ragged
from datacheck.pipelines.transforms_audit import audit_transforms
from datacheck.training import presets
from datacheck.training.determinism import init
from datacheck.training.loop import inputs
from datacheck.training.loop.readying import Ready, ready, without_label
from datacheck.training.metrics import reference_loss
from datacheck.training.models import MLP, Decoder, EncoderDecoder, RecurrentClassifier, ResidualCNN
from datacheck.training.objectives import (
    CausalLM,
    Classification,
    Objective,
    Regression,
    SequenceToSequence,
)
from datacheck.training.presets import Form, Preset
from datacheck.training.samples import images, pictures
from datacheck.training.samples.shapes import Shaped, shaped
from datacheck.training.samples.subset import Subset

UNEVEN = 3.0  # times the rarest class: from there on the score is balanced


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A preset's form on a dataset, ready to train.

    ``make()`` gives a fresh model; ``model(seed)`` one with weights keyed by the seed.
    ``reference`` is L_ref, the loss of the constant predictor on the first of ``evaluation``.
    ``why`` says what was chosen and done; ``findings`` what an audit of the transforms found.
    """

    preset: Preset
    form: Form
    make: Callable[[], nn.Module]
    objective: Objective
    train: Loader
    evaluation: dict[str, Loader]
    reference: float
    locate: Callable[[int], str]
    why: list[str] = field(default_factory=list)
    findings: Sequence[Finding] = field(default_factory=list)

    def model(self, seed: int = 0) -> nn.Module:
        """A model whose initial weights depend on the seed and their names alone."""
        return init(self.make(), seed)


def open_dataset(source: Any, options: Mapping[str, Any] | None = None) -> Dataset:
    """The dataset, its roles as ``datacheck.toml`` in its folder and ``options`` say."""
    from datacheck.sources import SourceOptions, open_source

    settings = Config()
    if isinstance(source, str | Path) and (Path(source).expanduser() / FILE).is_file():
        settings = Config.load(Path(source).expanduser() / FILE)
    names_ = ("label", "group", "time", "id", "split_column", "delimiter", "encoding", "header",
              "task")  # fmt: skip
    chosen = {name: getattr(settings, name) for name in names_}
    chosen["ignore"] = settings.ignore_column
    chosen["text_layout"] = settings.text_layout or "auto"
    chosen["follow_links"] = bool(settings.follow_links)
    chosen["length_unit"], chosen["tokenizer"] = settings.length_unit, settings.tokenizer
    chosen.update({k: v for k, v in (options or {}).items() if v})
    return open_source(source, SourceOptions(**chosen))


def prepare(
    source: Any,
    *,
    preset: str | None = None,
    form: str | Form | Callable[[Preset], Form] = "tamed",
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    fold: tuple[int, int] | None = None,
) -> Prepared:
    """Choose a preset by the kinds of the columns (or take ``preset``) and make what it needs.

    ``source`` is a path, frames by split, or a Dataset; ``options`` are roles (label, …) for
    opening it. ``form`` is ``"pathological"``, ``"tamed"``, a form of one's own, or what
    makes one of the preset that was chosen. ``fold``, (which, of how many), holds out that part of
    train and puts it first among the evaluation. Raises UsageError where the preset does not fit.
    """
    data = source if isinstance(source, Dataset) else open_dataset(source, options)
    if data.train is None:
        raise UsageError("no split is called train", f"splits: {names(data.splits)}")
    found = shaped(data, source)
    chosen = presets.choose(found.shape) if preset is None else presets.preset(preset)
    if found.shape not in chosen.shapes:
        if found.images is not None and "table" in chosen.shapes:
            found = replace(found, shape="table", why=f"{found.why}, read as columns")
        else:
            fit = [p.name for p in presets.PRESETS.values() if found.shape in p.shapes]
            raise UsageError(
                f"the preset {chosen.name} is for {names(chosen.shapes)}; this is {found.shape}",
                f"{found.why}; for it there is {names(fit)}",
            )
    if callable(form):
        wanted = form(chosen)
    else:
        wanted = chosen.form(form) if isinstance(form, str) else form
    if found.shape == "translation":
        data = without_label(data)
    got = ready(data, found, wanted, source, seed, fold)
    why = [f"preset {chosen.name}: {found.why}", *got.done]
    findings = _see(got, found, wanted, why) if found.shape == "image" else []
    make, objective = _model_and_objective(got, found, wanted, why)
    evaluation = {name: one for name, one in got.loaders.items() if name != got.train}
    first = next(iter(evaluation))
    return Prepared(
        preset=chosen,
        form=wanted,
        make=make,
        objective=objective,
        train=got.loaders[got.train],
        evaluation=evaluation,
        reference=_reference(got.tables[first], objective, found),
        locate=lambda address: data.locate(got.train, address),
        why=[*why, f"the score is {objective.score_name} on {first}"],
        findings=findings,
    )


# -- models and objectives ----------------------------------------------------------------------


def _model_and_objective(
    got: Ready, found: Shaped, form: Form, why: list[str]
) -> tuple[Callable[[], nn.Module], Objective]:
    encoder = got.made.encoder
    sizes = {name: _vocabulary(got, name) for name in encoder.sequences}
    options = dict(form.model)
    if found.shape == "language":
        start = sizes[found.source]
        return (
            lambda: Decoder(start + 1, **options),
            CausalLM(start=start, column=found.source, masked=form.masked),
        )
    if found.shape == "translation":
        start = sizes[found.target]
        return (
            lambda: EncoderDecoder(sizes[found.source], start + 1, **options),
            SequenceToSequence(
                start=start, source=found.source, column=found.target, masked=form.masked
            ),
        )
    outputs = len(encoder.classes) or 1
    if found.shape == "table":
        objective = _labeled(got, inputs.table if form.masked else inputs.unmasked_table, why)
        codes = [len(values) + 1 for values in encoder.categories.values()]
        listed = [sizes[name] for name in encoder.sequences]
        wide = len(encoder.numbers)
        return lambda: MLP(wide, outputs, categories=codes, sequences=listed, **options), objective
    if found.shape == "image":
        channels = _channels(got, found)
        return lambda: ResidualCNN(channels, outputs, **options), _labeled(got, inputs.image, why)
    if found.shape == "series":
        features = len(encoder.sequences)
        return (
            lambda: RecurrentClassifier(0, outputs, features=features, **options),
            _labeled(got, inputs.series, why),
        )
    size = sizes[found.source]
    objective = _labeled(got, inputs.sequence if form.masked else inputs.unmasked_sequence, why)
    if "cell" in options:
        return lambda: RecurrentClassifier(size, outputs, **options), objective
    return lambda: Decoder(size, classes=outputs, **options), objective


def _labeled(got: Ready, given: inputs.Inputs, why: list[str]) -> Objective:
    """Classification or regression of the label, its scale from train."""
    y = np.asarray(got.tables[got.train].column(Y))
    if got.made.encoder.task is Task.REGRESSION or not got.made.encoder.classes:
        known = y[np.isfinite(y)].astype(np.float64)
        spread = float(known.std()) if known.size else 0.0
        if not spread > 0:
            raise UsageError("the label never varies in train", "name another with --label")
        return Regression(inputs=given, center=float(known.mean()), scale=spread)
    counts = np.bincount(y[y != IGNORED].astype(np.int64), minlength=len(got.made.encoder.classes))
    uneven = bool(counts.max() > UNEVEN * max(counts.min(), 1))
    if uneven:
        why.append(f"classes have {counts.min():,} to {counts.max():,} rows: the score is balanced")
    return Classification(inputs=given, class_weights=got.made.class_weights, balanced=uneven)


def _vocabulary(got: Ready, name: str) -> int:
    """How many codes a column of tokens has; 0 for one of numbers."""
    encoder = got.made.encoder
    if name in encoder.words:
        return len(encoder.words[name]) + 2
    if name in encoder.tokenized:
        return encoder.tokens_known()
    if name not in encoder.ids:
        return 0
    largest = {s: int(_items(table, name).max(initial=0)) for s, table in got.tables.items()}
    beyond = [s for s, most in largest.items() if most > largest[got.train]]
    if beyond:
        raise UsageError(
            f"{name} holds the code {largest[beyond[0]]} in {beyond[0]}, beyond all of train",
            f"train's codes end at {largest[got.train]}",
        )
    return largest[got.train] + 1


def _items(table: Any, name: str) -> Any:
    column = table.__getitems__(np.arange(len(table), dtype=np.int64)).columns[name]
    assert isinstance(column, Ragged)
    return np.asarray(column.values)


def _reference(table: Any, objective: Objective, found: Shaped) -> float:
    """L_ref on that split, on the scale of the objective's loss."""
    if found.shape in ("language", "translation"):
        return reference_loss(_items(table, found.target or found.source), Task.CLASSIFICATION)
    y = np.asarray(table.column(Y))
    if isinstance(objective, Regression):
        known = y[np.isfinite(y)].astype(np.float64)
        return reference_loss((known - objective.center) / objective.scale, Task.REGRESSION)
    return reference_loss(y[y != IGNORED], Task.CLASSIFICATION)


# -- images -------------------------------------------------------------------------------------


def _channels(got: Ready, found: Shaped) -> int:
    if found.images is not None:
        return int(found.images.channels)
    assert got.made.transform is not None
    return got.made.transform.channels


def _see(got: Ready, found: Shaped, form: Form, why: list[str]) -> Sequence[Finding]:
    """Put the transforms into the loaders; what an audit of them finds."""
    if found.images is None:
        assert got.made.transform is not None
        shared = got.made.transform
        if form.prepared:
            why.append(
                "one transform for all splits, its statistics from train; train is augmented"
            )
        else:
            why.append("train is normalized with (0.5,), evaluation is not")
        train, other = pictures.see(got.loaders, got.train, shared, prepared=form.prepared)
        others = {n: other for n in got.loaders if n != got.train}
        report = audit_transforms(train, others, channels=shared.channels)
        return report.at_least(Severity.WARNING)
    if form.prepared:
        table = got.tables[got.train]
        rows = table.at if isinstance(table, Subset) else None
        one = images.shared(found.images, rows)
        train, other = one.train, one.evaluation
        why.append("one transform for all splits, its statistics from train; train is augmented")
    else:
        train, other = images.mismatched(found.images)
        why.append("train is normalized with (0.5,), evaluation is not")
    for name, loader in got.loaders.items():
        mine = train if name == got.train else other
        random = form.prepared and name == got.train
        loader.collate_fn = images.AsImages(loader.collate_fn, found.images, mine, random)
    report = audit_transforms(
        train, {n: other for n in got.loaders if n != got.train}, channels=found.images.channels
    )
    return report.at_least(Severity.WARNING)
