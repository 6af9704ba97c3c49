"""Which files are data, and which split each belongs to."""

from __future__ import annotations

import pytest

import datacheck
from datacheck.sources import SourceOptions, open_source
from datacheck.sources.layout import explore, split_of


def build(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a,b,label\n" + "".join(f"{i},{i / 2},{i % 2}\n" for i in range(30)))


CASES = {
    "plain": (["train.csv", "test.csv"], {"train": 1, "test": 1}),
    "four": (
        ["train.csv", "val.csv", "dev.csv", "test.csv"],
        {"train": 1, "val": 1, "dev": 1, "test": 1},
    ),
    "long names": (
        ["training.csv", "validation.csv", "testing.csv"],
        {"train": 1, "val": 1, "test": 1},
    ),
    "prefix": (["adult-train.csv", "adult-test.csv"], {"train": 1, "test": 1}),
    "suffix": (["train_adult.csv", "test_adult.csv"], {"train": 1, "test": 1}),
    "joined": (
        ["datatraining.txt", "datatest.txt", "datatest2.txt"],
        {"train": 1, "test": 1, "test2": 1},
    ),
    "shards": (
        ["train-00000-of-00002.csv", "train-00001-of-00002.csv", "test-00000-of-00001.csv"],
        {"train": 2, "test": 1},
    ),
    "folders": (["train/a.csv", "train/b.csv", "test/a.csv"], {"train": 2, "test": 1}),
    "nested": (["data/train.csv", "data/test.csv"], {"train": 1, "test": 1}),
    "parts": (["part-0.csv", "part-1.csv"], {"": 2}),
    "aside": (
        ["train.csv", "test.csv", "README.md", "LICENSE", ".hidden.csv", "names.txt"],
        {"train": 1, "test": 1},
    ),
    "leftover": (["train.csv", "test.csv", "sample_submission.csv"], {"train": 1, "test": 1}),
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_layouts(tmp_path, case):
    files, expected = CASES[case]
    build(tmp_path, *files)
    found = explore(tmp_path)
    assert {s: len(f) for s, f in found.files.items()} == expected
    placed = {str(p.relative_to(tmp_path)) for fs in found.files.values() for p in fs}
    assert placed | set(found.aside) == set(files), "no file is passed over in silence"


def test_shards_are_read_in_the_order_of_their_numbers(tmp_path):
    build(tmp_path, *(f"train-{i}.csv" for i in (10, 2, 1)))
    names = [p.name for p in explore(tmp_path).files["train"]]
    assert names == ["train-1.csv", "train-2.csv", "train-10.csv"]


def test_two_datasets_in_one_folder_are_no_dataset(tmp_path):
    build(tmp_path, "red_train.csv", "red_test.csv", "white_train.csv", "white_test.csv")
    with pytest.raises(datacheck.SourceError, match="more than one dataset") as error:
        explore(tmp_path)
    assert "--train" in error.value.hint


def test_splits_of_other_names_are_one_dataset_and_said_to_be(tmp_path):
    build(tmp_path, "emerging.dev.csv", "emerging.test.csv", "wnut17train.csv")
    layout = explore(tmp_path)
    assert list(layout.files) == ["train", "dev", "test"]
    assert any("(emerging, wnut17)" in said for said in layout.said)
    build(tmp_path, "more_test.csv")
    with pytest.raises(datacheck.SourceError, match="more than one dataset"):
        explore(tmp_path)


def test_links_to_folders_are_not_followed(tmp_path):
    build(tmp_path, "x/train.csv", "x/test.csv")
    (tmp_path / "x" / "loop").symlink_to(tmp_path)
    assert sum(len(f) for f in explore(tmp_path).files.values()) == 2


def test_files_with_the_same_columns_are_one_dataset_and_said_to_be(tmp_path):
    build(tmp_path, "red.csv", "white.csv")
    data = open_source(tmp_path)
    assert [len(s.fragments) for s in data.splits.values()] == [2]
    assert any("no file name tells a split" in said for said in data.assumptions)


def test_files_with_other_columns_are_no_dataset(tmp_path):
    build(tmp_path, "day.csv")
    (tmp_path / "hour.csv").write_text("x,y\n1,2\n")
    with pytest.raises(datacheck.SourceError, match="different columns"):
        open_source(tmp_path)


def test_a_column_tells_the_split(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(
        "x,split\n" + "".join(f"{i},{['train', 'test', ''][i % 3]}\n" for i in range(60))
    )
    data = open_source(path)
    assert list(data.splits) == ["train", "test"]
    assert data.split_column == "split"
    assert any("belong to no split" in p.reason for p in data.problems)
    report = datacheck.audit(path)
    assert {s: v["rows"] for s, v in report.dataset["splits"].items()} == {"train": 20, "test": 20}


def test_a_column_of_many_values_names_no_splits(tmp_path):
    build(tmp_path, "data.csv")
    (tmp_path / "many.csv").write_text("x,k\n" + "".join(f"{i},{i}\n" for i in range(99)))
    with pytest.raises(datacheck.UsageError, match="more than 50 values"):
        open_source(tmp_path / "many.csv", SourceOptions(split_column="k"))


@pytest.mark.parametrize(
    ("word", "split"),
    [("Train", "train"), ("TRAINING", "train"), ("valid", "val"), ("test2", "test2"),
     ("dataTest", "test"), ("contest", ""), ("trainer", ""), ("devices", ""), ("", "")],
)  # fmt: skip
def test_words_that_name_splits(word, split):
    assert split_of(word) == split
