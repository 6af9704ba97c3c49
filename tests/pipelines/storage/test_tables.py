from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.dataset import FILE_SHIFT
from datacheck.errors import SourceError, UsageError
from datacheck.pipelines.storage.arrow_file import open_arrow
from datacheck.pipelines.storage.ragged import Ragged
from datacheck.pipelines.storage.tables import ADDRESS, ArrowTable, ArrowWriter, MemoryTable

FRAME = pl.DataFrame(
    {
        "text": ["a", None, "something that is not kept inline", ""] * 5,
        "whole": [1, None, 3, 4] * 5,
        "half": np.arange(20, dtype=np.float32),
        "flag": [True, False, None, True] * 5,
        "record": [{"a": 1, "b": "x"}] * 20,
        "lists": [[1, 2], [], None, [3]] * 5,
        "words": [["a"], [], None, ["b", "c"]] * 5,
        "kind": pl.Series(["x", "y", "x", "z"] * 5, dtype=pl.Categorical),
        "nothing": pl.Series([None] * 20),
        "when": pl.Series([1] * 20).cast(pl.Datetime("us")),
        "wide": pl.Series(np.arange(60.0).reshape(20, 3)).cast(pl.Array(pl.Float32, 3)),
        "last": np.arange(20),
    }
)
MAPPED = ["whole", "half", "flag", "lists", "wide", "last"]


def write(path, frame=FRAME, **options):
    frame.write_ipc(path, compression="uncompressed", **options)
    return path


def cells(rows, name) -> Any:
    return rows.columns[name]


def listed(values):
    if isinstance(values, Ragged):
        return [a.tolist() for a in np.split(values.values, values.offsets[1:-1])]
    return values.tolist()


@pytest.mark.parametrize("rows", [None, 7], ids=["one record batch", "several"])
@pytest.mark.parametrize("level", [None, pl.CompatLevel.oldest()], ids=["newest", "oldest"])
def test_what_polars_writes_is_mapped(tmp_path, rows, level):
    path = write(tmp_path / "a.arrow", record_batch_size=rows, compat_level=level)
    table = ArrowTable(path)
    assert list(table.fields) == MAPPED
    assert len(table) == 20
    assert len(table._parts) == (1 if rows is None else 3)
    got = table.__getitems__([19, 0, 8, 8])
    assert cells(got, "last").tolist() == [19, 0, 8, 8]
    assert cells(got, "wide").tolist() == [[57, 58, 59], [0, 1, 2], [24, 25, 26], [24, 25, 26]]
    assert listed(cells(got, "lists")) == [[3], [1, 2], [1, 2], [1, 2]]
    assert cells(table[2], "lists").missing.tolist() == [True]
    assert np.isnan(cells(table[1], "whole")).all()
    assert np.isnan(cells(table[2], "flag")).all()
    assert got.addresses.tolist() == [19, 0, 8, 8]


def test_what_arrow_itself_writes_is_mapped(tmp_path):
    pa = pytest.importorskip("pyarrow")
    path = tmp_path / "a.arrow"
    whole = FRAME.drop("kind").to_arrow()
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, whole.schema) as writer:
        writer.write_table(whole, max_chunksize=6)
    table = ArrowTable(path, ["last", "lists"])
    got = table.__getitems__(np.arange(20))
    assert cells(got, "last").tolist() == list(range(20))
    assert listed(cells(got, "lists")) == [[1, 2], [], [], [3]] * 5
    assert table.missing("lists") == 5
    assert table.lengths("lists").tolist() == [2, 0, 0, 1] * 5


ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-9, 9)),
        st.one_of(st.none(), st.lists(st.floats(allow_nan=False, width=32), max_size=4)),
    ),
    min_size=1,
    max_size=40,
)


@given(ROWS, st.data())
def test_a_gather_is_polars_gather(tmp_path_factory, rows, data):
    frame = pl.DataFrame(
        {"n": [a for a, _ in rows], "s": [b for _, b in rows]},
        schema={"n": pl.Int64, "s": pl.List(pl.Float32)},
    )
    size = data.draw(st.integers(1, 41))
    path = write(tmp_path_factory.mktemp("t") / "a.arrow", frame, record_batch_size=size)
    at = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=50))
    wanted = frame[at]
    for table in (ArrowTable(path), MemoryTable(frame)):
        got = table.__getitems__(at)
        assert len(got) == len(at)
        assert np.array_equal(
            cells(got, "n").astype(float), wanted["n"].cast(pl.Float64).to_numpy(), equal_nan=True
        )
        lengths = wanted["s"].list.len().fill_null(0).to_list()
        assert cells(got, "s").lengths.tolist() == lengths
        full = wanted["s"].filter(wanted["s"].list.len().fill_null(0) > 0).explode()
        assert cells(got, "s").values.tolist() == full.to_list()
        assert table.missing("n") == frame["n"].null_count()
        assert table.missing("s") == sum(
            b is None or not np.isfinite(np.array(b, dtype=np.float32)).all() for _, b in rows
        )


