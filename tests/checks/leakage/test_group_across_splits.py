from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.checks.leakage.group_across_splits import _keys
from datacheck.dataset import Batch
from datacheck.summaries.keys import Keys


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


def keys(entities, cap):
    found = Keys(("user",), cap=cap)
    found.update(Batch(pl.DataFrame({"user": entities}), np.arange(len(entities))))
    return found


def test_entities_that_had_to_be_dropped_are_left_out_on_both_sides():
    """Of too many entities those with small hashes stay: the same on both sides, or none would."""
    one, other = [f"u{i // 3}" for i in range(3000)], [f"u{i // 2}" for i in range(1600, 2400)]
    whole, part = keys(one, 5000), keys(other, 5000)
    a, b, complete = _keys(whole, part, "user")
    assert complete
    assert (a[0].size, b[0].size) == (1000, 400)
    for caps in ((200, 5000), (5000, 150), (200, 150)):
        a, b, complete = _keys(keys(one, caps[0]), keys(other, caps[1]), "user")
        assert not complete
        top = max(a[0][-1], b[0][-1])
        assert a[0].tolist() == [h for h in whole.hashes("user").tolist() if h <= top]
        assert b[0].tolist() == [h for h in part.hashes("user").tolist() if h <= top]
        assert set(a[1]) == {3}
        assert set(b[1]) == {2}
