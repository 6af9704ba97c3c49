"""The model of a study: one shape for all arms, from the columns that they share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from datacheck.dataset import Task
from datacheck.errors import UsageError
from datacheck.pipelines.encoding import FIRST_WORD, Encoder
from datacheck.training.models import MLP
from datacheck.training.objectives import Classification, Regression


def build(
    preset: str, encoder: Encoder, labels: Any, weights: Mapping[str, float] | None
) -> tuple[nn.Module, Any]:
    """A model and its objective; ``labels`` are those of raw train. Raises UsageError."""
    if preset not in ("auto", "table"):
        raise UsageError(f"no preset {preset!r} for a study", "auto or table")
    classes = len(encoder.classes)
    model = MLP(
        len(encoder.numbers),
        classes or 1,
        categories=[len(v) + 1 for v in encoder.categories.values()],
        sequences=[len(encoder.words[c]) + FIRST_WORD if c in encoder.words else 0
                   for c in encoder.sequences],
    )  # fmt: skip
    if encoder.task is not Task.CLASSIFICATION:
        return model, Regression(center=float(labels.mean()), scale=float(labels.std()) or 1.0)
    chosen = None
    if weights is not None:
        chosen = torch.tensor([float(weights.get(c, 1.0)) for c in encoder.classes])
    return model, Classification(class_weights=chosen, balanced=True)
