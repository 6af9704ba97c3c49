"""# overlong-sequences (SL004)

## What it finds
Sequences or texts far longer than the others, or longer than the model takes.

## Why it hurts training
The memory of a batch follows its longest row, that of attention the square of it: one such row ends
the run out of memory, hours in, when its batch comes up. What is cut off instead is lost silently.

## How it is measured
Exact lengths. The fence is `factor` times the median length of all splits together (of a median of
at least 2, so that columns of single words have room); with `max_length`, the lower of the two
counts. The number of rows beyond it is exact. No statistics: a length is a fact.

## Example
Messages with a median of 12 words, and one of 171.

## Repair and repair safety
`token-budget` (safe): batches are filled by tokens rather than rows. `truncate` (unsafe: it takes
content away).

## Options
- `factor` (10.0): how many medians are too long.
- `max_length` (0 = unset): the longest sequence that the model takes, in items, or in words,
  characters or tokens of a text.

## Known limits
Text is counted in words unless a tokenizer or characters are asked for (`--tokenizer`,
`--length-unit`): a tokenizer makes more tokens of them, and a text without spaces is one word,
however long it is. `truncate` cuts a text between words: at so many characters where lengths are
counted in those, else at so many words, in tokens too.

## References
- Ott et al. 2019, "fairseq: A Fast, Extensible Toolkit for Sequence Modeling" (token budgets).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import ADDRESS, Context, NotApplicable, Rule
from datacheck.checks.padding import OVERLONG, fence, length_columns, need_lengths
from datacheck.checks.support import need_sample
from datacheck.dataset import Dataset
from datacheck.errors import UsageError
from datacheck.findings import MAX_EXAMPLES, Example, Finding, Repair, names
from datacheck.summaries.base import Need
from datacheck.summaries.lengths import Histogram, lengths_of
from datacheck.types import Ints


@dataclass(frozen=True)
class OverlongSequences(Rule):
    """Sequences far longer than the others, or than the model takes."""

    why = "one such row decides the memory of its batch, or is cut off silently"
    repairs = (Repair("token-budget", "safe"), Repair("truncate", "unsafe"))

    factor: float = OVERLONG
    max_length: int = 0

    def __post_init__(self) -> None:
        """Checks the options."""
        if self.factor <= 1 or self.max_length < 0:
            raise UsageError("factor is above 1 and max_length not negative", "0 unsets max_length")

    def needs(self, data: Dataset) -> Iterable[Need]:
        return [*need_lengths(data), *need_sample(data)]

    def judge(self, context: Context) -> Iterable[Finding]:
        columns = {s: length_columns(context.data, s) for s in context.splits}
        every = list(dict.fromkeys(c for listed in columns.values() for c in listed))
        if not every:
            raise NotApplicable("no sequence or text columns")
        over: dict[str, dict[str, int]] = {}
        figures: dict[str, dict[str, float]] = {}
        for column in every:
            parts = {s: context.lengths(s)[column] for s in columns if column in columns[s]}
            median = _median(list(parts.values()))
            limit = self._limit(median)
            beyond = {s: int(h.counts[h.lengths > limit].sum()) for s, h in parts.items()}
            if sum(beyond.values()):
                over[column] = {s: n for s, n in beyond.items() if n}
                longest = max(h.max for h in parts.values())
                n = sum(h.n for h in parts.values())
                figures[column] = {"median": median, "limit": limit, "longest": longest, "n": n}
        if over:
            yield self._finding(context, over, figures)

    def _limit(self, median: float) -> float:
        limit = fence(median, self.factor)
        return min(limit, float(self.max_length)) if self.max_length else limit

    def _finding(
        self, context: Context, over: dict[str, dict[str, int]],
        figures: dict[str, dict[str, float]],
    ) -> Finding:  # fmt: skip
        worst = max(over, key=lambda c: (figures[c]["longest"] / figures[c]["limit"], c))
        splits = [s for s in context.splits if any(s in by for by in over.values())]
        count = sum(sum(by.values()) for by in over.values())
        total = int(sum(f["n"] for f in figures.values()))
        told = figures[worst]
        one = len(over) == 1
        cut = self.max_length and told["limit"] == self.max_length
        bar = f"the {self.max_length:,} the model takes" if cut else f"{self.factor:g} medians"
        share = f" ({count / total:.2%})" if cut else ""
        return self.finding(
            f"{names(over)} {'is' if one else 'are'} longer than {bar} in {count:,} of {total:,} "
            f"{'rows' if one else 'cells'}{share}: the median{'' if one else f' of {worst}'} is "
            f"{told['median']:,.0f}, the longest {told['longest']:,.0f}",
            splits=splits,
            columns=list(over),
            count=count,
            total=total,
            unit="rows" if one else "cells",
            evidence={
                "median": {c: f["median"] for c, f in figures.items()},
                "limit": {c: f["limit"] for c, f in figures.items()},
                "longest": {c: f["longest"] for c, f in figures.items()},
                "beyond": over,
            },
            examples=_examples(context, splits, worst, told["limit"]),
        )


def _median(parts: list[Histogram]) -> float:
    """The median length of all parts together; 0 if there are none."""
    lengths: Ints = np.concatenate([h.lengths for h in parts])
    counts: Ints = np.concatenate([h.counts for h in parts])
    order = np.argsort(lengths, kind="stable")
    pooled = Histogram(lengths[order], counts[order], 0)
    return pooled.quantile(0.5) if pooled.n else 0.0


def _examples(
    context: Context, splits: list[str], column: str, limit: float
) -> tuple[Example, ...]:
    """The longest sampled rows beyond the limit, with their lengths."""
    out = []
    for split in splits:
        sample = context.sample(split)
        if column not in context.data.splits[split].kinds:
            continue
        lengths = lengths_of(sample[column], context.data.measure).fill_null(-1).to_numpy()
        addresses = sample[ADDRESS].to_numpy()
        for i in np.lexsort((addresses, -lengths))[:MAX_EXAMPLES]:
            if lengths[i] > limit:
                where = context.locate(split, [int(addresses[i])])
                out.append((int(lengths[i]), Example(where, {"length": int(lengths[i])})))
    return tuple(e for _, e in sorted(out, key=lambda item: -item[0])[:MAX_EXAMPLES])
