"""What a rule sees of frames in memory: for tests that call its parts directly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datacheck.auditing import _scan, opened
from datacheck.checks.codes import find
from datacheck.config import Config

if TYPE_CHECKING:
    import polars as pl

    from datacheck.checks.base import Context


def context_of(code: str, splits: dict[str, pl.DataFrame], **settings: Any) -> Context:
    """The context that the audit of the frames gives the rule of that code."""
    config = Config(**settings)
    data = opened(splits, config)
    rule: Any = find(code).load()()
    return _scan(data, set(rule.needs(data)), config, None)
