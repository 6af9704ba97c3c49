"""NM001: what is said of a map between two splits of a table."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.findings import Repair


def audit(train, test):
    frames = {
        s: pl.DataFrame({**columns, "label": [i % 2 for i in range(400)]})
        for s, columns in (("train", train), ("test", test))
    }
    chosen = {"label": "label", "select": ["NM001"]}
    return datacheck.audit(frames, settings=chosen).findings


def spread(seed):
    x = 20 + 80 * (np.arange(400) / 400) ** 2 + np.arange(400) * 1e-3
    return x[np.random.default_rng(seed).permutation(400)] + 3 * seed


def test_which_split_holds_which_columns_mapped_and_how():
    train = {c: spread(j) for j, c in enumerate("abcdef")}
    test = {c: x[::-1] * (1000 if c in "bcde" else 1) for c, x in train.items()}
    (one,) = audit(train, test)
    assert one.message == (
        "test holds 4 of 6 number columns multiplied by 1,000, train does not: b, c, d and 1 more "
        "(distance 1.00, 0.00 once undone)"
    )
    assert (one.columns, one.count, one.total) == (("b", "c", "d", "e"), 4, 6)
    assert one.effect is not None
    low = 1 - math.sqrt(math.log(200) / 2) / math.sqrt(200)
    assert (one.effect.value, one.effect.high, one.effect.threshold) == (1.0, 1.0, 0.2)
    assert one.effect.low == pytest.approx(low)
    assert one.evidence == {
        "map": "by-1000", "mapped": "test", "worst": "b", "left": 0.0,
        "lines": {c: [1000.0, 0.0] for c in "bcde"},
    }  # fmt: skip
    assert one.repairs == (Repair("invert-transform", "safe"), Repair("shared-transform", "safe"))


def test_the_farthest_column_is_told_with_the_interval_of_its_distance():
    near = np.linspace(-0.35, 0.65, 400)[np.random.default_rng(9).permutation(400)]
    more = near + 0.05
    train = {"a": near, "b": more}
    (one,) = audit(train, {c: -x[::-1] for c, x in train.items()})
    d, half = 0.4, math.sqrt(math.log(200) / 2) / math.sqrt(200)
    assert one.evidence["worst"] == "b"
    assert one.effect is not None
    assert one.effect.value == pytest.approx(d, abs=0.01)
    assert one.effect.low == pytest.approx(one.effect.value - half)
    assert one.effect.high == pytest.approx(one.effect.value + half)
    assert "train does not: a, b (distance 0.40, 0.00 once undone)" in one.message


def test_a_curve_has_no_line_and_train_may_be_the_one_that_was_mapped():
    x = {"a": spread(1)}
    (one,) = audit({"a": np.log10(x["a"])}, {"a": x["a"][::-1]})
    assert one.evidence["mapped"] == "train"
    assert "lines" not in one.evidence
    assert one.message.startswith(
        "train holds 1 of 1 number columns as decimal logarithms, test does not: a"
    )
