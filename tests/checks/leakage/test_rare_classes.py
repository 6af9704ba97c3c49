"""Classes of few rows do not hide a leak: found by the detection benchmark."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import datacheck


def said(frame, rule):
    settings = {"label": "label", "select": (rule,), "task": "classification"}
    return datacheck.audit({"train": frame}, settings=settings).of(rule)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.04])
def test_rows_sorted_by_a_rare_class_are_found(share):
    rng = np.random.default_rng(3)
    label = (np.arange(1500) >= 1500 * (1 - share)).astype(np.int64)
    frame = pl.DataFrame({"x": rng.normal(size=1500), "label": label})
    assert said(frame, "LK008")
    assert not said(frame.sample(fraction=1, shuffle=True, seed=1), "LK008")


@pytest.mark.parametrize("few", [0, 6])
def test_a_copy_of_the_label_is_found_beside_a_class_of_six(few):
    rng = np.random.default_rng(4)
    label = np.concatenate([rng.integers(0, 3, 1400), np.full(few, 3)])
    copy = label * 3 + rng.normal(size=label.size) * 0.05
    frame = pl.DataFrame({"x": rng.normal(size=label.size), "copy": copy, "label": label})
    assert [f.columns for f in said(frame, "LK005")] == [("copy",)]
