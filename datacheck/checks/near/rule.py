"""What the rules on near-duplicates have in common: their options."""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass

from datacheck.checks.base import Rule
from datacheck.checks.near.search import NearOptions


@dataclass(frozen=True)
class NearRule(Rule, ABC):
    """A rule on rows that are nearly the same."""

    min_share: float = 0.0
    min_jaccard: float = 0.8
    containment: float = 0.9
    shingles: str = "auto"
    differing: int = 1
    hamming: int = 6

    def __post_init__(self) -> None:
        self.options()

    def options(self) -> NearOptions:
        """From when on rows are near. Raises UsageError for what makes no sense."""
        return NearOptions(
            self.min_jaccard, self.containment, self.shingles, self.differing, self.hamming
        )
