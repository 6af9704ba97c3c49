"""Spellings of nothing, and where they are values after all."""

from __future__ import annotations

import pytest

from datacheck.checks.na_tokens import is_na_text, is_na_token, na_values


@pytest.mark.parametrize(
    ("raw", "token", "text"),
    [
        ("NaN", True, True), (" n/a ", True, True), ("None", True, True), ("none", True, False),
        ("NONE", True, False), ("", True, False), ("-", True, True), ("0000-00-00", True, False),
        ("00/00/0000 00:00:00", True, False), ("0000-00-01", False, False), ("7", False, False),
        ("tbd", True, False), ("Namibia", False, False), ("x0000-00-00", False, False),
    ],
)  # fmt: skip
def test_spellings(raw, token, text):
    assert is_na_token(raw) is token
    assert is_na_text(raw) is text


def test_na_among_codes_is_namibia():
    assert na_values({"DE": 3, "US": 2, " NA ": 4}) == {}
    assert na_values({"DEU": 3, "US": 2, "NA": 4, "?": 1}) == {"?": 1}
    assert na_values({"DE": 3, "NA": 4}) == {"NA": 4}  # one code makes no list of codes
    assert na_values({"DE": 3, "us": 2, "NA": 4}) == {"NA": 4}
    assert na_values({"DEUX": 3, "US": 2, "NA": 4}) == {"NA": 4}
    assert na_values({"DE": 3, "US": 2, "n/a": 1, "NA": 4}) == {"n/a": 1}


def test_marks_among_marks_are_words_of_a_sentence():
    assert na_values({"?": 3, "!": 2, "the": 4, "null": 1}) == {"null": 1}
    assert na_values({"?": 3, "...": 2, " . ": 1}) == {}
    assert na_values({"?": 3, "yes": 2}) == {"?": 3}
    assert na_values({"?": 3, ".": 1}) == {"?": 3, ".": 1}
    assert na_values({"yes": 1, "no": 2}) == {}
