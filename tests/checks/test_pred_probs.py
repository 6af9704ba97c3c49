"""Probabilities of the user's own model: what fits, what is told of what does not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import polars as pl
import pytest

from datacheck.checks.base import ADDRESS
from datacheck.checks.given_probs import beside_labels, ordered
from datacheck.checks.pred_probs import PredProbs, read
from datacheck.dataset import Column, Dataset, Kind, Role, Split, Task
from datacheck.errors import UsageError
from datacheck.summaries.hashing import hash_column, mix

HALVES = np.full((4, 2), 0.5)


def table(rows):
    return np.array(rows, dtype=np.float64)


def test_shapes():
    for bad in (np.ones(4), np.ones((4, 1)), np.ones((4, 2, 2))):
        with pytest.raises(UsageError, match="have the shape"):
            PredProbs(bad)
    assert PredProbs(HALVES).values is HALVES
    assert PredProbs(HALVES, ("a", "b")).classes == ("a", "b")
    with pytest.raises(UsageError, match="2 columns and name 3 classes"):
        PredProbs(HALVES, ("a", "b", "c"))
    assert PredProbs(np.zeros((0, 3))).values.shape == (0, 3)


def test_each_row_sums_to_one_within_a_thousandth():
    for off in (0.0009, -0.0009):
        PredProbs(table([[0.5, 0.5], [0.5, 0.5 + off]]))
    for off in (0.0011, -0.0011):
        with pytest.raises(UsageError, match=r"row 1 are no probabilities: they sum to"):
            PredProbs(table([[0.5, 0.5], [0.5, 0.5 + off], [2, 3]]))
    PredProbs(table([[1.0009, -0.0009]]))
    with pytest.raises(UsageError, match="row 0 are no"):
        PredProbs(table([[1.0011, -0.0011]]))


def test_the_first_row_that_is_not_finite_is_named():
    bad = np.full((1500, 2), 0.5)
    bad[[1200, 1300]] = [np.nan, 0.5], [0.5, np.inf]
    with pytest.raises(UsageError, match="row 1,200 hold NaN or infinity") as told:
        PredProbs(bad)
    assert "2 of 1,500 rows do" in told.value.hint


SPLITS = ("train", "test")


def test_whose_they_are():
    assert set(read(HALVES, SPLITS, "train")) == {"train"}
    assert set(read(HALVES, ("only",), None)) == {"only"}
    assert set(read({"test": HALVES, "train": HALVES}, SPLITS, "train")) == {"train", "test"}
    with pytest.raises(UsageError, match="do not say of which split") as told:
        read(HALVES, ("a", "b"), None)
    assert "name it, as a=FILE; there are: a, b" in told.value.hint
    with pytest.raises(UsageError, match="do not say of which split") as told:
        read(HALVES, (), None)
    assert "as test=FILE" in told.value.hint
    with pytest.raises(UsageError, match="for val, which is no split"):
        read({"val": HALVES}, SPLITS, "train")


def test_frames_name_the_classes():
    for frame in (pl.DataFrame({"a": [0.5], "b": [0.5]}), pd.DataFrame({"a": [0.5], "b": [0.5]})):
        assert read(frame, SPLITS, "train")["train"].classes == ("a", "b")
    with pytest.raises(UsageError, match=r"no number \(list\)"):
        read([["a", 0.5], ["b", 0.5]], SPLITS, "train")


def test_files_and_the_splits_they_are_for(tmp_path: Path):
    npy, npz, csv = tmp_path / "p.npy", tmp_path / "p.npz", tmp_path / "p.csv"
    np.save(npy, HALVES)
    np.savez(npz, train=HALVES, test=HALVES, classes=np.array(["a", "b"]))
    csv.write_text("a,b\n0.5,0.5\n1,0\n")
    tsv, parquet = tmp_path / "p.tsv", tmp_path / "p.parquet"
    tsv.write_text("a\tb\n0.5\t0.5\n1\t0\n")
    pl.read_csv(csv).write_parquet(parquet)
    assert set(read([f"test={npy}", f"train={csv}"], SPLITS, "train")) == {"train", "test"}
    assert set(read([str(npy)], SPLITS, "train")) == {"train"}
    odd = tmp_path / "x=1.npy"
    np.save(odd, HALVES)
    assert set(read([str(odd)], SPLITS, "train")) == {"train"}
    for path in (csv, tsv, parquet):
        found = read(path, SPLITS, "train")["train"]
        assert (found.classes, found.values.tolist()) == (("a", "b"), [[0.5, 0.5], [1.0, 0.0]])
    both = read(npz, SPLITS, "train")
    assert {s: p.classes for s, p in both.items()} == dict.fromkeys(SPLITS, ("a", "b"))
    for name, whole in (("pred_probs", True), ("arr_0", True), ("test", False)):
        held: dict[str, Any] = {name: HALVES}
        np.savez(npz, **held)
        assert set(read(npz, SPLITS, "train")) == {"train" if whole else "test"}
    np.savez(npz, arr_0=HALVES, arr_1=HALVES)
    with pytest.raises(UsageError, match="for arr_0, arr_1, which is no split"):
        read(npz, SPLITS, "train")


def test_files_that_hold_no_probabilities(tmp_path: Path):
    npz, csv, other = tmp_path / "p.npz", tmp_path / "p.csv", tmp_path / "p.txt"
    np.savez(npz, classes=np.array(["a", "b"]))
    csv.write_text("a,word\n0.5,x\n")
    other.write_text("x")
    broken = tmp_path / "b.npy"
    broken.write_bytes(b"no array " * 99)
    for path, said in (
        (npz, "holds no probabilities"), (csv, "the column word"), (other, "of no known kind"),
        (tmp_path / "none.npy", "cannot read .*No such file"), (broken, "cannot read .*b.npy: "),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=said):
            read(path, SPLITS, "train")


def test_a_long_reason_is_cut(tmp_path: Path, monkeypatch):
    def broken(*_, **__):
        raise ValueError("x" * 500)

    monkeypatch.setattr(np, "load", broken)
    path = tmp_path / "p.npy"
    with pytest.raises(UsageError) as told:
        read(path, SPLITS, "train")
    assert str(told.value).split("\n")[0].count("x") <= 121


def test_classes_are_in_the_order_of_numbers_or_of_texts():
    assert ordered(["10", "9", "1e1"]) == ("9", "10", "1e1")
    assert ordered(["10", "9", "b"]) == ("10", "9", "b")


def context(frame, rows=None, hashes=True):
    """A context with a label y; rows come out of order, as in a sample of rare classes."""
    columns = {"x": Column("x", Kind.NUMBER), "y": Column("y", Kind.CATEGORY, Role.LABEL)}
    kinds = {c: columns[c].kind for c in frame.columns if c in columns}
    data = Dataset("d", {"test": Split("test", [], kinds)}, columns, Task.CLASSIFICATION)
    made = SimpleNamespace(data=data, splits=["test"], rows={"test": rows or frame.height})
    made.label = lambda task=None: columns["y"]
    made.sample = made.class_sample = lambda s: frame
    made.values = lambda s: {"y": dict.fromkeys(frame["y"].drop_nulls().to_list(), 1)}

    def row_hashes(split):
        if not hashes:
            raise KeyError(split)
        return SimpleNamespace(
            addresses=lambda: frame[ADDRESS].to_numpy(),
            labels=lambda: mix(hash_column(frame["y"])),
        )

    made.row_hashes = row_hashes
    return cast(Any, made)


FRAME = pl.DataFrame({ADDRESS: [3, 5, 7, 9], "y": ["b", None, "a", "b"]})
GIVEN = PredProbs(table([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [1.0005, -0.0005]]))


@pytest.mark.parametrize("hashes", [True, False])
def test_rows_with_a_label_beside_their_probabilities(hashes):
    found = beside_labels(context(FRAME, hashes=hashes), "test", GIVEN)
    assert found is not None
    assert found.addresses.tolist() == [3, 7, 9]
    assert found.codes.tolist() == [1, 0, 1]
    assert found.classes == ("a", "b")
    assert found.probabilities.tolist() == [[0.9, 0.1], [0.2, 0.8], [1.0005, 0.0]]
    assert found.uniform.tolist() == [True] * 3
    turned = beside_labels(context(FRAME), "test", PredProbs(GIVEN.values, ("b", "a")))
    assert turned is not None
    assert turned.codes.tolist() == [0, 1, 0]


def test_rows_or_classes_that_do_not_fit():
    with pytest.raises(UsageError, match="have 4 rows, the split has 5"):
        beside_labels(context(FRAME, rows=5), "test", GIVEN)
    three = PredProbs(np.full((4, 3), 1 / 3))
    with pytest.raises(UsageError, match="have 3 columns, y has 2 classes"):
        beside_labels(context(FRAME), "test", three)
    with pytest.raises(UsageError, match="no column for b"):
        beside_labels(context(FRAME), "test", PredProbs(GIVEN.values, ("a", "c")))
    part = PredProbs(np.full((5, 2), 0.5))
    with pytest.raises(UsageError, match="only a sample was kept") as told:
        beside_labels(context(FRAME, rows=5, hashes=False), "test", part)
    assert "raise sample above 5" in told.value.hint
    bare = context(FRAME)
    del bare.data.splits["test"].kinds["y"]
    assert beside_labels(bare, "test", GIVEN) is None
