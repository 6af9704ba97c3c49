from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.findings import Finding, Report
from datacheck.pipelines.named_rows import RULES, rows_named
from datacheck.sources import open_source

FIXTURES = Path(__file__).parents[2] / "fixtures" / "rules"


def named(path, **options):
    """What the audit of ``path`` found, and the rows it names, spelled."""
    report = datacheck.audit(path, **options)
    data = open_source(path)
    return report, data, rows_named(data, report)


def write(folder, **splits):
    for name, frame in splits.items():
        frame.write_parquet(folder / f"{name}.parquet")
    return folder


@pytest.mark.parametrize("code", RULES)
def test_each_rules_own_fixture(code):
    """The rows are as many as the finding counts, and hold those that it shows."""
    report, data, found = named(FIXTURES / code / "bad")
    mine = [f for f in report.findings if f.rule == code]
    assert mine
    assert code in found
    addresses = found[code]
    assert (np.diff(addresses) > 0).all()
    spelled = {data.locate(s, int(a)) for a in addresses for s in data.splits}
    for finding in mine:
        for example in finding.examples:
            # Of a group LB004 shows the first row, and NM006's rows are those of evaluation.
            assert set(example.addresses) <= spelled, example


@pytest.mark.parametrize("code", RULES)
def test_clean_data_names_no_rows(code):
    _, _, found = named(FIXTURES / code / "clean", select=(code,))
    assert found == {}


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    n = 2000
    a = rng.normal(size=n)
    a[[5, 1500]] = [1e7, -1e7]
    b = rng.normal(size=n)
    b[100:200] = np.nan
    c = rng.normal(5, 1, size=n)
    c[[7, 8]] = [np.inf, -np.inf]
    words = rng.choice(["x", "y", "z"], n).astype(object)
    words[300:340] = "N/A"
    label = rng.choice(["yes", "no"], n).astype(object)
    label[[42, 43]] = None
    test = pl.DataFrame({"a": rng.normal(size=400), "b": rng.normal(size=400),
                         "c": rng.normal(5, 1, size=400),
                         "w": rng.choice(["x", "y", "new"], 400),
                         "label": rng.choice(["yes", "no"], 400)})  # fmt: skip
    train = pl.DataFrame(
        {"a": a, "b": b, "c": c, "w": words.tolist(), "label": label.tolist()},
        schema={"a": pl.Float64, "b": pl.Float64, "c": pl.Float64, "w": pl.String,
                "label": pl.String},
    )  # fmt: skip
    train = pl.concat([train, train[10:13]])
    return write(tmp_path, train=train, test=test), test


def test_exactly_the_planted_rows(folder):
    path, test = folder
    _, data, found = named(path, label="label")
    at = {Path(f).stem: i << 40 for i, f in enumerate(data.files)}

    def rows(split, code):
        mine = found[code]
        return (mine[(mine >= at[split]) & (mine < at[split] + (1 << 40))] - at[split]).tolist()

    assert rows("train", "NM005") == [5, 1500]
    assert rows("train", "MV001") == list(range(100, 200))
    assert rows("train", "MV002") == [7, 8]
    assert rows("train", "MV003") == list(range(300, 340))
    assert rows("train", "LB003") == [42, 43]
    assert rows("train", "LB004") == [10, 11, 12, 2000, 2001, 2002]
    assert rows("train", "NM006") == []
    assert rows("test", "NM006") == np.flatnonzero((test["w"] == "new").to_numpy()).tolist()


def test_texts_among_numbers(tmp_path):
    lines = [f"{i % 17}.5,{i % 2}" for i in range(400)]
    lines[30:34] = ["12 kg,0", "?,1", ",0", "n/a,1"]
    (tmp_path / "train.csv").write_text("\n".join(["x,label", *lines]) + "\n")
    _, data, found = named(tmp_path, label="label")
    spelled = {c: [data.locate("train", int(a)) for a in rows] for c, rows in found.items()}
    # A row of a CSV file is the line it stands on; the first is the header.
    assert [s.rsplit(":")[-1] for s in spelled["MV007"]] == ["32"]
    assert [s.rsplit(":")[-1] for s in spelled["MV003"]] == ["33"]
    assert [s.rsplit(":")[-1] for s in spelled["MV001"]] == ["34", "35"]


def test_a_report_of_other_data_names_nothing(folder):
    path, _ = folder
    stranger = Finding("MV001", "missing-values", datacheck.Severity.WARNING, "m", "w",
                       splits=("train",), columns=("gone",))  # fmt: skip
    assert rows_named(open_source(path), Report({}, [stranger])) == {}
