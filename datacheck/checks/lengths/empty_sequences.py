"""# empty-sequences (SL003)

## What it finds
Sequences without an item and texts without a word, in any split.

## Why it hurts training
A length of 0 is what padded batches are not made for: a mean over no positions is 0/0 = NaN,
packing refuses it, attention over an empty mask is NaN, and one NaN in the loss ends the run.

## How it is measured
Exact lengths: items of a list, words of a text (a blank string has none). Missing cells (null) are
no empty sequences: they are MV001's. In delimited files the empty cell of a sequence column is the
empty sequence.

## Example
Hospital stays that were cancelled on the day have no visit codes.

## Repair and repair safety
In train `quarantine-rows` (safe: the rows are kept aside with the reason); elsewhere
`review-rows` (manual), for no evaluation row is ever dropped.

## Options
None.

## Known limits
Counts cells; where several columns are concerned, one row may be counted more than once. Tokens
that a tokenizer would drop (punctuation, emoji) count as words here.

## References
- PyTorch documentation, `torch.nn.utils.rnn.pack_padded_sequence` (lengths must exceed 0).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from datacheck.checks.base import Context, Rule
from datacheck.checks.padding import length_columns, need_lengths
from datacheck.checks.support import examples, need_sample
from datacheck.dataset import Dataset
from datacheck.findings import Example, Finding, Repair, names
from datacheck.summaries.base import Need
from datacheck.summaries.lengths import lengths_of


@dataclass(frozen=True)
class EmptySequences(Rule):
    """Sequences of length 0 and blank texts."""

    why = "a mean, a packing or an attention over no positions is NaN or an error"
    repairs = (Repair("quarantine-rows", "safe"),)

    def needs(self, data: Dataset) -> Iterable[Need]:
        return [*need_lengths(data), *need_sample(data)]

    def judge(self, context: Context) -> Iterable[Finding]:
        for split in context.splits:
            columns = length_columns(context.data, split)
            lengths = context.lengths(split)
            empty = {c: n for c in columns if (n := lengths[c].empty)}
            if not empty:
                continue
            count, rows = sum(empty.values()), context.rows[split]
            one = len(empty) == 1
            listed = names(f"{c} ({n:,})" for c, n in empty.items())
            yield self.finding(
                f"{next(iter(empty))} is empty in {count:,} of {rows:,} rows of {split}"
                if one
                else f"{count:,} cells of {len(empty):,} columns of {split} are empty: {listed}",
                splits=[split],
                columns=list(empty),
                count=count,
                total=rows * len(empty),
                unit="rows" if one else "cells",
                evidence={"empty": empty},
                examples=_examples(context, split, list(empty)),
                repairs=None if split == context.train else [Repair("review-rows", "manual")],
            )


def _examples(context: Context, split: str, columns: Sequence[str]) -> tuple[Example, ...]:
    import polars as pl

    sample = context.sample(split)
    columns = columns[:3]
    hit = pl.Series([False]).new_from_index(0, sample.height)
    for column in columns:
        hit = hit | (lengths_of(sample[column]) == 0).fill_null(value=False)
    return examples(context, split, sample.filter(hit), columns)
