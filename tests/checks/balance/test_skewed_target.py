import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.checks.balance.skewed_target import l_ratios

SEEDS = st.integers(0, 2**32 - 1)


def audit(label) -> datacheck.Report:
    x = np.random.default_rng(0).normal(size=len(label))
    chosen = {"label": "label", "task": "regression", "select": ("CB005",)}
    return datacheck.audit({"train": pl.DataFrame({"x": x, "label": label})}, settings=chosen)


def plain(y) -> tuple[float, float]:
    """L-skewness and L-kurtosis by Hosking's definition."""
    x, n = np.sort(y), len(y)
    i = np.arange(n)
    b = [
        x.mean(),
        (i * x).mean() / (n - 1),
        (i * (i - 1) * x).mean() / (n - 1) / (n - 2),
        (i * (i - 1) * (i - 2) * x).mean() / (n - 1) / (n - 2) / (n - 3),
    ]
    scale = 2 * b[1] - b[0]
    skew = 6 * b[2] - 6 * b[1] + b[0]
    return skew / scale, (20 * b[3] - 30 * b[2] + 12 * b[1] - b[0]) / scale


@settings(max_examples=30, deadline=None, derandomize=True)
@given(SEEDS, st.integers(6, 40))
def test_ratios_and_errors_are_those_of_the_definitions(seed, n):
    y = np.exp(np.random.default_rng(seed).normal(size=n))
    (skew, skew_error), (kurtosis, kurtosis_error) = l_ratios(y)
    assert (skew, kurtosis) == pytest.approx(plain(y))
    without = np.array([plain(np.delete(y, j)) for j in range(n)])
    errors = np.sqrt((n - 1) / n * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    assert (skew_error, kurtosis_error) == pytest.approx(tuple(errors))


@settings(max_examples=20, deadline=None, derandomize=True)
@given(SEEDS, st.floats(0.01, 1e6), st.floats(-1e3, 1e3))
def test_scale_and_origin_do_not_matter(seed, scale, shift):
    y = np.random.default_rng(seed).gamma(2, size=100)
    assert np.ravel(l_ratios(y)) == pytest.approx(np.ravel(l_ratios(scale * (y + shift))), rel=1e-6)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(SEEDS, st.sampled_from(["normal", "uniform", "gamma", "exponential"]))
def test_ordinary_labels_are_clean(seed, kind):
    rng = np.random.default_rng(seed)
    y = {
        "normal": rng.normal(size=300),
        "uniform": rng.random(300),
        "gamma": rng.gamma(3, size=300),
        "exponential": rng.exponential(size=300),
    }[kind]
    assert not audit(y).findings


@settings(max_examples=15, deadline=None, derandomize=True)
@given(SEEDS, st.booleans())
def test_a_tail_is_found_on_either_side(seed, left):
    y = np.exp(1.5 * np.random.default_rng(seed).normal(size=400))
    assert [f.rule for f in audit(-y if left else y).findings] == ["CB005"]
