import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck

SEEDS = st.integers(0, 2**32 - 1)


def audit(train: pl.DataFrame) -> datacheck.Report:
    return datacheck.audit({"train": train}, settings={"label": "label", "select": ("LK006",)})


def holed(rng: np.random.Generator, share) -> pl.DataFrame:
    """A label of three classes and a column that is empty in the given share of each."""
    y = rng.integers(0, 3, 400)
    hole = rng.random(400) < np.asarray(share)[y]
    x = pl.Series(np.where(hole, np.nan, rng.normal(size=400)))
    return pl.DataFrame({"x": x, "z": rng.normal(size=400), "label": np.array(["a", "b", "c"])[y]})


@settings(max_examples=25, deadline=None, derandomize=True)
@given(SEEDS, st.floats(0.05, 0.95))
def test_gaps_at_random_are_clean(seed, share):
    assert not audit(holed(np.random.default_rng(seed), [share] * 3)).findings


@settings(max_examples=15, deadline=None, derandomize=True)
@given(SEEDS, st.booleans())
def test_a_gap_and_its_opposite_tell_the_same(seed, inverted):
    share = np.array([0.01, 0.01, 0.99])
    frame = holed(np.random.default_rng(seed), 1 - share if inverted else share)
    (found,) = audit(frame).findings
    assert found.evidence["class"] == "c"
    assert found.effect is not None
    assert found.effect.low <= found.effect.value <= found.effect.high


def test_null_and_nan_are_both_gaps_and_order_does_not_matter():
    rng = np.random.default_rng(1)
    frame = holed(rng, [0, 0, 1])
    nulls = frame.with_columns(pl.col("x").fill_nan(None))
    said = [
        [(f.columns, f.count, f.total, f.effect) for f in audit(g).findings]
        for g in (frame, nulls, nulls[rng.permutation(400)])
    ]
    assert said[0] == said[1] == said[2]
    assert said[0]
