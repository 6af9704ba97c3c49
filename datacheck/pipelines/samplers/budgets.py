"""How large a batch may be, apart from who fills it: rows, padded tokens, or attention's square."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from datacheck.errors import UsageError


class Budget(Protocol):
    """What a batch may cost. ``rows`` is all that a sampler asks."""

    def rows(self, longest: int) -> int:
        """How many rows fit whose longest has that length; at least 1."""
        ...


@dataclass(frozen=True, slots=True)
class Examples:
    """At most ``n`` rows, whatever their lengths."""

    n: int

    def __post_init__(self) -> None:
        _positive(self)

    def rows(self, longest: int) -> int:
        """Always ``n``."""
        return self.n


@dataclass(frozen=True, slots=True)
class Tokens:
    """Rows × longest is at most ``n`` tokens, padding and all."""

    n: int

    def __post_init__(self) -> None:
        _positive(self)

    def rows(self, longest: int) -> int:
        """``n`` // longest; one row that is longer than ``n`` is a batch of its own."""
        return max(1, self.n // max(longest, 1))


@dataclass(frozen=True, slots=True)
class Quadratic:
    """Rows × longest² is at most ``n``: what attention over whole sequences costs."""

    n: int

    def __post_init__(self) -> None:
        _positive(self)

    def rows(self, longest: int) -> int:
        """``n`` // longest²; at least one row."""
        return max(1, self.n // max(longest, 1) ** 2)


def _positive(budget: Examples | Tokens | Quadratic) -> None:
    n: object = budget.n
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise UsageError(
            f"{type(budget).__name__}({budget.n!r}) holds nothing", "a whole number of at least 1"
        )
