"""What a rule of loaders is: options, and a verdict on epochs that were watched."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from datacheck.checks.base import BaseRule
from datacheck.findings import Finding
from datacheck.pipelines.loader_rules.seen import Seen


@dataclass(frozen=True)
class LoaderRule(BaseRule, ABC):
    """A check of loaders. Dataclass fields are its options; the module's docstring is its page."""

    @abstractmethod
    def judge_loader(self, split: Seen) -> Iterable[Finding]:
        """The findings about one split; raises NotApplicable with the reason."""
