"""Augmentations as plain data: the classes of torchvision that train alone goes through."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from datacheck.errors import UsageError
from datacheck.findings import names

AUGMENTATIONS = {
    # On pixels, before they are scaled.
    "AugMix": False, "AutoAugment": False, "ColorJitter": False, "ElasticTransform": False,
    "GaussianBlur": False, "JPEG": False, "RandAugment": False, "RandomAdjustSharpness": False,
    "RandomAffine": False, "RandomAutocontrast": False, "RandomCrop": False,
    "RandomEqualize": False, "RandomGrayscale": False, "RandomHorizontalFlip": False,
    "RandomInvert": False, "RandomPerspective": False, "RandomPosterize": False,
    "RandomResizedCrop": False, "RandomRotation": False, "RandomSolarize": False,
    "RandomVerticalFlip": False, "TrivialAugmentWide": False,
    # On normalized values.
    "GaussianNoise": True, "RandomErasing": True,
}  # fmt: skip
"""Classes of torchvision.transforms.v2 that only train goes through, and whether they come last."""


@dataclass(frozen=True)
class Augmentation:
    """One random step of train: a class of torchvision.transforms.v2 and its arguments."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name not in AUGMENTATIONS:
            raise UsageError(
                f"no augmentation {self.name!r}", f"there are {names(AUGMENTATIONS, 30)}"
            )
        try:
            plain = json.loads(json.dumps(dict(self.params), allow_nan=False))
        except (TypeError, ValueError):
            raise UsageError(
                f"{self.name}: {dict(self.params)!r} is not plain data",
                "numbers, texts and lists are; interpolation is a text such as 'bilinear'",
            ) from None
        object.__setattr__(self, "params", plain)

    def build(self, size: Sequence[int] | None) -> Any:
        """The transform; crops get ``size`` unless they have one. Raises UsageError."""
        from torchvision.transforms import InterpolationMode, v2

        params = dict(self.params)
        if self.name in ("RandomCrop", "RandomResizedCrop") and size is not None:
            params.setdefault("size", list(size))
        try:
            if "interpolation" in params:
                params["interpolation"] = InterpolationMode(params["interpolation"])
            if self.name == "GaussianNoise":
                params.setdefault("clip", False)  # normalized values go beyond 0 to 1
            return getattr(v2, self.name)(**params)
        except (TypeError, ValueError) as error:
            said = " ".join(str(error).split())[:160]
            raise UsageError(f"{self.name}: {said}", "torchvision.transforms.v2 tells") from None


def augmentations(augment: Any) -> tuple[Augmentation, ...]:
    """From a name, names, or a mapping of names to arguments. Raises UsageError."""
    if augment is None:
        return ()
    if isinstance(augment, str | Augmentation):
        augment = [augment]
    if isinstance(augment, Mapping):
        augment = list(augment.items())
    out = []
    for one in augment:
        if isinstance(one, Augmentation):
            out.append(one)
        elif isinstance(one, str):
            out.append(Augmentation(one))
        elif isinstance(one, tuple) and len(one) == 2 and isinstance(one[1], Mapping):
            out.append(Augmentation(str(one[0]), one[1]))
        else:
            raise UsageError(
                f"augment has {one!r}",
                "give names of torchvision.transforms.v2, or a mapping of names to arguments",
            )
    return tuple(out)
