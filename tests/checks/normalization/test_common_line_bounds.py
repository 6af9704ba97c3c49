"""What one line for many columns leaves, and how near is near."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from datacheck.checks.normalization.common_line import Line, common_line
from datacheck.checks.normalization.maps import Map, by


def test_the_line_is_that_of_the_lower_median():
    def line(scale):
        found = common_line(np.array(scale, float), np.zeros(len(scale)))
        return found and found[0]

    others = [300.0 + 10 * i for i in range(8)]
    assert line([255.0] * 8 + others) == 255
    assert line([1.0 + i for i in range(8)] + [255.0] * 9) == 255
    assert line([1.0 + i for i in range(8)] + [255.0] * 8) is None


def test_near_is_a_thousandth_of_the_scale_or_of_the_offset():
    def agree(scale, offset, by_scale, by_offset):
        """Whether one of eight columns, so far off, still belongs to them."""
        s, o = np.full(8, float(scale)), np.full(8, float(offset))
        s[7] += by_scale
        o[7] += by_offset
        return common_line(s, o) is not None

    for scale, offset, s, o in ((255, 0, 0.25, 0.25), (-255, 0, 0.25, 0.25), (2, 300, 0.0019, 0.29),
                                (2, -300, 0.0019, 0.29)):  # fmt: skip
        assert agree(scale, offset, s, 0)
        assert agree(scale, offset, -s, 0)
        assert agree(scale, offset, 0, o)
        assert not agree(scale, offset, 1.2 * s, 0)
        assert not agree(scale, offset, 0, 1.2 * o)
    assert agree(1000.0, 0.0, 1.0, 0)
    assert agree(1000.0, 0.0, 0, 1.0)


def line(x, y, scale=1.0, offset=0.0):
    both = ({"c": np.array(v, dtype=np.float64)} for v in (x, y))
    return Line(Map("m", "", 0, by(scale)), scale, offset, *cast(Any, tuple(both)))


def test_values_within_a_hundredth_of_the_mean_deviation_are_the_same():
    x = np.repeat([0.0, 10], [40, 60])  # 10 is the median, and 4 the mean deviation
    for off, left in ((0.03, 0), (0.05, 0.6), (0.07, 0.6), (-0.03, 0), (-0.05, 0.6)):
        assert line(x, x + off).left("c") == pytest.approx(left), off


def test_so_are_those_within_a_millionth_of_the_greatest_number():
    for value, scale, offset, size in (
        (40.0, 1 / 4, 0.0, 10), (-40.0, 1 / 4, 0.0, 10), (100.5, 1.0, -100.0, 100),
        (10.0, 1.0, 100.0, 110),
    ):  # fmt: skip
        at = value * scale + offset
        for part, left in ((0.9, 0), (-0.9, 0), (1.2, 1), (-1.2, 1)):
            y = np.full(3, at + part * 1e-6 * size)
            assert line(np.full(4, value), y, scale, offset).left("c") == left, (value, part)
    wide = np.array([-8.0, *[1.0] * 30_000])  # its mean deviation is next to nothing
    assert line(wide, wide + np.where(wide > 0, 7e-6, 0)).left("c") == 0
    assert line(wide, wide + np.where(wide > 0, 9e-6, 0)).left("c") > 0.9


QUARTER = (1.36 / 0.25) ** 2  # the size at which chance leaves a quarter


def moved(odd):
    """A hundred rows that stay, but for some that lie beyond all others."""
    x = np.arange(100.0)
    y = x.copy()
    y[100 - odd :] += 1000
    return line(x, y)


def test_a_column_is_certainly_elsewhere_beyond_twice_what_chance_leaves():
    assert not moved(0).fits("c", 0.4999, QUARTER)
    assert moved(0).fits("c", 0.5001, QUARTER)
    assert not moved(0).fits("c", 0.26, QUARTER)


@pytest.mark.parametrize(("far", "most"), [(1.0, 25), (0.63, 21), (0.5001, 16)])
def test_the_line_leaves_what_chance_does_and_a_third_of_what_there_was(far, most):
    size = QUARTER * (1 - 1e-9)
    assert moved(most).fits("c", far, size)
    assert not moved(most + 1).fits("c", far, size)
