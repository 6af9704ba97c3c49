"""SC002: numbers against words, on a count."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.checks.schema.types_differ import TypesDiffer
from datacheck.errors import UsageError


def audit(folder, splits, **options):
    """Columns of texts in CSV files, each split of its own length."""
    for split, columns in splits.items():
        n = len(next(iter(columns.values())))
        frame = pl.DataFrame({**columns, "label": ["a", "b"] * (n // 2) + ["a"] * (n % 2)})
        frame.write_csv(folder / f"{split}.csv")
    settings = {"select": ["SC002"], "label": "label", "rules": {"SC002": options}}
    report = datacheck.audit(folder, settings=settings)
    return report.findings, report.outcomes[0].reason


def numbers(n):
    return [f"{x:.3f}" for x in np.random.default_rng(n).normal(50, 9, n)]


def words(n):
    return [("high", "low", "medium")[i % 3] for i in range(n)]


def test_numbers_in_one_split_and_words_in_another(tmp_path):
    (one,), _ = audit(tmp_path, {"train": {"x": numbers(60), "y": numbers(60)},
                                 "test": {"x": words(40), "y": numbers(40)}})  # fmt: skip
    assert one.message == "1 column holds numbers in train and words in test: x"
    assert (one.splits, one.columns, one.count, one.total) == (("train", "test"), ("x",), 1, 3)
    assert one.evidence["kinds"] == {"x": {"train": "number", "test": "category"}}


def test_columns_with_the_same_two_types_are_one_finding(tmp_path):
    (one,), _ = audit(tmp_path, {"train": {"y": words(60), "x": words(60)},
                                 "test": {"y": numbers(40), "x": numbers(40)}})  # fmt: skip
    assert one.message == "2 columns hold words in train and numbers in test: x, y"
    assert (one.columns, one.count, one.total) == (("x", "y"), 2, 3)


def test_types_that_a_reading_brings_together_are_no_difference(tmp_path):
    train = {"x": ["0", "1"] * 30, "y": ["7"] * 60, "z": words(60)}
    texts = [f"many words of number {i} in one cell" for i in range(40)]
    test = {"x": ["true", "false"] * 20, "y": ["7.5"] * 40, "z": texts}
    assert audit(tmp_path, {"train": train, "test": test}) == ([], "")


def test_one_split_has_nothing_to_compare_with(tmp_path):
    assert audit(tmp_path, {"train": {"x": words(20)}}) == ([], "needs two splits with rows")


def test_an_empty_column_has_no_type(tmp_path):
    both = {"train": {"x": numbers(60)}, "test": {"x": [""] * 40}}
    assert audit(tmp_path, both)[0] == []


@pytest.mark.parametrize(("least", "told"), [(0.5, True), (0.5125, True), (0.55, False)])
def test_half_of_the_cells_have_to_be_words(tmp_path, least, told):
    """Of 80 cells of test, 41 are words."""
    test = [*words(41), *numbers(39)]
    both = {"train": {"x": numbers(400)}, "test": {"x": test}}
    assert bool(audit(tmp_path, both, min_share=least)[0]) is told


def test_a_few_rows_may_hold_numbers_by_chance(tmp_path):
    """Half of the words look like numbers: of 13 cells all do by a chance of 1.2e-4."""
    train = {"x": [*words(100), *[str(i % 10) for i in range(100)]]}
    for rows, told in ((13, False), (14, True)):
        both = {"train": train, "test": {"x": [str(i % 10) for i in range(rows)]}}
        assert bool(audit(tmp_path, both)[0]) is told, rows


@pytest.mark.parametrize("bad", [-0.1, 1.1])
def test_the_least_share_is_a_share(bad):
    with pytest.raises(UsageError, match="share"):
        TypesDiffer(min_share=bad)
    TypesDiffer(min_share=0.0)
    TypesDiffer(min_share=1.0)
