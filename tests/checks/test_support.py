"""Small things that many rules need."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest

from datacheck.checks import support
from datacheck.checks.base import ADDRESS
from datacheck.dataset import Column, Dataset, Kind, Role, Split, Task

NUMBER, CATEGORY, TEXT, TIME = Kind.NUMBER, Kind.CATEGORY, Kind.TEXT, Kind.DATETIME


def data(*columns, task: Task | None = Task.CLASSIFICATION, lacks=()):
    made = {c.name: c for c in columns}
    kinds = {c.name: c.kind for c in columns}
    splits = {
        "train": Split("train", [], dict(kinds)),
        "test": Split("test", [], {c: k for c, k in kinds.items() if c not in lacks}),
    }
    return Dataset("d", splits, made, task)


LABEL = Column("y", CATEGORY, Role.LABEL)


def test_label_counts_are_asked_for_where_there_are_classes():
    assert [n.columns for n in support.need_label_counts(data(LABEL))] == [("y",)]
    assert support.need_label_counts(data(LABEL, task=Task.REGRESSION)) == []
    assert support.need_label_counts(data(Column("x", NUMBER))) == []
    made = data(LABEL, lacks=("y",))
    context = cast(Any, SimpleNamespace(data=made, label=lambda task: LABEL,
                                        values=lambda s: {"y": {"a": 2}}))  # fmt: skip
    assert (support.has_label(context, "train"), support.has_label(context, "test")) == (
        True,
        False,
    )
    assert support.label_counts(context, "train") == {"a": 2}
    bare = cast(Any, SimpleNamespace(data=data(Column("x", NUMBER))))
    assert not support.has_label(bare, "train")


def test_missing_cells_of_numbers_and_of_others():
    made = data(Column("x", NUMBER), Column("t", TIME), Column("w", CATEGORY))
    needs = support.need_missing(made, ["x", "t", "w"])
    assert [(n.kind, n.columns) for n in needs] == [("moments", ("x", "t")), ("nulls", ("w",))]
    assert [n.kind for n in support.need_missing(made, ["w"])] == ["nulls"]
    assert [n.kind for n in support.need_missing(made, ["t"])] == ["moments"]
    context = cast(Any, SimpleNamespace(
        data=made, moments=lambda s: {"x": SimpleNamespace(missing=3)}, nulls=lambda s: {"w": 5},
    ))  # fmt: skip
    assert support.missing(context, "train", "x") == 3
    assert support.missing(context, "train", "w") == 5


def test_the_sample_holds_all_but_what_is_ignored_or_measured():
    measured = [Column(f"p.{m}", NUMBER, Role.MEASURED) for m in ("mean", "std")]
    made = data(Column("x", NUMBER), Column("i", NUMBER, Role.IGNORE), LABEL, *measured)
    (need,) = support.need_sample(made, "p.std")
    assert need.columns == ("x", "y", "p.std")
    assert need.params == (("label", "y"),)
    made.task = Task.REGRESSION
    assert support.need_sample(made)[0].params == ()
    assert support.need_sample(data(Column("x", NUMBER)))[0].params == ()
    assert [c.name for c in support.features(made)] == ["x"]


def test_what_makes_two_rows_the_same():
    made = data(
        Column("x", NUMBER), Column("u", NUMBER, unique=True), Column("t", TIME, Role.TIME),
        Column("g", CATEGORY, Role.GROUP), Column("tu", TIME, Role.TIME, unique=True),
        Column("id", CATEGORY, Role.ID), Column("gone", NUMBER), LABEL, lacks=("gone",),
    )  # fmt: skip
    assert support.hash_columns(made) == ("x", "u", "t", "g")
    (need,) = support.need_row_hashes(made)
    assert need.columns == ("x", "u", "t", "g")
    assert dict(need.params)["label"] == "y"
    assert support.need_row_hashes(data(LABEL)) == []
    assert dict(support.need_row_hashes(data(Column("x", NUMBER)))[0].params)["label"] == ""


def test_parts_of_a_table_are_dealt_out_by_distinct_values():
    def parts(*distinct, kind=NUMBER):
        return support.table_parts(data(
            *(Column(f"c{j}", kind if j == 0 else NUMBER, distinct=d)
              for j, d in enumerate(distinct))
        ))  # fmt: skip

    assert parts(9, 8, 7) == ""
    assert parts(9, 8, 7, 6) == "0122"
    assert parts(6, 7, 8, 9) == "2210"
    assert parts(5, 5, 5, 5) == "0122"
    assert parts(*range(20, 8, -1)) == "012210012210"
    for kind in (TEXT, Kind.SEQUENCE, Kind.IMAGE, Kind.ARRAY):
        assert parts(9, 8, 7, 6, kind=kind) == ""


@pytest.mark.parametrize(("rows", "shown"), [(2, 2), (9, 5)])
def test_examples_are_the_first_rows(rows, shown):
    frame = pl.DataFrame({ADDRESS: range(rows), "x": range(10, 10 + rows), "z": [0] * rows})
    context = cast(Any, SimpleNamespace(locate=lambda s, a: tuple(f"{s}:{i}" for i in a)))
    found = support.examples(context, "train", frame, ["x"])
    assert [e.addresses for e in found] == [(f"train:{i}",) for i in range(shown)]
    assert [e.values for e in found] == [{"x": 10 + i} for i in range(shown)]
