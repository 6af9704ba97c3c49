"""What cannot be read is told by line, counted, and named a few times."""

from __future__ import annotations

import pytest

import datacheck
from datacheck.checks.missing import unreadable_file as found
from datacheck.dataset import Problem


def audit(folder, rows, broken):
    """A CSV of three columns with lines of other widths in between, and what MV006 says."""
    lines = ["a,b,label", *(f"{i},{i * 2},{'xy'[i % 2]}" for i in range(rows))]
    for k in range(broken):
        lines.insert(3 + 3 * k, ",".join("9" * (4 + k)))
    (folder / "train.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    report = datacheck.audit(folder / "train.csv", settings={"select": ["MV006"]})
    return report.findings


@pytest.mark.parametrize("broken", [1, 2, 5, 6, 9])
def test_lines_of_another_width(tmp_path, broken):
    (found,) = audit(tmp_path, 60, broken)
    assert (found.count, found.total, found.unit) == (broken, 60 + broken, "records")
    where = f"(from line {4} on)" if broken > 1 else "(line 4)"
    noun = "records" if broken > 1 else "record"
    assert found.message == f"{broken} {noun} of train.csv {where}: 4 fields instead of 3"
    shown = min(broken, 5)
    assert found.evidence["reasons"] == [f"{4 + k} fields instead of 3" for k in range(shown)]
    assert found.evidence["files"] == ["train.csv"]
    told = [(e.addresses, e.values["reason"]) for e in found.examples]
    assert told == [
        ((f"data/train.csv:{4 + 3 * k}",), f"{4 + k} fields instead of 3") for k in range(shown)
    ]


def test_nothing_is_wrong_with_a_file_that_can_be_read(tmp_path):
    assert audit(tmp_path, 60, 0) == []


def test_a_file_that_cannot_be_read_at_all_is_a_file(tmp_path):
    for name in ("good", "bad"):
        part = tmp_path / "train" / f"{name}.parquet"
        part.parent.mkdir(exist_ok=True)
        part.write_bytes(b"PAR1 this is no table PAR1")
    import polars as pl

    good = pl.DataFrame({"x": [1.0, 2.0] * 30, "label": ["a", "b"] * 30})
    good.write_parquet(tmp_path / "train" / "good.parquet")
    (found,) = datacheck.audit(tmp_path, settings={"select": ["MV006"]}).findings
    assert (found.count, found.total, found.unit) == (1, 2, "files")
    assert "1 file bad.parquet" in found.message or "1 file train/bad.parquet" in found.message
    assert len(found.examples) == 1


@pytest.mark.parametrize(
    ("reason", "records"),
    [
        ("3 more lines are not text", 3), ("1 line is too long", 1),
        ("12,345 rows are lost", 12345), ("2 records break off", 2),
        ("4 fields instead of 3", None), ("breaks off", None),
        ("3 linesmen", None),
    ],
)  # fmt: skip
def test_how_many_records_a_reason_speaks_of(reason, records):
    assert found._said(Problem("train", "a.csv", -1, reason)) == records


def test_reasons_are_of_a_kind_but_for_numbers_and_names():
    kind = found._kind("'a b.png' is 4,000 by 12.5 of \"x\"")
    assert kind == "… is … by … of …"
    assert found._kind("5 fields") == found._kind("17 fields") != found._kind("5 files")


def test_a_reader_that_stopped_telling_joins_the_records_that_it_told():
    told = [Problem("train", "a.csv", 7, "4 fields instead of 3")]
    more = Problem("train", "a.csv", -1, "9 more lines")
    assert found._joins((False, False, "k"), told, more)
    assert not found._joins((False, True, "k"), told, more)
    assert not found._joins((True, False, "k"), told, more)
    other = Problem("train", "b.csv", -1, "9 more lines")
    assert not found._joins((False, False, "k"), told, other)


@pytest.mark.parametrize(
    ("problem", "address"),
    [
        (Problem("train", "a.csv", 7, ""), "train/a.csv:7"),
        (Problem("train", "train/a.csv", 0, ""), "train/a.csv:0"),
        (Problem("train", "a.csv", -1, ""), "train/a.csv"),
        (Problem("", "a.csv", 7, ""), "a.csv:7"),
        (Problem("train", "cats/1.png", -1, ""), "cats/1.png"),
    ],
)
def test_addresses_are_those_of_rows(problem, address):
    assert found._address(problem, {"cats/1.png"}) == address
