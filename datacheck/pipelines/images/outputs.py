"""Compares what transforms made of the same images: what no reading of code can tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from datacheck.findings import Effect, Severity
from datacheck.pipelines.images.compare import LEVELS, Difference
from datacheck.pipelines.images.sample import Pil, Ran, pixels
from datacheck.types import Floats

LEAST_SHIFT = 0.5
"""Standard deviations that the means of two channels differ by at least, under augmentation."""
LEAST_RATIO = 1.5
"""The same for the ratio of two standard deviations."""


def differences(train: Ran, other: Ran) -> Iterator[Difference]:
    """What differs between two runs over the same images."""
    if train.error or other.error:
        if other.error and not train.error:
            text = f"fails on images that train's takes ({other.form}): {other.error}"
            yield Difference("fails", text, evidence={"error": other.error})
        elif train.error and not other.error:
            text = f"takes images that train's fails on ({other.form}): {train.error}"
            yield Difference("fails", text, evidence={"error": train.error})
        return
    if other.drawn:
        text = "gives another result at each call: the score changes from run to run"
        yield Difference("random", text)
    kinds = [_kind(r.results[0][0]) for r in (train, other)]
    if kinds[0] != kinds[1]:
        yield Difference("type", f"gives {kinds[1]}, train {kinds[0]}", evidence={"types": kinds})
        if "PIL images" in kinds:
            return
    shapes = [sorted({pixels(d).shape for r in ran.results for d in r}) for ran in (train, other)]
    if shapes[0] != shapes[1]:
        shown = [" or ".join("×".join(map(str, s)) for s in some[:2]) for some in shapes]
        text = f"gives images of shape {shown[1]}, train {shown[0]}"
        yield Difference("size", text, Severity.WARNING, {"shapes": shown})
    yield from _values(train, other)


def _kind(result: Any) -> str:
    if isinstance(result, Pil):
        return "PIL images"
    return f"arrays of {result.dtype}"


def _values(train: Ran, other: Ran) -> Iterator[Difference]:
    one, two = _statistics(train), _statistics(other)
    if one is None or two is None or len(one.mean) != len(two.mean):
        return
    evidence = {
        "train_mean": one.mean.tolist(), "mean": two.mean.tolist(),
        "train_std": one.std.tolist(), "std": two.std.tolist(),
        "train_span": list(one.span), "span": list(two.span),
    }  # fmt: skip
    said = f"values of {two.said()} against {one.said()} in train"
    if not train.drawn and not other.drawn and _alike(train, other):
        span = max(one.span[1] - one.span[0], 1e-12)
        apart = max(
            float(np.abs(_float(a[0]) - _float(b[0])).max(initial=0))
            for a, b in zip(train.results, other.results, strict=True)
        )
        levels = apart / span * 255
        if levels > LEVELS or not np.isfinite(apart):
            effect = Effect("gray levels apart", levels, levels, levels, LEVELS)
            yield Difference("values", said, evidence=evidence, effect=effect)
        return
    scale = np.where(one.std > 0, one.std, 1)
    shift = float(np.max(np.abs(two.mean - one.mean) / scale))
    with np.errstate(all="ignore"):
        ratio = np.where(one.std > 0, two.std / scale, 1)
        fold = float(np.max(np.maximum(ratio, 1 / ratio)))
    if not np.isfinite(shift) or shift >= LEAST_SHIFT:
        effect = Effect("shift in deviations", shift, shift, shift, LEAST_SHIFT)
        yield Difference("values", said, evidence=evidence, effect=effect)
    elif fold >= LEAST_RATIO:
        effect = Effect("ratio of deviations", fold, fold, fold, LEAST_RATIO)
        yield Difference("values", said, evidence=evidence, effect=effect)


@dataclass
class _Statistics:
    mean: Floats
    std: Floats
    span: tuple[float, float]

    def said(self) -> str:
        mean = ", ".join(f"{m:.3g}" for m in self.mean[:4])
        std = ", ".join(f"{s:.3g}" for s in self.std[:4])
        return f"{self.span[0]:.3g} to {self.span[1]:.3g} (mean {mean}, deviation {std})"


def _statistics(ran: Ran) -> _Statistics | None:
    """Mean and deviation of each channel over all images and draws."""
    flat = []
    for draws in ran.results:
        for result in draws:
            array = _float(result)
            if array.ndim < 2:
                return None
            if isinstance(result, Pil):
                array = np.moveaxis(array, -1, 0) if array.ndim == 3 else array[None]
            elif array.ndim == 2:
                array = array[None]
            flat.append(
                array.reshape(-1, *array.shape[-3:]).swapaxes(0, 1).reshape(array.shape[-3], -1)
            )
    if len({len(f) for f in flat}) != 1:
        return None
    whole = np.concatenate(flat, axis=1)
    if not whole.size:
        return None
    return _Statistics(
        whole.mean(axis=1), whole.std(axis=1), (float(whole.min()), float(whole.max()))
    )


def _alike(train: Ran, other: Ran) -> bool:
    """Whether all results have the same shapes, so that pixels can be set side by side."""
    return all(
        pixels(a[0]).shape == pixels(b[0]).shape
        for a, b in zip(train.results, other.results, strict=True)
    )


def _float(result: Any) -> Floats:
    return pixels(result).astype(np.float64)
