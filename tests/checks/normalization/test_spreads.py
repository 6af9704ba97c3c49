"""Whether two samples have different spreads."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import datacheck
from datacheck.checks.normalization.spreads import _spread, spreads_differ

KINDS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "lognormal": lambda rng, n: rng.lognormal(size=n),
    "t": lambda rng, n: rng.standard_t(3, size=n),
    "uniform": lambda rng, n: rng.random(n),
    "few values": lambda rng, n: rng.integers(0, 4, n).astype(float),
    "mostly zero": lambda rng, n: rng.integers(1, 9, n) * (rng.random(n) < 0.1).astype(float),
}


def drawn(kind, n, seed):
    return np.sort(KINDS[kind](np.random.default_rng(seed), n))


@pytest.mark.parametrize("kind", KINDS)
def test_like_samples_seldom_differ(kind):
    told = [spreads_differ(drawn(kind, 300, 2 * i), drawn(kind, 100, 2 * i + 1))
            for i in range(400)]  # fmt: skip
    assert sum(told) <= 6  # 1.1 expected at most, were both answers one


@pytest.mark.parametrize("kind", ["normal", "uniform", "t"])
def test_samples_of_which_one_is_half_as_wide_again_differ(kind):
    told = [spreads_differ(drawn(kind, 300, i), 1.5 * drawn(kind, 300, 900 + i))
            for i in range(40)]  # fmt: skip
    assert sum(told) >= {"normal": 38, "uniform": 40, "t": 20}[kind]


@given(st.sampled_from(sorted(KINDS)), st.integers(0, 99), st.floats(-300, 290), st.booleans())
def test_units_signs_and_sides_do_not_matter(kind, seed, power, turned):
    x, y = drawn(kind, 60, seed), 1.7 * drawn(kind, 40, seed + 100)
    said = spreads_differ(x, y)
    assert spreads_differ(y, x) == said
    unit = 2.0 ** round(power * 3.32)
    assert spreads_differ(x * unit, y * unit) == said
    if turned:
        assert spreads_differ(-x[::-1], -y[::-1]) == said


@settings(max_examples=25)
@given(st.floats(1e2, 1e300))
def test_one_outlier_is_no_other_spread(far):
    x, y = drawn("normal", 400, 0), drawn("normal", 200, 1)
    y[-1] = far
    assert not spreads_differ(x, y)


def test_less_than_was_asked_for_does_not_count():
    x = drawn("normal", 100_000, 0)
    assert spreads_differ(x, 1.08 * x)
    assert not spreads_differ(x, 1.08 * x, 0.1)
    assert spreads_differ(x, 1.12 * x, 0.1)


@pytest.mark.parametrize("odd", [[0.0, 0.0], [3.0, 3.0], [1.0, np.inf], [-np.inf, 1.0], [1.0]])
def test_what_has_no_spread_does_not_differ(odd):
    assert not spreads_differ(np.array(odd), np.arange(50.0))
    assert not spreads_differ(np.arange(50.0), np.array(odd))


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=40).filter(lambda x: len(set(x)) > 1))
def test_the_error_is_that_of_the_delta_method(x):
    deviation, error = _spread(np.array(x, dtype=float))
    assert deviation == pytest.approx(np.std(x))
    kurtosis = stats.kurtosis(x, fisher=False)
    assert error == pytest.approx((kurtosis - 1) / (4 * len(x)), abs=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_a_shift_that_no_map_undoes_is_no_mismatch(seed):
    rng = np.random.default_rng(seed)
    x = rng.gamma(3.0, 2.0, 700)
    x[500:] += 6 * x.std() * 0.5 * rng.random(200)  # each row by an amount of its own
    frame = pl.DataFrame({"x": x, "y": rng.normal(size=700), "label": rng.integers(0, 2, 700)})
    report = datacheck.audit(
        {"train": frame[:500], "test": frame[500:]},
        settings={"label": "label", "task": "classification", "select": ("NM001", "NM003")},
    )
    assert [f.rule for f in report.findings] == ["NM003"]


@pytest.mark.parametrize("factor", [25.4, 1 / 25.4, 3.28084, 0.45359237])
def test_another_unit_is_a_mismatch_all_the_same(factor):
    rng = np.random.default_rng(0)
    x = rng.gamma(3.0, 2.0, 700)
    x[500:] *= factor
    x[-1] *= 1e3  # and an outlier
    frame = pl.DataFrame({"x": x, "y": rng.normal(size=700), "label": rng.integers(0, 2, 700)})
    report = datacheck.audit(
        {"train": frame[:500], "test": frame[500:]},
        settings={"label": "label", "task": "classification", "select": ("NM001", "NM003")},
    )
    assert [f.rule for f in report.findings] == ["NM001"]


@pytest.mark.parametrize("factor", [255.0, 25.4])
def test_of_many_columns_that_share_a_map_none_is_left_behind(factor):
    """Of 400 columns one or two have another spread by chance."""
    rng = np.random.default_rng(0)
    x = rng.gamma(2.0, size=(700, 400))
    alone = [spreads_differ(np.sort(a[:500]), np.sort(a[500:])) for a in x.T]
    assert sum(alone) > 0
    x[500:] *= factor
    frame = pl.DataFrame({f"x{i}": x[:, i] for i in range(400)})
    report = datacheck.audit({"train": frame[:500], "test": frame[500:]},
                             settings={"select": ("NM001", "NM003")})  # fmt: skip
    (finding,) = report.findings
    assert (finding.rule, finding.count) == ("NM001", 400)


@pytest.mark.parametrize("seed", range(6))
def test_columns_that_shift_together_share_no_map(seed):
    rng = np.random.default_rng(seed)
    x = rng.gamma(3.0, 2.0, (700, 6))
    x[500:] += 3 * x.std(axis=0) * rng.random((200, 6))
    frame = pl.DataFrame({f"x{i}": x[:, i] for i in range(6)})
    report = datacheck.audit({"train": frame[:500], "test": frame[500:]},
                             settings={"select": ("NM001", "NM003")})  # fmt: skip
    (shifted,) = report.of("NM003")
    # One column may look like a map by accident (6 of 240 at 40 seeds), which takes no other along.
    assert shifted.count >= 5
    assert all(f.count == 1 for f in report.of("NM001"))
