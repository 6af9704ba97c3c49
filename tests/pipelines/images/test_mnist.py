"""MNIST's own figures: what loaders and repairs learn of train is .1307 and .3081.

``DATACHECK_DATA`` names a folder with ``mnist_png/images.tar``: train/ and test/, 70,000 PNG files.
"""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

import datacheck

ARCHIVE = Path(os.environ.get("DATACHECK_DATA", ""), "mnist_png", "images.tar")
MEAN, STD = 0.13066, 0.30811


@pytest.mark.study
@pytest.mark.skipif(not ARCHIVE.is_file(), reason="DATACHECK_DATA names no folder with MNIST")
def test_the_mean_and_the_deviation_of_train(tmp_path):
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    loaders = datacheck.loaders(tmp_path, batch_size=1000)
    assert loaders.transform is not None
    assert loaders.transform.mode == "L"
    assert loaders.transform.mean == pytest.approx((MEAN,), abs=5e-6)
    assert loaders.transform.std == pytest.approx((STD,), abs=5e-6)
    x = [batch.x.double() for batch in loaders["train"]]
    count = sum(one.numel() for one in x)
    mean = sum(float(one.sum()) for one in x) / count
    square = sum(float((one**2).sum()) for one in x) / count
    assert mean == pytest.approx(0, abs=1e-5)
    assert square - mean**2 == pytest.approx(1, abs=1e-5)
    pipeline = datacheck.fix(tmp_path, dry_run=True).pipeline
    assert pipeline.image is not None
    assert pipeline.image["mean"] == list(loaders.transform.mean)
    assert pipeline.image["std"] == list(loaders.transform.std)
