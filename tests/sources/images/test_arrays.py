"""Arrays of pixels are pictures: archives, single arrays, arrays and tensors in memory."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.dataset import Kind, Role
from datacheck.errors import SourceError
from datacheck.sources import open_source
from datacheck.sources.images.arrays import agreed, channels_first, is_stack
from tests.sources.images.pictures import pixels, write
from tests.sources.test_hostile import clean

N, M = 40, 20
Y, YT = np.arange(N) % 2, np.arange(M) % 2


def stacks(channels=3):
    train = np.stack([pixels(i, channels=channels) for i in range(N)])
    test = np.stack([pixels(100 + i, channels=channels) for i in range(M)])
    test[4] = train[6]
    return train, test


def archive(path, **more):
    train, test = stacks()
    np.savez(path, x_train=train, y_train=Y, x_test=test, y_test=YT, **more)
    return path


@pytest.mark.parametrize("channels", [0, 1, 3, 4])
@pytest.mark.parametrize("first", [False, True])
def test_an_array_is_what_a_folder_of_its_pictures_is(tmp_path, channels, first):
    train, _ = stacks(max(channels, 1))
    if channels == 4:
        train = np.concatenate([train[..., :3], train[..., :1]], axis=3)
    plain = train
    if channels == 1:
        train = train[..., None]
    if first and channels:
        train = np.ascontiguousarray(np.moveaxis(train, 3, 1))
    for i, picture in enumerate(plain):
        write(tmp_path / "set" / "ab"[i % 2] / f"{i:02}.png", picture)
    (split,) = open_source(tmp_path / "set").splits.values()
    data = open_source((train, Y))
    measured = [c for c, v in data.columns.items() if v.role is Role.MEASURED and c != "x.bytes"]
    (mine,) = data.splits["data"].fragments
    (one,) = mine.read(["x", *measured], 1000)
    wanted = [f"image{c[1:]}" for c in ["x", *measured]]
    parts = [b for f in split.fragments for b in f.read(wanted, 1000)]
    folder = pl.concat([b.frame for b in parts])
    names = open_source(tmp_path / "set").row_names
    order = np.argsort([int(n[-6:-4]) for n in next(iter(names.values()))])
    folder = folder[order].rename({c: f"x{c[5:]}" for c in folder.columns})
    # An array has no format.
    drop = ["x.format"]
    assert one.frame.drop(drop).equals(folder.select(one.frame.columns).drop(drop))


def test_an_archive_from_audit_to_loaders(tmp_path):
    source = archive(tmp_path / "data.npz")
    data = open_source(source)
    assert data.columns["x"].kind is Kind.IMAGE
    assert data.label is not None
    assert data.label.name == "y"
    report = clean(datacheck.audit(source))
    (one,) = [f for f in report.findings if f.rule == "LK001"]
    assert one.examples[0].addresses == ("test/data.npz:4", "train/data.npz:6")
    assert any("x of shape (40, 20, 24, 3) is read as pictures" in s for s in report.assumptions)
    datacheck.fix(source, tmp_path / "mended")
    assert clean(datacheck.audit(tmp_path / "mended")).findings == []
    train, test = stacks()
    with np.load(tmp_path / "mended" / "data.npz") as now:
        np.testing.assert_array_equal(now["x_train"], np.delete(train, 6, axis=0))
        np.testing.assert_array_equal(now["y_train"], np.delete(Y, 6))
        np.testing.assert_array_equal(now["x_test"], test)
    datacheck.undo(tmp_path / "mended", tmp_path / "back")
    assert (tmp_path / "back" / "data.npz").read_bytes() == source.read_bytes()
    batches = list(datacheck.loaders(tmp_path / "mended", batch_size=16)["train"])
    assert sum(len(b) for b in batches) == N - 1
    assert batches[0].x.shape == (16, 3, 20, 24)
    assert int(sum(b.y.sum() for b in batches)) == Y.sum()


def test_single_arrays_are_as_an_archive(tmp_path):
    source = archive(tmp_path / "data.npz")
    (tmp_path / "set").mkdir()
    with np.load(source) as held:
        for name, value in held.items():
            np.save(tmp_path / "set" / f"{name}.npy", value)
    one, other = (clean(datacheck.audit(p)) for p in (source, tmp_path / "set"))
    assert [(f.rule, f.count) for f in one.findings] == [(f.rule, f.count) for f in other.findings]
    assert other.findings[0].examples[0].addresses[1] == "train/x_train.npy:6"
    alone = clean(datacheck.audit(tmp_path / "set" / "x_train.npy"))
    assert alone.dataset["splits"] == {"train": {"rows": N, "files": 1}}
    with pytest.raises(SourceError, match="into one archive"):
        datacheck.fix(tmp_path / "set", tmp_path / "mended")
    assert datacheck.loaders(tmp_path / "set", batch_size=8).classes == ["0", "1"]


def test_arrays_beside_tables_are_passed_over(tmp_path):
    pl.DataFrame({"a": range(40), "b": range(40)}).write_csv(tmp_path / "train.csv")
    np.save(tmp_path / "embeddings.npy", np.zeros((40, 8)))
    report = clean(datacheck.audit(tmp_path))
    assert any("passed over, no data: embeddings.npy" in s for s in report.assumptions)


def test_tensors(tmp_path):
    torch = pytest.importorskip("torch")
    from torch.utils.data import TensorDataset

    train, test = stacks()
    given = [
        (torch.from_numpy(x).permute(0, 3, 1, 2), torch.from_numpy(y))
        for x, y in ((train, Y), (test, YT))
    ]
    want = clean(datacheck.audit(archive(tmp_path / "data.npz")))
    for make in (TensorDataset, lambda x, y: (x, y), lambda x, y: {"x": x, "y": y}):
        splits = dict(zip(("train", "test"), (make(*one) for one in given), strict=True))
        report = clean(datacheck.audit(splits))
        assert report.dataset["columns"]["x"]["kind"] == "image"
        assert [f.message for f in report.findings] == [f.message for f in want.findings]
    for odd in (torch.eye(20).to_sparse(), torch.eye(20, dtype=torch.complex64)):
        with pytest.raises(datacheck.DatacheckError):
            datacheck.audit({"train": odd})
    exact = datacheck.audit(torch.tensor([1 / 3] * 40, dtype=torch.float64), select="MV005")
    assert "0.333333333333333" in exact.findings[0].message
    plain = TensorDataset(torch.randn(50, 4).bfloat16(), torch.arange(50) % 2)
    report = clean(datacheck.audit(plain))
    assert set(report.dataset["columns"]) == {"x0", "x1", "x2", "x3", "y"}


@pytest.mark.parametrize(
    ("shape", "dtype", "told"),
    [
        ((9, 28, 28), "uint8", True),
        ((9, 28, 28), "float32", False),
        ((9, 28, 28), "int64", False),
        ((9, 4, 4), "uint8", False),
        ((9, 3, 32, 32), "uint8", True),
        ((9, 32, 32, 2), "uint8", False),
        ((9, 32, 32, 5), "uint8", False),
        ((9, 3, 32, 4), "uint8", False),
        ((9, 0, 32), "uint8", False),
        ((9, 28), "uint8", False),
        ((9, 10, 3, 32, 32), "uint8", False),
        ((9, 1 << 20, 1 << 20), "uint8", False),
    ],
)
def test_what_is_a_stack_of_pictures(shape, dtype, told):
    assert is_stack(shape, np.dtype(dtype)) is told
    assert channels_first((9, 3, 32, 32))
    assert not channels_first((9, 32, 32, 3))


def test_bytes_and_floats_are_compared_as_columns():
    train, test = stacks()
    assert agreed([{"x": train}, {"x": test / 255}]) == frozenset()
    data = open_source({"train": train, "test": (test / 255).astype(np.float32)})
    assert data.columns["x0"].kind is Kind.NUMBER


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.zeros((5, 400, 300, 5), np.uint8)}, "pictures are uint8 of shape"),
        ({"x": np.zeros((5, 300, 300), np.float32)}, "pictures are uint8 of shape"),
        ({"x": np.zeros((5, 20, 20), np.uint8), "y": np.zeros(4)}, "different numbers of rows"),
    ],
)
def test_bad_shapes_have_a_clear_line(tmp_path, arrays, said):
    np.savez(tmp_path / "x.npz", **arrays)
    for source in (tmp_path / "x.npz", arrays, {"train": arrays}):
        with pytest.raises(datacheck.DatacheckError) as caught:
            datacheck.audit(source)
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)


def test_no_rows_and_reserved_names(tmp_path):
    train, _ = stacks()
    with pytest.raises(datacheck.DatacheckError):
        datacheck.audit(train[:0])
    report = clean(datacheck.audit({"*": train, "y": Y}))
    assert report.dataset["columns"]["[*]"]["kind"] == "image"


def test_an_array_that_promises_too_much(tmp_path):
    np.lib.format.open_memmap(tmp_path / "x_train.npy", "w+", np.float64, (1 << 30, 2))
    with pytest.raises(SourceError, match="past the 8 GiB"):
        datacheck.audit(tmp_path)


def test_hostile_files(tmp_path):
    (tmp_path / "x_train.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr': '|O'}")
    np.save(tmp_path / "pickled_train.npy", np.array([{}], dtype=object), allow_pickle=True)
    whole = tmp_path / "z_train.npy"
    np.save(whole, stacks()[0])
    whole.write_bytes(whole.read_bytes()[:-100])
    (tmp_path / "s_train.npy").write_bytes(b"")
    with pytest.raises(SourceError):
        datacheck.audit(tmp_path)
    np.save(tmp_path / "a_train.npy", np.arange(30.0))
    report = clean(datacheck.audit(tmp_path))
    told = [f.message for f in report.findings if f.rule == "MV006"]
    assert sum(f.count for f in report.findings if f.rule == "MV006") == 4
    assert any("pickled objects, which are never loaded" in one for one in told)
