"""SC003: what breaks a schema is counted, whatever the blocks; what keeps it passes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.api.parsers import Parser

import datacheck
from datacheck.config import Config
from datacheck.contract import infer_schema
from datacheck.errors import ConfigError, UsageError
from datacheck.findings import Status

CLINIC = Path(__file__).resolve().parents[3] / "fixtures" / "clinic"


def judged(schema, **splits):
    return datacheck.audit(splits, settings={"schema": schema, "select": ("SC003",)})


cells = st.lists(
    st.tuples(st.integers(-5, 5) | st.none(), st.sampled_from(["a", "b", "c"]) | st.none()),
    min_size=1,
    max_size=40,
)


@given(rows=cells, low=st.integers(-3, 0), high=st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_counts_are_those_of_a_plain_loop(rows, low, high):
    schema = pa.DataFrameSchema(
        {
            "n": pa.Column(int, pa.Check.in_range(low, high)),
            "s": pa.Column(str, pa.Check.isin(["a", "b"]), nullable=True),
        }
    )
    frame = pl.DataFrame(rows, schema={"n": pl.Int64, "s": pl.String}, orient="row")
    report = judged(schema, train=frame)
    found = {(f.columns[0], f.evidence["check"]): f.count for f in report.findings}
    wanted = {
        ("n", f"in_range({low}, {high})"): sum(
            n is not None and not low <= n <= high for n, _ in rows
        ),
        ("n", "not_nullable"): sum(n is None for n, _ in rows),
        ("s", "isin(['a', 'b'])"): sum(s == "c" for _, s in rows),
    }
    assert found == {k: n for k, n in wanted.items() if n}


@given(
    rows=st.integers(2, 60),
    seed=st.integers(0, 99),
    margin=st.sampled_from([0.0, 0.1, 2.0]),
)
@settings(max_examples=25, deadline=None)
def test_train_keeps_the_schema_that_was_inferred_from_it(rows, seed, margin):
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            "x": rng.normal(size=rows) * 10.0 ** rng.integers(-6, 7),
            "n": rng.integers(-3, 3, rows),
            "c": rng.choice(["red", "green"], rows),
            "b": rng.random(rows) < 0.5,
            "t": [" ".join(rng.choice(["ab", "cde"], 5)) + f" {i}" for i in range(rows)],
            "d": np.datetime64("2024-01-01", "us") + rng.integers(0, 10**12, rows),
            "m": [None if rng.random() < 0.3 else 1.5 for _ in range(rows)],
            "label": rng.integers(0, 2, rows),
        }
    )
    schema, text = infer_schema({"train": frame}, Config(label="label"), margin=margin)
    report = judged(schema, train=frame)
    assert not report.findings, (report, text)


def test_yaml_says_what_the_schema_says(tmp_path):
    schema, text = infer_schema(str(CLINIC), Config())
    path = tmp_path / "schema.yaml"
    path.write_text(text, encoding="utf-8")
    from_file = datacheck.audit(CLINIC, schema=str(path), settings={"select": ("SC003",)})
    in_memory = datacheck.audit(CLINIC, schema=schema, settings={"select": ("SC003",)})
    assert [f.message for f in from_file.findings] == [f.message for f in in_memory.findings]
    assert {f.columns[0] for f in from_file.findings} == {
        "lactate", "oxygen_saturation", "systolic_bp", "temperature_c", "urea_creatinine_ratio",
    }  # fmt: skip


def test_a_stand_in_is_in_no_range_and_train_keeps_the_schema_once_it_is_missing(tmp_path):
    rng = np.random.default_rng(0)
    size = rng.normal(170, 8, 400).round(1)
    size[::40] = -999
    day = np.datetime64("2024-01-01", "us") + rng.integers(0, 10**12, 400)
    day[::50] = np.datetime64("9999-12-31", "us")
    frame = pl.DataFrame({"size": size, "day": day, "label": rng.integers(0, 2, 400)})
    schema, text = infer_schema({"train": frame}, Config(label="label"))
    assert "-999 in size, 9999-12-31 in day" in " ".join(text.split())
    assert all(line.startswith("#") for line in text.split("schema_type")[0].splitlines())
    (found,) = judged(schema, train=frame).findings
    assert (found.columns, found.count) == (("size",), 10)
    known = pl.when(pl.col("size") != -999).then(pl.col("size"))
    assert not judged(schema, train=frame.with_columns(size=known)).findings
    # A person who says that -999 is a value is believed.
    other = Config(label="label", ignore=("MV003",))
    schema, text = infer_schema({"train": frame}, other)
    assert "-999 in" not in text
    assert not judged(schema, train=frame).findings


def test_the_name_of_a_dataset_stays_in_its_comment(tmp_path):
    path = tmp_path / "a\nschema_type: \x1b[31m"
    path.mkdir()
    (path / "train.csv").write_text("x,label\n" + "1,0\n2,1\n" * 20)
    text = infer_schema(str(path), Config())[1]
    assert "\x1b" not in text
    assert [line for line in text.split("\n") if line.startswith("schema_type")] == [
        "schema_type: polars_dataframe"
    ]


def test_a_module_is_imported_when_asked_for_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ours_sc003.py").write_text(
        "import pandera.polars as pa\n"
        "class Row(pa.DataFrameModel):\n"
        "    x: float = pa.Field(ge=0)\n"
        "broken = 3\n"
    )
    frame = pl.DataFrame({"x": [1.0, -1.0], "label": [0, 1]})
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (found,) = judged("ours_sc003:Row", train=frame).findings
    assert found.count == 1
    for name, said in (
        ("ours_sc003:broken", "no schema of pandera.polars"),
        ("ours_sc003:nothing", "cannot import"),
        ("no_such_module:X", "cannot import"),
        ("nowhere.yaml", "cannot read the schema"),
        ("nowhere", "no such file"),
    ):
        with pytest.raises(UsageError, match=said):
            judged(name, train=frame)


def test_a_file_of_settings_cannot_have_code_imported(tmp_path):
    for text in ('schema = "os:system"\n', '[rules.SC003]\nschema = "os:system"\n'):
        (tmp_path / "datacheck.toml").write_text(text)
        with pytest.raises(ConfigError, match="importing a module runs code"):
            datacheck.audit(
                pl.DataFrame({"x": [1, 2]}), config=Config.load(tmp_path / "datacheck.toml")
            )


@pytest.mark.parametrize("text", ["[1, 2", "a: !!python/object/apply:os.system [ls]", "x", ""])
def test_hostile_files_are_told_in_one_line(tmp_path, text):
    path = tmp_path / "schema.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match="no schema"):
        judged(str(path), train=pl.DataFrame({"x": [1, 2]}))


def test_a_check_that_breaks_is_a_failed_rule_or_a_finding_never_a_crash():
    def broken(data):
        raise RuntimeError("mine")

    schema = pa.DataFrameSchema({"x": pa.Column(int, pa.Check(broken))})
    report = judged(schema, train=pl.DataFrame({"x": [1, 2], "label": [0, 1]}))
    (outcome,) = report.outcomes
    assert outcome.status in (Status.FOUND, Status.FAILED)


def test_strict_schema_names_what_it_does_not_know():
    schema = pa.DataFrameSchema({"x": pa.Column(int)}, strict=True)
    frame = pl.DataFrame({"x": [1, 2], "extra": [0, 1]})
    (found,) = judged(schema, train=frame).findings
    assert "extra" in found.message


@pytest.mark.parametrize(
    ("wanted", "wrong"),
    [(pl.Date, 4), (pl.Datetime, 4), (pl.Boolean, 2), (pl.Int64, 1), (pl.Float64, 0)],
)
def test_numbers_are_of_a_type_only_by_value(wanted, wrong):
    frame = pl.DataFrame({"x": [0.0, 1.0, 20.0, 2.5]})
    schema = pa.DataFrameSchema({"x": pa.Column(wanted)})
    report = datacheck.audit(frame, schema=schema, settings={"select": ("SC003",)})
    assert sum(f.count for f in report.findings) == wrong


def test_a_pattern_stands_for_every_column_that_it_matches():
    schema = pa.DataFrameSchema({"f_.*": pa.Column(pl.Float64, pa.Check.ge(0), regex=True)})
    frame = pl.DataFrame({"f_a": [1.0, -1.0, 2.0], "f_b": [-1.0, -2.0, 0.0], "g": [-9.0] * 3})
    found = judged(schema, train=frame).findings
    assert {(f.columns, f.count) for f in found} == {(("f_a",), 1), (("f_b",), 2)}
    (found,) = judged(schema, train=frame.select("g")).findings
    assert found.message == "the schema asks for a column that matches f_.*, which train lacks"


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["u", "v", None])), min_size=2))
@settings(max_examples=25, deadline=None)
def test_columns_that_are_unique_together_are_counted_over_the_whole_split(rows):
    frame = pl.DataFrame(rows, schema={"a": pl.Int64, "b": pl.String}, orient="row")
    frame = frame.with_columns(label=pl.lit(0))
    schema = pa.DataFrameSchema(
        {"a": pa.Column(pl.Int64), "b": pa.Column(pl.String, nullable=True)}, unique=["a", "b"]
    )
    again = [i for i, row in enumerate(rows) if row in rows[:i]]
    found = judged(schema, train=frame).findings
    assert [f.count for f in found] == ([len(again)] if again else [])
    for finding in found:
        told = [[int(a.removeprefix("train:")) for a in e.addresses] for e in finding.examples]
        assert [i for i, _ in told] == again[: len(told)]
        assert [rows.index(rows[i]) for i, _ in told] == [first for _, first in told]


def test_the_order_of_columns_is_judged_where_the_schema_asks_for_it():
    columns = {"a": pa.Column(pl.Int64), "b": pa.Column(pl.Int64)}
    train, test = pl.DataFrame({"a": [1], "b": [2]}), pl.DataFrame({"b": [2], "a": [1]})
    (found,) = judged(pa.DataFrameSchema(columns, ordered=True), train=train, test=test).findings
    assert (found.splits, found.columns) == (("test",), ("b", "a"))
    assert not judged(pa.DataFrameSchema(columns), train=train, test=test).findings


def test_parsers_are_not_run_and_the_report_says_so():
    told = pa.Column(pl.Int64, pa.Check.ge(0), parsers=Parser(abs))
    for schema in (
        pa.DataFrameSchema({"a": told}),
        pa.DataFrameSchema({"a": pa.Column(pl.Int64, pa.Check.ge(0))}, parsers=Parser(abs)),
    ):
        report = judged(schema, train=pl.DataFrame({"a": [1, -1]}))
        assert [f.count for f in report.findings] == [1]
        assert any("parsers of the schema are not run" in a for a in report.assumptions)


def test_only_train_says_what_stands_for_a_missing_value():
    rng = np.random.default_rng(1)
    size, part = rng.normal(170, 8, 400).round(1), np.repeat(["train", "test"], 200)
    size[200::20] = -999
    only_test = np.where(part == "test", rng.normal(0, 1, 400).round(3), np.nan)
    only_test[200::20] = 9999
    frame = pl.DataFrame({"size": size, "late": only_test, "label": rng.integers(0, 2, 400),
                          "part": part})  # fmt: skip
    text = infer_schema({"all": frame}, Config(label="label", split_column="part"))[1]
    assert "MV003" not in text
