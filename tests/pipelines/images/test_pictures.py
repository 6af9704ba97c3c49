"""Loaders of pictures: one transform for all splits, as torchvision has it; what breaks is told."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import tarfile
import warnings
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import datacheck
from datacheck.pipelines import loaders as made_by
from datacheck.pipelines.fixing import fix
from datacheck.pipelines.guard import BatchError, guard
from datacheck.pipelines.images.learning import pooled
from datacheck.pipelines.loader import UnreadableWarning
from datacheck.pipelines.loader_audit import audit_loader
from datacheck.pipelines.pipeline import Pipeline
from datacheck.pipelines.profile import Profile
from datacheck.pipelines.shared_transform import SharedTransform
from datacheck.training.tasks import prepare
from tests.pipelines.shapes import planted
from tests.sources.images.pictures import encoded, folder, pixels, smooth, write

v2 = pytest.importorskip("torchvision.transforms.v2")


def loaders(source: Any, **options: Any) -> Any:
    """Those of datacheck, of which a test knows more than their types tell."""
    return made_by.loaders(source, **options)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    return planted(tmp_path_factory.mktemp("shapes"))


def all_of(loader):
    batches = list(loader)
    return torch.cat([b.x for b in batches]), torch.cat([b.y for b in batches])


@given(st.integers(0, 1000), st.integers(1, 6), st.integers(1, 3))
def test_pooled_figures_are_those_of_all_pixels(seed, parts, channels):
    rng = np.random.default_rng(seed)
    some = [rng.normal(5, 3, (int(n), channels)) for n in rng.integers(1, 40, parts)]
    means = np.array([p.mean(0) for p in some])
    stds = np.array([p.std(0) for p in some])
    mean, std = pooled(means, stds, np.array([len(p) for p in some], dtype=float))
    whole = np.concatenate(some)
    np.testing.assert_allclose(mean, whole.mean(0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(std, whole.std(0), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("channels", "mode"), [(3, "RGB"), (1, "L")])
def test_figures_of_train_alone_and_equal_to_torchvision(tmp_path, channels, mode):
    for i in range(12):
        for split, base in (("train", 0), ("test", 100)):
            array = pixels(base + i, channels=channels) // (1 if split == "train" else 2)
            write(tmp_path / split / "ab"[i % 2] / f"{i}.png", array)
    made = loaders(tmp_path, batch_size=5)
    files = sorted((tmp_path / "train").rglob("*.png"))
    stack = np.stack([np.asarray(Image.open(f)) for f in files]).reshape(-1, channels) / 255
    np.testing.assert_allclose(made.transform.mean, stack.mean(0), rtol=1e-12)
    np.testing.assert_allclose(made.transform.std, stack.std(0), rtol=1e-12)
    assert made.transform.mode == mode
    x, y = all_of(made.test)
    reference = v2.Compose([
        v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(made.transform.mean, made.transform.std),
    ])  # fmt: skip
    paths = [tmp_path / told for told in made.test.table.told]
    wanted = torch.stack([reference(Image.open(p)) for p in paths])
    torch.testing.assert_close(x, wanted, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(torch.stack([made.transform(str(p)) for p in paths]), wanted)
    assert [made.classes[i] for i in y] == [p.parent.name for p in paths]


@pytest.mark.parametrize("workers", [0, 2])
def test_resized_ones_are_equal_to_torchvision(tmp_path, workers):
    for i in range(12):
        size = (90 + i, 120) if i % 3 else (130, 90)
        write(tmp_path / ("train", "test")[i > 7] / "ab"[i % 2] / f"{i}.jpg", smooth(i, *size))
    made = loaders(tmp_path, batch_size=4, size=(32, 48), shrink=False, workers=workers)
    x, _ = all_of(made.test)
    reference = v2.Compose([
        v2.Resize((32, 48)), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(made.transform.mean, made.transform.std),
    ])  # fmt: skip
    paths = [tmp_path / told for told in made.test.table.told]
    wanted = torch.stack([reference(Image.open(p)) for p in paths])
    torch.testing.assert_close(x, wanted, rtol=1e-5, atol=1e-5)
    shrunk, _ = all_of(loaders(tmp_path, batch_size=4, size=(32, 48), workers=workers).test)
    assert (shrunk - wanted).abs().mean() < 0.1


def test_sizes_that_differ_become_one_and_that_is_told(tmp_path):
    for i in range(9):
        write(tmp_path / ("train", "test")[i > 5] / "ab"[i % 2] / f"{i}.png",
              pixels(i, 300 + i * 10, 600))  # fmt: skip
    made = loaders(tmp_path, batch_size=3)
    assert made.transform.size == (121, 224)
    assert any("resized to 121 × 224" in note for note in made.notes)
    assert next(iter(made.train)).x.shape == (3, 3, 121, 224)


def test_the_pipeline_is_the_same_object_for_every_split_and_for_serving(tmp_path, shapes):
    fix(shapes, tmp_path / "clean", unsafe=True)
    pipeline = Pipeline.load(tmp_path / "clean" / "pipeline.json")
    made = loaders(tmp_path / "clean", batch_size=7)
    assert made.transform == SharedTransform.from_dict(pipeline.image or {})
    assert made.transform == loaders(shapes, pipeline=pipeline, batch_size=7).transform
    # The same figures as a scan of the repaired folder gives.
    (tmp_path / "clean" / "pipeline.json").rename(tmp_path / "pipeline.json")
    anew = loaders(tmp_path / "clean", batch_size=7).transform
    np.testing.assert_allclose(anew.mean, made.transform.mean, rtol=1e-12)
    serve = Pipeline.load(tmp_path / "pipeline.json").to_torch()
    x, _ = all_of(made.test)
    paths = [tmp_path / "clean" / told for told in made.test.table.told]
    torch.testing.assert_close(serve(paths), x)
    data = [p.read_bytes() for p in paths]
    torch.testing.assert_close(serve(data), x)
    pixels_ = torch.stack([v2.functional.pil_to_tensor(Image.open(p)) for p in paths])
    torch.testing.assert_close(serve(pixels_), x)
    assert serve(str(paths[0])).shape == (3, 24, 24)
    with pytest.raises(datacheck.UsageError, match="size is"):
        loaders(shapes, pipeline=pipeline, size=9)


def test_pictures_of_train_that_cannot_be_read_are_left_out_and_told(shapes):
    made = loaders(shapes, batch_size=16)
    assert len(made.train.table) == 126
    assert any("3 pictures of train cannot be read" in note for note in made.notes)
    assert made.classes == ["circle", "square", "triangle"]
    x, _ = all_of(made.train)
    assert x.shape == (126, 3, 24, 24)
    assert x.mean().abs() < 1e-5
    assert abs(float(x.std()) - 1) < 1e-3


@pytest.mark.parametrize("workers", [0, 1])
def test_one_that_breaks_between_audit_and_loading(tmp_path, workers):
    source = folder(tmp_path / "data")
    made = loaders(source, batch_size=6, workers=workers)
    broken = source / "train" / "square" / "03.png"
    broken.write_bytes(broken.read_bytes()[:50])
    (source / "train" / "circle" / "07.png").unlink()
    (source / "test" / "circle" / "00.png").write_bytes(b"")
    with pytest.warns(UnreadableWarning) as seen:
        rows = torch.cat([b.rows for b in made.train])
    assert rows.numel() == 22
    told = " ".join(str(w.message) for w in seen)
    assert "train/square/03.png (is cut short)" in told
    assert "train/circle/07.png (No such file or directory)" in told
    assert len(made.train.unreadable) == 2
    with warnings.catch_warnings():  # each is told once
        warnings.simplefilter("error")
        assert sum(len(b) for b in made.train) == 22
    with pytest.warns(UnreadableWarning, match=r"1 picture cannot be read.*is empty"):
        assert sum(len(b) for b in made.test) == 23


def test_a_batch_of_which_nothing_can_be_read_is_no_batch(tmp_path):
    source = folder(tmp_path / "data", each=4)
    made = loaders(source, batch_size=2, shuffle=False)
    for name in ("00", "01"):
        (source / "train" / "circle" / f"{name}.png").write_bytes(b"x")
    with pytest.warns(UnreadableWarning, match="2 pictures"):
        assert [len(b) for b in made.train] == [2, 2, 2]


def test_a_class_that_only_test_has(tmp_path):
    source = folder(tmp_path / "data", each=4)
    write(source / "test" / "star" / "0.png", pixels(77))
    with pytest.raises(datacheck.UsageError, match=r"classes that train lacks: star"):
        loaders(source)
    made = loaders(source, missing="keep", batch_size=4)
    _, y = all_of(made.test)
    assert sorted(set(y.tolist())) == [-100, 0, 1]


def test_one_name_in_two_classes_and_names_of_any_kind(tmp_path):
    source = folder(tmp_path / "data", each=4)  # 00.png … lie in both classes
    for i, name in enumerate(("ä\n☂.png", os.fsdecode(b"\xff.png"))):
        write(source / "train" / "square" / name, pixels(300 + i))
    made = loaders(source, batch_size=3, workers=1)
    rows = torch.cat([b.rows for b in made.train])
    assert sorted(rows.tolist()) == sorted(made.train.table.addresses().tolist())
    told = [made.train.table.spell(int(a)) for a in rows]
    assert len(set(told)) == 10
    assert {"train/circle/00.png", "train/square/00.png", "train/square/ä\n☂.png"} <= set(told)


def test_the_same_with_the_tools_for_loaders(tmp_path):
    source = folder(tmp_path / "data")
    for i in range(30):
        write(source / "train" / "circle" / f"x{i}.png", pixels(900 + i))
    made = loaders(source, batch_size=8, balance="classes")
    drawn = torch.cat([b.y for b in made.train])
    assert abs(float(drawn.double().mean()) - 0.5) < 0.15
    plain = loaders(source, batch_size=8)
    profile = Profile.fit(plain.train)
    assert sum(len(b) for b in guard(plain.test, profile)) == 24
    assert not audit_loader(plain.train).findings
    bright = [b.take(torch.arange(len(b))) for b in plain.test]
    for b in bright:
        b.x = b.x * 100
    with pytest.raises(BatchError):
        list(guard(bright, profile))
    state = plain.train.state_dict()
    first = [b.rows.tolist() for b in plain.train]
    plain.train.load_state_dict(state)
    assert [b.rows.tolist() for b in plain.train] == first
    assert len(pickle.loads(pickle.dumps(plain.train.table))) == 54


def test_tables_and_archives_of_pictures(tmp_path):
    rows = {"train": 12, "test": 4}
    for split, n in rows.items():
        cells = [encoded(pixels(n * 50 + i)) for i in range(n)]
        frame = pl.DataFrame(
            {"image": cells, "label": ["a", "b"] * (n // 2), "n": [1.5, 2] * (n // 2)}
        )
        (tmp_path / "parquet").mkdir(exist_ok=True)
        (tmp_path / "tar").mkdir(exist_ok=True)
        frame.write_parquet(tmp_path / "parquet" / f"{split}.parquet")
        with tarfile.open(tmp_path / "tar" / f"{split}.tar", "w") as archive:
            for i, data in enumerate(cells):
                for name, content in ((f"{i}.png", data), (f"{i}.cls", b"ab"[i % 2 : i % 2 + 1])):
                    info = tarfile.TarInfo(name)
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
    one = loaders(tmp_path / "parquet", batch_size=4, label="label")
    other = loaders(tmp_path / "tar", batch_size=4)
    assert any("no tensor is made of n" in note for note in one.notes)
    for a, b in zip(all_of(one.test), all_of(other.test), strict=True):
        assert torch.equal(a, b)


def test_training_takes_the_residual_network_and_the_shared_transform(shapes):
    ready = prepare(shapes)
    assert ready.preset.name == "image-classifier"
    assert not ready.findings
    batch = next(iter(ready.train))
    assert batch.x.shape[1:] == (3, 24, 24)
    assert ready.model()(batch.x).shape == (32, 3)
    assert ready.locate(int(batch.rows[0])).startswith("train/")
    wrong = prepare(shapes, form="pathological")
    assert {f.rule for f in wrong.findings} == {"NM004"}
    folds: Any = prepare(shapes, fold=(0, 5))
    assert "held out" in next(iter(folds.evaluation))
    whole = loaders(shapes).transform
    assert folds.train.collate_fn.collate.transform.mean != whole.mean


@settings(max_examples=5, deadline=None)
@given(st.binary(max_size=60))
def test_hostile_bytes_are_no_pictures(tmp_path_factory, data):
    source = folder(tmp_path_factory.mktemp("x") / "data", each=3)
    (source / "test" / "circle" / "00.png").write_bytes(data)
    with pytest.warns(UnreadableWarning):
        assert sum(len(b) for b in loaders(source, batch_size=4).test) == 5
    shutil.rmtree(source)
