"""Rows of pixels become images again, transformed on their way into a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from datacheck.pipelines.collate import Batch
from datacheck.pipelines.images.input import first
from datacheck.pipelines.images.sources import Images
from datacheck.pipelines.shared_transform import SharedTransform, shared_transform

HALF = (0.5,)  # "the" mean and deviation of many a tutorial, for one channel


@dataclass(frozen=True)
class AsImages:
    """A collate that gives ``x`` as float32 images (batch, channels, height, width).

    ``collate`` makes the batch with a row of pixels for each image; ``shape`` is that of an image
    in the archive, ``transform`` is called with uint8 (or float) tensors (channels, height,
    width): one by one where ``random``, so that each image is augmented in its own way, and
    with the whole batch otherwise.
    """

    collate: Callable[[Any], Batch]
    images: Images
    transform: Callable[[Any], Any]
    random: bool

    def __call__(self, rows: Any) -> Batch:
        """The batch."""
        batch = self.collate(rows)
        assert self.images.stack is not None
        shape = self.images.stack.shape[1:]
        flat = batch.x.numpy().reshape(-1, *shape).astype(self.images.dtype)
        stack = first(flat, self.images.layout) if len(shape) == 3 else flat[:, None]
        pixels = torch.from_numpy(np.ascontiguousarray(stack))
        if self.random:
            x = torch.stack([self.transform(one) for one in pixels])
        else:
            x = self.transform(pixels)
        return replace(batch, x=x)


def shared(images: Images, rows: Any = None) -> SharedTransform:
    """One transform for all splits, statistics from train; train's images are shifted a little.

    With ``rows`` (places among the images) nothing is learned from the others.
    """
    assert images.stack is not None
    assert images.size is not None
    padding = max(1, min(images.size) // 8)
    return shared_transform(
        images.stack if rows is None else images.stack[rows],
        augment={"RandomCrop": {"padding": padding}},
        channels_last=images.layout == "channels-last" if images.stack.ndim == 4 else None,
    )


def mismatched(images: Images) -> tuple[Any, Any]:
    """Transforms of train and of evaluation as many a tutorial has them: only one normalizes.

    Train is normalized with the mean and deviation 0.5 of *one* channel, however many there are;
    evaluation only becomes a tensor of 0 … 1.
    """
    del images  # of whatever kind they are
    return mismatched_transforms()


def mismatched_transforms() -> tuple[Any, Any]:
    """The two of :func:`mismatched`."""
    from torchvision.transforms import v2

    scale = v2.ToDtype(torch.float32, scale=True)
    return v2.Compose([scale, v2.Normalize(HALF, HALF)]), v2.Compose([scale])
