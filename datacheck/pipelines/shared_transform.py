"""One image transform for all splits, with statistics from train; saved as JSON, never pickled."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from datacheck.errors import UsageError
from datacheck.findings import Severity, names
from datacheck.pipelines.images.augment import AUGMENTATIONS, Augmentation, augmentations
from datacheck.pipelines.images.input import AsImage, Layout
from datacheck.pipelines.images.sources import open_images
from datacheck.pipelines.images.statistics import fit, given

VERSION = 1
KEY = "image"
SCALED = ("uint8", "uint16")
"""Dtypes of which the greatest value is white."""
INSTALL = 'torch and torchvision are an extra: pip install "datacheck-ml[torch]"'


@dataclass(frozen=True)
class SharedTransform:
    """A fitted image transform: ``train`` augments, ``evaluation`` does all the rest alike.

    Both give float32 tensors (C, H, W): resized to ``size`` (height, width) where there is one,
    divided by the greatest pixel where ``scale`` (integers only), then (x − ``mean``)/``std`` for
    each channel. Images must have the ``dtype`` and ``channels`` of those it was fitted on.

    With a ``mode`` (``L`` or ``RGB``) it is for pictures, which :meth:`read` decodes first.
    Raises UsageError for figures that are no number each channel, or a deviation of 0.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    dtype: str
    channels: int
    layout: Layout = "channels-last"
    size: tuple[int, int] | None = None
    scale: bool = True
    augment: tuple[Augmentation, ...] = ()
    mode: str = ""
    fitted_on: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            given = getattr(self, name)
            if len(given) != self.channels or not np.isfinite(given).all():
                raise UsageError(
                    f"{name} is {given}", f"one finite number for each of {self.channels} channels"
                )
        if not min(self.std) > 0:
            raise UsageError(f"std is {self.std}", "each is greater than 0")

    @cached_property
    def evaluation(self) -> Any:
        """The transform of validation, test and serving: a ``v2.Compose``, always the same."""
        return self._compose(())

    @cached_property
    def train(self) -> Any:
        """The transform of train: that of the evaluation, and ``augment`` in between."""
        return self._compose(self.augment)

    def read(self, picture: Any, *, shrink: bool = False) -> Any:
        """A picture (a path or the bytes of a file) as uint8 of shape (height, width[, 3]).

        Upright, in ``mode`` and ``size``. ``shrink`` decodes large JPEG at ½, ¼ or ⅛ where that
        is no smaller than ``size``: faster, and some levels of gray apart. Raises
        :class:`~datacheck.sources.images.Unreadable`, and UsageError where it is not for pictures.
        """
        from datacheck.sources.images.decoding import decode

        if not self.mode:
            raise UsageError("this transform is for arrays", "fit it on pictures")
        item = Path(picture) if isinstance(picture, str) else picture
        return decode(item, self.size, self.mode, shrink=shrink)

    def __call__(self, picture: Any) -> Any:
        """A picture, or an array or tensor of its pixels, as the evaluation sees it: (C, H, W)."""
        if isinstance(picture, str | os.PathLike | bytes):
            picture = self.read(picture)
        return self.evaluation(picture)

    def _compose(self, augment: Sequence[Augmentation]) -> Any:
        torch, v2 = _torch()
        size = self.size or self.fitted_on.get("size")
        early = [a.build(size) for a in augment if not AUGMENTATIONS[a.name]]
        late = [a.build(size) for a in augment if AUGMENTATIONS[a.name]]
        resize = [v2.Resize(list(self.size), antialias=True)] if self.size else []
        return v2.Compose(
            [
                AsImage(self.dtype, self.channels, self.layout),
                *resize,
                *early,
                v2.ToDtype(torch.float32, scale=self.scale and self.dtype in SCALED),
                v2.Normalize(list(self.mean), list(self.std)),
                *late,
                v2.ToPureTensor(),
            ]
        )

    # -- JSON ---------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """As plain data; floats survive JSON unchanged."""
        return {
            "version": VERSION,
            "size": list(self.size) if self.size else None,
            "scale": self.scale,
            "mean": list(self.mean),
            "std": list(self.std),
            "dtype": self.dtype,
            "channels": self.channels,
            "layout": self.layout,
            "augment": [{"name": a.name, "params": dict(a.params)} for a in self.augment],
            **({"mode": self.mode} if self.mode else {}),
            "fitted_on": dict(self.fitted_on),
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> SharedTransform:
        """What :meth:`to_dict` gave. Raises UsageError for anything else."""
        if raw.get("version") != VERSION:
            raise UsageError(
                f"no image transform of version {VERSION}",
                f"version {raw.get('version')!r} was found",
            )
        try:
            size = raw["size"]
            if raw["layout"] not in ("channels-last", "channels-first"):
                raise ValueError(raw["layout"])
            return cls(
                mean=tuple(float(v) for v in raw["mean"]),
                std=tuple(float(v) for v in raw["std"]),
                dtype=str(raw["dtype"]),
                channels=int(raw["channels"]),
                layout=raw["layout"],
                size=None if size is None else (int(size[0]), int(size[1])),
                scale=bool(raw["scale"]),
                augment=tuple(Augmentation(a["name"], a["params"]) for a in raw["augment"]),
                mode=_mode(raw.get("mode", "")),
                fitted_on=dict(raw["fitted_on"]),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise UsageError(
                f"a broken image transform: {type(error).__name__}: {error}",
                f"it has {names(map(str, raw), 12)}",
            ) from None

    def save(self, path: str | Path) -> None:
        """Write a JSON file with this transform below the key ``image``.

        What else a file by that name holds (``pipeline.json``) stays in it. The file is replaced
        as a whole, or not at all. Raises UsageError where it cannot be written.
        """
        path = Path(path)
        whole = _json(path) if path.exists() else {}
        text = json.dumps({**whole, KEY: self.to_dict()}, indent=2, allow_nan=False)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            aside.write_text(text + "\n", encoding="utf-8")
            aside.replace(path)
        except OSError as error:
            aside.unlink(missing_ok=True)
            raise UsageError(f"cannot write {path}: {error.strerror}", "name another") from None

    @classmethod
    def load(cls, path: str | Path) -> SharedTransform:
        """Read what :meth:`save` wrote. Raises UsageError."""
        whole = _json(Path(path))
        if KEY not in whole:
            raise UsageError(f"{path} holds no image transform", f"it has {names(whole, 8)}")
        found = whole[KEY]
        return cls.from_dict(found if isinstance(found, dict) else {})


def shared_transform(
    images: Any,
    *,
    size: int | tuple[int, int] | None = None,
    scale: bool = True,
    augment: Any = None,
    statistics: Any = None,
    channels_last: bool | None = None,
) -> SharedTransform:
    """Fit one image transform on the train images, to be used for every split.

    ``images`` are those of train: an array (N, H, W), (N, H, W, C) or (N, C, H, W), a tensor, the
    path of an npz archive (its ``x_train``), a list of PIL images, a data set of (image, label), or
    a mapping of splits, of which only ``train`` is looked at. ``channels_last`` says how arrays
    lie where their shape does not. ``size`` is (height, width), or one number for both. ``scale``
    divides integer pixels (uint8, uint16) by the greatest there can be.

    ``augment`` is what train goes through besides: names of classes of torchvision.transforms.v2,
    or a mapping of those to their arguments: ``{"RandomCrop": {"padding": 4}}``. ``statistics``
    replaces what would be fitted: ``"imagenet"``, or (means, deviations) on the scale of the
    transform, for a model that was pretrained with them.

    Means and (population) standard deviations are exact, over all pixels of each channel after
    resizing, merged chunk by chunk (Chan, Golub & LeVeque 1983). A channel that never varies has
    deviation 1. Raises UsageError, for images of different kinds and for an augmentation after
    which train and evaluation would differ as well.
    """
    _torch()
    opened = open_images(images, channels_last)
    wanted = sides(size)
    scaled = scale and opened.dtype in SCALED
    if statistics is None:
        mean, std, fitted_on = fit(opened, wanted, scaled)
    else:
        mean, std = given(statistics, opened.channels)
        fitted_on = {"statistics": statistics if isinstance(statistics, str) else "given"}
    out = SharedTransform(
        mean=mean,
        std=std,
        dtype=opened.dtype,
        channels=opened.channels,
        layout=opened.layout,
        size=wanted,
        scale=scale,
        augment=augmentations(augment),
        fitted_on={**fitted_on, "size": list(opened.size) if opened.size else None},
    )
    _check(out)
    return out


def _check(made: SharedTransform) -> None:
    from datacheck.pipelines.transforms_audit import audit_transforms

    report = audit_transforms(made.train, made.evaluation, channels=made.channels)
    # Statistics that were fitted are those of the pixels, however small or large they are.
    fitted = "statistics" not in made.fitted_on
    worst = [
        f
        for f in report.at_least(Severity.WARNING)
        if not (fitted and f.evidence["kind"] == "range")
    ]
    if worst:
        listed = names((a.name for a in made.augment), 8)
        raise UsageError(worst[0].message, f"change statistics or augment ({listed or 'none'})")


def sides(size: Any) -> tuple[int, int] | None:
    """(height, width) of what a caller gives for a size. Raises UsageError for no size."""
    if size is None:
        return None
    both = (size, size) if isinstance(size, int) else tuple(size)
    if len(both) != 2 or any(isinstance(s, bool) or not 1 <= int(s) <= 1 << 15 for s in both):
        raise UsageError(f"size is {size!r}", "(height, width), or one number for both")
    return int(both[0]), int(both[1])


def _mode(mode: Any) -> str:
    if mode not in ("", "L", "RGB"):
        raise ValueError(f"mode {mode!r}")
    return str(mode)


def _json(path: Path) -> dict[str, Any]:
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "check the path") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}", "was it written by save()?") from None
    if not isinstance(whole, dict):
        raise UsageError(f"{path} holds a {type(whole).__name__}", "it should hold an object")
    return whole


def _torch() -> tuple[Any, Any]:
    try:
        import torch
        from torchvision.transforms import v2
    except ImportError as error:
        raise UsageError(f"image transforms need {error.name or 'torch'}", INSTALL) from None
    return torch, v2
