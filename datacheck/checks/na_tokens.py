"""How people write "no value" where a value should stand.

Two lists: spellings that mean *missing* whatever the column holds, and further ones that may be
words of the data and only count in columns of numbers and dates, where no word belongs.
"""

from __future__ import annotations

import re

SPELLINGS = frozenset(
    {
        "#n/a", "#n/a n/a", "#na", "#null!", "#value!", "(null)", "-", "--", "---", "-nan", ".",
        "..", "<na>", "<null>", "?", "??", "???", "[null]", "\\n", "missing", "n.a.", "n/a", "na",
        "nan", "nat", "no data", "not available", "not known", "not specified", "null",
        "undefined", "unknown", "unspecified", "–", "—",
    }
)  # fmt: skip
NUMBERS_TOO = frozenset(
    {
        "", "*", "/", "_", "nil", "no value", "none", "not applicable", "not given", "tba", "tbd",
        "unk",
    }
)  # fmt: skip
_NO_DATE = re.compile(r"0{1,4}[-/.]0{1,2}[-/.]0{1,4}([ T]0{2}:0{2}(:0{2})?)?")
_PUNCTUATION = re.compile(r"[^\w\s]+")
_CODE = re.compile(r"[A-Z]{2,3}")


def is_na_token(raw: str) -> bool:
    """Whether a string that is no number or date only says that there is none."""
    text = raw.strip().casefold()
    return text in SPELLINGS or text in NUMBERS_TOO or _NO_DATE.fullmatch(text) is not None


def is_na_text(raw: str) -> bool:
    """Whether a value of a column of strings means that there is none.

    ``none`` may be a category ("no fireplace"); ``None`` is what Python writes.
    """
    text = raw.strip()
    return text.casefold() in SPELLINGS or text == "None"


def na_values(values: dict[str, int]) -> dict[str, int]:
    """Those of a column's values that mean *missing*, with their counts.

    Two ways in which such a spelling is a value after all: ``NA`` among codes of two or three
    capitals (North America, Namibia), and ``?`` or ``.`` among other punctuation (a column of
    the words and marks of a sentence).
    """
    found = {v: n for v, n in values.items() if is_na_text(v)}
    if not found:
        return {}
    rest = [v.strip() for v in values if v not in found]
    if any(_PUNCTUATION.fullmatch(v) for v in rest):
        found = {v: n for v, n in found.items() if not _PUNCTUATION.fullmatch(v.strip())}
    if len(rest) >= 2 and all(_CODE.fullmatch(v) for v in rest):
        found = {v: n for v, n in found.items() if v.strip() != "NA"}
    return found
