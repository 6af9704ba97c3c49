"""Figures of pictures under the known maps, and what may be left of a difference."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest

from datacheck.checks.base import NotApplicable
from datacheck.checks.normalization import pixels as found

MEANS, SDS = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
KNOWN = {
    "by-1/255": (255, lambda x: x / 255, "divided by 255"),
    "by-1/127.5-less-1": (255, lambda x: (x - 127.5) / 127.5, "mapped from 0–255 to [−1, 1]"),
    "2x-less-1": (1, lambda x: (x - 0.5) / 0.5, "mapped from 0–1 to [−1, 1]"),
    "imagenet": (
        255,
        lambda x: (x / 255 - MEANS) / SDS,
        "normalized with ImageNet's means and deviations",
    ),
    "imagenet-of-0-1": (
        1,
        lambda x: (x - MEANS) / SDS,
        "normalized with ImageNet's means and deviations",
    ),
    "less-means": (255, lambda x: x - 255 * MEANS, "less ImageNet's means"),
    "by-257": (255, lambda x: x * 65535 / 255, "in 16 bits (multiplied by 257)"),
    "by-1/65535": (65535, lambda x: x / 65535, "divided by 65,535"),
    "inverted": (255, lambda x: 255 - x, "inverted (255 − x)"),
    "inverted-of-0-1": (1, lambda x: 1 - x, "inverted (1 − x)"),
    "inverted-16": (65535, lambda x: 65535 - x, "inverted (65,535 − x)"),
}


def shots(seed, count=60, low=20.0, high=200.0):
    """Pixels (pictures, pixels, 3), each picture with its own light and noise."""
    rng = np.random.default_rng(seed)
    light = low + (high - low) * rng.random((count, 1, 3)) ** 2
    return light + rng.normal(0, 1, (count, 50, 3)) * rng.uniform(2, 12, (count, 1, 1))


def measured(shots):
    return np.vstack([shots.mean(axis=1).T, shots.std(axis=1).T])


def test_maps_of_pixels_map_the_means_and_deviations_of_pictures():
    some = shots(0)
    a = measured(some)
    maps = {m.name: m for m in found._maps(a, a, colored=False)}
    for name, (top, function, text) in KNOWN.items():
        there = maps.pop(name)
        mapped = measured(function(some))
        assert found._image(a, there) == pytest.approx(mapped), name
        assert (there.top, there.back, there.text) == (top, False, text)
        if name.startswith("inverted"):
            continue
        back = maps.pop(f"not-{name}")
        assert found._image(mapped, back) == pytest.approx(a), name
        assert (back.top, back.back, back.text) == (top, True, text)
    assert set(maps) == {"standardized", "not-standardized"}


def test_standardizing_is_by_the_figures_of_all_pixels_by_channel_or_over_all():
    some = shots(1) * [1, 2, 0.5]
    a = measured(some)
    by_channel, whole = found._standardized(a, back=False)
    pixels = some.reshape(-1, 3)
    want = (some - pixels.mean(axis=0)) / pixels.std(axis=0)
    assert found._image(a, by_channel) == pytest.approx(measured(want))
    want = (some - pixels.mean()) / pixels.std()
    assert found._image(a, whole) == pytest.approx(measured(want))
    assert {(m.name, m.back, m.top) for m in (by_channel, whole)} == {("standardized", False, 0)}
    for one, m in zip(found._standardized(a, back=True), (by_channel, whole), strict=True):
        assert found._image(found._image(a, m), one) == pytest.approx(a)
        assert (one.name, one.back) == ("not-standardized", True)


def test_pictures_that_never_vary_are_not_standardized():
    a = np.vstack([np.full((3, 9), 4.0), np.zeros((3, 9))])
    assert found._standardized(a, back=False) == []
    a[0] = 5.0  # over all channels they vary
    assert len(found._standardized(a, back=False)) == 1


def test_channels_are_swapped_alone_and_with_any_map():
    a = measured(shots(2))
    plain, maps = found._maps(a, a, colored=False), found._maps(a, a, colored=True)
    assert [m.name for m in maps[: len(plain)]] == [m.name for m in plain]
    swapped = maps[len(plain) :]
    assert [m.name for m in swapped] == ["bgr", *(f"{m.name}-bgr" for m in plain)]
    assert swapped[0].text == "with red and blue swapped (BGR)"
    assert swapped[1].text == "divided by 255 and with red and blue swapped (BGR)"
    assert found._image(a, swapped[0]).tolist() == a[[2, 1, 0, 5, 4, 3]].tolist()
    assert found._image(a, swapped[1]) == pytest.approx(a[[2, 1, 0, 5, 4, 3]] / 255)


@pytest.mark.parametrize(
    ("low", "high", "tops"),
    [
        (0.0, 1.0, {1}), (0.0, 0.2, {1}), (0.0, 1.01, {255}), (0.0, 255.0, {255}),
        (0.0, 255.5, {65535}), (0.0, 65535.0, {65535}), (0.0, 65536.0, set()),
        (-0.01, 0.5, set()), (-1.0, 200.0, set()), (0.5, 300.0, {65535}),
    ],
)  # fmt: skip
def test_the_scale_of_pictures_is_told_by_their_means(low, high, tops):
    for channel in range(3):
        x = np.full((6, 5), (low + high) / 2)
        x[3:] = 1e9
        x[4] = -1
        x[channel, 1], x[channel, 3] = low, high
        assert {t for t in (1, 255, 65535) if found._on(x, t)} == tops
        assert found._on(x, 0)


# -- verdicts --------------------------------------------------------------------------------------


def grey(n):
    """Grey pictures with means of all kinds, and deviations too."""
    at = (np.arange(n) + 0.5) / n
    return np.vstack([[10 + 200 * at**2] * 3, [1 + 50 * at**3] * 3])


def judged(a, b, least=0.2):
    return found._judge("image", a, b, least)


@pytest.mark.parametrize(
    ("n", "left"),
    [(20, 6), (100, 27), (1000, 100)],  # a third; 1.95/√50; a tenth
)
def test_what_is_left_is_a_third_or_chance_or_a_tenth(n, left):
    a, b = grey(n), grey(n) / 255
    for odd, fits in ((left, True), (left + 1, False)):
        far = b.copy()
        far[:, n - odd :] += 5
        one = judged(a, far)
        assert (one is not None and one.map.name == "by-1/255") is fits
        if one and fits:
            assert one.left == round(odd / n, 2)
            assert (one.column, one.distance, one.pictures) == ("image", 1.0, n)
            assert one.low == pytest.approx(1 - 1.6276 / math.sqrt(n / 2), abs=1e-4)


def test_what_is_left_is_told_to_a_hundredth():
    a, b = grey(1000), grey(1000) / 255
    b[:, 913:] += 5
    one = judged(a, b)
    assert one is not None
    assert one.left == 0.09


def test_the_size_is_the_harmonic_one_of_both_splits():
    one = judged(grey(40), grey(160) / 255)
    assert one is not None
    assert one.low == pytest.approx(1 - 1.6276 / math.sqrt(40 * 160 / 200), abs=1e-4)
    assert one.pictures == 160


def test_the_lower_end_of_the_distance_reaches_the_least():
    a, b = grey(60), grey(60) / 255
    one = judged(a, b)
    assert one is not None
    assert judged(a, b, one.low) is not None
    assert judged(a, b, math.nextafter(one.low, 1)) is None


def test_what_rounding_has_moved_by_a_hundredth_of_the_deviation_is_the_same():
    a = grey(100)
    a[:3] = 10 + 20 * (np.arange(100) // 10)
    deviation = np.abs(a[0] - np.median(a[0])).mean() / 255
    for part, left in ((0.9, 0.0), (-0.9, 0.0), (1.1, 0.1), (-1.1, 0.1), (1.9, 0.1)):
        b = a / 255
        b[:3] += part * 0.01 * deviation
        one = judged(a, b)
        assert one is not None
        assert (one.map.name, one.left) == ("by-1/255", left)


def colored(n, cast):
    """Red above blue by twice the cast."""
    a = grey(n)
    a[0] += cast
    a[2] -= cast
    return a


def test_swapped_channels_are_told_by_the_difference_of_red_and_blue():
    a = colored(80, 2.0)
    one = judged(a, a[[2, 1, 0, 5, 4, 3]])
    assert one is not None
    assert (one.map.name, one.left, one.distance) == ("bgr", 0.0, 1.0)
    assert judged(a, a) is None
    assert judged(colored(80, 0), colored(80, 0)) is None
    one = judged(a, a[[2, 1, 0, 5, 4, 3]] / 255)
    assert one is not None
    assert one.map.name == "by-1/255-bgr"
    one = judged(a, a / 255)
    assert one is not None
    assert one.map.name == "by-1/255"


def test_of_maps_that_leave_as_little_the_one_without_a_swap_is_told():
    a = grey(80)
    a[0, ::2] += 5
    a[2, 1::2] += 5
    a = np.hstack([a, a[[2, 1, 0, 5, 4, 3]]])  # red is as often above blue as below
    one = judged(a, a / 255)
    assert one is not None
    assert one.map.name == "by-1/255"


def test_grey_pictures_have_nothing_to_swap_and_one_colored_split_is_enough():
    a, b = colored(80, 2.0), grey(80)
    one = judged(b, b / 255)
    assert one is not None
    assert "bgr" not in one.map.name
    assert judged(a, b[[2, 1, 0, 5, 4, 3]]) is None


# -- pictures of a table ---------------------------------------------------------------------------

NAMES = [f"image.{f}_{c}" for f in ("mean", "std") for c in ("red", "green", "blue")]


def context(**splits):
    frames = {s: pl.DataFrame(x.T, schema=NAMES, orient="row") for s, x in splits.items()}
    data = SimpleNamespace(select=lambda *kinds: ("image",))
    return cast(Any, SimpleNamespace(data=data, sample=frames.__getitem__))


@pytest.mark.parametrize(("n", "m", "enough"), [(20, 20, True), (19, 40, False), (40, 19, False)])
def test_it_takes_twenty_pictures_of_each_split(n, m, enough):
    both = context(train=grey(n), test=grey(m) / 255)
    out = list(found.pixel_mismatches(both, "train", "test", 0.2))
    assert [(o.column, o.map.name) for o in out] == [("image", "by-1/255")] * enough
    if enough:
        found.judged_pixels(both, "train", "test")
    else:
        with pytest.raises(NotApplicable, match="fewer than 20 pictures"):
            found.judged_pixels(both, "train", "test")


def test_pictures_that_were_not_measured_are_left_out():
    x = grey(6)
    x[1, 2], x[5, 3] = np.nan, np.inf
    one = context(train=x)
    frame = one.sample("train").with_columns(pl.Series(NAMES[0], [None, 1.0, 2, 3, 4, 5]))
    one.sample = {"train": frame, "test": frame.drop(NAMES[5])}.__getitem__
    figures = found._figures(one, "train", "image")
    assert figures[0].tolist() == [1, 4, 5]
    assert figures[1:].tolist() == x[1:, [1, 4, 5]].tolist()
    assert found._figures(one, "test", "image").shape == (6, 0)
    with pytest.raises(NotApplicable):
        found.judged_pixels(one, "train", "test")
