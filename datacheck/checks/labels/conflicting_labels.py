"""# conflicting-labels (LB001)

## What it finds
Rows with the same features and different labels, within a split or across splits.

## Why it hurts training
No model can be right on both rows. They pull the weights in opposite directions, put a floor under
the loss, and in an evaluation split they cap the score.

## How it is measured
Rows are compared by a 64-bit hash over all features (ids that differ from row to row are left out)
and one over the label; in datasets of up to a million rows every match is read again and compared
cell by cell. Rows without a label are left aside. Two splits whose labels have no class in common
(`>50K` and `>50K.`) are not compared with each other: that is CB003's.

Where features are coarse, different rows agree by accident and may well differ in their label:
that is noise, not a contradiction. The rule speaks only where more rows contradict each other than
chance explains: as many as accidents would make rows agree (worked out from the row sample as for
LK001, and taken fivefold), times the share of them whose labels differ. That share is read off the
pairs of rows that agree in one half of the columns and not in the other (the upper end of its
interval): the nearer rows are, the more seldom their labels differ, as a rule. Held against that is
how many rows would have to leave, at least, for no contradiction to stay. Where rows repeat beyond
chance, so that there are copies, twice as many as accidents make are enough.

For classes and for tags, sequences with one item for each item of a feature: two measurements of a
number are seldom the same. Texts that are to be said (translations, answers) are compared too, as a
warning: a text may have several right ones.

Measured: of 1,000 tables of independent rows with coarse features and classes that overlap, 697 of
them with accidents, 3 raise a false alarm (`python benchmarks/conflicting_labels.py`). Of the real
datasets of the benchmark only iris (112 rows of train, measured to 0.1 cm) hides contradictions:
three are missed there, five are found.

## Example
CLINC150: "what's your designation" asks for the `user_name` in test and for `what_is_your_name` in
train. Of 23,700 texts 8 are in such groups, 4 in all.

## Repair and repair safety
`quarantine-conflicts` (unsafe): all rows of a contradictory group go from train, for somebody to
decide; this changes what the model is asked to learn. For texts `review-rows` (manual).

## Options
- `min_share` (0): the least share of all rows that matters.

## Known limits
Labels that differ for good reason (several valid answers, a label given by another column that is
not among the features) are reported too. Contradictions among as many accidents, and any in tables
of one coarse column or of few combinations of values, are not told from noise. Near-duplicates with
different labels are not found.

## References
- Northcutt, Jiang & Chuang 2021, "Confident Learning", JAIR 70.
- Brodley & Friedl 1999, "Identifying Mislabeled Training Data", JAIR 11.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from datacheck.checks.base import ADDRESS, Context, Rule
from datacheck.checks.duplicates import (
    NO_LABEL,
    READ_ROWS,
    SLACK,
    Repeats,
    beyond_chance,
    distinct,
    need_repeats,
    repeats,
)
from datacheck.checks.pairing import is_text_pair
from datacheck.checks.support import features, has_label, label_counts, need_label_counts
from datacheck.dataset import Dataset, Kind, Task
from datacheck.findings import MAX_EXAMPLES, Example, Finding, Repair, Severity, names
from datacheck.summaries.base import Need
from datacheck.types import Hashes, Ints, Mask

CLEAR = 2.0  # times what accidents make: enough contradictions where rows are copied


@dataclass(frozen=True)
class ConflictingLabels(Rule):
    """The same features with different labels."""

    why = "no model can be right on both rows: they put a floor under the loss"
    repairs = (Repair("quarantine-conflicts", "unsafe"),)

    min_share: float = 0.0

    def needs(self, data: Dataset) -> Iterable[Need]:
        counts = need_label_counts(data)
        compared = counts or _may_tag(data) or is_text_pair(data)
        return [*need_repeats(data), *counts] if compared else []

    def judge(self, context: Context) -> Iterable[Finding]:
        splits = [s for s in context.splits if has_label(context, s)]
        if _may_tag(context.data) and _tags(context, splits):
            label, gathered = context.label(), [splits]
        elif is_text_pair(context.data):
            label, gathered = context.label(), [splits] if splits else []
        else:
            label = context.label(Task.CLASSIFICATION)
            gathered = _comparable(context, splits)
        found = repeats(context)
        for together in gathered:
            yield from self._conflicts(context, found, together, label.name)

    def _conflicts(
        self, context: Context, found: Repeats, splits: list[str], label: str
    ) -> Iterable[Finding]:
        tables = [found.tables[s] for s in splits]
        owner = np.repeat(np.arange(len(splits)), [t.n for t in tables])
        features = np.concatenate([t.features for t in tables])
        labels = np.concatenate([t.labels for t in tables])
        addresses = np.concatenate([t.addresses for t in tables])
        total = sum(context.rows[s] for s in splits)
        known = labels != NO_LABEL
        owner, features, labels, addresses = (
            x[known] for x in (owner, features, labels, addresses)
        )
        hit = _several(features, labels)
        count = int(hit.sum())
        if not count or count / total < self.min_share:
            return
        pairs = SLACK * total * (total - 1) / 2
        expected = found.chance(context, splits, label) * pairs
        surplus = _surplus(features[hit], labels[hit])
        if not beyond_chance(surplus, expected):
            # Where rows are copied, one of a few contradictions is a copy all the same.
            again = features.size - int(distinct(features).size)
            copied = beyond_chance(again, found.chance(context, splits) * pairs)
            if not copied or surplus < CLEAR * expected:
                return
        groups = distinct(features[hit])
        told = f"{groups.size:,} contradictory group{'s' if groups.size > 1 else ''}"
        within = {
            s: int(distinct(features[mine][_several(features[mine], labels[mine])]).size)
            for i, s in enumerate(splits)
            if (mine := owner == i).any()
        }
        at = np.flatnonzero(hit)
        involved = [s for i, s in enumerate(splits) if (owner[at] == i).any()]
        said = is_text_pair(context.data)
        yield self.finding(
            f"{count:,} rows of {names(involved)} have the same features as "
            f"another row and a different {label}: {told}",
            splits=involved,
            columns=[label],
            count=count,
            total=total,
            evidence={
                "groups": int(groups.size),
                "groups_within_split": {s: n for s, n in within.items() if n},
                "rows_in_split": {s: int((owner[at] == splits.index(s)).sum()) for s in involved},
                "expected_contradictions_by_chance": expected,
                "confirmed": found.confirmed,
            },
            severity=Severity.WARNING if said else None,
            repairs=(Repair("review-rows", "manual"),) if said else None,
            why="of two answers to one question a model can give one" if said else "",
            examples=_examples(
                context, [splits[i] for i in owner[at]], features[at], labels[at], addresses[at]
            ),
        )


def _may_tag(data: Dataset) -> bool:
    """Whether label and some feature are sequences."""
    label = data.label
    return (
        label is not None
        and label.kind is Kind.SEQUENCE
        and any(c.kind is Kind.SEQUENCE for c in features(data))
    )


def _tags(context: Context, splits: list[str]) -> bool:
    """Whether the label has one name or code for each item of a feature, in all sampled rows."""
    import polars as pl

    label = context.label().name
    of = [c.name for c in features(context.data) if c.kind is Kind.SEQUENCE]
    for split in splits:
        frame = context.sample(split)
        schema = frame.schema
        of = [c for c in of if isinstance(schema.get(c), pl.List)]
        listed = schema[label]
        if not isinstance(listed, pl.List):
            return False
        if listed.inner.is_numeric():  # codes are held as floats
            codes = frame[label].explode().drop_nulls()
            if not (codes % 1 == 0).all():
                return False
        elif not isinstance(listed.inner, pl.String | pl.Categorical | pl.Enum):
            return False
        lengths = frame.select(pl.col(label, *of).list.len()).drop_nulls(label)
        of = [c for c in of if lengths[c].eq_missing(lengths[label]).all()]
    return bool(splits and of)


def _comparable(context: Context, splits: list[str]) -> list[list[str]]:
    """Splits gathered so that those of one list have classes in common."""
    out: list[tuple[set[str], list[str]]] = []
    for split in splits:
        classes, members = set(label_counts(context, split)), [split]
        apart = []
        for known, gathered in out:
            if known & classes:
                classes, members = known | classes, gathered + members
            else:
                apart.append((known, gathered))
        out = [*apart, (classes, members)]
    return [gathered for _, gathered in out]


def _several(features: Hashes, labels: Hashes) -> Mask:
    """Which rows have features that occur with more than one label."""
    order = np.lexsort((labels, features))
    ranked, named = features[order], labels[order]
    turns = (ranked[1:] == ranked[:-1]) & (named[1:] != named[:-1])
    return np.asarray(np.isin(features, ranked[1:][turns]))


def _surplus(features: Hashes, labels: Hashes) -> int:
    """How many rows have to leave, at least, for no contradiction to stay: no more than there are
    pairs of rows that contradict each other, which is what chance is told in.
    """
    order = np.lexsort((labels, features))
    ranked, named = features[order], labels[order]
    new = np.append(True, ranked[1:] != ranked[:-1])
    runs = np.flatnonzero(new | np.append(True, named[1:] != named[:-1]))
    alike = np.diff(np.append(runs, ranked.size))
    most = np.maximum.reduceat(alike, np.flatnonzero(new[runs]))
    return int(ranked.size - most.sum())


def _examples(
    context: Context, owners: list[str], features: Hashes, labels: Hashes, addresses: Ints
) -> list[Example]:
    """The first groups, each as its first row and the first row that contradicts it."""
    _, first = np.unique(features, return_index=True)
    pairs = [
        (i, int(np.flatnonzero((features == features[i]) & (labels != labels[i]))[0]))
        for i in np.sort(first)[:MAX_EXAMPLES].tolist()
    ]
    label = context.label().name
    shown: dict[int, Any] = {}
    named = context.data.task is Task.CLASSIFICATION  # tags are too long to be shown
    if named and context.fetch is not None and context.total <= READ_ROWS:
        frame = context.fetch(addresses[np.unique(pairs)], [label])
        shown = dict(zip(frame[ADDRESS].to_list(), frame[label].to_list(), strict=True))
    return [
        Example(
            tuple(a for i in pair for a in context.locate(owners[i], [addresses[i]])),
            {label: [_whole(shown[int(addresses[i])]) for i in pair]} if shown else {},
        )
        for pair in pairs
    ]


def _whole(value: Any) -> Any:
    """Classes that are numbers, without ``.0``."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
