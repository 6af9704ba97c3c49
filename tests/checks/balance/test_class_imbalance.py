"""Imbalance: what is balanced stays silent, however many classes and however few rows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.findings import Report


def audit(labels) -> Report:
    frame = pl.DataFrame({"x": np.arange(len(labels)) * 0.5, "label": labels})
    return datacheck.audit(
        {"train": frame},
        settings={"label": "label", "task": "classification", "select": ("CB001",)},
    )


@pytest.mark.parametrize("k", [2, 3, 20, 300])
def test_draws_from_balanced_classes_raise_no_alarm(k):
    rng = np.random.default_rng(k)
    for _ in range(8):
        labels = [f"c{i}" for i in rng.integers(0, k, 20 + 5 * k)]
        assert not audit(labels).findings


def test_the_order_of_rows_and_the_names_of_classes_do_not_matter():
    labels = ["a"] * 300 + ["b"] * 8 + ["c"] * 200
    said = audit(labels).findings[0]
    turned = audit([{"a": "z", "b": "y", "c": "x"}[c] for c in reversed(labels)]).findings[0]
    assert said.effect == turned.effect
    assert (said.count, said.total) == (turned.count, turned.total) == (1, 3)
    assert said.evidence["weights_variance"] == turned.evidence["weights_variance"]


def test_weights_of_balanced_classes_would_inflate_nothing():
    labels = ["a"] * 300 + ["b"] * 300 + ["c"] * 9
    found = audit(labels).findings[0]
    rows = np.array([300, 300, 9])
    p, w = rows / rows.sum(), 1 / rows
    expected = (p * w**2).sum() / (p * w).sum() ** 2
    assert found.evidence["weights_variance"] == pytest.approx(expected)
