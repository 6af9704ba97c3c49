"""Splits that are named one by one, each a folder: of texts, pairs, lines or pictures."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import datacheck
from datacheck.dataset import FILE_SHIFT, Dataset, Kind, Role
from datacheck.pipelines.fixing import fix
from datacheck.pipelines.undoing import undo
from datacheck.sources import SourceOptions, open_source
from tests.sources.test_texts import frame, lines, roles, sentence, write

TEXT, LABEL = (Kind.TEXT, Role.FEATURE), (Kind.CATEGORY, Role.LABEL)


def named(root: Path, **folders: str) -> dict[str, Any]:
    return {split: str(root / folder) for split, folder in folders.items()}


def place(data: Dataset, split: str, row: int) -> str:
    """A row of the first file of a split, as people read it."""
    file = data.splits[split].fragments[0].file
    return data.locate(split, (data.files.index(file) << FILE_SHIFT) + row)


def of_classes(root: Path) -> Any:
    """Folders whose names tell no split, a folder a class in each, with a text in both."""
    files = {f"mine/{c}/{i}.txt": f"{sentence(i)} {c}\n"
             for c in ("pos", "neg") for i in range(30)}  # fmt: skip
    files |= {f"theirs/{c}/{i}.txt": f"{sentence(i + 50)} {c}\n"
              for c in ("pos", "neg") for i in range(12)}  # fmt: skip
    files["theirs/neg/3.txt"] = files["mine/neg/7.txt"]
    return write(root, files)


def test_folders_of_texts_a_folder_a_class(tmp_path):
    data = open_source(named(of_classes(tmp_path), train="mine", test="theirs"))
    assert roles(data) == {"text": TEXT, "label": LABEL}
    assert {s: frame(data, s).height for s in data.splits} == {"train": 60, "test": 24}
    assert place(data, "train", 0) == "train/neg/0.txt"
    assert place(data, "test", 3) == "test/neg/3.txt"
    told = [a for a in data.assumptions if "each file is an example" in a]
    assert len(told) == 1


def test_folders_of_one_name_in_both_are_told_apart(tmp_path):
    write(tmp_path, {f"{s}/train/{c}/{i}.txt": sentence(i) + s for s in ("a", "b")
                     for c in ("pos", "neg") for i in range(9)})  # fmt: skip
    data = open_source(named(tmp_path, train="a", test="b"))
    assert place(data, "train", 2) == "train/train/neg/2.txt"
    assert place(data, "test", 2) == "test/train/neg/2.txt"


def test_what_is_in_both_folders_is_found_mended_and_brought_back(tmp_path):
    source = named(of_classes(tmp_path), train="mine", test="theirs")
    (leak,) = datacheck.audit(**source).of("LK001")
    assert leak.examples[0].addresses == ("test/neg/3.txt", "train/neg/7.txt")
    done = fix(source, tmp_path / "clean")
    assert [d.step.repair for d in done.done] == ["drop-from-train"]
    left = sorted(p.name for p in (tmp_path / "clean/train/neg").iterdir())
    assert len(left) == 29
    assert "7.txt" not in left
    assert len(list((tmp_path / "clean/test/neg").iterdir())) == 12
    undo(tmp_path / "clean", tmp_path / "back")
    for split, folder in source.items():
        for path in Path(folder).rglob("*.txt"):
            again = tmp_path / "back" / split / path.relative_to(folder)
            assert again.read_bytes() == path.read_bytes()


def test_a_text_that_cannot_be_read_is_told_with_its_split(tmp_path):
    source = named(of_classes(tmp_path), train="mine", test="theirs")
    (tmp_path / "theirs/pos/2.txt").write_bytes(b"\x00\x01" * 50)
    found = datacheck.audit(**source).of("MV006")
    assert any("test/pos/2.txt" in str(f.evidence) + f.message for f in found)


def test_folders_of_lines_a_file_a_class(tmp_path):
    write(tmp_path, {f"{s}/{c}.txt": lines(20, 30 * i) for s in ("one", "two")
                     for i, c in enumerate(["Greek", "Irish"])})  # fmt: skip
    data = open_source(named(tmp_path, train="one", test="two"))
    assert {s: frame(data, s).height for s in data.splits} == {"train": 40, "test": 40}
    assert data.columns["label"].role is Role.LABEL
    assert place(data, "test", 3) == "test/Greek.txt:3"


def test_folders_of_pairs(tmp_path):
    write(tmp_path, {f"{s}/corpus.{c}": lines(25, at) for at, s in enumerate(["a", "b"])
                     for c in ("en", "de")})  # fmt: skip
    data = open_source(named(tmp_path, train="a", test="b"))
    assert roles(data) == {"en": TEXT, "de": (Kind.TEXT, Role.LABEL)}
    assert {s: frame(data, s).height for s in data.splits} == {"train": 25, "test": 25}
    assert place(data, "test", 3) == "test/corpus.en:3"


@pytest.mark.parametrize("layout", ["auto", "lines"])
def test_folders_of_lines(tmp_path, layout):
    write(tmp_path, {"a/part-1.txt": lines(25), "a/part-2.txt": lines(9, 40),
                     "b/all.txt": lines(25, 60)})  # fmt: skip
    data = open_source(named(tmp_path, train="a", test="b"), SourceOptions(text_layout=layout))
    assert roles(data) == {"text": TEXT}
    assert {s: frame(data, s).height for s in data.splits} == {"train": 34, "test": 25}
    assert place(data, "test", 3) == "test/all.txt:3"


def test_a_layout_that_a_folder_lacks(tmp_path):
    write(tmp_path, {"a/x.txt": lines(25), "b/x.txt": lines(25)})
    asked = SourceOptions(text_layout="parallel")
    with pytest.raises(datacheck.SourceError, match="holds no files that go together"):
        open_source(named(tmp_path, train="a", test="b"), asked)


def test_folders_of_pictures(tmp_path):
    rng = np.random.default_rng(0)
    for folder, n in (("mine", 12), ("theirs", 6)):
        for kind in ("cat", "dog"):
            (tmp_path / folder / kind).mkdir(parents=True)
            for i in range(n):
                pixels = rng.integers(0, 256, (9, 9, 3)).astype(np.uint8)
                Image.fromarray(pixels).save(tmp_path / folder / kind / f"{i}.png")
    shutil.copy(tmp_path / "mine/cat/5.png", tmp_path / "theirs/cat/1.png")
    source = named(tmp_path, train="mine", test="theirs")
    data = open_source(source)
    assert roles(data)["label"] == LABEL
    assert {s: frame(data, s).height for s in data.splits} == {"train": 24, "test": 12}
    (leak,) = datacheck.audit(**source).of("LK001")
    assert leak.examples[0].addresses == ("test/cat/1.png", "train/cat/5.png")
