"""Transforms by reading and by running; torchvision v1 and v2 say the same."""

from __future__ import annotations

import functools
import random
import sys

import numpy as np
import pytest
import torch
import torchvision.transforms as v1
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torchvision.models import ResNet18_Weights
from torchvision.transforms import functional, v2

from datacheck.errors import UsageError
from datacheck.findings import Severity
from datacheck.pipelines.transforms_audit import audit_transforms

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TENSOR = [v1.ToTensor()]
IMAGENET = [v1.ToTensor(), v1.Normalize(MEAN, STD)]
FLOATS = v2.ToDtype(torch.float32, scale=True)
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 20, 24, 3), dtype=np.uint8)


def kinds(train, evaluation, **how):
    """(kind, severity) of each finding, worst first."""
    report = audit_transforms(train, evaluation, **how)
    for finding in report.findings:
        assert finding.rule == "NM004"
        assert 0 < finding.count <= finding.total
        assert [r.name for r in finding.repairs] == ["shared-transform"]
    report.to_json()
    return [(f.evidence["kind"], f.severity.value) for f in report.findings]


def only(train, evaluation, **how):
    """The one kind that is found."""
    ((kind, _),) = kinds(train, evaluation, **how)
    return kind


def test_the_normalization_that_only_train_has():
    train = v1.Compose([v1.ToTensor(), v1.Normalize((0.5,), (0.5,))])
    (finding,) = audit_transforms(train, v1.ToTensor()).findings
    assert finding.severity is Severity.ERROR
    assert finding.message == (
        "evaluation: not normalized, normalized by mean (0.5) and deviation (0.5) in train: "
        "values of 0 to 1 against -1 to 1, up to 128 gray levels apart"
    )
    assert finding.effect is not None
    assert finding.effect.value == 127.5
    assert finding.splits == ("train", "evaluation")


