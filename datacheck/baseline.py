"""A baseline: the findings of an earlier report, which need not fail a run again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

from datacheck.errors import UsageError
from datacheck.findings import REPORT_VERSION, Finding

Key: TypeAlias = tuple[str, tuple[str, ...], tuple[str, ...]]

_HINT = "write one with `datacheck audit … --write-baseline FILE`"


def load(path: str | Path) -> frozenset[Key]:
    """The keys (rule, splits, columns) of the findings in a JSON report.

    Raises UsageError where the file cannot be read or is no report of this version.
    """
    try:
        raw = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"cannot read the baseline {path}: {error.strerror}", _HINT) from None
    except (ValueError, RecursionError):
        raise UsageError(f"the baseline {path} is not JSON", _HINT) from None
    if not isinstance(raw, dict) or not isinstance(raw.get("findings"), list):
        raise UsageError(f"the baseline {path} is not a datacheck report", _HINT)
    if raw.get("version") != REPORT_VERSION:
        raise UsageError(
            f"the baseline {path} is a report of version {raw.get('version')!r}, "
            f"this is version {REPORT_VERSION}",
            _HINT,
        )
    try:
        return frozenset(_key(item) for item in raw["findings"])
    except (KeyError, TypeError):
        raise UsageError(f"the baseline {path} holds what is no finding", _HINT) from None


def _key(item: Any) -> Key:
    rule, splits, columns = item["rule"], item["splits"], item["columns"]
    return (str(rule), _sorted(splits), _sorted(columns))


def _sorted(items: Any) -> tuple[str, ...]:
    if not isinstance(items, list):
        raise TypeError(items)
    return tuple(sorted(str(i) for i in items))


def divide(
    findings: Iterable[Finding], known: frozenset[Key]
) -> tuple[list[Finding], list[Finding]]:
    """Findings that are new, and those that the baseline has."""
    new: list[Finding] = []
    old: list[Finding] = []
    for finding in findings:
        (old if finding.key in known else new).append(finding)
    return new, old
