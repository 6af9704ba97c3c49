"""A pipeline of pictures as an ``nn.Module``: what a model was trained on, from files or pixels."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from datacheck.pipelines.shared_transform import SharedTransform


class PicturePipeline(nn.Module):
    """Pictures → float32 (n, channels, height, width), as the splits were given to the model.

    A picture is a path, the bytes of a file, or its pixels: an array (height, width[, 3]) or a
    tensor (channels, height, width). One gives (channels, height, width), a list a batch. Raises
    :class:`~datacheck.sources.images.Unreadable` for what cannot be decoded.
    """

    def __init__(self, image: Mapping[str, Any]) -> None:
        super().__init__()
        self.transform = SharedTransform.from_dict(image)

    def forward(self, pictures: Any) -> Tensor:
        """The tensor of one picture, or of a list (or a tensor of four dimensions) of them."""
        single = isinstance(pictures, str | bytes | os.PathLike) or (
            hasattr(pictures, "ndim") and pictures.ndim < 4
        )
        if single:
            one: Tensor = self.transform(pictures)
            return one
        return torch.stack([self.transform(p) for p in pictures])
