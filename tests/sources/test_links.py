"""Links out of a dataset's folder are not read unless a person says so; loops never are."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

import datacheck
from datacheck.config import Config
from datacheck.errors import ConfigError, SourceError, UsageError
from datacheck.sources import links
from tests.sources.images.pictures import folder, pixels, write
from tests.sources.test_hostile import clean

SECRET = "root:x:0:0:the words of a file that is none of the data"


def reasons(report):
    return {
        file: reason
        for f in report.findings
        if f.rule == "MV006"
        for file in f.evidence["files"]
        for reason in f.evidence["reasons"]
    }


def reviews(root):
    for split in ("train", "test"):
        for label in ("neg", "pos"):
            for i in range(12):
                path = root / split / label / f"{i}.txt"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"text {split} {label} {i} with a few words of its own {i * 7}\n")
    return root


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "elsewhere" / "passwd"
    path.parent.mkdir()
    path.write_text(SECRET)
    return path


def test_a_text_is_not_read_through_a_link(tmp_path, secret):
    root = reviews(tmp_path / "set")
    (root / "train" / "pos" / "99.txt").symlink_to(secret)
    (root / "test" / "pos" / "98.txt").symlink_to(os.path.relpath(secret, root / "test" / "pos"))
    (root / "train" / "neg" / "97.txt").symlink_to("0.txt")  # within: as any other
    report = clean(datacheck.audit(root))
    told = reasons(report)
    assert set(told) == {"train/pos/99.txt", "test/pos/98.txt"}
    assert "leads out of the folder" in told["train/pos/99.txt"]
    assert report.dataset["splits"]["train"]["rows"] == 25
    assert "none of the data" not in report.to_json()
    done = datacheck.fix(root, tmp_path / "mended", unsafe=True)
    assert any("not copied, links that lead out" in said for said in done.said)
    kept = [p.read_text() for p in (tmp_path / "mended").rglob("*") if p.is_file()]
    assert not any("none of the data" in one for one in kept)
    with_ = clean(datacheck.audit(root, follow_links=True))
    assert with_.dataset["splits"]["train"]["rows"] == 26
    assert not reasons(with_)
    made = datacheck.audit({"train": root / "train", "test": root / "test"})
    assert set(reasons(made)) == {"train/pos/99.txt", "test/pos/98.txt"}


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_tables(tmp_path, secret, form):
    frame = pl.DataFrame({"a": range(40), "b": [0, 1] * 20})
    write_ = {"csv": "write_csv", "jsonl": "write_ndjson", "parquet": "write_parquet"}[form]
    root = tmp_path / "set"
    root.mkdir()
    for place in (root / f"train.{form}", tmp_path / "elsewhere" / f"test.{form}"):
        getattr(frame, write_)(place)
    (root / f"test.{form}").symlink_to(tmp_path / "elsewhere" / f"test.{form}")
    report = clean(datacheck.audit(root))
    assert list(report.dataset["splits"]) == ["train"]
    assert set(reasons(report)) == {f"test.{form}"}
    assert set(datacheck.audit(root, follow_links=True).dataset["splits"]) == {"train", "test"}
    # A link that a person names is what they mean.
    named = datacheck.audit(train=root / f"train.{form}", test=root / f"test.{form}")
    assert set(named.dataset["splits"]) == {"train", "test"}
    (root / f"train.{form}").unlink()
    with pytest.raises(SourceError, match="leads out of it") as caught:
        datacheck.audit(root)
    assert "--follow-links" in str(caught.value)


def test_pictures_of_folders_and_of_tables(tmp_path):
    root = folder(tmp_path / "set")
    other = write(tmp_path / "elsewhere.png", pixels(999))
    (root / "train" / "circle" / "out.png").symlink_to(other)
    assert set(reasons(clean(datacheck.audit(root)))) == {"train/circle/out.png"}
    assert not reasons(datacheck.audit(root, follow_links=True))
    table = tmp_path / "table"
    for i in range(20):
        write(table / "all" / f"{i}.png", pixels(i))
    (table / "all" / "0.png").unlink()
    (table / "all" / "0.png").symlink_to(other)
    (tmp_path / "shelf").mkdir()
    write(tmp_path / "shelf" / "1.png", pixels(77))
    (table / "more").symlink_to(tmp_path / "shelf")
    names = [f"all/{i}.png" for i in range(20)] + ["more/1.png"]
    frame = pl.DataFrame({"file": names, "y": [0, 1] * 10 + [1]})
    frame.write_csv(table / "train.csv")
    report = clean(datacheck.audit(table))
    assert sum(f.count for f in report.findings if f.rule == "MV006") == 2
    assert report.dataset["splits"]["train"]["rows"] == 19
    assert clean(datacheck.audit(table, follow_links=True)).dataset["splits"]["train"]["rows"] == 21


def test_folders_behind_links_are_followed_once_and_only_where_asked(tmp_path):
    root = reviews(tmp_path / "set")
    (tmp_path / "away").mkdir()
    (root / "train" / "pos").rename(tmp_path / "away" / "pos")
    (root / "train" / "pos").symlink_to(tmp_path / "away" / "pos")
    (tmp_path / "away" / "pos" / "back").symlink_to(root)
    (tmp_path / "away" / "pos" / "self").symlink_to(tmp_path / "away" / "pos")
    (root / "test" / "loop").symlink_to(root)
    report = clean(datacheck.audit(root))
    assert report.dataset["splits"]["train"]["rows"] == 12
    assert any("not followed, links to folders" in s for s in report.assumptions)
    report = clean(datacheck.audit(root, follow_links=True))
    assert report.dataset["splits"]["train"]["rows"] == 24
    assert report.dataset["splits"]["test"]["rows"] == 24


def test_loaders_and_repairs_follow_where_asked(tmp_path):
    root = folder(tmp_path / "set")
    other = write(tmp_path / "elsewhere.png", pixels(999))
    (root / "train" / "circle" / "out.png").symlink_to(other)
    for follow, rows in ((False, 24), (True, 25)):
        made = datacheck.loaders(root, batch_size=5, follow_links=follow)
        assert sum(len(b) for b in made.train) == rows
        place = tmp_path / f"mended-{follow}"
        datacheck.fix(root, place, follow_links=follow)
        assert (place / "train" / "circle" / "out.png").exists() is follow
        assert not any(p.is_symlink() for p in place.rglob("*"))
    datacheck.undo(tmp_path / "mended-True", tmp_path / "back")
    assert (tmp_path / "back" / "train" / "circle" / "out.png").read_bytes() == other.read_bytes()


def test_the_cache_of_a_hub_is_one_folder(tmp_path):
    home = tmp_path / "datasets--x"
    (home / "blobs").mkdir(parents=True)
    (home / "snapshots" / "abc").mkdir(parents=True)
    for i, split in enumerate(("train", "test")):
        pl.DataFrame({"a": range(i, 40 + i), "b": [0, 1] * 20}).write_csv(home / "blobs" / split)
        (home / "snapshots" / "abc" / f"{split}.csv").symlink_to(f"../../blobs/{split}")
    report = clean(datacheck.audit(home / "snapshots" / "abc"))
    assert set(report.dataset["splits"]) == {"train", "test"}
    (tmp_path / "secret").write_text("a,b\n1,2\n")
    (home / "snapshots" / "abc" / "val.csv").symlink_to(tmp_path / "secret")
    assert set(reasons(datacheck.audit(home / "snapshots" / "abc"))) == {"val.csv"}


def test_a_folder_that_is_a_link_itself(tmp_path):
    reviews(tmp_path / "set")
    (tmp_path / "link").symlink_to(tmp_path / "set")
    report = clean(datacheck.audit(tmp_path / "link"))
    assert report.dataset["splits"]["train"]["rows"] == 24
    assert not reasons(report)


def test_no_file_of_settings_can_say_so(tmp_path):
    root = reviews(tmp_path / "set")
    for line in ("follow-links = true", "follow_links = true"):
        (root / "datacheck.toml").write_text(f"{line}\n")
        with pytest.raises(ConfigError, match="may come with the data"):
            datacheck.audit(root, config=Config.load(None, root))
    with pytest.raises(UsageError, match="follow_links is 1"):
        Config(follow_links=1)  # type: ignore[arg-type] # what a person may pass


def test_what_is_remembered_of_a_folder_does_not_depend_on_the_current_one(tmp_path, monkeypatch):
    for place in ("one", "other"):
        data = tmp_path / place / "data"
        data.mkdir(parents=True)
        (data / "train.csv").write_text("x,label\n1,a\n2,b\n", encoding="utf-8")
        monkeypatch.chdir(tmp_path / place)
        links._homes.cache_clear()  # as after many other folders
        assert not links.leads_out(Path("data/train.csv"), Path("data"))
