"""Calibration: in a study where nothing differs but the order of rows, the interval holds 1.

Logistic regressions by SGD, thousands side by side, so that whole studies can be repeated. Each
study has its own data; a pair has the same initial weights and other batches.
"""

from __future__ import annotations

import numpy as np
import pytest

from datacheck.training.study.statistics import paired

STUDIES, PAIRS, STEPS, BATCH, FEATURES, ROWS = 400, 10, 120, 8, 4, 64


@pytest.fixture(scope="module")
def losses():
    """Loss of each step and on clean rows, shape (2, studies, pairs, arms, steps)."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(STUDIES, ROWS, FEATURES))
    truth = rng.normal(size=(STUDIES, FEATURES))
    y = (np.einsum("snf,sf->sn", x, truth) + rng.normal(size=(STUDIES, ROWS)) > 0) * 1.0
    clean_x, clean_y = x[:, ROWS // 2 :], y[:, ROWS // 2 :]
    first = rng.normal(size=(STUDIES, PAIRS, 1, FEATURES))
    w = np.broadcast_to(first, (STUDIES, PAIRS, 2, FEATURES)).copy()
    out = np.empty((2, STUDIES, PAIRS, 2, STEPS))
    study = np.arange(STUDIES)[:, None, None, None]
    for step in range(STEPS):
        at = rng.integers(0, ROWS // 2, (STUDIES, PAIRS, 2, BATCH))
        batch, labels = x[study, at], y[study, at]
        out[0, ..., step], error = entropy(np.einsum("spabf,spaf->spab", batch, w), labels)
        z = np.einsum("snf,spaf->span", clean_x, w)
        out[1, ..., step], _ = entropy(z, clean_y[:, None, None])
        w -= 0.5 * np.einsum("spab,spabf->spaf", error, batch) / BATCH
    return out


def entropy(z, y):
    p = 1 / (1 + np.exp(-z))
    return -np.mean(y * np.log(p + 1e-12) + (1 - y) * np.log(1 - p + 1e-12), axis=-1), p - y


def metric(name, losses):
    steps, clean = losses
    late = clean[..., STEPS // 2 :]
    return {
        "jitter of the clean loss": np.abs(np.diff(late)).mean(-1),
        "loss volatility": steps[..., STEPS // 10 :].std(-1),
        "clean loss": clean[..., -1],
    }[name]


@pytest.mark.parametrize("name", ["jitter of the clean loss", "loss volatility", "clean loss"])
def test_the_interval_of_a_placebo_holds_1(losses, name):
    values = metric(name, losses)
    found = [paired(study[:, 0], study[:, 1]) for study in values]
    held = np.mean([f.low <= 1 <= f.high for f in found])
    assert held >= 0.93
    assert held <= 0.99  # nor is it too wide
    assert np.mean([f.p <= 0.05 for f in found]) <= 0.075


@pytest.mark.parametrize("name", ["loss volatility", "clean loss"])
def test_an_effect_is_seen(losses, name):
    values = metric(name, losses)
    found = [paired(study[:, 0] * 1.5, study[:, 1]) for study in values]
    assert np.mean([f.low > 1 for f in found]) > 0.8
