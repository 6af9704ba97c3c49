"""Maps that processing makes are found whatever the data; random re-splits show none."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.checks.normalization.maps import GRID, Figures

MAPS = {
    "standardized": lambda x, t: (x - t.mean()) / t.std(),
    "min-max": lambda x, t: (x - t.min()) / (t.max() - t.min()),
    "min-max-symmetric": lambda x, t: 2 * (x - t.min()) / (t.max() - t.min()) - 1,
    "by-1/255": lambda x, t: x / 255,
    "by-1000": lambda x, t: x * 1000,
    "by-2.54": lambda x, t: x * 2.54,
    "celsius-to-fahrenheit": lambda x, t: x * 1.8 + 32,
    "celsius-to-kelvin": lambda x, t: x + 273.15,
    "log1p": lambda x, t: np.log1p(x),
    "log10": lambda x, t: np.log10(x),
    "sign-flip": lambda x, t: -x,
    "shared-factor": lambda x, t: x / 13,
}
DRAWS = {
    "gamma": lambda rng, n: rng.gamma(2.5, 7, n) + 0.1,
    "lattice": lambda rng, n: rng.binomial(18, 0.4, n) + 1.0,
    "skewed": lambda rng, n: np.exp(rng.normal(3, 0.5, n)),
    "two humps": lambda rng, n: rng.normal(20, 2, n) + 25 * rng.integers(0, 2, n),
}


def frames(seed, n, m):
    rng = np.random.default_rng(seed)
    return [pl.DataFrame({c: draw(rng, k) for c, draw in DRAWS.items()}) for k in (n, m)]


def audit(train, test, *codes):
    report = datacheck.audit({"train": train, "test": test}, settings={"select": codes})
    assert not [o for o in report.outcomes if o.status is datacheck.findings.Status.FAILED]
    return report.findings


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_map_is_found_by_its_name_and_nothing_else_is_said(name, seed):
    train, test = frames(seed, 900, 400)
    mapped = pl.DataFrame({c: MAPS[name](test[c].to_numpy(), train[c].to_numpy()) for c in DRAWS})
    (found,) = audit(train, mapped, "NM001", "NM003")
    assert (found.rule, found.evidence["map"]) == ("NM001", name)
    assert set(found.columns) == set(DRAWS)
    assert found.evidence["mapped"] == "test"


@pytest.mark.parametrize("name", ["standardized", "min-max", "log1p"])
def test_the_other_way_round_it_is_train_that_was_mapped(name):
    train, test = frames(3, 900, 400)
    mapped = pl.DataFrame({c: MAPS[name](train[c].to_numpy(), train[c].to_numpy()) for c in DRAWS})
    (found,) = [f for f in audit(mapped, test, "NM001") if f.evidence["mapped"] == "train"]
    assert set(found.columns) >= {"gamma", "skewed", "two humps"}


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**20), share=st.sampled_from([0.1, 0.25, 0.5]))
def test_random_splits_show_no_map_no_shift_and_nothing_unseen(seed, share):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(40, 1500))
    whole = frames(seed, n, 1)[0].with_columns(
        heavy=pl.Series(rng.standard_cauchy(n)),
        sparse=pl.Series(np.where(rng.random(n) < 0.95, 0, rng.exponential(9, n))),
        flag=pl.Series(rng.random(n) < 0.03),
        name=pl.Series([f"n{i}" for i in rng.zipf(1.4, n)]),
        label=pl.Series(rng.integers(0, 2, n)),
    )
    cut = max(int(n * share), 4)
    assert audit(whole[cut:], whole[:cut], "NM001", "NM003", "NM006") == []


def test_the_order_of_rows_and_columns_does_not_matter():
    train, test = frames(4, 600, 300)
    test = test.with_columns(pl.col("gamma") * 1000, pl.col("skewed") + 5.0)
    first = audit(train, test, "NM")
    rng = np.random.default_rng(0)
    order = rng.permutation(train.height)
    again = audit(train[order].select(reversed(train.columns)), test.reverse(), "NM")
    assert [(f.key, f.count, f.total) for f in first] == [(f.key, f.count, f.total) for f in again]
    assert {f.rule for f in first} == {"NM001", "NM003"}


def test_quartiles_median_and_deviation_are_those_of_the_grid():
    grid = np.quantile(np.random.default_rng(0).gamma(2, size=(5000, 2)), GRID, axis=0)
    none = np.zeros(2)
    figures = Figures(grid=grid, mean=none, sd=none, min=none, max=none)
    at = [np.interp(p, GRID, grid[:, 0]) for p in (0.26, 0.5, 0.74)]
    assert figures.iqr[0] == pytest.approx(at[2] - at[0])
    assert figures.median[0] == pytest.approx(at[1])
    assert figures.deviation[0] == pytest.approx(np.abs(grid[:, 0] - at[1]).mean())
