"""Images to fit on, from arrays, archives, lists and data sets: those of train, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.images.input import Layout, first

CHUNK = 1 << 22  # values at a time
TRAIN_NAMES = ("train", "training", "tr", "fit")
UNDERSTOOD = (
    "an array (N, H, W), (N, H, W, C) or (N, C, H, W), an npz archive with x_train, a list of PIL "
    "images, a data set of (image, label), or a mapping with train"
)


@dataclass(frozen=True)
class Images:
    """Images of one dtype and number of channels.

    ``stack`` holds them all in one array where they came so; otherwise ``items`` gives them one by
    one. ``size`` is (height, width) if all have the same; it is only known for a stack.
    """

    layout: Layout
    dtype: str
    channels: int
    size: tuple[int, int] | None
    stack: np.ndarray[Any, Any] | None = None
    items: Any = None

    def __len__(self) -> int:
        return len(self.items if self.stack is None else self.stack)

    def chunks(self) -> Iterator[np.ndarray[Any, Any]]:
        """Arrays (n, C, H, W), in order. Raises UsageError for an image unlike the first."""
        if self.stack is not None:
            one = max(1, int(np.prod(self.stack.shape[1:])))
            step = max(1, CHUNK // one)
            for at in range(0, len(self.stack), step):
                yield _channels_first(self.stack[at : at + step], self.layout)
            return
        for i in range(len(self.items)):
            image = _array(_item(self.items, i))
            found = _described(image)
            if found != (self.dtype, self.channels):
                raise UsageError(
                    f"image {i} is {found[0]} with {found[1]} channels",
                    f"the first is {self.dtype} with {self.channels}; convert them to one kind",
                )
            yield image[None]


def open_images(source: Any, channels_last: bool | None = None) -> Images:
    """The train images of a source. Raises UsageError for what holds none."""
    if isinstance(source, str | Path):
        source = _archive(Path(source))
    if isinstance(source, Mapping):
        name = next((k for k in source if str(k).lower() in TRAIN_NAMES), None)
        if name is None:
            raise UsageError(f"no train among {names(map(str, source), 6)}", "name it train")
        return open_images(source[name], channels_last)
    if hasattr(source, "detach") and source.ndim in (3, 4):
        return _stacked(source.detach().cpu().numpy(), channels_last=False)
    if isinstance(source, np.ndarray):
        return _stacked(source, channels_last)
    if not (hasattr(source, "__getitem__") and hasattr(source, "__len__")):
        raise UsageError(f"a {type(source).__name__} holds no images", f"give {UNDERSTOOD}")
    if not len(source):
        raise UsageError("there is no image to fit on", f"give {UNDERSTOOD}")
    item = _item(source, 0)
    layout: Layout = "channels-last"
    if isinstance(item, np.ndarray) and channels_last is False:
        layout = "channels-first"
    if isinstance(item, np.ndarray) and item.ndim == 3:
        layout = _layout(item[None].shape, channels_last)
        source = _Reordered(source) if layout == "channels-first" else source
    dtype, channels = _described(_array(_item(source, 0)))
    return Images(layout, dtype, channels, None, items=source)


class _Reordered:
    """Arrays (C, H, W) of a data set as tensors, which have their channels there too."""

    def __init__(self, source: Sequence[Any]) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, i: int) -> Any:
        return np.moveaxis(_item(self.source, i), 0, -1)


def _archive(path: Path) -> np.ndarray[Any, Any]:
    from datacheck.sources.layout import split_of

    try:
        with np.load(path, allow_pickle=False) as loaded:
            parts = {n: n.replace("-", "_").split("_") for n in loaded.files}
            told = {n: next(filter(None, map(split_of, p)), "") for n, p in parts.items()}
            wanted = [n for n in told if told[n] == "train"] or [n for n in told if not told[n]]
            arrays = {n: loaded[n] for n in wanted}
            found = ", ".join(loaded.files)
    except (OSError, ValueError, EOFError) as error:
        said = " ".join(str(error).split())[:100]
        raise UsageError(f"{path} is no npz archive: {said}", f"give {UNDERSTOOD}") from None
    images = {n: a for n, a in arrays.items() if a.ndim in (3, 4)}
    if len(images) != 1:
        raise UsageError(
            f"{path} has {len(images)} arrays of train images",
            f"one is needed, of shape (N, H, W), (N, H, W, C) or (N, C, H, W); it has {found}",
        )
    return next(iter(images.values()))


def _stacked(stack: np.ndarray[Any, Any], channels_last: bool | None) -> Images:
    if stack.ndim not in (3, 4) or not stack.size or stack.dtype.kind not in "uif":
        raise UsageError(
            f"an array of shape {stack.shape} and {stack.dtype} holds no images",
            f"give {UNDERSTOOD}; one image is image[None]",
        )
    if not stack.dtype.isnative:
        stack = stack.astype(stack.dtype.newbyteorder("="))
    layout: Layout = "channels-last" if stack.ndim == 3 else _layout(stack.shape, channels_last)
    _, channels, height, width = _channels_first(stack[:1], layout).shape
    return Images(layout, str(stack.dtype), channels, (height, width), stack)


def _layout(shape: tuple[int, ...], channels_last: bool | None) -> Layout:
    """Where an array (N, …) of four dimensions has its channels: 1 to 4 of them."""
    if channels_last is not None:
        return "channels-last" if channels_last else "channels-first"
    last, before = shape[3] in (1, 2, 3, 4), shape[1] in (1, 2, 3, 4)
    if last == before:
        raise UsageError(
            f"images of shape {shape}: channels may be {'first or last' if last else 'neither'}",
            "say channels_last=True for (N, H, W, C), False for (N, C, H, W)",
        )
    return "channels-last" if last else "channels-first"


def _channels_first(stack: np.ndarray[Any, Any], layout: Layout) -> np.ndarray[Any, Any]:
    return stack[:, None] if stack.ndim == 3 else first(stack, layout)


def _item(source: Any, i: int) -> Any:
    item = source[i]
    return item[0] if isinstance(item, tuple | list) else item


def _array(image: Any) -> np.ndarray[Any, Any]:
    """One image as an array (C, H, W)."""
    if hasattr(image, "detach"):
        array: np.ndarray[Any, Any] = image.detach().cpu().numpy()
        return array[None] if array.ndim == 2 else array
    if getattr(image, "mode", "") == "1":
        image = image.convert("L")  # as torchvision reads it: black is 0, white is 255
    array = np.asarray(image)
    if array.ndim not in (2, 3) or array.dtype.kind not in "uifb":
        raise UsageError(f"a {type(image).__name__} is no image", f"give {UNDERSTOOD}")
    return first(array, "channels-last")


def _described(array: np.ndarray[Any, Any]) -> tuple[str, int]:
    return str(array.dtype), int(array.shape[0])
