"""One transform for all splits: exact statistics of train, the same numbers after JSON."""

from __future__ import annotations

import json
import pickle
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from datacheck.errors import UsageError
from datacheck.pipelines.images import sources as image_sources
from datacheck.pipelines.shared_transform import SharedTransform, shared_transform
from datacheck.pipelines.transforms_audit import audit_transforms

RNG = np.random.default_rng(0)
COLOR = RNG.integers(0, 256, (40, 9, 11, 3), dtype=np.uint8)
AUGMENT = {"RandomCrop": {"padding": 2}, "RandomHorizontalFlip": {}, "RandomErasing": {"p": 0.3}}


def through(shared, images):
    """All images through the evaluation's transform: (channels, values)."""
    out = torch.stack([shared.evaluation(i) for i in images]).double()
    return out.movedim(1, 0).reshape(out.shape[1], -1).numpy()


shapes = st.tuples(st.integers(1, 6), st.integers(5, 8), st.integers(5, 8))
stacks = st.one_of(
    hnp.arrays(np.uint8, shapes),
    hnp.arrays(np.uint8, shapes.map(lambda s: (*s, 3))),
    hnp.arrays(np.uint8, shapes.map(lambda s: (s[0], 3, *s[1:]))),
    hnp.arrays(np.uint16, shapes),
    hnp.arrays(np.float32, shapes, elements=st.floats(-1e3, 1e3, width=32)),
    hnp.arrays(np.float64, shapes.map(lambda s: (*s, 1)), elements=st.floats(-1e3, 1e3)),
)


@given(stacks, st.sampled_from([None, 4, (6, 3)]), st.integers(1, 100))
@settings(max_examples=60)
def test_normalized_train_has_mean_0_and_deviation_1(stack, size, chunk):
    before, image_sources.CHUNK = image_sources.CHUNK, chunk * 16
    try:
        shared = shared_transform(stack, size=size)
    finally:
        image_sources.CHUNK = before
    values = through(shared, stack)
    raw = np.abs(np.array(shared.mean)) / np.array(shared.std)
    exact = 1e-5 * (1 + raw)  # what float32 keeps of x − mean
    assert (np.abs(values.mean(axis=1)) <= exact).all()
    spread = values.std(axis=1)
    assert ((np.abs(spread - 1) <= 10 * exact) | (spread <= exact)).all()


@given(stacks)
def test_the_statistics_are_those_of_numpy(stack):
    shared = shared_transform(stack)
    axis = -1 if shared.layout == "channels-last" and stack.ndim == 4 else 1
    pixels = stack[:, None] if stack.ndim == 3 else np.moveaxis(stack, axis, 1)
    top = np.iinfo(stack.dtype).max if stack.dtype.kind == "u" else 1
    flat = np.moveaxis(pixels, 1, 0).reshape(pixels.shape[1], -1).astype(np.float64) / top
    np.testing.assert_allclose(shared.mean, flat.mean(axis=1), rtol=1e-9, atol=1e-9)
    spread = flat.std(axis=1)
    varies = spread > 1e-6 * np.abs(flat).max(initial=1e-24)
    np.testing.assert_allclose(np.array(shared.std)[varies], spread[varies], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("size", [None, (12, 10)])
def test_train_and_evaluation_belong_together(size):
    shared = shared_transform(COLOR, size=size, augment=AUGMENT)
    for sample in (None, COLOR):
        report = audit_transforms(shared.train, shared.evaluation, sample=sample)
        assert not report.findings, report
    torch.manual_seed(0)
    drawn = [shared.train(COLOR[0]) for _ in range(8)]
    assert {tuple(d.shape) for d in drawn} == {tuple(shared.evaluation(COLOR[0]).shape)}
    assert any(not torch.equal(drawn[0], d) for d in drawn)


def test_every_source_gives_the_same(tmp_path):
    pil = [Image.fromarray(i) for i in COLOR]
    np.savez(tmp_path / "some.npz", x_train=COLOR, x_test=COLOR[:3] // 2, y_train=np.arange(40))
    wanted = shared_transform(COLOR)
    for source in (
        np.moveaxis(COLOR, -1, 1),
        torch.from_numpy(np.moveaxis(COLOR, -1, 1).copy()),
        tmp_path / "some.npz",
        str(tmp_path / "some.npz"),
        pil,
        [(p, 0) for p in pil],
        list(COLOR),
        {"train": COLOR, "test": COLOR[:3] // 2},
        COLOR.astype(">u2").astype("u1"),
    ):
        found = shared_transform(source)
        np.testing.assert_allclose(found.mean, wanted.mean, rtol=1e-12)
        np.testing.assert_allclose(found.std, wanted.std, rtol=1e-12)
    assert torch.equal(wanted.evaluation(pil[0]), wanted.evaluation(COLOR[0]))
    tensor = torch.from_numpy(np.moveaxis(COLOR[0], -1, 0).copy())
    assert torch.equal(wanted.evaluation(tensor), wanted.evaluation(COLOR[0]))


def test_nothing_is_read_of_held_out_splits():
    class Forbidden:
        def __getattr__(self, name):
            raise AssertionError(name)

    shared = shared_transform({"test": Forbidden(), "train": COLOR})
    assert shared == shared_transform(COLOR)


def test_what_the_images_were_is_kept():
    shared = shared_transform(COLOR)
    assert shared.fitted_on["images"] == 40
    assert shared.fitted_on["pixels"] == 40 * 9 * 11
    other = shared_transform(COLOR[:39])
    assert shared.fitted_on["fingerprint"] != other.fitted_on["fingerprint"]


# -- JSON -------------------------------------------------------------------------------------


@given(stacks, st.sampled_from([None, 4]))
def test_json_and_back(stack, size):
    shared = shared_transform(stack, size=size, augment=["RandomVerticalFlip"])
    again = SharedTransform.from_dict(json.loads(json.dumps(shared.to_dict())))
    assert again == shared
    assert torch.equal(again.evaluation(stack[0]), shared.evaluation(stack[0]))


def test_saved_beside_what_a_pipeline_file_holds(tmp_path):
    path = tmp_path / "pipeline.json"
    path.write_text('{"version": 1, "steps": []}')
    shared = shared_transform(COLOR, augment=AUGMENT)
    shared.save(path)
    assert SharedTransform.load(path) == shared
    assert json.loads(path.read_text())["steps"] == []
    assert [p.name for p in tmp_path.iterdir()] == ["pipeline.json"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"image": 3}', '{"image": {"version": 1}}',
                                  '{"image": {"version": 9}}', "[" * 100_000])  # fmt: skip
def test_broken_files_are_told(tmp_path, text):
    path = tmp_path / "pipeline.json"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        SharedTransform.load(path)
    assert error.value.hint


def test_no_file_runs_anything(tmp_path):
    raw = shared_transform(COLOR).to_dict()
    for name in ("Lambda", "__class__", "os.system"):
        with pytest.raises(UsageError, match="no augmentation"):
            SharedTransform.from_dict({**raw, "augment": [{"name": name, "params": {}}]})


def test_workers_get_it():
    shared = shared_transform(COLOR, augment=AUGMENT)
    again = pickle.loads(pickle.dumps(shared.evaluation))
    assert torch.equal(again(COLOR[0]), shared.evaluation(COLOR[0]))


def test_without_torch_the_hint_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UsageError) as error:
        shared_transform(COLOR)
    assert "datacheck-ml[torch]" in error.value.hint


