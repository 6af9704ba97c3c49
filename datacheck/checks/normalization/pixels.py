"""Whether the pictures of one split are those of another on another scale, or with other channels.

A line that maps every pixel maps the mean of each channel of each picture alike, and stretches its
deviation by the same factor. So the question about millions of pixels is one about the means and
deviations of pictures, which the scan has measured: is the distribution of the other split's
train's, mapped, in every channel? A true change of pictures is no such image of train.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from datacheck.checks.base import Context, NotApplicable
from datacheck.checks.normalization.maps import IMAGENET
from datacheck.checks.quantiles import distance, distance_low
from datacheck.dataset import Dataset, Kind
from datacheck.types import Floats

CHANNELS = ("red", "green", "blue")
LEAST = 20  # pictures in each split
SLACK = 0.01  # of the mean deviation of the other split: what rounding may have moved
LEFT = (1.95, 0.1)  # what may be left: a multiple of 1/√(n·m/(n+m)), or so much
BELOW = {1: 0.0, 255: 1.0, 65535: 255.0}  # scales, and where the next smaller one ends
THIRD = 3.0  # … and at most this part of what there was


@dataclass(frozen=True, slots=True)
class PixelMap:
    """``other = scale · train + offset`` in each channel, train's taken in ``order``.

    ``text`` is said of the split that has been through it: the other one, or train where ``back``.
    """

    name: str
    text: str
    scale: tuple[float, float, float]
    offset: tuple[float, float, float]
    order: tuple[int, int, int] = (0, 1, 2)
    back: bool = False
    top: int = 0
    """Where the scale ends of the split that has not been through it; 0 for any scale."""


@dataclass(frozen=True, slots=True)
class PixelMismatch:
    """The pictures of ``column`` in ``other`` are train's under ``map``.

    ``distance`` and ``low`` are of the channel that differs most, ``left`` the most that any
    channel or deviation differs by once the map is undone.
    """

    column: str
    map: PixelMap
    distance: float
    low: float
    left: float
    pictures: int


def need_pixels(data: Dataset) -> list[str]:
    """What is measured of pictures that this reads."""
    out: list[str] = []
    for column in pictures(data):
        out += [f"{column}.{figure}_{c}" for figure in ("mean", "std") for c in CHANNELS]
    return out


def pictures(data: Dataset) -> list[str]:
    """Columns of pictures."""
    return list(data.select(Kind.IMAGE))


def pixel_mismatches(
    context: Context, train: str, other: str, least: float
) -> Iterator[PixelMismatch]:
    """One for each column of pictures whose other split is train's, mapped; the simplest map."""
    for column in pictures(context.data):
        a, b = _figures(context, train, column), _figures(context, other, column)
        if min(a.shape[1], b.shape[1]) < LEAST:
            continue
        found = _judge(column, a, b, least)
        if found is not None:
            yield found


def judged_pixels(context: Context, train: str, other: str) -> None:
    """Raise NotApplicable unless there are pictures enough to compare."""
    for column in pictures(context.data):
        if all(_figures(context, s, column).shape[1] >= LEAST for s in (train, other)):
            return
    raise NotApplicable(f"fewer than {LEAST} pictures in train or in another split")


def _figures(context: Context, split: str, column: str) -> Floats:
    """Means of the three channels, deviations of the three: (6, pictures)."""
    names = [f"{column}.{figure}_{c}" for figure in ("mean", "std") for c in CHANNELS]
    sample = context.sample(split)
    if any(n not in sample.columns for n in names):
        return np.zeros((6, 0))
    x = sample.select(names).drop_nulls().to_numpy().T.astype(np.float64)
    return np.asarray(x[:, np.isfinite(x).all(axis=0)])


def _judge(column: str, a: Floats, b: Floats, least: float) -> PixelMismatch | None:
    size = a.shape[1] * b.shape[1] / (a.shape[1] + b.shape[1])
    slack = np.array([SLACK * float(np.abs(y - np.median(y)).mean()) for y in b])
    before = _apart(a, b, slack)
    colored = not (np.array_equal(a[0], a[1]) and np.array_equal(b[0], b[1]))
    # Swapped channels may differ little each, where all three are alike in brightness.
    between = distance(np.sort(a[0] - a[2]), np.sort(b[0] - b[2]))
    worst = max(float(before.max()), between)
    low = float(distance_low(np.array([worst]), np.array([size]))[0])
    if low < least:
        return None
    allowed = min(max(LEFT[0] / math.sqrt(size), LEFT[1]), worst / THIRD)
    best: tuple[int, float, PixelMap] | None = None
    for rank, one in enumerate(_maps(a, b, colored)):
        if not _on(b if one.back else a, one.top):
            continue
        mapped = _image(a, one)
        left = float(_apart(mapped, b, slack).max())
        if colored:
            left = max(left, distance(np.sort(mapped[0] - mapped[2]), np.sort(b[0] - b[2])))
        simple = rank + (1000 if one.order != (0, 1, 2) else 0)
        if left <= allowed and (best is None or (round(left, 2), simple) < (best[1], best[0])):
            best = (simple, round(left, 2), one)
    if best is None:
        return None
    return PixelMismatch(column, best[2], worst, low, best[1], int(b.shape[1]))


