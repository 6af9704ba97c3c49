"""Each law holds for a right subject, fails for a wrong one, and names the counterexample."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from datacheck.dataset import Batch
from datacheck.summaries.moments import Moments
from datacheck.testing import laws
from datacheck.testing.strategies import datasets
from tests.testing.ordinary import LABEL, ordinary

QUICK = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
TRAIN, TEST = ordinary(0, rows=180)
X, Z = TRAIN.drop(LABEL).to_numpy(), TEST.drop(LABEL).to_numpy()


# -- does not leak -------------------------------------------------------------------------------


def fitted_on_train(train, test):
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test)


def fitted_on_everything(train, test):
    scaler = StandardScaler().fit(np.concatenate([train, test]))
    return scaler.transform(train), scaler.transform(test)


def fitted_on_each(train, test):
    return StandardScaler().fit_transform(train), StandardScaler().fit_transform(test)


def test_a_scaler_fitted_on_train_does_not_leak():
    laws.does_not_leak(fitted_on_train, X, Z, tolerance=1e-12)


def test_a_scaler_fitted_on_everything_leaks():
    told = (
        r"train changed when test was cut to half of its rows: row 0, axis 1 0: \S+ became \S+ "
        r"\(and \d+ more\); test was ndarray"
    )
    with pytest.raises(AssertionError, match=told):
        laws.does_not_leak(fitted_on_everything, X, Z, tolerance=1e-12)


def test_a_scaler_fitted_on_each_split_leaks_among_rows_of_test():
    with pytest.raises(AssertionError, match=r"rows of test depend on each other: with only 25 of"):
        laws.does_not_leak(fitted_on_each, X, Z, tolerance=1e-9)
    laws.does_not_leak(fitted_on_each, X, Z, tolerance=1e-9, rows_apart=False)


@QUICK
@given(datasets(rows=(2, 30), columns=(1, 4), missing=0.3, kinds=["number", "whole", "category"]))
def test_on_frames_of_any_kind(data):
    def right(train, test):
        numbers = [c for c, t in train.schema.items() if t == pl.Float64]
        fill = [pl.col(c).fill_null(train[c].mean() or 0.0) for c in numbers]
        return train.with_columns(fill), test.with_columns(fill)

    def wrong(train, test):
        both = pl.concat([train, test])
        fill = [pl.col(c) - both[c].cast(pl.Float64).mean() for c in (LABEL,)]
        return train.with_columns(fill), test.with_columns(fill)

    laws.does_not_leak(right, data.train, data.test)
    other = data.test.with_columns(pl.col(LABEL) * 0 + pl.int_range(pl.len()) + 9)
    with pytest.raises(AssertionError, match="train changed when test was"):
        laws.does_not_leak(wrong, data.train, other)


def test_pandas_frames_and_pairs_of_features_and_labels():
    frame, other = TRAIN.to_pandas(), TEST.to_pandas()

    def encode(train, test):
        known = {v: train.loc[train[LABEL] == v, "x0"].mean() for v in train[LABEL].unique()}
        return train.assign(t=train[LABEL].map(known)), test.assign(t=test[LABEL].map(known))

    laws.does_not_leak(encode, frame, other)

    def target_mean(train, test):
        (x, y), (z, w) = train, test
        return x - np.concatenate([y, w]).mean(), z

    pair = (X, TRAIN[LABEL].to_numpy() * 1.0), (Z, TEST[LABEL].to_numpy() * 1.0)
    with pytest.raises(AssertionError, match="train changed when test was"):
        laws.does_not_leak(target_mean, *pair, tolerance=1e-9)


def test_what_cannot_be_told():
    rng = np.random.default_rng(0)
    with pytest.raises(AssertionError, match="another one each time"):
        laws.does_not_leak(lambda a, b: (a + rng.normal(), b), X, Z)
    with pytest.raises(AssertionError, match="gave a ndarray, not what it made of train and test"):
        laws.does_not_leak(lambda a, b: a, X, Z)


# -- transforms ----------------------------------------------------------------------------------


class Scaler:
    """Keeps the laws."""

    def fit(self, x):
        self.mean = x.mean(axis=0)
        return self

    def transform(self, x):
        return x - self.mean

    def inverse_transform(self, x):
        return x + self.mean


class Learner(Scaler):
    """Goes on learning from whatever it transforms."""

    def transform(self, x):
        self.mean = (self.mean + x.mean(axis=0)) / 2
        return super().transform(x)


class Refitter(Scaler):
    """Is fitted on what it is to transform."""

    def transform(self, x):
        return x - x.mean(axis=0)


class Lossy(Scaler):
    def inverse_transform(self, x):
        return super().inverse_transform(x) + 0.01


class Spoiler(Scaler):
    def fit(self, x):
        x[0, 0] = 99.0
        return super().fit(x)


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (Scaler, {}),
        (StandardScaler, {}),
        (MinMaxScaler, {"invertible": True}),
        (lambda: MinMaxScaler(clip=True), {"invertible": False}),
        (SimpleImputer, {"idempotent": True, "invertible": False}),
        (lambda: OneHotEncoder(handle_unknown="ignore"), {"invertible": False}),
    ],
)
def test_right_transforms(make, options):
    laws.check_transform(make, X, Z, **options)


@pytest.mark.parametrize(
    ("make", "options", "said"),
    [
        (Learner, {}, r"Learner learned from what it transformed: row 0, axis 1 0: \S+ became"),
        (Refitter, {}, "Refitter made something else of 25 rows alone"),
        (Lossy, {}, "Lossy does not come back: row 0"),
        (Spoiler, {}, r"Spoiler changed its own train: row 0, axis 1 0: \S+ became \S*99.0"),
        (Scaler, {"idempotent": True}, "Scaler did more the second time"),
    ],
)
def test_wrong_transforms(make, options, said):
    with pytest.raises(AssertionError, match=said):
        laws.check_transform(make, X, Z, **options)


def test_pipelines_of_datacheck_keep_the_laws():
    from datacheck.pipelines.pipeline import Pipeline
    from datacheck.pipelines.transforms.scale import Scale

    names = tuple(c for c in TRAIN.columns if c != LABEL)
    laws.check_transform(lambda: Pipeline([Scale(names)]), TRAIN, TEST, invertible=False)


# -- checks --------------------------------------------------------------------------------------


def shared(train: pl.DataFrame, test: pl.DataFrame) -> int:
    """How many rows of test are in train."""
    return test.join(train.unique(), on=train.columns, how="semi", nulls_equal=True).height


@pytest.mark.parametrize("check", [shared, "LK001"])
def test_right_checks(check):
    given: dict[str, Any] = {"label": LABEL} if isinstance(check, str) else {}
    leaky = pl.concat([TEST, TRAIN[:7]])
    laws.check_rule(check, TRAIN, leaky, swap=True, copies=True, **given)
    laws.check_rule(check, TRAIN, TEST, swap=True, copies=True, **given)


@QUICK
@given(datasets(rows=(1, 20), columns=(1, 3), missing=0.3))
def test_a_right_check_on_any_data(data):
    laws.check_rule(shared, data.train, data.test, swap=True, copies=True)


def spoils(train, test):
    train.insert_column(0, pl.Series("new", np.zeros(train.height)))
    return True


@pytest.mark.parametrize(
    ("check", "options", "said"),
    [
        (lambda a, b: a["x0"][0] > 9.5, {}, r"sees the order of rows: \{'': "),
        (lambda a, b: a.height > b.height, {"swap": True}, "tells train from test"),
        (lambda a, b: 9 - shared(a, b), {"copies": True}, "says less of  with 13 copies more"),
        (spoils, {}, "the check changes its data"),
    ],
)
def test_wrong_checks(check, options, said):
    with pytest.raises(AssertionError, match=said):
        laws.check_rule(check, TRAIN.clone(), TEST.clone(), 3, **options)


def test_a_function_takes_no_settings():
    with pytest.raises(TypeError, match="takes no settings: label"):
        laws.check_rule(shared, TRAIN, TEST, label=LABEL)


# -- summaries -----------------------------------------------------------------------------------


class Last(Moments):
    """Forgets what it has seen when it merges."""

    def merge(self, other: Any) -> Any:
        return other


def test_summaries_right_and_wrong():
    batch = Batch(TRAIN[:5].select("x0"), np.arange(5))
    laws.check_summary(Moments(("x0",)), batch)
    with pytest.raises(AssertionError, match=r"Last breaks x \+ 0 = x, on \{'x0': \["):
        laws.check_summary(Last(("x0",)), batch)


# -- the rest ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (1.0, 1.0, None),
        (float("nan"), float("nan"), None),
        ([1, 2], [1, 3], "part 1: 2 became 3"),
        ((1,), (1, 2), "1 parts became 2"),
        ({"a": 1}, {"b": 1}, "the parts ['a'] became ['b']"),
        ({"a": np.zeros(2)}, {"a": np.array([0, 1.0])}, "a: row 1: "),
        (np.zeros(2), np.zeros(3), "shape (2,) became (3,)"),
        (np.array(["a", None]), np.array(["a", None]), None),
        (pl.Series([1, None]), pl.Series([1, 2]), "row 1: "),
        (pl.DataFrame({"a": ["x"]}), pl.DataFrame({"a": ["y"]}), "column 'a', row 0: "),
        (pl.DataFrame({"a": [[1, 2]]}), pl.DataFrame({"a": [[1, 2]]}), None),
        (pl.DataFrame({"a": [1]}), pl.DataFrame({"b": [1]}), "the columns ['a'] became ['b']"),
        (pd.DataFrame({"a": [1.0]}), pd.DataFrame({"a": [2.0]}), "column 'a', row 0: "),
        (pd.Series([1.0]), pd.Series([1.0]), None),
        (1, 1.0, "a int became a float"),
    ],
)
def test_the_first_difference(first, second, said):
    found = laws.comparing.difference(first, second)
    assert (found is None) if said is None else (found or "").startswith(said), found
