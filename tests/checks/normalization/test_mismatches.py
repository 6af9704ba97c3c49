"""The parts by which maps are found: what is tried, and which columns a map is given."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest

from datacheck.checks.normalization import mismatches as found
from datacheck.checks.normalization.maps import GRID, Figures, Map, by


def rising(values):
    frame = pl.DataFrame({"x": values})
    return found._rising(cast(Any, SimpleNamespace(sample=lambda s: frame)), "train", "x")


def test_a_clock_rises_or_falls_with_the_rows():
    clock = np.arange(40.0) ** 3
    assert rising(clock)
    assert rising(-clock)
    rng = np.random.default_rng(0)
    place = np.arange(2000.0)
    noisy = place + rng.normal(0, 280, 2000)
    assert 0.8 < np.corrcoef(place, noisy)[0, 1] < 0.93
    assert not rising(noisy)
    assert rising(place + rng.normal(0, 100, 2000))


def test_a_clock_has_three_values_that_differ_and_gaps_do_not_matter():
    assert rising([1.0, 2, 3])
    assert not rising([1.0, 2])
    assert not rising([5.0, 5, 5, 5])
    assert rising([1.0, math.nan, 2, math.inf, 3])
    assert rising([4, 5, 6])


def test_a_clock_is_told_by_the_first_4096_rows():
    up = np.arange(4096.0)
    assert rising(np.concatenate([up, up[::-1]]))
    assert not rising(np.concatenate([up[:2048], up[:2048][::-1]]))


def test_a_column_of_two_values_is_a_line_s_image_of_any_other():
    for x, several in (([1.0, 2], False), ([1.0, 1, 2, 2], False), ([1.0, 1, 1.5, 2], True)):
        assert found._several(np.array(x)) is several


def test_parts_of_one_range_meet_within_a_twentieth_of_the_shorter():
    x = np.arange(21.0)
    for gap, halves in ((0.0, True), (1.0, True), (1.01, False), (-0.01, False)):
        y = x + 20 + gap
        assert found._halves(x, y) is halves
        assert found._halves(y, x) is halves
    assert not found._halves(x, 22 + 10 * x)
    assert not found._halves(10 * x, 202 + x)


def test_a_line_is_steep_beyond_a_factor_of_three():
    slopes = np.array([3.0, 3.01, 0.34, 1 / 3, 0.33, 0.0, -0.1, -5, np.nan])
    steep = [False, True, False, False, True, False, False, False, False]
    assert found._steep(slopes).tolist() == steep


def figures(*columns, **given):
    """Of columns that are each a straight grid, or the grid given."""
    grid = np.stack([np.broadcast_to(c, GRID.shape) for c in columns], axis=1).astype(float)
    each: dict[str, Any] = {"mean": grid.mean(axis=0), "sd": grid.std(axis=0), "min": grid[0],
                            "max": grid[-1]}  # fmt: skip
    return Figures(grid, **{n: np.asarray(given.get(n, v), dtype=float) for n, v in each.items()})


UNIFORM = np.linspace(0, 48, 49)  # its mean deviation from the median, 24, is 24·25/49


def test_how_near_a_map_comes_is_told_in_mean_deviations_of_the_other_split():
    maps = (
        Map("double", "", 0, by(2.0)),
        Map("back", "", 0, by(-1.0)),
        Map("e", "", 0, curve=np.exp),
    )
    t = figures(UNIFORM, UNIFORM - 30)
    o = figures(3 * UNIFORM, UNIFORM)
    scores, lines = found._screen(maps, t, o)
    deviation = 24 * 25 / 49
    assert scores[0, 0] == pytest.approx(np.abs(2 * UNIFORM - 3 * UNIFORM).mean() / (3 * deviation))
    assert scores[1, 1] == pytest.approx(np.abs(30 - UNIFORM[::-1] - UNIFORM).mean() / deviation)
    assert lines[:2, :, 1].tolist() == [[2, 0], [-1, 0]]
    assert np.isnan(lines[2]).all()


def test_a_map_moves_a_column_by_half_a_mean_deviation():
    grid = np.where(UNIFORM < 24, -2.0, 2.0)
    grid[24] = 0
    deviation = 2 * 48 / 49
    t = figures(grid)
    for move, tried in ((deviation / 2, True), (deviation / 2 - 1e-9, False)):
        maps = (Map("m", "", 0, lambda t, o: (1.0, move)),)  # noqa: B023 - called here
        score = found._screen(maps, t, figures(grid + move))[0][0, 0]
        assert score == (pytest.approx(0, abs=1e-9) if tried else np.inf)


def fitted(t, o):
    return {m.name: m for m in found._fitted(t, o)}


def factors(*ratios):
    """The shared factors suggested by columns that were multiplied by those."""
    columns = [UNIFORM + 5 + j for j in range(len(ratios))]
    t, o = figures(*columns), figures(*(c * k for c, k in zip(columns, ratios, strict=True)))
    shared = [m for m in found._fitted(t, o) if m.tier == 0 and not m.unscaled]
    return [(m.name, round(float(m.affine(t, o)[0]), 6)) for m in shared if m.affine]


def test_three_columns_and_half_of_all_share_a_factor():
    assert factors(13, 13) == []
    assert factors(13, 13, 13) == [("shared-factor", 13.0)]
    assert factors(13, 13, 13, 40, 50, 60) == [("shared-factor", 13.0)]
    assert factors(13, 13, 13, 40, 50, 60, 70) == []
    assert factors(13, 13, 13, 2, 50) == [("shared-factor", 13.0)]
    assert factors(13, 13, 13, 2, 50, 1) == [("shared-factor", 13.0)]
    assert factors(13, 13, 13, 2, 50, 1, 90) == []
    assert factors(13, 13, 13, -1, -2, -3) == [("shared-factor", 13.0)]  # of those that have one
    assert factors(13, 13, 13, -1, -2, -3, -4) == []
    assert factors(13, 13, 13, 0, 0, 0) == [("shared-factor", 13.0)]


def test_factors_are_one_within_a_tenth():
    for off, shared in ((0.0625, True), (0.125, False), (-0.0625, True), (-0.125, False)):
        assert bool(factors(8 * (1 + min(off, 0)), 8, 8 * (1 + max(off, 0)))) is shared
    assert not factors(8 * 0.85, 8, 8 * 1.05)


def test_a_shared_factor_is_beyond_that_of_half_again():
    assert factors(*[math.exp(0.41)] * 3)
    assert not factors(*[math.exp(0.39)] * 3)
    assert factors(*[math.exp(-0.41)] * 3)
    assert not factors(*[math.exp(-0.39)] * 3)


def test_round_factors_and_powers_of_two_and_units_are_tried_before_the_very_factor():
    assert factors(7.8, 7.8, 7.8) == [("shared-factor", k) for k in (8.0, 7.8)]
    assert factors(5.2, 5.2, 5.2) == [("shared-factor", 5.0), ("shared-factor", 5.2)]
    assert factors(1 / 8.2, 1 / 8.2, 1 / 8.2) == [
        ("shared-factor", round(k, 6)) for k in (1 / 8, 1 / 8.2)
    ]
    assert factors(67, 67, 67) == [("shared-factor", 67.0), ("shared-factor", 64.0)]
    assert [n for n, _ in factors(2.5, 2.5, 2.5)] == ["by-2.54", *["shared-factor"] * 1]
    assert "by-2.54" not in [n for n, _ in factors(2.45, 2.45, 2.45)]
    assert next(n for n, _ in factors(1 / 2.6, 1 / 2.6, 1 / 2.6)) == "by-0.393701"


def test_a_factor_is_the_lower_median_of_the_ratios_that_exist():
    t = np.where(np.arange(49) < 25, 0.0, np.arange(49.0))  # 24 ratios exist
    o = 10 * t
    o[25 + 12 :] = 30 * t[25 + 12 :]  # the twelfth is still 10
    line = fitted(figures(t), figures(o))["factor"]
    assert line.affine is not None
    assert line.affine(figures(t), figures(o))[0].tolist() == [10.0]
    o[25 + 11] = 30 * t[25 + 11]
    assert fitted(figures(t), figures(o))["factor"].affine(cast(Any, 0), cast(Any, 0))[0] == [30.0]


def test_of_an_odd_number_of_ratios_it_is_the_median_and_of_none_there_is_none():
    t = 1 + np.arange(49.0)
    o = np.where(t <= 24, 10 * t, 30 * t)
    for last, factor in ((24, 30.0), (25, 10.0)):
        o[:last] = 10 * t[:last]
        a, _ = fitted(figures(t), figures(o))["factor"].affine(cast(Any, 0), cast(Any, 0))
        assert a[0] == factor
    a, _ = fitted(figures(0 * t), figures(o))["factor"].affine(cast(Any, 0), cast(Any, 0))
    assert not np.isfinite(a[0])


def test_the_line_is_the_least_squares_one_and_steep():
    rng = np.random.default_rng(0)
    x, y = np.sort(rng.normal(3, 2, 49)), np.sort(rng.normal(-40, 30, 49))
    slope, offset = np.polyfit(x, y, 1)
    a, b = fitted(figures(x), figures(y))["line"].affine(cast(Any, 0), cast(Any, 0))
    assert (a[0], b[0]) == (pytest.approx(slope), pytest.approx(offset))
    a, _ = fitted(figures(x), figures(x * 2 + 1))["line"].affine(cast(Any, 0), cast(Any, 0))
    assert np.isnan(a[0])
    tiers = {m.tier for m in found._fitted(figures(x), figures(y)) if m.name in ("factor", "line")}
    assert tiers == {2}


@pytest.mark.parametrize(("name", "least"), [("not-min-max", 0.0), ("not-min-max-symmetric", -1.0)])
def test_scaled_train_ends_where_scaling_ends_and_the_other_split_lies_beyond(name, least):
    x = np.linspace(least, 1, 49)

    def tried(t_min=least, t_max=1.0, o_min=least, o_max=9.0, turn=1):
        t, o = (
            figures(x, min=[t_min], max=[t_max]),
            figures((x * 4 + 5)[::turn], min=[o_min], max=[o_max]),
        )
        one = fitted(t, o)[name]
        assert (one.tier, one.odd) == (0, "train")
        return one.affine(t, o)[0][0]

    assert tried() == pytest.approx(4)
    assert tried(t_min=least + 1e-7, t_max=1 + 1e-7) == pytest.approx(4)
    assert np.isnan(tried(t_min=least + 1.5e-6))
    assert least or np.isnan(tried(t_min=1e-6))
    assert np.isnan(tried(t_min=least - 1.5e-6))
    assert np.isnan(tried(t_max=1 - 1.5e-6))
    assert np.isnan(tried(o_max=2.0))
    assert tried(o_max=2.01) == pytest.approx(4)
    assert np.isnan(tried(o_max=2.0, o_min=least - 1))
    assert tried(o_max=2.0, o_min=least - 1.01) == pytest.approx(4)
    assert np.isnan(tried(turn=-1))


def fit(distance):
    return found._Fit(distance, distance / 2, 0.0, 2.0, 1.0)


def covered(tiers, *columns):
    """[(map, columns)] where each column lists the maps that fit it."""
    maps = tuple(Map(f"m{i}", "", tier) for i, tier in enumerate(tiers))
    fits = [{i: fit(0.1 * j) for i in some} for j, some in enumerate(columns)]
    out = found._cover(maps, [f"c{j}" for j in range(len(columns))], fits)
    for one in out:
        assert one.distance.tolist() == [0.1 * int(c[1:]) for c in one.columns]
        assert (one.low == one.distance / 2).all()
    return [(one.map.name, one.columns) for one in out]


def test_a_column_goes_to_the_map_of_most_columns_the_first_of_equals():
    assert covered((0, 0), (0, 1), (1,), (1,)) == [("m1", ["c0", "c1", "c2"])]
    assert covered((0, 0), (0, 1), (0, 1)) == [("m0", ["c0", "c1"])]
    assert covered((0, 0, 0), (2, 0), (2,), (0, 1), (1,)) == [
        ("m0", ["c0", "c2"]), ("m1", ["c3"]), ("m2", ["c1"]),
    ]  # fmt: skip
    assert covered((0, 0), (), ()) == []


def test_what_only_processing_makes_comes_before_units_and_units_before_lines():
    assert covered((2, 1, 0), (0, 1, 2), (0, 1), (0,), (0,)) == [
        ("m2", ["c0"]), ("m1", ["c1"]), ("m0", ["c2", "c3"]),
    ]  # fmt: skip
