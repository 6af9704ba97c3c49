"""A rule that cannot apply asks the scan for nothing, and no file is read for it."""

from __future__ import annotations

from typing import Any

import pytest

from datacheck.checks.codes import CODES
from datacheck.dataset import Column, Dataset, Kind, Role, Split, Task

X = Column("x", Kind.NUMBER, peeked=9, distinct=9)
ENTITY = Column("e", Kind.CATEGORY, peeked=90, distinct=30)
LABEL = Column("y", Kind.CATEGORY, Role.LABEL)
NUMBER = Column("y", Kind.NUMBER, Role.LABEL)
USER = Column("u", Kind.CATEGORY, Role.GROUP)
TIME = Column("t", Kind.DATETIME, Role.TIME)
TEXT = Column("w", Kind.TEXT)


def dataset(*columns: Column, splits=("train", "test"), task=Task.CLASSIFICATION) -> Dataset:
    kinds = {c.name: c.kind for c in columns}
    return Dataset(
        "d", {s: Split(s, [], dict(kinds)) for s in splits}, {c.name: c for c in columns}, task
    )


ONE = ("train",)


@pytest.mark.parametrize(
    ("code", "data", "asked"),
    [
        ("LK001", dataset(X, LABEL), ["row_hashes", "row_sample"]),
        ("LK001", dataset(X, LABEL, splits=ONE), []),
        ("LK001", dataset(LABEL), []),
        ("LK002", dataset(TEXT, LABEL), ["row_hashes", "text_sketches"]),
        ("LK002", dataset(TEXT, LABEL, splits=ONE), []),
        ("LK002", dataset(X, LABEL), []),
        ("LK003", dataset(USER, X), ["keys", "row_sample"]),
        ("LK003", dataset(USER, X, splits=ONE), []),
        ("LK003", dataset(ENTITY, LABEL), ["row_sample"]),
        ("LK003", dataset(X, LABEL), []),
        ("LK004", dataset(TIME, X), ["moments", "row_sample"]),
        ("LK004", dataset(X), []),
        ("LK005", dataset(X, LABEL), ["row_sample"]),
        ("LK005", dataset(X), []),
        ("LK005", dataset(LABEL), []),
        ("LK006", dataset(X, LABEL), ["moments", "row_sample"]),
        ("LK006", dataset(X), []),
        ("LK006", dataset(LABEL), []),
        ("LK007", dataset(X), ["moments"]),
        ("LK007", dataset(TEXT), []),
        ("LK008", dataset(X, LABEL), ["row_sample"]),
        ("LK008", dataset(X), []),
        ("LK009", dataset(TEXT, LABEL), ["row_sample"]),
        ("LK009", dataset(TEXT), []),
        ("LK009", dataset(X, LABEL), []),
        ("LB001", dataset(X, LABEL), ["row_hashes", "row_sample", "values"]),
        ("LB001", dataset(X, NUMBER, task=Task.REGRESSION), []),
        ("LB002", dataset(X, LABEL), ["row_hashes", "row_sample", "values"]),
        ("LB002", dataset(X, NUMBER, task=Task.REGRESSION), []),
        ("LB003", dataset(X, LABEL), ["nulls", "row_sample", "values"]),
        ("LB003", dataset(X, NUMBER, task=Task.REGRESSION), ["moments", "row_sample", "tokens"]),
        ("LB003", dataset(X), []),
        ("LB004", dataset(X), ["row_hashes", "row_sample"]),
        ("LB004", dataset(LABEL), []),
        ("LB005", dataset(TEXT, splits=ONE), ["row_hashes", "text_sketches"]),
        ("CB001", dataset(X, LABEL), ["values"]),
        ("CB001", dataset(X, NUMBER, task=Task.REGRESSION), []),
        ("CB002", dataset(X, NUMBER, task=Task.REGRESSION), []),
        ("CB003", dataset(X, NUMBER, task=Task.REGRESSION), []),
        ("CB004", dataset(X, LABEL), ["values"]),
        ("CB004", dataset(X, NUMBER, task=Task.REGRESSION), ["row_sample"]),
        ("CB004", dataset(X, task=Task.REGRESSION), []),
        ("CB005", dataset(X, NUMBER, task=Task.REGRESSION), ["row_sample"]),
        ("CB005", dataset(X, LABEL), []),
        ("CB005", dataset(X, task=Task.REGRESSION), []),
    ],
)
def test_what_is_asked_for(code, data, asked):
    rule: Any = CODES[code].load()()
    assert sorted({need.kind for need in rule.needs(data)}) == asked
