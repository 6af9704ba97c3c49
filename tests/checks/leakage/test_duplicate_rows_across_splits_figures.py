"""LK001 and LB004: their figures, their borders and what they show."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.checks.leakage.duplicate_rows_across_splits import _about
from datacheck.findings import Status


def audit(code, splits, **options):
    chosen = {"label": "label", "select": (code,), "rules": {code: options}}
    report = datacheck.audit(splits, settings=chosen)
    assert report.outcomes[0].status is not Status.FAILED
    return report.findings


def rows(seed, n=100):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    return pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "label": [f"c{v}" for v in np.arange(n) % 2]})


def test_the_finding_across_splits_in_full():
    """Rows 7 and 3 of train in test, the latter twice and once with another label."""
    train = pl.concat([rows(0), rows(0)[3:4]])
    other = train[3:4].with_columns(label=pl.lit("other"))
    test = pl.concat([rows(1)[:40], train[7:8], train[3:4], other])
    (one,) = audit("LK001", {"train": train, "test": test})
    assert one.message == (
        "3 of 43 rows of test (7.0%) repeat the features of a row of train, 2 of them with its "
        "label; by chance none would"
    )
    assert (one.count, one.total) == (3, 43)
    assert one.evidence["rows_of_train"] == 3
    assert one.evidence["with_same_label"] == 2
    assert one.evidence["confirmed"] == 6
    assert [e.addresses for e in one.examples] == [
        ("test:40", "train:7"), ("test:41", "train:3"), ("test:42", "train:3"),
    ]  # fmt: skip
    assert audit("LK001", {"train": train, "test": test}, min_share=3 / 43)
    above = math.nextafter(3 / 43, 1)
    assert not audit("LK001", {"train": train, "test": test}, min_share=above)


def test_every_pair_of_splits_is_compared_and_train_comes_first():
    valid, test = rows(1)[:30], rows(2)[:30]
    train = pl.concat([rows(0), valid[:6]])
    test = pl.concat([test, valid[10:14], train[:5]])
    found = audit("LK001", {"test": test, "valid": valid, "train": train})
    told = {f.splits: (f.count, f.total) for f in found}
    assert told == {("train", "test"): (5, 39), ("train", "valid"): (6, 30),
                    ("test", "valid"): (4, 30)}  # fmt: skip


def test_at_most_five_examples_across_splits():
    (one,) = audit("LK001", {"train": rows(0), "test": rows(0)[50:60]})
    shown = [(f"test:{i}", f"train:{50 + i}") for i in range(5)]
    assert [e.addresses for e in one.examples] == shown


@pytest.mark.parametrize(
    ("expected", "said"),
    [(0.0, "none"), (0.4, "none"), (0.6, "about 1"), (29.4, "about 29"), (2000.0, "all"),
     (1999.4, "about 1,999"), (4e9, "all")],
)  # fmt: skip
def test_what_chance_would_do(expected, said):
    assert _about(expected, 2000) == said


@pytest.mark.parametrize("code", ["LK001", "LB004"])
def test_what_chance_explains_is_five_times_what_is_estimated(code):
    """Columns of five and nine values: the evidence is the estimate for all pairs of rows."""
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({c: rng.integers(0, k, 600) / 7 for c, k in
                          (("a", 9), ("b", 5), ("c", 30), ("d", 40))})  # fmt: skip
    frame = frame.with_columns(label=pl.Series(rng.integers(0, 2, 600)))
    frame = pl.concat([frame, frame[:200]])
    splits = {"train": frame[:600], "test": frame[600:]} if code == "LK001" else {"train": frame}
    (one,) = audit(code, splits)
    expected = one.evidence["expected_by_chance"]
    pairs = 600 * 200 if code == "LK001" else 800 * 799 / 2
    shares = 1.0
    for c in "abcd":
        counts = frame[c].value_counts()["count"].to_numpy()
        shares *= (counts * (counts - 1)).sum() / (800 * 799)
    assert expected == pytest.approx(5 * pairs * shares, rel=0.5)


def test_the_finding_within_a_split_in_full():
    """Row 3 three times, row 8 twice, row 9 with another label: no duplicate."""
    again = [3, 8, 3]
    other = rows(0)[9:10].with_columns(label=pl.lit("other"))
    train = pl.concat([rows(0), *(rows(0)[i : i + 1] for i in again), other])
    (one,) = audit("LB004", {"train": train})
    assert one.message == (
        "3 of 104 rows of train (2.9%) repeat an earlier row; 5 rows are involved, in 2 groups"
    )
    assert (one.count, one.total) == (3, 104)
    told = dict(one.evidence)
    assert told.pop("expected_by_chance") < 0.01
    assert told == {
        "involved": 5, "groups": 2, "largest_group": 3, "extra_by_features_alone": 4,
        "confirmed": 7,
    }  # fmt: skip
    assert [e.addresses for e in one.examples] == [
        ("train:100", "train:3"), ("train:101", "train:8"), ("train:102", "train:3"),
    ]  # fmt: skip
    (two,) = audit("LB004", {"train": pl.concat([rows(0), rows(0)[4:5]])})
    assert two.message.endswith("2 rows are involved, in 1 group")
    assert audit("LB004", {"train": train}, min_share=3 / 104)
    assert not audit("LB004", {"train": train}, min_share=math.nextafter(3 / 104, 1))


@pytest.mark.parametrize(("n", "found"), [(2000, 1), (2001, 0)])
def test_one_row_of_two_thousand_matters(n, found):
    train = pl.concat([rows(0, n - 1), rows(0, n - 1)[5:6]])
    assert len(audit("LB004", {"train": train})) == found


def test_at_most_five_examples_within_a_split():
    train = pl.concat([rows(0), rows(0)[50:60]])
    (one,) = audit("LB004", {"train": train})
    shown = [(f"train:{100 + i}", f"train:{50 + i}") for i in range(5)]
    assert [e.addresses for e in one.examples] == shown


def test_repeats_that_chance_makes_are_told_on_request():
    rng = np.random.default_rng(0)
    coarse = pl.DataFrame({c: rng.integers(0, 3, 300) for c in ("x1", "x2", "label")})
    assert not audit("LB004", {"train": coarse})
    (one,) = audit("LB004", {"train": coarse}, chance=False)
    assert one.count == 300 - coarse.unique().height
