"""What a rule of training is: options, and a verdict on a recorded run. It never sees a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from datacheck.checks.base import BaseRule
from datacheck.findings import Finding
from datacheck.training.rules.view import View


@dataclass(frozen=True)
class RunRule(BaseRule, ABC):
    """A check of a run. Dataclass fields are its options; the module's docstring is its page."""

    @abstractmethod
    def judge_run(self, run: View) -> Iterable[Finding]:
        """The findings; raises NotApplicable with the reason."""
