"""Runs transforms on some images, with seeds that leave no trace."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from datacheck.errors import UsageError
from datacheck.pipelines.images.walk import Input

MOST = 16
"""Images that are looked at."""
DRAWS = 6
"""Times that each is transformed, with other seeds."""
UNDERSTOOD = "a PIL image, a tensor, an array, a list of them, or a data set of (image, label)"


@dataclass
class Ran:
    """What a transform gave: for each image, one result a draw; or what it raised."""

    results: list[list[Any]] = field(default_factory=list)
    error: str = ""
    form: str = ""

    @property
    def drawn(self) -> bool:
        """Whether results differ from draw to draw."""
        return any(not same(first, other) for first, *rest in self.results for other in rest)


def images(sample: Any) -> list[Any]:
    """At most 16 images of a sample: PIL images, tensors (C, H, W), or arrays (H, W[, C]).

    Raises UsageError for what holds no images.
    """
    if hasattr(sample, "mode") and hasattr(sample, "getbands"):
        return [sample]
    if hasattr(sample, "detach"):
        return list(sample[:MOST]) if sample.ndim == 4 else [sample]
    if isinstance(sample, np.ndarray):
        return _of_array(sample)
    if isinstance(sample, Mapping) or not hasattr(sample, "__getitem__"):
        raise UsageError(f"a {type(sample).__name__} is no sample of images", f"give {UNDERSTOOD}")
    if not len(sample):
        raise UsageError("the sample holds no image", f"give {UNDERSTOOD}")
    out = []
    for i in range(min(len(sample), MOST)):
        item = sample[i]
        item = item[0] if isinstance(item, list | tuple) else item
        out += _of_array(item)[:1] if isinstance(item, np.ndarray) else [item]
    return out


def _of_array(array: np.ndarray[Any, Any]) -> list[Any]:
    if array.ndim == 2:
        return [array]
    if array.ndim == 3 and (array.shape[-1] in (1, 3, 4) or array.shape[0] in (1, 3)):
        return [array if array.shape[-1] in (1, 3, 4) else np.moveaxis(array, 0, -1)]
    if array.ndim in (3, 4) and len(array):
        return [i for one in array[:MOST] for i in _of_array(one)]
    raise UsageError(f"an array of shape {array.shape} holds no images", f"give {UNDERSTOOD}")


def described(items: Sequence[Any]) -> Input:
    """What the images have in common: dtype, channels and size, each None where they differ."""
    shapes = {_shape(i) for i in items}
    channels = {s[0] for s in shapes}
    sizes = {s[1:] for s in shapes}
    dtypes = {str(getattr(i, "dtype", "uint8")).removeprefix("torch.") for i in items}
    one = next(iter(dtypes))
    height, width = next(iter(sizes))
    return Input(
        one if len(dtypes) == 1 else "uint8",
        next(iter(channels)) if len(channels) == 1 else None,
        (height, width) if len(sizes) == 1 else None,
    )


def _shape(image: Any) -> tuple[int, int, int]:
    """(channels, height, width)."""
    if hasattr(image, "getbands"):
        return len(image.getbands()), image.height, image.width
    shape = tuple(int(n) for n in image.shape)
    if isinstance(image, np.ndarray):
        return (shape[2] if len(shape) > 2 else 1), shape[0], shape[1]
    return (shape[-3] if len(shape) > 2 else 1), shape[-2], shape[-1]


def run(transforms: Mapping[str, Any], items: Sequence[Any], seed: int = 0) -> dict[str, Ran]:
    """Each transform over the images, in the first form that all of them take.

    Forms are tried in this order: as given, as PIL images, as tensors. The states of the random
    generators of Python, NumPy and torch are the same afterwards as before. Where no form suits
    all, the form that suits the most, with the errors of the others.
    """
    best: dict[str, Ran] = {}
    for form, convert in _forms(items):
        try:
            given = [convert(i) for i in items]
        except (TypeError, ValueError, OSError, ImportError):
            continue
        ran = {name: _run(call, given, seed, form) for name, call in transforms.items()}
        if not any(r.error for r in ran.values()):
            return ran
        if not best or _failed(ran) < _failed(best):
            best = ran
    return best


def _failed(ran: Mapping[str, Ran]) -> int:
    return sum(bool(r.error) for r in ran.values())


def _forms(items: Sequence[Any]) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    yield "as given", lambda i: i
    yield "as PIL images", _to_pil
    yield "as tensors", _to_tensor


def _to_pil(image: Any) -> Any:
    from PIL import Image

    if hasattr(image, "getbands"):
        return image
    array = image if isinstance(image, np.ndarray) else np.moveaxis(image.numpy(), 0, -1)
    if array.dtype != np.uint8:
        raise ValueError(f"a PIL image of {array.dtype}")
    return Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array)


def _to_tensor(image: Any) -> Any:
    import torch

    array = np.asarray(image) if not hasattr(image, "detach") else image.numpy()
    if not hasattr(image, "detach"):
        array = np.moveaxis(array if array.ndim == 3 else array[..., None], -1, 0)
    return torch.from_numpy(np.array(array))


def _run(call: Any, items: Sequence[Any], seed: int, form: str) -> Ran:
    out = Ran(form=form)
    if call is None:
        out.results = [[np.asarray(i)] for i in items]
        return out
    with _seeds_kept() as seeded:
        for i, item in enumerate(items):
            draws = []
            for draw in range(DRAWS):
                seeded(seed + i * DRAWS + draw)
                try:
                    draws.append(_plain(call(_copied(item))))
                except Exception as error:  # whatever the user's code makes of the image
                    said = " ".join(str(error).split())[:120]
                    out.error = f"{type(error).__name__}: {said}"
                    return out
            out.results.append(draws)
    return out


def _copied(item: Any) -> Any:
    return item.clone() if hasattr(item, "clone") else item.copy()


def _plain(result: Any) -> Any:
    """The image of a result, as an array; channels first where it was a tensor."""
    if isinstance(result, tuple | list) and result:
        result = result[0]
    if hasattr(result, "detach"):
        return result.detach().cpu().numpy()
    return result if isinstance(result, np.ndarray) else Pil(np.asarray(result))


class Pil:
    """The pixels of a result that is no tensor: no model takes it."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = array


def pixels(result: Any) -> np.ndarray[Any, Any]:
    """The array of a result."""
    return result.array if isinstance(result, Pil) else result


def same(one: Any, other: Any) -> bool:
    """Whether two results agree bit by bit."""
    one, other = pixels(one), pixels(other)
    return one.shape == other.shape and bool(
        np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    )


@contextmanager
def _seeds_kept() -> Iterator[Callable[[int], None]]:
    """A function that seeds all generators; their states come back at the end."""
    torch: Any
    try:
        torch = import_module("torch")
    except ImportError:
        torch = None  # transforms of arrays do without it
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - kept, not drawn from

    def seed(value: int) -> None:
        random.seed(value)
        np.random.seed(value)  # noqa: NPY002 - the generator that transforms use
        if torch is not None:
            torch.manual_seed(value)

    with torch.random.fork_rng(devices=[]) if torch is not None else nullcontext():
        try:
            yield seed
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002 - as above
