"""# padded-batches (DL006)

## What it finds
Batches of sequences of which a large part is padding.

## Why it hurts training
Time and memory go into items that say nothing, and a loss averaged over them is diluted: by how
much differs from batch to batch with the longest row in it, and the steps jump.

## How it is measured
Real and padded items of an epoch are counted, exactly: by the lengths in datacheck's batches, else
by `attention_mask` or `mask` of two dimensions in batches that are mappings. The share of items
that are padding must exceed `share`. It is a warning in train, info in an evaluation, where only
time is lost.

## Example
Four rows of 10, 1, 1 and 1 tokens in one batch: "68% of the items in batches are padding".

## Repair and repair safety
`length-bucketing` (safe): batches of like lengths (`datacheck.loaders(..., max_tokens=...)`,
`BucketBatchSampler`).

## Options
- `share` (0.3): the share of padded items beyond which it is told.

## Known limits
Padding is not seen where no mask tells of it. Packed sequences have none.

## References
- Krell et al. 2021, "Efficient Sequence Packing without Cross-contamination", arXiv:2107.02027:
  how much of the usual pretraining data is padding.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from datacheck.checks.base import NotApplicable
from datacheck.errors import UsageError
from datacheck.findings import Effect, Finding, Repair, Severity
from datacheck.pipelines.loader_rules.base import LoaderRule
from datacheck.pipelines.loader_rules.seen import Seen


@dataclass(frozen=True)
class PaddedBatches(LoaderRule):
    """Items that only fill up."""

    why = "time and memory go into items that say nothing, and a loss over them is diluted"
    repairs = (Repair("length-bucketing", "safe"),)

    share: float = 0.3

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise UsageError(f"share is {self.share}", "a share, such as 0.3")

    def judge_loader(self, split: Seen) -> Iterable[Finding]:
        tokens, padded = sum(e.tokens for e in split.first), sum(e.padded for e in split.first)
        if not padded:
            raise NotApplicable("batches say nothing about padding")
        share = 1 - tokens / padded
        if share <= self.share:
            return
        yield self.finding(
            f"{share:.0%} of the items in batches are padding",
            splits=split.splits,
            count=padded - tokens,
            total=padded,
            unit="items",
            effect=Effect("padding share", share, share, share, self.share),
            severity=None if split.train else Severity.INFO,  # evaluation keeps its order
        )
