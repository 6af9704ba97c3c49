"""Two versions of a dataset: rows that stay, come, go and change, against a plain count."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.errors import SourceError, UsageError
from datacheck.report import changes

CLINIC = Path(__file__).resolve().parents[1] / "fixtures" / "clinic"
ROWS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab")), min_size=1, max_size=30)


def frame(rows):
    return pl.DataFrame(rows, schema={"x": pl.Int64, "label": pl.String}, orient="row")


@given(old=ROWS, new=ROWS)
@settings(max_examples=60, deadline=None)
def test_counts_are_those_of_multisets(old, new):
    told = datacheck.diff({"train": frame(old)}, {"train": frame(new)}, label="label")
    rows = told.changes["train"]
    same = sum((Counter(old) & Counter(new)).values())
    assert (rows.old, rows.new, rows.same) == (len(old), len(new), same)
    assert (rows.added, rows.removed) == (len(new) - same, len(old) - same)
    assert rows.changed is None


@given(
    old=st.dictionaries(st.integers(0, 40), st.integers(0, 3), min_size=12, max_size=30),
    new=st.dictionaries(st.integers(0, 40), st.integers(0, 3), min_size=12, max_size=30),
)
@settings(max_examples=40, deadline=None)
def test_rows_with_a_known_id_and_another_content_are_changed(old, new):
    def table(rows):
        return pl.DataFrame({"row_id": [f"r{k}" for k in rows], "x": list(rows.values())})

    told = datacheck.diff({"train": table(old)}, {"train": table(new)}, id=("row_id",))
    rows = told.changes["train"]
    assert rows.by == "row_id"
    apart = [i for i, (k, v) in enumerate(new.items()) if k in old and old[k] != v]
    assert rows.changed == len(apart)
    assert rows.columns == ({"x": len(apart)} if apart else {})
    values = list(new.items())
    assert list(rows.cells.values()) == [
        {"x": [str(old[values[i][0]]), str(values[i][1])]} for i in apart[:5]
    ]


def test_nothing_changes_in_itself():
    told = datacheck.diff(CLINIC, CLINIC)
    assert not told.findings
    assert set(told.changes) == {"train", "test"}
    for rows in told.changes.values():
        assert rows.same == rows.old == rows.new
        assert rows.added == rows.removed == rows.changed == 0
        assert not rows.examples
        assert not rows.columns
        assert not rows.cells


def test_changed_cells_are_told_with_what_they_were(tmp_path):
    lines = (CLINIC / "train.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    at = lines[0].split(",").index("heart_rate")
    for k in (4, 9):
        cells = lines[k].split(",")
        cells[at] = "\x1b[31m9"
        lines[k] = ",".join(cells)
    (tmp_path / "train.csv").write_text("".join(lines), encoding="utf-8")
    (tmp_path / "test.csv").write_bytes((CLINIC / "test.csv").read_bytes())
    told = datacheck.diff(CLINIC, tmp_path)
    assert told.changes["train"].columns == {"heart_rate": 2}
    assert list(told.changes["train"].cells) == ["new/train.csv:5", "new/train.csv:10"]
    text = changes.render(told)
    assert "changed  in   heart_rate (2)" in text
    assert " → " in text
    assert "\x1b" not in text


@pytest.fixture
def versions(tmp_path):
    for name in ("v1", "v2"):
        (tmp_path / name).mkdir()
    train = pl.read_csv(CLINIC / "train.csv", infer_schema=False)
    test = pl.read_csv(CLINIC / "test.csv", infer_schema=False)
    for split, table in (("train", train), ("test", test)):
        table.write_csv(tmp_path / "v1" / f"{split}.csv")
    train[10:].write_csv(tmp_path / "v2" / "train.csv")
    test.drop("ward").write_csv(tmp_path / "v2" / "test.csv")
    test.head(5).write_csv(tmp_path / "v2" / "val.csv")
    return tmp_path


def test_drift_schema_and_rows_of_files(versions):
    told = datacheck.diff(versions / "v1", versions / "v2")
    assert told.changes["train"].removed == 10
    assert told.changes["train"].examples == {
        "removed": [f"old/train.csv:{i}" for i in range(2, 7)]
    }
    assert [f.rule for f in told.findings] == ["SC001"]
    assert told.come == ("val",)
    assert told.gone == ()


def test_command_line(versions, capsys):
    from click.testing import CliRunner

    from datacheck.cli.app import cli

    def run(*flags):
        return CliRunner().invoke(
            cli, ["diff", str(versions / "v1"), str(versions / "v2"), *flags], prog_name="datacheck"
        )

    done = run()
    assert done.exit_code == 1
    assert "train: 1,200 → 1,190 rows; 1,190 stay, 0 come, 10 go" in done.output
    assert "ERROR SC001" in done.output
    assert "splits that are new: val" in done.output
    told = json.loads(run("--format", "json").output)
    assert told["splits"]["train"]["rows"]["removed"] == 10
    assert [f["rule"] for f in told["splits"]["test"]["findings"]] == ["SC001"]
    assert run("--fail-on", "never").exit_code == 0
    assert run("--select", "NM", "-q").exit_code == 0


def test_pictures_and_texts_compare(tmp_path):
    shapes = CLINIC.parent / "shapes"
    told = datacheck.diff(shapes, shapes)
    assert all(r.same == r.new > 0 for r in told.changes.values())


def test_what_cannot_be_compared(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError):
        datacheck.diff(tmp_path / "empty", CLINIC)
    with pytest.raises(UsageError, match="no split is in both"):
        datacheck.diff({"train": frame([(1, "a")])}, {"test": frame([(1, "a")])})
