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

Z = 3.8906
NAN = math.nan


def target(y, classes=0):
    frame = pl.DataFrame({"__address__": np.arange(len(y))})
    return Target(frame, np.asarray(y, dtype=float), tuple(f"c{i:02}" for i in range(classes)))


def same_groups(cells: Cells, wanted) -> bool:
    """Whether two rows are in one group where they should be."""
    groups: dict[int, set] = {}
    for g, w in zip(cells.at[cells.known].tolist(), wanted, strict=True):
        groups.setdefault(g, set()).add(w)
    each = [w for some in groups.values() for w in some]
    return all(len(some) == 1 for some in groups.values()) and len(each) == len(set(each))


# -- groups --------------------------------------------------------------------------------------


@pytest.mark.parametrize("category", [True, False])
def test_few_values_are_groups_by_themselves(category):
    x = np.array([2.0, NAN, 5.0, math.inf, 2.0, 9.0] * 20)
    made = target(np.arange(120) % 2, 2)
    for cells in (fine(x, made, category=category), coarse(x, made, category=category)):
        known = ~np.isnan(x) if category else np.isfinite(x)
        assert np.array_equal(cells.known, known)
        assert same_groups(cells, x[known].tolist())
        assert cells.at.min() >= 0
        assert cells.at.max() < cells.count


def test_names_that_the_fitted_half_lacks_are_one_group():
    made = target(np.arange(80) % 2, 2)
    x = np.where(made.fitted, np.arange(80) % 3, 100 + np.arange(80)).astype(float)
    cells = fine(x, made, category=True)
    assert cells.count == 4
    assert set(cells.at[~made.fitted]) == {3}


def test_where_the_fitted_half_knows_nothing_there_is_one_group():
    made = target(np.arange(80) % 2, 2)
    x = np.where(made.fitted, NAN, np.arange(80.0))
    for category in (True, False):
        for way in (fine, coarse):
            cells = way(x, made, category=category)
            assert (cells.count, cells.at.max()) == (1, 0)
            assert np.array_equal(cells.known, ~made.fitted)


@pytest.mark.parametrize(("names", "groups"), [(15, 16), (16, 16), (40, 16), (3, 4)])
def test_the_fifteen_most_frequent_names_and_all_others(names, groups):
    made = target(np.zeros(2000))
    rng = np.random.default_rng(names)
    x = np.minimum(rng.geometric(0.08, 2000), names) * 1.5
    cells = coarse(x, made, category=True)
    own = x[made.fitted]
    counts = sorted((-(own == v).sum(), v) for v in np.unique(own))
    top = {v for _, v in counts[:15]}
    assert cells.count == min(len(counts), 15) + 1 == groups
    assert same_groups(cells, [v if v in top else None for v in x])
    assert set(cells.at[~np.isin(x, list(top))]) <= {len(top)}


@pytest.mark.parametrize("distinct", [2, 16, 17, 500])
def test_numbers_are_cut_into_sixteen_stretches_of_as_many_rows(distinct):
    made = target(np.zeros(1600))
    x = np.random.default_rng(0).integers(0, distinct, 1600) / 4
    cells = coarse(x, made, category=False)
    own = np.sort(x[made.fitted])
    if distinct <= 16:
        edges = np.unique(own)[:-1]
    else:
        edges = np.unique([own[math.ceil(i * own.size / 16) - 1] for i in range(1, 16)])
    assert cells.count == edges.size + 1 <= 16
    assert np.array_equal(cells.at, [(edges < v).sum() for v in x])
    if distinct == 500:
        assert cells.count == 16
        assert np.bincount(cells.at[made.fitted]).max() < own.size / 16 + 5


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans(), st.booleans()),
                min_size=1, max_size=40))  # fmt: skip
def test_pairs_of_groups_are_groups(rows):
    a, b, p, q = (np.array(c) for c in zip(*rows, strict=True))
    both = paired(Cells(a, 3, p), Cells(b, 4, q))
    assert np.array_equal(both.known, p & q)
    assert both.count == 12
    known = both.known.tolist()
    assert same_groups(both, [r[:2] for r, k in zip(rows, known, strict=True) if k])
    assert 0 <= both.at.min() <= both.at.max() < 12


# -- scores --------------------------------------------------------------------------------------


def plain_classes(at, y, fitted, k):
    """The mean over classes of Mann and Whitney's area, ranked by the shares in the fitted half."""
    learned = [[int(((at == g) & (y == c) & fitted).sum()) for c in range(k)]
               for g in range(at.max() + 1)]  # fmt: skip
    total = sum(map(sum, learned))
    prior = [sum(row[c] for row in learned) / total for c in range(k)]
    kept = [c for c in range(k) if (y == c).sum() >= 10 and ((y == c) & ~fitted).any()]
    rows = ~fitted & np.isin(y, kept)
    found = []
    for c in kept[-1:] if len(kept) == 2 else kept:
        told = np.array([(learned[g][c] + prior[c]) / (sum(learned[g]) + 1) for g in at])
        n1, n0 = int((y[rows] == c).sum()), int((y[rows] != c).sum())
        one, other = told[rows][y[rows] == c], told[rows][y[rows] != c]
        wins = (one[:, None] > other).mean() + 0.5 * (one[:, None] == other).mean()
        half = auc_half(float(wins), n1, n0)
        found.append((wins, half, math.sqrt((n1 + n0 + 1) / (12 * n1 * n0))))
    value, half, chance = np.mean(found, axis=0)
    return value, half, 0.5 * math.erfc((value - 0.5) / chance / math.sqrt(2)), int(rows.sum())


