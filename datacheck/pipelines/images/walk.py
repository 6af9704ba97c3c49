"""What steps make of an image, without an image: its values as a map of pixels, size, colors.

A pixel x becomes a·x + b, for each channel: so that two ways to write one normalization are the
same, and what differs has a size in gray levels.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np

from datacheck.pipelines.images.steps import Step, listed
from datacheck.types import Floats

TOPS = {"uint8": 255.0, "uint16": 65535.0, "int8": 127.0, "int16": 32767.0, "int32": 2.0**31 - 1}
UNIT = 2.0
"""Means and deviations up to here are meant for pixels of 0–1, greater ones for 0–255."""


@dataclass(frozen=True)
class Input:
    """What goes in. ``dtype`` as torch names it, ``channels`` and ``size`` None where unknown."""

    dtype: str = "uint8"
    channels: int | None = None
    size: tuple[int, int] | None = None

    @property
    def top(self) -> float:
        """The greatest pixel: 255 for uint8, 1 for floats."""
        return TOPS.get(self.dtype, 1.0)


@dataclass(frozen=True)
class Fault:
    """A mistake within one transform: what kind, the sentence (without whose), the evidence."""

    kind: str
    text: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Outcome:
    """What comes out of a transform.

    ``slope`` and ``offset`` have one value a channel (or one for all); ``factor`` is the part of
    the slope that conversions of the dtype make. ``size`` compares equal where sizes are equal;
    it begins with ``exact``, ``short``, ``input`` (as it comes) or ``drawn``.
    """

    source: Input
    dtype: str = ""
    form: str = "image"
    slope: Floats = field(default_factory=lambda: np.ones(1))
    offset: Floats = field(default_factory=lambda: np.zeros(1))
    factor: float = 1.0
    channels: int | None = None
    gray: bool = False
    size: tuple[Any, ...] = ("input",)
    resized: list[Step] = field(default_factory=list)
    normalized: list[Step] = field(default_factory=list)
    random: list[Step] = field(default_factory=list)
    fixed: list[Step] = field(default_factory=list)
    unknown: list[Step] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @property
    def span(self) -> tuple[float, float]:
        """The least and the greatest value that pixels can get."""
        ends = np.stack([self.offset, self.offset + self.slope * self.source.top])
        return float(ends.min()), float(ends.max())

    def apply(self, pixel: float) -> Floats:
        """What a pixel becomes, for each channel."""
        return self.slope * pixel + self.offset


def walk(steps: tuple[Step, ...], source: Input) -> Outcome:
    """Follow an image through the steps."""
    at = Outcome(source, dtype=source.dtype, channels=source.channels)
    if source.size is not None:
        at.size = ("exact", *source.size)
    for step in steps:
        _WALKERS[step.kind](at, step)
    return at


def _tensor(at: Outcome, step: Step) -> None:
    if step.values["scale"] and at.dtype == "uint8":
        _rescale(at, "float32", scale=True)
    at.form = "tensor"
    if step.values.get("dtype"):  # it refuses images of another kind
        at.dtype, at.channels = step.values["dtype"], step.values["channels"]
        at.source = Input(at.dtype, at.channels, at.source.size)


def _pil(at: Outcome, step: Step) -> None:
    if _is_float(at.dtype):
        _rescale(at, "uint8", scale=True)
    at.form = "pil"


def _to_dtype(at: Outcome, step: Step) -> None:
    _rescale(at, step.values["dtype"], scale=step.values["scale"])
    at.form = "tensor" if at.form == "image" else at.form


def _rescale(at: Outcome, dtype: str, *, scale: bool) -> None:
    if scale and dtype != at.dtype:
        by = TOPS.get(dtype, 1.0) / TOPS.get(at.dtype, 1.0)
        at.slope, at.offset, at.factor = at.slope * by, at.offset * by, at.factor * by
    at.dtype = dtype


def _normalize(at: Outcome, step: Step) -> None:
    mean, std = np.array(step.values["mean"]), np.array(step.values["std"])
    if _misfit(at, step, mean, std):
        return
    if not _is_float(at.dtype) and not at.unknown:
        at.faults.append(
            Fault(
                "order",
                f"{step.name} stands before the image is a tensor of floats (it is "
                f"{'still ' if at.form != 'tensor' else ''}{at.dtype}), which torchvision refuses",
                {"dtype": at.dtype},
            )
        )
    elif at.normalized and not at.unknown and not _split_in_two(at.normalized[-1], step):
        names = f"{at.normalized[-1].name}, then {step.name}"
        at.faults.append(Fault("twice", f"normalizes twice: {names}"))
    elif not at.normalized and not at.unknown and at.source.dtype in TOPS:
        _against_range(at, step, mean, std)
    at.normalized.append(step)
    at.slope, at.offset = at.slope / std, (at.offset - mean) / std


def _misfit(at: Outcome, step: Step, mean: Floats, std: Floats) -> bool:
    """Faults that leave no map to follow."""
    wrong = [v for v in std.tolist() if not v > 0 or not isfinite(v)]
    if wrong:
        text = f"{step.name} divides by a standard deviation of {wrong[0]:g}"
        at.faults.append(Fault("deviation", text, {"std": std.tolist()}))
        return True
    lengths, channels = {len(mean), len(std)} - {1}, at.channels
    if len(lengths) > 1:
        text = f"{step.name} has {len(mean)} means and {len(std)} deviations"
    elif lengths and channels is not None and lengths != {channels}:
        text = f"{step.name} is for {max(lengths)} channels, the image has {channels}"
    elif not len(mean) or not len(std):
        text = f"{step.name} holds no statistics"
    else:
        if not lengths and (channels or 1) > 1:  # torchvision takes them for all channels
            text = f"{step.name} has statistics of 1 channel, the image has {channels}"
            at.faults.append(Fault("few", text, {"channels": channels}))
        return False
    at.faults.append(Fault("length", text, {"channels": channels}))
    return True


def _split_in_two(first: Step, second: Step) -> bool:
    """Whether two normalizations are one in two steps, or the second undoes the first."""
    mean, std = np.array(first.values["mean"]), np.array(first.values["std"])
    then, by = np.array(second.values["mean"]), np.array(second.values["std"])
    try:
        undone = bool(np.allclose(std * by, 1) and np.allclose(mean + then * std, 0, atol=1e-6))
    except ValueError:  # of different lengths
        return False
    return undone or not mean.any() or bool((std == 1).all()) or not then.any()


def _against_range(at: Outcome, step: Step, mean: Floats, std: Floats) -> None:
    most = max(float(np.abs(mean).max()), float(std.max()))
    high = at.span[1]
    idle = not mean.any() and bool((std == 1).all())
    if high > 100 and most <= UNIT and not idle:
        text = f"{step.name} is meant for pixels of 0 to 1, and gets pixels of 0 to {high:g}"
    elif high <= UNIT and most > UNIT:
        text = f"{step.name} is meant for pixels of 0 to 255, and gets pixels of 0 to {high:g}"
    else:
        return
    evidence = {"mean": mean.tolist(), "std": std.tolist(), "greatest": high}
    at.faults.append(Fault("range", text, evidence))


def _resize(at: Outcome, step: Step) -> None:
    size, at.resized = step.values["size"], [*at.resized, step]
    if size is None:
        at.size = ("long", step.values["max_size"])
    elif len(size) == 2:
        at.size = ("exact", *size)
    elif at.size[0] == "exact" and at.size[1] == at.size[2] and step.values["max_size"] is None:
        at.size = ("exact", *size * 2)
    elif at.size[0] == "exact" and step.values["max_size"] is None:
        height, width = at.size[1:]
        short = min(height, width)  # as torchvision does: truncated
        at.size = ("exact", int(size[0] * height / short), int(size[0] * width / short))
    else:
        at.size = ("short", size[0], step.values["max_size"])


def _crop(at: Outcome, step: Step) -> None:
    size = step.values["size"]
    if step.values.get("random"):
        at.random.append(step)
    if step.values.get("resized"):
        at.resized = [*at.resized, step]
    if size is None:
        at.size = ("drawn",)
    elif at.size[0] in ("input", "padded") and not step.values.get("resized"):
        # Images of just this size are common, and then the crop only moves them.
        at.size = ("cropped", *size)
    else:
        at.size = ("exact", *size)


def _pad(at: Outcome, step: Step) -> None:
    by = (step.values["height"], step.values["width"])
    if at.size[0] == "exact":
        at.size = ("exact", at.size[1] + by[0], at.size[2] + by[1])
    elif at.size[0] != "drawn":
        at.size = ("padded", at.size, by)


def _gray(at: Outcome, step: Step) -> None:
    at.channels, at.gray = step.values["channels"], True


def _rgb(at: Outcome, step: Step) -> None:
    at.channels = 3


def _random(at: Outcome, step: Step) -> None:
    at.random.append(step)
    if step.values.get("resizing"):
        at.size = ("drawn",)
    if step.values.get("photometric") and at.normalized and not at.unknown:
        text = f"{step.name} stands after {at.normalized[-1].name}: it clips values to 0 to 1"
        at.faults.append(Fault("clipped", text))


def _sometimes(at: Outcome, step: Step) -> None:
    """Steps of which only some are taken: what they do to values is at random."""
    at.random.append(step)
    kinds = {s.kind for s in step.inner}
    touched = [s.name for s in step.inner if s.kind in ("normalize", "dtype", "tensor", "pil")]
    if touched:
        text = f"{step.name} leaves it to chance whether {touched[0]} is applied"
        at.faults.append(Fault("chance", text, {"steps": [s.name for s in step.inner]}))
    if kinds & {"resize", "crop", "pad"} or any(s.values.get("resizing") for s in step.inner):
        at.size = ("drawn",)
    at.unknown += [s for s in step.inner if s.kind == "unknown"]


def _fixed(at: Outcome, step: Step) -> None:
    at.fixed.append(step)


def _unknown(at: Outcome, step: Step) -> None:
    at.unknown.append(step)


_WALKERS = {
    "tensor": _tensor,
    "pil": _pil,
    "dtype": _to_dtype,
    "normalize": _normalize,
    "resize": _resize,
    "crop": _crop,
    "pad": _pad,
    "gray": _gray,
    "rgb": _rgb,
    "random": _random,
    "sometimes": _sometimes,
    "fixed": _fixed,
    "unknown": _unknown,
}


def _is_float(dtype: str) -> bool:
    return "float" in dtype


def keys(steps: list[Step]) -> list[Hashable]:
    """What tells opaque steps apart, in order."""
    return [s.key for s in steps]


def told(outcome: Outcome, scale: bool, statistics: bool) -> str:
    """How values are made of pixels, in words: what dtypes make of them, what Normalize does."""
    parts = []
    if scale:
        by = 1 / outcome.factor
        parts.append("pixels as they are" if by == 1 else f"pixels divided by {by:.6g}")
    for step in outcome.normalized if statistics else []:
        mean, std = step.values["mean"], step.values["std"]
        parts.append(f"normalized by mean {listed(mean)} and deviation {listed(std)}")
    return ", ".join(parts) or "not normalized"
