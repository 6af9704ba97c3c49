"""# pair-length-ratio (SL006)

## What it finds
Pairs of a source and a target (a sentence and its translation, a question and its answer) of which
one side is far too long or too short for the other.

## Why it hurts training
Most of them are no pairs: lines that have slipped, half of a sentence, two glued together, a page's
menu beside its text. A model learns from them to leave out or to make up, and with attention over
both sides one such pair decides the memory of its batch.

## How it is measured
Exact lengths of both sides (words, characters or tokens of a text, items of a list), in one table
for each split. The median of log(target / source) over train is what is usual; a pair is out of
proportion if it lies more than `fence` deviations from it, the deviation being 1.4826 times the
median absolute one, *and* is at least `factor` times too long or too short, *and* its target is
`difference` or more units away from what is usual for its source: of short pairs any ratio is
possible. Lengths beyond 255 are told apart to 0.8 %. Empty sides are SL003's. No statistics: each
such pair is a fact, and where ratios vary widely (answers to questions) the fence is wide.

## Example
A German sentence of 70 words beside an English one of 6, where 9 in 10 pairs lie between 0.7 and
1.4.

## Repair and repair safety
`quarantine-pairs` (unsafe): the pairs leave train, both sides of them, for somebody to look at.

## Options
- `fence` (6.0): deviations of the logarithm of the ratio.
- `factor` (3.0): the least factor between a pair's ratio and the usual one.
- `difference` (8): the least number of units that a target is off.

## Known limits
Slipped lines whose lengths fit are not found. A dataset of two kinds of pairs, with a usual ratio
for each, widens the fence for both.

## References
- Gale & Church 1993, "A Program for Aligning Sentences in Bilingual Corpora" (lengths of
  translations are proportional, with a spread that is nearly normal).
- Khayrallah & Koehn 2018, "On the Impact of Various Types of Noise on Neural Machine Translation".
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import ADDRESS, Context, NotApplicable, Rule
from datacheck.checks.pairing import need_pairs, pair, params
from datacheck.checks.support import need_sample
from datacheck.dataset import Dataset
from datacheck.errors import UsageError
from datacheck.findings import MAX_EXAMPLES, Example, Finding, Repair, agree
from datacheck.summaries.base import Need
from datacheck.summaries.lengths import lengths_of
from datacheck.summaries.pairs import Pairs
from datacheck.summaries.ratios import Proportion
from datacheck.types import Floats, Ints


@dataclass(frozen=True)
class PairLengthRatio(Rule):
    """Pairs of which one side is far too long for the other."""

    why = "most such pairs are none: lines that slipped, or a part beside the whole"
    repairs = (Repair("quarantine-pairs", "unsafe"),)

    fence: float = 6.0
    factor: float = 3.0
    difference: int = 8

    def __post_init__(self) -> None:
        """Checks the options."""
        if self.fence <= 0 or self.factor <= 1 or self.difference < 0:
            raise UsageError(
                "fence is above 0, factor above 1, difference not negative", "6.0, 3.0 and 8"
            )

    def needs(self, data: Dataset) -> Iterable[Need]:
        return [*need_pairs(data), *need_sample(data)]

    def judge(self, context: Context) -> Iterable[Finding]:
        found = pair(context.data)
        if found is None:
            raise NotApplicable("no two columns of text or sequences are a source and its target")
        tables = {s: _table(context, s, found) for s in context.splits}
        usual = context.train or next(iter(tables), "")
        if not usual or not tables[usual][2].sum():
            raise NotApplicable("no pair has two sides with a length")
        bounds = self._bounds(*tables[usual])
        beyond = {
            s: int(n[bounds.off(of, to)].sum()) for s, (of, to, n) in tables.items() if n.size
        }
        beyond = {s: n for s, n in beyond.items() if n}
        if beyond:
            yield self._finding(context, found, bounds, beyond, usual)

    def _bounds(self, of: Ints, to: Ints, n: Ints) -> Proportion:
        """What is usual, from lengths of both sides with their rows."""
        ratio = np.log(to / of)
        middle = _median(ratio, n)
        deviation = 1.4826 * _median(np.abs(ratio - middle), n)
        reach = max(self.fence * deviation, math.log(self.factor))
        return Proportion(
            math.exp(middle), math.exp(middle - reach), math.exp(middle + reach), self.difference
        )

    def _finding(
        self, context: Context, found: tuple[str, str], bounds: Proportion,
        beyond: dict[str, int], usual: str,
    ) -> Finding:  # fmt: skip
        source, target = found
        count, total = sum(beyond.values()), sum(context.rows[s] for s in beyond)
        unit = context.data.measure.unit if _is_text(context, found) else "items"
        repairs = None if context.train in beyond else [Repair("review-rows", "manual")]
        return self.finding(
            f"{count:,} of {total:,} pairs {agree(count, 'is', 'are')} out of proportion: {target} "
            f"has {bounds.usual:.2f} times the {unit} of {source} at the median of {usual}, "
            f"these less than {bounds.low:.2f} or more than {bounds.high:.2f} times",
            splits=list(beyond),
            columns=[source, target],
            count=count,
            total=total,
            evidence={
                "usual": bounds.usual,
                "low": bounds.low,
                "high": bounds.high,
                "difference": bounds.difference,
                "beyond": beyond,
            },
            examples=_examples(context, list(beyond), found, bounds),
            repairs=repairs,
        )


def _table(context: Context, split: str, found: tuple[str, str]) -> tuple[Ints, Ints, Ints]:
    """Lengths of both sides with their rows, without pairs of an empty side."""
    summary = context.get("pairs", split, params(context.data, found))
    assert isinstance(summary, Pairs)
    of, to, n = summary.table()
    both = (of > 0) & (to > 0)
    return of[both], to[both], n[both]


def _median(values: Floats, n: Ints) -> float:
    """The median of values that occur ``n`` times each."""
    order = np.argsort(values, kind="stable")
    reached = np.searchsorted(np.cumsum(n[order]), n.sum() / 2)
    return float(values[order][reached])


def _is_text(context: Context, found: tuple[str, str]) -> bool:
    return all(context.data.columns[c].kind.value == "text" for c in found)


def _examples(
    context: Context, splits: list[str], found: tuple[str, str], bounds: Proportion
) -> tuple[Example, ...]:
    """The sampled pairs that are furthest off, with their lengths."""
    measure = context.data.measure
    out = []
    for split in splits:
        sample = context.sample(split)
        of, to = (lengths_of(sample[c], measure).fill_null(0).to_numpy() for c in found)
        hit = np.flatnonzero(bounds.off(of, to))
        how = np.abs(np.log(to[hit] / of[hit] / bounds.usual))
        addresses = sample[ADDRESS].to_numpy()[hit]
        for i in np.lexsort((addresses, -how))[:MAX_EXAMPLES].tolist():
            where = context.locate(split, [int(addresses[i])])
            lengths = {c: int(x[hit[i]]) for c, x in zip(found, (of, to), strict=True)}
            out.append((float(how[i]), Example(where, {"lengths": lengths})))
    return tuple(e for _, e in sorted(out, key=lambda one: -one[0])[:MAX_EXAMPLES])
