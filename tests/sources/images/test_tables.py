"""Pictures that tables hold or name, tar shards and idx files: the same audit as of a folder."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.dataset import Role
from datacheck.sources import open_source
from tests.sources.images.pictures import encoded, pixels, write
from tests.sources.test_hostile import clean

LABELS = ["a", "b"] * 10


def found(report, rule):
    return [f for f in report.findings if f.rule == rule]


def whole(data):
    """All rows with the key of their picture, by split."""
    out = {}
    for name, split in data.splits.items():
        frames = [b.frame for f in split.fragments for b in f.read(list(columns(data)), 7)]
        out[name] = pl.concat(frames)
    return out


def columns(data):
    return [c for c in data.columns if "." not in c] + [c for c in data.columns if "." in c]


@pytest.fixture
def plain(tmp_path):
    """The same 20 pictures and labels as a folder of PNG, to compare all other forms with."""
    for i, label in enumerate(LABELS):
        write(tmp_path / "plain" / "train" / label / f"{i:02}.png", pixels(i))
    (frame,) = whole(open_source(tmp_path / "plain")).values()
    return frame.sort("image")


def same_pictures(data, plain, column="image"):
    (frame,) = whole(data).values()
    measured = [c for c in plain.columns if c.startswith("image.") and c != "image.bytes"]
    left = frame.rename(
        {c: c.replace(column, "image", 1) for c in frame.columns if c.startswith(column)}
    )
    assert left.sort("image").select("image", *measured).equals(plain.select("image", *measured))
    assert data.columns[column].role is Role.FEATURE
    assert {data.columns[f"{column}.{k}"].role for k in ("width", "phash")} == {Role.MEASURED}


@pytest.mark.parametrize("kind", ["binary", "struct"])
@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_bytes_in_cells(tmp_path, plain, form, kind):
    cells = [encoded(pixels(i)) for i in range(20)]
    if kind == "struct":
        cells = [{"bytes": c, "path": f"{i}.png"} for i, c in enumerate(cells)]
    frame = pl.DataFrame({"picture": cells, "label": LABELS})
    root = tmp_path / "set"
    root.mkdir()
    if form == "parquet":
        frame.write_parquet(root / "train.parquet", row_group_size=6)
    else:
        frame.write_ipc(root / "train.arrow")
    same_pictures(open_source(root), plain, "picture")
    clean(datacheck.audit(root))
    same_pictures(open_source(frame_of(frame)), plain, "picture")


def frame_of(frame):
    """In memory, as one split."""
    return {"train": frame}


def test_broken_bytes_are_records(tmp_path):
    cells = [encoded(pixels(i)) for i in range(20)]
    cells[4], cells[9] = cells[4][:100], None
    pl.DataFrame({"image": cells, "label": LABELS}).write_parquet(tmp_path / "train.parquet")
    report = clean(datacheck.audit(tmp_path))
    (one,) = found(report, "MV006")
    assert one.examples[0].addresses == ("train/train.parquet:4",)
    assert report.dataset["splits"]["train"]["rows"] == 19
    missing = found(report, "MV001")
    assert [f.columns for f in missing] in ([("image",)], [])


def test_paths_in_cells(tmp_path, plain):
    root = tmp_path / "set"
    for i in range(20):
        write(root / "pictures" / f"{i}.png", pixels(i))
    frame = pl.DataFrame({"file": [f"{i}.png" for i in range(20)], "label": LABELS})
    frame.write_csv(root / "train.csv")
    data = open_source(root)
    same_pictures(data, plain, "file")
    assert any("file names pictures in pictures/" in s for s in data.assumptions)
    longer = frame.with_columns(file=pl.format("pictures/{}", "file"))
    longer.write_ndjson(root / "train.jsonl")
    (root / "train.csv").unlink()
    same_pictures(open_source(root), plain, "file")
    same_pictures(open_source(root / "train.jsonl"), plain, "file")


def test_paths_that_lead_out_or_nowhere_are_told(tmp_path):
    root = tmp_path / "set"
    for i in range(20):
        write(root / f"{i}.png", pixels(i))
    write(tmp_path / "secret.png", pixels(99))
    paths = [f"{i}.png" for i in range(20)]
    paths[3], paths[4], paths[5] = "../secret.png", str(tmp_path / "secret.png"), "gone.png"
    paths[6] = "x" * 5000 + ".png"
    pl.DataFrame({"path": paths, "label": LABELS}).write_csv(root / "train.csv")
    report = clean(datacheck.audit(root))
    told = {m.message.split(": ", 1)[1] for m in found(report, "MV006")}
    assert any("leads out of" in one for one in told)
    assert sum(f.count for f in found(report, "MV006")) == 4
    assert report.dataset["splits"]["train"]["rows"] == 16


def test_a_column_of_which_a_third_is_broken_is_one_of_pictures(tmp_path):
    cells = [encoded(pixels(i)) if i % 3 else b"junk" for i in range(20)]
    pl.DataFrame({"image": cells, "label": LABELS}).write_parquet(tmp_path / "train.parquet")
    report = clean(datacheck.audit(tmp_path))
    assert sum(f.count for f in found(report, "MV006")) == 7
    assert report.dataset["splits"]["train"]["rows"] == 13


@pytest.mark.parametrize("kind", ["binary", "struct"])
@pytest.mark.parametrize("broken", [11, 18])
def test_a_column_that_is_mostly_broken_is_one_of_pictures_still(tmp_path, broken, kind):
    cells = [encoded(pixels(i)) if i >= broken else b"junk" for i in range(20)]
    if kind == "struct":
        cells = [{"bytes": c, "path": None} for c in cells]
    pl.DataFrame({"image": cells, "label": LABELS}).write_parquet(tmp_path / "train.parquet")
    report = clean(datacheck.audit(tmp_path))
    assert sum(f.count for f in found(report, "MV006")) == broken
    assert report.dataset["splits"]["train"]["rows"] == 20 - broken


def test_a_column_without_a_sound_picture_is_told_by_its_names(tmp_path):
    cells = [{"bytes": b"junk", "path": f"{i}.jpg"} for i in range(20)]
    frame = pl.DataFrame({"image": cells, "a": range(20), "label": LABELS})
    frame.write_parquet(tmp_path / "train.parquet")
    report = clean(datacheck.audit(tmp_path))
    assert sum(f.count for f in found(report, "MV006")) == 20
    plain = frame.with_columns(image=pl.lit(b"\x00\x01"))
    plain.write_parquet(tmp_path / "train.parquet")
    report = clean(datacheck.audit(tmp_path))
    assert any("not read, nested or binary: image" in s for s in report.assumptions)


# -- tar ---------------------------------------------------------------------------------------


def shard(path, members, *, links=()):
    plain = path.suffix == ".tar"
    with tarfile.open(path, "w") if plain else tarfile.open(path, "w:gz") as archive:
        for name, data in members:
            told = tarfile.TarInfo(name)
            told.size = len(data)
            archive.addfile(told, io.BytesIO(data))
        for name, target in links:
            told = tarfile.TarInfo(name)
            told.type, told.linkname = tarfile.SYMTYPE, target
            archive.addfile(told)
    return path


def examples(numbers):
    for i in numbers:
        yield f"{i:03}.png", encoded(pixels(i))
        yield f"{i:03}.cls", LABELS[i].encode()
        yield f"{i:03}.json", json.dumps({"who": f"p{i % 4}", "nested": {"x": 1}}).encode()


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".tgz"])
def test_shards(tmp_path, plain, ending):
    root = tmp_path / "set"
    root.mkdir()
    shard(root / f"train-000{ending}", examples(range(11)))
    shard(root / f"train-001{ending}", examples(range(11, 20)))
    data = open_source(root)
    assert data.columns["cls"].role is Role.LABEL
    assert list(data.splits["train"].kinds)[:3] == ["image", "cls", "who"]
    same_pictures(data, plain)
    clean(datacheck.audit(root))


def test_one_shard_alone(tmp_path):
    path = shard(tmp_path / "some.tar", examples(range(20)))
    assert clean(datacheck.audit(path)).dataset["splits"] == {"data": {"rows": 20, "files": 1}}
    assert list(tmp_path.iterdir()) == [path]


def test_hostile_members_are_told_and_passed_over(tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    members = [*examples(range(20)), ("../out.png", encoded(pixels(1))), ("/abs.png", b"x")]
    members += [("099.png", encoded(pixels(2))[:80]), ("deep.json", b"[" * 100_000)]
    shard(root / "train.tar", members, links=[("l.png", "/etc/passwd")])
    report = clean(datacheck.audit(root))
    told = " ".join(f.message for f in found(report, "MV006"))
    assert "names that lead out of it" in told
    assert "links and devices" in told
    assert "train.tar/099.png: is cut short" in told
    assert report.dataset["splits"]["train"]["rows"] == 20
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["set", "train.tar"]


@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_a_shard_that_breaks_off(tmp_path, ending):
    whole_ = shard(tmp_path / f"train{ending}", examples(range(20))).read_bytes()
    (tmp_path / f"train{ending}").write_bytes(whole_[: len(whole_) // 2])
    report = clean(datacheck.audit(tmp_path))
    assert any("breaks off" in f.message for f in found(report, "MV006"))
    assert 0 < report.dataset["splits"]["train"]["rows"] < 20


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("size", [1 << 17, 2_000_000_000])
def test_headers_that_promise_too_much(tmp_path, kind, size):
    told = tarfile.TarInfo("x")
    told.type, told.size = kind, size
    with (tmp_path / "train.tar").open("wb") as file:
        file.write(told.tobuf())
        file.truncate(512 + size)  # zeros that take no space
    with pytest.raises(datacheck.SourceError, match="a header that is too long"):
        datacheck.audit(tmp_path)


def test_fields_that_are_no_text(tmp_path):
    members = [*examples(range(20)), ("099.png", encoded(pixels(1)))]
    members += [("099.json", b'{"who": "\\ud800", "\\udfff": 1, "t": "\\udc00"}')]
    clean(datacheck.audit(shard(tmp_path / "some.tar", members[::-1][1:2] + members[::-1][:1])))
    clean(datacheck.audit(shard(tmp_path / "some.tar", members)))


def test_long_names_are_read(tmp_path):
    members = [("long/" * 200 + name, data) for name, data in examples(range(20))]
    path = shard(tmp_path / "some.tar", members)
    assert clean(datacheck.audit(path)).dataset["splits"] == {"data": {"rows": 20, "files": 1}}


# -- idx ---------------------------------------------------------------------------------------


def idx(path, array):
    data = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes((gzip.compress if path.suffix == ".gz" else bytes)(data + array.tobytes()))


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_idx(tmp_path, plain, ending):
    stack = np.stack([pixels(i) for i in range(20)])
    numbers = np.array([label == "b" for label in LABELS], dtype=np.uint8)
    idx(tmp_path / f"train-images-idx4-ubyte{ending}", stack)
    idx(tmp_path / f"train-labels-idx1-ubyte{ending}", numbers)
    root = tmp_path / "both"
    root.mkdir()
    for name in list(tmp_path.glob("*ubyte*")):
        (root / name.name).write_bytes(name.read_bytes())
    data = open_source(root)
    assert data.columns["label"].role is Role.LABEL
    (frame,) = whole(data).values()
    assert frame.sort("image")["image"].equals(plain["image"])
    assert frame["label"].to_list() == numbers.tolist()
    idx(root / f"t10k-images-idx3-ubyte{ending}", stack[..., 0])
    idx(root / f"t10k-labels-idx1-ubyte{ending}", numbers[:18])
    report = clean(datacheck.audit(root))
    assert set(report.dataset["splits"]) == {"train", "test"}
    assert "20 pictures" in found(report, "MV006")[0].message


def test_idx_that_lies(tmp_path):
    path = tmp_path / "train-images-idx3-ubyte"
    idx(path, np.zeros((9, 4, 4), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:-20])
    report = clean(datacheck.audit(tmp_path))
    assert "ends after 7 of 9 pictures" in found(report, "MV006")[0].message
    path.write_bytes(b"\0\0\x08\x03" + struct.pack(">3I", 2**31, 2**31, 2**31))
    with pytest.raises(datacheck.DatacheckError, match="pixels"):
        datacheck.audit(tmp_path)
