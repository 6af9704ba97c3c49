"""One frame in every format is one dataset, and one report."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import pytest
import zstandard

import datacheck
from datacheck.dataset import Kind
from datacheck.sources import open_source


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(3)
    n = 300
    return pl.DataFrame(
        {
            "x": rng.normal(size=n).round(4),
            "k": rng.integers(0, 50, n),
            "c": rng.choice(["red", "green", "blue"], n),
            "b": rng.random(n) < 0.5,
            "label": rng.integers(0, 2, n),
        }
    ).with_columns(pl.when(pl.col("k") > 3).then(pl.col("x")).alias("x"))


def write(frame, path, form):
    if form.startswith("csv"):
        raw = frame.write_csv().encode()
    elif form.startswith("tsv"):
        raw = frame.write_csv(separator="\t").encode()
    elif form.startswith("jsonl"):
        raw = frame.write_ndjson().encode()
    elif form == "parquet":
        frame.write_parquet(path)
        return
    elif form == "arrow":
        frame.write_ipc(path)
        return
    elif form == "feather":
        frame.write_ipc(path, compression="zstd")
        return
    elif form == "npz":
        arrays = {c: frame[c].to_numpy() for c in frame.columns if c != "c"}
        arrays["c"] = np.array(frame["c"].to_list())
        np.savez(path, **{c: arrays[c] for c in frame.columns})
        return
    if form.endswith(".gz"):
        import gzip

        raw = gzip.compress(raw)
    elif form.endswith(".zst"):
        raw = zstandard.compress(raw)
    path.write_bytes(raw)


FORMS = [
    "csv", "csv.gz", "csv.zst", "tsv", "tsv.gz", "jsonl", "jsonl.gz", "jsonl.zst", "parquet",
    "arrow", "feather", "npz",
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_format_reads_alike(frame, tmp_path, form):
    write(frame.head(200), tmp_path / f"train.{form}", form)
    write(frame.tail(100), tmp_path / f"test.{form}", form)
    data = open_source(tmp_path)
    assert list(data.splits) == ["train", "test"]
    kinds = {c.name: c.kind for c in data.columns.values()}
    assert kinds["x"] is Kind.NUMBER
    assert kinds["k"] is Kind.NUMBER
    assert kinds["c"] is Kind.CATEGORY
    assert data.label is not None
    assert data.label.name == "label"
    report = datacheck.audit(tmp_path)
    there = datacheck.audit({"train": frame.head(200), "test": frame.tail(100)})
    assert [f.key for f in report.findings] == [f.key for f in there.findings]
    assert [f.count for f in report.findings] == [f.count for f in there.findings]
    assert {s: v["rows"] for s, v in report.dataset["splits"].items()} == {
        "train": 200,
        "test": 100,
    }


def test_arrow_streams_are_read(frame, tmp_path):
    frame.write_ipc_stream(tmp_path / "x.arrow")
    assert open_source(tmp_path / "x.arrow").columns["x"].kind is Kind.NUMBER


def test_lists_are_sequences_in_every_format(tmp_path):
    lists = pl.DataFrame({"s": [[1, 2], [], [3]] * 20, "label": [0, 1, 1] * 20})
    lists.write_parquet(tmp_path / "a.parquet")
    lists.write_ndjson(tmp_path / "b.jsonl")
    (tmp_path / "c.csv").write_text("s,label\n" + "1 2,0\n,1\n3 4 5,1\n" * 20)
    (tmp_path / "d.csv").write_text("s,label\n" + '"[1, 2]",0\n[],1\n[3],1\n' * 20)
    cells = [f"{'abcd'[i % 4]}|{'xyz'[i % 5 % 3]}|{'pq'[i % 7 % 2]}" for i in range(60)]
    rows = [",1\n" if i % 3 == 0 else f"{cell},0\n" for i, cell in enumerate(cells)]
    (tmp_path / "e.csv").write_text("s,label\n" + "".join(rows))
    for name in ("a.parquet", "b.jsonl", "c.csv", "d.csv", "e.csv"):
        data = open_source(tmp_path / name)
        assert data.columns["s"].kind is Kind.SEQUENCE, name
        report = datacheck.audit(tmp_path / name, select=["SL003"])
        assert [f.count for f in report.findings] == [20], name


def test_keras_archives_are_splits(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "mnist.npz",
        x_train=rng.integers(0, 255, (60, 4, 4)), y_train=rng.integers(0, 3, 60),
        x_test=rng.integers(0, 255, (30, 4, 4)), y_test=rng.integers(0, 3, 30),
    )  # fmt: skip
    data = open_source(tmp_path / "mnist.npz")
    assert list(data.splits) == ["train", "test"]
    assert data.label is not None
    assert data.label.name == "y"
    assert len(data.columns) == 17


def test_pickles_are_never_loaded(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    np.savez(tmp_path / "x.npz", a=np.array([Bomb()], dtype=object), b=np.arange(3.0))
    report = datacheck.audit(tmp_path / "x.npz", select=["MV006"])
    assert "pickle" in report.findings[0].message
    assert not (tmp_path / "ran").exists()


def test_broken_lines_of_jsonl_are_told_with_their_line(tmp_path):
    path = tmp_path / "x.jsonl"
    lines = [f'{{"a": {i}, "label": {i % 2}}}' for i in range(50)]
    lines[4], lines[9], lines[20] = "{broken", "[1]", '{"a": "?", "label": 1}'
    path.write_text("\n".join(lines))
    report = datacheck.audit(path, select=["MV006"])
    rows = [a for f in report.findings for e in f.examples for a in e.addresses]
    assert any(a.endswith("x.jsonl:5") for a in rows)
    assert any(a.endswith("x.jsonl:10") for a in rows)
    assert report.dataset["splits"]["data"]["rows"] == 48


def test_nested_columns_are_told_and_left(tmp_path):
    frame = pl.DataFrame({"a": [{"x": 1}] * 5, "n": [1.5, 2.0, 3.0, 4.5, 6.0]})
    frame.write_parquet(tmp_path / "x.parquet")
    data = open_source(tmp_path / "x.parquet")
    assert list(data.columns) == ["n"]
    assert any("nested" in said for said in data.assumptions)


def test_only_the_columns_asked_for_are_decoded(frame, tmp_path):
    for form in ("csv", "parquet", "jsonl"):
        path = tmp_path / f"x.{form}"
        write(frame, path, form)
        (fragment,) = open_source(path).splits["data"].fragments
        for batch in fragment.read(["k"], 1000):
            assert batch.frame.columns == ["k"]


def test_fragments_pickle(frame, tmp_path):
    import pickle

    for form in ("csv", "parquet", "jsonl", "npz"):
        path = tmp_path / f"x.{form}"
        write(frame, path, form)
        for fragment in open_source(path).splits["data"].fragments:
            again = pickle.loads(pickle.dumps(fragment))
            assert again.fingerprint() == fragment.fingerprint()
            (one,) = again.read(["k"], 1000)
            assert one.height == frame.height


def test_bytes_that_are_not_what_the_name_says(tmp_path):
    out = io.BytesIO()
    pl.DataFrame({"a": [1]}).write_parquet(out)
    (tmp_path / "x.csv").write_bytes(out.getvalue())
    with pytest.raises(datacheck.SourceError, match="not what its name says"):
        datacheck.audit(tmp_path / "x.csv")
