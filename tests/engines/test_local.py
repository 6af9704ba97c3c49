"""The one scan: each fragment once, only the columns needed, in bounded memory."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.dataset import Batch, Column, Dataset, Kind, Role, Split, Task
from datacheck.engines import local
from datacheck.engines.plan import BLOCK_CELLS, block_rows, make_plan
from datacheck.summaries import Need
from datacheck.summaries.row_hashes import RowHashes


class Counted:
    """A fragment that counts how often it is opened, and of what."""

    def __init__(self, split, frame, breaks=None):
        self.split, self.file, self.frame, self.breaks = split, f"{split}.x", frame, breaks
        self.opened = []

    def fingerprint(self):
        return (self.file, self.frame.height, 0)

    def read(self, columns, batch_rows):
        self.opened.append(tuple(columns))
        for at in range(0, self.frame.height, 100):
            if self.breaks is not None and at >= self.breaks:
                raise datacheck.SourceError("broke")
            part = self.frame.slice(at, 100).select(columns)
            yield Batch(part, np.arange(at, at + part.height))


def dataset(*fragments):
    columns = {
        "x": Column("x", Kind.NUMBER, distinct=90, peeked=100),
        "c": Column("c", Kind.CATEGORY, distinct=3, peeked=100),
        "unused": Column("unused", Kind.NUMBER, Role.IGNORE),
        "label": Column("label", Kind.CATEGORY, Role.LABEL, distinct=2, peeked=100),
    }
    kinds = {c.name: c.kind for c in columns.values()}
    splits = {f.split: Split(f.split, [f], dict(kinds)) for f in fragments}
    return Dataset("d", splits, columns, Task.CLASSIFICATION)


def frame(n, seed):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "x": rng.normal(size=n),
            "c": rng.choice(list("abc"), n),
            "unused": np.zeros(n),
            "label": rng.choice(["u", "v"], n),
        }
    )


def test_every_fragment_is_opened_once_for_all_rules(monkeypatch):
    fragments = [Counted("train", frame(450, 1)), Counted("test", frame(250, 2))]
    monkeypatch.setattr("datacheck.sources.open_source", lambda *_: dataset(*fragments))
    report = datacheck.audit("anything")
    assert [len(f.opened) for f in fragments] == [1, 1]
    assert "unused" not in fragments[0].opened[0]
    assert {s: v["rows"] for s, v in report.dataset["splits"].items()} == {
        "train": 450,
        "test": 250,
    }


def test_columns_that_no_rule_needs_are_never_read():
    one = Counted("train", frame(120, 1))
    data = dataset(one)
    local.run(data, make_plan(data, [Need("moments", ("x",))]))
    assert one.opened == [("x",)]


def test_a_fragment_that_breaks_off_is_a_problem_and_its_rows_count():
    one = Counted("train", frame(450, 1), breaks=300)
    data = dataset(one)
    scan = local.run(data, make_plan(data, [Need("moments", ("x",))]))
    assert scan.rows == {"train": 300}
    assert [p.reason for p in scan.problems] == ["breaks off while reading: broke"]


def test_row_hashes_past_the_budget_go_to_scratch():
    one = Counted("train", frame(200_000, 1))
    data = dataset(one)
    need = Need("row_hashes", ("x", "c"), (("label", "label"),))
    small = local.run(data, make_plan(data, [need]), memory=4 << 20)
    large = local.run(data, make_plan(data, [need]), memory=1 << 30)
    (a,), (b,) = small.summaries.values(), large.summaries.values()
    assert isinstance(a, RowHashes)
    assert isinstance(b, RowHashes)
    assert a.nbytes() <= 1 << 20 < b.nbytes()
    assert np.array_equal(a.features(), b.features())
    assert np.array_equal(a.addresses(), b.addresses())


def test_fetch_brings_those_very_rows():
    data = dataset(Counted("train", frame(450, 1)), Counted("test", frame(250, 2)))
    addresses = np.array([3, 449, (1 << 40) + 7])
    found = local.fetch(data, addresses, ["x", "c"])
    assert found["__address__"].to_list() == addresses.tolist()
    expected = [frame(450, 1)["x"][3], frame(450, 1)["x"][449], frame(250, 2)["x"][7]]
    assert found["x"].to_list() == expected


@pytest.mark.parametrize("columns", [1, 30, 300, 10_000, 10**6])
def test_blocks_of_wide_tables_are_shorter(columns):
    rows = block_rows(columns)
    assert rows == 64 or rows * columns <= BLOCK_CELLS


def test_rows_of_a_split_column_reach_their_split():
    rng = np.random.default_rng(0)
    whole = frame(900, 3).with_columns(pl.Series("split", rng.choice(["train", "test"], 900)))
    report = datacheck.audit(whole, select=["CB002"])
    sizes = dict(whole["split"].value_counts().iter_rows())
    assert {s: v["rows"] for s, v in report.dataset["splits"].items()} == sizes


def test_progress_ends_with_all_rows():
    seen = []
    data = {"train": frame(3000, 1), "test": frame(1000, 2)}
    datacheck.audit(data, progress=lambda rows, share, file: seen.append((rows, share, file)))
    assert seen[-1][0] == 4000
    assert [s[0] for s in seen] == sorted(s[0] for s in seen)
