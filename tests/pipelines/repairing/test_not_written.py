"""What is read and cannot be written again says what to do instead, and that works."""

from __future__ import annotations

import tarfile

import numpy as np
import pytest

import datacheck
from datacheck.errors import SourceError
from tests.sources.images.pictures import encoded, pixels
from tests.sources.images.test_tables import idx, shard

LABELS = np.arange(40) % 2


def stacks():
    train, test = (np.stack([pixels(i + at) for i in range(40)]) for at in (0, 100))
    test[3] = train[5]
    return train, test


def refused(source, where, said):
    for dry in (True, False):
        with pytest.raises(SourceError, match="cannot be written again") as caught:
            datacheck.fix(source, None if dry else where, dry_run=dry)
        assert said in (caught.value.hint or "")
    assert not where.exists()


def test_idx_files_as_an_archive(tmp_path):
    source = tmp_path / "idx"
    source.mkdir()
    splits = dict(zip(("train", "t10k"), stacks(), strict=True))
    for name, stack in splits.items():
        idx(source / f"{name}-images-idx4-ubyte", stack)
        idx(source / f"{name}-labels-idx1-ubyte", LABELS.astype(np.uint8))
    report = datacheck.audit(source)
    assert "LK001" in {f.rule for f in report.findings}
    refused(source, tmp_path / "mended", "np.savez('data.npz', x_train=…, y_train=…)")
    train, test = splits.values()
    np.savez(tmp_path / "data.npz", x_train=train, y_train=LABELS, x_test=test, y_test=LABELS)
    again = datacheck.audit(tmp_path / "data.npz")
    assert [(f.rule, f.count) for f in again.findings] == [
        (f.rule, f.count) for f in report.findings
    ]
    datacheck.fix(tmp_path / "data.npz", tmp_path / "mended")
    assert "LK001" not in {f.rule for f in datacheck.audit(tmp_path / "mended").findings}


def test_shards_as_folders(tmp_path):
    source = tmp_path / "shards"
    source.mkdir()
    for split, stack in zip(("train", "test"), stacks(), strict=True):
        members = []
        for i, (picture, label) in enumerate(zip(stack, LABELS, strict=True)):
            members += [(f"{i:03}.png", encoded(picture)), (f"{i:03}.cls", b"%d" % label)]
        shard(source / f"{split}.tar", members)
    report = datacheck.audit(source)
    (one,) = [f for f in report.findings if f.rule == "LK001"]
    refused(source, tmp_path / "mended", "folders such as train/cat/1.png")
    for split in ("train", "test"):
        with tarfile.open(source / f"{split}.tar") as archive:
            held = {m.name: archive.extractfile(m).read() for m in archive}  # type: ignore[union-attr] # all are files
        for name, data in held.items():
            if name.endswith(".png"):
                told = held[name.replace(".png", ".cls")].decode()
                path = tmp_path / "folders" / split / told / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
    again = datacheck.audit(tmp_path / "folders")
    (other,) = [f for f in again.findings if f.rule == "LK001"]
    assert one.count == other.count == 1
    datacheck.fix(tmp_path / "folders", tmp_path / "mended")
    assert "LK001" not in {f.rule for f in datacheck.audit(tmp_path / "mended").findings}
