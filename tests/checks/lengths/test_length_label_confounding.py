import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.checks.lengths.length_label_confounding import spread
from datacheck.checks.stats import Z, auc

SEEDS = st.integers(0, 2**32 - 1)


def audit(lengths, label) -> datacheck.Report:
    frame = pl.DataFrame({"events": [list(range(n)) for n in lengths], "label": label})
    return datacheck.audit({"train": frame}, settings={"label": "label", "select": ("SL005",)})


@settings(max_examples=30, deadline=None, derandomize=True)
@given(SEEDS, st.floats(1, 3), st.integers(100, 300))
def test_for_two_classes_it_is_the_auc(seed, gap, n):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 3 == 0)
    x = (rng.normal(size=n) + gap * y).round(1)
    score = spread(x, y.astype(np.int64), 20, Z)
    assert score is not None
    assert score.value == pytest.approx(auc(x, y)[0], abs=0.02)
    assert score.low < score.value < score.high


@settings(max_examples=30, deadline=None, derandomize=True)
@given(SEEDS, st.integers(2, 20))
def test_lengths_that_do_not_know_the_label_are_clean(seed, classes):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, 400)
    assert not audit(rng.poisson(12, 400), [f"c{v}" for v in y]).findings


@settings(max_examples=10, deadline=None, derandomize=True)
@given(SEEDS, st.integers(2, 6))
def test_order_of_rows_and_names_of_classes_do_not_matter(seed, classes):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, 400)
    lengths = rng.poisson(10 + 25 * y)
    other = rng.permutation(400)
    (first,) = audit(lengths, [f"c{v}" for v in y]).findings
    (second,) = audit(lengths[other], [f"k{9 - v}" for v in y[other]]).findings
    assert first.effect is not None
    assert second.effect is not None
    assert first.effect.low == pytest.approx(second.effect.low)
