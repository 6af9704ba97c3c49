"""What is open to a map and what has stayed, at the bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from datacheck.checks.normalization import drift
from datacheck.checks.normalization.maps import Figures, Map, by


def figures(mean=5.0, sd=2.0, low=-3.0, high=7.0, median=4.0, iqr=3.0):
    """Of one column, whose figures need not belong together."""
    grid = np.full((49, 1), median)
    grid[36] = median + iqr
    grid[12] = median
    each = (np.array([float(v)]) for v in (mean, sd, low, high))
    return Figures(grid, *each)


LIKE = {
    "not-standardized": (5, 2),
    "not-robust-scaled": (4, 3),
    "not-max-abs": (0, 7),
    "not-min-max": (-3, 10),
    "not-min-max-symmetric": (2, 5),
}


@pytest.mark.parametrize("name", LIKE)
def test_what_a_scaler_takes_from_the_figures(name):
    center, scale = drift._like(name, figures())
    assert (float(center[0]), float(scale[0])) == LIKE[name]
    if name == "not-max-abs":
        assert drift._like(name, figures(low=-9.0))[1].tolist() == [9.0]


def test_one_column_alone_was_never_scaled_beyond_two_and_a_half_deviations():
    cases = (
        (1.0, 0.0, False), (1.0, 2.5, False), (1.0, 2.6, True), (1.0, -2.5, False),
        (1.0, -2.6, True), (2.5, 0.0, False), (2.6, 0.0, True), (1 / 2.5, 0.0, False),
        (0.39, 0.0, True), (4.0, 9.0, True),
    )  # fmt: skip
    for scale, center, far in cases:
        assert drift._far(np.array([scale]), np.array([center]))[0] == far, (scale, center)


SCALED = [
    ({"mean": 0.0, "sd": 1.0}, 1000, True),
    ({"mean": 0.0009, "sd": 1.0}, 1000, True),
    ({"mean": 0.001, "sd": 1.0}, 1000, False),
    ({"mean": -0.0011, "sd": 1.0}, 1000, False),
    ({"mean": 0.0, "sd": 1.0019}, 1000, True),  # a deviation of n − 1
    ({"mean": 0.0, "sd": 1.0021}, 1000, False),
    ({"mean": 0.0, "sd": 0.998}, 2000, False),
    ({"mean": 0.0, "sd": 1.09}, 11, True),
    ({"median": 0.0, "iqr": 1.0}, 1000, True),
    ({"median": 0.049, "iqr": 1.0}, 1000, True),
    ({"median": 0.05, "iqr": 1.0}, 1000, False),
    ({"median": 0.0, "iqr": 1.09}, 1000, True),
    ({"median": 0.0, "iqr": 1.11}, 1000, False),
    ({"median": 0.0, "iqr": 0.89}, 1000, False),
]


@pytest.mark.parametrize(("given", "rows", "standard"), SCALED)
def test_standardized_or_robust_scaled_train(given, rows, standard):
    found, bounded = drift.scaled(figures(**given), np.array([float(rows)]))
    assert (bool(found[0]), bool(bounded[0])) == (standard, False)


@pytest.mark.parametrize(
    ("low", "high", "bounded"),
    [
        (0.0, 1.0, True), (-1.0, 1.0, True), (0.0, 1 + 5e-10, True), (0.0, 1 + 1.5e-9, False),
        (0.0, 1 - 1.5e-9, False), (-1 + 5e-10, 1.0, True), (-1 + 1.5e-9, 1.0, False),
        (-1 - 1.5e-9, 1.0, False), (1e-12, 1.0, False), (-1.0, 2.0, False), (1.0, 1.0, False),
    ],
)  # fmt: skip
def test_train_within_bounds(low, high, bounded):
    found = drift.scaled(figures(low=low, high=high), np.array([100.0]))
    assert (bool(found[0][0]), bool(found[1][0])) == (False, bounded)


MAPS = {
    "curve": Map("log", "", 0, curve=np.log),
    "units": Map("by-2.54", "", 1, by(2.54)),
    "process": Map("by-255", "", 0, by(255.0)),
    "flip": Map("sign-flip", "", 0, by(-1.0)),
    "shared": Map("shared-factor", "", 0, by(9.0)),
    "steep": Map("line", "", 2, by(9.0)),
}
COLUMNS = {
    "plain": ({}, {"curve", "units", "process", "flip", "shared", "steep"}),
    "standard": ({"mean": 0.0, "sd": 1.0}, {"flip", "shared", "steep"}),
    "bounded": ({"low": 0.0, "high": 1.0}, {"process", "flip", "shared", "steep"}),
    "centered": ({"mean": 0.9}, {"curve", "process", "flip", "shared", "steep"}),
    "below": ({"mean": -0.9}, {"curve", "process", "flip", "shared", "steep"}),
    "half": ({"mean": 1.0}, {"curve", "units", "process", "flip", "shared", "steep"}),
}


def opened(one, scale=1.0, offset=0.0, rows=1000.0, **given):
    lines = np.array([[[scale], [offset]]])
    return bool(drift.open_to([one], lines, figures(**given), np.array([rows]))[0, 0])


@pytest.mark.parametrize("column", COLUMNS)
def test_what_is_scaled_has_no_unit_and_is_no_logarithm(column):
    given, wanted = COLUMNS[column]
    assert {n for n, one in MAPS.items() if opened(one, 2.54, **given)} == wanted


@pytest.mark.parametrize(
    ("slope", "open_"),
    [(2.9, False), (3.0, True), (0.35, False), (1 / 3, True), (0.3, True), (-1.0, True)],
)
def test_a_column_without_a_place_may_be_in_other_units_if_they_are_steep(slope, open_):
    assert opened(MAPS["units"], slope, mean=0.9) is open_


@pytest.mark.parametrize("name", ["standardized", "robust-scaled", "max-abs"])
def test_a_forgotten_scaler_is_tried_where_train_has_its_figures_and_the_other_is_far(name):
    one = Map(f"not-{name}", "", 0, by(1.0), odd="train")

    def tried(center=0.0, scale=1.0, to=9.0):
        own = {
            "standardized": {"mean": center, "sd": scale},
            "robust-scaled": {"median": center, "iqr": scale},
            "max-abs": {"low": 0.0, "high": scale},
        }[name]
        return opened(one, to, **own)

    assert tried()
    assert tried(scale=1.09)
    assert not tried(scale=1.11)
    assert not tried(scale=0.89)
    assert tried(to=1.5) is (name == "max-abs")
    if name != "max-abs":
        assert tried(center=0.09)
        assert not tried(center=0.1)
        assert not tried(center=-0.11)


def test_half_a_scale_off_has_not_stayed_and_neither_has_train_a_tenth_off():
    own = figures(mean=0.0, sd=1.0)
    assert drift.stayed("not-standardized", own, figures(mean=0.499, sd=1.0))[0]
    assert not drift.stayed("not-standardized", own, figures(mean=0.5, sd=1.0))[0]
    assert drift.stayed("not-standardized", figures(mean=0.099, sd=1.0), own)[0]
    assert not drift.stayed("not-standardized", figures(mean=0.1, sd=1.0), own)[0]


def told(scale, offset, kept=0, name="not-standardized"):
    return drift.forgotten(name, np.array(scale, float), np.array(offset, float), kept)


def test_three_of_ten_scaled_columns_that_have_stayed_exclude_a_forgotten_scaler():
    scale, offset = [9, 14, 0.5, 3, 2, 8, 7], [50] * 7
    for name in ("not-standardized", "not-min-max"):
        assert told(scale, offset, 2, name)
        assert not told(scale, offset, 3, name)


def test_scales_are_not_train_s_by_a_factor_of_two_and_a_half():
    assert not told([2.5, 2.5], [50, 50])
    assert told([2.6, 2.6], [50, 50])
    assert not told([0.4, 0.3], [50, 50])
    assert told([0.24, 0.61], [50, 50])  # or they differ from one another by as much
    assert not told([0.25, 0.6], [50, 50])
    assert not told([0.1, 0.1], [50, 50])


def test_half_of_the_places_are_beyond_half_a_deviation():
    far, near = [50, 50], [0, 0]
    scale = [9, 9, 9, 9]
    assert told(scale, [*far, *near])
    assert not told(scale, [50, 0, 0, 0])
    for own, offset, placed in (
        (9, 4.5, False), (9, -4.5, False), (9, 4.6, True), (9, -4.6, True),
        (0.5, 0.5, False), (0.5, 0.51, True),
    ):  # fmt: skip
        assert told([own, 90 * own], [offset, 0]) is placed, (own, offset)


def test_one_column_alone_is_never_told_from_a_drift():
    assert told([9, 14], [50, 50])
    assert not told([9], [50])
    assert math.isclose(drift.STAYED[1], np.log(1.5))
