"""# missing-or-invalid-labels (LB003)

## What it finds
Labels that are missing, infinite, no number where numbers are expected, a class index outside the
others (`-1` or `255` beside `0 … 9`), a text that stands for nothing (`nan`, `?`), and one class
under two spellings (`>50K` in train, `>50K.` in test).

## Why it hurts training
A missing label makes the loss NaN, or crashes the loss on an index out of range. `nan` as text is
learned as a class. Two spellings of one class are two classes: the score on a split with the other
spelling is zero.

## How it is measured
Exact counts of the label in every split. Spellings are compared without case (labels of three
letters and more), spaces at the ends and a full stop or the like at the end. Class indices are
looked at where all others are `0 … K−1` or `1 … K` with K ≥ 3.

## Example
40 of 1,000 labels of train are empty.

## Repair and repair safety
`quarantine` (safe in train, manual elsewhere): rows without a usable label are set aside.
`unify-labels` (manual): one spelling for each class.

## Options
None.

## Known limits
A split without any label is a note, not an error: test sets are often published so. A class named
`unknown` is a class. A hole among the class indices is no error.

## References
- Northcutt, Jiang & Chuang 2021, "Confident Learning", JAIR 70.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.missing.cells import share, show
from datacheck.checks.support import (
    NUMERIC,
    has_label,
    label_counts,
    missing,
    need_label_counts,
    need_missing,
    need_sample,
)
from datacheck.dataset import Column, Dataset, Task
from datacheck.findings import Example, Finding, Repair, Severity, agree, names
from datacheck.summaries.base import Need

NOTHING = frozenset({"nan", "null", "<na>", "n/a", "#n/a", "none", "?", "na", ""})
QUARANTINE = (Repair("quarantine", "safe"),)
BY_HAND = (Repair("quarantine", "manual"),)
INTEGER = re.compile(r"-?\d{1,18}")


@dataclass(frozen=True)
class MissingOrInvalidLabels(Rule):
    """Labels that no loss can be computed from, or that mean another class."""

    why = "the loss of such a row is NaN or an error, or the model learns a class that is none"
    repairs = QUARANTINE

    def needs(self, data: Dataset) -> Iterable[Need]:
        label = data.label
        if label is None:
            return []
        tokens = [Need("tokens", (label.name,))] if label.kind in NUMERIC else []
        exact = [*need_missing(data, [label.name]), *tokens, *need_label_counts(data)]
        return [*exact, *need_sample(data)]

    def judge(self, context: Context) -> Iterable[Finding]:
        label = context.label()
        splits = [s for s in context.splits if has_label(context, s)]
        if not splits:
            raise NotApplicable(f"no split with rows has the label {label.name}")
        for split in splits:
            yield from self._missing(context, label, split)
            yield from self._unreadable(context, label, split)
        if context.data.task is Task.CLASSIFICATION:
            counts = {s: label_counts(context, s) for s in splits}
            for split in splits:
                yield from self._invalid(context, label, split, counts)
            yield from self._spellings(context, label, counts)

    def _missing(self, context: Context, label: Column, split: str) -> Iterable[Finding]:
        rows, cells = context.rows[split], missing(context, split, label.name)
        unread = context.tokens(split).total(label.name) if label.kind in NUMERIC else 0
        cells -= unread
        in_train = split == context.train
        if cells >= rows and not in_train:
            yield self.finding(
                f"{split} has no label: all {rows:,} cells of {label.name} are empty",
                splits=[split],
                columns=[label.name],
                count=rows,
                total=rows,
                severity=Severity.INFO,
                why="no score can be computed on a split without labels",
                repairs=(),
            )
        elif cells > 0:
            import polars as pl

            cell = pl.col(label.name)
            floats = context.sample(split).schema[label.name].is_float()
            yield self.finding(
                f"{cells:,} of {rows:,} labels ({share(cells, rows)}) "
                f"{agree(cells, 'is', 'are')} missing in {split}",
                splits=[split],
                columns=[label.name],
                count=cells,
                total=rows,
                examples=show(
                    context,
                    [split],
                    label.name,
                    cell.is_null() | cell.is_nan() if floats else cell.is_null(),
                ),
                repairs=QUARANTINE if in_train else BY_HAND,
            )

    def _unreadable(self, context: Context, label: Column, split: str) -> Iterable[Finding]:
        """Texts among numbers, and infinities."""
        if label.kind not in NUMERIC:
            return
        moment, tokens = context.moments(split)[label.name], context.tokens(split)
        rows = context.rows[split]
        texts, infinite = tokens.total(label.name), moment.posinf + moment.neginf
        if texts:
            listed = dict(list(tokens[label.name].items())[:5])
            shown = names([repr(t[:40]) for t in listed])
            yield self._broken(
                context, label, split, texts, f"cannot be read as {label.kind.value}s: {shown}",
                {"texts": listed},
            )  # fmt: skip
        if infinite:
            counted = {"positive": moment.posinf, "negative": moment.neginf, "rows": rows}
            yield self._broken(context, label, split, infinite, "are infinite", counted)

    def _invalid(
        self, context: Context, label: Column, split: str, counts: Mapping[str, dict[str, int]]
    ) -> Iterable[Finding]:
        """Texts that stand for nothing, and class indices far from all others."""
        mine = counts[split]
        empty = {v: n for v, n in mine.items() if _is_nothing(v)}
        if empty:
            shown = names([f"{v!r} ({n:,})" for v, n in empty.items()])
            yield self._broken(
                context, label, split, sum(empty.values()), f"say that there is none: {shown}",
                {"texts": empty},
            )  # fmt: skip
        stray = _stray({v for c in counts.values() for v in c})
        if stray is not None and stray in mine:
            yield self._broken(
                context, label, split, mine[stray],
                f"are {stray}, far from all other class indices", {"index": int(stray)},
            )  # fmt: skip

    def _broken(
        self,
        context: Context,
        label: Column,
        split: str,
        count: int,
        what: str,
        evidence: Mapping[str, object],
    ) -> Finding:
        rows = context.rows[split]
        return self.finding(
            f"{count:,} of {rows:,} labels ({share(count, rows)}) of {split} {what}",
            splits=[split],
            columns=[label.name],
            count=count,
            total=rows,
            evidence=evidence,
            repairs=QUARANTINE if split == context.train else BY_HAND,
        )

    def _spellings(
        self, context: Context, label: Column, counts: Mapping[str, dict[str, int]]
    ) -> Iterable[Finding]:
        """Classes that are one and the same but for case, spaces or a full stop."""
        forms: dict[str, Counter[str]] = {}
        for split in counts:
            for value, n in counts[split].items():
                forms.setdefault(_plain(value), Counter())[value] += n
        twice = {k: c for k, c in sorted(forms.items()) if len(c) > 1}
        if not twice:
            return
        # The spelling with the most rows is right; rows of the others are counted.
        usual = {k: min(c, key=lambda v: (-c[v], v)) for k, c in twice.items()}
        odd = {v: usual[k] for k, c in twice.items() for v in c if v != usual[k]}
        where = [s for s in counts if any(v in counts[s] for v in odd)]
        shown = names([f"{v!r} for {right!r}" for v, right in sorted(odd.items())])
        classes = "1 class" if len(twice) == 1 else f"{len(twice)} classes"
        yield self.finding(
            f"{classes} of {label.name} {'has' if len(twice) == 1 else 'have'} two spellings "
            f"(in {names(where)}): {shown}",
            splits=where,
            columns=[label.name],
            count=sum(counts[s].get(v, 0) for s in where for v in odd),
            total=sum(context.rows[s] for s in where),
            evidence={"spellings": {k: dict(c) for k, c in list(twice.items())[:20]}},
            examples=[Example((), {label.name: v}) for v in sorted(odd)],
            repairs=(Repair("unify-labels", "manual"),),
        )


def _is_nothing(value: str) -> bool:
    """``none`` in small letters may be a class; what Python and pandas write is none."""
    text = value.strip()
    return text.casefold() in NOTHING and text not in ("none", "na", "NA")


def _plain(value: str) -> str:
    """A class name without what two writers may do differently; numbers keep every sign."""
    text = value.strip().rstrip(".;:,!").rstrip()
    return text.casefold() if len(text) >= 3 else text or value


def _stray(values: set[str]) -> str | None:
    """A class index far outside of all others, which are a run from 0 or 1."""
    if len(values) < 4 or not all(INTEGER.fullmatch(v) for v in values):
        return None
    numbers = sorted((int(v), v) for v in values)
    for odd, rest in ((numbers[0], numbers[1:]), (numbers[-1], numbers[:-1])):
        first, last = rest[0][0], rest[-1][0]
        run = first in (0, 1) and last - first == len(rest) - 1
        if run and (odd[0] < 0 or odd[0] > 2 * last + 10):
            return odd[1]
    return None