def crop(size):
    return [v1.Resize(size * 8 // 7), v1.CenterCrop(size)]


CLEAN = {
    "cifar": (
        [v1.RandomCrop(32, padding=4), v1.RandomHorizontalFlip(), *IMAGENET],
        v1.Compose(IMAGENET),
    ),
    "imagenet": (
        v1.Compose([v1.RandomResizedCrop(224), v1.ColorJitter(0.4), *IMAGENET]),
        v1.Compose([*crop(224), *IMAGENET]),
    ),
    "preset": (
        v1.Compose([v1.RandomResizedCrop(224), *IMAGENET]),
        ResNet18_Weights.DEFAULT.transforms(),
    ),
    "v1-v2": (
        v1.Compose([v1.Resize((8, 8)), *IMAGENET]),
        v2.Compose([v2.ToImage(), v2.Resize(size=(8, 8)), FLOATS, v2.Normalize(MEAN, STD)]),
    ),
    "nested": (
        v1.Compose([v1.Compose([v1.Compose(TENSOR)]), v1.Normalize(MEAN, STD)]),
        nn.Sequential(v2.PILToTensor(), v1.ConvertImageDtype(torch.float), IMAGENET[1]),
    ),
    "on-0-to-255": (
        v1.Compose(IMAGENET),
        v2.Compose([
            v2.ToImage(), v2.ToDtype(torch.float32),
            v2.Normalize([255 * m for m in MEAN], [255 * s for s in STD]),
        ]),
    ),
    "in-two-steps": (
        v1.Compose(IMAGENET),
        v1.Compose([v1.ToTensor(), v1.Normalize(MEAN, (1.0,) * 3), v1.Normalize((0.0,) * 3, STD)]),
    ),
    "rounded": (
        v1.Compose([v1.ToTensor(), v1.Normalize([0.48500001] * 3, STD)]),
        v1.Compose([v1.ToTensor(), v1.Normalize([0.485] * 3, STD)]),
    ),
    "broadcast": (
        v1.Compose([v1.ToTensor(), v1.Normalize([0.5], [0.5])]),
        v1.Compose([v1.ToTensor(), v1.Normalize([0.5] * 3, [0.5] * 3)]),
    ),
    "functional": (
        v1.Compose([
            v1.Lambda(functional.to_tensor),
            functools.partial(functional.normalize, mean=MEAN, std=STD),
        ]),
        v1.Compose(IMAGENET),
    ),
    "idle": (
        v1.Compose(IMAGENET),
        v2.Compose([
            v2.Identity(), v2.RandomHorizontalFlip(p=0), v2.ColorJitter(), v2.RandomRotation(0),
            v2.RandomApply([v2.GaussianBlur(3)], p=0), v2.ToImage(), FLOATS,
            v2.RandomApply([v2.Normalize(MEAN, STD)], p=1),
        ]),
    ),
    "none": (None, None),
    "augmented": (
        v2.Compose([
            v2.RandomChoice([v2.ColorJitter(0.1), v2.GaussianBlur(3)]), v2.RandAugment(),
            v2.RandomOrder([v2.RandomInvert(), v2.RandomPosterize(3)]), v2.ToImage(), FLOATS,
            v2.Normalize(MEAN, STD), v2.RandomErasing(),
        ]),
        v1.Compose(IMAGENET),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CLEAN)
def test_what_belongs_together(name):
    assert kinds(*CLEAN[name]) == []


FAULTY = {
    "other-statistics": (IMAGENET, [v1.ToTensor(), v1.Normalize([0.5] * 3, [0.5] * 3)],
                         "normalize", "error"),
    "nearly": (IMAGENET, [v1.ToTensor(), v1.Normalize((0.4914, 0.4822, 0.4465), STD)],
               "normalize", "error"),
    "unscaled": ([v2.ToImage(), FLOATS], [v2.ToImage(), v2.ToDtype(torch.float32)],
                 "scale", "error"),
    "unscaled-normalized": (
        [v2.ToImage(), FLOATS, v2.Normalize(MEAN, STD)],
        [v2.ToImage(), v2.ToDtype(torch.float32), v2.Normalize(MEAN, STD)], "scale", "error"),
    "no-tensor": (TENSOR, [], "type", "error"),
    "bytes": (TENSOR, [v1.PILToTensor()], "type", "error"),
    "double": (TENSOR, [v1.ToTensor(), v1.ConvertImageDtype(torch.float64)], "dtype", "warning"),
    "gray": ([v1.Grayscale(), *TENSOR], TENSOR, "color", "error"),
    "size": ([v1.Resize((32, 32)), *TENSOR], [v1.Resize((28, 28)), *TENSOR], "size", "warning"),
    "no-size": ([v1.Resize((32, 32)), *TENSOR], TENSOR, "size", "warning"),
    "short": ([v1.RandomResizedCrop(32), *TENSOR], [v1.Resize(32), *TENSOR], "size", "warning"),
    "crop": ([v1.RandomCrop(28), *TENSOR], [v1.CenterCrop(24), *TENSOR], "size", "warning"),
    "scale-of-things": ([v1.Resize(40), v1.CenterCrop(32), *TENSOR],
                        [v1.Resize(32), v1.CenterCrop(32), *TENSOR], "resize", "warning"),
    "interpolation": ([v1.Resize((8, 8)), *TENSOR], [v1.Resize((8, 8), interpolation=3), *TENSOR],
                      "interpolation", "warning"),
    "random": (TENSOR, [v1.RandomHorizontalFlip(), *TENSOR], "random", "error"),
    "random-crop": ([v1.CenterCrop(8), *TENSOR], [v1.RandomCrop(8), *TENSOR], "random", "error"),
    "random-nested": (TENSOR, [v1.RandomApply([v1.ColorJitter(0.2)]), *TENSOR], "random", "error"),
    "always-flipped": (TENSOR, [v1.RandomHorizontalFlip(p=1), *TENSOR], "step", "warning"),
    "unreadable": ([lambda x: x, *TENSOR], TENSOR, "unknown", "info"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTY)
def test_what_differs(name):
    train, evaluation, kind, severity = FAULTY[name]
    assert kinds(v1.Compose(train), v1.Compose(evaluation)) == [(kind, severity)]


WRONG = {
    "order": ([v1.Normalize(MEAN, STD), v1.ToTensor()], "order", "error"),
    "twice": ([*IMAGENET, v1.Normalize(MEAN, STD)], "twice", "warning"),
    "zero": ([v1.ToTensor(), v1.Normalize([0.5], [0.0])], "deviation", "error"),
    "negative": ([v1.ToTensor(), v1.Normalize([0.5], [-1.0])], "deviation", "error"),
    "lengths": ([v1.ToTensor(), v1.Normalize([0.5] * 2, [0.5] * 3)], "length", "error"),
    "gray-in-color": ([v1.Grayscale(), v1.ToTensor(), v1.Normalize(MEAN, STD)], "length", "error"),
    "statistics-of-255": ([v1.ToTensor(), v1.Normalize([123.7] * 3, [58.4] * 3)],
                          "range", "warning"),
    "statistics-of-1": ([v2.ToImage(), v2.ToDtype(torch.float32), v2.Normalize(MEAN, STD)],
                        "range", "warning"),
    "clipped": ([*IMAGENET, v1.ColorJitter(0.2)], "clipped", "warning"),
    "by-chance": ([v1.ToTensor(), v1.RandomApply([v1.Normalize(MEAN, STD)])], "chance", "error"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_in_both(name):
    steps, kind, severity = WRONG[name]
    found = kinds(v1.Compose(steps), v1.Compose(steps))
    assert (kind, severity) in found
    assert {k for k, _ in found} <= {kind, "random"}  # the evaluation draws at random besides


def test_the_length_of_statistics_is_held_against_the_channels():
    transform = v1.Compose(IMAGENET)
    assert kinds(transform, transform, channels=3) == []
    assert only(transform, transform, channels=1) == "length"


def test_the_statistics_of_one_channel_for_three():
    one, three = (v1.Compose([v1.ToTensor(), v1.Normalize((0.5,) * n, (0.5,) * n)]) for n in (1, 3))
    assert kinds(one, one) == []
    assert kinds(one, one, channels=1) == []
    assert kinds(one, one, channels=3) == [("few", "warning")]
    assert kinds(one, one, sample=PIXELS) == [("few", "warning")]
    assert kinds(three, one, channels=3) == [("few", "warning")]  # the same numbers come out
    assert kinds(three, three, channels=3) == []


def test_several_splits_with_one_mistake_are_one_finding():
    train = v1.Compose(IMAGENET)
    report = audit_transforms(train, {"val": v1.ToTensor(), "test": v1.ToTensor(), "fine": train})
    (finding,) = report.findings
    assert finding.splits == ("train", "val", "test")
    assert finding.message.startswith("val and test: not normalized")
    assert (finding.count, finding.total) == (3, 4)


# -- steps that cannot be read ----------------------------------------------------------------


def scaled(by):
    return lambda x: x / by


class Own:
    def __init__(self, by):
        self.by = by

    def __call__(self, x):
        return x * self.by


class OwnResize(v1.Resize):  # type: ignore[misc] # torchvision is untyped
    """Behaves as it likes."""

    def forward(self, image):
        return image


class Named(v1.Resize):  # type: ignore[misc] # as above
    """Adds nothing."""


def test_unreadable_steps_are_equal_only_with_the_same_code_and_values():
    for make in (scaled, Own, lambda by: functools.partial(np.multiply, by)):
        assert kinds([*TENSOR, make(2.0)], [*TENSOR, make(2.0)]) == []
        assert only([*TENSOR, make(2.0)], [*TENSOR, make(3.0)]) == "unknown"
    assert only([OwnResize(8), *TENSOR], TENSOR) == "unknown"
    assert kinds([Named((8, 8)), *TENSOR], [v1.Resize((8, 8)), *TENSOR]) == []


def test_an_unreadable_step_may_make_up_for_what_is_missing():
    assert only(IMAGENET, [*TENSOR, scaled(2.0)]) == "unknown"
    found = kinds([scaled(2.0), *IMAGENET], TENSOR)
    assert {k for k, _ in found} == {"normalize", "unknown"}


# -- running on a sample ----------------------------------------------------------------------


def test_a_sample_settles_what_cannot_be_read():
    by_hand = v1.Lambda(lambda x: (x - torch.tensor(MEAN)[:, None, None]) / 0.226)
    train = v1.Compose([v1.ToTensor(), by_hand])
    same = v1.Compose([v1.ToTensor(), v1.Normalize(MEAN, (0.226,) * 3)])
    report = audit_transforms(train, same, sample=PIXELS)
    assert not report.findings
    assert any("judged by the sample alone" in a for a in report.assumptions)
    assert only(train, v1.ToTensor(), sample=PIXELS) == "values"


def test_a_sample_shows_what_is_drawn_inside_a_function():
    noisy = v1.Compose([v1.ToTensor(), lambda x: x + random.random()])
    assert "random" in [k for k, _ in kinds(noisy, noisy, sample=PIXELS)]
    assert (
        kinds(v1.Compose([v1.RandomHorizontalFlip(), *TENSOR]), v1.ToTensor(), sample=PIXELS) == []
    )


def test_a_sample_knows_the_size_of_images():
    square = PIXELS[:, :20, :20]
    train, test = [v1.RandomResizedCrop(20), *TENSOR], TENSOR
    assert only(train, test) == "size"
    assert kinds(train, test, sample=square) == []
    assert only([v1.RandomCrop(16), *TENSOR], test, sample=square) == "size"


def test_a_transform_that_fails_on_the_sample():
    def fails(image):
        raise RuntimeError("no such image")

    assert only(fails, v1.ToTensor(), sample=PIXELS) == "fails"
    assert "fails" in [k for k, _ in kinds(v1.ToTensor(), fails, sample=PIXELS)]


@pytest.mark.parametrize("form", ["array", "gray", "first", "tensor", "pil", "dataset", "list"])
def test_any_sample_of_images(form):
    pil = [v2.functional.to_pil_image(i) for i in PIXELS]
    sample = {
        "array": PIXELS,
        "gray": PIXELS[..., 0],
        "first": np.moveaxis(PIXELS, -1, 1),
        "tensor": torch.from_numpy(np.moveaxis(PIXELS, -1, 1).copy()),
        "pil": pil[0],
        "dataset": [(p, 0) for p in pil],
        "list": list(PIXELS),
    }[form]
    channels = 1 if form == "gray" else 3
    transform = v2.Compose([v2.ToImage(), FLOATS, v2.Normalize([0.5] * channels, [0.5] * channels)])
    assert kinds(transform, transform, sample=sample) == []
    other = v2.Compose([v2.ToImage(), FLOATS])
    assert only(transform, other, sample=sample) == "normalize"


def test_running_leaves_the_generators_as_they_were():
    def draw():
        # The generators that transforms use, of NumPy the old one.
        return random.random(), np.random.random(), float(torch.rand(()))  # noqa: NPY002

    def seed():
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002 - as above
        torch.manual_seed(1)

    seed()
    wanted = draw()
    seed()
    audit_transforms([v1.RandomHorizontalFlip(), *TENSOR], TENSOR, sample=PIXELS)
    assert draw() == wanted


def test_transforms_of_arrays_need_no_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert kinds(scaled(255.0), scaled(255), sample=PIXELS) == []
    assert only(scaled(255.0), scaled(1.0), sample=PIXELS) == "values"


# -- laws -------------------------------------------------------------------------------------

statistics = st.lists(st.floats(0.05, 0.95), min_size=1, max_size=1) | st.lists(
    st.floats(0.05, 0.95), min_size=3, max_size=3
)


@given(statistics, statistics)
def test_what_is_read_is_what_running_shows(mean, std):
    """One that reading calls the same gives the same pixels, and the other way round."""
    train = v2.Compose([v2.ToImage(), FLOATS, v2.Normalize(mean, std)])
    by_255 = [255 * m for m in mean], [255 * s for s in std]
    test = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32), v2.Normalize(*by_255)])
    few = {("few", "warning")}
    assert set(kinds(train, test, channels=3)) <= few
    assert set(kinds(train, test, sample=PIXELS[:2])) <= few
    bare = kinds(train, v2.Compose([v2.ToImage(), FLOATS]), channels=3)
    assert [k for k in bare if k not in few] == [("normalize", "error")]


@given(st.sampled_from(sorted(CLEAN)))
def test_a_transform_belongs_to_itself_if_it_does_not_draw(name):
    _, evaluation = CLEAN[name]
    assert kinds(evaluation, evaluation) == []


# -- misuse -----------------------------------------------------------------------------------


def test_misuse_is_told():
    with pytest.raises(UsageError, match="a int is no transform"):
        audit_transforms(3, TENSOR)
    with pytest.raises(UsageError, match="no evaluation transform"):
        audit_transforms(TENSOR, {})
    with pytest.raises(UsageError, match="channels is 0"):
        audit_transforms(TENSOR, TENSOR, channels=0)
    samples: list[object] = [3, np.zeros(4), [], {"x": PIXELS}]
    for sample in samples:
        with pytest.raises(UsageError):
            audit_transforms(TENSOR, TENSOR, sample=sample)
    looped = v1.Compose([])
    looped.transforms.append(looped)
    with pytest.raises(UsageError, match="contain themselves"):
        audit_transforms(looped, TENSOR)


def test_a_data_set_gives_its_transform():
    class Images:
        transform = v1.Compose(IMAGENET)

    assert kinds(Images(), v1.Compose(IMAGENET)) == []
    assert only(Images(), v1.ToTensor()) == "normalize"
