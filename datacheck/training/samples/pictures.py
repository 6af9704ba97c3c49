"""Pictures of a dataset on their way into a batch: augmented for train, or prepared wrongly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from datacheck.pipelines.collate import Batch
from datacheck.pipelines.images.augment import augmentations
from datacheck.pipelines.images.table import PictureCollate, Pixels, together
from datacheck.pipelines.loader import Loader
from datacheck.pipelines.shared_transform import SharedTransform
from datacheck.training.samples.images import mismatched_transforms


class Through:
    """A collate that puts pictures through ``transform``: uint8 (channels, height, width) → float.

    One by one where ``random``, so that each is augmented in its own way.
    """

    def __init__(
        self, collate: PictureCollate, transform: Callable[[Any], Any], *, random: bool
    ) -> None:
        self.collate, self.transform, self.random = collate, transform, random

    def __call__(self, pixels: Any) -> Batch:
        """The batch."""
        got = pixels if isinstance(pixels, Pixels) else together(pixels)
        stack = got.images[:, None] if got.images.ndim == 3 else np.moveaxis(got.images, -1, 1)
        planes = torch.from_numpy(np.ascontiguousarray(stack))
        if self.random and len(planes):
            x = torch.stack([self.transform(one) for one in planes])
        else:
            x = self.transform(planes)
        return self.collate.batch(got, x)


def see(
    loaders: Mapping[str, Loader], train: str, shared: SharedTransform, *, prepared: bool
) -> tuple[Any, Any]:
    """Put transforms into the loaders; those of train and of evaluation.

    ``prepared``: one for all, and train's pictures are shifted a little besides. Otherwise only
    train's are normalized.
    """
    assert shared.size is not None
    if prepared:
        padding = max(1, min(shared.size) // 8)
        one = replace(shared, augment=augmentations({"RandomCrop": {"padding": padding}}))
        _put(loaders[train], one.train, random=True)
        return one.train, one.evaluation
    first, other = mismatched_transforms()
    for name, loader in loaders.items():
        _put(loader, first if name == train else other, random=False)
    return first, other


def _put(loader: Loader, transform: Any, *, random: bool) -> None:
    known = loader.collate_fn
    assert isinstance(known, PictureCollate)
    loader.collate_fn = Through(known, transform, random=random)