# -- options and misuse -----------------------------------------------------------------------


def test_statistics_that_are_given():
    shared = shared_transform(COLOR, statistics="imagenet")
    assert shared.mean == (0.485, 0.456, 0.406)
    assert shared_transform(COLOR[..., 0], statistics=(0.5, 0.25)).std == (0.25,)
    with pytest.raises(UsageError, match="statistics for 3 channels"):
        shared_transform(COLOR[..., 0], statistics="imagenet")


def test_unscaled_and_constant():
    shared = shared_transform(COLOR, scale=False)
    assert 100 < shared.mean[0] < 150
    flat = shared_transform(np.full((3, 5, 5), 7, dtype=np.uint8))
    assert flat.std == (1.0,)
    assert flat.evaluation(np.full((5, 5), 7, dtype=np.uint8)).abs().max() < 1e-6
    mask = RNG.integers(0, 2, (9, 5, 5), dtype=np.uint8)
    assert 0 < shared_transform(mask, scale=False).mean[0] < 1


def test_an_image_of_another_kind_is_refused():
    shared = shared_transform(COLOR)
    for image in (COLOR[0].astype(np.float32), COLOR[0, ..., 0], Image.fromarray(COLOR[0, ..., 0])):
        with pytest.raises(UsageError, match="fitted on uint8 with 3 channels"):
            shared.evaluation(image)


@pytest.mark.parametrize(
    ("images", "how", "message"),
    [
        (COLOR, {"augment": "RandomFlop"}, "no augmentation"),
        (COLOR, {"augment": {"RandomCrop": {"sizes": 3}}}, "RandomCrop"),
        (COLOR, {"augment": {"RandomCrop": {"size": object()}}}, "not plain data"),
        (COLOR, {"augment": {"RandomResizedCrop": {"size": [5, 5]}}, "size": 6}, "gives images"),
        (COLOR, {"size": (3, 4, 5)}, "size is"),
        (COLOR, {"statistics": 3}, "statistics is 3"),
        (COLOR, {"statistics": (127.5, 60)}, "meant for pixels of 0 to 255"),
        (COLOR[..., :0], {"channels_last": True}, "no images"),
        (np.zeros((4, 3, 8, 3)), {}, "first or last"),
        (np.zeros((4, 9, 8, 7)), {}, "neither"),
        (np.zeros((4, 9)), {}, "holds no images"),
        (np.full((4, 9, 9), np.nan), {}, "not finite"),
        ([Image.fromarray(COLOR[0]), Image.fromarray(COLOR[0, ..., 0])], {}, "image 1 is"),
        ([], {}, "no image"),
        ({"test": COLOR}, {}, "no train"),
        ("nowhere.npz", {}, "nowhere.npz"),
        (3, {}, "holds no images"),
    ],
)
def test_misuse_is_told(images, how, message):
    with pytest.raises(UsageError, match=message) as error:
        shared_transform(images, **how)
    assert error.value.hint
