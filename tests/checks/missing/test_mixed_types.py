"""MV007: what texts among numbers and dates look like, and how many are too many."""

from __future__ import annotations

from collections import Counter

import pytest

import datacheck
from datacheck.checks.missing import mixed_types as found
from datacheck.checks.missing.mixed_types import MixedTypes, _Texts
from datacheck.dataset import Kind
from datacheck.errors import UsageError


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("1,5", found.DECIMAL), (",5", found.DECIMAL), ("-1,25", found.DECIMAL),
        ("12,5e3", found.DECIMAL), ("1,455", found.DECIMAL), ("1,000", found.THOUSANDS),
        ("1 000 000", found.THOUSANDS), ("1'000.5", found.THOUSANDS), ("12 kg", found.UNITS),
        ("5%", found.UNITS), ("$5", found.UNITS), ("€ 5.5", found.UNITS), ("high", found.WORDS),
        ("1,2,3", found.WORDS), ("5 kilograms per meter", found.WORDS),
    ],
)  # fmt: skip
def test_forms_of_what_is_no_number(text, form):
    assert found._form_of(text, 140.0) == form


def test_a_comma_is_one_of_thousands_unless_that_is_tenfold_of_all_others():
    assert found._form_of("1,455", 145.5) == found.THOUSANDS
    assert found._form_of("1,455", 145.4) == found.DECIMAL
    assert found._form_of("-1,455", 1.0) == found.THOUSANDS
    assert found._form_of("1,455,000", 1.0) == found.THOUSANDS


def test_long_texts_are_words():
    assert found._form_of("$" + "5" * 59, 1.0) == found.UNITS
    assert found._form_of("$" + "5" * 60, 1.0) == found.WORDS
    date = "2024-01-05 "
    assert found._date_form(date + "x" * (60 - len(date))) == found.DATES
    assert found._date_form(date + "x" * (61 - len(date))) == found.NO_DATES


@pytest.mark.parametrize(
    ("text", "date"),
    [("05/01/2024", True), ("5.1.24", True), ("5-Jan-2024", True), ("20240105", True),
     ("1704412800", True), ("Jan 5, 2024", True), ("5/1-2024", False), ("soon", False),
     ("12345", False)],
)  # fmt: skip
def test_forms_of_what_is_no_date(text, date):
    assert found._date_form(text) == (found.DATES if date else found.NO_DATES)


def test_a_column_has_the_form_of_most_of_its_cells():
    def form(kind, **counts):
        return found._form(kind, _Texts("x", counts=Counter(counts)))

    assert form(Kind.BOOLEAN, maybe=3) == found.BOOLEANS
    assert form(Kind.NUMBER, **{"high": 3, "1,5": 2, "2,5": 2}) == found.DECIMAL
    assert form(Kind.NUMBER, **{"high": 5, "1,5": 2, "2,5": 2}) == found.WORDS
    assert form(Kind.DATETIME, **{"soon": 2, "5.1.24": 3}) == found.DATES
    assert form(Kind.DATETIME, **{"soon": 2, "5.1.24": 2}) == min(found.DATES, found.NO_DATES)


def test_the_commonest_texts_come_first():
    texts = _Texts("x", counts=Counter({"b": 2, "a": 2, "c": 5, "d": 1}))
    assert found._top(texts, 3) == ["c", "a", "b"]


def audit(folder, test=None, **columns):
    for split, cells in (("train", columns), ("test", test)):
        if cells:
            rows = zip(*cells.values(), strict=True)
            lines = [",".join([*cells, "label"])]
            lines += [",".join([*row, "ab"[i % 2]]) for i, row in enumerate(rows)]
            (folder / f"{split}.csv").write_text("\n".join(lines) + "\n")
    chosen = {"select": ["MV007"], "label": "label"}
    return datacheck.audit(folder, settings=chosen).findings


def cells(n, *odd):
    return [*(f"{i * 7 % n}.25" for i in range(n - len(odd))), *odd]


def test_what_is_said_of_texts_among_numbers(tmp_path):
    (one,) = audit(tmp_path, x=cells(60, "high", "low", "high", "n/a"), y=cells(60))
    assert one.message == ("3 cells (5.0%) hold texts that are no numbers: x (3, such as 'high')")
    assert (one.count, one.total, one.columns, one.splits) == (3, 60, ("x",), ("train",))
    assert one.evidence["texts"] == {"x": {"high": 2, "low": 1}}
    assert one.evidence["cells_by_split"] == {"x": {"train": 3}}


def test_one_cell_of_one_of_two_splits(tmp_path):
    (one,) = audit(tmp_path, {"x": cells(40)}, x=cells(60, "high"))
    assert one.message == "1 cell (1.0%) holds texts that are no numbers: x (1, such as 'high')"
    assert one.splits == ("train",)


@pytest.mark.parametrize("bad", [0.0, 1.01])
def test_the_greatest_share_is_a_share(bad):
    with pytest.raises(UsageError, match="share"):
        MixedTypes(max_share=bad)
    MixedTypes(max_share=1.0)
