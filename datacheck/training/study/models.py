"""The model of a study: one shape for all arms, from the columns that they share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from datacheck.dataset import Task
from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.storage.encoding import FIRST_WORD, Encoder
from datacheck.training.loop import inputs
from datacheck.training.models import (
    MLP,
    Decoder,
    EncoderDecoder,
    RecurrentClassifier,
    ResidualCNN,
)
from datacheck.training.objectives import Classification, Regression, SequenceToSequence
from datacheck.training.presets import preset as preset_of
from datacheck.training.study.pixels import CHANNELS, OfPixels, are_pixels

FOR_STUDIES = ("table", "decoder", "encoder-decoder", "image-classifier")


def build(
    preset: str, encoder: Encoder, labels: Any, weights: Mapping[str, float] | None
) -> tuple[nn.Module, Any]:
    """A model and its objective; ``labels`` are those of raw train.

    ``auto`` is a perceptron over the columns of a table, a Transformer decoder where the only
    feature is a sequence of tokens, a recurrent network for sequences of numbers alone, and a
    residual network for pictures alone. The
    options are those of the preset's tamed form, without dropout. Raises UsageError for a preset
    that does not fit.
    """
    if encoder.target:
        return _says(preset, encoder)
    name = _chosen(preset, encoder)
    outputs = len(encoder.classes) or 1
    options = {k: v for k, v in preset_of(name).tamed.model.items() if k != "dropout"}
    sizes = [len(encoder.words[c]) + FIRST_WORD if c in encoder.words else 0
             for c in encoder.sequences]  # fmt: skip
    model: nn.Module
    if name == "image-classifier":
        given = inputs.table
        model = OfPixels(ResidualCNN(CHANNELS, outputs, **options))
    elif name == "decoder":
        given, model = inputs.sequence, Decoder(sizes[0], classes=outputs, dropout=0.0, **options)
    elif name == "encoder-decoder":
        tokens = bool(encoder.words)
        given = inputs.sequence if tokens else inputs.series
        model = RecurrentClassifier(
            sizes[0], outputs, features=1 if tokens else len(encoder.series), **options
        )
    else:
        codes = [len(v) + 1 for v in encoder.categories.values()]
        given = inputs.table
        model = MLP(len(encoder.numbers), outputs, categories=codes, sequences=sizes, **options)
    if encoder.task is not Task.CLASSIFICATION:
        scale = float(labels.std()) or 1.0
        return model, Regression(inputs=given, center=float(labels.mean()), scale=scale)
    chosen = None
    if weights is not None:
        chosen = torch.tensor([float(weights.get(c, 1.0)) for c in encoder.classes])
    return model, Classification(inputs=given, class_weights=chosen, balanced=True)


def _says(preset: str, encoder: Encoder) -> tuple[nn.Module, Any]:
    """An encoder and a decoder, where the label is a sequence."""
    if preset not in ("auto", "encoder-decoder"):
        raise UsageError(
            f"the preset {preset} says no sequences, and {encoder.target} is one",
            "for it there is encoder-decoder",
        )
    sources = [c for c in encoder.sequences if c != encoder.target]
    if len(sources) != 1 or encoder.numbers or encoder.categories or encoder.series:
        features = [*encoder.numbers, *encoder.categories, *sources]
        raise UsageError(
            f"{encoder.target} is to be said, and the features are {names(features) or 'none'}",
            "one sequence of tokens is read to say another",
        )
    form = preset_of("encoder-decoder").tamed
    options = {k: v for k, v in form.model.items() if k != "dropout"}
    start = len(encoder.words[encoder.target]) + FIRST_WORD
    model = EncoderDecoder(len(encoder.words[sources[0]]) + FIRST_WORD, start + 1, **options)
    return model, SequenceToSequence(start=start, source=sources[0], column=encoder.target)


def _chosen(preset: str, encoder: Encoder) -> str:
    columns = bool(encoder.numbers or encoder.categories)
    tokens, series = len(encoder.words), len(encoder.series)
    pixels = are_pixels(encoder.numbers) and not (encoder.categories or encoder.sequences)
    if preset == "auto":
        if pixels:
            return "image-classifier"
        if columns or tokens > 1 or (tokens and series):
            return "table"
        return "decoder" if tokens else "encoder-decoder"
    name = preset_of(preset).name
    if name not in FOR_STUDIES:
        raise UsageError(f"no study trains the preset {name}", f"there are: {names(FOR_STUDIES)}")
    if name == "image-classifier":
        if not pixels:
            raise UsageError("the preset image-classifier is for pictures alone", "table")
        return name
    alone = not columns and ((tokens == 1 and not series) or (series and not tokens))
    if name != "table" and not alone:
        features = [*encoder.numbers, *encoder.categories, *encoder.sequences]
        raise UsageError(
            f"the preset {name} is for sequences alone", f"the features are {names(features)}"
        )
    if name == "decoder" and not tokens:
        raise UsageError("the preset decoder is for tokens", "encoder-decoder takes numbers")
    return name
