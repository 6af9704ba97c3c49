"""# types-differ (SC002)

## What it finds
A column that holds numbers or dates in one split and words in another, or single values in one and
lists in another.

## Why it hurts training
The encoder fitted on train does not fit: the column becomes missing, or every value an unseen
category, and the score is that of a model without the column.

## How it is measured
The type that the rows of each split suggest is compared with train's (where there is no train
split, with the first one's). Only types that no reading can bring together are reported: numbers,
dates and true/false against words, numbers against dates, and lists against anything else. Words
must also be words on a count: at least `min_share` of a split's cells cannot be read as the common
type; and numbers where others have words must be more than chance makes of words that look like
numbers. Columns with the same pair of types are one finding.

## Example
`income` is 52000 in train and `high` in test.

## Repair and repair safety
`align-types` (manual): convert the column of one split, or fetch it again.

## Options
- `min_share` (0.5): the least share of cells that contradict train's type.

## Known limits
Whole numbers against fractions, categories against free text, and true/false against 0/1 are no
difference here. An empty column has no type.

## References
- Polyzotis et al. 2019, "Data Validation for Machine Learning", MLSys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.missing.cells import LISTED
from datacheck.checks.stats import ALPHA
from datacheck.checks.support import NUMERIC, missing, need_missing
from datacheck.dataset import Dataset, Kind, Role
from datacheck.errors import UsageError
from datacheck.findings import Finding, Repair, names
from datacheck.summaries.base import Need

WORDS = {
    "numbers": (Kind.NUMBER,),
    "dates": (Kind.DATETIME,),
    "true/false": (Kind.BOOLEAN,),
    "words": (Kind.CATEGORY, Kind.TEXT),
    "lists": (Kind.SEQUENCE, Kind.ARRAY),
    "images": (Kind.IMAGE,),
}
SAID = {kind: word for word, kinds in WORDS.items() for kind in kinds}
ALIKE = ({"numbers", "true/false"}, {"words", "images"})
LOOKS = {
    "numbers": r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?",
    "dates": r"\d{1,4}[-/. ].*",
    "true/false": r"(?i:true|false)",
}


@dataclass(frozen=True)
class TypesDiffer(Rule):
    """One column, two types."""

    why = "what was fitted on train does not fit: the column is lost at evaluation"
    repairs = (Repair("align-types", "manual"),)

    min_share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.min_share <= 1:
            raise UsageError("min_share is a share", "such as 0.5")

    def needs(self, data: Dataset) -> Iterable[Need]:
        columns = tuple({c: None for c, *_ in _conflicts(data)})
        numeric = tuple(c for c in columns if data.columns[c].kind in NUMERIC)
        words = tuple(c for c in columns if SAID[data.columns[c].kind] == "words")
        tokens = [Need("tokens", numeric)] if numeric else []
        values = [Need("values", words)] if words else []
        return [*need_missing(data, columns), *tokens, *values] if columns else []

    def judge(self, context: Context) -> Iterable[Finding]:
        data = context.data
        if sum(bool(s.kinds) for s in data.splits.values()) < 2:
            raise NotApplicable("needs two splits with rows")
        groups: dict[tuple[str, str, str, str], list[str]] = {}
        for column, base, other, first, second in _conflicts(data):
            if self._certain(context, column, base, other):
                groups.setdefault((base, other, first, second), []).append(column)
        total = len(data.columns)
        for (base, other, first, second), columns in groups.items():
            columns.sort()
            noun = "column holds" if len(columns) == 1 else "columns hold"
            yield self.finding(
                f"{len(columns)} {noun} {first} in {base} and {second} in {other}: "
                f"{names(columns)}",
                splits=[base, other],
                columns=columns,
                count=len(columns),
                total=total,
                unit="columns",
                evidence={
                    "kinds": {
                        c: {s: data.splits[s].kinds[c].value for s in (base, other)}
                        for c in columns[:LISTED]
                    }
                },
            )

    def _certain(self, context: Context, column: str, base: str, other: str) -> bool:
        """Whether the rows say so too: neither split is empty, and words are no slips."""
        data = context.data
        kind = data.columns[column].kind
        for split in (base, other):
            rows = context.rows.get(split, 0)
            if not rows:
                return False
            lost = context.tokens(split).total(column) if kind in NUMERIC else 0
            if missing(context, split, column) - lost >= rows:
                return False
        odd = next(s for s in (other, base) if SAID[data.splits[s].kinds[column]] != SAID[kind])
        present = context.rows[odd] - missing(context, odd, column)
        if kind in NUMERIC:
            lost = context.tokens(odd).total(column)
            return lost >= self.min_share * (lost + present)
        form = LOOKS.get(SAID[data.splits[odd].kinds[column]])
        if SAID[kind] != "words" or form is None:
            return True
        # A few rows may hold numbers only by chance, where some words of the column are numbers.
        usual = context.values(base if odd == other else other)[column]
        numbers = sum(n for v, n in usual.items() if re.fullmatch(form, v.strip()))
        chance: float = (numbers / max(sum(usual.values()), 1)) ** present
        return chance < ALPHA


def _conflicts(data: Dataset) -> list[tuple[str, str, str, str, str]]:
    """(column, split, other split, what the one holds, what the other holds)."""
    having = [s for s in data.splits if data.splits[s].kinds]
    out = []
    for column in data.columns.values():
        if column.role in (Role.IGNORE, Role.SPLIT):
            continue
        splits = [s for s in having if column.name in data.splits[s].kinds]
        if len(splits) < 2:
            continue
        base = data.train if data.train in splits else splits[0]
        first = SAID[data.splits[base].kinds[column.name]]
        for other in splits:
            second = SAID[data.splits[other].kinds[column.name]]
            if second != first and {first, second} not in ALIKE:
                out.append((column.name, base, other, first, second))
    return out
