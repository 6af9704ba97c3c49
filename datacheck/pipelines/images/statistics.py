"""Mean and deviation of the pixels of each channel, chunk by chunk, or as they are given."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from datacheck.errors import UsageError
from datacheck.pipelines.images.sources import Images
from datacheck.types import Floats

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


FLOAT32, TINY = 1.2e-7, 1e-30


def fit(
    images: Images, size: tuple[int, int] | None, scaled: bool
) -> tuple[tuple[float, ...], tuple[float, ...], dict[str, Any]]:
    """(means, deviations, what they were fitted on), after resizing, of x/greatest if ``scaled``.

    Raises UsageError for pixels that are not finite.
    """
    count, mean, squares = 0, np.zeros(images.channels), np.zeros(images.channels)
    seen, digest, shape = 0, hashlib.blake2b(digest_size=16), ()
    for chunk in images.chunks():
        if chunk.shape[1:] != shape:
            shape = chunk.shape[1:]
            digest.update(f"{shape}{chunk.dtype}".encode())
        digest.update(np.ascontiguousarray(chunk).tobytes())
        seen += len(chunk)
        pixels = np.moveaxis(_resized(chunk, size), 1, 0).reshape(images.channels, -1)
        count, mean, squares = _merge(count, mean, squares, pixels.astype(np.float64))
    if not np.isfinite(mean).all() or not np.isfinite(squares).all():
        raise UsageError("pixels that are not finite", "audit the images: rule MV002 finds them")
    top = float(np.iinfo(images.dtype).max) if scaled else 1.0
    std = np.sqrt(squares / count)
    # A deviation that float32, which the transform gives, cannot hold beside the mean is none.
    flat = std <= np.maximum(FLOAT32 * np.abs(mean), TINY)
    std = np.where(flat, top, std)
    fitted_on = {"images": seen, "pixels": count, "fingerprint": digest.hexdigest()}
    return tuple((mean / top).tolist()), tuple((std / top).tolist()), fitted_on


def _merge(count: int, mean: Floats, squares: Floats, pixels: Floats) -> tuple[int, Floats, Floats]:
    """(count, mean, sum of squared deviations) of what was there and of pixels (C, n)."""
    more = pixels.shape[1]
    if not more:
        return count, mean, squares
    with np.errstate(invalid="ignore", over="ignore"):
        center = pixels.mean(axis=1)
        spread = np.square(pixels - center[:, None]).sum(axis=1)
        apart, total = center - mean, count + more
        merged = (count * mean + more * center) / total
        return total, merged, squares + spread + np.square(apart) * (count * more / total)


def _resized(chunk: np.ndarray[Any, Any], size: tuple[int, int] | None) -> np.ndarray[Any, Any]:
    """As the transform itself does it, so that the statistics are those of what it gives."""
    if size is None or chunk.shape[-2:] == size:
        return chunk
    import torch
    from torchvision.transforms.v2 import functional

    tensor = torch.from_numpy(np.ascontiguousarray(chunk))
    out: np.ndarray[Any, Any] = functional.resize(tensor, list(size), antialias=True).numpy()
    return out


def given(statistics: Any, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(means, deviations) that replace fitted ones, one a channel. Raises UsageError."""
    from datacheck.pipelines.images.steps import numbers

    if statistics == "imagenet":
        statistics = IMAGENET
    if isinstance(statistics, Mapping):
        statistics = (statistics.get("mean"), statistics.get("std"))
    try:
        mean, std = (numbers(s) for s in statistics)
    except (TypeError, ValueError):
        raise UsageError(
            f"statistics is {statistics!r}", "None, 'imagenet', or (means, deviations)"
        ) from None
    mean, std = (v * channels if len(v) == 1 else v for v in (mean, std))
    if not len(mean) == len(std) == channels:
        raise UsageError(
            f"statistics for {len(mean)} channels", f"the images have {channels} channels"
        )
    return mean, std
