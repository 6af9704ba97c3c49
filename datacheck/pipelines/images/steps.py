"""What a step of an image transform is, and how the classes of torchvision become steps."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Step:
    """One step of a transform, in plain data.

    ``kind`` is one of ``tensor``, ``pil``, ``dtype``, ``resize``, ``crop``, ``pad``, ``gray``,
    ``rgb``, ``normalize``, ``random`` (an augmentation), ``sometimes`` (steps that are not always
    taken, in ``inner``), ``fixed`` (any other that always does the same) and ``unknown``.
    ``name`` is how a person would write it; ``key`` tells ``fixed`` and ``unknown`` steps apart.
    """

    kind: str
    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    key: Hashable = None
    inner: tuple[Step, ...] = ()

    @property
    def random(self) -> bool:
        """Whether its result differs from call to call."""
        return self.kind in ("random", "sometimes") or bool(self.values.get("random"))


def _resize(has: Mapping[str, Any]) -> list[Step]:
    size, most = pair(has["size"]), has.get("max_size")
    name = f"Resize({_sized(size)})"
    values: dict[str, Any] = {"size": size, "max_size": most}
    values |= {"interpolation": _mode(has), "antialias": has.get("antialias", True)}
    return [Step("resize", name, values)]


def _crop(name: str, random: bool) -> Callable[[Mapping[str, Any]], list[Step]]:
    def reader(has: Mapping[str, Any]) -> list[Step]:
        size = pair(has["size"], square=True)
        return [Step("crop", f"{name}({_sized(size)})", {"size": size, "random": random})]

    return reader


def _resized_crop(has: Mapping[str, Any]) -> list[Step]:
    size = pair(has["size"], square=True)
    values: dict[str, Any] = {"size": size, "random": True, "resized": True}
    values |= {"interpolation": _mode(has), "antialias": has.get("antialias", True)}
    return [Step("crop", f"RandomResizedCrop({_sized(size)})", values)]


def _pad(has: Mapping[str, Any]) -> list[Step]:
    by = has["padding"]
    sides = [int(by)] if isinstance(by, int | float) else [int(b) for b in by]
    left, top = sides[0], sides[1 if len(sides) > 1 else 0]
    right, bottom = (sides[2], sides[3]) if len(sides) == 4 else (left, top)
    return [Step("pad", f"Pad({by})", {"height": top + bottom, "width": left + right})]


def _normalize(has: Mapping[str, Any]) -> list[Step]:
    mean, std = numbers(has["mean"]), numbers(has["std"])
    values = {"mean": mean, "std": std}
    return [Step("normalize", f"Normalize({listed(mean)}, {listed(std)})", values, (mean, std))]


def _to_dtype(has: Mapping[str, Any]) -> list[Step]:
    dtype = has["dtype"]
    if isinstance(dtype, Mapping):
        of = {getattr(k, "__name__", str(k)): v for k, v in dtype.items()}
        dtype = next((of[k] for k in ("Image", "Tensor", "Video", "others") if of.get(k)), None)
    if dtype is None:
        return []
    scale = bool(has.get("scale", False))
    name = f"ToDtype({_dtype(dtype)}, scale={scale})"
    return [Step("dtype", name, {"dtype": _dtype(dtype), "scale": scale})]


def _convert(has: Mapping[str, Any]) -> list[Step]:
    dtype = _dtype(has["dtype"])
    return [Step("dtype", f"ConvertImageDtype({dtype})", {"dtype": dtype, "scale": True})]


def _gray(has: Mapping[str, Any]) -> list[Step]:
    channels = int(has.get("num_output_channels", 1))
    return [Step("gray", f"Grayscale({channels})", {"channels": channels})]


def _tensor(name: str, scale: bool) -> Callable[[Mapping[str, Any]], list[Step]]:
    return lambda _: [Step("tensor", name, {"scale": scale})]


def _preset(has: Mapping[str, Any]) -> list[Step]:
    """The transforms that come with torchvision's weights, as the steps that they take."""
    steps: list[Step] = []
    if has.get("resize_size") is not None:
        steps += _resize({**has, "size": has["resize_size"]})
    if has.get("crop_size") is not None:
        steps += _crop("CenterCrop", random=False)({"size": has["crop_size"]})
    steps += [Step("tensor", "PILToTensor", {"scale": False})]
    steps += _convert({"dtype": "float32"})
    return steps + (_normalize(has) if has.get("mean") is not None else [])


def _flow(_: Mapping[str, Any]) -> list[Step]:
    return _preset({"mean": [0.5] * 3, "std": [0.5] * 3})


READERS: dict[str, Callable[[Mapping[str, Any]], list[Step]]] = {
    "ToTensor": _tensor("ToTensor", scale=True),
    "PILToTensor": _tensor("PILToTensor", scale=False),
    "ToImage": _tensor("ToImage", scale=False),
    "AsImage": lambda has: [Step("tensor", "AsImage", {"scale": False, **has})],
    "ToPILImage": lambda _: [Step("pil", "ToPILImage")],
    "ConvertImageDtype": _convert,
    "ToDtype": _to_dtype,
    "Resize": _resize,
    "CenterCrop": _crop("CenterCrop", random=False),
    "RandomCrop": _crop("RandomCrop", random=True),
    "RandomResizedCrop": _resized_crop,
    "FiveCrop": _crop("FiveCrop", random=False),
    "TenCrop": _crop("TenCrop", random=False),
    "Pad": _pad,
    "Grayscale": _gray,
    "RGB": lambda _: [Step("rgb", "RGB")],
    "Normalize": _normalize,
    "ImageClassification": _preset,
    "SemanticSegmentation": _preset,
    "ObjectDetection": lambda _: _preset({}),
    "VideoClassification": lambda has: _preset({**has, "antialias": False}),
    "OpticalFlow": _flow,
}


# -- values -----------------------------------------------------------------------------------


def pair(size: Any, *, square: bool = False) -> tuple[int, ...] | None:
    """``(224,)`` for the shorter side, ``(h, w)`` for both; None where the size is not set."""
    if size is None:
        return None
    items = (int(size),) if isinstance(size, int | float) else tuple(int(s) for s in size)
    return items * 2 if square and len(items) == 1 else items


def numbers(values: Any) -> tuple[float, ...]:
    """Floats from a number, a sequence, an array or a tensor."""
    if isinstance(values, int | float):
        return (float(values),)
    values = values.tolist() if hasattr(values, "tolist") else values
    return tuple(float(v) for v in (values if isinstance(values, Iterable) else [values]))


def listed(values: tuple[float, ...]) -> str:
    """``(0.485, 0.456, 0.406)``, rounded as a person would write it."""
    return f"({', '.join(f'{v:.4g}' for v in values[:4])}{', …' if len(values) > 4 else ''})"


def _sized(size: tuple[int, ...] | None) -> str:
    return "×".join(map(str, size)) if size else "?"


def _mode(has: Mapping[str, Any]) -> str:
    mode = has.get("interpolation", "bilinear")
    by_number = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}
    if isinstance(mode, int):
        return by_number.get(int(mode), str(int(mode)))
    return str(getattr(mode, "value", mode)).lower()


def _dtype(dtype: Any) -> str:
    name = str(dtype).removeprefix("torch.")
    return {"float": "float32", "double": "float64", "half": "float16"}.get(name, name)
