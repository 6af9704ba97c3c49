"""A baseline: the findings of an earlier report, which need not fail a run again.

A finding is known if one of the same rule, splits and columns was accepted, and it has not grown
since: its severity is no higher, and not both its count and its share are more than a tenth above
what was accepted. A dataset that grows with its faults at the same rate stays accepted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from datacheck.errors import UsageError
from datacheck.findings import REPORT_VERSION, Finding, Severity

Key: TypeAlias = tuple[str, tuple[str, ...], tuple[str, ...]]
GROWN = 1.1


@dataclass(frozen=True, slots=True)
class Accepted:
    """How bad a finding was when it was accepted; of several with one key, the worst."""

    count: int
    share: float
    severity: Severity

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is no worse."""
        more = finding.count > GROWN * self.count and finding.share > GROWN * self.share
        return not more and finding.severity.rank >= self.severity.rank

    def worst(self, other: Accepted) -> Accepted:
        """What covers both."""
        severe = min(self.severity, other.severity, key=lambda s: s.rank)
        return Accepted(max(self.count, other.count), max(self.share, other.share), severe)


Known: TypeAlias = Mapping[Key, Accepted]

_HINT = "write one with `datacheck audit … --write-baseline FILE`"


def load(path: str | Path) -> Known:
    """The findings in a JSON report, by rule, splits and columns.

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
        known: dict[Key, Accepted] = {}
        for item in raw["findings"]:
            key, one = _key(item), _accepted(item)
            known[key] = known[key].worst(one) if key in known else one
        return known
    except (KeyError, TypeError, ValueError):
        raise UsageError(f"the baseline {path} holds what is no finding", _HINT) from None


def _key(item: Any) -> Key:
    rule, splits, columns = item["rule"], item["splits"], item["columns"]
    return (str(rule), _sorted(splits), _sorted(columns))


def _accepted(item: Any) -> Accepted:
    count, total = int(item["count"]), int(item["total"])
    return Accepted(count, count / total if total else 0.0, Severity(item["severity"]))


def _sorted(items: Any) -> tuple[str, ...]:
    if not isinstance(items, list):
        raise TypeError(items)
    return tuple(sorted(str(i) for i in items))


def divide(findings: Iterable[Finding], known: Known) -> tuple[list[Finding], list[Finding]]:
    """Findings that are new or have grown, and those that the baseline has."""
    new: list[Finding] = []
    old: list[Finding] = []
    for finding in findings:
        was = known.get(finding.key)
        (old if was is not None and was.covers(finding) else new).append(finding)
    return new, old
