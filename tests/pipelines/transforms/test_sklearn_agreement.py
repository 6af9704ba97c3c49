"""The numbers are scikit-learn's, to 1e-9."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - makes it importable
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from datacheck.pipelines.transforms import make
from tests.pipelines.transforms.frames import blocks

CELL = st.one_of(
    st.just(float("nan")), st.floats(-1e6, 1e6), st.integers(-3, 3).map(float), st.just(7.1)
)


@st.composite
def matrices(draw, known=True):
    rows, columns = draw(st.integers(1, 20)), draw(st.integers(1, 4))
    x = draw(hnp.arrays(np.float64, (rows, columns), elements=CELL))
    if known:  # scikit-learn leaves columns out that have no value
        x[0] = np.where(np.isnan(x).all(axis=0), 1.0, x[0])
    return x + 0.0


def framed(x):
    return pl.DataFrame({f"c{j}": x[:, j] for j in range(x.shape[1])})


def ours(one, train, other):
    fitted = one.learn(blocks(framed(train), 6))
    return fitted.apply(framed(other)).to_numpy()


def columns(x):
    return tuple(f"c{j}" for j in range(x.shape[1]))


def close(a, b, scale=1.0):
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * scale)


@given(matrices(), st.data())
def test_simple_imputer(x, data):
    other = np.where(data.draw(hnp.arrays(np.bool_, x.shape)), np.nan, x)
    for strategy in ("mean", "median", "most_frequent"):
        want = SimpleImputer(strategy=strategy).fit(x).transform(other)
        close(ours(make("impute", columns(x), strategy=strategy), x, other), want)
    want = SimpleImputer(strategy="constant", fill_value=-7.5).fit(x).transform(other)
    close(ours(make("impute", columns(x), strategy="constant", constant=-7.5), x, other), want)


@given(matrices(known=False))
def test_simple_imputer_of_columns_without_values(x):
    want = SimpleImputer(strategy="median", keep_empty_features=True).fit_transform(x)
    close(ours(make("impute", columns(x)), x, x), want)


@given(st.lists(st.sampled_from(["b", "a", "ä", "zz", None]), min_size=1, max_size=20))
def test_simple_imputer_of_text(cells):
    assume(any(cells))
    frame = pl.DataFrame({"c0": pl.Series(cells, dtype=pl.String)})
    x = np.array(cells, dtype=object)[:, None]
    sk = SimpleImputer(strategy="most_frequent", missing_values=None)
    fitted = make("impute", ("c0",), strategy="most_frequent").learn(blocks(frame, 4))
    assert fitted.apply(frame)["c0"].to_list() == sk.fit_transform(x)[:, 0].tolist()


@given(matrices(), matrices())
def test_scalers(x, y):
    other = np.resize(y, (y.shape[0], x.shape[1]))
    mine = {
        "standard": StandardScaler(),
        "robust": RobustScaler(),
        "minmax": MinMaxScaler(),
    }
    for method, sk in mine.items():
        want = sk.fit(x).transform(other)
        # scikit-learn takes min-max as x·a + b, which rounds at the size of b
        scale = 1 + np.nanmax(np.abs(getattr(sk, "min_", 0.0))) if method == "minmax" else 1.0
        close(ours(make("scale", columns(x), method=method), x, other), want, scale)
        fitted = make("scale", columns(x), method=method).learn(blocks(framed(x), 5))
        back = fitted.inverse(fitted.apply(framed(other))).to_numpy()  # type: ignore[attr-defined] # a Scale
        close(back, other, 1 + np.nanmax(np.abs(np.nan_to_num(x))))


@given(matrices())
def test_scaler_ranges(x):
    want = RobustScaler(quantile_range=(10.0, 95.0)).fit_transform(x)
    one = make("scale", columns(x), method="robust", quantile_range=(10.0, 95.0))
    close(ours(one, x, x), want)
    sk = MinMaxScaler(feature_range=(-1, 3))
    want = sk.fit_transform(x)
    one = make("scale", columns(x), method="minmax", feature_range=(-1, 3))
    close(ours(one, x, x), want, 1 + np.nanmax(np.abs(sk.min_)))


@pytest.mark.parametrize("value", [0.1, 1e9 + 0.1, -3.0, 1e-20])
def test_constant_columns_are_divided_by_one(value):
    x = np.full((50, 1), value)
    for method, sk in (("standard", StandardScaler()), ("robust", RobustScaler()),
                       ("minmax", MinMaxScaler())):  # fmt: skip
        want = sk.fit_transform(x)
        close(ours(make("scale", ("c0",), method=method), x, x), want)


@given(st.integers(0, 10_000), st.integers(1, 6), st.floats(0.05, 0.6))
def test_knn_imputer(seed, neighbors, share):
    """On numbers without ties: at a tie scikit-learn's choice is that of a partition."""
    rng = np.random.default_rng(seed)
    x, other = rng.normal(size=(25, 4)), rng.normal(size=(12, 4))
    x[rng.random(x.shape) < share] = np.nan
    other[rng.random(other.shape) < share] = np.nan
    x[0] = np.where(np.isnan(x).all(axis=0), 1.0, x[0])
    want = KNNImputer(n_neighbors=neighbors).fit(x).transform(other)
    close(ours(make("impute", columns(x), strategy="knn", neighbors=neighbors), x, other), want)


@pytest.mark.parametrize("seed", range(8))
def test_iterative_imputer(seed):
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(5, 5))
    x, other = rng.normal(size=(60, 5)) @ mix + 30, rng.normal(size=(9, 5)) @ mix + 30
    x[rng.random(x.shape) < 0.25] = np.nan
    other[rng.random(other.shape) < 0.25] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells that it has not converged
        want = IterativeImputer(max_iter=6).fit(x).transform(other)
    close(ours(make("impute", columns(x), strategy="iterative", rounds=6), x, other), want)


def test_only_a_sample_of_train_is_kept_of_many_rows():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2))
    x[::7, 0] = np.nan
    one = make("impute", ("c0", "c1"), strategy="knn", most_rows=100)
    a, b = one.learn(blocks(framed(x), 37)), one.learn(blocks(framed(x), 400))
    assert a == b
    assert a.said == ("knn is fitted on 100 of 400 rows of train",)
    assert not np.isnan(a.apply(framed(x)).to_numpy()).any()
