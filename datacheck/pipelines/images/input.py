"""The first step of a shared image transform: whatever the image comes as becomes a tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from datacheck.errors import UsageError

Layout = Literal["channels-last", "channels-first"]


@dataclass(frozen=True)
class AsImage:
    """Turns a PIL image, an array or a tensor into a tensor (C, H, W), and refuses misfits.

    ``dtype`` and ``channels`` are those of the images that the statistics come from: a uint8 image
    where floats were fitted would silently be 255 times too bright. ``layout`` says where arrays
    have their channels; tensors have them first, as torch wants it, and arrays (H, W) have one.
    """

    dtype: str
    channels: int
    layout: Layout = "channels-last"

    def __call__(self, image: Any, *rest: Any) -> Any:
        """The image as a tensor, and whatever came with it. Raises UsageError for a misfit."""
        import torch
        from torchvision import tv_tensors
        from torchvision.transforms.v2 import functional

        if isinstance(image, torch.Tensor):
            tensor = image[None] if image.ndim == 2 else image
        elif isinstance(image, np.ndarray):
            tensor = torch.from_numpy(np.ascontiguousarray(first(image, self.layout)))
        else:
            tensor = functional.to_image(image)
        dtype = str(tensor.dtype).removeprefix("torch.")
        channels = int(tensor.shape[-3])
        if dtype != self.dtype or channels != self.channels:
            raise UsageError(
                f"an image of {dtype} with {channels} channels",
                f"the transform was fitted on {self.dtype} with {self.channels} channels",
            )
        out = tv_tensors.Image(tensor)
        return (out, *rest) if rest else out


def first(image: np.ndarray[Any, Any], layout: Layout) -> np.ndarray[Any, Any]:
    """An array with its channels first: (H, W) → (1, H, W), (…, H, W, C) → (…, C, H, W)."""
    if image.ndim == 2:
        return image[None]
    return np.moveaxis(image, -1, -3) if layout == "channels-last" else image
