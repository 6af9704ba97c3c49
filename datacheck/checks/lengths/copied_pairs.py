"""# copied-pairs (SL007)

## What it finds
Pairs whose target repeats the source word for word: translations that were never made, answers
that echo the question.

## Why it hurts training
A model of pairs learns to copy long before it learns to translate, since copying is easy and right
for these rows. A few per cent of copies make it leave whole sentences as they are, and copies in an
evaluation split raise the score of doing nothing.

## How it is measured
Both sides compared as they are, but for space around them; pairs of at least `least` words (items
of a list). Counted exactly in each split, and reported from a share of `min_share` on: names,
addresses and quotations are rightly the same in both languages.

## Example
Of a crawled corpus 3 % of the German sides are the English sentence, from pages that were not
translated.

## Repair and repair safety
`quarantine-pairs` (unsafe): the pairs leave train, both sides of them.

## Options
- `min_share` (0.001): the least share of the pairs of a split that matters.

## Known limits
Pairs of fewer than 4 words are not looked at, nor are sides that differ by one letter (see LK002
for near-duplicates across splits). Tasks whose target may repeat the source (correction of
grammar, tags that are the tokens) want this rule ignored.

## References
- Khayrallah & Koehn 2018, "On the Impact of Various Types of Noise on Neural Machine Translation"
  (untranslated sentences are the most harmful noise by far).
- Ott et al. 2018, "Analyzing Uncertainty in Neural Machine Translation" (copies).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.duplicates import percent
from datacheck.checks.pairing import LEAST, need_pairs, pair, params
from datacheck.dataset import Dataset
from datacheck.errors import UsageError
from datacheck.findings import MAX_EXAMPLES, Example, Finding, Repair
from datacheck.summaries.base import Need
from datacheck.summaries.pairs import Pairs


@dataclass(frozen=True)
class CopiedPairs(Rule):
    """Pairs whose target is the source."""

    why = "a model of pairs learns to copy, which is easy and right for these rows"
    repairs = (Repair("quarantine-pairs", "unsafe"),)

    min_share: float = 0.001

    def __post_init__(self) -> None:
        """Checks the options."""
        if not 0 <= self.min_share < 1:
            raise UsageError(f"min_share is {self.min_share}", "a share from 0 to 1")

    def needs(self, data: Dataset) -> Iterable[Need]:
        return need_pairs(data)

    def judge(self, context: Context) -> Iterable[Finding]:
        found = pair(context.data)
        if found is None:
            raise NotApplicable("no two columns of text or sequences are a source and its target")
        source, target = found
        for split in context.splits:
            pairs = context.get("pairs", split, params(context.data, found))
            assert isinstance(pairs, Pairs)
            if not pairs.copied or pairs.copied < self.min_share * pairs.whole:
                continue
            share = pairs.copied / pairs.whole
            yield self.finding(
                f"{target} repeats {source} in {pairs.copied:,} of {pairs.whole:,} pairs of "
                f"{split} ({percent(share)})",
                splits=[split],
                columns=[source, target],
                count=pairs.copied,
                total=pairs.whole,
                evidence={"least": LEAST, "share": share},
                examples=[
                    Example(context.locate(split, [address]), {})
                    for address in pairs.first[:MAX_EXAMPLES].tolist()
                ],
                repairs=None if split == context.train else [Repair("review-rows", "manual")],
            )