@pytest.mark.parametrize("sizes", [(300, 200), (250, 150, 90), (300, 200, 9), (300, 200, 10),
                                   (200, 200, 60, 40)])  # fmt: skip
@pytest.mark.parametrize("seed", range(3))
def test_classes_are_ranked_by_the_shares_of_the_other_half(sizes, seed):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    made = target(y, len(sizes))
    at = np.where(rng.random(y.size) < 0.3, y, rng.integers(0, 6, y.size))
    cells = Cells(at, 7, np.ones(y.size, dtype=bool))
    found = shortcut(made, cells)
    assert found is not None
    value, half, p, n = plain_classes(at, y, made.fitted, len(sizes))
    large = sum(s >= 10 for s in sizes)
    assert found.metric == ("AUC" if large == 2 else "mean AUC of a class against the rest")
    assert (found.value, found.n) == (pytest.approx(value), n)
    assert found.low == pytest.approx(max(0, value - half), rel=1e-6)
    assert found.high == pytest.approx(min(1, value + half))
    assert found.p == pytest.approx(p, rel=1e-6)
    effect = found.effect(0.75)
    assert (effect.value, effect.low, effect.high, effect.threshold) == (
        found.value, found.low, found.high, 0.75,
    )  # fmt: skip


def test_a_class_without_a_row_that_judges_does_not_count():
    fitted = target(np.zeros(400)).fitted
    y = np.where(np.arange(400) % 2, 1, 0)
    y[np.flatnonzero(fitted)[:12]] = 2
    y[np.flatnonzero(~fitted)[:100]] = 0
    cells = Cells(y.copy(), 3, np.ones(400, dtype=bool))
    found = shortcut(target(y, 3), cells)
    assert found is not None
    assert (found.metric, found.value) == ("AUC", 1)
    only = np.where(fitted, y, 0)
    assert shortcut(target(only, 3), cells) is None


@pytest.mark.parametrize("seed", range(3))
def test_numbers_are_told_by_the_means_of_the_other_half(seed):
    rng = np.random.default_rng(seed)
    at = rng.integers(0, 5, 300)
    y = np.array([5.0, 1, 2, 9, 4])[at] * 3 + rng.normal(size=300)
    made = target(y)
    at = np.where(made.fitted, at % 4, at)  # of group 4 nothing was learned
    known = rng.random(300) < 0.9
    found = shortcut(made, Cells(np.where(known, at, 0), 5, known))
    assert found is not None
    fit, judge = made.fitted & known, ~made.fitted & known
    means = np.array([y[fit & (at == g)].mean() if g < 4 else y[fit].mean() for g in range(5)])
    value, half = explained(y[judge], means[at[judge]], Z)
    assert (found.metric, found.n) == ("R²", judge.sum())
    assert (found.value, found.low) == pytest.approx((value, value - half))
    assert found.high == pytest.approx(min(1, value + half))
    assert found.p == pytest.approx(0.5 * math.erfc(value / half * Z / math.sqrt(2)), rel=1e-6)


def test_numbers_that_groups_tell_for_certain_and_huge_ones():
    y = np.arange(200) % 2 + 0.0
    cells = Cells(np.arange(200) % 2, 2, np.ones(200, dtype=bool))
    for scale, shift in ((1.0, 0.0), (1.7e308, 0.0), (-1.7e308, 0.0), (3e307, -1.5e307)):
        found = shortcut(target(y * scale + shift), cells)
        assert found is not None
        assert (found.value, found.low, found.high, found.p) == (1, 1, 1, 0)
    nothing = Cells(np.arange(200) // 2 % 2, 2, np.ones(200, dtype=bool))
    worse = shortcut(target(y * 1.7e308), nothing)
    assert worse is not None
    assert worse.p > 0.001


def test_numbers_of_which_those_that_judge_are_all_the_same_tell_nothing():
    made = target(np.arange(200.0))
    y = np.where(made.fitted, np.arange(200.0), 5.0)
    cells = Cells(np.arange(200) % 2, 2, np.ones(200, dtype=bool))
    assert shortcut(target(y), cells) is None


@pytest.mark.parametrize(
    ("rows", "known", "judged"),
    [(60, 50, True), (60, 49, False), (200, 100, True), (200, 99, False)],
)
def test_fifty_rows_and_half_of_them_have_a_value(rows, known, judged):
    y = np.arange(rows) % 2
    some = np.arange(rows) < known
    found = shortcut(target(y, 2), Cells(y.copy(), 2, some))
    assert (found is not None) == judged
    assert shortcut(target(y, 2), Cells(y * 0, 1, some)) is None


def test_there_must_be_rows_that_learn_and_rows_that_judge():
    y = np.arange(400) % 2
    made = target(y, 2)
    for some in (made.fitted, ~made.fitted):
        rows = np.flatnonzero(some)[:120]
        part = made.take(rows)
        cells = Cells(part.codes.copy(), 2, np.ones(120, dtype=bool))
        assert shortcut(part, cells) is None


@pytest.mark.parametrize(("cells", "judged"), [(4, True), (3, False)])
def test_a_table_of_groups_and_classes_has_a_bound(cells, judged, monkeypatch):
    monkeypatch.setattr(shortcuts, "TABLE", cells)
    y = np.arange(100) % 2
    found = shortcut(target(y, 2), Cells(y.copy(), 2, np.ones(100, dtype=bool)))
    assert (found is not None) == judged
