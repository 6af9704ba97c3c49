from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import datacheck


@pytest.mark.parametrize("seed", range(10))
def test_predictive_columns_are_no_entities(seed):
    """Categories and counts that lean towards a label, split at random: nothing to say."""
    rng = np.random.default_rng(seed)
    n = 900
    city, count = rng.integers(0, 120, n), rng.poisson(60, n)
    lean = rng.beta(0.5, 0.5, 120)
    label = (rng.random(n) < 0.7 * lean[city] + 0.3 * (count > 60)).astype(int)
    frame = pl.DataFrame(
        {"city": [f"c{i}" for i in city], "count": count, "x": rng.normal(size=n), "label": label}
    )
    splits = {"train": frame[:700], "test": frame[700:]}
    report = datacheck.audit(splits, settings={"label": "label", "select": ("LK003",)})
    assert [f.message for f in report.findings] == []
    assert report.outcomes[0].status.value == "clean"


def test_rows_are_counted_and_not_only_entities():
    train = pl.DataFrame({"user": ["a", "a", "b", "c", "d", None], "x": np.arange(6) / 7})
    test = pl.DataFrame({"user": ["a", "a", "e", "f", None], "x": np.arange(5) / 9})
    report = datacheck.audit(train=train, test=test, group="user", select=("LK003",))
    (finding,) = report.findings
    assert (finding.count, finding.total) == (2, 5)
    assert finding.evidence["entities"] == 1
    assert finding.evidence["rows_of_train"] == 2
