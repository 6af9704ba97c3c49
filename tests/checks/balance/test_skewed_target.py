import math
from statistics import NormalDist

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.checks.balance.skewed_target import l_ratios
from datacheck.errors import UsageError
from datacheck.findings import Status

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


# -- exact figures and borders -------------------------------------------------------------------


def judged(label, **options):
    frame = pl.DataFrame({"x": np.arange(len(label)) * 0.5, "label": label})
    chosen = {"label": "label", "task": "regression", "select": ("CB005",)}
    report = datacheck.audit({"train": frame}, settings={**chosen, "rules": {"CB005": options}})
    assert report.outcomes[0].status is not Status.FAILED
    return report


def spiked(spike: int, runner_up: int, others: int = 40) -> np.ndarray:
    """0.5 so often, 0.25 so often, and numbers from 1 on, each once."""
    return np.repeat([0.5, 0.25, *range(1, others + 1)], [spike, runner_up] + [1] * others)


def quietly(y, **options):
    return judged(y, min_skewness=0.999, min_kurtosis=0.999, **options)


def test_a_spike_has_five_times_the_rows_of_the_next_value():
    assert quietly(spiked(200, 40)).findings
    assert not quietly(spiked(199, 40)).findings
    assert not quietly(spiked(200, 41)).findings


def test_the_finding_of_a_spike_in_full():
    y = spiked(1200, 20, 30)
    report = quietly(y)
    (one,) = report.findings
    z, k, n = 3.8906, 1200, 1250
    low, high = sorted(np.roots([n + z * z, -(2 * k + z * z), k * k / n]).tolist())
    assert (one.effect.value, one.effect.low, one.effect.high) == pytest.approx((k / n, low, high))
    assert one.message == (
        "label is 0.5 in 1,200 of 1,250 rows (96.0%) of train; its other values are spread out"
    )
    assert (one.count, one.total) == (1200, 1250)
    assert one.evidence == {"value": 0.5, "distinct": 32}
    assert quietly(y, min_spike=one.effect.low).findings
    assert not quietly(y, min_spike=math.nextafter(one.effect.low, 1)).findings


def test_a_fifth_of_the_rows_makes_a_spike():
    y = np.arange(4000.0)
    assert quietly(np.where(y < 1000, -1, y)).findings
    assert not quietly(np.where(y < 860, -1, y)).findings


@pytest.mark.parametrize(
    ("distinct", "reason"), [(19, "label has only 19 distinct values"), (20, "")]
)
def test_a_label_of_nineteen_values_is_a_grade(distinct, reason):
    assert judged(np.arange(200) % distinct / 4).outcomes[0].reason == reason


def skewed(n: int = 400) -> np.ndarray:
    """The quantiles of a log-normal distribution."""
    normal = NormalDist()
    return np.exp(1.5 * np.array([normal.inv_cdf((i + 0.5) / n) for i in range(n)]))


def heavy(n: int = 400) -> np.ndarray:
    """The same on both sides, so that only the ends are heavy."""
    y = skewed(n // 2)
    return np.concatenate([-(y**1.5), y**1.5])


@pytest.mark.parametrize(
    ("y", "metric", "option", "at"),
    [(skewed(), "L-skewness", "min_skewness", 0), (-skewed(), "L-skewness", "min_skewness", 0),
     (heavy(), "L-kurtosis", "min_kurtosis", 1)],
)  # fmt: skip
def test_a_tail_is_told_from_the_lower_end_on(y, metric, option, at):
    (one,) = judged(y).findings
    value, error = l_ratios(y)[at]
    assert one.effect.metric == metric
    assert one.effect.value == pytest.approx(abs(value))
    assert one.effect.low == pytest.approx(abs(value) - 3.8906 * error)
    assert one.effect.high == pytest.approx(min(1, abs(value) + 3.8906 * error))
    other = {"min_skewness": 0.999, "min_kurtosis": 0.999}
    assert judged(y, **(other | {option: one.effect.low})).findings
    assert not judged(y, **(other | {option: math.nextafter(one.effect.low, 1)})).findings


def test_the_upper_end_is_at_most_one():
    y = np.repeat([0.0, 1.0, 1e6], [60, 30, 3]) + np.arange(93) / 1e3
    assert judged(y, min_skewness=0.01, min_spike=0.9).findings[0].effect.high == 1
    both = np.concatenate([-y, y])
    assert judged(both, min_kurtosis=0.01, min_spike=0.9).findings[0].effect.high == 1


@pytest.mark.parametrize(("n", "rows"), [(60, 1), (149, 1), (151, 2), (250, 2), (350, 4)])
def test_the_finding_of_a_tail_in_full(n, rows):
    y = skewed(n) + 3
    (one,) = judged(y, min_skewness=0.001).findings
    squares = np.sort((y - np.median(y)) ** 2)
    held = squares[-rows:].sum() / squares.sum()
    assert one.message == (
        f"label has a heavy tail in train (L-skewness {l_ratios(y)[0][0]:.2f}): the {rows} of {n} "
        f"rows furthest from the median hold {held:.1%} of the squared deviations"
    )
    assert (one.count, one.total) == (rows, n)
    assert one.evidence["held"] == pytest.approx(held)
    quantiles = np.quantile(y, [0, 0.01, 0.25, 0.5, 0.75, 0.99, 1])
    assert one.evidence["quantiles"] == pytest.approx(quantiles.tolist())


def test_beside_a_spike_the_tail_is_that_of_the_other_rows():
    y = np.concatenate([np.zeros(600), skewed(100)])
    tail, spike = sorted(judged(y).findings, key=lambda f: f.total)
    assert (spike.count, tail.total) == (600, 100)
    assert tail.effect.value == pytest.approx(l_ratios(skewed(100))[0][0])


@pytest.mark.parametrize(("others", "found"), [(49, 1), (50, 2)])
def test_a_tail_takes_fifty_rows(others, found):
    y = np.concatenate([np.zeros(600), skewed(others) ** 2])
    assert len(judged(y, min_skewness=0.05).findings) == found


def test_options_are_shares():
    for option in ("min_skewness", "min_kurtosis", "min_spike"):
        for value in (0.0, 1.0):
            with pytest.raises(UsageError, match="CB005"):
                judged(skewed(), **{option: value})


def test_what_is_far_from_zero_or_huge_is_as_exact():
    y = np.round(skewed(60) * 4) / 4
    assert l_ratios(y + 2.0**40) == l_ratios(y)
    ends = skewed(60) / skewed(60).max() * 1.7e308
    both = np.concatenate([-ends, ends])
    assert np.ravel(l_ratios(both)) == pytest.approx(np.ravel(l_ratios(both / 2.0**900)))
    assert judged(both, min_kurtosis=0.05, min_skewness=0.999).findings[0].evidence["held"] < 1
