"""Delimited text: what the csv module writes is read back, whatever the chunks."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.dataset import Kind
from datacheck.sources import SourceOptions, open_source, streams

CELLS = st.text(st.sampled_from('ab,;"\n 1é'), max_size=6).filter(lambda c: c.strip("\n") == c)
ROWS = st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=12)


def read_all(path, columns=None, **options):
    """(frame, rows, problems) of a file with one split."""
    data = open_source(path, SourceOptions(**options))
    frames, rows, problems = [], [], list(data.problems)
    wanted = columns or list(data.columns)
    for split in data.splits.values():
        for fragment in split.fragments:
            for batch in fragment.read(wanted, 1000):
                frames.append(batch.frame)
                rows += batch.rows.tolist()
                problems += batch.problems
    return pl.concat([f for f in frames if f.width]), rows, problems


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(streams, "CHUNK", 7)


@given(rows=ROWS, chunk=st.integers(1, 60), ends=st.sampled_from(["\n", "\r\n"]))
def test_what_csv_writes_is_read_back(rows, chunk, ends, tmp_path_factory):
    path = tmp_path_factory.mktemp("d") / "x.csv"
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=ends, quoting=csv.QUOTE_ALL)
    writer.writerow(["left", "right"])
    lines, line = [], 2
    for row in rows:
        lines.append(line)
        writer.writerow(row)
        line += 1 + sum(cell.count("\n") for cell in row)
    path.write_bytes(out.getvalue().encode())
    before = streams.CHUNK
    try:
        streams.CHUNK = chunk
        from datacheck.sources.convert import Reading
        from datacheck.sources.delimited import DelimitedFragment
        from datacheck.sources.sniff import Dialect

        how = dict.fromkeys(("left", "right"), Reading(Kind.TEXT))
        fragment = DelimitedFragment(
            "data", "x.csv", path, ("left", "right"), Dialect(",", True, True, 2), how
        )
        batches = list(fragment.read(["left", "right"], 10))
    finally:
        streams.CHUNK = before
    seen = [row for b in batches for row in b.frame.iter_rows()]
    assert [n for b in batches for n in b.rows.tolist()] == lines
    assert seen == [tuple(cell or None for cell in row) for row in rows]
    assert not [p for b in batches for p in b.problems]


def test_ragged_records_are_told_with_their_line_and_no_other_row_is_lost(tmp_path, small_chunks):
    path = tmp_path / "x.csv"
    path.write_text("a,b,c\n" + "1,2,3\n" * 40 + "1,2\n" + "4,5,6\n" * 3 + "1,2,3,4\n")
    frame, rows, problems = read_all(path)
    assert frame.height == 43
    assert rows == [*range(2, 42), 43, 44, 45]
    assert [(p.row, p.reason) for p in problems] == [
        (42, "2 fields instead of 3"), (46, "4 fields instead of 3"),
    ]  # fmt: skip


def test_blank_lines_are_no_rows_but_count_as_lines(tmp_path, small_chunks):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n\n1,2\n\n\n3,4\n")
    frame, rows, problems = read_all(path)
    assert frame.rows() == [(1.0, 2.0), (3.0, 4.0)]
    assert rows == [3, 6]
    assert not problems


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("name", ["x.csv", "x.txt"])
def test_any_delimiter_is_told(tmp_path, delimiter, name):
    path = tmp_path / name
    rows = [f"{i}{delimiter}{i / 7:.3f}{delimiter}{'yes' if i % 3 else 'no'}" for i in range(1, 40)]
    path.write_text("\n".join([delimiter.join(["n", "x", "label"]), *rows]))
    data = open_source(path)
    assert list(data.columns) == ["n", "x", "label"]
    assert data.label is not None
    assert data.label.name == "label"


def test_header_is_told_by_its_words(tmp_path):
    numbers = tmp_path / "numbers.csv"
    numbers.write_text("1,2.5,a\n2,3.5,b\n" * 20)
    assert list(open_source(numbers).columns) == ["column_1", "column_2", "column_3"]
    words = tmp_path / "words.csv"
    words.write_text("ham\tcome at once\nspam\twin money now\nham\tsee you\n" * 5)
    assert "column_1" in open_source(words).columns
    named = tmp_path / "named.csv"
    named.write_text("text,category\nwhere is my card,card\nlost it,lost\n")
    assert list(open_source(named).columns) == ["text", "category"]
    assert list(open_source(named, SourceOptions(header=False)).columns) == ["column_1", "column_2"]


def test_quotes_around_no_field_are_plain_characters(tmp_path):
    path = tmp_path / "sms.tsv"
    body = 'ham\tsaid "hi" to me\nspam\t"win\nham\tok then\nspam\tcall 5" now\n' * 10
    path.write_text(body)
    frame, rows, problems = read_all(path)
    assert frame.height == 40
    assert rows == list(range(1, 41))
    assert not problems
    assert '"win' in frame.to_series(1).to_list()


def test_spaces_after_delimiters_go(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("39, State-gov, <=50K\n50, ?, >50K\n" * 20)
    frame, _, _ = read_all(path)
    assert set(frame["column_2"]) == {"State-gov", "?"}


@pytest.mark.parametrize(
    ("encoding", "bom"), [("utf-8-sig", False), ("utf-16", False), ("utf-8", False)]
)
def test_byte_order_marks(tmp_path, encoding, bom):
    path = tmp_path / "x.csv"
    path.write_bytes("name,x\ncafé,1\nthé,2\n".encode(encoding))
    frame, rows, problems = read_all(path)
    assert frame["name"].to_list() == ["café", "thé"]
    assert rows == [2, 3]
    assert not problems


def test_lines_that_are_no_utf8_are_read_and_told(tmp_path, small_chunks):
    path = tmp_path / "x.csv"
    path.write_bytes(b"name,x\nplain,1\n" + "café,2\n".encode("cp1252") + "thé,3\n".encode())
    frame, _, problems = read_all(path)
    assert frame["name"].to_list() == ["plain", "café", "thé"]
    assert [(p.row, p.warning) for p in problems] == [(3, True)]


@pytest.mark.parametrize("packed", ["gz", "zst"])
def test_compressed(tmp_path, packed):
    import gzip

    import zstandard

    raw = b"a,b\n1,2\n3,4\n"
    path = tmp_path / f"train.csv.{packed}"
    path.write_bytes(gzip.compress(raw) if packed == "gz" else zstandard.compress(raw))
    frame, rows, _ = read_all(path)
    assert frame.rows() == [(1.0, 2.0), (3.0, 4.0)]
    assert rows == [2, 3]


def test_a_stream_that_breaks_off_keeps_what_came_before(tmp_path):
    import gzip

    import numpy as np

    numbers = np.random.default_rng(0).integers(0, 10**6, (20_000, 2)).tolist()
    body = "a,b\n" + "".join(f"{i},{j}\n" for i, j in numbers)
    packed = gzip.compress(body.encode())
    path = tmp_path / "x.csv.gz"
    path.write_bytes(packed[: len(packed) * 3 // 4])
    import datacheck

    report = datacheck.audit(path, select=["MV006"])
    (found,) = [f for f in report.findings if "breaks off" in f.message or "cut short" in f.message]
    assert found.severity is datacheck.Severity.ERROR
    assert report.dataset["splits"]["data"]["rows"] > 10_000


def test_two_names_alike_are_kept_apart(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,a,b\n1,2,3\n4,5,6\n")
    data = open_source(path)
    assert list(data.columns) == ["a", "a_2", "b"]
    assert [p.warning for p in data.problems] == [True]


def test_cells_that_do_not_parse_are_tokens(tmp_path, small_chunks):
    path = tmp_path / "x.csv"
    cells = ["1", "?", "NA", "", "1e3", "?", "inf", "5 kg", "7", "8", "9", "10", "11", "12", "13"]
    path.write_text("x,y\n" + "".join(f"{c},1\n" for c in cells))
    data = open_source(path)
    (fragment,) = data.splits["data"].fragments
    found: list[str] = []
    for batch in fragment.read(["x"], 1000):
        if "x" in batch.tokens:
            assert len(batch.tokens["x"]) == batch.height
            found += batch.tokens["x"].drop_nulls().to_list()
    assert found == ["?", "?", "5 kg"]


def test_a_quote_that_never_closes_is_told(tmp_path):
    path = Path(tmp_path) / "x.csv"
    path.write_text('a,b\n"x",1\n' + '"y",2\n' * 30 + '"z,3\nw,4\n')
    _, _, problems = read_all(path, columns=["a", "b"])
    assert problems
