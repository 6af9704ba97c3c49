"""Groups of a column and what they tell on rows held out, against plain counting."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks.leakage import shortcuts
from datacheck.checks.leakage.shortcuts import Cells, coarse, fine, paired, shortcut
from datacheck.checks.predict import Target
from datacheck.checks.scores import explained
from datacheck.checks.stats import auc_half

NAN = math.nan
Z95, LEVEL = 1.96, 0.05  # of a two-sided interval of 95 %


def target(y, classes=0):
    frame = pl.DataFrame({"__address__": np.arange(len(y))})
    return Target(frame, np.asarray(y, dtype=float), tuple(f"c{i:02}" for i in range(classes)))


def halves(made):
    """What each half of the rows learns: (row of ``Cells.at``, that half)."""
    return (0, made.fitted), (1, ~made.fitted)


def twice(groups, count, known=None):
    """Groups that both halves have alike."""
    at = np.asarray(groups)
    return Cells(np.array([at, at]), count, np.ones(at.size, bool) if known is None else known)


def same_groups(groups, wanted) -> bool:
    """Whether two rows are in one group where they should be, and only there."""
    found: dict[int, set] = {}
    for g, w in zip(np.asarray(groups).tolist(), wanted, strict=True):
        found.setdefault(g, set()).add(w)
    each = [w for some in found.values() for w in some]
    return all(len(some) == 1 for some in found.values()) and len(each) == len(set(each))


# -- groups --------------------------------------------------------------------------------------


@pytest.mark.parametrize("category", [True, False])
def test_few_values_are_groups_by_themselves(category):
    x = np.array([2.0, NAN, 5.0, math.inf, 2.0, 9.0] * 20)
    made = target(np.arange(120) % 2, 2)
    for cells in (fine(x, made, category=category), coarse(x, made, category=category)):
        known = ~np.isnan(x) if category else np.isfinite(x)
        assert np.array_equal(cells.known, known)
        assert cells.at.shape == (2, 120)
        for own in cells.at:
            assert same_groups(own[known], x[known].tolist())
        assert cells.at.min() >= 0
        assert cells.at.max() < cells.count


@pytest.mark.parametrize("names", [(3, 5), (5, 3)])
@pytest.mark.parametrize("way", [fine, coarse])
def test_what_a_half_lacks_is_one_group_of_names_or_goes_with_neighbors(way, names):
    made = target(np.arange(80) % 2, 2)
    some, others = (np.arange(80) % n for n in names)
    x = np.where(made.fitted, some, 100 + others).astype(float)
    numbers = way(x, made, category=False)
    assert numbers.count == 5
    for (k, own), beside in zip(halves(made), (names[0] - 1, 0), strict=True):
        assert same_groups(numbers.at[k, own], x[own].tolist())
        assert set(numbers.at[k, ~own]) == {beside}  # all above, or all below
    cells = way(x, made, category=True)
    assert cells.count == 6  # five names of a half, and all others
    for (k, own), last in zip(halves(made), names, strict=True):
        assert set(cells.at[k, ~own]) == {last}
        assert same_groups(cells.at[k, own], x[own].tolist())
        assert set(cells.at[k, own]) == set(range(last))


@pytest.mark.parametrize("way", [fine, coarse])
@pytest.mark.parametrize("category", [True, False])
@pytest.mark.parametrize("which", [0, 1])
def test_a_half_that_knows_nothing_has_one_group(which, category, way):
    made = target(np.arange(80) % 2, 2)
    empty = halves(made)[which][1]
    x = np.where(empty, NAN, np.arange(80.0) % 4)
    cells = way(x, made, category=category)
    assert np.array_equal(cells.known, ~empty)
    assert not cells.at[which].any()
    assert same_groups(cells.at[1 - which, ~empty], x[~empty].tolist())
    assert cells.count == 4 + category
    nothing = way(np.full(80, NAN), made, category=category)
    assert (nothing.count, nothing.at.any(), nothing.known.any()) == (1, False, False)


@pytest.mark.parametrize("names", [15, 16, 40, 3])
def test_the_fifteen_most_frequent_names_and_all_others(names):
    made = target(np.zeros(2000))
    rng = np.random.default_rng(names)
    x = np.minimum(rng.geometric(0.08, 2000), names) * 1.5
    cells = coarse(x, made, category=True)
    assert cells.count == min(names, 15) + 1
    for k, half in halves(made):
        own = x[half]
        counts = sorted((-(own == v).sum(), v) for v in np.unique(own))
        top = {v for _, v in counts[:15]}
        assert same_groups(cells.at[k], [v if v in top else None for v in x])
        assert set(cells.at[k, ~np.isin(x, list(top))]) <= {len(top)}
        assert set(cells.at[k, np.isin(x, list(top))]) == set(range(len(top)))


@pytest.mark.parametrize("distinct", [2, 16, 17, 500])
def test_numbers_are_cut_into_sixteen_stretches_of_as_many_rows(distinct):
    made = target(np.zeros(1600))
    x = np.random.default_rng(0).integers(0, distinct, 1600) / 4
    cells = coarse(x, made, category=False)
    for k, half in halves(made):
        own = np.sort(x[half])
        if distinct <= 16:
            edges = np.unique(own)[:-1]
        else:
            edges = np.unique([own[math.ceil(i * own.size / 16) - 1] for i in range(1, 16)])
        assert edges.size + 1 <= cells.count <= 16
        assert np.array_equal(cells.at[k], [(edges < v).sum() for v in x])
        if distinct == 500:
            assert cells.count == 16
            assert np.bincount(cells.at[k, half]).max() < own.size / 16 + 5


def test_of_names_that_are_as_frequent_the_least_come_first():
    made = target(np.zeros(400))
    x = np.empty(400)
    for _, own in halves(made):
        x[own] = np.arange(own.sum()) % 20
    rows = np.flatnonzero(made.fitted)[:180], np.flatnonzero(~made.fitted)[:180]
    part = made.take(np.sort(np.concatenate(rows)))
    x = x[np.sort(np.concatenate(rows))]
    cells = coarse(x, part, category=True)
    assert np.array_equal(cells.at, [np.minimum(x, 15)] * 2)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans(), st.booleans()),
                min_size=1, max_size=40))  # fmt: skip
def test_pairs_of_groups_are_groups(rows):
    a, b, p, q = (np.array(c) for c in zip(*rows, strict=True))
    both = paired(Cells(np.array([a, 2 - a]), 3, p), Cells(np.array([b, b]), 4, q))
    assert np.array_equal(both.known, p & q)
    assert both.count == 12
    for own in both.at:
        assert same_groups(own, [r[:2] for r in rows])
        assert 0 <= own.min() <= own.max() < 12


# -- scores --------------------------------------------------------------------------------------


def plain_classes(at, y, made, k):
    """The mean over classes of Mann and Whitney's area of all rows, each ranked by the shares in
    the half that it is not of.
    """
    told = np.empty((y.size, k))
    for which, own in halves(made):
        learned = [[int(((at[which] == g) & (y == c) & own).sum()) for c in range(k)]
                   for g in range(at.max() + 1)]  # fmt: skip
        prior = [sum(row[c] for row in learned) / own.sum() for c in range(k)]
        for i in np.flatnonzero(~own):
            row = learned[at[which, i]]
            told[i] = [(row[c] + prior[c]) / (sum(row) + 1) for c in range(k)]
    kept = [c for c in range(k) if (y == c).sum() >= 10]
    rows = np.isin(y, kept)
    found = []
    for c in kept[-1:] if len(kept) == 2 else kept:
        one, other = told[rows & (y == c), c], told[rows & (y != c), c]
        wins = (one[:, None] > other).mean() + 0.5 * (one[:, None] == other).mean()
        half = auc_half(float(wins), one.size, other.size, Z95, LEVEL)
        chance = math.sqrt((one.size + other.size + 1) / (12 * one.size * other.size))
        found.append((wins, half, chance))
    value, half, chance = np.mean(found, axis=0)
    return value, half, 0.5 * math.erfc((value - 0.5) / chance / math.sqrt(2)), int(rows.sum())


@pytest.mark.parametrize("sizes", [(300, 200), (250, 150, 90), (300, 200, 9), (300, 200, 10),
                                   (200, 200, 60, 40)])  # fmt: skip
@pytest.mark.parametrize("seed", range(3))
def test_classes_are_ranked_by_the_shares_of_the_other_half(sizes, seed):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    made = target(y, len(sizes))
    at = np.where(rng.random(y.size) < 0.3, y, rng.integers(0, 6, (2, y.size)))
    found = shortcut(made, Cells(at, 7, np.ones(y.size, dtype=bool)))
    assert found is not None
    value, half, p, n = plain_classes(at, y, made, len(sizes))
    large = sum(s >= 10 for s in sizes)
    assert found.metric == ("AUC" if large == 2 else "mean AUC of a class against the rest")
    assert found.value == pytest.approx(value)
    assert found.n == n
    assert found.low == pytest.approx(max(0, value - half), rel=1e-6)
    assert found.high == pytest.approx(min(1, value + half))
    assert found.p == pytest.approx(p, rel=1e-6, abs=0)
    effect = found.effect(0.75)
    assert (effect.metric, effect.value, effect.low, effect.high, effect.threshold) == (
        found.metric, found.value, found.low, found.high, 0.75,
    )  # fmt: skip


def test_rows_of_which_nothing_is_known_do_not_count():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 300)
    made, known = target(y, 2), rng.random(300) < 0.7
    at = np.where(rng.random((2, 300)) < 0.5, y, 2)
    found = shortcut(made, Cells(at, 3, known))
    assert found is not None
    part = made.take(np.flatnonzero(known))
    value, _, _, n = plain_classes(at[:, known], y[known], part, 2)
    assert found.value == pytest.approx(value)
    assert found.n == n


def test_intervals_end_at_0_and_1():
    y = np.arange(120) % 2
    found = shortcut(target(y, 2), twice(y, 2))
    assert found is not None
    assert (found.value, found.high) == (1, 1)
    assert found.low == pytest.approx(1 + math.log(LEVEL) / 120)  # 60 rows of a class
    # What a half learns is turned round in the other: its rows are ranked the wrong way.
    made = target(y, 2)
    at = np.array([np.where(own, y, 1 - y) for _, own in halves(made)])
    found = shortcut(made, Cells(at, 2, np.ones(120, dtype=bool)))
    assert found is not None
    assert (found.value, found.low) == (0, 0)
    assert found.p > 0.999


def test_both_halves_judge_a_class():
    """Ten rows of a class, all of one half: the other half ranks them, and they count."""
    made = target(np.zeros(400))
    for _, own in halves(made):
        y = np.where(np.arange(400) % 2, 1, 0)
        y[np.flatnonzero(own)[:10]] = 2
        found = shortcut(target(y, 3), twice(np.where(y == 2, 0, y), 3))
        assert found is not None
        assert (found.metric, found.n) == ("mean AUC of a class against the rest", 400)
        y[np.flatnonzero(own)[0]] = 0
        found = shortcut(target(y, 3), twice(np.where(y == 2, 0, y), 3))
        assert found is not None
        assert (found.metric, found.value, found.n) == ("AUC", 1, 391)


def test_one_class_with_enough_rows_tells_nothing():
    y = np.zeros(400)
    y[::45] = 1
    assert (y == 1).sum() == 9
    assert shortcut(target(y, 2), twice(y.astype(int), 2)) is None


@pytest.mark.parametrize("noise", [3, 6, 20])
@pytest.mark.parametrize("seed", range(3))
def test_numbers_are_told_by_the_means_of_the_other_half(seed, noise):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 5, 300)
    y = np.array([5.0, 1, 2, 9, 4])[group] * 3 + rng.normal(size=300) * noise
    made = target(y)
    # Of group 4 the first half learns nothing; the second half parts the rows in another way.
    at = np.array([np.where(made.fitted, group % 4, group), (group + 1) % 5])
    known = rng.random(300) < 0.9
    found = shortcut(made, Cells(np.where(known, at, 0), 5, known))
    assert found is not None
    told = np.empty(300)
    for k, half in halves(made):
        fit = half & known
        means = [y[fit & (at[k] == g)].mean() if (fit & (at[k] == g)).any() else y[fit].mean()
                 for g in range(5)]  # fmt: skip
        told[~half] = np.array(means)[at[k]][~half]
    value, half = explained(y[known], told[known], Z95)
    assert (found.metric, found.n) == ("R²", known.sum())
    assert (found.value, found.low) == pytest.approx((value, value - half))
    assert found.high == pytest.approx(min(1, value + half))
    p = 0.5 * math.erfc(value / half * Z95 / math.sqrt(2))
    assert found.p == pytest.approx(p, rel=1e-6, abs=0)


def test_numbers_that_groups_tell_for_certain_and_huge_ones():
    y = np.arange(200) % 2 + 0.0
    cells = twice(np.arange(200) % 2, 2)
    for scale, shift in ((1.0, 0.0), (1.7e308, 0.0), (-1.7e308, 0.0), (3e307, -1.5e307)):
        found = shortcut(target(y * scale + shift), cells)
        assert found is not None
        assert (found.value, found.low, found.high, found.p) == (1, 1, 1, 0)
    third = np.arange(201) % 3
    found = shortcut(target(third * 8e307), twice(third, 3))
    assert found is not None
    assert (found.value, found.p) == (1, 0)
    assert shortcut(target(third * 0 + 5.0), twice(third, 3)) is None
    found = shortcut(target(np.where(third == 0, 1.7e308, -1.7e308)), twice(third, 3))
    assert found is not None
    assert (found.value, found.p) == (1, 0)
    worse = shortcut(target(y * 1.7e308), twice(np.arange(200) // 2 % 2, 2))
    assert worse is not None
    assert worse.p > 0.001


@pytest.mark.parametrize(
    ("rows", "known", "judged"),
    [(60, 50, True), (60, 49, False), (200, 100, True), (200, 99, False)],
)
def test_fifty_rows_and_half_of_them_have_a_value(rows, known, judged):
    y = np.arange(rows) % 2
    some = np.arange(rows) < known
    found = shortcut(target(y, 2), twice(y, 2, some))
    assert (found is not None) == judged
    assert shortcut(target(y, 2), twice(y * 0, 1, some)) is None


def test_both_halves_must_have_rows():
    y = np.arange(400) % 2
    made = target(y, 2)
    for _, own in halves(made):
        part = made.take(np.flatnonzero(own)[:120])
        assert shortcut(part, twice(part.codes, 2)) is None
        number = Target(part.frame, part.values)
        assert shortcut(number, twice(part.codes, 2)) is None


@pytest.mark.parametrize(("cells", "judged"), [(4, True), (3, False)])
def test_a_table_of_groups_and_classes_has_a_bound(cells, judged, monkeypatch):
    monkeypatch.setattr(shortcuts, "TABLE", cells)
    y = np.arange(100) % 2
    assert (shortcut(target(y, 2), twice(y, 2)) is not None) == judged
    assert shortcut(target(y), twice(y, 2)) is not None  # numbers need no table
