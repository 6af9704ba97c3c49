"""Train normalized by (0.5,), the evaluation only made a tensor: found from transforms and data."""

from __future__ import annotations

import numpy as np
import pytest
import torchvision.transforms as v1
from sklearn.datasets import load_digits

import datacheck
from datacheck.pipelines.shared_transform import shared_transform
from datacheck.pipelines.transforms_audit import audit_transforms

N = 1400


@pytest.fixture(scope="module")
def digits():
    """(images of 0 to 16, labels), shuffled: the digits come in the order of their writers."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return images[order].reshape(-1, 8, 8).astype(np.float32), labels[order]


def test_from_the_transforms():
    train = v1.Compose([v1.ToTensor(), v1.Normalize((0.5,), (0.5,))])
    (finding,) = audit_transforms(train, {"test": v1.Compose([v1.ToTensor()])}).findings
    assert finding.rule == "NM004"
    assert finding.severity == "error"
    assert finding.evidence["kind"] == "normalize"


def mismatches(train, test, labels, folder, shape):
    """Findings of NM001 from an npz archive, and the same in memory."""
    train, test = train.reshape(-1, *shape), test.reshape(-1, *shape)
    path = folder / "digits.npz"
    np.savez(path, x_train=train, y_train=labels[:N], x_test=test, y_test=labels[N:])
    found = datacheck.audit(path, label="y", select="NM001").findings
    in_memory = datacheck.audit(train=train, test=test, select="NM001").findings
    assert [f.evidence["map"] for f in found] == [f.evidence["map"] for f in in_memory]
    assert [f.count for f in found] == [f.count for f in in_memory]
    return found


PAIRS = {
    "mission": (lambda x: (x / 16 - 0.5) / 0.5, lambda x: x / 16, "min-max"),
    "reverse": (lambda x: x / 16, lambda x: (x / 16 - 0.5) / 0.5, "min-max-symmetric"),
    "bytes": (lambda x: (x * 15.9375).astype(np.uint8),
              lambda x: ((x * 15.9375).astype(np.uint8) / 255).astype(np.float32), "by-1/255"),
    "sixteenths": (lambda x: x.astype(np.uint8), lambda x: x / 16, "shared-factor"),
}  # fmt: skip


@pytest.mark.parametrize("shape", [(64,), (8, 8), (8, 8, 1)])
@pytest.mark.parametrize("name", PAIRS)
def test_from_the_tensors_alone(digits, tmp_path, name, shape):
    images, labels = digits
    train, test, wanted = PAIRS[name]
    (finding,) = mismatches(train(images[:N]), test(images[N:]), labels, tmp_path, shape)
    assert finding.severity == "error"
    assert finding.evidence["map"] == wanted
    assert finding.count > 40


@pytest.mark.parametrize("shape", [(64,), (8, 8)])
def test_a_clean_pair_is_silent(digits, tmp_path, shape):
    images, labels = digits
    for one in (lambda x: x / 16, lambda x: (x / 16 - 0.5) / 0.5):
        assert not mismatches(one(images[:N]), one(images[N:]), labels, tmp_path, shape)


def test_one_line_explains_every_pixel(digits):
    """Also the pixels that are never white, or never anything but black."""
    images, _ = digits
    train, test = (images[:N] / 16 - 0.5) / 0.5, images[N:] / 16
    report = datacheck.audit(train=train, test=test, select="NM")
    (finding,) = report.findings
    assert (finding.count, finding.total) == (64, 64)
    assert set(map(tuple, finding.evidence["lines"].values())) == {(0.5, 0.5)}


def test_a_shared_transform_mends_it(digits, tmp_path):
    images, labels = digits
    shared = shared_transform({"train": images[:N], "test": images[N:]})
    train, test = (
        np.stack([shared.evaluation(i).numpy() for i in part]) for part in (images[:N], images[N:])
    )
    assert not mismatches(train, test, labels, tmp_path, (8, 8))
