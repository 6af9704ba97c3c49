"""Reads image transforms into plain steps, by the names of torchvision's classes and functions.

Nothing of torch is imported and nothing is run here: a transform is what its attributes say. What
is not torchvision's own is an ``unknown`` step that is equal only to itself: the same object, or
the same code with the same values.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterable, Mapping
from typing import Any

from datacheck.errors import UsageError
from datacheck.pipelines.images.equal import frozen
from datacheck.pipelines.images.steps import READERS, Step

DEEPEST = 32
PHOTOMETRIC = frozenset({
    "ColorJitter", "RandomAdjustSharpness", "RandomAutocontrast", "RandomEqualize",
    "RandomPosterize", "RandomSolarize", "RandomInvert", "AugMix", "AutoAugment", "RandAugment",
    "TrivialAugmentWide", "RandomPhotometricDistort", "JPEG",
})  # fmt: skip
"""Supposes pixels of 0–1 or 0–255, and clips to them."""
RESIZING = frozenset({
    "RandomResize", "RandomShortestSize", "ScaleJitter", "RandomZoomOut", "RandomIoUCrop",
})  # fmt: skip
"""Gives another size each time."""
DRAWN = frozenset({
    "AugMix", "AutoAugment", "RandAugment", "TrivialAugmentWide", "ElasticTransform",
    "GaussianNoise", "CutMix", "MixUp", "RandomChannelPermutation",
})  # fmt: skip
"""Random whatever its settings."""
ANNOTATIONS = frozenset({
    "ClampBoundingBoxes", "ClampKeyPoints", "ConvertBoundingBoxFormat", "SanitizeBoundingBoxes",
    "SanitizeKeyPoints", "SetClampingMode", "ToPureTensor", "Identity",
})  # fmt: skip
"""Does nothing to pixels."""


def read(transform: Any) -> tuple[Step, ...]:
    """The steps of a transform; none for None.

    Understood are torchvision's transforms (v1 and v2), their functional forms (also bound with
    ``functools.partial`` or wrapped in ``Lambda``), the presets of its weights, ``Compose`` and
    ``nn.Sequential`` and lists, however nested, and data sets with a ``transform``. Raises
    UsageError for what cannot be called.
    """
    return tuple(_read(transform, 0))


def _read(thing: Any, depth: int) -> Iterable[Step]:
    if depth > DEEPEST:
        raise UsageError("the transforms contain themselves", f"at most {DEEPEST} levels are read")
    if thing is None:
        return []
    if isinstance(thing, list | tuple):
        return [s for item in thing for s in _read(item, depth + 1)]
    if isinstance(thing, functools.partial) and not isinstance(thing.func, type):
        return _function(thing.func, thing.args, dict(thing.keywords), thing)
    if isinstance(thing, types.FunctionType | types.BuiltinFunctionType | types.MethodType):
        return _function(thing, (), {}, thing)
    name = type(thing).__name__
    if not callable(thing):
        if hasattr(thing, "transform"):  # a data set
            return _read(thing.transform, depth + 1)
        raise UsageError(
            f"a {name} is no transform", "give what turns one image into what the model gets"
        )
    if name == "StandardTransform":
        return _read(thing.transform, depth + 1)
    if name in ("Compose", "Sequential"):
        inner = getattr(thing, "transforms", None)
        inner = list(thing) if inner is None and isinstance(thing, Iterable) else inner
        if isinstance(inner, list | tuple):
            return _read(list(inner), depth + 1)
    home = _torchvision_class(thing)
    if home is None:
        return [_unknown(thing)]
    if home == "Lambda":
        return _function(thing.lambd, (), {}, thing.lambd)
    if home in ("RandomApply", "RandomChoice", "RandomOrder"):
        return _container(home, thing, depth)
    return _known(home, vars(thing), thing)


def _torchvision_class(thing: Any) -> str | None:
    """The torchvision class whose behavior an object has; None if a subclass changes it."""
    for cls in type(thing).__mro__:
        if cls.__module__.startswith("torchvision."):
            return cls.__name__
        if cls.__module__ == "datacheck.pipelines.images.input":
            return cls.__name__
        if cls.__module__.startswith("torch.nn") and cls.__name__ == "Identity":
            return "Identity"
        if {"forward", "__call__", "transform", "_transform", "make_params"} & set(vars(cls)):
            return None
    return None


def _container(name: str, thing: Any, depth: int) -> Iterable[Step]:
    inner = tuple(_read(list(thing.transforms), depth + 1))
    if not inner:
        return []
    p = thing.p if name == "RandomApply" else None
    alone = name != "RandomApply" and len(thing.transforms) == 1
    if alone or (p is not None and p >= 1):
        return inner
    if p is not None and p <= 0:
        return []
    how = f"RandomApply(p={p:g})" if p is not None else name
    if name == "RandomOrder" and sum(s.kind != "random" for s in inner) < 2:
        # One step among augmentations: it is always taken, and so are they.
        return inner
    if all(s.kind in ("random", "fixed") or s.random for s in inner):
        listed = ", ".join(s.name for s in inner)
        values: dict[str, Any] = {}
        for step in inner:
            values.update({k: v for k, v in step.values.items() if v is True})
        return [Step("random", f"{how} of {listed}", values)]
    return [Step("sometimes", how, inner=inner)]


def _known(name: str, has: Mapping[str, Any], thing: Any) -> list[Step]:
    """The steps of a transform of torchvision, from its attributes."""
    if name in READERS:
        return READERS[name](has)
    if name in ANNOTATIONS:
        return []
    if name in DRAWN:
        return [_random(name, has)]
    if name in ("LinearTransformation", "UniformTemporalSubsample"):
        return [Step("fixed", name, key=(name, frozen(_public(has))))]
    if name in ("GaussianBlur", "JPEG"):
        low, high = has["sigma"] if name == "GaussianBlur" else has["quality"]
        if low == high:
            return [Step("fixed", name, key=(name, frozen(_public(has))))]
        return [_random(name, has)]
    if name == "ColorJitter":
        idle = all(has.get(k) is None for k in ("brightness", "contrast", "saturation", "hue"))
        return [] if idle else [_random(name, has)]
    if name in ("RandomRotation", "RandomAffine"):
        idle = not any(has["degrees"]) and not any(
            has.get(k) for k in ("translate", "scale", "shear")
        )
        return [] if idle else [_random(name, has)]
    if name.startswith("Random") or name == "ScaleJitter":
        p = has.get("p")
        if isinstance(p, int | float) and p <= 0:
            return []
        if isinstance(p, int | float) and p >= 1 and name in _ALWAYS:
            return [Step("fixed", f"{name}(p=1)", key=(name, frozen(_public(has))))]
        return [_random(name, has)]
    return [_unknown(thing)]


_ALWAYS = frozenset({
    "RandomHorizontalFlip", "RandomVerticalFlip", "RandomGrayscale", "RandomInvert",
    "RandomEqualize", "RandomAutocontrast", "RandomPosterize", "RandomSolarize",
    "RandomAdjustSharpness",
})  # fmt: skip


def _random(name: str, has: Mapping[str, Any]) -> Step:
    p = has.get("p")
    shown = f"{name}(p={p:g})" if isinstance(p, int | float) else name
    resizing = name in RESIZING or bool(has.get("expand"))
    return Step("random", shown, {"photometric": name in PHOTOMETRIC, "resizing": resizing})


# -- functional forms -------------------------------------------------------------------------

_FUNCTIONS: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {
    # name: (class, arguments after the image, defaults)
    "to_tensor": ("ToTensor", (), {}),
    "pil_to_tensor": ("PILToTensor", (), {}),
    "to_image": ("ToImage", (), {}),
    "to_pil_image": ("ToPILImage", (), {}),
    "convert_image_dtype": ("ConvertImageDtype", ("dtype",), {"dtype": "float32"}),
    "to_dtype": ("ToDtype", ("dtype", "scale"), {"dtype": "float32"}),
    "to_dtype_image": ("ToDtype", ("dtype", "scale"), {"dtype": "float32"}),
    "resize": ("Resize", ("size", "interpolation", "max_size", "antialias"), {}),
    "center_crop": ("CenterCrop", ("output_size",), {}),
    "pad": ("Pad", ("padding",), {}),
    "normalize": ("Normalize", ("mean", "std"), {}),
    "rgb_to_grayscale": ("Grayscale", ("num_output_channels",), {}),
    "to_grayscale": ("Grayscale", ("num_output_channels",), {}),
    "grayscale_to_rgb": ("RGB", (), {}),
    "five_crop": ("FiveCrop", ("size",), {}),
    "ten_crop": ("TenCrop", ("size",), {}),
}


def _function(
    function: Any, args: tuple[Any, ...], keywords: dict[str, Any], whole: Any
) -> list[Step]:
    module = str(getattr(function, "__module__", "") or "")
    name = str(getattr(function, "__name__", ""))
    # A positional argument of a partial would stand where the image goes.
    if not module.startswith("torchvision.transforms") or args:
        return [_unknown(whole)]
    if name in _FUNCTIONS:
        cls, _, has = _FUNCTIONS[name]
        has = {**has, **keywords}
        if "output_size" in has:
            has["size"] = has["output_size"]
        try:
            return READERS[cls](has)
        except (KeyError, TypeError, ValueError):
            return [_unknown(whole)]
    return [Step("fixed", name, key=(name, frozen(keywords)))]


def _unknown(thing: Any) -> Step:
    """A step that only running it could tell more about."""
    inner = thing.func if isinstance(thing, functools.partial) else thing
    name = getattr(inner, "__qualname__", None) or type(inner).__name__
    return Step("unknown", str(name).rpartition("<locals>.")[2], key=frozen(thing))


def _public(has: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in has.items() if not k.startswith("_") and k != "training"}
