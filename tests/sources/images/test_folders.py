"""Folders of pictures: splits, classes, names, links, and what is told of each broken file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import datacheck
from datacheck.report.terminal import render
from datacheck.sources import open_source
from tests.sources.images.pictures import encoded, folder, pixels, smooth, write
from tests.sources.test_hostile import clean


def rows(data):
    return {
        name: [
            (data.row_names[f.file][i], label)
            for f in split.fragments
            for b in f.read([c for c in ("label",) if c in data.columns], 1000)
            for i, label in zip(
                b.rows, b.frame["label"] if b.frame.width else [None] * b.height, strict=True
            )
        ]
        for name, split in data.splits.items()
    }


def made(root, *paths):
    for i, path in enumerate(paths):
        write(root / path, pixels(i))
    return rows(open_source(root))


def test_splits_and_classes(tmp_path):
    seen = made(tmp_path, "test/b/1.png", "train/a/10.png", "train/a/9.png", "train/b/1.jpg")
    assert list(seen) == ["train", "test"]
    assert seen["train"] == [
        ("train/a/9.png", "a"),
        ("train/a/10.png", "a"),
        ("train/b/1.jpg", "b"),
    ]
    assert seen["test"] == [("test/b/1.png", "b")]


def test_classes_without_splits(tmp_path):
    seen = made(tmp_path, "images/cat/1.png", "images/dog/x/2.png")
    assert seen == {"data": [("images/cat/1.png", "cat"), ("images/dog/x/2.png", "dog")]}


def test_splits_without_classes(tmp_path):
    seen = made(tmp_path, "Training/1.png", "validation/2.png")
    assert seen == {"train": [("Training/1.png", None)], "val": [("validation/2.png", None)]}
    assert "label" not in open_source(tmp_path).columns


def test_classes_with_splits_inside(tmp_path):
    seen = made(tmp_path, "cat/train/1.png", "cat/test/2.png", "dog/train/3.png")
    assert seen["train"] == [("cat/train/1.png", "cat"), ("dog/train/3.png", "dog")]


def test_a_class_may_be_called_train(tmp_path):
    seen = made(tmp_path, "bus/1.png", "car/2.png", "train/3.png")
    assert [label for _, label in seen["data"]] == ["bus", "car", "train"]


def test_other_folders_beside_splits_are_told(tmp_path):
    folder(tmp_path, each=2)
    write(tmp_path / "extra" / "1.png", pixels(1))
    data = open_source(tmp_path)
    assert set(data.splits) == {"train", "test"}
    assert any("passed over" in s and "extra/1.png" in s for s in data.assumptions)


def test_words_that_tables_keep_aside_may_begin_the_name_of_a_picture(tmp_path):
    seen = made(tmp_path, "license_plate.png", "_1.png", "source.png")
    assert len(seen["data"]) == 3


def test_hidden_files_are_told(tmp_path):
    folder(tmp_path, each=2)
    (tmp_path / "train" / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (tmp_path / "train" / "circle" / "Thumbs.db").write_bytes(b"\xd0\xcf")
    (tmp_path / "train" / "circle" / "._00.png").write_bytes(b"\0\5\x16\7")
    report = datacheck.audit(tmp_path)
    assert [f for f in report.findings if f.rule == "MV006"] == []
    told = next(s for s in report.assumptions if s.startswith("passed over"))
    assert all(name in told for name in (".DS_Store", "Thumbs.db", "._00.png"))


@pytest.fixture
def broken(tmp_path):
    root = folder(tmp_path / "set")
    cat = root / "train" / "circle"
    good = encoded(smooth(1), "JPEG")
    (cat / "cut.jpg").write_bytes(good[:900])
    (cat / "text.jpg").write_text("no picture")
    (cat / "empty.png").write_bytes(b"")
    (cat / "other.png").write_bytes(good)
    (cat / "new\nline.png").write_bytes(b"x")
    (cat / "nowhere.png").symlink_to(tmp_path / "gone.png")
    (cat / "self.png").symlink_to(cat / "self.png")
    (root / "train" / "loop").symlink_to(root)
    write(cat / "dot.png", np.zeros((1, 1, 3), dtype=np.uint8))
    return root


REASONS = {
    "cut.jpg": "is cut short",
    "text.jpg": "is text, no picture",
    "empty.png": "is empty",
    "new\nline.png": "is text, no picture",
    "nowhere.png": "is a link that leads nowhere",
    "self.png": "is a link that leads nowhere",
}


def test_every_broken_file_is_named(broken):
    report = clean(datacheck.audit(broken))
    told = {}
    for found in report.findings:
        if found.rule == "MV006" and found.severity.value == "error":
            assert found.repairs[0].name == "quarantine"
            for example in found.examples:
                told[example.addresses[0]] = example.values["reason"]
    assert told == {f"train/circle/{name}": why for name, why in REASONS.items()}
    warned = [f for f in report.findings if f.rule == "MV006" and f.severity.value == "warning"]
    said = sorted(f.message for f in warned)
    assert len(said) == 2
    assert "dot.png: is a single pixel" in said[0]
    assert "other.png: is a JPEG picture" in said[1]
    assert report.dataset["splits"]["train"]["rows"] == 24 + 2
    assert any("links to folders: train/loop" in s for s in report.assumptions)
    total = next(f for f in report.findings if f.rule == "MV006").total
    assert total == 48 + 8


def test_reports_hold_no_control_characters(broken):
    report = datacheck.audit(broken)
    assert json.loads(report.to_json())
    assert "new\nline" not in render(report)
    assert "new\\nline" in render(report)


def test_the_report_does_not_depend_on_threads(broken):
    one, three = (datacheck.audit(broken, threads=n).to_json() for n in (1, 3))
    assert without_timing(one) == without_timing(three)


def without_timing(text):
    told = json.loads(text)
    told.pop("timing")
    return told


def test_duplicates_are_told_by_path_and_confirmed_by_all_pixels(tmp_path):
    folder(tmp_path)
    write(tmp_path / "test" / "square" / "copy.bmp", pixels(3))
    report = datacheck.audit(tmp_path, select=["LK001"])
    (found,) = report.findings
    assert set(found.examples[0].addresses) == {"test/square/copy.bmp", "train/circle/02.png"}


def test_a_key_alone_makes_no_duplicate(tmp_path):
    """Two JPEGs that are alike only at the reduced scale."""
    folder(tmp_path)
    checks = np.indices((512, 512)).sum(axis=0) % 2 * 255
    for name, array in (("train/circle/a.jpg", checks), ("test/circle/b.jpg", 255 - checks)):
        write(tmp_path / name, array.astype(np.uint8), quality=100)
    report = datacheck.audit(tmp_path, select=["LK001"])
    assert [o.status.value for o in report.outcomes if o.rule == "LK001"] == ["clean"]


def test_split_folders_given_by_name(tmp_path):
    folder(tmp_path, each=6)
    (tmp_path / "test" / "circle" / "00.png").write_bytes(b"")
    report = datacheck.audit(train=tmp_path / "train", test=tmp_path / "test")
    assert report.dataset["splits"]["test"] == {"rows": 11, "files": 12}
    assert report.dataset["columns"]["label"]["role"] == "label"
    found = next(f for f in report.findings if f.rule == "MV006")
    assert found.examples[0].addresses == ("test/circle/00.png",)


def test_names_that_are_no_text(tmp_path):
    folder(tmp_path, each=2)
    path = os.fsencode(tmp_path / "train" / "circle") + b"/\xff.png"
    with open(path, "wb") as file:  # noqa: PTH123 - bytes are no Path
        file.write(b"")
    report = datacheck.audit(tmp_path)
    found = next(f for f in report.findings if f.rule == "MV006")
    assert found.examples[0].addresses == ("train/circle/\\xff.png",)
    json.loads(report.to_json())


def test_all_pictures_broken_is_no_crash(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.jpg").write_bytes(b"x")
    report = clean(datacheck.audit(tmp_path))
    assert next(f for f in report.findings if f.rule == "MV006").count == 3
    (fragment,) = open_source(tmp_path).splits["data"].fragments
    (batch,) = fragment.read(list(open_source(tmp_path).columns), 9)
    assert batch.height == 0
    assert len(batch.problems) == 3


def test_without_pillow_there_is_a_hint(tmp_path, monkeypatch):
    import sys

    from datacheck.sources.images import pictures

    folder(tmp_path, each=2)
    monkeypatch.setitem(sys.modules, "PIL", None)
    pictures.pillow.cache_clear()
    try:
        with pytest.raises(datacheck.DatacheckError, match="pip install pillow"):
            datacheck.audit(tmp_path)
    finally:
        pictures.pillow.cache_clear()


def test_the_planted_defects_of_the_fixture_are_found():
    report = clean(datacheck.audit(Path(__file__).parents[3] / "fixtures" / "shapes"))
    told = {f.rule: set(f.examples[0].addresses) for f in report.findings}
    assert told["LK001"] == {"test/circle/03.png", "train/circle/07.png"}
    assert told["MV006"] == {"train/square/05.png"}
    assert set(told) == {"LK001", "MV006"}
