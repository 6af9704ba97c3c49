"""Maps between splits that are searched for, at the bounds of what counts as found."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from datacheck.checks.normalization import mismatches as found
from datacheck.checks.normalization.maps import GRID
from datacheck.checks.quantiles import distance
from tests.checks.contexts import context_of

LABEL = {"label": "label"}


def splits(train, other):
    return {
        s: pl.DataFrame({**cols, "label": [i % 2 for i in range(len(next(iter(cols.values()))))]})
        for s, cols in (("train", train), ("test", other))
    }


def searched(train, other, least=0.2):
    """{column: (map, left)} of what is found."""
    context = context_of("NM001", splits(train, other), **LABEL)
    out = found.mismatches(context, "train", "test", least)
    return {c: (m.map.name, float(v)) for m in out for c, v in zip(m.columns, m.left, strict=True)}


def test_columns_are_judged_that_vary_in_both_splits():
    x, one = spread(50), np.full(50, 3.0)
    context = context_of(
        "NM001", splits({"a": x, "b": x, "c": one}, {"a": x, "b": one, "c": x}), **LABEL
    )
    assert found.judged(context, "train", "test") == ["a"]


def order(n, seed=0):
    return np.random.default_rng(seed).permutation(n)


def spread(n):
    """A skewed column of distinct values, in no order."""
    return (20 + 80 * (np.arange(n) / n) ** 2 + np.arange(n) * 1e-3)[order(n)]


@pytest.fixture
def whatever_the_spread(monkeypatch):
    """Rows that are put far out, many of them, would be told by it."""
    monkeypatch.setattr(found, "spreads_differ", lambda *_: False)


KOLMOGOROV = {0.001: 1.9495, 0.01: 1.6276, 0.05: 1.3581}  # quantiles of his distribution
AT = {"by-1000": (1000.0, 0.001, 0.0), "by-25.4": (25.4, 0.01, 0.005), "factor": (3e5, 0.05, 0.005)}


@pytest.mark.usefixtures("whatever_the_spread")
@pytest.mark.parametrize("name", AT)
@pytest.mark.parametrize(("n", "m"), [(100, 300), (400, 400)])
def test_undoing_a_map_leaves_what_chance_leaves(name, n, m):
    """Some rows of the other split lie beyond all others: just as many as the distance is left."""
    factor, p, floor = AT[name]
    allowed = KOLMOGOROV[p] / math.sqrt(n * m / (n + m)) + floor
    if name == "by-1000":
        allowed = max(allowed, 0.1)
    for odd, fits in ((math.floor(allowed * m), True), (math.floor(allowed * m) + 1, False)):
        x = np.sort(spread(n))
        at = np.sort(x[(np.arange(m) * n) // m])
        y = factor * at
        y[m - odd :] = 1.01 * factor * x[-1] + np.arange(odd) * 1e-4
        y[: m - odd] = factor * x[(np.arange(m - odd) * n) // m]
        got = searched({"x": x[order(n)]}, {"x": y[order(m)]})
        assert (name in {v[0] for v in got.values()}) is fits, (odd, got)
        if fits:
            assert got["x"][1] == pytest.approx(odd / m, abs=1 / n)


@pytest.mark.parametrize(("name", "least"), [("by-1/1000", 5), ("by-25.4", 50), ("factor", 50)])
def test_how_many_rows_a_map_takes(name, least):
    """The harmonic size n·m/(n+m) of 2k rows each is k."""
    factor = {"by-1/1000": 1e-3, "by-25.4": 25.4, "factor": 3e5}[name]
    for n, fits in ((2 * least, True), (2 * least - 1, False)):
        x = 900 + spread(n)
        y = factor * (900 + spread(2 * least))
        assert (searched({"x": x}, {"x": y}) == {}) is not fits


def centered(n):
    return (np.linspace(-1, 1, n))[order(n)]


@pytest.mark.parametrize(("factor", "fits"), [(5.9, False), (13.0, True)])
def test_a_line_without_a_name_is_tenfold_where_the_splits_overlap_by_half(factor, fits):
    x = 50 * centered(2000)
    got = searched({"x": x}, {"x": factor * x[::-1]}, 0.1)
    assert [v[0] for v in got.values()] == ["factor"] * fits
    apart = spread(400)
    got = searched({"x": apart}, {"x": factor * apart[::-1]}, 0.1)
    assert [v[0] for v in got.values()] == ["factor"]


def test_tenfold_is_enough():
    """Train is standardized, so that what has a name for it is not tried."""
    x = np.repeat([-1.25, -0.5, 0.5, 1.25], [114, 86, 86, 114])[order(400)]
    assert searched({"x": x}, {"x": 10 * x[::-1]}) == {"x": ("factor", 0.0)}
    assert searched({"x": x}, {"x": 9.5 * x[::-1]}) == {}


@pytest.mark.usefixtures("whatever_the_spread")
@pytest.mark.parametrize(("odd", "fits"), [(26, True), (27, False)])
def test_undoing_a_map_leaves_no_more_than_a_third(odd, fits):
    x = np.linspace(-0.4, 0.6, 401)[:-1]
    y = np.sort(-x)
    y[400 - odd :] = 0.7 + np.arange(odd) * 1e-3
    assert math.isclose(distance(x, y), 0.2, abs_tol=0.003)
    got = searched({"x": x[order(400)]}, {"x": y[order(400)]}, 0.05)
    assert [v[0] for v in got.values()] == ["sign-flip"] * fits


@pytest.mark.parametrize(("below", "fits"), [(36, False), (37, True)])
def test_chance_is_held_at_twice_the_p(below, fits):
    """Of 50 rows, 36 below the mean against 14: p = 7.2e-5, and it is looked at twice."""
    x = np.concatenate([np.linspace(-0.2, -0.1, below), np.linspace(0.35, 0.5, 50 - below)])
    x[below:] -= x.mean() * 50 / (50 - below)
    assert abs(x.mean()) < 1e-12
    got = searched({"x": x[order(50)]}, {"x": -x[order(50, 1)]}, 0.05)
    assert [v[0] for v in got.values()] == ["sign-flip"] * fits


def test_the_lower_end_of_one_column_reaches_the_least_distance():
    x = centered(400) + 0.3
    context = context_of("NM001", splits({"x": x}, {"x": -x[::-1]}), **LABEL)
    (one,) = found.mismatches(context, "train", "test", 0.05)
    low = float(one.low[0])
    assert low == pytest.approx(float(one.distance[0]) - 1.6276 / math.sqrt(200), abs=1e-4)
    for least, fits in ((low, True), (math.nextafter(low, 1), False)):
        assert bool(searched({"x": x}, {"x": -x[::-1]}, least)) is fits


def grid_of(y):
    """Order statistics at the points of the grid."""
    return np.sort(y)[(GRID * y.size).astype(int)]


def test_what_rounding_has_moved_by_a_hundredth_is_the_same():
    x = np.repeat(np.arange(1.0, 21), 20)[order(400)]
    y = 1000 * x[::-1]
    grid = grid_of(y)
    deviation = np.abs(grid - grid[24]).mean()
    for part, left in ((0.009, 0.0), (-0.009, 0.0), (0.011, 0.05), (-0.011, 0.05), (0.019, 0.05)):
        got = searched({"x": x}, {"x": y + part * deviation})
        assert got == {"x": ("by-1000", pytest.approx(left))}, part


@pytest.mark.usefixtures("whatever_the_spread")
@pytest.mark.parametrize(
    ("reach", "fits"), [(0.3, True), (0.45, True), (0.55, False), (0.8, False)]
)
def test_a_map_is_tried_if_it_comes_within_half_a_mean_deviation(reach, fits):
    """Some rows lie beyond, so few that their number is no obstacle, at several distances."""
    x = np.sort(spread(400))
    y = 1000 * x
    tried = []
    for far in np.geomspace(1e5, 1e7, 60):
        y[-45:] = far + np.arange(45)
        grid, image = grid_of(y), 1000 * grid_of(x)
        near = np.abs(image - grid).mean() / np.abs(grid - grid[24]).mean()
        tried.append((abs(near - reach), far))
    y[-45:] = min(tried)[1] + np.arange(45)
    got = searched({"x": x[order(400)]}, {"x": y[order(400)]})
    assert ("by-1000" in {v[0] for v in got.values()}) is fits


@pytest.mark.parametrize("count", [2, 3])
def test_a_cause_of_three_columns_is_tried_on_all(count):
    """A column with values far out, which no map seems to come near."""
    columns = {f"x{j}": spread(400) + 7 * j for j in range(count)}
    odd = spread(400)
    train, other = {**columns, "odd": odd}, {c: x[::-1] / 255 for c, x in columns.items()}
    far = odd[::-1] / 255
    far[:12] = 1e6
    got = searched(train, {**other, "odd": far})
    assert {v[0] for v in got.values()} == {"by-1/255"}
    assert set(got) == {*columns, *(["odd"] if count == 3 else [])}
    assert got.get("odd", ("", 0.03))[1] == pytest.approx(0.03)


def test_a_column_of_two_values_is_found_by_another_s_map_only():
    flag = np.repeat([0.0, 1], 200)[order(400)]
    x = spread(400)
    assert searched({"f": flag}, {"f": 255 * flag[::-1]}) == {}
    got = searched({"f": flag, "x": x}, {"f": 255 * flag[::-1], "x": 255 * x[::-1]})
    assert {c: v[0] for c, v in got.items()} == {"f": "by-255", "x": "by-255"}


def test_clocks_and_counters_have_no_scale_of_their_own():
    """A line without a name is left out where train rises with its rows or the splits meet."""
    x = np.sort(spread(400))
    assert searched({"x": x[order(400)]}, {"x": 3e5 * x[order(400)]})
    assert not searched({"x": x}, {"x": 3e5 * x[order(400)]})
    assert searched({"x": x}, {"x": 1000 * x[order(400)]}), "a name is no accident"
    later = x[-1] + 4 * (x - x[0])
    assert not searched({"x": x[order(400)]}, {"x": later[order(400)]})
    apart = later + 30
    assert searched({"x": x[order(400)]}, {"x": apart[order(400)]})["x"][0] == "line"
