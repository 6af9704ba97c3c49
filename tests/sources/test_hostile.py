"""Bad and hostile input: one clear error with a hint, or a finding and an audit of the rest."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import struct
import zipfile

import numpy as np
import polars as pl
import pytest
import zstandard

import datacheck


def table(n=120):
    rng = np.random.default_rng(0)
    return {"x": rng.normal(size=n), "label": np.arange(n) % 2}


def clean(report):
    """No rule has failed."""
    assert [(o.rule, o.reason) for o in report.outcomes if o.status.value == "failed"] == []
    return report


def unread(report):
    return [f.message for f in report.findings if f.rule == "MV006"]


def rows(report, split="data"):
    return report.dataset["splits"][split]["rows"]


def lines(n):
    return "".join(f"{i / 7:.4f},{i % 5},{'abc'[i % 3]},{i % 2}\n" for i in range(n))


HEADER = "x,k,c,label\n"

# -- options and paths -------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("encoding", ["hex", "zlib", "rot13", "idna", "undefined"])
def test_codecs_that_are_no_encodings(tmp_path, encoding, form):
    (tmp_path / f"x.{form}").write_text(HEADER + lines(20))
    with pytest.raises(datacheck.UsageError, match="no encoding of text"):
        datacheck.audit(tmp_path / f"x.{form}", encoding=encoding)


def test_an_encoding_that_the_file_is_not_in(tmp_path):
    (tmp_path / "x.csv").write_text(HEADER + lines(20))
    with pytest.raises(datacheck.SourceError, match="not in the encoding utf-16"):
        datacheck.audit(tmp_path / "x.csv", encoding="utf-16")


def test_characters_that_an_encoding_cannot_read_are_told(tmp_path):
    (tmp_path / "x.csv").write_bytes((HEADER + lines(50)).encode("utf-16")[:-1])
    report = datacheck.audit(tmp_path / "x.csv")
    assert any("1 character is not in the encoding utf-16" in m for m in unread(report))


def test_a_delimiter_of_two_bytes(tmp_path):
    (tmp_path / "x.csv").write_text(HEADER + lines(20))
    with pytest.raises(datacheck.UsageError, match="ASCII"):
        datacheck.audit(tmp_path / "x.csv", delimiter="é")


def test_an_empty_path_is_not_the_current_folder():
    with pytest.raises(datacheck.UsageError, match="path is empty"):
        datacheck.audit("")


def test_pipes_and_devices(tmp_path):
    os.mkfifo(tmp_path / "x.csv")
    for path in (tmp_path / "x.csv", "/dev/null", "/dev/zero"):
        with pytest.raises(datacheck.SourceError, match="no regular file"):
            datacheck.audit(path)


def test_links_that_lead_nowhere(tmp_path):
    for name, target in (("gone.csv", "nowhere"), ("loop.csv", "loop.csv")):
        (tmp_path / name).symlink_to(target)
        with pytest.raises(datacheck.SourceError, match="a link that leads nowhere"):
            datacheck.audit(tmp_path / name)


# -- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["*", "^a.*$", "__address__", "__hash__", "n", "count", "v", "x"])
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet", "memory"])
def test_names_that_mean_something_to_the_program(tmp_path, name, form):
    frame = pl.DataFrame({name: ["a", "b", "c"] * 40, "abc": table()["x"], "label": [0, 1] * 60})
    for split in ("train", "test"):
        path = tmp_path / f"{split}.{form}"
        if form == "csv":
            frame.write_csv(path)
        elif form == "jsonl":
            frame.write_ndjson(path)
        elif form == "parquet":
            frame.write_parquet(path)
    report = datacheck.audit({"train": frame, "test": frame} if form == "memory" else tmp_path)
    clean(report)
    assert len(report.dataset["columns"]) == 3
    assert rows(report, "train") == 120
    if name not in report.dataset["columns"]:
        assert any(f"'[{name}]'" in one for one in report.assumptions)


@pytest.mark.parametrize("name", ["n", "count", "value", "v"])
def test_a_split_column_of_any_name(name):
    frame = pl.DataFrame({**table(), name: ["train", "test"] * 60})
    report = clean(datacheck.audit(frame, split_column=name))
    assert rows(report, "train") == 60


def test_a_header_longer_than_the_first_mebibyte(tmp_path):
    wide = "a" * 1_500_000
    (tmp_path / "x.csv").write_text(f"{wide},k,c,label\n" + lines(30))
    report = datacheck.audit(tmp_path / "x.csv", select=["MV006"])
    assert rows(report) == 30
    assert len(report.dataset["columns"]) == 4


# -- JSON Lines --------------------------------------------------------------------------------


def test_halves_of_surrogate_pairs(tmp_path):
    good = [json.dumps({"s": "abc"[i % 3], "label": i % 2}) for i in range(30)]
    (tmp_path / "x.jsonl").write_text("\n".join([*good, r'{"s": "\ud800", "label": 1}']))
    assert rows(clean(datacheck.audit(tmp_path / "x.jsonl"))) == 31
    (tmp_path / "y.jsonl").write_text('{"\\uD800": 1, "label": 1}\n' * 10)
    assert rows(clean(datacheck.audit(tmp_path / "y.jsonl"))) == 10


def test_deep_nesting_costs_no_time(tmp_path):
    good = [json.dumps({"a": i / 3, "label": i % 2}) for i in range(30)]
    deep = ['{"a": ' + "[" * d + "]" * d + ', "label": 1}' for d in (400, 900, 100_000)]
    (tmp_path / "x.jsonl").write_text("\n".join([*good, *deep]))
    report = clean(datacheck.audit(tmp_path / "x.jsonl"))
    assert rows(report) == 32
    assert len(unread(report)) == 1


def test_broken_lines_are_counted_where_the_stream_breaks_off(tmp_path):
    raw = "\n".join(["{broken"] * 60 + [json.dumps({"a": i, "b": os.urandom(9).hex()})
                                        for i in range(80_000)])  # fmt: skip
    whole = zstandard.compress(raw.encode())
    (tmp_path / "x.jsonl.zst").write_bytes(whole[: len(whole) // 2])
    report = datacheck.audit(tmp_path / "x.jsonl.zst", select=["MV006"])
    counts = {f.unit: f.count for f in report.findings}
    assert counts["records"] >= 60
    assert counts["files"] == 1


# -- compressed --------------------------------------------------------------------------------


@pytest.mark.parametrize("checksum", [True, False])
def test_zstandard_cut_short_is_told(tmp_path, checksum):
    raw = (HEADER + "".join(f"{os.urandom(8).hex()},1,a,0\n" for _ in range(30_000))).encode()
    whole = zstandard.ZstdCompressor(write_checksum=checksum).compress(raw)
    path = tmp_path / "x.csv.zst"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    report = datacheck.audit(path, select=["MV006"])
    assert 0 < rows(report) < 30_000
    assert any("breaks off" in m for m in unread(report))
    path.write_bytes(whole[:-1])
    assert unread(datacheck.audit(path, select=["MV006"]))
    skipped = b"\x50\x2a\x4d\x18" + struct.pack("<I", 5) + b"hello"
    for padded in (whole, whole + skipped):
        path.write_bytes(padded)
        report = datacheck.audit(path, select=["MV006"])
        assert not unread(report)


# -- arrays ------------------------------------------------------------------------------------


def archive(path, shape, descr="<f8", real=b""):
    """An npz whose array ``a`` promises a shape; ``b`` is sound."""
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    sound = np.arange(10.0)
    np.savez(path, b=sound)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as out:
        magic = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head))
        out.writestr("a.npy", magic + head.encode() + real)


@pytest.mark.parametrize(
    ("shape", "descr"),
    [
        ("(1000000000000,)", "<f8"), ("(1" + "0" * 30 + ",)", "<f8"), ("(-5,)", "<f8"),
        ("(" + "1," * 70 + ")", "<f8"), ("(1000000000000,)", "|V0"), ("(1000000000000,)", "|S0"),
        ("(4,)", "|V4"), ("(1,)", "<c16"), ("(", "<f8"), ("print(1)", "<f8"),
    ],
)  # fmt: skip
def test_archives_that_promise_too_much(tmp_path, shape, descr):
    archive(tmp_path / "x.npz", shape, descr, b"\0" * 64)
    report = clean(datacheck.audit(tmp_path / "x.npz"))
    assert list(report.dataset["columns"]) == ["b"]
    assert len(unread(report)) == 1


def test_arrays_of_bytes_and_single_values(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.array([b"a", b"\xff"] * 10), b=np.arange(20), c=np.float64(3))
    report = clean(datacheck.audit(tmp_path / "x.npz"))
    assert list(report.dataset["columns"]) == ["a", "b"]
    assert any("single values: c" in one for one in report.assumptions)


def test_an_archive_of_broken_bytes(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", x=np.arange(500.0), y=np.arange(500) % 2)
    sound = (tmp_path / "x.npz").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(100):
        broken = bytearray(sound)
        broken[rng.integers(len(broken))] = rng.integers(256)
        (tmp_path / "x.npz").write_bytes(bytes(broken))
        with contextlib.suppress(datacheck.DatacheckError):
            clean(datacheck.audit(tmp_path / "x.npz", select=["MV006"]))


# -- types -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "far",
    [
        pl.Series([2**62, 5, None]).cast(pl.Datetime("ms")),
        pl.Series([2**31 - 1, -(2**31), 0]).cast(pl.Date),
    ],
)
def test_dates_that_no_microsecond_tells(far):
    frame = pl.DataFrame(table()).with_columns(pl.concat([far] * 40).alias("t"))
    report = clean(datacheck.audit({"train": frame, "test": frame.head(30)}))
    assert report.dataset["columns"]["t"]["kind"] == "datetime"


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_labels_that_are_lists(task):
    frame = pl.DataFrame({"x": table()["x"], "label": [[1, 2], []] * 60})
    with pytest.raises(datacheck.UsageError, match="sequences"):
        datacheck.audit(frame, task=task)
    clean(datacheck.audit(frame, label="label"))


DEGENERATE = {
    "inf": [np.inf] * 120, "huge": [1.7e308, -1.7e308] * 60, "nan": [np.nan] * 120,
    "mixed": [1.7e308, np.inf, -np.inf, np.nan] * 30, "constant": [1] * 120,
    "null": [None] * 120, "blank": [""] * 120, "lists": [[]] * 120,
    "dates": [dt.date(1, 1, 1), dt.date(9999, 12, 31)] * 60,
}  # fmt: skip


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_columns_and_splits(name):
    frame = pl.DataFrame({**table(), "d": DEGENERATE[name]})
    for heights in ((120, 0), (120, 1), (120, 2), (1, 120), (120, 120)):
        train, test = (frame.head(h) for h in heights)
        clean(datacheck.audit({"train": train, "test": test}))
    clean(datacheck.audit(frame.select("d"), label="d"))
    clean(datacheck.audit({"train": frame, "test": frame}, label="d"))


def test_strings_are_no_regression():
    frame = pl.DataFrame({"x": table()["x"], "label": [f"s{i}" for i in range(120)]})
    with pytest.raises(datacheck.UsageError, match="no regression"):
        datacheck.audit(frame, task="regression")


# -- in memory ---------------------------------------------------------------------------------


def test_a_column_without_a_name(tmp_path):
    frame = pl.DataFrame({"": table()["x"], "a": table()["x"], "label": table()["label"]})
    frame.write_parquet(tmp_path / "x.parquet")
    frame.write_ndjson(tmp_path / "x.jsonl")
    for source in (frame, tmp_path / "x.parquet", tmp_path / "x.jsonl"):
        report = clean(datacheck.audit(source))
        assert list(report.dataset["columns"]) == ["[]", "a", "label"]


def test_arrow_types_that_polars_lacks():
    pa = pytest.importorskip("pyarrow")
    months = pa.array([(1, 2, 3)] * 20, pa.month_day_nano_interval())
    maps = pa.array([[("a", 1)]] * 20, pa.map_(pa.string(), pa.int64()))
    report = clean(datacheck.audit(pa.table({"m": months, "d": maps, "x": np.arange(20)})))
    assert list(report.dataset["columns"]) == ["x"]
    with pytest.raises(datacheck.UsageError, match="two columns"):
        datacheck.audit(pa.Table.from_arrays([maps, maps], names=["a", "a"]))


@pytest.mark.parametrize(
    "source",
    [
        {"a": ["\ud800", "b"], "b": [1, 2]}, np.array(["\ud800"] * 5), {"a": [1], "b": [1, 2]},
        pl.LazyFrame({"a": [1]}).select("nope"), np.array([[1, "a"]], dtype=object),
        {"a": np.zeros(5, dtype=[("f", "f4")]), "b": np.zeros(5, dtype=[("f", "f4")])},
        {"train": None}, {"train": [1, 2]}, 5, [1, 2], b"abc", np.float64(1), np.array(5.0),
    ],
    ids=range(13),
)  # fmt: skip
def test_things_that_are_no_tables(source):
    with pytest.raises(datacheck.DatacheckError) as caught:
        datacheck.audit(source)
    assert caught.value.hint
    assert "\n" not in caught.value.message
