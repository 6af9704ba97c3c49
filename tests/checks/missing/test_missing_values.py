"""MV001 and MV002: which columns are told together, how bad they are, and how much is said."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.checks.missing.cells import share
from datacheck.checks.missing.missing_values import MissingValues
from datacheck.errors import UsageError
from datacheck.findings import Severity


def audit(rule, splits, **options):
    frames = {}
    for split, columns in splits.items():
        n = len(next(iter(columns.values())))
        frames[split] = pl.DataFrame({**columns, "label": [i % 2 for i in range(n)]})
    chosen = {"label": "label", "select": [rule], "rules": {rule: options}}
    report = datacheck.audit(frames, settings=chosen)
    return report.findings, report.outcomes[0].reason


def gaps(n, count, value=np.nan, seed=0):
    x = np.random.default_rng(seed).normal(size=n)
    x[5 : 5 + count] = value
    return x


@pytest.mark.parametrize(
    ("count", "total", "said"),
    [
        (0, 5, "0%"), (5, 0, "0%"), (5, 5, "100%"), (99_999, 100_000, "99.9%"), (1, 100, "1.0%"),
        (47, 1000, "4.7%"), (9, 1000, "0.90%"), (1, 2000, "0.05%"), (1, 3, "33.3%"),
    ],
)  # fmt: skip
def test_a_share_in_words(count, total, said):
    assert share(count, total) == said


def test_more_than_a_third_of_a_hundred_is_an_error_and_less_a_warning():
    train = {"a": gaps(100, 30), "b": gaps(100, 31), "c": gaps(100, 1), "d": gaps(100, 0)}
    worse, better = audit("MV001", {"train": train})[0]
    assert (worse.severity, better.severity) == (Severity.ERROR, Severity.WARNING)
    assert worse.message == "1 of 4 features lacks more than 30% of its values: b (31, 31.0%)"
    assert better.message == (
        "2 of 4 features lack some of their values: a (30, 30.0%), c (1, 1.0%)"
    )
    assert (worse.count, worse.total, better.count, better.total) == (31, 100, 31, 200)
    assert better.columns == ("a", "c")
    assert better.evidence["missing"] == {"a": 30, "c": 1}
    assert [list(e.values) for e in better.examples] == [["a"], ["c"]]
    assert [e.addresses[0].rpartition(":")[2] for e in better.examples] == ["5", "5"]


def test_gaps_are_counted_over_all_splits_and_a_column_without_a_value_is_another_s():
    both = {
        "train": {"a": gaps(100, 0), "b": np.full(100, np.nan), "e": gaps(100, 95, None)},
        "test": {"a": gaps(60, 4, seed=1), "b": np.full(60, np.nan), "e": gaps(60, 5)},
    }
    found = {f.columns: f for f in audit("MV001", both)[0]}
    assert set(found) == {("a",), ("e",)}
    one = found["a",]
    assert (one.splits, one.count, one.total) == (("test",), 4, 160)
    assert one.evidence["missing_by_split"] == {"a": {"test": 4}}
    assert found["e",].evidence["missing_by_split"] == {"e": {"train": 95, "test": 5}}
    assert found["e",].splits == ("train", "test")


def test_a_share_that_is_let_pass():
    train = {"train": {"a": gaps(100, 5), "b": gaps(100, 6)}}
    (one,) = audit("MV001", train, min_share=0.05)[0]
    assert one.columns == ("b",)


def test_columns_come_by_their_gaps_and_five_have_an_example():
    train = {f"x{j}": gaps(100, 3 + j % 4, seed=j) for j in range(7)}
    (one,) = audit("MV001", {"train": train})[0]
    assert one.columns == ("x3", "x2", "x6", "x1", "x5", "x0", "x4")
    assert one.message.endswith("x3 (6, 6.0%), x2 (5, 5.0%), x6 (5, 5.0%) and 4 more")
    assert [list(e.values) for e in one.examples] == [[c] for c in one.columns[:5]]


def test_twenty_columns_are_listed():
    for rule, value in (("MV001", np.nan), ("MV002", np.inf)):
        train = {f"x{j:02}": gaps(100, 3, value, j) for j in range(23)}
        (one,) = audit(rule, {"train": train})[0]
        assert len(one.columns) == 23
        assert [len(e) for e in one.evidence.values() if isinstance(e, dict)] == [20, 20]


@pytest.mark.parametrize("bad", [(-0.1, 0.3), (0.4, 0.3), (0.0, 1.1)])
def test_shares_are_shares(bad):
    with pytest.raises(UsageError, match="shares"):
        MissingValues(min_share=bad[0], max_share=bad[1])
    MissingValues(min_share=0.0, max_share=0.0)
    MissingValues(min_share=1.0, max_share=1.0)


def test_infinite_values_are_told_by_column_split_and_sign():
    a, b, c = gaps(100, 2, np.inf), gaps(100, 3, -np.inf), gaps(100, 0)
    a[50] = -np.inf
    d, e = gaps(60, 1, np.inf), gaps(60, 0, seed=2)
    both = {"train": {"a": a, "b": b, "c": c}, "test": {"a": e, "b": d, "c": e}}
    (one,) = audit("MV002", both)[0]
    assert one.message == (
        "2 of 3 features of numbers hold infinite values: b (4, 2.5%), a (3, 1.9%)"
    )
    assert one.columns == ("b", "a")
    assert one.evidence["infinite_by_split"]["b"] == {"train": 3, "test": 1}
    assert one.evidence["infinite"]["a"] == 3
    assert (one.evidence["positive"], one.evidence["negative"]) == (3, 4)
    assert (one.count, one.total) == (7, 320)
    assert [e.values for e in one.examples] == [{"b": -np.inf}, {"a": np.inf}]
    (one,) = audit("MV002", {"train": {"a": a, "c": c}})[0]
    assert one.message == "1 of 2 features of numbers holds infinite values: a (3, 3.0%)"
    assert audit("MV002", {"train": {"c": c}}) == ([], "")