def test_only_paths_travel(tmp_path):
    big = pl.DataFrame({"x": np.arange(200_000.0), "y": np.arange(200_000)})
    table = ArrowTable(write(tmp_path / "a.arrow", big))
    sent = pickle.dumps(table)
    assert len(sent) < 2_000
    back = pickle.loads(sent)
    assert not hasattr(back, "_parts"), "nothing is opened until it is needed"
    assert back[123_456].columns["x"].tolist() == [123_456.0]


def test_the_file_is_mapped_and_not_read(tmp_path):
    psutil = pytest.importorskip("psutil")
    rows = 4_000_000
    path = write(tmp_path / "a.arrow", pl.DataFrame({"x": np.zeros(rows), "y": np.arange(rows)}))
    before = psutil.Process().memory_info().rss
    table = ArrowTable(path)
    table.__getitems__(np.arange(0, rows, rows // 10))
    # 64 MB of file; some pages around each row that is touched.
    assert psutil.Process().memory_info().rss - before < 32 << 20
    assert not table._parts[0].columns["x"].values.flags.owndata


def test_addresses(tmp_path):
    paths = [write(tmp_path / f"{i}.arrow", FRAME.head(3), record_batch_size=2) for i in range(2)]
    table = ArrowTable(paths, ["last"], files=[4, 7])
    expected = [(4 << FILE_SHIFT) + 2, 7 << FILE_SHIFT, (7 << FILE_SHIFT) + 2]
    assert table.__getitems__([2, 3, 5]).addresses.tolist() == expected
    named = FRAME.select("last", pl.Series(ADDRESS, range(100, 120)))
    table = ArrowTable(write(tmp_path / "n.arrow", named), ["last"])
    assert table.__getitems__([3, 0]).addresses.tolist() == [103, 100]
    assert list(table[0].columns) == ["last"]


def test_what_cannot_be_mapped_is_told(tmp_path):
    path = write(tmp_path / "a.arrow")
    with pytest.raises(UsageError, match=r"'text' holds text.*loaders encodes"):
        ArrowTable(path, ["text"])
    with pytest.raises(UsageError, match=r"no column 'hal'.*columns: text"):
        ArrowTable(path, ["hal"])
    FRAME.write_ipc(path, compression="zstd")
    with pytest.raises(SourceError, match="compressed"):
        ArrowTable(path)
    FRAME.select("half").write_parquet(path)
    with pytest.raises(SourceError, match="no Arrow IPC file"):
        ArrowTable(path)
    with pytest.raises(SourceError, match="cannot map"):
        ArrowTable(tmp_path / "not there")
    one, two = write(tmp_path / "1.arrow"), write(tmp_path / "2.arrow", FRAME.select("last"))
    with pytest.raises(UsageError, match="different columns"):
        ArrowTable([one, two])
    with pytest.raises(IndexError):
        ArrowTable(one)[20]
    with pytest.raises(UsageError, match="holds no lists"):
        ArrowTable(one).lengths("last")
    with pytest.raises(UsageError, match="'text'"):
        MemoryTable(FRAME.select("text"))


def test_damage_is_an_error_and_no_crash(tmp_path):
    whole = io.BytesIO()
    FRAME.write_ipc(whole, compression="uncompressed")
    clean = whole.getvalue()
    random = np.random.default_rng(0)
    path = tmp_path / "a.arrow"
    for _ in range(150):
        broken = bytearray(clean)
        for at in random.integers(len(clean) - 1500, len(clean), size=3):
            broken[at] = int(random.integers(256))
        path.write_bytes(bytes(broken))
        try:
            fields, _ = open_arrow(path)
            table = ArrowTable(path, [f.name for f in fields if f.form])
            table.__getitems__(np.arange(min(len(table), 20)))
        except (SourceError, UsageError, IndexError):
            pass


def test_the_writer_cuts_files_and_keeps_what_is_small(tmp_path):
    frames = [pl.DataFrame({"x": np.arange(i, i + 100.0)}) for i in range(0, 1000, 100)]
    writer = ArrowWriter(tmp_path / "out", part_bytes=2_000)
    for frame in frames:
        writer.add(frame)
    table = writer.finish()
    assert len(writer.paths) == 4
    assert table.column("x").tolist() == list(range(1000))
    small = ArrowWriter(tmp_path / "none")
    small.add(frames[0])
    assert isinstance(small.finish(in_memory=True), MemoryTable)
    assert not (tmp_path / "none").exists()
    with pytest.raises(UsageError, match="no rows"):
        ArrowWriter(tmp_path / "none").finish()
