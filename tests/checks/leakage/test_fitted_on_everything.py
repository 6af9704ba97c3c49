from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import datacheck


def found(train: np.ndarray, test: np.ndarray) -> list[str]:
    frames = {
        name: pl.DataFrame(x, schema=[f"x{i}" for i in range(x.shape[1])])
        for name, x in (("train", train), ("test", test))
    }
    report = datacheck.audit(frames, settings={"select": ("LK007",)})
    assert all(o.status.value != "failed" for o in report.outcomes), report.outcomes
    return [f.evidence["fitted_on"] for f in report.findings]


def minmax(x, fit):
    return (x - fit.min(axis=0)) / (fit.max(axis=0) - fit.min(axis=0))


def standard(x, fit):
    return (x - fit.mean(axis=0)) / fit.std(axis=0)


@pytest.mark.parametrize("seed", range(30))
def test_honest_scaling_is_silent(seed):
    """Fitted on train, clipped or not; evaluation of any size, also larger than train."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=(600, 12)) * 10.0 ** rng.integers(-3, 4, 12) + 5
    cut = int(rng.integers(60, 540))
    train, test = raw[:cut], raw[cut:]
    assert found(standard(train, train), standard(test, train)) == []
    assert found(minmax(train, train), minmax(test, train)) == []
    assert found(minmax(train, train), minmax(test, train).clip(0, 1)) == []
    assert found(standard(train, train), standard(train, train)) == []  # copies: LK001's


@pytest.mark.parametrize("scale", [standard, minmax])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("seed", range(3))
def test_each_way_of_fitting_on_too_much_is_told_once(scale, dtype, seed):
    rng = np.random.default_rng(seed)
    raw = rng.gamma(2.0, 3.0, size=(800, 8))
    train, test = raw[:500], raw[500:]
    both = [scale(x, raw).astype(dtype) for x in (train, test)]
    each = [scale(x, x).astype(dtype) for x in (train, test)]
    assert found(both[0], both[1]) == ["all splits together"]
    assert found(each[0], each[1]) == ["each split on itself"]


def test_waves_over_whole_periods_are_no_fit():
    """Their mean is 0 to float precision over the year, but not their deviation 1."""
    hour = np.arange(8760)
    waves = np.stack([np.sin(2 * np.pi * hour / p) for p in (24, 8760)], axis=1)
    assert found(waves[:6000], waves[6000:]) == []
