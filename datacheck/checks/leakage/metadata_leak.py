"""# metadata-leak (LK009)

## What it finds
What has nothing to do with the content tells the label: the width, height, mode, format, number of
bytes or EXIF orientation of pictures, alone or two together, or the length of a text.

## Why it hurts training
The model learns the shortcut: that one class came from another camera, site or tool, was cut to
another size or saved with another quality. The score looks good, and falls where pictures of all
classes come the same way.

## How it is measured
On the row sample of train, with at least 500 rows of each class where there are. Values (at most
512 groups of them) get the classes' shares among one half of the rows; the other half is ranked by
them, and the first by what the second has learned. Two classes: the area under the ROC curve (AUC).
More: the mean over the classes of the AUC of each against the rest. Numbers: R² of the groups'
means. The lower end of the 95 % interval must be at least `min_auc` or `min_r2`, and over all
columns and pairs tested the false discovery rate is held at 1e-4. Pairs are of one picture's
columns, 16 groups of each, and are named only where no column does it alone. Only headers of
pictures are read for it, nothing is decoded.

## Example
Scans: those of the sick were saved as JPEG by one clinic, those of the healthy as PNG by another.

## Repair and repair safety
`re-encode` (unsafe): write all pictures as PNG of one size and mode, without metadata. Compression
and resizing leave traces in the pixels, so pictures of both classes from one source are better.
Texts: `review-lengths` (manual).

## Options
- `min_auc` (0.9): the least lower end of the AUC.
- `min_r2` (0.5): the least lower end of R², for labels that are numbers.

## Known limits
SL005 has the first word on the length of a text: this rule speaks of a text only where SL005, with
its own defaults, does not, because the number of words does not order the classes; the number of
characters or a certain length may tell them all the same. So the two never name one column, unless
SL005 is given another threshold. Sequences are left to SL005. A shortcut to one of many classes
raises the mean AUC little and is not named. The size may belong to the task (icons and photos).

## References
- Geirhos et al. 2020, "Shortcut learning in deep neural networks", Nature Machine Intelligence 2.
- Zech et al. 2018, "Variable generalization performance of a deep learning model to detect
  pneumonia in chest radiographs", PLOS Medicine 15(11).
- Hanley & McNeil 1982, "The meaning and use of the area under a ROC curve", Radiology 143.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.leakage.shortcuts import Cells, Shortcut, coarse, fine, paired, shortcut
from datacheck.checks.lengths.length_label_confounding import KINDS as LENGTHS
from datacheck.checks.lengths.length_label_confounding import LengthLabelConfounding
from datacheck.checks.predict import Target, coded, read_target
from datacheck.checks.stats import benjamini_hochberg
from datacheck.checks.support import need_sample
from datacheck.dataset import Dataset, Kind, Role
from datacheck.errors import UsageError
from datacheck.findings import Finding, Repair, names
from datacheck.summaries.base import Need
from datacheck.summaries.lengths import lengths_of
from datacheck.types import Floats

HEADERS = ("width", "height", "mode", "format", "bytes", "orientation")
"""What is measured of a picture without decoding it; a column is ``<picture>.<one of these>``."""
KINDS = (Kind.NUMBER, Kind.CATEGORY)
LENGTH = ""  # stands beside a column of texts
Columns: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class MetadataLeak(Rule):
    """Size, format or length that gives the label away."""

    why = "the model learns how the files were made, and fails where all are made the same way"
    repairs = (Repair("re-encode", "unsafe"), Repair("review-lengths", "manual"))

    min_auc: float = 0.9
    min_r2: float = 0.5

    def __post_init__(self) -> None:
        if not 0.5 < self.min_auc <= 1 or not 0 < self.min_r2 <= 1:
            raise UsageError("LK009 needs 0.5 < min_auc <= 1 and 0 < min_r2 <= 1")

    def needs(self, data: Dataset) -> Iterable[Need]:
        measured = headers(data.select(*KINDS, roles=(Role.MEASURED,)))
        asked = data.label and (measured or data.select(Kind.TEXT))
        return need_sample(data, *measured) if asked else []

    def judge(self, context: Context) -> Iterable[Finding]:
        label, split = context.label(), context.train
        splits = [split] if split else []
        measured = headers(context.columns(*KINDS, roles=(Role.MEASURED,), splits=splits))
        texts = context.columns(Kind.TEXT, splits=splits)
        if not measured and not texts:
            raise NotApplicable("no pictures or texts")
        target = read_target(context, split)
        assert split is not None
        told = LengthLabelConfounding().tells(
            context, target, context.columns(*LENGTHS, splits=splits)
        )
        texts_left = [t for t in texts if t not in told]
        groups = dict(_single(context, target, measured))
        groups |= _pairs(context, target, measured)
        groups |= _lengths(context, target, texts_left)
        hits = self._hits({key: shortcut(target, cells) for key, cells in groups.items()})
        alone = {key for key in hits if len(key) == 1}
        taken = {_picture(key[0]) for key in alone}
        text = {key for key in hits if key[-1] == LENGTH}
        pairs = set(hits) - alone - text
        pairs = {key for key in pairs if _picture(key[0]) not in taken}
        tested = len(measured) + len(texts)
        for keys in (alone, _best_pairs(hits, pairs), text):
            if keys:
                yield self._finding({k: hits[k] for k in keys}, label.name, split, tested)

    def _hits(self, found: Mapping[Columns, Shortcut | None]) -> dict[Columns, Shortcut]:
        scored = {key: s for key, s in found.items() if s is not None}
        sure = benjamini_hochberg([s.p for s in scored.values()])
        least = {"R²": self.min_r2}
        return {
            key: s
            for (key, s), yes in zip(scored.items(), sure, strict=True)
            if yes and s.low >= least.get(s.metric, self.min_auc)
        }

    def _finding(
        self, hits: Mapping[Columns, Shortcut], label: str, split: str, tested: int
    ) -> Finding:
        ranked = sorted(hits, key=lambda k: (-hits[k].low, -hits[k].value, k))
        first, best = ranked[0], hits[ranked[0]]
        said = f"{best.metric} {best.value:.2f} on {best.n:,} rows that were held out"
        pictures = first[-1] != LENGTH
        if len(first) == 1:
            verb = "predicts" if len(ranked) == 1 else "each predict"
            text = f"{names([c for (c,) in ranked])} {verb} {label} in {split}"
            more = f"{first[0]} has {said}" if len(ranked) > 1 else said
        elif pictures:
            text, more = f"{first[0]} and {first[1]} together predict {label} in {split}", said
        else:
            text, more = f"the length of {first[0]} predicts {label} in {split}", said
        columns = sorted({c for key in ranked for c in key if c != LENGTH})
        return self.finding(
            f"{text} ({more})",
            splits=[split],
            columns=columns,
            count=len(columns),
            total=tested,
            unit="columns",
            effect=best.effect(self.min_r2 if best.metric == "R²" else self.min_auc),
            evidence={
                "score": {" and ".join(c for c in k if c != LENGTH): hits[k].value for k in ranked},
                "rows": best.n,
            },
            repairs=self.repairs[:1] if pictures else self.repairs[1:],
        )


def headers(columns: Iterable[str]) -> list[str]:
    """Those of the measured columns that cost no decoding."""
    return [c for c in columns if c.rpartition(".")[2] in HEADERS]


def _picture(column: str) -> str:
    return column.rpartition(".")[0]


def _single(
    context: Context, target: Target, columns: list[str]
) -> Iterator[tuple[Columns, Cells]]:
    for c, x, named in _values(context, target, columns):
        yield (c,), fine(x, target, category=named)


def _pairs(context: Context, target: Target, columns: list[str]) -> Iterator[tuple[Columns, Cells]]:
    pictures: dict[str, dict[str, Cells]] = defaultdict(dict)
    for c, x, named in _values(context, target, columns):
        cells = coarse(x, target, category=named)
        if cells.count > 1:
            pictures[_picture(c)][c] = cells
    for of_one in pictures.values():
        for a, b in combinations(of_one, 2):
            yield (a, b), paired(of_one[a], of_one[b])


def _values(
    context: Context, target: Target, columns: list[str]
) -> Iterator[tuple[str, Floats, bool]]:
    """Each column with its values (rows,), and whether they are names."""
    matrix = coded(context, target.frame, columns) if columns else np.zeros((target.n, 0))
    for c, x in zip(columns, matrix.T, strict=True):
        yield c, x, context.data.columns[c].kind is Kind.CATEGORY


def _lengths(context: Context, target: Target, texts: list[str]) -> Iterator[tuple[Columns, Cells]]:
    """By (column, ``LENGTH``): the groups of the characters or words, whichever tell more."""
    import polars as pl

    for column in texts:
        series = target.frame[column].cast(pl.String)
        ways = [
            fine(length.cast(pl.Float64).fill_null(np.nan).to_numpy(), target, category=False)
            for length in (series.str.len_chars(), lengths_of(series, context.data.measure))
        ]
        scores = [shortcut(target, way) for way in ways]
        best = max(range(len(ways)), key=lambda i: s.low if (s := scores[i]) else -1.0)
        yield (column, LENGTH), ways[best]


def _best_pairs(hits: Mapping[Columns, Shortcut], pairs: set[Columns]) -> set[Columns]:
    """The best pair of all pictures' columns."""
    ranked = sorted(pairs, key=lambda k: (-hits[k].low, -hits[k].value, k))
    return set(ranked[:1])
