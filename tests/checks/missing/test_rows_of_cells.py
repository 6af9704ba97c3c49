"""Which rows the rules about texts and stand-ins name, and that every report shows them."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.checks.missing.cells import in_turn
from datacheck.findings import Example, Finding, Report
from datacheck.report.formats import FORMS, Rendering
from datacheck.report.where import Where

ODD = ["?", " ? ", "unknown", "Unknown", "about three", "7 kg", "8 kg"]
ROWS = 80


def audit(source: object, *select: str, **settings: object) -> Report:
    report: Report = datacheck.audit(
        source, settings={"label": "label", "select": list(select), **settings}
    )
    return report


def shown(finding: Finding) -> list[tuple[str, str, object]]:
    """(address, column, value) of each example, which is of one cell."""
    out = []
    for example in finding.examples:
        (address,), ((column, value),) = example.addresses, example.values.items()
        out.append((address, column, value))
    return out


def table(**columns: dict[int, str]) -> pl.DataFrame:
    """Columns of numbers with texts in some rows."""
    cells = {c: [t.get(i, f"{i}.5") for i in range(ROWS)] for c, t in columns.items()}
    return pl.DataFrame({**cells, "label": ["a", "b"] * (ROWS // 2)})


texts = st.dictionaries(st.integers(0, ROWS - 1), st.sampled_from(ODD), max_size=14)


@settings(max_examples=25, deadline=None)
@given(train=texts, test=texts)
def test_rows_of_texts_among_numbers_are_the_first_that_hold_them(train, test):
    """Beside plain Python: splits in order, rows in order, spellings as they stand there."""
    report = audit({"train": table(x=train), "test": table(x=test)}, "MV003", "MV007")
    cells = [
        (f"{split}:{row}", "x", text)
        for split, said in (("train", train), ("test", test))
        for row, text in sorted(said.items())
    ]
    nothing = {"?": ["?", " ? "], "unknown": ["unknown", "Unknown"]}
    for bare, spellings in nothing.items():
        found = [f for f in report.of("MV003") if f.evidence["value"].casefold() == bare]
        wanted = [c for c in cells if c[2] in spellings][:5]
        assert [shown(f) for f in found] == ([wanted] if wanted else [])
    rows: dict[str, list[tuple[str, str, object]]] = defaultdict(list)
    for cell in cells:
        if cell[2] in ODD[4:]:
            rows[cell[2]].append(cell)
    commonest = sorted(rows, key=lambda t: (-len(rows[t]), t))
    turns = [rows[t][i] for i in range(5) for t in commonest if i < len(rows[t])]
    assert [shown(f) for f in report.of("MV007")] == ([turns[:5]] if turns else [])


def test_columns_take_turns():
    report = audit(
        {"train": table(x={3: "4 kg", 5: "4 kg", 9: "6 kg"}, z={7: "1 kg", 8: "2 kg"})}, "MV007"
    )
    (found,) = report.findings
    assert shown(found) == [
        ("train:3", "x", "4 kg"), ("train:7", "z", "1 kg"), ("train:9", "x", "6 kg"),
        ("train:8", "z", "2 kg"), ("train:5", "x", "4 kg"),
    ]  # fmt: skip


@given(st.lists(st.integers(0, 7), max_size=8))
def test_turns_are_the_first_of_each_then_the_second(sizes):
    lists = [[Example((f"{i}",), {"k": k}) for k in range(n)] for i, n in enumerate(sizes)]
    every = sorted((k, i) for i, n in enumerate(sizes) for k in range(n))
    got = [(e.values["k"], int(e.addresses[0])) for e in in_turn(lists)]
    assert got == every[:5]


def test_a_split_whose_cells_are_not_counted_shows_none():
    """Where more than ``max_share`` are texts, the column has another type there."""
    for cells, named in ((9, ["test:2"]), (8, ["train:0", "test:2"])):
        train = table(x=dict.fromkeys(range(cells), "7 kg"))
        frames = {"train": train, "test": table(x={2: "8 kg"})}
        report = audit(frames, "MV007", rules={"MV007": {"max_share": 0.1}})
        assert [a for f in report.findings for a, _, _ in shown(f)][:2] == named


def test_stand_ins_among_numbers_dates_and_categories_name_their_rows():
    rng = np.random.default_rng(4)
    n, at = 400, [3, 50, 90, 91, 200, 300, 399]
    x, day = rng.normal(20, 3, n).round(2), rng.integers(18_000, 19_000, n)
    site = rng.choice(["north", "south", "east"], n).astype(object)
    x[at], day[at], site[at] = -999, 0, "?"
    when = pl.Series(day * 86_400_000_000).cast(pl.Datetime("us"))
    frame = pl.DataFrame(
        {"x": x, "when": when, "site": site.tolist(), "label": rng.integers(0, 2, n)}
    )
    found = {f.columns: shown(f) for f in audit({"train": frame}, "MV003").findings}
    assert found == {
        ("x",): [(f"train:{i}", "x", -999.0) for i in at[:5]],
        ("when",): [(f"train:{i}", "when", datetime(1970, 1, 1)) for i in at[:5]],  # noqa: DTZ001
        ("site",): [(f"train:{i}", "site", "?") for i in at[:5]],
    }


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    """Line 5 has a question mark, line 12 a text: the first row is line 2."""
    folder = tmp_path / "data"
    folder.mkdir()
    table(x={3: "?"}, z={10: "about three"}).write_csv(folder / "train.csv")
    return folder


def test_the_lines_of_sarif_are_those_of_the_cells(csv):
    report = audit(csv, "MV003", "MV007")
    told = json.loads(FORMS["sarif"](report, Rendering(Where.of(csv))))
    lines = {
        r["ruleId"]: [p["physicalLocation"]["region"]["startLine"] for p in r["locations"]]
        for r in told["runs"][0]["results"]
    }
    assert lines == {"MV003": [5], "MV007": [12]}
    text = (csv / "train.csv").read_text(encoding="utf-8").splitlines()
    assert "?" in text[5 - 1]
    assert "about three" in text[12 - 1]


@pytest.mark.parametrize("form", sorted(set(FORMS) - {"sarif"}))
def test_every_report_says_where_to_look(csv, form):
    said = FORMS[form](audit(csv, "MV003", "MV007"), Rendering(Where.of(csv)))
    plain = said.replace("\\", "").replace("&#58;", ":").replace("line=", "train.csv:")
    assert "train.csv:5" in plain
    assert "train.csv:12" in plain
