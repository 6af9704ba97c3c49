import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.findings import Severity

SEEDS = st.integers(0, 2**32 - 1)


def audit(source, **flags) -> datacheck.Report:
    return datacheck.audit(source, settings={"label": "label", "select": ("LK008",), **flags})


def made(rng: np.random.Generator, classes: int, n: int = 240) -> pl.DataFrame:
    y = rng.integers(0, classes, n) if classes else rng.normal(size=n)
    return pl.DataFrame({"id": rng.permutation(n) + 500, "x": rng.normal(size=n), "label": y})


@settings(max_examples=40, deadline=None, derandomize=True)
@given(SEEDS, st.sampled_from([0, 2, 3, 20]))
def test_random_order_and_random_ids_are_clean(seed, classes):
    assert not audit({"train": made(np.random.default_rng(seed), classes)}).findings


@settings(max_examples=15, deadline=None, derandomize=True)
@given(SEEDS, st.sampled_from([0, 2, 3, 10]), st.booleans())
def test_sorted_rows_are_a_warning(seed, classes, down):
    frame = made(np.random.default_rng(seed), classes).sort("label", descending=down)
    (found,) = audit({"train": frame}).findings
    assert found.severity is Severity.WARNING
    assert found.columns == ("label",)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(SEEDS, st.sampled_from([0, 2, 3, 10]))
def test_ids_given_in_the_order_of_the_label_are_an_error_in_any_order_of_rows(seed, classes):
    rng = np.random.default_rng(seed)
    frame = made(rng, classes).sort("label").with_columns(id=pl.int_range(pl.len()))
    (found,) = audit({"train": frame[rng.permutation(frame.height)]}).findings
    assert (found.severity, found.columns) == (Severity.ERROR, ("id",))


def test_a_test_split_may_be_sorted():
    rng = np.random.default_rng(1)
    assert not audit({"train": made(rng, 3), "test": made(rng, 3).sort("label")}).findings


def folder(tmp_path, names, rng):
    """One class in each file."""
    (tmp_path / "train").mkdir()
    for k, name in enumerate(names):
        frame = pl.DataFrame({"x": rng.normal(size=200), "label": [f"c{k}"] * 200})
        frame.write_csv(tmp_path / "train" / f"{name}.csv")
    return tmp_path


def test_files_that_hold_one_class_each_are_an_error(tmp_path):
    rng = np.random.default_rng(2)
    (found,) = audit(folder(tmp_path, ["north", "south", "west"], rng)).findings
    assert found.severity is Severity.ERROR
    assert found.count == 600


def test_numbered_files_are_parts_of_one_order(tmp_path):
    rng = np.random.default_rng(2)
    (found,) = audit(folder(tmp_path, ["part-0", "part-1", "part-2"], rng)).findings
    assert found.severity is Severity.WARNING


def test_files_with_the_names_of_their_classes_are_where_the_label_comes_from(tmp_path):
    rng = np.random.default_rng(2)
    assert not audit(folder(tmp_path, ["x_c0", "x_c1", "x_c2"], rng)).findings
