"""Pictures repaired: they leave byte for byte, undo gives all back, anew they are alike."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile

import numpy as np
import polars as pl
import pytest
from PIL import Image

import datacheck
from datacheck.config import Config
from datacheck.pipelines.fixing import fix
from datacheck.pipelines.plan import Plan, Step
from datacheck.pipelines.repairing import pictures
from datacheck.pipelines.undoing import undo
from datacheck.sources import open_source
from tests.pipelines.shapes import planted
from tests.sources.images.pictures import encoded, folder, pixels, smooth, write

UNREADABLE = Step("quarantine-unreadable", ("MV006",))


def digests(path):
    files = sorted(p for p in path.rglob("*") if p.is_file())
    return {str(p.relative_to(path)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def left(clean):
    file = clean / "quarantine" / "rows.jsonl"
    return [json.loads(x) for x in file.read_text().splitlines()] if file.exists() else []


def fixed(source, tmp_path, *steps, **more):
    """Repair, and see that the source is as it was and that undo gives it back."""
    was = digests(source)
    done = fix(source, tmp_path / "clean", plan=Plan(steps) if steps else None, unsafe=True, **more)
    assert digests(source) == was
    undo(tmp_path / "clean", tmp_path / "back")
    assert digests(tmp_path / "back") == was
    return done


def data_of(clean):
    return {k: v for k, v in digests(clean).items() if k.split("/")[0] in ("train", "test")}


def test_all_that_is_planted_goes_and_the_rest_stays_byte_for_byte(tmp_path):
    source = planted(tmp_path / "data")
    before = datacheck.audit(source)
    assert {f.rule for f in before.findings} == {"LB001", "LK001", "LB004", "MV006"}
    done = fixed(source, tmp_path)
    clean = tmp_path / "clean"
    assert {d.step.repair: d.rows for d in done.done} == {
        "quarantine-unreadable": 3, "quarantine-conflicts": 2, "drop-from-train": 2,
        "drop-duplicates": 3,
    }  # fmt: skip
    was, now = digests(source), data_of(clean)
    gone = {one["values"]["image"] for one in left(clean)}
    assert now == {k: v for k, v in was.items() if k not in gone}
    assert len(gone) == 10
    assert {(clean / "originals" / name).is_file() for name in gone} == {True}
    assert not any((clean / k).samefile(source / k) for k in now)
    cut = [one["reason"] for one in left(clean) if one["rules"] == "MV006"]
    assert cut == ["is cut short"] * 3
    manifest = json.loads((clean / "manifest.json").read_text())
    assert manifest["quarantined"] == 10
    after = datacheck.audit(clean, config=Config.load(None, clean))
    assert after.findings == []
    again = fix(clean, tmp_path / "again", unsafe=True)
    assert again.done == []
    assert data_of(tmp_path / "again") == now


def test_an_evaluation_split_keeps_its_broken_pictures(tmp_path):
    source = folder(tmp_path / "data")
    (source / "test" / "circle" / "zz.png").write_bytes(b"")
    (source / "train" / "circle" / "zz.png").write_bytes(b"")
    done = fixed(source, tmp_path, UNREADABLE)
    assert done.done[0].rows == 1
    assert any("1 pictures of test cannot be read and stay" in s for s in done.said)
    assert (tmp_path / "clean" / "test" / "circle" / "zz.png").is_file()
    assert not (tmp_path / "clean" / "train" / "circle" / "zz.png").exists()


def test_names_of_any_kind(tmp_path):
    source = folder(tmp_path / "data", each=3)
    home = source / "train" / "circle"
    for i, name in enumerate(("ä\n☂.png", "a b'\".png", os.fsdecode(b"\xff\xfe.png"), "-x.png")):
        write(home / name, pixels(i + 500))
        shutil.copy(home / name, source / "train" / "square" / name)
    done = fixed(source, tmp_path, Step("quarantine-conflicts", ("LB001",)))
    assert done.done[0].rows == 0  # of all 14 rows it would take more than half
    done = fix(source, tmp_path / "less", plan=Plan((Step("drop-from-train"),)), unsafe=True)
    assert data_of(tmp_path / "less") == digests(source)
    undo(tmp_path / "less", tmp_path / "same")
    assert digests(tmp_path / "same") == digests(source)


def test_near_duplicates_leave(tmp_path):
    source = planted(tmp_path / "data")
    big = Image.open(source / "test" / "circle" / "01.png").resize((96, 96), 3)
    big.save(source / "train" / "circle" / "95.png")
    big.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(source / "train" / "circle" / "96.png")
    step = Step("drop-near-from-train", ("LK002",))
    done = fixed(source, tmp_path, step)
    names = {one["values"]["image"] for one in left(tmp_path / "clean")}
    assert {"train/circle/95.png", "train/circle/96.png"} <= names
    assert done.done[0].rows == len(names)


def test_pictures_move_to_the_folder_of_their_class(tmp_path):
    source = folder(tmp_path / "data", each=20)
    for i in range(20):
        (source / "test" / "circle" / f"{i:02}.png").unlink()
    done = fixed(source, tmp_path, Step("stratified-resplit"))
    assert done.done[0].rows > 0
    now = data_of(tmp_path / "clean")

    def by_class(found):
        return sorted((name.split("/")[1], digest) for name, digest in found.items())

    assert by_class(now) == by_class(digests(source))
    assert len(open_source(tmp_path / "clean").splits) == 2


def test_a_split_given_by_itself(tmp_path):
    folder(tmp_path / "data")
    both = {s: tmp_path / "data" / s for s in ("train", "test")}
    fix(both, tmp_path / "clean", plan=Plan((Step("drop-from-train"),)))
    assert data_of(tmp_path / "clean") == digests(tmp_path / "data")


# -- written again -----------------------------------------------------------------------------


def mixed(root):
    """Train in PNG, test in JPEG of another size, on its side, with a comment."""
    for i in range(24):
        name = ("circle", "square")[i % 2]
        write(root / "train" / name / f"{i}.png", pixels(i, 20, 30))
    for i in range(12):
        exif = Image.Exif()
        exif[0x0112] = 6
        exif[0x010E] = f"picture {i}"
        write(root / "test" / ("circle", "square")[i % 2] / f"{i}.jpg", pixels(90 + i, 40, 26),
              exif=exif)  # fmt: skip
    return root


@pytest.mark.parametrize("repair", ["re-encode", "shared-decode"])
def test_pictures_of_all_splits_are_written_in_one_way(tmp_path, repair):
    source = mixed(tmp_path / "data")
    write(source / "test" / "circle" / "0.png", pixels(3, 9, 9))  # the name that 0.jpg would take
    done = fixed(source, tmp_path, Step(repair))
    assert done.done[0].values == {"image": 37}
    files = [tmp_path / "clean" / name for name in data_of(tmp_path / "clean")]
    assert len(files) == 37
    for file in files:
        image = Image.open(file)
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (30, 20))
        assert not image.getexif()
        assert not image.info
    # A picture on its side stands up: its height is the width that was stored.
    stored = Image.open(source / "test" / "square" / "1.jpg")
    upright = stored.transpose(Image.Transpose.ROTATE_270).resize((30, 20), 2)
    now = Image.open(tmp_path / "clean" / "test" / "square" / "1.png")
    assert np.array_equal(np.asarray(now), np.asarray(upright))
    again = Plan((Step(repair),))
    fix(tmp_path / "clean", tmp_path / "twice", plan=again, unsafe=True)
    assert data_of(tmp_path / "twice") == data_of(tmp_path / "clean")


def test_metadata_do_not_tell_the_class_any_more(tmp_path):
    source = tmp_path / "data"
    for i in range(40):
        name = ("circle", "square")[i % 2]
        form = (".png", ".jpg")[i % 2]
        write(source / ("train", "test")[i > 29] / name / f"{i}{form}", pixels(i, 20 + i % 2, 20))
    fixed(source, tmp_path, Step("re-encode", params={"mode": "L", "height": 16, "width": 16}))
    seen = open_source(tmp_path / "clean").splits["train"].fragments[0]
    columns = [f"image.{n}" for n in ("width", "height", "mode", "format", "orientation")]
    frame = pl.concat([b.frame for b in seen.read(columns, 100)])
    assert frame.unique().rows() == [(16, 16, "L", "PNG", 1)]


def test_broken_pictures_of_evaluation_stay_as_they_are_among_those_written_again(tmp_path):
    source = mixed(tmp_path / "data")
    (source / "test" / "circle" / "zz.jpg").write_bytes(b"\xff\xd8\xff")
    fixed(source, tmp_path, Step("shared-decode", params={"resize": False}))
    kept = tmp_path / "clean" / "test" / "circle" / "zz.jpg"
    assert kept.read_bytes() == b"\xff\xd8\xff"


@pytest.mark.parametrize(
    ("params", "said"),
    [({"mode": "CMYK"}, "mode is 'CMYK'"), ({"height": 5}, "height is 5, width is 0"),
     ({"height": -1, "width": -1}, "height is -1"), ({"height": 1 << 20, "width": 1}, "height")],
)  # fmt: skip
def test_parameters_that_have_no_meaning(tmp_path, params, said):
    source = folder(tmp_path / "data", each=3)
    plan = Plan((Step("re-encode", params=params),))
    with pytest.raises(datacheck.UsageError, match=said):
        fix(source, tmp_path / "clean", plan=plan, unsafe=True)
    assert not (tmp_path / "clean").exists()


# -- tables ------------------------------------------------------------------------------------


def tabled(root):
    """A table of paths, of which the last two name one picture and the one before is broken."""
    for split, n in (("train", 12), ("test", 6)):
        rows = []
        for i in range(n):
            write(root / "pictures" / f"{split}{i}.png", pixels(n * 100 + i))
            rows.append((f"pictures/{split}{i}.png", "ab"[i % 2], i * 7 % 5))
        if split == "train":
            rows.append((f"pictures/{split}{0}.png", "a", 0))
        pl.DataFrame(rows, schema=["file", "kind", "n"], orient="row").write_csv(
            root / f"{split}.csv"
        )
    (root / "pictures" / "train5.png").write_bytes(b"no picture")
    return root


def test_a_table_with_paths(tmp_path):
    source = tabled(tmp_path / "data")
    done = fixed(source, tmp_path, UNREADABLE, Step("drop-duplicates"),
                 settings={"label": "kind"})  # fmt: skip
    assert {d.step.repair: d.rows for d in done.done} == {
        "quarantine-unreadable": 1, "drop-duplicates": 1,
    }  # fmt: skip
    clean = tmp_path / "clean"
    lines = (source / "train.csv").read_text().splitlines(keepends=True)
    kept = [x for i, x in enumerate(lines) if i not in (6, 13)]
    assert (clean / "train.csv").read_text() == "".join(kept)
    assert not (clean / "pictures" / "train5.png").exists()
    assert (clean / "originals" / "pictures" / "train5.png").is_file()
    # Another row still names the picture of the one that left.
    assert (clean / "pictures" / "train0.png").is_file()
    after = datacheck.audit(clean, config=Config.load(None, clean))
    assert not after.of("MV006")
    assert not after.of("LB004")


def test_bytes_in_parquet(tmp_path):
    source = tmp_path / "data"
    source.mkdir()
    for split, n in (("train", 12), ("test", 6)):
        cells = [encoded(pixels(n * 50 + i)) for i in range(n)]
        cells[3] = cells[3][:-20]
        made = [{"bytes": c, "path": f"{i}.png"} for i, c in enumerate(cells)]
        pl.DataFrame({"image": made, "label": ["a", "b"] * (n // 2)}).write_parquet(
            source / f"{split}.parquet"
        )
    done = fixed(source, tmp_path, UNREADABLE)
    assert done.done[0].rows == 1
    now = pl.read_parquet(tmp_path / "clean" / "train.parquet")
    assert now.equals(pl.read_parquet(source / "train.parquet").filter(pl.arange(pl.len()) != 3))
    test = (tmp_path / "clean" / "test.parquet").read_bytes()
    assert test == (source / "test.parquet").read_bytes()
    assert left(tmp_path / "clean")[0]["row"] == 3
    plan = Plan((Step("shared-decode"),))
    done = fix(source, tmp_path / "no", plan=plan, unsafe=True)
    assert any("shared-decode was left out" in s for s in done.said)


def test_tar_archives_are_told_before_anything_is_written(tmp_path):
    for split in ("train", "test"):
        with tarfile.open(tmp_path / f"{split}.tar", "w") as archive:
            for i in range(4):
                data = encoded(pixels(i))
                for name, content in ((f"{i}.png", data), (f"{i}.cls", b"1")):
                    info = tarfile.TarInfo(name)
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
    out = tmp_path.parent / f"{tmp_path.name}-clean"
    with pytest.raises(datacheck.SourceError, match="tar archives are read, and cannot be written"):
        fix(tmp_path, out)
    assert not out.exists()


def test_an_interrupt_leaves_nothing(tmp_path, monkeypatch):
    source = folder(tmp_path / "data", each=3)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pictures.Recoding, "encoded", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fix(source, tmp_path / "clean", plan=Plan((Step("re-encode"),)), unsafe=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data"]


def test_what_the_audit_finds_of_files_is_gone_after_they_are_written_again(tmp_path):
    source = tmp_path / "data"
    for i in range(120):
        split, name = ("train", "test")[i % 4 == 3], ("circle", "square")[i // 4 % 2]
        form = ".png" if split == "train" else ".jpg"
        write(source / split / name / f"{i}{form}", smooth(i, 30, 40))
    before = datacheck.audit(source)
    assert before.of("NM007")
    steps = before.plan().select(["NM007"]).steps
    assert [(s.repair, s.safety) for s in steps] == [("shared-decode", "unsafe")]
    fix(source, tmp_path / "clean", plan=before.plan().select(["NM007"]), unsafe=True)
    after = datacheck.audit(tmp_path / "clean", config=Config.load(None, tmp_path / "clean"))
    assert [f.message for f in after.of("NM007")] == []