def _on(x: Floats, top: int) -> bool:
    """Whether means of pictures are of a scale that ends there: 1, 255 or 65,535."""
    high = float(x[:3].max())
    return not top or (BELOW[top] < high <= top and float(x[:3].min()) >= 0)


def _apart(a: Floats, b: Floats, slack: Floats) -> Floats:
    """The distance of each figure."""
    pairs = zip(a, b, slack, strict=True)
    return np.array([distance(np.sort(x), np.sort(y), float(s)) for x, y, s in pairs])


def _image(a: Floats, one: PixelMap) -> Floats:
    order = list(one.order)
    scale, offset = (np.array(x)[:, None] for x in (one.scale, one.offset))
    return np.vstack([a[order] * scale + offset, a[[3 + i for i in order]] * np.abs(scale)])


# -- the table ---------------------------------------------------------------------------------


def _maps(a: Floats, b: Floats, colored: bool) -> list[PixelMap]:
    """The maps that are known, there and back, and with the channels swapped as well."""
    plain = [*_known(), *_standardized(a, back=False), *_standardized(b, back=True)]
    if not colored:
        return plain
    same = PixelMap("", "", (1, 1, 1), (0, 0, 0))
    return [*plain, *(_swapped(one) for one in [same, *plain])]


def _swapped(one: PixelMap) -> PixelMap:
    name = f"{one.name}-bgr" if one.name else "bgr"
    text = f"{one.text} and with" if one.text else "with"
    return replace(one, name=name, text=f"{text} red and blue swapped (BGR)", order=(2, 1, 0))


def _line(name: str, text: str, top: int, scale: float, offset: float = 0.0) -> list[PixelMap]:
    return _there_and_back(name, text, top, (scale,) * 3, (offset,) * 3)


def _there_and_back(
    name: str, text: str, top: int, scale: tuple[float, ...], offset: tuple[float, ...]
) -> list[PixelMap]:
    s, o = np.array(scale), np.array(offset)
    return [
        PixelMap(name, text, _three(s), _three(o), top=top),
        PixelMap(f"not-{name}", text, _three(1 / s), _three(-o / s), back=True, top=top),
    ]


def _three(x: Floats) -> tuple[float, float, float]:
    return float(x[0]), float(x[1]), float(x[2])


def _known() -> list[PixelMap]:
    means, sds = (np.array(x) for x in zip(*IMAGENET, strict=True))
    out = _line("by-1/255", "divided by 255", 255, 1 / 255)
    out += _line("by-1/127.5-less-1", "mapped from 0–255 to [−1, 1]", 255, 1 / 127.5, -1.0)
    out += _line("2x-less-1", "mapped from 0–1 to [−1, 1]", 1, 2.0, -1.0)
    text = "normalized with ImageNet's means and deviations"
    out += _there_and_back("imagenet", text, 255, tuple(1 / sds / 255), tuple(-means / sds))
    out += _there_and_back("imagenet-of-0-1", text, 1, tuple(1 / sds), tuple(-means / sds))
    out += _there_and_back(
        "less-means", "less ImageNet's means", 255, (1.0,) * 3, tuple(-255 * means)
    )
    out += _line("by-257", "in 16 bits (multiplied by 257)", 255, 257.0)
    out += _line("by-1/65535", "divided by 65,535", 65535, 1 / 65535)
    for top, name in ((255, "inverted"), (1, "inverted-of-0-1"), (65535, "inverted-16")):
        out.append(PixelMap(name, f"inverted ({top:,} − x)", (-1,) * 3, (top,) * 3, top=top))
    return out


def _standardized(x: Floats, *, back: bool) -> list[PixelMap]:
    """Less the mean of all pixels of those pictures, divided by their deviation.

    By channel, and over all of them; all pictures count alike, whatever their size.
    """
    means = x[:3].mean(axis=1)
    sds = np.sqrt((x[3:] ** 2).mean(axis=1) + x[:3].var(axis=1))
    out: list[PixelMap] = []
    whole = np.sqrt((sds**2 + (means - means.mean()) ** 2).mean())
    for m, s in ((means, sds), (np.full(3, means.mean()), np.full(3, whole))):
        if not (s > 0).all():
            continue
        pair = _there_and_back("standardized", "standardized", 0, tuple(1 / s), tuple(-m / s))
        out.append(pair[1] if back else pair[0])
    return out
