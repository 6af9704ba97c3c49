"""NM007 on the figures of pictures: counts, sizes and bytes a pixel, each with its interval."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
import scipy.stats

from datacheck.checks.base import NotApplicable
from datacheck.checks.codes import find
from datacheck.checks.normalization import image_format_shift as found
from datacheck.checks.scores import critical
from datacheck.checks.stats import newcombe, total_variation
from datacheck.errors import UsageError

NAMES = ("width", "height", "bytes", "mode", "format", "orientation")


def context(**splits):
    """Each split a dict of columns; mode, format and orientation have a default."""
    frames, counts = {}, {}
    for split, given in splits.items():
        n = len(next(iter(given.values())))
        usual = {"width": [32.0] * n, "height": [32.0] * n, "bytes": [900.0] * n,
                 "mode": ["RGB"] * n, "format": ["PNG"] * n, "orientation": ["1"] * n}  # fmt: skip
        columns = {f"i.{c}": v for c, v in {**usual, **given}.items()}
        frames[split] = pl.DataFrame(columns)
        counts[split] = {
            c: dict(frames[split][c].drop_nulls().value_counts(sort=True).iter_rows())
            for c in columns
        }
    rows = {s: f.height for s, f in frames.items()}
    data = SimpleNamespace(select=lambda *kinds: ("i",))
    return cast(Any, SimpleNamespace(
        data=data, rows=rows, sample=frames.__getitem__, values=counts.__getitem__,
        pairs=lambda: [("train", s) for s in frames if s != "train"],
    ))  # fmt: skip


def judged(**splits):
    rule: Any = find("NM007").load()()
    return list(rule.judge(context(**splits)))


def lots(*pairs):
    return [v for v, n in pairs for _ in range(n)]


def test_modes_are_counted():
    train = {"mode": lots(("RGB", 300), ("L", 100))}
    test = {"mode": lots(("L", 150), ("RGB", 50))}
    (one,) = judged(train=train, test=test)
    assert one.message == (
        "pictures of test are stored in another way than those of train: mode (RGB 75.0% in "
        "train, L 75.0% in test)"
    )
    assert (one.columns, one.splits, one.count, one.total) == (("i",), ("train", "test"), 1, 6)
    value, low, high = total_variation(np.array([300, 100]), np.array([50, 150]))
    below, _ = newcombe(100, 400, 150, 200, critical(2))
    assert one.effect is not None
    assert (one.effect.metric, one.effect.value, one.effect.high) == ("tv", value, high)
    assert one.effect.low == max(low, below)
    assert one.effect.threshold == 0.05
    assert one.evidence == {"mode": ["tv", value, one.effect.low]}


def test_the_variation_is_no_less_than_the_difference_of_one_share():
    a, b = np.array([90.0, 10, 5]), np.array([10.0, 60, 20])
    value, low, high = found._variation(a, b)
    assert (value, high) == (total_variation(a, b)[0], total_variation(a, b)[2])
    for x, y in ((a, b), (b, a)):
        n, m, z = x.sum(), y.sum(), critical(3)
        most = int(np.argmax(np.abs(x / n - y / m)))
        interval = newcombe(x[most], n, y[most], m, z)
        assert found._variation(x, y)[1] == max(total_variation(x, y)[1], interval[0], -interval[1])
    assert low > total_variation(a, b)[1]


def test_sizes_are_held_to_kolmogorov():
    rng = np.random.default_rng(0)
    x, y = rng.integers(30, 60, 300) * 1.0, rng.integers(50, 80, 120) * 1.0
    (one,) = judged(train={"width": x}, test={"width": y})
    d = float(scipy.stats.ks_2samp(x, y).statistic)
    half = math.sqrt(math.log(200) / 2) / math.sqrt(300 * 120 / 420)
    assert one.effect is not None
    assert one.effect.metric == "ks"
    assert one.evidence["width"] == ["ks", pytest.approx(d), pytest.approx(d - half)]
    widths = next(part for part in one.message.split("; ") if "width" in part)
    said = f"width (median {np.median(x):.4g} in train, {np.median(y):.4g} in test)"
    assert widths.endswith(said)


def test_bytes_a_pixel_are_compared_within_one_format():
    rng = np.random.default_rng(1)
    size = rng.uniform(1000, 2000, 200)
    train = {"bytes": [*size, *size], "format": lots(("PNG", 200), ("JPEG", 200))}
    test = {"bytes": [*size, *(size / 4)], "format": lots(("PNG", 200), ("JPEG", 200))}
    (one,) = judged(train=train, test=test)
    assert list(one.evidence) == ["bytes a pixel of JPEG"]
    assert one.evidence["bytes a pixel of JPEG"][1] == 1.0
    assert one.effect is not None
    assert (one.effect.high, one.effect.threshold) == (1.0, 0.3)
    assert f"median {np.median(size) / 1024:.4g} in train" in one.message


def test_what_was_not_measured_is_left_out():
    some = context(train={"width": [32.0, None, 16], "bytes": [512.0, 4, 128],
                          "height": [16.0, 16, 16], "format": ["PNG", "PNG", None]})  # fmt: skip
    sizes = found._sizes(some, "train", "i")
    assert {k: v.tolist() for k, v in sizes.items()} == {
        "width": [32, 16], "height": [16, 16], "bytes a pixel of PNG": [1.0],
    }  # fmt: skip


@pytest.mark.parametrize(("n", "m", "enough"), [(10, 10, True), (9, 40, False), (40, 9, False)])
def test_ten_pictures_of_each_split(n, m, enough):
    splits = {"train": {"format": ["PNG"] * n}, "test": {"format": ["JPEG"] * m}}
    if enough:
        (one,) = judged(**splits)
        assert one.effect is not None
        assert one.effect.value == 1.0
    else:
        with pytest.raises(NotApplicable, match="fewer than 10 pictures"):
            judged(**splits)
    assert judged(**splits, validation={"format": ["BMP"] * 30}) if n >= 10 else True


def test_the_greatest_difference_is_told_first():
    train = {"format": ["PNG"] * 200, "mode": lots(("RGB", 200))}
    test = {"format": ["JPEG"] * 200, "mode": lots(("RGB", 130), ("L", 70))}
    (one,) = judged(train=train, test=test)
    assert list(one.evidence) == ["format", "mode"]
    assert (one.count, one.total) == (2, 5)
    assert one.effect is not None
    assert one.effect.value == 1.0


def test_the_commonest_value_in_words():
    assert found._top({}) == "none"
    assert found._top({"": 3, "6": 1}) == "none 75.0%"
    assert found._top({"a": 2, "b": 2}) == "b 50.0%"


@pytest.mark.parametrize("bad", [-0.1, 1.0])
def test_options_are_shares(bad):
    for name in ("min_variation", "min_distance"):
        with pytest.raises(UsageError, match="NM007"):
            found.ImageFormatShift(**{name: bad})
    found.ImageFormatShift(min_variation=0.0, min_distance=0.0)
