"""# mixed-types (MV007)

## What it finds
Cells that cannot be read as what their column holds: words, decimal commas or units among numbers,
a second format among dates.

## Why it hurts training
Such a cell becomes missing, or turns the whole column into text, and then every number into a
category of its own. `1,234` read as 1.234 is worse: nobody notices.

## How it is measured
Exact: each text that could not be read is counted while reading. Texts that only say that there is
no value (`?`, `-`, `unknown`) are sentinel-values's (MV003). The columns whose texts are of one
form are one finding. It names the first rows of the commonest texts.

## Example
A column `price` with `12.5`, `13.1` and 40 cells such as `12,5`.

## Repair and repair safety
`parse` (unsafe): numbers with a decimal comma or with separators of thousands are read as numbers.
`to-missing` (unsafe): other texts become missing; units and dates in another format are left to a
person first, as only they know what was meant.

## Options
- `max_share` (0.5): where more cells of a split than this cannot be read, the column has another
  type there, which is types-differ's (SC002).

## Known limits
A column in which most cells are no numbers is read as text, and not reported. At most 2,000
different texts of a column are told apart; their total is exact.

## References
- van den Burg, Nazábal & Sutton 2019, "Wrangling messy CSV files by detecting row and type
  patterns", Data Mining and Knowledge Discovery 33.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.missing.cells import LISTED, holders, in_turn, inputs, share, show_texts
from datacheck.checks.na_tokens import is_na_token
from datacheck.checks.support import NUMERIC
from datacheck.dataset import Dataset, Kind
from datacheck.errors import UsageError
from datacheck.findings import MAX_EXAMPLES, Example, Finding, Repair, names
from datacheck.summaries.base import Need

_NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
_UNIT = r"([^\W\d]\S{0,11}|[^\w\s])"
DECIMAL = "numbers with a decimal comma"
THOUSANDS = "numbers with separators of thousands"
UNITS = "numbers with a unit"
FORMS = {
    THOUSANDS: r"[-+]?\d{1,3}([,' \u00a0]\d{3})+(\.\d+)?",
    DECIMAL: r"[-+]?\d*,\d+([eE][-+]?\d+)?",
    UNITS: rf"[^\w\s]?\s*{_NUMBER}\s*{_UNIT}|[^\w\s.+-]\s*{_NUMBER}",
}
WORDS = "texts that are no numbers"
BOOLEANS = "texts that are neither true nor false"
DATES = "dates in another format"
NO_DATES = "texts that are no dates"
_DATE = r"\d{1,4}([-/. ])(\d{1,2}|[A-Za-z]{3,9})\1\d{1,4}.*|\d{8}|\d{10}|[A-Za-z]{3,9} \d+,? \d+.*"


@dataclass
class _Texts:
    """The unreadable cells of one column."""

    column: str
    rows: int = 0
    size: float = 0.0
    """The greatest absolute number that could be read."""
    by_split: dict[str, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def cells(self) -> int:
        return sum(self.by_split.values())


@dataclass(frozen=True)
class MixedTypes(Rule):
    """Texts where numbers or dates belong."""

    why = "such a cell becomes missing, or turns a whole column of numbers into categories"
    repairs = (Repair("to-missing", "unsafe"),)

    max_share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.max_share <= 1:
            raise UsageError("max_share is a share", "such as 0.5")

    def needs(self, data: Dataset) -> Iterable[Need]:
        columns = inputs(data, *NUMERIC)
        return [Need("tokens", columns), Need("moments", columns)] if columns else []

    def judge(self, context: Context) -> Iterable[Finding]:
        columns = inputs(context.data, *NUMERIC)
        if not columns or not context.total:
            raise NotApplicable("there is no feature of numbers or dates with rows")
        groups: dict[str, list[_Texts]] = {}
        for column in columns:
            texts = self._texts(context, column)
            if texts.cells:
                groups.setdefault(_form(context.data.columns[column].kind, texts), []).append(texts)
        for form, group in sorted(groups.items()):
            yield self._found(context, form, group)

    def _texts(self, context: Context, column: str) -> _Texts:
        out = _Texts(column)
        for split in holders(context, column):
            out.rows += context.rows[split]
            tokens = context.tokens(split)
            total = tokens.total(column)
            if not total or total > self.max_share * context.rows[split]:
                continue
            listed = tokens[column]
            odd = {t: n for t, n in listed.items() if not is_na_token(t)}
            cells = total - (sum(listed.values()) - sum(odd.values()))
            if odd and cells:
                out.by_split[split] = cells
                out.counts.update(odd)
                moment = context.moments(split)[column]
                if moment.finite:
                    out.size = max(out.size, abs(moment.min), abs(moment.max))
        return out

    def _found(self, context: Context, form: str, group: list[_Texts]) -> Finding:
        group = sorted(group, key=lambda t: (-t.cells, t.column))
        cells, rows = sum(t.cells for t in group), sum(t.rows for t in group)
        shown = names([f"{t.column} ({t.cells:,}, such as {_top(t, 1)[0]!r})" for t in group])
        readable = form in (DECIMAL, THOUSANDS)
        unsure = (Repair("recode", "manual"), *self.repairs) if form in (UNITS, DATES) else None
        return self.finding(
            f"{cells:,} {'cell' if cells == 1 else 'cells'} ({share(cells, rows)}) "
            f"{'holds' if cells == 1 else 'hold'} {form}: {shown}",
            splits=[s for s in context.splits if any(s in t.by_split for t in group)],
            columns=[t.column for t in group],
            count=cells,
            total=rows,
            unit="cells",
            evidence={
                "form": form,
                "texts": {t.column: {k: t.counts[k] for k in _top(t, 5)} for t in group[:LISTED]},
                "cells_by_split": {t.column: t.by_split for t in group[:LISTED]},
            },
            examples=in_turn([_rows(context, t) for t in group[:MAX_EXAMPLES]]),
            repairs=(Repair("parse", "unsafe"), *self.repairs) if readable else unsure,
        )


def _top(texts: _Texts, k: int) -> list[str]:
    """The commonest texts, ties in their own order."""
    return sorted(texts.counts, key=lambda t: (-texts.counts[t], t))[:k]


def _rows(context: Context, texts: _Texts) -> list[Example]:
    """A row of each of the commonest texts, then a second one of each."""
    shown = _top(texts, MAX_EXAMPLES)
    return in_turn([show_texts(context, texts.by_split, texts.column, [k]) for k in shown])


def _form(kind: Kind, texts: _Texts) -> str:
    """The form that most of a column's unreadable cells have."""
    if kind is Kind.BOOLEAN:
        return BOOLEANS
    forms: Counter[str] = Counter()
    for text, n in texts.counts.items():
        bare = text.strip()
        forms[_form_of(bare, texts.size) if kind is Kind.NUMBER else _date_form(bare)] += n
    return min(forms, key=lambda f: (-forms[f], f))


def _form_of(text: str, size: float) -> str:
    if len(text) > 60:
        return WORDS
    if re.fullmatch(r"[-+]?\d{1,3},\d{3}", text) and float(text.replace(",", "")) > 10 * size:
        # 1,455 among numbers up to 12 is 1.455.
        return DECIMAL
    return next((name for name, form in FORMS.items() if re.fullmatch(form, text)), WORDS)


def _date_form(text: str) -> str:
    return DATES if len(text) <= 60 and re.fullmatch(_DATE, text) else NO_DATES
